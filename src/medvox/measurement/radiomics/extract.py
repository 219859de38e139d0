"""All radiomics features of one region."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import GeometryError, MissingError, UsageError
from medvox.core.settings import current
from medvox.measurement.radiomics import intensity, texture
from medvox.measurement.radiomics.discretize import Discretization
from medvox.measurement.radiomics.morphology import morphology
from medvox.measurement.radiomics.texture import Aggregation, Features, Levels

AnyArray = NDArray[Any]
Mask = NDArray[np.bool_]
Spacing = tuple[float, float, float]

TEXTURES: Mapping[str, Callable[..., Features]] = {
    "glcm": texture.glcm,
    "glrlm": texture.glrlm,
    "glszm": texture.glszm,
    "gldzm": texture.gldzm,
    "ngtdm": texture.ngtdm,
    "ngldm": texture.ngldm,
}
FAMILIES = ("morphology", "peaks", "statistics", "histogram", "volume_histogram", *TEXTURES)
VOLUME_HISTOGRAM_BINS = 1000
"""For values that are no whole numbers (IBSI 3.5, arbitrary intensity units)."""


@dataclass(frozen=True, slots=True)
class RadiomicsSettings:
    """What to compute and how.

    Parameters
    ----------
    discretization
        Grey levels for histogram and textures.
    aggregations
        Of the textures.
    families
        Names out of `FAMILIES`.
    distance
        Chebyshev distance of co-occurrences, voxels.
    coarseness
        Levels that differ by at most this depend on each other (NGLDM).
    spatial
        Whether Moran's I and Geary's C are computed.
    """

    discretization: Discretization = field(default_factory=lambda: Discretization(count=32))
    aggregations: tuple[Aggregation, ...] = (Aggregation.VOLUME_MERGED,)
    families: tuple[str, ...] = FAMILIES
    distance: int = 1
    coarseness: int = 0
    spatial: bool = True

    def __post_init__(self) -> None:
        if unknown := [f for f in self.families if f not in FAMILIES]:
            raise UsageError("no such family of features", where="radiomics", got=unknown, expected=FAMILIES)
        if self.distance < 1:
            raise UsageError("a distance is at least one voxel", where="radiomics", got=self.distance)
        if self.coarseness < 0:
            raise UsageError("coarseness must not be negative", where="radiomics", got=self.coarseness)


@dataclass(frozen=True, slots=True)
class Feature:
    """One figure: family, IBSI name, aggregation (empty where there is none) and value."""

    family: str
    name: str
    aggregation: str
    value: float


def radiomics(
    values: AnyArray, mask: Mask, spacing_mm: Spacing, settings: RadiomicsSettings | None = None
) -> tuple[Feature, ...]:
    """Compute the features of a region.

    Parameters
    ----------
    values
        (k, j, i) intensities.
    mask
        (k, j, i) region.
    spacing_mm
        Along (k, j, i).

    Raises
    ------
    MissingError
        If the mask is empty.
    GeometryError
        If shapes differ, or a value inside is not finite.
    """
    wanted = settings or RadiomicsSettings()
    values, mask, box = _region(values, mask)
    inside, at = mask[box], values[box][mask[box]]
    made: list[Feature] = []

    def add(family: str, found: Features, aggregation: str = "") -> None:
        made.extend(Feature(family, name, aggregation, value) for name, value in found.items())

    if "morphology" in wanted.families:
        add("morphology", morphology(inside, spacing_mm, values[box], spatial=wanted.spatial))
    if "peaks" in wanted.families:
        add("peaks", intensity.peaks(values, mask, spacing_mm))
    if "statistics" in wanted.families:
        add("statistics", intensity.statistics(at))
    if "volume_histogram" in wanted.families:
        add("volume_histogram", _volume_histogram(at))
    if not {"histogram", *TEXTURES} & set(wanted.families):
        return tuple(made)
    found = wanted.discretization.levels(at)
    if "histogram" in wanted.families:
        add("histogram", intensity.histogram(found))
    levels = np.zeros(inside.shape, np.int32)
    levels[inside] = found
    tasks = [(f, a) for f in TEXTURES if f in wanted.families for a in wanted.aggregations]
    with ThreadPoolExecutor(current().threads) as threads:
        results = threads.map(lambda task: _texture(task[0], levels, task[1], wanted), tasks)
        for (family, aggregation), result in zip(tasks, results, strict=True):
            add(family, result, aggregation)
    return tuple(made)


def _texture(family: str, levels: Levels, aggregation: Aggregation, wanted: RadiomicsSettings) -> Features:
    if family == "glcm":
        return texture.glcm(levels, aggregation, wanted.distance)
    if family == "ngldm":
        return texture.ngldm(levels, aggregation, wanted.coarseness)
    return TEXTURES[family](levels, aggregation)


def _volume_histogram(at: AnyArray) -> Features:
    low, high = float(at.min()), float(at.max())
    if np.array_equal(at, np.rint(at)) and high - low < VOLUME_HISTOGRAM_BINS * 64:
        shifted = (at - low).astype(np.int64) + 1
        return intensity.volume_histogram(shifted, lowest=low)
    levels = Discretization(count=VOLUME_HISTOGRAM_BINS).levels(at)
    width = (high - low) / VOLUME_HISTOGRAM_BINS
    return intensity.volume_histogram(levels, lowest=low + width / 2, width=width)


def _region(values: AnyArray, mask: Mask) -> tuple[AnyArray, Mask, tuple[slice, ...]]:
    if values.shape != mask.shape or values.ndim != 3:
        raise GeometryError(
            "values and mask have different shapes", where="radiomics", got=mask.shape, expected=values.shape
        )
    mask = np.asarray(mask, bool)
    sides = []
    for axis in range(3):
        there = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        if not len(there):
            raise MissingError(
                "the region is empty", where="radiomics", advice="Check the segment and its grid"
            )
        sides.append(slice(int(there[0]), int(there[-1]) + 1))
    bad = int((~np.isfinite(values[mask])).sum())
    if bad:
        raise GeometryError(
            "values inside the region are not finite",
            where="radiomics",
            got=f"{bad} voxels",
            advice="Leave them out of the region",
        )
    return values, mask, tuple(sides)
