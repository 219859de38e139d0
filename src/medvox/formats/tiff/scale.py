"""Spacing and times of TIFF: from ImageJ, from our description, or from resolution (TIFF 6.0 section 8)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medvox.core import affine as aff
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

Lengths = tuple[float | None, float | None, float | None]
UNKNOWN: Lengths = (None, None, None)


@dataclass(frozen=True, slots=True)
class Scale:
    """What is known of a series besides its values.

    Parameters
    ----------
    spacing_mm
        Along (k, j, i), None where not given.
    source
        Where it comes from, in words.
    step_s
        Time between time points, or None.
    times_s
        Time of each time point where they are listed.
    unit
        Unit of the values.
    label
        Name of the image, where the file has one.
    facts, findings
        As in `medvox.core.study.Image`.
    """

    spacing_mm: Lengths = UNKNOWN
    source: str = "the file"
    step_s: float | None = None
    times_s: tuple[float, ...] = ()
    unit: str = "1"
    label: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    findings: tuple[Finding, ...] = ()

    def times(self, count: int) -> tuple[float, ...]:
        """Seconds of `count` time points; empty where they are not known."""
        if len(self.times_s) == count and np.isfinite(self.times_s).all():
            return self.times_s
        if not self.step_s or not math.isfinite(self.step_s) or self.step_s < 0:
            return ()
        return tuple(float(n * self.step_s) for n in range(count))


def tiff_grid(path: Path, scale: Scale, shape: tuple[int, int, int]) -> tuple[Grid, tuple[Finding, ...]]:
    """Make the grid of a series: `Space.LOCAL` where all spacings are known, else in pixels.

    Returns
    -------
    grid, findings
        The findings say where the spacing comes from, or which one is missing.
    """
    where, source = str(path), scale.source
    k, j, i = scale.spacing_mm
    if shape[0] == 1 and k is None and j is not None:
        k = 1.0
    known = [v for v in (k, j, i) if v is not None and math.isfinite(v) and 0 < v < 1e6]
    if len(known) == 3:
        grid = Grid(shape, aff.compose(known, _OTHER_AXES, (0, 0, 0)), space=Space.LOCAL)
        text = f"spacing taken from {source}; the place in the patient is not known"
        return grid, (Finding("spacing-assumed", Level.INFO, where, text),)
    text = "no spacing is given: distances are in pixels"
    if j is not None and i is not None:
        text = f"pixels are {j:.4g} x {i:.4g} mm ({source}), but the slice distance is not given: in pixels"
    some = any(v is not None for v in scale.spacing_mm)
    if some and not (j is not None and i is not None and k is None):
        text = f"the spacing of {source} cannot be used: distances are in pixels"
        return Grid.pixels(shape), (Finding("zero-spacing", Level.WARNING, where, text),)
    return Grid.pixels(shape), (Finding("no-spacing", Level.WARNING, where, text),)


def scale_of(tif: Any, number: int) -> Scale:
    """Scale of a series: from ImageJ, from our own description, or from the resolution tags."""
    if tif.is_imagej:
        return _imagej_scale(tif, number)
    described = tif.shaped_metadata or () if tif.is_shaped else ()
    own = described[number] if number < len(described) else {}
    spacing = _numbers(own.get("spacing_mm"))
    if len(spacing) == 3:
        lengths = (spacing[0], spacing[1], spacing[2])
        times = tuple(_numbers(own.get("times_s")))
        return Scale(lengths, "the description", times_s=times, unit=str(own.get("unit", "1")))
    return resolution_of(tif.series[number].keyframe)


def _numbers(value: Any) -> list[float]:
    """Numbers of a list in a description; empty where it is none."""
    whole = isinstance(value, list) and all(isinstance(v, int | float) for v in value)
    return [float(v) for v in value] if whole else []


def _imagej_scale(tif: Any, number: int) -> Scale:
    """Scale of a hyperstack: resolution in the unit of the description, ``spacing`` and ``finterval``."""
    facts = tif.imagej_metadata or {}
    interval = facts.get("finterval")
    per_unit = _SECONDS.get(str(facts.get("tunit", "s")).strip().lower(), 1.0)
    step_s = float(interval) * per_unit if isinstance(interval, int | float) else None
    scale = _MM.get(str(facts.get("unit", "")).strip().lower())
    if scale is None:
        return Scale(source="ImageJ", step_s=step_s)
    step = facts.get("spacing")
    k = abs(float(step)) * scale if isinstance(step, int | float) else None
    j, i = (None if v is None else v * scale for v in _resolution(tif.series[number].keyframe))
    return Scale((k, j, i), "ImageJ", step_s=step_s)


def resolution_of(page: Any) -> Scale:
    """Scale of the resolution tags of a page."""
    unit = page.tags.get("ResolutionUnit")
    scale = _RESOLUTION_UNITS.get(unit.value if unit is not None and isinstance(unit.value, int) else 2)
    if scale is None:
        return Scale(source="the resolution tags")
    j, i = (None if v is None else v * scale for v in _resolution(page))
    return Scale((None, j, i), "the resolution tags")


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
