"""DICOM: scan, group, sort, decode."""
