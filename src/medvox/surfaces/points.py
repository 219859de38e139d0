"""Points to surfaces: normals, and Poisson reconstruction."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import UsageError
from medvox.core.grid import Grid
from medvox.core.mesh import Mesh
from medvox.surfaces.editing import split
from medvox.surfaces.isosurface import isosurface
from medvox.surfaces.vtk_bridge import poly_data, run

FloatArray = NDArray[np.float64]
MOST_SIDE = 250


def _tree(points: FloatArray) -> Any:
    from scipy.spatial import cKDTree

    return cKDTree(points)


def clean(cloud: Mesh, neighbors: int = 16, deviations: float = 3.0) -> tuple[Mesh, int]:
    """Leave out stray points: those whose mean distance to their neighbors is far above the usual.

    Returns
    -------
    Mesh
        The cloud without them.
    int
        How many were left out, doubles included.
    """
    points, first = np.unique(cloud.vertices_mm, axis=0, return_index=True)
    distance, _ = _tree(points).query(points, k=min(neighbors + 1, len(points)))
    mean = distance[:, 1:].mean(axis=1)
    kept = mean <= np.median(mean) + deviations * max(float(mean.std()), 1e-12)
    colors = None if cloud.vertex_colors is None else cloud.vertex_colors[first][kept]
    made = replace(cloud, vertices_mm=points[kept], faces=np.zeros((0, 3), np.int64), vertex_colors=colors)
    return made, len(cloud.vertices_mm) - int(kept.sum())


def normals_of(points_mm: FloatArray, neighbors: int = 16) -> FloatArray:
    """(n, 3) unit normals by principal components, turned alike across the cloud and outwards (VTK)."""
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkFiltersPoints import vtkPCANormalEstimation

    if len(points_mm) <= neighbors:
        raise UsageError("too few points for normals", got=len(points_mm), expected=f"> {neighbors}")
    made = vtkPCANormalEstimation()
    made.SetSampleSize(neighbors)
    made.SetNormalOrientationToGraphTraversal()
    normals = np.array(
        vtk_to_numpy(run(made, poly_data(points_mm)).GetPointData().GetNormals()), dtype=np.float64
    )
    outwards = np.einsum("ij,ij->", points_mm - points_mm.mean(axis=0), normals)
    return normals if outwards >= 0 else -normals


def reconstruct(
    cloud: Mesh, step_mm: float | None = None, neighbors: int = 16, trim_mm: float | None = None
) -> Mesh:
    """Closed surface through a cloud of points: Poisson reconstruction on a regular grid.

    Normals are spread over the grid; the function whose gradient they are is found by fast Fourier transform
    (Kazhdan 2005), and the surface is where it has its mean value at the points.

    Parameters
    ----------
    step_mm
        Cell of the grid; None: the usual distance of points.
    trim_mm
        Leave out faces farther than this from any point, for scans that are open; None: keep it closed.

    Raises
    ------
    UsageError
        If there are too few points, or no surface goes through them.
    """
    from scipy.ndimage import map_coordinates

    points = cloud.vertices_mm
    normals = normals_of(points, neighbors)
    tree = _tree(points)
    gap, _ = tree.query(points, k=2)
    reach = float(np.ptp(points, axis=0).max())
    step = max(step_mm or float(np.median(gap[:, 1])), reach / MOST_SIDE)
    low = points.min(axis=0) - 0.1 * reach - 4 * step
    shape = tuple(int(n) for n in np.ceil((points.max(axis=0) - low + 0.1 * reach) / step)[::-1] + 5)
    index = ((points - low) / step)[:, ::-1]
    field = _poisson(index, normals[:, ::-1], (shape[0], shape[1], shape[2]))
    level = float(np.mean(map_coordinates(field, index.T, order=1)))
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3)[:, ::-1] * step
    matrix[:3, 3] = low
    grid = Grid((shape[0], shape[1], shape[2]), matrix)
    made = max(split(isosurface(field, grid, level).mesh(1)), key=lambda m: len(m.faces))
    if trim_mm is not None:
        away, _ = tree.query(made.vertices_mm)
        made = replace(made, faces=made.faces[(away[made.faces] <= trim_mm).all(axis=1)])
    return replace(made, name=cloud.name, color=cloud.color)


def _poisson(index: FloatArray, normals: FloatArray, shape: tuple[int, int, int]) -> FloatArray:
    """Function that falls outwards across oriented points, on a grid: minus the indicator, smoothed."""
    from scipy.fft import irfftn, rfftn
    from scipy.ndimage import gaussian_filter

    base = np.floor(index).astype(np.int64)
    part = index - base
    field = np.zeros((3, *shape))
    weight = np.zeros(shape)
    for corner in np.ndindex(2, 2, 2):
        share = np.prod(np.where(corner, part, 1 - part), axis=1)
        place = tuple((base + corner).T)
        np.add.at(weight, place, share)
        for n in range(3):
            np.add.at(field[n], place, share * normals[:, n])
    spread = gaussian_filter(weight, 2.0)
    smooth = [gaussian_filter(f, 1.2) / np.maximum(spread, 1e-3 * spread.max()) for f in field]
    waves = np.meshgrid(*(np.fft.fftfreq(n) for n in shape[:2]), np.fft.rfftfreq(shape[2]), indexing="ij")
    square = 2 * sum(1 - np.cos(2 * np.pi * w) for w in waves)
    square[0, 0, 0] = 1.0
    divergence = sum(2j * np.pi * w * rfftn(f) for w, f in zip(waves, smooth, strict=True))
    return np.asarray(irfftn(divergence / square, shape))
