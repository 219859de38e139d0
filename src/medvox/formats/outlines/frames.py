"""Stacks: slice numbers and places in slices, for files that know no space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import FormatError, UsageError
from medvox.core.grid import Grid

FloatArray = NDArray[np.float64]
SAME_MM = 0.02
"""Rings whose depths differ by less lie in one plane."""


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Parallel planes with an origin each.

    Parameters
    ----------
    origins_mm
        LPS position of place (0, 0), by slice number.
    steps_mm
        (3, 2) LPS steps of one unit of x (along a row) and of y.
    normal
        (3,) unit normal.
    """

    origins_mm: dict[int, FloatArray]
    steps_mm: FloatArray
    normal: FloatArray

    @classmethod
    def pixels(cls) -> Stack:
        """Slices one unit apart."""
        return cls({}, np.eye(3)[:, :2], np.array([0.0, 0.0, 1.0]))

    def to_slice(self, points_mm: FloatArray, number: int) -> FloatArray:
        """(n, 2) x and y in slice `number`."""
        away = points_mm - self.origin(number)
        return np.asarray(away @ np.linalg.pinv(self.steps_mm).T)

    def to_patient(self, places: FloatArray, number: int) -> FloatArray:
        """(n, 3) LPS mm of x and y in slice `number`."""
        return np.asarray(places @ self.steps_mm.T + self.origin(number))

    def origin(self, number: int) -> FloatArray:
        """Position of place (0, 0) in a slice; slices that are not known lie one unit apart."""
        known = self.origins_mm.get(number)
        return number * self.normal if known is None else known

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "x_step_mm": self.steps_mm[:, 0].tolist(),
            "y_step_mm": self.steps_mm[:, 1].tolist(),
            "normal": self.normal.tolist(),
            "origins_mm": {str(n): origin.tolist() for n, origin in self.origins_mm.items()},
        }

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Stack:
        """Stack of plain values.

        Raises
        ------
        FormatError
            If they make no stack.
        """
        steps = np.array([told["x_step_mm"], told["y_step_mm"]], np.float64).T
        normal = np.array(told["normal"], np.float64)
        origins = {int(n): np.array(origin, np.float64) for n, origin in told["origins_mm"].items()}
        fits = steps.shape == (3, 2) and all(origin.shape == (3,) for origin in [normal, *origins.values()])
        if not fits or not all(np.isfinite(x).all() for x in [steps, normal, *origins.values()]):
            raise FormatError("these values make no stack of planes")
        return cls(origins, steps, normal)


def stack_of(rings: Sequence[FloatArray], grid: Grid | None = None) -> tuple[Stack, list[int]]:
    """Stack for rings, and the slice number of each.

    With a grid, slices and pixels are its own, and every plane lies in space where its points do. Without
    it, x and y are millimetres and slices are the distinct depths.

    Raises
    ------
    UsageError
        If the rings are not parallel to each other or to the grid.
    """
    if not rings:
        return Stack.pixels(), []
    normal = grid.normal if grid is not None else _normal(rings)
    depths = np.array([float((ring @ normal).mean()) for ring in rings])
    rise = max(float(np.ptp(ring @ normal)) for ring in rings)
    if rise > SAME_MM:
        raise UsageError(
            "the planes of the contours are not parallel" + (" to the slices" if grid is not None else ""),
            got=f"{rise:.4g} mm of depth within a ring",
            expected=f"<= {SAME_MM} mm",
            advice="Choose a format with three coordinates: GeoJSON, DXF or CSV",
        )
    if grid is not None:
        numbers = np.abs(depths[:, None] - grid.depths_mm).argmin(axis=1).tolist()
        return _grid_stack(grid, numbers, depths), numbers
    levels = _levels(depths)
    steps = _steps(normal)
    origins = {n: depth * normal for n, depth in enumerate(levels.tolist())}
    return Stack(origins, steps, normal), np.abs(depths[:, None] - levels).argmin(axis=1).tolist()


def _grid_stack(grid: Grid, numbers: list[int], depths: FloatArray) -> Stack:
    moved = {n: float(depth - grid.depths_mm[n]) for n, depth in zip(numbers, depths.tolist(), strict=True)}
    origins = {n: grid.slice_origin_mm(n) + shift * grid.normal for n, shift in moved.items()}
    return Stack(origins, grid.affine[:3, [2, 1]], grid.normal)


def _levels(depths: FloatArray) -> FloatArray:
    ordered = np.sort(depths)
    return np.asarray(ordered[np.insert(np.diff(ordered) > SAME_MM, 0, True)])


def _normal(rings: Sequence[FloatArray]) -> FloatArray:
    """Normal of the largest ring (Newell), towards the head, else front, else left."""
    normals = [np.cross(ring - ring[0], np.roll(ring, -1, axis=0) - ring[0]).sum(axis=0) for ring in rings]
    normal = max(normals, key=lambda n: float(n @ n))
    size = float(np.linalg.norm(normal))
    if size == 0:
        return np.array([0.0, 0.0, 1.0])
    normal = normal / size
    normal[np.abs(normal) < 1e-9] = 0
    normal = normal / np.linalg.norm(normal)
    return np.asarray(normal * np.sign(normal[np.abs(normal).argmax()]))


def _steps(normal: FloatArray) -> FloatArray:
    """Unit steps along rows and columns of a plane: towards left and back where that can be."""
    axis = np.array([1.0, 0.0, 0.0]) if abs(normal[0]) < 0.9 else np.array([0.0, 1.0, 0.0])
    x = axis - (axis @ normal) * normal
    x = x / np.linalg.norm(x)
    return np.column_stack([x, np.cross(normal, x)])
