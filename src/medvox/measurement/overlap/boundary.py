"""Distances between the boundaries of two masks, in mm, with anisotropic spacing.

Two definitions of a boundary are in use, and give different figures:

``"voxel"``
    Centers of the mask's voxels that have a face neighbour outside, each counting once (Metrics Reloaded,
    Nature Methods 21:195-212, 2024; MONAI, MedPy).
``"surfel"``
    Corners between voxels of both kinds, each counting with the area of the surface that passes there
    (Nikolov et al., J Med Internet Res 23(7):e26151, 2021).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import GeometryError
from medvox.measurement.surfels import surfel_areas_mm2

FloatArray = NDArray[np.float64]
Mask = NDArray[np.bool_]
Boundary = Literal["voxel", "surfel"]
Spacing = tuple[float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class BoundaryDistances:
    """Distances from each boundary to the other one.

    Parameters
    ----------
    forward_mm, backward_mm
        (n,) from the reference's boundary to the test's, and back; sorted. Infinite where the other mask is
        empty; without elements where the own mask is.
    forward_weights, backward_weights
        (n,) mm² for ``"surfel"``, 1 for ``"voxel"``.
    boundary
        Definition used.
    """

    forward_mm: FloatArray
    backward_mm: FloatArray
    forward_weights: FloatArray
    backward_weights: FloatArray
    boundary: Boundary

    @property
    def hausdorff_mm(self) -> float:
        """Largest distance either way (HD); 0 where both masks are empty, infinite where one is."""
        return max(self._last(self.forward_mm), self._last(self.backward_mm))

    def percentile_mm(self, percent: float = 95.0) -> float:
        """The larger one of the two directed percentiles (HD95).

        Voxels: linear interpolation between ranks. Surfels: the least distance within which `percent` of the
        surface lie.
        """
        return max(
            self._percentile(self.forward_mm, self.forward_weights, percent),
            self._percentile(self.backward_mm, self.backward_weights, percent),
        )

    def pooled_percentile_mm(self, percent: float = 95.0) -> float:
        """Percentile over the distances of both directions together (MedPy's HD95)."""
        distances = np.concatenate([self.forward_mm, self.backward_mm])
        weights = np.concatenate([self.forward_weights, self.backward_weights])
        order = np.argsort(distances, kind="stable")
        return self._percentile(distances[order], weights[order], percent)

    @property
    def average_mm(self) -> float:
        """Mean distance over both boundaries together (ASSD)."""
        weight = self.forward_weights.sum() + self.backward_weights.sum()
        if weight == 0:
            return 0.0
        total = self.forward_mm @ self.forward_weights + self.backward_mm @ self.backward_weights
        return float(total / weight)

    def surface_dice(self, tolerance_mm: float) -> float:
        """Part of both boundaries that lies within a tolerance of the other one (NSD); 1 if both are empty.

        Raises
        ------
        GeometryError
            If the tolerance is negative or not a number.
        """
        if not tolerance_mm >= 0:
            raise GeometryError(
                "a tolerance must not be negative", where="tolerance_mm", got=tolerance_mm, expected=">= 0"
            )
        weight = self.forward_weights.sum() + self.backward_weights.sum()
        if weight == 0:
            return 1.0
        near = self.forward_weights[self.forward_mm <= tolerance_mm].sum()
        near += self.backward_weights[self.backward_mm <= tolerance_mm].sum()
        return float(near / weight)

    @staticmethod
    def _last(distances: FloatArray) -> float:
        return float(distances[-1]) if len(distances) else 0.0

    def _percentile(self, distances: FloatArray, weights: FloatArray, percent: float) -> float:
        if not len(distances):
            return 0.0
        if not np.isfinite(distances[-1]):
            return float("inf")
        if self.boundary == "voxel":
            return float(np.percentile(distances, percent))
        cumulated = np.cumsum(weights)
        place = int(np.searchsorted(cumulated / cumulated[-1], percent / 100))
        return float(distances[min(place, len(distances) - 1)])


def boundary_distances(
    reference: Mask, test: Mask, spacing_mm: Spacing, boundary: Boundary = "voxel", threads: int = 1
) -> BoundaryDistances:
    """Measure the distances between two boundaries.

    Parameters
    ----------
    reference, test
        (k, j, i) masks.
    spacing_mm
        Along (k, j, i).
    boundary
        ``"voxel"`` or ``"surfel"``; see this module's text.
    threads
        Of the search for the nearest points.

    Raises
    ------
    GeometryError
        If shapes differ or a spacing is not a positive number.
    """
    check_pair(reference, test, spacing_mm)
    box = _box(reference, test)
    first, second = (_border(mask[box], boundary, spacing_mm) for mask in (reference, test))
    sides = []
    for (points, areas), (others, _) in ((first, second), (second, first)):
        distances = _nearest(points, others, threads)
        order = np.argsort(distances)
        sides.append((distances[order], areas[order]))
    (forward, forward_weights), (backward, backward_weights) = sides
    return BoundaryDistances(forward, backward, forward_weights, backward_weights, boundary)


def check_pair(reference: Mask, test: Mask, spacing_mm: Spacing) -> None:
    """Refuse masks that cannot be compared.

    Raises
    ------
    GeometryError
        If shapes differ or a spacing is not a positive number.
    """
    if reference.shape != test.shape or len(np.shape(reference)) != 3:
        raise GeometryError(
            "the masks have different shapes",
            where="overlap",
            got=test.shape,
            expected=reference.shape,
            advice="Resample one segmentation onto the other's grid first",
        )
    if not all(np.isfinite(s) and s > 0 for s in spacing_mm):
        raise GeometryError("spacing must be three positive numbers", where="overlap", got=spacing_mm)


def _box(reference: Mask, test: Mask) -> tuple[slice, ...]:
    from medvox.measurement.overlap.boundary_kernels import bounds

    found = [b for b in (bounds(reference), bounds(test)) if (b[1] >= 0).all()]
    if not found:
        return (slice(0, 1), slice(0, 1), slice(0, 1))
    low = np.min([b[0] for b in found], axis=0)
    high = np.max([b[1] for b in found], axis=0)
    return tuple(slice(int(a), int(b) + 1) for a, b in zip(low, high, strict=True))


def _border(mask: Mask, boundary: Boundary, spacing_mm: Spacing) -> tuple[FloatArray, FloatArray]:
    """Points of a boundary in mm, (n, 3), and what each counts."""
    from medvox.measurement.overlap.boundary_kernels import border_corners, border_voxels

    if boundary == "voxel":
        points = border_voxels(mask) * np.asarray(spacing_mm)
        return points, np.ones(len(points))
    corners = border_corners(mask)
    return corners[:, :3] * np.asarray(spacing_mm), surfel_areas_mm2(spacing_mm)[corners[:, 3]]


def _nearest(points: FloatArray, others: FloatArray, threads: int) -> FloatArray:
    """Distance of each point to the nearest of the others; infinite where there are none.

    A k-d tree over boundaries grows with their area, a distance transform with the volume around them.
    """
    from scipy.spatial import cKDTree

    if not len(points) or not len(others):
        return np.full(len(points), np.inf)
    tree = cKDTree(others, balanced_tree=False, compact_nodes=False)
    distances, _ = tree.query(points, workers=threads)
    return np.asarray(distances, np.float64)
