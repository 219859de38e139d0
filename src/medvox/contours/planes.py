"""Planes: where the points of a contour lie flat, and how to go to two dimensions and back without loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import GeometryError

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """A plane in space, seen along the axis that it faces most.

    Two of the three coordinates of a point are its place in the plane, unchanged: going to two dimensions
    and back moves no point of the plane, and what crosses or touches there crosses or touches in space.

    Parameters
    ----------
    normal
        Unit normal, LPS.
    depth_mm
        Position along the normal.
    """

    normal: FloatArray
    depth_mm: float

    @classmethod
    def fit(cls, points_mm: FloatArray, fallback: FloatArray | None = None) -> Plane:
        """Plane of closed rings or of points.

        Parameters
        ----------
        points_mm
            (n, 3), of one ring or of several one after another.
        fallback
            Normal where the points lie on a line or a spot; (0, 0, 1) if None.
        """
        center = points_mm.mean(axis=0)
        spread = points_mm - center
        _, sizes, axes = np.linalg.svd(spread.T @ spread)
        if sizes[1] <= 1e-12 * max(sizes[0], 1e-12):
            normal = np.array([0.0, 0.0, 1.0]) if fallback is None else fallback
        else:
            normal = axes[2]
        normal = _squared(normal * np.sign(normal[np.abs(normal).argmax()]))
        return cls(normal, float(center @ normal))

    @property
    def dropped(self) -> int:
        """Coordinate that is left out in two dimensions: 0, 1 or 2."""
        return int(np.abs(self.normal).argmax())

    @property
    def stretch(self) -> float:
        """Area in space over area in two dimensions."""
        return float(1 / abs(self.normal[self.dropped]))

    def flat(self, points_mm: FloatArray) -> FloatArray:
        """Leave one coordinate out: (n, 3) to (n, 2)."""
        return np.asarray(np.delete(points_mm, self.dropped, axis=1))

    def lift(self, points: FloatArray) -> FloatArray:
        """Put the coordinate back that `flat` left out: (n, 2) to (n, 3)."""
        kept = [axis for axis in range(3) if axis != self.dropped]
        lifted = np.empty((len(points), 3))
        lifted[:, kept] = points
        along = self.depth_mm - points @ self.normal[kept]
        lifted[:, self.dropped] = along / self.normal[self.dropped]
        return lifted

    def distances_mm(self, points_mm: FloatArray) -> FloatArray:
        """(n,) signed distance of points from the plane."""
        return np.asarray(points_mm @ self.normal - self.depth_mm)

    def is_close(self, other: Plane, tolerance_mm: float) -> bool:
        """Whether both are one plane: normals within 0.1 degrees, depths within a tolerance."""
        cosine = float(self.normal @ other.normal)
        return (
            abs(cosine) > 0.9999985 and abs(self.depth_mm * np.sign(cosine) - other.depth_mm) < tolerance_mm
        )


def plane_of(rings: Sequence[FloatArray]) -> Plane:
    """Plane of several rings.

    Raises
    ------
    GeometryError
        If there are no points.
    """
    if not rings:
        raise GeometryError("no points to lay a plane through")
    return Plane.fit(np.concatenate(list(rings)))


def _squared(normal: FloatArray) -> FloatArray:
    """Exact axis where the normal is one up to rounding, so that stored depths stay as they are."""
    axis = int(np.abs(normal).argmax())
    if abs(abs(normal[axis]) - 1) < 1e-9:
        exact = np.zeros(3)
        exact[axis] = np.sign(normal[axis])
        return exact
    return normal / np.linalg.norm(normal)
