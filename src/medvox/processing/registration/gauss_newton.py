"""Same-modality registration: Gauss-Newton on squared differences, robust, from coarse to fine.

Friston et al., Human Brain Mapping 3, 1995, for the equations; Tukey's weights keep what differs between
the scans from pulling. Gain and offset between the intensities are solved along the way.
"""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medvox.core import affine as aff
from medvox.core import settings
from medvox.core.progress import Progress
from medvox.processing.registration.pyramid import Picture

Floats = NDArray[np.float64]

LEVELS_MM = (8.0, 4.0, 2.0)
"""Voxel sizes of the search."""
ITERATIONS = 30
SETTLED_MM = 0.01
"""A level ends when no point of the image moves by more in a step."""
_HUBER = 1.345
_KEPT = 0.7103
"""Mean of the squares of a normal residual of deviation 1, cut at `_HUBER`."""
_RADIUS_MM = 100.0


@dataclass(frozen=True, slots=True)
class Found:
    """Where the search ended.

    Parameters
    ----------
    matrix
        (4, 4) from LPS mm of the fixed image to LPS mm of the moving one.
    correlation
        Of the values where the images overlap.
    overlap
        Share of the fixed image's voxels (of its mask) that lie in the moving one.
    iterations
        Steps on all levels.
    converged
        Whether the finest level settled.
    """

    matrix: Floats
    correlation: float
    overlap: float
    iterations: int
    converged: bool


def search(
    fixed: Picture, moving: Picture, start: Floats, freedom: str, until: float, progress: Progress
) -> Found:
    """Search the matrix, beginning at `start`; `until` (monotonic seconds) ends it early."""
    matrix, total = start, 0
    found = Found(start, 0.0, 0.0, 0, False)
    for number, size in enumerate(LEVELS_MM):
        level = _Level(fixed.shrunk(size).smoothed(), moving.shrunk(size).smoothed(), freedom)
        for step in range(ITERATIONS):
            progress(number * ITERATIONS + step, len(LEVELS_MM) * ITERATIONS, "Registering")
            change = level.step(matrix)
            total += 1
            if change is None:
                return Found(matrix, level.correlation, level.overlap, total, False)
            matrix = change @ matrix
            moved = _largest_move(change, level.middle)
            settled = moved < SETTLED_MM
            if settled or time.monotonic() > until:
                break
        found = Found(matrix, level.correlation, level.overlap, total, settled)
        if time.monotonic() > until:
            break
    return found


def agreement(fixed: Picture, moving: Picture, matrix: Floats) -> tuple[float, float]:
    """Correlation of the values, and the share of the fixed image that lies in the moving one."""
    level = _Level(fixed, moving, "translation")
    level.step(matrix)
    return level.correlation, level.overlap


def _largest_move(change: Floats, middle: Floats) -> float:
    corners = middle + _RADIUS_MM * np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    return float(np.linalg.norm(aff.apply(change, corners) - corners, axis=1).max())


