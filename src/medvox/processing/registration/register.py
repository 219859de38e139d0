"""`register`: rigid, similarity and affine registration of two images."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import GeometryError, UsageError
from medvox.core.finding import Finding, Level
from medvox.core.labels import LabelMap
from medvox.core.progress import Progress, silent
from medvox.core.transform import AffineTransform
from medvox.core.volume import Volume
from medvox.processing.registration.gauss_newton import Found, agreement, search
from medvox.processing.registration.pyramid import Picture
from medvox.processing.resample import Order, resample

Model = Literal["translation", "rigid", "similarity", "affine"]
Metric = Literal["auto", "squares", "mutual-information"]

LEAST_OVERLAP = 0.1
LEAST_CORRELATION = 0.3
LEAST_INFORMATION = 0.05
"""Of Mattes' measure, in nats; unrelated images share some hundredths by chance."""


@dataclass(frozen=True, slots=True)
class Registration:
    """Result of `register`.

    Parameters
    ----------
    transform
        Maps LPS mm of the fixed image to LPS mm of the moving one, as `resample` takes it.
    metric
        What was compared.
    value
        Correlation of the values over the overlap; or minus the mutual information.
    overlap
        Share of the fixed image (of its mask) that lies in the moving one.
    iterations
        Steps done.
    converged
        Whether the search settled.
    findings
        ``not-converged`` where it did not.
    """

    transform: AffineTransform
    metric: str
    value: float
    overlap: float
    iterations: int
    converged: bool
    findings: tuple[Finding, ...] = ()

    def resampled(self, moving: Volume, fixed: Volume, order: Order = "linear") -> Volume:
        """Return the moving image on the grid of the fixed one, by one interpolation."""
        return resample(moving, fixed.grid, order, self.transform)


def register(
    fixed: Volume,
    moving: Volume,
    model: Model = "rigid",
    *,
    metric: Metric = "auto",
    mask: LabelMap | None = None,
    budget_s: float = math.inf,
    progress: Progress | None = None,
) -> Registration:
    """Find the transform that lays `moving` over `fixed`.

    Parameters
    ----------
    fixed, moving
        Images; of series the mean is used. Uneven or tilted slices are used on a regular copy.
    model
        Freedom of the transform.
    metric
        ``"squares"``: robust squared differences, for images of one kind (own search).
        ``"mutual-information"``: Mattes' measure, for images of different kinds (SimpleITK).
        ``"auto"``: squares where both have the same modality and unit and their values agree in the end; else
        mutual information.
    mask
        Part of the fixed image that counts, any segment.
    budget_s
        Seconds after which the best so far is taken; the result is then not converged.

    Raises
    ------
    GeometryError
        If the images do not overlap, or what was found does not make them alike; no transform is returned.
    UsageError
        If an image has color, holds values that are not finite or only one value, or the mask does not fit.
    """
    if model not in get_args(Model) or metric not in get_args(Metric):
        raise UsageError(
            "no such model or metric", got=(model, metric), expected=(*get_args(Model), *get_args(Metric))
        )
    until = time.monotonic() + budget_s
    inside = _inside(fixed, mask)
    still, other = _picture(fixed, inside), _picture(moving)
    report = progress or silent
    same_kind = fixed.modality == moving.modality and fixed.unit == moving.unit
    start = _start(still, other, same_kind or metric == "squares")
    if metric == "squares" or (metric == "auto" and same_kind):
        found = search(still, other, start, model, until, report)
        alike = found.overlap >= LEAST_OVERLAP and found.correlation >= LEAST_CORRELATION
        if alike or metric == "squares":
            return _judged(found, "squares", found.correlation, alike)
    from medvox.processing.registration.mutual_information import search_by_library

    found, value = search_by_library(still, other, start, model, until, report)
    alike = found.overlap >= LEAST_OVERLAP and -value >= LEAST_INFORMATION
    return _judged(found, "mutual-information", value, alike)


def _judged(found: Found, metric: str, value: float, good: bool) -> Registration:
    if not good:
        raise GeometryError(
            "registration failed: the images are not alike where the search ended",
            got=f"{metric} {value:.3f}, overlap {100 * found.overlap:.0f} %",
            expected=f"overlap of {100 * LEAST_OVERLAP:.0f} %, correlation of {LEAST_CORRELATION}, or more",
            advice="Check that both show the same part of the body; give a mask, or another metric.",
        )
    findings: tuple[Finding, ...] = ()
    if not found.converged:
        text = (
            f"The search had not settled after {found.iterations} steps; compare the images before you go on."
        )
        findings = (Finding("not-converged", Level.WARNING, "registration", text),)
    transform = AffineTransform(found.matrix)
    return Registration(transform, metric, value, found.overlap, found.iterations, found.converged, findings)


def _inside(fixed: Volume, mask: LabelMap | None) -> NDArray[np.bool_] | None:
    if mask is None:
        return None
    inside = np.asarray((mask.data > 0).any(axis=0))
    if mask.grid.shape != fixed.grid.shape or not inside.any():
        raise UsageError(
            "the mask is empty or lies on another grid", got=mask.grid.shape, expected=fixed.grid.shape
        )
    return inside


def _picture(volume: Volume, inside: NDArray[np.bool_] | None = None) -> Picture:
    if volume.is_colour:
        raise UsageError("registration needs one value a voxel", got="color", advice="Choose a channel.")
    if min(volume.grid.shape) < 2:
        raise UsageError("registration in space needs two slices, rows and columns", got=volume.grid.shape)
    picture = Picture.of(volume, inside)
    if not np.isfinite(picture.values).all():
        raise UsageError("an image has values that are not finite", where=volume.label or None)
    if picture.values.min() == picture.values.max():
        raise UsageError("an image is constant: nothing to lay over anything", where=volume.label or None)
    return picture


def _start(fixed: Picture, moving: Picture, same_kind: bool) -> NDArray[np.float64]:
    """Where the search begins: as the files say, or centers of mass together.

    Of images of one kind what correlates more; of others what the files say, if half of the image overlaps.
    """
    small, other = fixed.shrunk(8.0), moving.shrunk(8.0)
    matrix = np.eye(4)
    as_told = agreement(small, other, matrix)
    matrix[:3, 3] = _center_mm(other) - _center_mm(small)
    centered = agreement(small, other, matrix)
    keep = as_told[0] >= centered[0] and as_told[1] > LEAST_OVERLAP if same_kind else as_told[1] >= 0.5
    return np.eye(4) if keep else matrix


def _center_mm(picture: Picture) -> NDArray[np.float64]:
    values = picture.values.astype(np.float64) - float(picture.values.min())
    if picture.weight is not None:
        values *= picture.weight
    total = max(values.sum(), 1e-30)
    index = [float((values.sum(axis=axes) * np.arange(n)).sum() / total) for axes, n in _axes(values)]
    made: NDArray[np.float64] = picture.affine[:3, :3] @ index + picture.affine[:3, 3]
    return made


def _axes(values: NDArray[np.float64]) -> list[tuple[tuple[int, int], int]]:
    return [((1, 2), values.shape[0]), ((0, 2), values.shape[1]), ((0, 1), values.shape[2])]
