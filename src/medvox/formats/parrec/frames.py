"""What a PAR or XML file says: of the series in words, of each stored image (here: frame) in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Plane = Literal["transverse", "sagittal", "coronal"]
PLANES: Mapping[int, Plane] = {1: "transverse", 2: "sagittal", 3: "coronal"}
"""Codes of the column "slice orientation ( TRA/SAG/COR )"."""

IMAGE_TYPES = ("magnitude", "real", "imaginary", "phase")
"""Meaning of the first codes of "image_type_mr"; later ones are maps, named by their number."""

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Frame:
    """One stored image: a line of the table of a PAR file, or an ``Image_Info`` of an XML file.

    Vectors are in the order of the file: ap, fh, rl (towards posterior, head, left).

    Parameters
    ----------
    slice, echo, dynamic, phase, b_number, gradient_number, label
        Numbers along the axes of the series, from 1; 0 where the version has no such column.
    image_type
        ``"magnitude"`` …, or ``"type 11"``.
    sequence
        Scanning sequence, as it is written.
    index
        Position in the REC file, in images, from 0.
    bits
        Bits of a stored value.
    columns, rows
        Size of the image.
    intercept, slope, scale_slope
        RI, RS and SS of the file: displayed value DV = PV·RS + RI, floating value FP = DV / (RS·SS).
    window
        Center and width, in displayed values.
    angulation_deg, off_center_mm
        Of this image.
    thickness_mm, gap_mm
        Slice thickness and the gap between slices.
    plane
        Slice orientation, or None where the code is not known.
    spacing_mm
        Distance of columns and of rows.
    echo_time_ms, dynamic_time_s, trigger_time_ms, b_value, gradient, flip_deg
        As named; b in s/mm², `gradient` towards ap, fh, rl.
    """

    slice: int
    echo: int = 1
    dynamic: int = 1
    phase: int = 1
    b_number: int = 0
    gradient_number: int = 0
    label: str = ""
    image_type: str = "magnitude"
    sequence: str = ""
    index: int = 0
    bits: int = 16
    columns: int = 0
    rows: int = 0
    intercept: float = 0.0
    slope: float = 1.0
    scale_slope: float = 1.0
    window: tuple[float, float] = (0.0, 0.0)
    angulation_deg: Vector = (0.0, 0.0, 0.0)
    off_center_mm: Vector = (0.0, 0.0, 0.0)
    thickness_mm: float = 0.0
    gap_mm: float = 0.0
    plane: Plane | None = None
    spacing_mm: tuple[float, float] = (0.0, 0.0)
    echo_time_ms: float = 0.0
    dynamic_time_s: float = 0.0
    trigger_time_ms: float = 0.0
    b_value: float = 0.0
    gradient: Vector = (0.0, 0.0, 0.0)
    flip_deg: float = 0.0

    @property
    def nbytes(self) -> int:
        """Bytes of the image in the REC file."""
        return self.columns * self.rows * (self.bits // 8)


@dataclass(frozen=True, slots=True)
class Recording:
    """Everything a header says.

    Parameters
    ----------
    version
        ``"V4.2"``; ``"PRIDE_V5"`` for XML.
    general
        Keys and values of the series, as written.
    frames
        The stored images, in the order of the header.
    angulation_deg, off_center_mm
        Of the middle of the volume, ap, fh, rl, with more digits than the frames have; None where not given.
    most
        Most slices, echoes, dynamics, phases that the header announces, by the name of the `Frame`'s field.
    ended
        Whether the header is complete (a PAR file ends in a line that says so).
    """

    version: str
    general: Mapping[str, str]
    frames: tuple[Frame, ...]
    angulation_deg: Vector | None = None
    off_center_mm: Vector | None = None
    most: Mapping[str, int] = field(default_factory=dict)
    ended: bool = True

    def value(self, *starts: str) -> str:
        """Value of the first general key that begins with one of the words, any case; else empty."""
        for key, value in self.general.items():
            if key.lower().startswith(tuple(s.lower() for s in starts)):
                return value
        return ""
