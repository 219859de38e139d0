"""Measurement reports (TID 1500, PS3.16; PS3.3 A.35.13, C.17.3): typed, written and read back."""

from medvox.dicom.objects.structured_report.reading import read_measurement_report
from medvox.dicom.objects.structured_report.report import (
    Evaluation,
    Graphic,
    Measured,
    MeasurementGroup,
    MeasurementReport,
    SegmentReference,
    Shape,
)
from medvox.dicom.objects.structured_report.writing import COMPREHENSIVE_3D, write_measurement_report

__all__ = [
    "COMPREHENSIVE_3D",
    "Evaluation",
    "Graphic",
    "Measured",
    "MeasurementGroup",
    "MeasurementReport",
    "SegmentReference",
    "Shape",
    "read_measurement_report",
    "write_measurement_report",
]
