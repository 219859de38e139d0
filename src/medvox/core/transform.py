"""Transforms: maps from points to points in LPS mm, composable and, where possible, invertible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medvox.core import affine as aff
from medvox.core.errors import GeometryError
from medvox.core.grid import Grid

FloatArray = NDArray[np.float64]


@runtime_checkable
class Transform(Protocol):
    """Maps points of one space to points of another."""

    def apply(self, points_mm: ArrayLike) -> FloatArray:
        """Map (..., 3) points."""

    def inverse(self) -> Transform:
        """Return the map back.

        Raises
        ------
        GeometryError
            If there is none.
        """


@dataclass(frozen=True, slots=True, eq=False)
class AffineTransform:
    """A 4x4 matrix on LPS points in mm.

    Raises
    ------
    GeometryError
        If the matrix is singular or not finite.
    """

    matrix: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "matrix", aff.check(self.matrix))

    @classmethod
    def identity(cls) -> AffineTransform:
        """Make the map that moves nothing."""
        return cls(np.eye(4))

    @classmethod
    def translation(cls, offset_mm: Sequence[float]) -> AffineTransform:
        """Make a shift."""
        matrix = np.eye(4)
        matrix[:3, 3] = offset_mm
        return cls(matrix)

    @classmethod
    def rotation(
        cls, axis: Sequence[float], angle_deg: float, center_mm: Sequence[float] = (0, 0, 0)
    ) -> AffineTransform:
        """Make a right-handed rotation about `axis` through `center_mm`."""
        x, y, z = np.asarray(axis, dtype=np.float64) / np.linalg.norm(axis)
        skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        angle = np.radians(angle_deg)
        matrix = np.eye(4)
        matrix[:3, :3] += np.sin(angle) * skew + (1 - np.cos(angle)) * (skew @ skew)
        center = np.asarray(center_mm, dtype=np.float64)
        matrix[:3, 3] = center - matrix[:3, :3] @ center
        return cls(matrix)

    def apply(self, points_mm: ArrayLike) -> FloatArray:
        """Map (..., 3) points."""
        return aff.apply(self.matrix, points_mm)

    def inverse(self) -> AffineTransform:
        """Return the map back."""
        return AffineTransform(aff.invert(self.matrix))

    def then(self, after: AffineTransform) -> AffineTransform:
        """Return the map that applies this one, then `after`."""
        return AffineTransform(after.matrix @ self.matrix)


@dataclass(frozen=True, slots=True, eq=False)
class DisplacementField:
    """point -> point + displacement, given on a regular grid and interpolated linearly.

    Parameters
    ----------
    grid
        Where the displacements are given.
    displacement_mm
        (3, k, j, i) LPS components; outside the grid that of the nearest edge.
    """

    grid: Grid
    displacement_mm: FloatArray

    def __post_init__(self) -> None:
        if self.displacement_mm.shape != (3, *self.grid.shape):
            raise GeometryError(
                "displacements do not fit the grid",
                got=self.displacement_mm.shape,
                expected=(3, *self.grid.shape),
            )

    def apply(self, points_mm: ArrayLike) -> FloatArray:
        """Map (..., 3) points."""
        from scipy.ndimage import map_coordinates

        points = np.asarray(points_mm, dtype=np.float64)
        index = np.moveaxis(self.grid.to_voxel(points), -1, 0)
        moved = [map_coordinates(part, index, order=1, mode="nearest") for part in self.displacement_mm]
        return np.asarray(points + np.stack(moved, axis=-1))

    def inverse(self, iterations: int = 50, tolerance_mm: float = 1e-4) -> DisplacementField:
        """Return the map back, on the same grid, found by fixed-point iteration.

        Raises
        ------
        GeometryError
            If it does not settle within `tolerance_mm` (the field folds over itself).
        """
        index = np.moveaxis(np.indices(self.grid.shape, dtype=np.float64), 0, -1)
        points = self.grid.to_patient(index)
        back = np.zeros_like(points)
        for _ in range(iterations):
            step = -(self.apply(points + back) - (points + back))
            change = float(np.abs(step - back).max())
            back = step
            if change <= tolerance_mm:
                return DisplacementField(self.grid, np.moveaxis(back, -1, 0))
        raise GeometryError(
            "displacement field has no inverse", got=f"{change:.3g} mm after {iterations} steps"
        )


@dataclass(frozen=True, slots=True)
class TransformChain:
    """Several transforms, applied first to last."""

    parts: tuple[Transform, ...]

    def apply(self, points_mm: ArrayLike) -> FloatArray:
        """Map (..., 3) points."""
        points = np.asarray(points_mm, dtype=np.float64)
        for part in self.parts:
            points = part.apply(points)
        return points

    def inverse(self) -> TransformChain:
        """Return the map back."""
        return TransformChain(tuple(part.inverse() for part in reversed(self.parts)))
