"""Texture features of IBSI 1: GLCM, GLRLM, GLSZM, GLDZM, NGTDM and NGLDM, and how they are aggregated.

Source of every definition: Zwanenburg et al., The Image Biomarker Standardisation Initiative reference manual
(arXiv:1612.07003), sections 3.6 to 3.11.
"""

from __future__ import annotations

from enum import StrEnum
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

AnyArray = NDArray[Any]
Levels = NDArray[np.int32]
Features = dict[str, float]


class Aggregation(StrEnum):
    """How matrices of slices and directions become one figure (IBSI 3.6, figure 3).

    GLSZM, GLDZM, NGTDM and NGLDM know no directions: `SLICE_AVERAGE` and `SLICE_MERGED` are one (2D) for
    them, and so are the two of 2.5D and of 3D.
    """

    SLICE_AVERAGE = "2D:avg"
    """Features of each slice and direction, averaged."""
    SLICE_MERGED = "2D:comb"
    """Matrices of a slice's directions merged, features averaged over slices."""
    DIRECTION_MERGED = "2.5D:avg"
    """Matrices of all slices merged for each direction, features averaged over directions."""
    MERGED = "2.5D:comb"
    """Matrices of all slices and in-plane directions merged."""
    VOLUME_AVERAGE = "3D:avg"
    """Features of each of 13 directions in 3D, averaged."""
    VOLUME_MERGED = "3D:comb"
    """Matrices of 13 directions merged."""

    @property
    def flat(self) -> bool:
        """Whether neighbours are sought within slices only."""
        return not self.value.startswith("3D")


DENSE = 1 << 20
"""Largest table of levels and sizes that is counted without sorting."""
GLCM_NAMES = (
    "joint_maximum", "joint_average", "joint_variance", "joint_entropy", "difference_average",
    "difference_variance", "difference_entropy", "sum_average", "sum_variance", "sum_entropy",
    "angular_second_moment", "contrast", "dissimilarity", "inverse_difference",
    "normalised_inverse_difference", "inverse_difference_moment", "normalised_inverse_difference_moment",
    "inverse_variance", "correlation", "autocorrelation", "cluster_tendency", "cluster_shade",
    "cluster_prominence", "first_information_correlation", "second_information_correlation",
)  # fmt: skip


def _size_names(less: str, more: str, emphasis: str, level: str, size: str, count: str) -> tuple[str, ...]:
    return (
        f"{less}_{emphasis}_emphasis", f"{more}_{emphasis}_emphasis",
        f"low_grey_level_{level}_emphasis", f"high_grey_level_{level}_emphasis",
        f"{less}_{emphasis}_low_grey_level_emphasis", f"{less}_{emphasis}_high_grey_level_emphasis",
        f"{more}_{emphasis}_low_grey_level_emphasis", f"{more}_{emphasis}_high_grey_level_emphasis",
        "grey_level_non_uniformity", "normalised_grey_level_non_uniformity",
        f"{size}_non_uniformity", f"normalised_{size}_non_uniformity",
        f"{count}_percentage", "grey_level_variance", f"{size}_variance", f"{size}_entropy",
    )  # fmt: skip


GLRLM_NAMES = (*_size_names("short", "long", "run", "run", "run_length", "run")[:-1], "run_entropy")
GLSZM_NAMES = _size_names("small", "large", "zone", "zone", "zone_size", "zone")
GLDZM_NAMES = _size_names("small", "large", "distance", "zone", "zone_distance", "zone")
NGLDM_NAMES = (
    *_size_names("low", "high", "dependence", "count", "dependence_count", "dependence_count"),
    "dependence_count_energy",
)
NGTDM_NAMES = ("coarseness", "contrast", "busyness", "complexity", "strength")

FLAT_OFFSETS = np.array([(0, 0, 1), (0, 1, -1), (0, 1, 0), (0, 1, 1)], np.int64)
OFFSETS = np.array([o for o in product((-1, 0, 1), repeat=3) if o > (0, 0, 0)], np.int64)
"""Half of the 26 neighbours: 13 directions."""


