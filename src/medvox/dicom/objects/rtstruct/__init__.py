"""RT Structure Sets (PS3.3 A.19, C.8.8.5, C.8.8.6, C.8.8.8): raw rings in, outlines out."""

from medvox.dicom.objects.rtstruct.reading import STRUCTURE_SET, read_structure_set
from medvox.dicom.objects.rtstruct.structures import Ring, RingKind, Roi, StructureSet
from medvox.dicom.objects.rtstruct.writing import HoleStyle, StructureSetOptions, write_structure_set

__all__ = [
    "STRUCTURE_SET",
    "HoleStyle",
    "Ring",
    "RingKind",
    "Roi",
    "StructureSet",
    "StructureSetOptions",
    "read_structure_set",
    "write_structure_set",
]
