"""Statistics and histograms of the values in a region, by label, slice and time."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import GeometryError, UsageError
from medvox.core.labels import LabelMap
from medvox.core.volume import Volume

AnyArray = NDArray[Any]
FloatArray = NDArray[np.float64]
ENTROPY_BINS = 64
PERCENTILES = (5, 10, 25, 50, 75, 90, 95)


@dataclass(frozen=True, slots=True)
class RegionStatistics:
    """Statistics of the values in a region.

    Parameters
    ----------
    count
        Finite values that were used.
    not_finite
        Values that were left out.
    sd
        Standard deviation of the sample (n - 1); 0 for one value.
    skewness, kurtosis
        Of the population; kurtosis is 0 for a normal distribution.
    entropy
        Shannon entropy in bits over `ENTROPY_BINS` equal bins from the least to the greatest value.
    percentiles
        At `PERCENTILES`, linear between ranks.
    unit
        Of the values.
    """

    count: int
    not_finite: int
    mean: float
    sd: float
    minimum: float
    maximum: float
    skewness: float
    kurtosis: float
    entropy: float
    percentiles: tuple[float, ...]
    unit: str

    @property
    def median(self) -> float:
        """50th percentile."""
        return self.percentiles[PERCENTILES.index(50)]


@dataclass(frozen=True, slots=True)
class RegionRow:
    """Statistics of one label, in one slice (or None: all) at one position of the axes before k."""

    label: str
    slice: int | None
    lead: tuple[int, ...]
    statistics: RegionStatistics


def region_statistics(values: AnyArray, unit: str = "1") -> RegionStatistics:
    """Statistics of (n,) values; an empty region has a count of 0 and no numbers."""
    x = np.asarray(values, np.float64).ravel()
    finite = x[np.isfinite(x)]
    left_out = len(x) - len(finite)
    if not len(finite):
        no = float("nan")
        return RegionStatistics(0, left_out, no, no, no, no, no, no, no, (no,) * len(PERCENTILES), unit)
    mean = float(finite.mean())
    centered = finite - mean
    variance = float((centered**2).mean())
    skewness = float((centered**3).mean() / variance**1.5) if variance else 0.0
    kurtosis = float((centered**4).mean() / variance**2 - 3) if variance else 0.0
    counts, _ = np.histogram(finite, ENTROPY_BINS)
    p = counts[counts > 0] / len(finite)
    return RegionStatistics(
        len(finite),
        left_out,
        mean,
        float(finite.std(ddof=1)) if len(finite) > 1 else 0.0,
        float(finite.min()),
        float(finite.max()),
        skewness,
        kurtosis,
        float(-(p @ np.log2(p))) + 0.0,
        tuple(float(v) for v in np.percentile(finite, PERCENTILES)),
        unit,
    )


def label_statistics(
    volume: Volume, labels: LabelMap, per: Literal["label", "slice"] = "label"
) -> tuple[RegionRow, ...]:
    """Statistics of every segment, at every position of the axes before k, of all slices or of each.

    Raises
    ------
    GeometryError
        If labels and volume lie on different grids.
    """
    check_same_grid(volume, labels)
    rows = []
    for lead in product(*(range(n) for n in volume.lead_shape)):
        values = volume.at(**dict(zip(volume.lead_axes, lead, strict=True))).values()
        for segment in labels.segments:
            mask = labels.mask(segment.name)
            if per == "label":
                rows.append(RegionRow(segment.name, None, lead, region_statistics(values[mask], volume.unit)))
                continue
            for k in np.flatnonzero(mask.any(axis=(1, 2))):
                found = region_statistics(values[k][mask[k]], volume.unit)
                rows.append(RegionRow(segment.name, int(k), lead, found))
    return tuple(rows)


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """Counts between edges; values beyond the edges and those that are not finite are counted apart."""

    edges: FloatArray
    counts: NDArray[np.int64]
    below: int
    above: int
    not_finite: int


def histogram(values: AnyArray, bins: int = 256, limits: tuple[float, float] | None = None) -> Histogram:
    """Count values in equal bins.

    Parameters
    ----------
    limits
        Least and greatest edge; of the values by default.

    Raises
    ------
    UsageError
        If there are no bins, no finite values, or the limits are not in order.
    """
    x = np.asarray(values, np.float64).ravel()
    finite = x[np.isfinite(x)]
    if bins < 1 or (limits is None and not len(finite)):
        raise UsageError(
            "a histogram needs bins and finite values", where="histogram", got=(bins, len(finite))
        )
    low, high = (float(finite.min()), float(finite.max())) if limits is None else limits
    if limits is not None and not low < high:
        raise UsageError("the limits are not in order", where="histogram", got=limits)
    counts, edges = np.histogram(finite, bins, (low, high))
    below, above = int((finite < edges[0]).sum()), int((finite > edges[-1]).sum())
    return Histogram(edges, counts.astype(np.int64), below, above, len(x) - len(finite))


def check_same_grid(volume: Volume, labels: LabelMap) -> None:
    """Refuse labels on another grid than the volume.

    Raises
    ------
    GeometryError
        If shape or positions differ.
    """
    if not volume.grid.is_close(labels.grid, 1e-2):
        raise GeometryError(
            "labels and image lie on different grids",
            where="labels",
            got=repr(labels.grid),
            expected=repr(volume.grid),
            advice="Resample the labels onto the image",
        )
