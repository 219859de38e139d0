"""Compiled loops of `medvox.surfaces.boundaries`: faces between voxels of different regions."""

# mypy: disable-error-code="untyped-decorator,no-untyped-call,no-any-return"
from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit  # noqa: TID253
from numpy.typing import NDArray

AnyArray = NDArray[Any]
_FAST = {"nogil": True, "cache": True}


@njit(**_FAST)
def count_faces(labels: AnyArray, rows: tuple[int, int], counts: AnyArray) -> None:
    """Count the faces of slices ``rows[0]`` to ``rows[1]`` (left out): towards lower k, j and i.

    Parameters
    ----------
    labels
        (k, j, i), with a margin of one empty voxel on all sides.
    counts
        (k,) filled here.
    """
    _, nj, ni = labels.shape
    for k in range(max(rows[0], 1), rows[1]):
        total = 0
        for j in range(1, nj):
            here, below, before = labels[k, j], labels[k - 1, j], labels[k, j - 1]
            for i in range(1, ni):
                value = here[i]
                total += int(value != below[i]) + int(value != before[i]) + int(value != here[i - 1])
        counts[k] = total


@njit(**_FAST)
def list_faces(labels: AnyArray, rows: tuple[int, int], starts: AnyArray, out: AnyArray) -> None:
    """Write the faces of some slices as (k, j, i, axis) from ``starts[k]`` on."""
    _, nj, ni = labels.shape
    for k in range(max(rows[0], 1), rows[1]):
        at = starts[k]
        for j in range(1, nj):
            here, below, before = labels[k, j], labels[k - 1, j], labels[k, j - 1]
            for i in range(1, ni):
                value = here[i]
                for axis in range(3):
                    other = below[i] if axis == 0 else before[i] if axis == 1 else here[i - 1]
                    if value != other:
                        out[at, 0], out[at, 1], out[at, 2], out[at, 3] = k, j, i, axis
                        at += 1


@njit(**_FAST)
def _number(ids: AnyArray, corner: tuple[int, int, int], vertices: AnyArray, count: int) -> int:
    k, j, i = corner
    if ids[k & 1, j, i] < 0:
        ids[k & 1, j, i] = count
        vertices[count, 0], vertices[count, 1], vertices[count, 2] = k, j, i
    return ids[k & 1, j, i]


@njit(**_FAST)
def build(labels: AnyArray, quads: AnyArray, vertices: AnyArray, faces: AnyArray, sides: AnyArray) -> int:
    """Two triangles for each face, its normal from the first to the second of `sides`.

    Corner (k, j, i) of the lattice lies at voxel index (k - 1/2, j - 1/2, i - 1/2).

    Parameters
    ----------
    quads
        (n, 4) of `list_faces`, ascending k.
    vertices
        (4n, 3) int32, filled here.
    faces, sides
        (2n, 3) and (2n, 2), filled here.

    Returns
    -------
    int
        Number of vertices.
    """
    _, nj, ni = labels.shape
    ids = np.full((2, nj + 1, ni + 1), -1, np.int32)
    count, layer = 0, -1
    corners = np.empty(4, np.int64)
    for n in range(len(quads)):
        k, j, i, axis = quads[n, 0], quads[n, 1], quads[n, 2], quads[n, 3]
        while layer < k:  # layers k (kept) and k + 1 (new)
            layer += 1
            if layer < k:
                ids[layer & 1] = -1
            ids[(layer + 1) & 1] = -1
        for m in range(4):
            u, v = int(m == 1 or m == 2), int(m >= 2)
            corner = (k, j + u, i + v) if axis == 0 else (k + v, j, i + u) if axis == 1 else (k + u, j + v, i)
            before = count
            corners[m] = _number(ids, corner, vertices, count)
            count = before + int(corners[m] == before)
        low = labels[k - int(axis == 0), j - int(axis == 1), i - int(axis == 2)]
        high = labels[k, j, i]
        for part in range(2):
            face = 2 * n + part
            faces[face, 0] = corners[0]
            faces[face, 1] = corners[1 + part]
            faces[face, 2] = corners[2 + part]
            sides[face, 0], sides[face, 1] = low, high
    return count
