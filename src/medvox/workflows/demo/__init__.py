"""The demo patient: series made by simulation, written as DICOM files, and real samples beside them."""
