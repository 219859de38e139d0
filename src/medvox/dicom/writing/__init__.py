"""Write DICOM: facts of a series, its modules, its files."""
