"""Write DICOM: a volume as a series or one file, its options; facts and modules of made-up series."""

from medvox.dicom.writing.options import Compression, DicomKind, DicomWriteOptions
from medvox.dicom.writing.writer import write_instance, write_series

__all__ = ["Compression", "DicomKind", "DicomWriteOptions", "write_instance", "write_series"]
