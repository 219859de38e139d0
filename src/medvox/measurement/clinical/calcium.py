"""Coronary calcium: Agatston, volume and mass scores.

Agatston et al., J Am Coll Cardiol 15:827-832, 1990; slices of another thickness than 3 mm count in
proportion (Ohnesorge et al., Eur Radiol 12:2002). Mass: McCollough et al., Radiology 243:527-538, 2007.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import GeometryError, UsageError
from medvox.core.grid import Grid, Space

AnyArray = NDArray[Any]
Mask = NDArray[np.bool_]
THRESHOLD_HU = 130.0
LEAST_AREA_MM2 = 1.0
STANDARD_THICKNESS_MM = 3.0
WEIGHTS_HU = (130.0, 200.0, 300.0, 400.0)
CATEGORIES = ((0, "none"), (10, "minimal"), (100, "mild"), (400, "moderate"), (float("inf"), "severe"))
"""Upper limits of the Agatston score (Rumberger et al., Mayo Clin Proc 74:243-252, 1999)."""


@dataclass(frozen=True, slots=True)
class CalciumScore:
    """Scores of one region.

    Parameters
    ----------
    lesions
        Areas found, slice by slice.
    agatston
        Sum of area in mm² times weight 1 to 4, times slice distance over 3 mm.
    volume_mm3
        Of the voxels that count.
    mass_mg
        Of calcium, or None without a calibration factor.
    """

    name: str
    lesions: int
    agatston: float
    volume_mm3: float
    mass_mg: float | None

    @property
    def category(self) -> str:
        """Word for the Agatston score."""
        return next(word for limit, word in CATEGORIES if self.agatston <= limit)


def calcium_score(
    values_hu: AnyArray,
    grid: Grid,
    mask: Mask | None = None,
    *,
    name: str = "",
    threshold_hu: float = THRESHOLD_HU,
    least_area_mm2: float = LEAST_AREA_MM2,
    mass_factor: float | None = None,
) -> CalciumScore:
    """Score the calcium of a region, slice by slice, pixels joined by face or corner.

    Parameters
    ----------
    values_hu
        (k, j, i) HU; finite where the mask is.
    mask
        (k, j, i) region to look in (the vessels); everything by default.
    mass_factor
        mg/cm³ of calcium for one HU, from a phantom.

    Raises
    ------
    GeometryError
        If shapes differ, the scale is unknown, or a value in the region is not finite.
    """
    import cc3d

    region = np.ones(grid.shape, bool) if mask is None else mask
    if not values_hu.shape == region.shape == grid.shape:
        raise GeometryError(
            "values and mask differ in shape", where="calcium", got=region.shape, expected=grid.shape
        )
    if grid.space is Space.PIXEL:
        raise GeometryError("a score needs millimeters, and the image has no scale", where="calcium")
    if mass_factor is not None and not mass_factor > 0:
        raise UsageError("a calibration factor must be positive", where="mass_factor", got=mass_factor)
    if not np.isfinite(values_hu[region]).all():
        raise GeometryError("values in the region are not finite", where="calcium")
    pixel = float(np.linalg.norm(np.cross(grid.affine[:3, 1], grid.affine[:3, 2])))
    score = volume = mass = 0.0
    lesions = 0
    bright = region & (values_hu >= threshold_hu)
    for k in np.flatnonzero(bright.any(axis=(1, 2))):
        found, count = cc3d.connected_components(bright[k].astype(np.uint8), connectivity=8, return_N=True)
        thickness = float(grid.slice_extents_mm[k])
        for n in range(1, count + 1):
            at = values_hu[k][found == n]
            area = len(at) * pixel
            if area < least_area_mm2:
                continue
            weight = sum(float(at.max()) >= limit for limit in WEIGHTS_HU)
            score += area * weight * thickness / STANDARD_THICKNESS_MM
            volume += area * thickness
            mass += float(at.mean()) * area * thickness / 1000
            lesions += 1
    return CalciumScore(name, lesions, score, volume, None if mass_factor is None else mass * mass_factor)