def glcm(levels: Levels, aggregation: Aggregation, distance: int = 1) -> Features:
    """Grey level co-occurrence features (IBSI 3.6), symmetric, at a Chebyshev distance in voxels.

    Parameters
    ----------
    levels
        (k, j, i) grey levels from 1; 0 is outside.
    """
    from medvox.measurement.radiomics.texture_kernels import cooccurrence_features, cooccurrences

    count = int(levels.max())

    def matrices(part: Levels, offsets: AnyArray) -> AnyArray:
        found: AnyArray = cooccurrences(part, offsets * distance, count)
        return found

    return _mean([cooccurrence_features(m) for m in _directed(levels, aggregation, matrices)], GLCM_NAMES)


def glrlm(levels: Levels, aggregation: Aggregation) -> Features:
    """Grey level run length features (IBSI 3.7)."""
    from medvox.measurement.radiomics.texture_kernels import run_lengths

    count = int(levels.max())
    longest = max(levels.shape)

    def matrices(part: Levels, offsets: AnyArray) -> AnyArray:
        found = run_lengths(part, offsets, count)
        padded = np.zeros((*found.shape[:2], longest), np.int64)
        padded[..., : found.shape[2]] = found
        return padded

    rows = []
    for matrix in _directed(levels, aggregation, matrices):
        level, size = np.nonzero(matrix)
        counts = matrix[level, size]
        voxels = float(counts @ (size + 1))
        rows.append(_size_features(level + 1, size + 1, counts, voxels))
    return _mean(rows, GLRLM_NAMES)


def glszm(levels: Levels, aggregation: Aggregation) -> Features:
    """Grey level size zone features (IBSI 3.8)."""
    return _zone_features(levels, aggregation, 2, GLSZM_NAMES)


def gldzm(levels: Levels, aggregation: Aggregation, border: Levels | None = None) -> Features:
    """Grey level distance zone features (IBSI 3.9).

    Parameters
    ----------
    border
        (k, j, i), above 0 in the morphological region that distances are measured in; by default `levels`.
    """
    return _zone_features(levels, aggregation, 3, GLDZM_NAMES, border)


def ngtdm(levels: Levels, aggregation: Aggregation) -> Features:
    """Neighbourhood grey tone difference features (IBSI 3.10)."""
    from medvox.measurement.radiomics.texture_kernels import neighbourhoods

    tones, _ = neighbourhoods(levels, int(levels.max()), aggregation.flat, 0)
    return _mean([_tone_features(m) for m in _by_slice(tones, aggregation)], NGTDM_NAMES)


def ngldm(levels: Levels, aggregation: Aggregation, coarseness: int = 0) -> Features:
    """Neighbouring grey level dependence features (IBSI 3.11), Chebyshev distance 1.

    Parameters
    ----------
    coarseness
        Levels that differ by at most this are dependent.
    """
    from medvox.measurement.radiomics.texture_kernels import neighbourhoods

    _, dependences = neighbourhoods(levels, int(levels.max()), aggregation.flat, coarseness)
    rows = []
    for matrix in _by_slice(dependences, aggregation):
        level, size = np.nonzero(matrix)
        counts = matrix[level, size]
        share = counts / counts.sum()
        features = _size_features(level + 1, size + 1, counts, float(counts.sum()))
        rows.append(np.append(features, share @ share))
    return _mean(rows, NGLDM_NAMES)


def _directed(levels: Levels, aggregation: Aggregation, matrices: Any) -> list[AnyArray]:
    """Matrices whose features are to be averaged."""
    if not aggregation.flat:
        found = matrices(levels, OFFSETS)
        return list(found) if aggregation is Aggregation.VOLUME_AVERAGE else [found.sum(axis=0)]
    if aggregation in (Aggregation.DIRECTION_MERGED, Aggregation.MERGED):
        found = matrices(levels, FLAT_OFFSETS)
        return list(found) if aggregation is Aggregation.DIRECTION_MERGED else [found.sum(axis=0)]
    parts = []
    for k in range(len(levels)):
        if levels[k].any():
            found = matrices(levels[k : k + 1], FLAT_OFFSETS)
            parts += list(found) if aggregation is Aggregation.SLICE_AVERAGE else [found.sum(axis=0)]
    return parts


