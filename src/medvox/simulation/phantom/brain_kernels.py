"""Compiled loop of the brain: folded cortex, white matter, cerebellum."""

from __future__ import annotations

import math

import numpy as np
from numba import njit  # noqa: TID253

from medvox.simulation.phantom.shape_kernels import distance, put, value_noise


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _fold(lattice: np.ndarray, x: float, y: float, z: float) -> float:
    """Signed field whose zero sheets are the furrows; about mm near them."""
    bend = 7.0 * value_noise(lattice, x / 27.0 + 3, y / 27.0, z / 27.0)
    turn = 7.0 * value_noise(lattice, x / 25.0, y / 25.0 + 9, z / 25.0)
    a = value_noise(lattice, (x + bend) / 13.0, (y + turn) / 13.0, (z - bend) / 13.0)
    b = value_noise(lattice, (x - turn) / 9.0 + 5, (y + bend) / 9.0, (z + turn) / 9.0)
    return float(9.5 * (a + 0.45 * b))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def cerebrum(  # noqa: PLR0913
    top: np.ndarray,
    under: np.ndarray,
    cover: np.ndarray,
    affine: np.ndarray,
    box: np.ndarray,
    rows: np.ndarray,
    sections: np.ndarray,
    lattice: np.ndarray,
    parts: tuple[int, int],
    allowed: np.ndarray,
    center: tuple[float, float, float],
    soft_mm: float,
) -> None:
    """Paint grey and white matter inside a smooth envelope, folded by furrows that run inwards.

    The furrow field is read where the ray from `center` leaves a sphere, with a little depth, so that
    furrows stand upright on the surface. `parts`: grey, white.
    """
    for k in range(box[0, 0], box[1, 0]):
        for j in range(box[0, 1], box[1, 1]):
            for i in range(box[0, 2], box[1, 2]):
                x = affine[0, 0] * k + affine[0, 1] * j + affine[0, 2] * i + affine[0, 3]
                y = affine[1, 0] * k + affine[1, 1] * j + affine[1, 2] * i + affine[1, 3]
                z = affine[2, 0] * k + affine[2, 1] * j + affine[2, 2] * i + affine[2, 3]
                d = distance(rows, rows.shape[0], sections, x, y, z)
                if d > soft_mm:
                    continue
                u, v, w = x - center[0], (y - center[1]) * 0.82, z - center[2]
                r = math.sqrt(u * u + v * v + w * w) + 1e-6
                f = (42.0 + 0.5 * r) / r
                s = abs(_fold(lattice, u * f + 90.0 * (u > 0.0), v * f, w * f)) * min(1.0, r / 45.0)
                deep = -d
                limit = 19.0 + 7.0 * value_noise(lattice, u / 19.0, v / 19.0, w / 19.0)
                # distance to the nearest fluid: the surface, or a furrow as long as it is deep enough
                furrow = s - max(0.0, 0.85 - 0.02 * deep)
                if deep > limit:
                    furrow = math.sqrt(max(furrow, 0.0) ** 2 + (deep - limit) ** 2)
                near = min(deep, furrow)
                share = min(1.0, max(0.0, 0.5 + near / soft_mm))
                if share <= 0.0:
                    continue
                put(top, under, cover, (k, j, i), parts[0], share, allowed)
                share = min(1.0, max(0.0, 0.5 + (near - 2.9) / soft_mm))
                if share > 0.0:
                    put(top, under, cover, (k, j, i), parts[1], share, allowed)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def cerebellum(  # noqa: PLR0913
    top: np.ndarray,
    under: np.ndarray,
    cover: np.ndarray,
    affine: np.ndarray,
    box: np.ndarray,
    rows: np.ndarray,
    sections: np.ndarray,
    lattice: np.ndarray,
    parts: tuple[int, int],
    allowed: np.ndarray,
    center: tuple[float, float, float],
    soft_mm: float,
) -> None:
    """Paint the cerebellum: thin leaves of grey matter about a white tree. `parts`: grey, white."""
    for k in range(box[0, 0], box[1, 0]):
        for j in range(box[0, 1], box[1, 1]):
            for i in range(box[0, 2], box[1, 2]):
                x = affine[0, 0] * k + affine[0, 1] * j + affine[0, 2] * i + affine[0, 3]
                y = affine[1, 0] * k + affine[1, 1] * j + affine[1, 2] * i + affine[1, 3]
                z = affine[2, 0] * k + affine[2, 1] * j + affine[2, 2] * i + affine[2, 3]
                d = distance(rows, rows.shape[0], sections, x, y, z)
                share = min(1.0, max(0.0, 0.5 - d / soft_mm))
                if share <= 0.0:
                    continue
                angle = math.atan2(z - center[2], y - center[1])
                wave = math.sin(angle * 17.0 + 2.5 * value_noise(lattice, x / 14.0, y / 14.0, z / 14.0))
                if wave > 0.82 and -d < 8.0 and -d > 0.4:
                    continue
                put(top, under, cover, (k, j, i), parts[0], share, allowed)
                leaf = -d - 9.0 + 7.5 * max(0.0, -wave) ** 2
                share = min(1.0, max(0.0, 0.5 + leaf / soft_mm))
                if share > 0.0:
                    put(top, under, cover, (k, j, i), parts[1], share, allowed)
