"""Lesion-wise agreement: connected components matched between a reference and a test mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from medvox.core.errors import UsageError
from medvox.core.grid import Grid
from medvox.measurement.overlap.boundary import Mask, check_pair


@dataclass(frozen=True, slots=True)
class LesionAgreement:
    """Lesions found, missed and made up.

    Parameters
    ----------
    true_positive
        Reference lesions that a test lesion matches.
    false_negative, false_positive
        Lesions without a match, of the reference and of the test.
    f1
        2 TP / (2 TP + FP + FN); 1 where there are no lesions at all.
    mean_dice
        Over all reference lesions and all false positives, each unmatched one counting 0.
    dice
        Of each reference lesion with the test lesions that touch it, 0 where missed, in order of its number.
    """

    true_positive: int
    false_negative: int
    false_positive: int
    f1: float
    mean_dice: float
    dice: tuple[float, ...]


def compare_lesions(
    reference: Mask,
    test: Mask,
    grid: Grid,
    *,
    connectivity: Literal[6, 18, 26] = 26,
    least_overlap: float = 0.0,
) -> LesionAgreement:
    """Match connected components.

    A reference lesion is found where its Jaccard index with all the test lesions that touch it is above
    `least_overlap` (0: any common voxel).

    Raises
    ------
    UsageError
        If `least_overlap` is not in 0..1.
    GeometryError
        If the shapes differ.
    """
    import cc3d

    if not 0 <= least_overlap < 1:
        raise UsageError("not a fraction", where="least_overlap", got=least_overlap, expected="0 to below 1")
    check_pair(reference, test, grid.spacing_mm)
    ours, theirs = (
        cc3d.connected_components(m.astype(np.uint8), connectivity=connectivity) for m in (reference, test)
    )
    n, m = int(ours.max(initial=0)), int(theirs.max(initial=0))
    common = np.bincount((ours.astype(np.int64) * (m + 1) + theirs).ravel(), minlength=(n + 1) * (m + 1))
    common = common.reshape(n + 1, m + 1)
    sizes, test_sizes = common.sum(axis=1), common.sum(axis=0)
    dice, matched = [], np.zeros(m + 1, bool)
    found = 0
    for lesion in range(1, n + 1):
        touching = np.flatnonzero(common[lesion, 1:]) + 1
        both, said = common[lesion, touching].sum(), test_sizes[touching].sum()
        hit = len(touching) > 0 and both / (sizes[lesion] + said - both) > least_overlap
        dice.append(float(2 * both / (sizes[lesion] + said)) if hit else 0.0)
        if hit:
            found += 1
            matched[touching] = True
    made_up = m - int(matched.sum())
    counted = n + made_up
    f1 = 2 * found / (2 * found + made_up + n - found) if counted else 1.0
    return LesionAgreement(
        found, n - found, made_up, f1, sum(dice) / counted if counted else 1.0, tuple(dice)
    )