def _by_slice(matrices: AnyArray, aggregation: Aggregation) -> list[AnyArray]:
    """Matrices of slices that hold something, or their sum."""
    if aggregation in (Aggregation.SLICE_AVERAGE, Aggregation.SLICE_MERGED):
        return [m for m in matrices if m.any()]
    return [matrices.sum(axis=0)]


def _zone_features(
    levels: Levels,
    aggregation: Aggregation,
    column: int,
    names: tuple[str, ...],
    border: Levels | None = None,
) -> Features:
    from medvox.measurement.radiomics.texture_kernels import border_distances, zones

    flat = aggregation.flat
    distances = border_distances(levels if border is None else border, flat) if column == 3 else levels
    found = zones(levels, distances, flat)
    if aggregation in (Aggregation.SLICE_AVERAGE, Aggregation.SLICE_MERGED):
        parts = [found[found[:, 0] == k] for k in np.unique(found[:, 0])]
    else:
        parts = [found]
    rows = []
    for part in parts:
        size = part[:, column].astype(np.int64)
        width = int(size.max()) + 1
        keys = part[:, 1] * width + size
        if width * int(part[:, 1].max() + 1) <= DENSE:
            table = np.bincount(keys)
            keys = np.flatnonzero(table)
            counts = table[keys]
        else:
            keys, counts = np.unique(keys, return_counts=True)
        level, value = np.divmod(keys, width)
        rows.append(_size_features(level, value, counts, float(part[:, 2].sum(dtype=np.int64))))
    return _mean(rows, names)


def _size_features(level: AnyArray, size: AnyArray, counts: AnyArray, voxels: float) -> NDArray[np.float64]:
    """The 16 features that GLRLM, GLSZM, GLDZM and NGLDM share, of a sparse matrix."""
    total = counts.sum()
    p = counts / total
    i, j = level.astype(np.float64), size.astype(np.float64)
    i2, j2 = i * i, j * j
    by_level = np.bincount(level, counts)
    by_size = np.bincount(size, counts)
    level_mean, size_mean = p @ i, p @ j
    return np.array(
        [
            p @ (1 / j2),
            p @ j2,
            p @ (1 / i2),
            p @ i2,
            p @ (1 / (i2 * j2)),
            p @ (i2 / j2),
            p @ (j2 / i2),
            p @ (i2 * j2),
            by_level @ by_level / total,
            by_level @ by_level / total**2,
            by_size @ by_size / total,
            by_size @ by_size / total**2,
            total / voxels,
            p @ (i - level_mean) ** 2,
            p @ (j - size_mean) ** 2,
            -(p @ np.log2(p)),
        ]
    )


def _tone_features(tones: AnyArray) -> NDArray[np.float64]:
    number, difference = tones[:, 0], tones[:, 1]
    total = number.sum()
    there = np.flatnonzero(number)
    if not total:
        return np.array([1e6, 0.0, 0.0, 0.0, 0.0])
    p, s, i = number[there] / total, difference[there], there + 1.0
    across = i[:, None] - i[None, :]
    groups = len(there)
    weight = p @ s
    contrast = 0.0
    if groups > 1:
        contrast = float((p[:, None] * p * across**2).sum() / (groups * (groups - 1)) * s.sum() / total)
    spread = np.abs((i * p)[:, None] - i * p).sum()
    pairs = p[:, None] + p
    complexity = float((np.abs(across) * ((p * s)[:, None] + p * s) / pairs).sum() / total)
    strength = float((pairs * across**2).sum() / s.sum()) if s.sum() else 0.0
    coarseness = 1 / weight if weight else 1e6
    return np.array([coarseness, contrast, weight / spread if spread else 0.0, complexity, strength])


def _mean(rows: list[Any], names: tuple[str, ...]) -> Features:
    table = np.array(rows)
    known = ~np.isnan(table).all(axis=1)
    means = table[known].mean(axis=0) if known.any() else np.full(len(names), np.nan)
    return dict(zip(names, (float(x) for x in means), strict=True))
