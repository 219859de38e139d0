"""Surface area and perimeter from how often lattice lines enter a mask (Crofton's formula).

13 directions in space and 4 in a slice, weighted by the part of all directions that each stands for (Lehmann
and Legland, Insight Journal 2012). So few directions do not see all orientations alike; the figure is
corrected by what they miss of the ellipsoid (ellipse) with the same moments.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from medvox.measurement.radiomics.morphology import ellipsoid_area
from medvox.measurement.radiomics.texture import FLAT_OFFSETS, OFFSETS
from medvox.measurement.size import discretization as error
from medvox.measurement.size.plane import ellipse, plane_cell

FloatArray = NDArray[np.float64]
Mask = NDArray[np.bool_]
SPHERE_POINTS = 8000


def crossed_surface(mask: Mask, cell: FloatArray, body: FloatArray) -> tuple[float, float]:
    """Surface area in mm² and the half-width of its 95 % discretization interval.

    Parameters
    ----------
    mask
        (k, j, i), cut to its bounding box.
    cell
        (3, 3) columns: steps of the lattice, mm.
    body
        (3, 3) matrix of the ellipsoid of the same moments, mm².
    """
    from medvox.measurement.size.mask_kernels import crossings

    steps = OFFSETS @ cell.T
    lengths = np.linalg.norm(steps, axis=1)
    unit, weights = steps / lengths[:, None], _weights(steps.tobytes())
    volume = abs(float(np.linalg.det(cell)))
    counted = 2 * float(weights @ (crossings(mask, OFFSETS) * volume / lengths))
    a, b, c = np.sqrt(np.linalg.eigvalsh(body))[::-1]
    inverse = np.linalg.inv(body)
    shadows = math.pi * np.sqrt(np.linalg.det(body) * np.einsum("ij,jk,ik->i", unit, inverse, unit))
    seen = ellipsoid_area(float(a), float(b), float(c)) / (4 * float(weights @ shadows))
    factor, relative = error.surface_correction(volume, float(c))
    area = counted * seen * factor
    return area, area * relative


def crossed_perimeter(mask: Mask, sums: FloatArray, cell: FloatArray) -> tuple[float, float, float, float]:
    """Area, its uncertainty, perimeter, its uncertainty, of one slice (j, i); mm² and mm."""
    from scipy.special import ellipe

    from medvox.measurement.size.mask_kernels import crossings

    flat = plane_cell(cell)
    steps = FLAT_OFFSETS[:, 1:] @ flat.T
    lengths = np.linalg.norm(steps, axis=1)
    unit, weights = steps / lengths[:, None], _weights(steps.tobytes(), 2)
    pixel = abs(float(np.linalg.det(flat)))
    counted = math.pi / 2 * float(weights @ (crossings(mask[None], FLAT_OFFSETS) * pixel / lengths))
    body = ellipse(sums, flat)
    a, b = np.sqrt(np.linalg.eigvalsh(body))[::-1]
    normal = unit[:, ::-1] * (1, -1)
    widths = 2 * np.sqrt(np.einsum("ij,jk,ik->i", normal, body, normal))
    seen = 4 * a * float(ellipe(1 - (b / a) ** 2)) / (math.pi * float(weights @ widths))
    area, around = float(sums[0]) * pixel, counted * seen
    return (
        area,
        error.area_95(area, body, flat),
        around,
        around * error.perimeter_relative_95(pixel, float(b)),
    )


@cache
def _weights(steps: bytes, dimensions: int = 3) -> FloatArray:
    """Part of all directions that lies nearest to each step; they add up to 1."""
    table = np.frombuffer(steps).reshape(-1, dimensions)
    points: FloatArray
    unit: FloatArray = np.asarray(table / np.linalg.norm(table, axis=1)[:, None], np.float64)
    n = np.arange(SPHERE_POINTS) + 0.5
    if dimensions == 2:
        turn = n * math.pi / SPHERE_POINTS
        points = np.asarray(np.stack([np.cos(turn), np.sin(turn)], axis=1), np.float64)
    else:
        spiral, height = n * math.pi * (1 + math.sqrt(5)), 1 - 2 * n / SPHERE_POINTS
        ring = np.sqrt(1 - height * height)
        places = [ring * np.cos(spiral), ring * np.sin(spiral), height]
        points = np.asarray(np.stack(places, axis=1), np.float64)
    nearest = np.abs(points @ unit.T).argmax(axis=1)
    counted = np.bincount(nearest, minlength=len(unit))
    return np.asarray(counted / SPHERE_POINTS, np.float64)
