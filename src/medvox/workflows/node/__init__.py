"""Node: the archive and its state as services of a DICOM node."""
