"""Spacing and times of TIFF: ImageJ's metadata, OME-XML, or resolution tags (TIFF 6.0, section 8)."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from medvox.core import affine as aff
from medvox.core.axes import TIME
from medvox.core.finding import Finding, Level
from medvox.core.grid import Grid, Space

_MM = {
    "nm": 1e-6, "nanometer": 1e-6, "um": 1e-3, "µm": 1e-3, "μm": 1e-3, "\\u00b5m": 1e-3, "micron": 1e-3,
    "microns": 1e-3, "micrometer": 1e-3, "mm": 1.0, "millimeter": 1.0, "cm": 10.0, "m": 1000.0,
    "inch": 25.4, "in": 25.4, "å": 1e-7, "pm": 1e-9,
}  # fmt: skip
_SECONDS = {"s": 1.0, "sec": 1.0, "ms": 1e-3, "µs": 1e-6, "us": 1e-6, "min": 60.0, "h": 3600.0}
_RESOLUTION_UNITS = {2: 25.4, 3: 10.0}
_OTHER_AXES = np.eye(3)[:, ::-1]


def tiff_grid(
    path: Path, tif: Any, number: int, shape: tuple[int, int, int]
) -> tuple[Grid, tuple[Finding, ...]]:
    """Make the grid of a series: `Space.LOCAL` where all spacings are known, else in pixels.

    Returns
    -------
    grid, findings
        The findings say where the spacing comes from, or which one is missing.
    """
    where = str(path)
    spacing, source = _spacing_mm(tif, number)
    k, j, i = spacing
    if shape[0] == 1 and k is None:
        k = 1.0
    known = [v for v in (k, j, i) if v is not None and math.isfinite(v) and 0 < v < 1e6]
    if len(known) == 3:
        grid = Grid(shape, aff.compose(known, _OTHER_AXES, (0, 0, 0)), space=Space.LOCAL)
        text = f"spacing taken from {source}; the place in the patient is not known"
        return grid, (Finding("spacing-assumed", Level.INFO, where, text),)
    text = "no spacing is given: distances are in pixels"
    if j is not None and i is not None:
        text = f"pixels are {j:.4g} x {i:.4g} mm ({source}), but the slice distance is not given: in pixels"
    if any(v is not None for v in spacing) and not (j is not None and i is not None and k is None):
        text = f"the spacing of {source} cannot be used: distances are in pixels"
        return Grid.pixels(shape), (Finding("zero-spacing", Level.WARNING, where, text),)
    return Grid.pixels(shape), (Finding("no-spacing", Level.WARNING, where, text),)


def _spacing_mm(tif: Any, number: int) -> tuple[tuple[float | None, float | None, float | None], str]:
    """Spacing of (k, j, i), None where not given, and where it comes from."""
    if tif.is_ome:
        pixels = _ome_pixels(tif, number)
        sizes = [_ome_length(pixels, axis) for axis in "ZYX"]
        return (sizes[0], sizes[1], sizes[2]), "OME-XML"
    across = _resolution(tif.series[number].keyframe)
    if tif.is_imagej:
        facts = tif.imagej_metadata or {}
        scale = _MM.get(str(facts.get("unit", "")).strip().lower())
        if scale is None:
            return (None, None, None), "ImageJ"
        step = facts.get("spacing")
        k = abs(float(step)) * scale if isinstance(step, int | float) else None
        return (k, *(None if v is None else v * scale for v in across)), "ImageJ"  # type: ignore[return-value]
    page = tif.series[number].keyframe
    unit = page.tags.get("ResolutionUnit")
    scale = _RESOLUTION_UNITS.get(int(unit.value) if unit is not None else 2)
    if scale is None:
        return (None, None, None), "resolution tags"
    return (None, *(None if v is None else v * scale for v in across)), "the resolution tags"  # type: ignore[return-value]


def _resolution(page: Any) -> tuple[float | None, float | None]:
    """Length of a pixel along (j, i) in the unit of the resolution tags."""
    found: list[float | None] = []
    for name in ("YResolution", "XResolution"):
        tag = page.tags.get(name)
        try:
            over, under = tag.value
            found.append(under / over if over and under else None)
        except (AttributeError, TypeError, ValueError):
            found.append(None)
    return found[0], found[1]


def _ome_pixels(tif: Any, number: int) -> str:
    """Attributes of the n-th Pixels element."""
    found = re.findall(r"<(?:\w+:)?Pixels\b([^>]*)>", tif.ome_metadata or "")
    return str(found[number]) if number < len(found) else ""


def _attribute(text: str, name: str) -> str | None:
    match = re.search(rf'\b{name}\s*=\s*"([^"]*)"', text)
    return match.group(1) if match else None


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _ome_length(pixels: str, axis: str) -> float | None:
    value = _number(_attribute(pixels, f"PhysicalSize{axis}"))
    scale = _MM.get((_attribute(pixels, f"PhysicalSize{axis}Unit") or "µm").lower())
    return None if value is None or scale is None else value * scale


def tiff_times(tif: Any, number: int, count: int) -> dict[str, tuple[float, ...]]:
    """Seconds of each time point from ImageJ's finterval or OME's TimeIncrement, where given."""
    step: float | None = None
    if tif.is_ome:
        pixels = _ome_pixels(tif, number)
        scale = _SECONDS.get(_attribute(pixels, "TimeIncrementUnit") or "s", 0.0)
        step = (_number(_attribute(pixels, "TimeIncrement")) or 0.0) * scale
    elif tif.is_imagej:
        interval = (tif.imagej_metadata or {}).get("finterval")
        scale = _SECONDS.get(str((tif.imagej_metadata or {}).get("tunit", "s")).strip().lower(), 1.0)
        step = float(interval) * scale if isinstance(interval, int | float) else None
    if not step or not math.isfinite(step) or step < 0:
        return {}
    return {TIME: tuple(float(n * step) for n in range(count))}
