"""Volume to and from xarray.DataArray, its place in space among the attributes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from medvox.core.errors import GeometryError
from medvox.core.grid import Grid, Space
from medvox.core.volume import Volume
from medvox.interop.borders import arrived, optional

if TYPE_CHECKING:
    import xarray

LIBRARY = "xarray"
AFFINE = "affine_kji_to_lps_mm"
ORIGINS = "slice_origins_lps_mm"


def to_xarray(volume: Volume) -> xarray.DataArray:
    """Make an xarray.DataArray of a volume.

    Returns
    -------
    xarray.DataArray
        Dimensions named by `volume.axes`, coordinates along axes such as time, values in `volume.unit`
        (attribute ``units``). Since an oblique grid has no coordinates along its axes, the affine is an
        attribute (`AFFINE`), and so are the positions of uneven slices (`ORIGINS`): they hold as long as
        k, j and i are not cut. Memory is shared where the stored values are the values.

    Raises
    ------
    DependencyError
        If xarray is not installed.
    """
    xr = optional("xarray", "xarray")
    grid = volume.grid
    attributes = {"units": volume.unit, "space": str(grid.space), AFFINE: grid.affine.tolist()}
    if grid.slice_origins_mm is not None:
        attributes[ORIGINS] = grid.slice_origins_mm.tolist()
    coordinates = {name: list(values) for name, values in volume.coordinates.items()}
    return xr.DataArray(
        volume.values(), dims=volume.axes, coords=coordinates, attrs=attributes, name=volume.label or None
    )


def from_xarray(array: xarray.DataArray, *, like: Volume | None = None) -> Volume:
    """Make a volume of an xarray.DataArray, sharing its memory.

    Parameters
    ----------
    array
        Dimensions end in k, j, i; its attributes say the place, as `to_xarray` writes them.
    like
        Volume that it was made from, see `medvox.interop.borders.arrived`; its grid holds where the array
        has no such attributes and the same shape.

    Raises
    ------
    GeometryError
        If nothing says where the voxels are.
    """
    shape = tuple(array.shape[-3:])
    axes = tuple(str(name) for name in array.dims)
    coordinates = {name: tuple(map(float, array.coords[name])) for name in axes if name in array.coords}
    if AFFINE in array.attrs:
        grid = Grid(
            (int(shape[0]), int(shape[1]), int(shape[2])),
            np.asarray(array.attrs[AFFINE], dtype=np.float64),
            None,
            np.asarray(array.attrs[ORIGINS]) if ORIGINS in array.attrs else None,
            Space(array.attrs.get("space", Space.PATIENT)),
        )
    elif like is not None and like.grid.shape == shape:
        grid = like.grid
    else:
        raise GeometryError(
            "nothing says where the voxels are",
            advice=f"Give the attribute {AFFINE} (4 × 4), or like=volume of the same shape",
        )
    made = arrived(array.values, grid, LIBRARY, axes=axes, coordinates=coordinates, like=like)
    return replace(made, unit=str(array.attrs.get("units", made.unit)))
