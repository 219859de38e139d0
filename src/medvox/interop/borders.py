"""What every bridge needs: checks on the way out, and a volume made of what comes in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core import affine as aff
from medvox.core.axes import CHANNEL, SPATIAL
from medvox.core.errors import DependencyError, GeometryError
from medvox.core.grid import TILT_TOLERANCE_DEG, Grid
from medvox.core.lazy import LazyArray
from medvox.core.volume import Volume

AnyArray = NDArray[Any]
FloatArray = NDArray[np.float64]

SAME_PLACE_MM = 1e-6
"""Geometry that comes back within this is that of `like`, exactly."""
_WIDER: dict[str, type[np.generic]] = {"?": np.uint8, "e": np.float32}
_COSINE = float(np.sin(np.radians(TILT_TOLERANCE_DEG))) * 1.01
_REGULAR_COPY = "Make a regular copy first: medvox.processing.resample.regular_copy(volume)"


def optional(module: str, extra: str) -> Any:
    """Import a library that medvox does not bring along.

    Raises
    ------
    DependencyError
        If it is not installed; names the line to type.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise DependencyError(f"{module} is not installed", advice=f"Type: pip install {extra}") from error


def even_affine(grid: Grid, library: str) -> FloatArray:
    """(k, j, i) -> LPS of an evenly spaced grid; a tilt is kept.

    Raises
    ------
    GeometryError
        If slices are unevenly spaced, which no single affine can say.
    """
    if not grid.is_even:
        raise GeometryError(
            f"{library} holds evenly spaced slices only",
            got=f"slices {np.diff(grid.depths_mm).min():.4g} to {np.diff(grid.depths_mm).max():.4g} mm apart",
            advice=_REGULAR_COPY,
        )
    return grid.affine


def square_affine(grid: Grid, library: str) -> FloatArray:
    """(k, j, i) -> LPS of a grid whose axes are at right angles, within `TILT_TOLERANCE_DEG`.

    The k axis of a single slice, which places no voxel, is taken along the normal.

    Raises
    ------
    GeometryError
        If slices are unevenly spaced or tilted, or rows and columns are not at right angles.
    """
    matrix = even_affine(grid, library)
    if grid.shape[0] == 1 and not aff.is_orthogonal(matrix, _COSINE):
        matrix = matrix.copy()
        matrix[:3, 0] = grid.normal * grid.spacing_mm[0]
    if not grid.is_regular:
        raise GeometryError(
            f"{library} holds no tilted stacks", got=f"tilt {grid.tilt_deg:.2f}°", advice=_REGULAR_COPY
        )
    if not aff.is_orthogonal(matrix, _COSINE):
        row, column = aff.direction(matrix)[:, 1:].T
        raise GeometryError(
            f"{library} holds axes at right angles only",
            got=f"rows and columns with cosine {row @ column:.3g}",
            advice="Resample to a grid of right angles: medvox.processing.resample.resample(volume, grid)",
        )
    return matrix


def channel_last(volume: Volume, values: AnyArray) -> AnyArray:
    """View of values with the channel axis, where there is one, behind i: one pixel's colors together."""
    return np.moveaxis(values, volume.axes.index(CHANNEL), -1) if volume.is_colour else values


def wider(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Type in this machine's byte order that other libraries have too: bool as uint8, float16 as float32."""
    return np.dtype(_WIDER.get(dtype.char, dtype.newbyteorder("=")))


def even_positions(volume: Volume, axis: str) -> tuple[float, float] | None:
    """Start and step along an axis before k; None where it is not there, or has no even positions."""
    positions = np.asarray(volume.coordinates.get(axis, ()), dtype=np.float64)
    if len(positions) < 2:
        return None
    step = float(positions[-1] - positions[0]) / (len(positions) - 1)
    even = positions[0] + step * np.arange(len(positions))
    return (float(positions[0]), step) if step > 0 and np.allclose(even, positions) else None


def arrived(
    data: AnyArray | LazyArray,
    place: Grid | FloatArray,
    library: str,
    *,
    axes: tuple[str, ...] = SPATIAL,
    coordinates: Mapping[str, tuple[float, ...]] | None = None,
    like: Volume | None = None,
) -> Volume:
    """Make a volume of what came from another library.

    Parameters
    ----------
    data
        Values (..., k, j, i), numpy or lazy.
    place
        Its grid, or (k, j, i) -> LPS mm.
    library
        Name for the history.
    axes, coordinates
        As the other library says them.
    like
        Volume that it was made from: gives unit, modality, label, frame of reference, names and positions
        of axes of the same size, and is the parent in the provenance, so that voxels still lead to their
        source slices.

    Returns
    -------
    Volume
        Values in `like`'s unit; its grid is `like`'s own where they agree within `SAME_PLACE_MM`.
    """
    k, j, i = data.shape[-3:]
    grid = place if isinstance(place, Grid) else Grid((k, j, i), place)
    if like is None:
        return Volume(data, grid, axes, coordinates=coordinates or {})
    if grid.is_close(like.grid, SAME_PLACE_MM):
        grid = like.grid
    else:
        grid = replace(grid, frame_of_reference=like.grid.frame_of_reference, space=like.grid.space)
    known = dict(coordinates or {})
    if len(axes) == len(like.axes) and tuple(data.shape[:-3]) == like.shape[:-3]:
        axes = like.axes
        known = dict(like.coordinates)
    return like.derive(data, library, grid, axes=axes, coordinates=known, scalings={})
