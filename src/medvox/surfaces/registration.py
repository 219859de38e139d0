"""Registration of surfaces: landmarks first, then closest points, the error told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medvox.core.errors import UsageError
from medvox.core.mesh import Mesh
from medvox.core.transform import AffineTransform
from medvox.surfaces.distance import distances_mm, spread_points

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class SurfaceRegistration:
    """Where a surface lies on another.

    Parameters
    ----------
    transform
        From the moving surface to the fixed one, rigid.
    rms_mm, median_mm, percentile_95_mm
        Distances of points of the moving surface (those that overlap) to the fixed one, after it.
    landmark_rms_mm
        Distances of landmarks after the landmark step, or None.
    iterations
        Rounds of closest points.
    overlap
        Share of the moving surface that was matched.
    """

    transform: AffineTransform
    rms_mm: float
    median_mm: float
    percentile_95_mm: float
    landmark_rms_mm: float | None
    iterations: int
    overlap: float


def fit_landmarks(moving_mm: ArrayLike, fixed_mm: ArrayLike) -> tuple[AffineTransform, float]:
    """Rigid transform of pairs of points (Arun et al. 1987), and the root mean square of what is left.

    Raises
    ------
    UsageError
        Unless there are three pairs or more that are not in one line.
    """
    a, b = np.asarray(moving_mm, dtype=np.float64), np.asarray(fixed_mm, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 2 or a.shape[1] != 3 or len(a) < 3:
        raise UsageError("landmarks must be pairs of points", got=(a.shape, b.shape), expected="(n >= 3, 3)")
    matrix = _rigid(a, b)
    left = a @ matrix[:3, :3].T + matrix[:3, 3] - b
    if np.linalg.matrix_rank(a - a.mean(axis=0), tol=1e-6) < 2:
        raise UsageError("landmarks lie on one line")
    return AffineTransform(matrix), float(np.sqrt((left**2).sum(axis=1).mean()))


def _rigid(a: FloatArray, b: FloatArray) -> FloatArray:
    u, _, v = np.linalg.svd((a - a.mean(axis=0)).T @ (b - b.mean(axis=0)))
    turn = v.T @ np.diag([1, 1, np.sign(np.linalg.det(v.T @ u.T))]) @ u.T
    matrix = np.eye(4)
    matrix[:3, :3] = turn
    matrix[:3, 3] = b.mean(axis=0) - turn @ a.mean(axis=0)
    return matrix


def register_surfaces(
    moving: Mesh,
    fixed: Mesh,
    landmarks: tuple[ArrayLike, ArrayLike] | None = None,
    overlap: float = 0.9,
    samples: int = 4000,
    iterations: int = 100,
) -> SurfaceRegistration:
    """Lay a surface (or cloud) onto another by landmarks, then by trimmed iterative closest points.

    Each round minimizes distances to tangent planes (Chen and Medioni 1992) of the closest points.

    Parameters
    ----------
    landmarks
        Points of the moving and of the fixed surface, in pairs, LPS mm; None: the surfaces lie nearly right.
    overlap
        Share of the moving points, the nearest, that count in each round.

    Raises
    ------
    UsageError
        If landmarks or overlap are not usable, or the fixed mesh has no faces.
    """
    from scipy.spatial import cKDTree

    if not 0 < overlap <= 1:
        raise UsageError("overlap is outside its limits", got=overlap, expected="above 0 to 1")
    start, landmark_rms = fit_landmarks(*landmarks) if landmarks else (AffineTransform(np.eye(4)), None)
    matrix = np.array(start.matrix)
    points = spread_points(moving, samples) if len(moving.faces) else _thinned(moving, samples)
    target = spread_points(fixed, max(samples * 10, 40_000))
    normals = _normals_at(fixed, len(target))
    tree: Any = cKDTree(target)
    done = 0
    while done < iterations:
        done += 1
        now = points @ matrix[:3, :3].T + matrix[:3, 3]
        away, nearest = tree.query(now)
        used = np.argsort(away, kind="stable")[: max(6, int(overlap * len(now)))]
        step = _plane_step(now[used], target[nearest[used]], normals[nearest[used]])
        matrix = step @ matrix
        if np.abs(step - np.eye(4)).max() < 1e-7:
            break
    left = np.abs(distances_mm(points @ matrix[:3, :3].T + matrix[:3, 3], fixed))
    left = np.sort(left)[: max(6, int(overlap * len(left)))]
    return SurfaceRegistration(
        AffineTransform(matrix),
        float(np.sqrt((left**2).mean())),
        float(np.median(left)),
        float(np.percentile(left, 95)),
        landmark_rms,
        done,
        overlap,
    )


def _thinned(cloud: Mesh, samples: int) -> FloatArray:
    step = max(1, len(cloud.vertices_mm) // samples)
    return cloud.vertices_mm[::step]


def _normals_at(mesh: Mesh, count: int) -> FloatArray:
    """Normals of the faces that `spread_points` put its points on."""
    corner = mesh.vertices_mm[mesh.faces]
    vectors = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    area = np.linalg.norm(vectors, axis=1)
    total = np.cumsum(area)
    face = np.searchsorted(total, (np.arange(count) + 0.5) / count * total[-1])
    face = np.minimum(face, len(total) - 1)
    return np.asarray(vectors[face] / np.maximum(area[face], 1e-30)[:, None])


def _plane_step(now: FloatArray, target: FloatArray, normals: FloatArray) -> FloatArray:
    """Small rigid motion that brings points nearest to tangent planes (linearized, then made rigid)."""
    middle = now.mean(axis=0)
    rows = np.concatenate([np.cross(now - middle, normals), normals], axis=1)
    wanted = np.einsum("ij,ij->i", target - now, normals)
    scale = max(float(np.abs(now - middle).max()), 1.0)
    rows[:, :3] /= scale
    damping = 1e-6 * len(now)
    solved = np.linalg.solve(rows.T @ rows + damping * np.eye(6), rows.T @ wanted)
    turn = np.eye(4)
    angle = float(np.linalg.norm(solved[:3] / scale))
    if angle > 0:
        axis = solved[:3] / np.linalg.norm(solved[:3])
        turn = np.array(
            AffineTransform.rotation(
                (axis[0], axis[1], axis[2]), float(np.degrees(angle)), tuple(middle)
            ).matrix
        )
    turn[:3, 3] += solved[3:]
    return np.asarray(turn)
