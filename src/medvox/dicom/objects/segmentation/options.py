"""How a label map is written as a DICOM segmentation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from medvox.core.errors import UsageError
from medvox.dicom.objects.subject import ObjectOptions
from medvox.dicom.writing.options import Compression


class SegmentationKind(StrEnum):
    """Which object a label map becomes."""

    BINARY = "binary"
    """One bit a voxel, a frame for each slice of each segment; segments may overlap."""
    FRACTIONAL = "fractional"
    """256 steps from 0 to 1; segments may overlap."""
    LABEL_MAP = "labelmap"
    """One number a voxel (Label Map Segmentation Storage, PS3.3 A.51 since 2024); no overlap."""


@dataclass(frozen=True, slots=True)
class SegmentationOptions(ObjectOptions):
    """How a segmentation is written.

    Parameters
    ----------
    kind
        `SegmentationKind` or its text; None: fractional for fractions, else binary.
    keep_empty_slices
        Write one empty frame for each slice that shows no segment, so that the grid is known without the
        source. Frames of a segment on a slice where only others are, are always left out.
    probability
        Whether fractions are probabilities; else parts of the voxel that are occupied (C.8.20.2.3).
    compression
        Transfer syntax; binary segmentations may be deflated or native only.
    assume_patient_space
        Write a grid whose place in the patient is not known as if its axes were the patient's.
    """

    kind: SegmentationKind | str | None = None
    keep_empty_slices: bool = True
    probability: bool = False
    compression: Compression | str = Compression.NONE
    assume_patient_space: bool = False

    def __post_init__(self) -> None:
        ObjectOptions.__post_init__(self)
        try:
            if self.kind is not None:
                object.__setattr__(self, "kind", SegmentationKind(str(self.kind).lower()))
            object.__setattr__(self, "compression", Compression(str(self.compression).lower()))
        except ValueError as error:
            kinds = [str(k) for k in SegmentationKind]
            raise UsageError(
                "unknown kind or compression of a segmentation",
                got=f"{self.kind}, {self.compression}",
                expected=kinds,
            ) from error
