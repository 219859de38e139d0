"""Morphological features of IBSI 1, section 3.1 (arXiv:1612.07003).

The densities of the oriented bounding box and of the minimum volume enclosing ellipsoid have no reference
values there and are not computed.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.measurement.surfels import surfel_areas_mm2, surfel_volumes_mm3

AnyArray = NDArray[Any]
FloatArray = NDArray[np.float64]
Mask = NDArray[np.bool_]
Spacing = tuple[float, float, float]
Features = dict[str, float]


def morphology(
    mask: Mask, spacing_mm: Spacing, values: AnyArray | None = None, *, spatial: bool = True
) -> Features:
    """Volumes, areas, shape, axes, and with values their centre and autocorrelation.

    Parameters
    ----------
    mask
        (k, j, i), not empty.
    values
        (k, j, i) intensities, finite inside the mask.
    spatial
        Whether Moran's I and Geary's C are wanted (exact, by Fourier transforms).
    """
    from medvox.measurement.radiomics.texture_kernels import cube_codes

    step = np.asarray(spacing_mm)
    counts, places = cube_codes(np.ascontiguousarray(mask))
    area = float(counts @ surfel_areas_mm2(spacing_mm))
    table = surfel_volumes_mm3(spacing_mm)
    volume = float(counts @ table[:, 0] + (places * step * table[:, 1:]).sum())
    points = np.argwhere(mask) * step
    made = {
        "volume_mesh_mm3": volume,
        "volume_voxels_mm3": float(len(points) * step.prod()),
        "surface_area_mesh_mm2": area,
        **_compactness(volume, area),
        **_densities(mask, points, volume, area, spacing_mm),
    }
    if values is not None:
        at = np.asarray(values[mask], np.float64)
        made["integrated_intensity"] = float(volume * at.mean())
        if at.sum():
            shift = points.mean(axis=0) - (points * at[:, None]).sum(axis=0) / at.sum()
            made["center_of_mass_shift_mm"] = float(np.linalg.norm(shift))
        if spatial:
            made["morans_i"], made["gearys_c"] = autocorrelation(values, mask, spacing_mm)
    return made


def _compactness(volume: float, area: float) -> Features:
    sphere = (36 * math.pi * volume * volume) ** (1 / 3)
    return {
        "surface_to_volume_ratio": area / volume,
        "compactness_1": volume / (math.sqrt(math.pi) * area**1.5),
        "compactness_2": 36 * math.pi * volume**2 / area**3,
        "spherical_disproportion": area / sphere,
        "sphericity": sphere / area,
        "asphericity": (area**3 / (volume**2 * 36 * math.pi)) ** (1 / 3) - 1,
    }


def _densities(mask: Mask, points: FloatArray, volume: float, area: float, spacing_mm: Spacing) -> Features:
    from scipy.spatial import ConvexHull
    from scipy.spatial.distance import pdist

    corners = surface_points(mask) * np.asarray(spacing_mm)
    hull = ConvexHull(corners)
    box = np.ptp(corners, axis=0)
    centered = points - points.mean(axis=0)
    spread = np.linalg.eigvalsh(centered.T @ centered / max(len(points) - 1, 1)).clip(0)
    least, minor, major = 4 * np.sqrt(spread)
    made = {
        "maximum_3d_diameter_mm": float(pdist(corners[hull.vertices]).max()),
        "major_axis_length_mm": float(major),
        "minor_axis_length_mm": float(minor),
        "least_axis_length_mm": float(least),
        "elongation": float(minor / major) if major else 1.0,
        "flatness": float(least / major) if major else 1.0,
        "volume_density_bounding_box": float(volume / box.prod()),
        "area_density_bounding_box": float(area / (2 * (box.prod() / box).sum())),
        "volume_density_convex_hull": float(volume / hull.volume),
        "area_density_convex_hull": float(area / hull.area),
    }
    if least > 0:
        made["volume_density_ellipsoid"] = float(volume / (math.pi / 6 * major * minor * least))
        made["area_density_ellipsoid"] = area / _ellipsoid_area_of_the_manual(
            float(major) / 2, float(minor) / 2, float(least) / 2
        )
    return made


def surface_points(mask: Mask) -> FloatArray:
    """Points half-way between mask voxels and those outside, of each grid line only the outermost, (n, 3).

    In voxel indices; their convex hull is that of all such points.
    """
    found = []
    for axis in range(3):
        lines = np.moveaxis(mask, axis, -1)
        there = lines.any(axis=-1)
        across = np.argwhere(there)
        first = lines[there].argmax(axis=-1) - 0.5
        last = lines.shape[-1] - 0.5 - lines[there][:, ::-1].argmax(axis=-1)
        found += [np.insert(across.astype(np.float64), axis, ends, axis=1) for ends in (first, last)]
    return np.concatenate(found)


def ellipsoid_area(a: float, b: float, c: float) -> float:
    """Surface area of an ellipsoid with semi-axes a >= b >= c > 0 (Legendre's formula)."""
    from scipy.special import ellipeinc, ellipkinc

    if a - c <= 1e-9 * a:
        return 4 * math.pi * a * a
    angle = math.acos(c / a)
    modulus = a * a * (b * b - c * c) / (b * b * (a * a - c * c))
    second, first = ellipeinc(angle, modulus), ellipkinc(angle, modulus)
    elliptic = second * math.sin(angle) ** 2 + first * math.cos(angle) ** 2
    return float(2 * math.pi * (c * c + a * b / math.sin(angle) * elliptic))


def _ellipsoid_area_of_the_manual(a: float, b: float, c: float) -> float:
    """The manual's series to the 20th order, which its consensus values follow (IBSI 3.1.21).

    It lies some per cent below the ellipsoid's area, `ellipsoid_area`.
    """
    from scipy.special import eval_legendre

    alpha, beta = math.sqrt(1 - (b / a) ** 2), math.sqrt(1 - (c / a) ** 2)
    if alpha * beta == 0:
        return ellipsoid_area(a, b, c)
    n = np.arange(21)
    terms = (alpha * beta) ** n / (1 - 4.0 * n * n)
    return float(4 * math.pi * a * b * (terms @ eval_legendre(n, (alpha**2 + beta**2) / (2 * alpha * beta))))


def autocorrelation(values: AnyArray, mask: Mask, spacing_mm: Spacing) -> tuple[float, float]:
    """Moran's I and Geary's C over all pairs, weighted by 1 / distance: exact, by Fourier transforms.

    Not a number where all values are equal.
    """
    from scipy import fft

    inside = np.asarray(mask, np.float64)
    at = np.asarray(values[mask], np.float64)
    n = len(at)
    variance = float(((at - at.mean()) ** 2).sum())
    if n < 2 or variance == 0:
        return float("nan"), float("nan")
    x = np.where(mask, np.asarray(values, np.float64) - at.mean(), 0.0)
    shape = [int(fft.next_fast_len(2 * size - 1, real=True)) for size in mask.shape]
    axes = [np.minimum(np.arange(s), s - np.arange(s)) * d for s, d in zip(shape, spacing_mm, strict=True)]
    far = np.sqrt(axes[0][:, None, None] ** 2 + axes[1][:, None] ** 2 + axes[2] ** 2)
    far[0, 0, 0] = np.inf
    kernel = fft.rfftn(1 / far)

    def weighted(array: FloatArray) -> FloatArray:
        made = fft.irfftn(fft.rfftn(array, shape) * kernel, shape)
        cut: FloatArray = made[: mask.shape[0], : mask.shape[1], : mask.shape[2]]
        return cut

    sums = weighted(inside)
    total = float((inside * sums).sum())
    products = float((x * weighted(x)).sum())
    squares = float((x * x * sums).sum())
    return n / total * products / variance, (n - 1) / (2 * total) * 2 * (squares - products) / variance
