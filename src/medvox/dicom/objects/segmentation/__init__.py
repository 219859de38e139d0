"""DICOM Segmentation and Label Map Segmentation (PS3.3 A.51, C.8.20): read any, write valid ones."""

from medvox.dicom.objects.segmentation.options import SegmentationKind, SegmentationOptions
from medvox.dicom.objects.segmentation.reading import LABEL_MAP, SEGMENTATION, read_segmentation
from medvox.dicom.objects.segmentation.writing import write_segmentation

__all__ = [
    "LABEL_MAP",
    "SEGMENTATION",
    "SegmentationKind",
    "SegmentationOptions",
    "read_segmentation",
    "write_segmentation",
]
