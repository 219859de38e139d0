"""Fusion of several segmentations of one image: majority and STAPLE."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import UsageError
from medvox.core.labels import LabelMap, Segment
from medvox.core.steps import Setting, step
from medvox.segmentation.regions import Mask, changed, mask_of, within

MOST_TURNS = 100


@step("fuse", family="segment")
def fuse(
    labels: LabelMap,
    second: LabelMap,
    third: LabelMap | None = None,
    fourth: LabelMap | None = None,
    fifth: LabelMap | None = None,
    *,
    method: Literal["majority", "staple"] = "majority",
    threshold: Annotated[float, Setting(minimum=0, maximum=1)] = 0.5,
) -> LabelMap:
    """Fuse two to five segmentations of the same image, segment by segment.

    Parameters
    ----------
    labels, second, third, fourth, fifth
        Segmentations on one grid; segments belong together by name.
    method
        majority: more than the threshold's share of raters; staple: as likely as the raters' estimated
        sensitivity and specificity make it.
    threshold
        Share, or probability, above which a voxel belongs to the segment.

    Returns
    -------
    LabelMap
        The segments of the first.

    Raises
    ------
    MissingError
        If a rater lacks a segment of the first.
    """
    raters = [r for r in (labels, second, third, fourth, fifth) if r is not None]
    for rater in raters[1:]:
        within(rater, labels.grid)
    masks: dict[Segment, Mask] = {}
    for segment in labels.segments:
        stack = np.stack([mask_of(r, r.segment(segment.name)) for r in raters])
        likely = stack.mean(axis=0) if method == "majority" else staple(stack)[0]
        masks[segment] = likely > threshold
    return changed(labels, masks, f"fuse {method}")


def staple(
    raters: NDArray[np.bool_], weight: float | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Estimate the hidden truth and each rater's performance.

    Parameters
    ----------
    raters
        (raters, ...) masks.
    weight
        Share of voxels that belong to the segment beforehand; the raters' mean where left out.

    Returns
    -------
    probability
        (...) of each voxel to belong to the segment.
    sensitivity, specificity
        (raters,).

    Raises
    ------
    UsageError
        If all masks are empty, or all are full.

    Notes
    -----
    Warfield, Zou and Wells, IEEE Trans. Med. Imaging 23 (2004) 903. Voxels on which the raters decide alike
    are counted together, so that a turn costs 2^raters, not the size of the image.
    """
    count = len(raters)
    if not 2 <= count <= 16:
        raise UsageError("STAPLE takes 2 to 16 raters", got=count)
    pattern = np.zeros(raters.shape[1:], np.uint32)
    for n, rater in enumerate(raters):
        pattern |= rater.astype(np.uint32) << n
    times = np.bincount(pattern.ravel(), minlength=2**count).astype(np.float64)
    said = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
    prior = float(times @ said.mean(axis=1) / times.sum()) if weight is None else weight
    if not 0 < prior < 1:
        raise UsageError("all masks are empty, or all are full: nothing to fuse", got=prior)
    p = q = np.full(count, 0.99999)
    likely = np.zeros(2**count)
    for _ in range(MOST_TURNS):
        inside = prior * np.prod(np.where(said, p, 1 - p), axis=1)
        outside = (1 - prior) * np.prod(np.where(said, 1 - q, q), axis=1)
        new: NDArray[Any] = inside / np.maximum(inside + outside, 1e-300)
        mass, rest = times * new, times * (1 - new)
        p = np.clip(mass @ said / max(mass.sum(), 1e-300), 0, 1)
        q = np.clip(rest @ (1 - said) / max(rest.sum(), 1e-300), 0, 1)
        if np.abs(new - likely).max() < 1e-10:
            break
        likely = new
    return likely[pattern], p, q
