"""Agreement of two masks: Dice, HD95 and surface Dice, beside surface-distance, MONAI and MedPy."""

from __future__ import annotations

from functools import partial

import numpy as np

from benchmarks.harness import Case, Results
from medvox.core import affine as aff
from medvox.core.grid import Grid
from medvox.measurement.overlap import Boundary, compare

SIZE = 256
SPACING = (1.5, 0.8, 0.8)
TOLERANCE_MM = 1.0
Figures = tuple[float, float, float]


def _masks() -> tuple[np.ndarray, np.ndarray]:
    """Two rough bodies that fill much of the image."""
    from scipy.ndimage import gaussian_filter

    k, j, i = np.ogrid[:SIZE, :SIZE, :SIZE]
    first = ((k - 128) / 70) ** 2 + ((j - 120) / 90) ** 2 + ((i - 130) / 60) ** 2 < 1
    noise = gaussian_filter(np.random.default_rng(0).normal(size=(SIZE,) * 3).astype(np.float32), 4)
    second = ((k - 131) / 72) ** 2 + ((j - 118) / 85) ** 2 + ((i - 128) / 64) ** 2 < 1 + 6 * noise
    return first, second


def _ours(first: np.ndarray, second: np.ndarray, boundary: Boundary) -> Figures:
    grid = Grid(first.shape, aff.compose(SPACING, np.eye(3)[:, ::-1], (0, 0, 0)))
    found = compare(first, second, grid, tolerance_mm=TOLERANCE_MM, boundary=boundary)
    return found.dice, found.hd95_mm, found.nsd


def _surface_distance(first: np.ndarray, second: np.ndarray) -> Figures:
    import surface_distance

    distances = surface_distance.compute_surface_distances(first, second, SPACING)
    return (
        surface_distance.compute_dice_coefficient(first, second),
        surface_distance.compute_robust_hausdorff(distances, 95),
        surface_distance.compute_surface_dice_at_tolerance(distances, TOLERANCE_MM),
    )


def _monai(first: np.ndarray, second: np.ndarray) -> Figures:
    import torch
    from monai.metrics import compute_dice, compute_hausdorff_distance, compute_surface_dice

    a, b = (torch.from_numpy(m)[None, None] for m in (first, second))
    hd95 = compute_hausdorff_distance(b, a, include_background=True, percentile=95, spacing=SPACING)
    nsd = compute_surface_dice(b, a, [TOLERANCE_MM], include_background=True, spacing=SPACING)
    return float(compute_dice(b, a)), float(hd95), float(nsd)


def _medpy(first: np.ndarray, second: np.ndarray) -> Figures:
    from medpy.metric import binary

    return (binary.dc(second, first), binary.hd95(second, first, SPACING), float("nan"))


def _equal(results: Results, peer: str, tolerance: float) -> None:
    ours, theirs = np.array(results["ours"]), np.array(results[peer])
    known = np.isfinite(theirs)
    difference = np.abs(ours - theirs)[known] / np.maximum(np.abs(theirs[known]), 1e-9)
    assert difference.max() < tolerance, f"{peer}: {theirs}, ours {ours}"


def _equal_voxels(results: Results) -> None:
    _equal(results, "monai", 1e-4)
    # MedPy's HD95 is over both directions together, and it has no surface Dice
    assert abs(results["medpy"][0] - results["ours"][0]) < 1e-12


def cases() -> list[Case]:
    """Both definitions of the boundary, each beside the peers that use it."""
    import monai.metrics
    import surface_distance
    from medpy.metric import binary

    assert all((monai.metrics, surface_distance, binary))  # imports are not timed
    first, second = _masks()
    return [
        Case(
            f"overlap {SIZE}^3, surfels",
            partial(_ours, first, second, "surfel"),
            {"surface-distance": partial(_surface_distance, first, second)},
            {"surface-distance": 3.0},
            partial(_equal, peer="surface-distance", tolerance=1e-3),
        ),
        Case(
            f"overlap {SIZE}^3, voxels",
            partial(_ours, first, second, "voxel"),
            {"monai": partial(_monai, first, second), "medpy": partial(_medpy, first, second)},
            {"monai": 8.0},
            _equal_voxels,
        ),
    ]