class _Level:
    """One size of both images."""

    def __init__(self, fixed: Picture, moving: Picture, freedom: str) -> None:
        self._fixed, self._moving, self._freedom = fixed, moving, freedom
        self._weight = np.ones_like(fixed.values) if fixed.weight is None else fixed.weight
        self._center = (np.array(fixed.values.shape) - 1) / 2
        self._total = float(self._weight.sum())
        self._gain, self._offset, self._most = 1.0, 0.0, math.inf
        self._known = False
        self.correlation = self.overlap = 0.0
        self.middle = np.zeros(3)

    def step(self, matrix: Floats) -> Floats | None:
        """Return the change (4, 4) in the space of the moving image; None where nothing overlaps."""
        if not self._known:
            self._sums(matrix)
            self._known = True
        equations, vector = self._sums(matrix)
        if self.overlap < 0.02 or self.correlation == 0:
            return None
        to_moving = matrix @ self._fixed.affine
        self.middle = aff.apply(to_moving, self._center)
        basis = _basis(self._freedom, to_moving[:3, :3], self._moving.affine[:3, :3])
        left, right = basis.T @ equations @ basis, basis.T @ vector
        scale = np.sqrt(np.maximum(np.diag(left), 1e-30))
        solved = np.linalg.lstsq(left / np.outer(scale, scale), right / scale, rcond=1e-9)[0] / scale
        return _change(self._freedom, solved, self.middle)

    def _sums(self, matrix: Floats) -> tuple[Floats, Floats]:
        """Sum up the equations in threads; learn gain, offset and the spread of the residuals."""
        from medvox.processing.registration.normal_kernels import COUNT, SQUARES, normal_equations

        place = (aff.invert(self._moving.affine) @ matrix @ self._fixed.affine)[:3]
        slices = len(self._fixed.values)
        threads = min(settings.current().threads, slices)
        edges = [slices * n // threads for n in range(threads + 1)]

        def work(n: int) -> tuple[Floats, Floats, Floats]:
            made: tuple[Floats, Floats, Floats] = normal_equations(
                self._fixed.values, self._weight, self._moving.values, np.ascontiguousarray(place),
                self._center, self._gain, self._offset, self._most, edges[n], edges[n + 1],
            )  # fmt: skip
            return made

        with ThreadPoolExecutor(threads) as pool:
            parts = list(pool.map(work, range(threads)))
        equations, vector, sums = (np.sum([part[n] for part in parts], axis=0) for n in range(3))
        count = max(sums[COUNT], 1e-9)
        self.overlap = float(count / max(self._total, 1e-9))
        _, _, ff, mm, fm = _moments(sums[:6])
        self.correlation = float(fm / math.sqrt(ff * mm)) if ff > 0 and mm > 0 else 0.0
        if self._known:
            kept = 1.0 if math.isinf(self._most) else _KEPT
            self._most = _HUBER * math.sqrt(max(sums[SQUARES] / count / kept, 1e-12))
        f, m, ff, mm, fm = _moments(sums[6:12])
        # of two images with noise both, the ratio of spreads is the gain without bias
        self._gain = math.sqrt(mm / ff) if ff > 0 and fm > 0 else self._gain
        self._offset = m - self._gain * f
        return equations, vector


def _moments(sums: Floats) -> tuple[float, float, float, float, float]:
    """Means of f and m, their variances and covariance."""
    _, f, m, ff, mm, fm = sums / max(sums[0], 1e-9)
    return f, m, ff - f * f, mm - m * m, fm - f * m


def _basis(freedom: str, axes: Floats, moving_axes: Floats) -> Floats:
    """(12, n) how the rows of the place (k, j, i of the moving image) change with each unknown.

    A change of the space of the moving image is y -> y + W (y - middle) + t, and y - middle = axes (x -
    center), so the place changes by inverse(moving_axes) (W axes (x - center) + t).
    """
    back = np.linalg.inv(moving_axes)
    empty = np.zeros((3, 1))
    turned = [np.concatenate([back @ one @ axes, empty], axis=1).ravel() for one in _generators(freedom)]
    shifted = [np.concatenate([np.zeros((3, 3)), back[:, n : n + 1]], axis=1).ravel() for n in range(3)]
    return np.array([*turned, *shifted]).T


def _generators(freedom: str) -> list[Floats]:
    turns = [np.zeros((3, 3)) for _ in range(3)]
    for one, (a, b) in zip(turns, ((2, 1), (0, 2), (1, 0)), strict=True):
        one[a, b], one[b, a] = 1, -1
    if freedom == "translation":
        return []
    if freedom == "rigid":
        return turns
    if freedom == "similarity":
        return [*turns, np.eye(3)]
    return [np.eye(9)[n].reshape(3, 3) for n in range(9)]


def _change(freedom: str, solved: Floats, middle: Floats) -> Floats:
    """(4, 4) of the unknowns: a rotation stays one, whatever its size."""
    from scipy.linalg import expm

    generators = _generators(freedom)
    linear = expm(sum((g * s for g, s in zip(generators, solved, strict=False)), np.zeros((3, 3))))
    made = np.eye(4)
    made[:3, :3] = linear
    made[:3, 3] = middle - linear @ middle + solved[-3:]
    return made
