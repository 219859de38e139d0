"""United Imaging: several slices tiled in one frame (VFRAME), diffusion.

Source: notes of dcm2niix on UIH files (neurolabusc/dcm2niix, UIH/README.md).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from medvox.core.acquisition import Fact, PhaseEncoding
from medvox.dicom import tags
from medvox.dicom.elements.facts import Elements, Private, positive, source_of
from medvox.dicom.header import Header

_IMAGE = ("IMAGE PRIVATE HEADER",)
_DISPLAYED = Private(0x0065, 0x05, _IMAGE, "PE direction displayed", "SH")
TILE_TIMES = "(0065,1051) MR VFrame sequence, (0008,0032) AcquisitionTime"
_FRAMES = Private(0x0065, 0x51, _IMAGE, "MR VFrame sequence", "SQ")
_PARALLEL = Private(0x0065, 0x0D, _IMAGE, "parallel information", "SH")
_FACTOR = re.compile(r"F:(\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Tile:
    """One slice of a tiled frame: its place in the frame (row, column of tiles) and in the patient."""

    row: int
    column: int
    position_mm: tuple[float, float, float]
    orientation: tuple[float, ...]
    time: str


def is_uih(header: Header) -> bool:
    """Whether a United Imaging scanner wrote the instance."""
    return header.text(tags.MANUFACTURER).upper().startswith("UIH")


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
    if not is_uih(header):
        return None, ()
    b_value = header.number(tags.DIFFUSION_B_VALUE)
    if b_value is None:
        b_value = header.number(tags.UIH_B_VALUE)
    gradient = header.floats(tags.UIH_GRADIENT)
    return b_value, gradient if len(gradient) == 3 else ()


def phase_encoding(elements: Elements, axis: Fact[str], steps: Fact[int] | None) -> PhaseEncoding:
    """Axis, displayed direction, acceleration and readout time; the polarity of the gradient is not told.

    Acquisition Duration (0018,9073) of a tile, in milliseconds, is the readout time; parallel information
    (0065,xx0D) ``F:2S`` is an in-plane factor of two.
    """
    return PhaseEncoding(
        axis=axis,
        displayed=elements.private_text(_DISPLAYED),
        steps=steps,
        total_readout_time_s=_readout(elements),
        in_plane_acceleration=_acceleration(elements),
    )


def _readout(elements: Elements) -> Fact[float] | None:
    frames = elements.private(_FRAMES)
    if frames is None or frames.VR != "SQ" or not frames.value:
        return None
    found = positive(Elements(elements.data, (frames.value[0],)).number("AcquisitionDuration"))
    return Fact(found.value / 1000, f"{source_of(frames, _FRAMES.name)}, {found.source}") if found else None


def _acceleration(elements: Elements) -> Fact[float] | None:
    text = elements.private_text(_PARALLEL)
    found = _FACTOR.match(text.value) if text else None
    return Fact(float(found[1]), text.source) if text and found else None


def diffusion_source(header: Header) -> tuple[str, str]:
    """Elements that tell b-value and direction."""
    public = tags.DIFFUSION_B_VALUE in header
    b_value = "(0018,9087) DiffusionBValue" if public else "(0065,1009) BActualValue"
    return b_value, "(0065,1037) MRDiffusionGradOrientation"
