"""Overlap measures of a reference and a test mask, and of whole label maps."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core import settings
from medvox.core.errors import GeometryError
from medvox.core.grid import Grid
from medvox.core.labels import LabelMap
from medvox.measurement.overlap.boundary import Boundary, Mask, boundary_distances, check_pair


class Empty(StrEnum):
    """Which of the two masks holds no voxel. Nothing is left out of a table for it.

    Both empty: perfect agreement (Dice, Jaccard, similarity and NSD 1, distances 0). One empty: none
    (Dice, Jaccard, similarity and NSD 0, distances infinite).
    """

    NEITHER = ""
    REFERENCE = "reference"
    TEST = "test"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Overlap:
    """How well a test mask agrees with a reference.

    Parameters
    ----------
    name
        Of the segment.
    true_positive, false_positive, false_negative, true_negative
        Voxels.
    reference_ml, test_ml
        Volumes on the stored grid.
    dice, jaccard
        Of volumes on the stored grid (equal to those of voxels where slices are even).
    volume_similarity
        1 - ``|reference - test| / (reference + test)`` (Taha and Hanbury, BMC Med Imaging 15:29, 2015).
    sensitivity, specificity, precision
        Of voxels; 1 where there was nothing to find, or nothing was said.
    assd_mm, hd_mm, hd95_mm
        Average symmetric, largest and 95th percentile (the larger directed one) surface distance.
    nsd
        Normalised surface Dice at `tolerance_mm`.
    boundary
        Definition of the boundary for the distances.
    empty
        Which mask was empty.
    """

    name: str
    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int
    reference_ml: float
    test_ml: float
    dice: float
    jaccard: float
    volume_similarity: float
    sensitivity: float
    specificity: float
    precision: float
    assd_mm: float
    hd_mm: float
    hd95_mm: float
    nsd: float
    tolerance_mm: float
    boundary: Boundary
    empty: Empty


def compare(
    reference: Mask,
    test: Mask,
    grid: Grid,
    *,
    tolerance_mm: float = 1.0,
    boundary: Boundary = "voxel",
    name: str = "",
    threads: int | None = None,
) -> Overlap:
    """Compare two masks on one grid.

    Distances take the mean slice distance where slices are uneven; volumes are those of the stored grid.

    Parameters
    ----------
    reference, test
        (k, j, i) boolean masks on `grid`.
    tolerance_mm
        For the surface Dice.
    threads
        Of the search for the nearest points; `Settings.threads` by default.

    Raises
    ------
    GeometryError
        If the masks do not fit the grid, or the grid is sheared (a tilted stack): resample first.
    """
    from medvox.measurement.overlap.boundary_kernels import count_pairs

    spacing = _distance_spacing(grid)
    check_pair(reference, test, spacing)
    if reference.shape != grid.shape:
        raise GeometryError("masks do not fit the grid", got=reference.shape, expected=grid.shape)
    reference, test = np.ascontiguousarray(reference, bool), np.ascontiguousarray(test, bool)
    counts = count_pairs(reference, test)
    tp, fn, fp = (int(n) for n in counts.sum(axis=0))
    both, missed, added = (counts * grid.voxel_volumes_mm3[:, None]).sum(axis=0) / 1000
    truth, said = both + missed, both + added
    distances = boundary_distances(reference, test, spacing, boundary, threads or settings.current().threads)
    tn = reference.size - tp - fn - fp
    return Overlap(
        name,
        tp,
        fp,
        fn,
        tn,
        float(truth),
        float(said),
        _ratio(2 * both, truth + said),
        _ratio(both, truth + said - both),
        1 - abs(truth - said) / (truth + said) if truth + said else 1.0,
        _ratio(tp, tp + fn),
        _ratio(tn, tn + fp),
        _ratio(tp, tp + fp),
        distances.average_mm,
        distances.hausdorff_mm,
        distances.percentile_mm(95),
        distances.surface_dice(tolerance_mm),
        tolerance_mm,
        boundary,
        _which_empty(tp + fn, tp + fp),
    )


def compare_labels(
    reference: LabelMap, test: LabelMap, *, tolerance_mm: float = 1.0, boundary: Boundary = "voxel"
) -> tuple[Overlap, ...]:
    """Compare the segments of two label maps by name; one that a map lacks counts as empty there.

    Raises
    ------
    GeometryError
        If the grids differ.
    """
    if not reference.grid.is_close(test.grid):
        raise GeometryError(
            "the label maps lie on different grids",
            where="overlap",
            got=repr(test.grid),
            expected=repr(reference.grid),
            advice="Resample one onto the other's grid first",
        )
    names = list(dict.fromkeys(s.name for s in (*reference.segments, *test.segments)))
    return tuple(
        compare(
            _mask(reference, name),
            _mask(test, name),
            reference.grid,
            tolerance_mm=tolerance_mm,
            boundary=boundary,
            name=name,
        )
        for name in names
    )


def confusion(reference: LabelMap, test: LabelMap) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Voxels of each reference segment (row) by what the test calls them (column).

    Returns
    -------
    names
        Of rows and columns; the first is ``"background"``.
    counts
        (n, n). Where segments overlap, the later one of a map counts.

    Raises
    ------
    GeometryError
        If the grids differ.
    """
    if not reference.grid.is_close(test.grid):
        raise GeometryError("the label maps lie on different grids", where="confusion")
    names = list(dict.fromkeys(s.name for s in (*reference.segments, *test.segments)))
    codes = []
    for labels in (reference, test):
        flat, _ = labels.flatten()
        table = np.array([0, *(names.index(s.name) + 1 for s in labels.segments)])
        codes.append(table[flat])
    size = len(names) + 1
    counts = np.bincount((codes[0] * size + codes[1]).ravel(), minlength=size * size).reshape(size, size)
    return ("background", *names), counts.astype(np.int64)


def _distance_spacing(grid: Grid) -> tuple[float, float, float]:
    from medvox.core.affine import is_orthogonal

    if not is_orthogonal(grid.affine, 2e-3):
        raise GeometryError(
            "distances need a grid with right angles",
            where="overlap",
            got=f"a stack tilted by {grid.tilt_deg:.1f} degrees",
            advice="Resample both segmentations onto the regular grid first",
        )
    return grid.spacing_mm


def _mask(labels: LabelMap, name: str) -> Mask:
    if any(s.name == name for s in labels.segments):
        return labels.mask(name)
    return np.zeros(labels.grid.shape, bool)


def _ratio(part: Any, whole: Any) -> float:
    return float(part / whole) if whole else 1.0


def _which_empty(reference: int, test: int) -> Empty:
    if reference and test:
        return Empty.NEITHER
    if reference:
        return Empty.TEST
    return Empty.REFERENCE if test else Empty.BOTH
