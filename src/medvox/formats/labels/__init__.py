"""Files of label maps that are no DICOM: .seg.nrrd, and tables of names and colors beside images."""

from medvox.formats.labels.color_table import (
    find_table,
    read_color_table,
    write_color_table,
    write_snap_table,
)
from medvox.formats.labels.seg_nrrd import read_seg_nrrd, write_seg_nrrd

__all__ = [
    "find_table",
    "read_color_table",
    "read_seg_nrrd",
    "write_color_table",
    "write_seg_nrrd",
    "write_snap_table",
]
