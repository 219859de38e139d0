"""Density from CT values: calibration with the rods of a phantom, and bone mineral density.

Quantitative CT: Kalender, Computed Tomography, 3rd ed., 2011, chapter 8. Categories of the trabecular density
of the lumbar spine: ACR-SPR-SSR practice parameter for QCT, 2018 (osteoporosis below 80, osteopenia 80 to 120
mg/cm³).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import GeometryError, MissingError, UsageError
from medvox.core.grid import Grid

AnyArray = NDArray[Any]
Mask = NDArray[np.bool_]
OSTEOPOROSIS_MG_CM3, OSTEOPENIA_MG_CM3 = 80.0, 120.0


@dataclass(frozen=True, slots=True)
class DensityCalibration:
    """density = slope · HU + intercept, in mg/cm³.

    Parameters
    ----------
    slope_95, intercept_95
        Half-widths of the 95 % intervals of the fit; None for two rods, which leave nothing to judge by.
    residual_sd
        mg/cm³, or None for two rods.
    r_squared
        Part of the variance that the line explains.
    """

    slope: float
    intercept: float
    slope_95: float | None
    intercept_95: float | None
    residual_sd: float | None
    r_squared: float

    def density(self, hu: AnyArray | float) -> Any:
        """Densities in mg/cm³."""
        return np.asarray(hu, np.float64) * self.slope + self.intercept


def calibrate(rods_hu: Sequence[float], rods_mg_cm3: Sequence[float]) -> DensityCalibration:
    """Fit a line through the rods of a calibration phantom, by least squares.

    Parameters
    ----------
    rods_hu
        Mean HU of each rod.
    rods_mg_cm3
        Their known densities.

    Raises
    ------
    UsageError
        If there are fewer than two rods, the numbers differ, or all rods have one value.
    """
    x, y = np.asarray(rods_hu, np.float64), np.asarray(rods_mg_cm3, np.float64)
    if x.shape != y.shape or x.ndim != 1 or len(x) < 2 or not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise UsageError("a calibration needs two rods or more", where="rods", got=(x.shape, y.shape))
    spread = float(((x - x.mean()) ** 2).sum())
    if spread == 0:
        raise UsageError("all rods have the same value", where="rods", got=float(x[0]))
    slope = float(((x - x.mean()) * (y - y.mean())).sum() / spread)
    intercept = float(y.mean() - slope * x.mean())
    rest = float(((y - slope * x - intercept) ** 2).sum())
    whole = float(((y - y.mean()) ** 2).sum())
    explained = 1 - rest / whole if whole else 1.0
    if len(x) == 2:
        return DensityCalibration(slope, intercept, None, None, None, explained)
    from scipy.stats import t

    sd = (rest / (len(x) - 2)) ** 0.5
    factor = float(t.ppf(0.975, len(x) - 2)) * sd
    return DensityCalibration(
        slope,
        intercept,
        factor / spread**0.5,
        factor * (1 / len(x) + float(x.mean()) ** 2 / spread) ** 0.5,
        sd,
        explained,
    )


@dataclass(frozen=True, slots=True)
class BoneDensity:
    """Bone mineral density of one region.

    Parameters
    ----------
    mean_mg_cm3, sd_mg_cm3
        Density over the voxels.
    volume_ml, content_mg
        Volume on the stored grid, and the mineral in it.
    category
        ``"normal"``, ``"osteopenia"`` or ``"osteoporosis"``, of the trabecular lumbar spine only.
    """

    name: str
    mean_mg_cm3: float
    sd_mg_cm3: float
    volume_ml: float
    content_mg: float
    category: str


def bone_density(
    values_hu: AnyArray, mask: Mask, grid: Grid, calibration: DensityCalibration, name: str = ""
) -> BoneDensity:
    """Bone mineral density of a region.

    Raises
    ------
    MissingError
        If the region is empty.
    GeometryError
        If shapes differ or a value in the region is not finite.
    """
    if not values_hu.shape == mask.shape == grid.shape:
        raise GeometryError(
            "values and mask differ in shape", where=name or None, got=mask.shape, expected=grid.shape
        )
    if not mask.any():
        raise MissingError("the region is empty", where=name or None)
    density = calibration.density(values_hu[mask])
    if not np.isfinite(density).all():
        raise GeometryError("values in the region are not finite", where=name or None)
    weights = np.broadcast_to(grid.voxel_volumes_mm3[:, None, None], mask.shape)[mask] / 1000
    volume = float(weights.sum())
    content = float(density @ weights)
    mean = content / volume
    low = mean < OSTEOPOROSIS_MG_CM3
    category = "osteoporosis" if low else "osteopenia" if mean <= OSTEOPENIA_MG_CM3 else "normal"
    return BoneDensity(
        name, mean, float(density.std(ddof=1)) if len(density) > 1 else 0.0, volume, content, category
    )
