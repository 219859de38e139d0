"""United Imaging: several slices tiled in one frame (VFRAME), diffusion.

Source: notes of dcm2niix on UIH files (neurolabusc/dcm2niix, UIH/README.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from medvox.dicom import tags
from medvox.dicom.header import Header


@dataclass(frozen=True, slots=True)
class Tile:
    """One slice of a tiled frame: its place in the frame (row, column of tiles) and in the patient."""

    row: int
    column: int
    position_mm: tuple[float, float, float]
    orientation: tuple[float, ...]
    time: str


def tiles(header: Header, data: Any) -> tuple[tuple[Tile, ...], tuple[int, int]] | None:
    """Tiles of a VFRAME image.

    Parameters
    ----------
    data
        The instance's data set (pydicom).

    Returns
    -------
    tuple of tiles and (tile rows, tile columns), or None
        None where the instance is no tiled frame. The tiles fill a square grid ceil(sqrt(n)) wide,
        with no more rows of tiles than needed; each names its own Image Position (Patient).
    """
    if "VFRAME" not in header.texts(tags.IMAGE_TYPE) or tags.UIH_FRAMES not in data:
        return None
    frames = list(data[tags.UIH_FRAMES].value)
    across = math.ceil(math.sqrt(len(frames)))
    found = []
    for n, frame in enumerate(frames):
        position = tuple(float(x) for x in frame.get(tags.IMAGE_POSITION_PATIENT).value)
        own = frame.get(tags.IMAGE_ORIENTATION_PATIENT)
        orientation = tuple(float(x) for x in own.value) if own is not None else ()
        time = frame.get(tags.ACQUISITION_TIME)
        text = str(time.value) if time is not None else ""
        found.append(
            Tile(n // across, n % across, (position[0], position[1], position[2]), orientation, text)
        )
    return tuple(found), (-(-len(frames) // across), across)


def diffusion(header: Header) -> tuple[float | None, tuple[float, ...]]:
    """b-value from (0018,9087) or (0065,1009), direction from (0065,1037)."""
    if not header.text(tags.MANUFACTURER).upper().startswith("UIH"):
        return None, ()
    b_value = header.number(tags.DIFFUSION_B_VALUE)
    if b_value is None:
        b_value = header.number(tags.UIH_B_VALUE)
    gradient = header.floats(tags.UIH_GRADIENT)
    return b_value, gradient if len(gradient) == 3 else ()
