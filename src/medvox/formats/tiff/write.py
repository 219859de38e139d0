"""What tifffile gets to write a volume: an ImageJ hyperstack where that holds it, else plain pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.axes import CHANNEL, SPATIAL, TIME
from medvox.core.grid import Space
from medvox.core.volume import Volume
from medvox.formats.losses import even_step

AnyArray = NDArray[Any]

IMAGEJ_BYTES = (1 << 32) - (1 << 25)
"""ImageJ reads no BigTIFF: larger hyperstacks are written as plain pages."""
_IMAGEJ_TYPES = ("u1", "u2", "f4")
_LETTERS = {TIME: "T", "k": "Z", "j": "Y", "i": "X"}
_OTHER_LETTERS = "HEVRPLAM"
_HYPERSTACK = (TIME, "k", CHANNEL, "j", "i")


@dataclass(frozen=True, slots=True, eq=False)
class Pages:
    """Values as they lie in the file, and the options of `tifffile.imwrite`.

    Parameters
    ----------
    values
        One page behind the other.
    options
        Keyword arguments.
    even_times
        Whether an even time step starting at 0 is written.
    """

    values: AnyArray
    options: dict[str, Any] = field(default_factory=dict)
    even_times: bool = False


def is_rgb(volume: Volume, dtype: np.dtype[Any]) -> bool:
    """Whether the channels are colours that lie together in each pixel."""
    return volume.channels == 3 and dtype.kind == "u" and dtype.itemsize <= 2


def letters(volume: Volume, rgb: bool) -> dict[str, str]:
    """Letter of each axis, as tifffile and OME name them; S are the samples of a pixel."""
    named = {**_LETTERS, CHANNEL: "S" if rgb else "C"}
    others = [name for name in volume.axes if name not in named]
    return {**named, **dict(zip(others, _OTHER_LETTERS, strict=False))}


def arranged(volume: Volume, values: AnyArray, order: list[str]) -> AnyArray:
    """Bring values (..., k, j, i) into an order of axes."""
    return np.ascontiguousarray(values.transpose([volume.axes.index(name) for name in order]))


def pages(volume: Volume, values: AnyArray) -> Pages:
    """Choose how a volume is written."""
    rgb = is_rgb(volume, values.dtype)
    known = set(volume.axes) <= {TIME, CHANNEL, *SPATIAL}
    imagej = known and values.dtype.str[1:] in _IMAGEJ_TYPES and values.nbytes < IMAGEJ_BYTES
    if imagej and not (rgb and values.dtype.itemsize > 1):
        return _hyperstack(volume, values, rgb)
    others = [name for name in volume.axes if name not in (CHANNEL, *SPATIAL)]
    order = [
        *others,
        *([CHANNEL] if volume.is_colour and not rgb else []),
        *SPATIAL,
        *([CHANNEL] if rgb else []),
    ]
    named = letters(volume, rgb)
    metadata: dict[str, Any] = {"axes": "".join(named[name] for name in order)}
    if volume.grid.space is not Space.PIXEL:
        metadata["spacing_mm"] = list(volume.grid.spacing_mm)
    if TIME in volume.coordinates:
        metadata["times_s"] = list(volume.coordinates[TIME])
    if volume.unit != "1":
        metadata["unit"] = volume.unit
    options = {
        "photometric": "rgb" if rgb else "minisblack",
        "metadata": metadata,
        **_resolution(volume, "CENTIMETER", 10.0),
    }
    if rgb:
        options["planarconfig"] = "contig"
    return Pages(arranged(volume, values, order), options)


def _hyperstack(volume: Volume, values: AnyArray, rgb: bool) -> Pages:
    """ImageJ's order is TZCYX, with the samples of RGB behind."""
    order = [name for name in _HYPERSTACK if name in volume.axes and not (rgb and name == CHANNEL)]
    order += [CHANNEL] if rgb else []
    named = letters(volume, rgb)
    metadata: dict[str, Any] = {"axes": "".join(named[name] for name in order)}
    options: dict[str, Any] = {"imagej": True, "metadata": metadata}
    if volume.grid.space is not Space.PIXEL:
        metadata |= {"spacing": volume.grid.spacing_mm[0], "unit": "mm"}
        options |= _resolution(volume, "NONE", 1.0)
    even = even_step(volume)
    if even is not None and even[0] == 0:
        metadata |= {"finterval": even[1], "fps": 1 / even[1]}
    return Pages(arranged(volume, values, order), options, even is not None and even[0] == 0)


def _resolution(volume: Volume, unit: str, scale: float) -> dict[str, Any]:
    if volume.grid.space is Space.PIXEL:
        return {}
    _, j, i = volume.grid.spacing_mm
    return {"resolution": (scale / i, scale / j), "resolutionunit": unit}
