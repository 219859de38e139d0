"""Volumes set right: surfaces moved along their normals until each region has the volume it should have.

Each face moves by the difference of the pressures of the regions on its two sides, as in a foam. The
pressures that give the wanted volumes with the least movement solve a Laplace equation on the graph of
regions, its weights the areas that they share.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.surfaces.boundaries import Boundaries

AnyArray = NDArray[Any]
FloatArray = NDArray[np.float64]
ROUNDS = 30
ENOUGH = 1e-4


def parts(surface: Boundaries) -> tuple[NDArray[np.int64], int]:
    """(m, 2) number of the part behind and before each face: regions, split into shells; 0: outside.

    A region that consists of two balls has two parts, each with a volume of its own to keep.
    """
    shell = surface.shell[surface.faces[:, 0]].astype(np.int64)
    top = int(surface.sides.max()) + 1
    keys = shell[:, None] * top + surface.sides
    size = (int(shell.max()) + 1) * top
    seen = np.zeros(size, bool)
    seen[keys[surface.sides > 0]] = True
    number = np.cumsum(seen)
    return np.where(surface.sides > 0, number[keys], 0), int(number[-1])


def part_volumes(surface: Boundaries, numbers: AnyArray, count: int) -> FloatArray:
    """(count + 1,) signed volume in mm³ of each part; that of the outside is of no use."""
    volume, _, _ = terms(surface)
    behind = np.bincount(numbers[:, 0], volume, count + 1)
    return np.asarray(behind - np.bincount(numbers[:, 1], volume, count + 1))


def terms(surface: Boundaries) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Volume under each face, its area, and the area vectors summed at the vertices."""
    from medvox.surfaces import mesh_kernels as kernels

    volume, area = np.empty(len(surface.faces)), np.empty(len(surface.faces))
    normal = np.zeros_like(surface.vertices_mm)
    centered = surface.vertices_mm - surface.vertices_mm.mean(axis=0)
    kernels.face_terms(centered, surface.faces, volume, area, normal)
    return volume, area, normal


def keep_volumes(surface: Boundaries, wanted_mm3: FloatArray) -> Boundaries:
    """Move the surfaces so that each part has its volume.

    Parameters
    ----------
    wanted_mm3
        As `part_volumes` gave them before.
    """
    from scipy.sparse import coo_array, diags_array
    from scipy.sparse.linalg import spsolve

    numbers, count = parts(surface)
    gain = np.ones(count + 1)
    missing = _missing(surface, wanted_mm3, numbers, count)
    for _ in range(ROUNDS):
        if np.abs(missing[1:]).max(initial=0) <= ENOUGH * max(np.abs(wanted_mm3[1:]).min(initial=1), 1e-9):
            break
        _, area, _ = terms(surface)
        a, b = numbers[:, 0], numbers[:, 1]
        shared = coo_array((area, (a, b)), shape=(count + 1, count + 1)).tocsr()
        shared = shared + shared.T
        degree: FloatArray = np.asarray(shared.sum(axis=1)).ravel()
        matrix = (diags_array(degree * (1 + 1e-9) + 1e-12) - shared).tocsc()[1:, 1:]
        pressure = np.concatenate([[0], np.atleast_1d(spsolve(matrix, (gain * missing)[1:]))])
        moved = _pressed(surface, pressure[a] - pressure[b], area)
        left = _missing(moved, wanted_mm3, numbers, count)
        if np.abs(left).sum() >= np.abs(missing).sum():
            gain = np.maximum(gain / 2, 0.05)
            continue
        won = 1 - left / np.where(missing == 0, 1, missing)  # folded parts move less than they should
        gain = np.clip(gain / np.clip(won, 0.3, 2.0), 0.05, 8.0)
        surface, missing = moved, left
    return surface


def _missing(surface: Boundaries, wanted_mm3: FloatArray, numbers: AnyArray, count: int) -> FloatArray:
    missing = wanted_mm3 - part_volumes(surface, numbers, count)
    missing[0] = 0
    return missing


def _pressed(surface: Boundaries, distance: FloatArray, area: FloatArray) -> Boundaries:
    """Move each vertex along the mean of its faces' movements, weighted by area."""
    from medvox.surfaces import mesh_kernels as kernels

    move, weight = np.zeros_like(surface.vertices_mm), np.zeros(len(surface.vertices_mm))
    kernels.press(surface.vertices_mm, surface.faces, distance, move, weight)
    limit = np.sqrt(area.mean())
    step = move / np.maximum(weight, 1e-30)[:, None]
    size = np.linalg.norm(step, axis=1)
    return surface.with_vertices(
        surface.vertices_mm + step * np.minimum(1, limit / np.maximum(size, 1e-30))[:, None]
    )
