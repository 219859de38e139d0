"""A fixed set of small volumes that shows what a format keeps: geometry, types, axes, scales, units."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core import affine as aff
from medvox.core.axes import CHANNEL, SPATIAL, TIME
from medvox.core.grid import Grid, Space
from medvox.core.provenance import Provenance, SliceSource
from medvox.core.rescale import Rescale
from medvox.core.volume import Volume, Window

AnyArray = NDArray[Any]
SHAPE = (5, 7, 6)

_AXIAL = np.eye(3)[:, ::-1]


def ramp(shape: tuple[int, ...], dtype: Any) -> AnyArray:
    """Values that differ at every voxel as far as the type can tell them apart."""
    count = int(np.prod(shape))
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return (np.arange(count) * 0.37 - 11.5).reshape(shape).astype(kind)
    info = np.iinfo(kind)
    return (np.arange(count) * 7919 % (info.max - info.min) + info.min).reshape(shape).astype(kind)


def axial_grid(shape: tuple[int, int, int] = SHAPE) -> Grid:
    """Anisotropic axial grid: 3 x 0.75 x 0.5 mm."""
    return Grid(shape, aff.compose((3.0, 0.75, 0.5), _AXIAL, (-12.5, 30.25, -500.0)))


def oblique_grid(shape: tuple[int, int, int] = SHAPE) -> Grid:
    """Rotated about two axes, right angles."""
    a, b = np.radians(21.0), np.radians(-34.0)
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    return Grid(shape, aff.compose((2.5, 1.25, 1.5), about_z @ about_x @ _AXIAL, (40.0, -7.0, 3.5)))


def sheared_grid(shape: tuple[int, int, int] = SHAPE) -> Grid:
    """Gantry tilt of 15 degrees."""
    matrix = axial_grid(shape).affine.copy()
    matrix[1, 0] = 3.0 * np.tan(np.radians(15.0))
    return Grid(shape, matrix)


def uneven_grid(shape: tuple[int, int, int] = SHAPE) -> Grid:
    """Slice distances that grow."""
    even = axial_grid(shape)
    origins = np.repeat(even.origin_mm[None], shape[0], axis=0)
    origins[:, 2] += np.cumsum(np.linspace(2.0, 6.0, shape[0]))
    return Grid.from_origins(shape, even.affine[:3, 1:3], origins)


def sample_volumes() -> dict[str, Volume]:
    """Volumes by name; each shows one thing that a format may or may not keep."""
    axial = axial_grid()
    volumes = {
        f"axial-{name}": Volume(ramp(SHAPE, name), axial)
        for name in ("uint8", "int8", "int16", "uint16", "int32", "uint32", "float32", "float64")
    }
    int16 = volumes["axial-int16"]
    sources = tuple(SliceSource(f"{n}.dcm", 1, f"1.2.826.{n}") for n in range(SHAPE[0]))
    times = {TIME: (1.0, 3.5, 6.0)}
    slopes = Rescale.of(np.linspace(1, 2, SHAPE[0]), np.linspace(-3, 4, SHAPE[0]))
    return volumes | {
        "oblique": replace(int16, grid=oblique_grid(), provenance=None),
        "left-handed": replace(int16, grid=_mirrored(), provenance=None),
        "sheared": replace(int16, grid=sheared_grid(), provenance=None),
        "uneven": replace(int16, grid=uneven_grid(), provenance=None),
        "one-slice": Volume(ramp((1, 7, 6), "uint8"), axial_grid((1, 7, 6))),
        "time": Volume(ramp((3, *SHAPE), "int16"), axial, (TIME, *SPATIAL), coordinates=times),
        "rgb": Volume(ramp((3, *SHAPE), "uint8"), axial, (CHANNEL, *SPATIAL)),
        "rgb-over-time": Volume(ramp((2, 3, *SHAPE), "uint8"), axial, (TIME, CHANNEL, *SPATIAL)),
        "vectors": Volume(ramp((2, *SHAPE), "float32"), axial, (CHANNEL, *SPATIAL)),
        "vectors-over-time": Volume(ramp((3, 2, *SHAPE), "float32"), axial, (TIME, CHANNEL, *SPATIAL)),
        "echoes": Volume(ramp((4, *SHAPE), "int16"), axial, ("echo", *SPATIAL)),
        "rescaled": replace(int16, rescale=Rescale.of(0.5, -1024), unit="HU"),
        "rescaled-decimal": replace(int16, rescale=Rescale.of(0.1, 0.3)),
        "rescaled-by-slice": replace(int16, rescale=slopes, unit="Bq/ml"),
        "bool": Volume(ramp(SHAPE, "uint8") > 99, axial),
        "float16": Volume(ramp(SHAPE, "float32").astype(np.float16), axial),
        "int64": Volume(ramp(SHAPE, "int32").astype(np.int64), axial),
        "local": Volume(ramp(SHAPE, "uint8"), replace(axial, space=Space.LOCAL)),
        "local-plain": Volume(ramp(SHAPE, "uint8"), replace(_plain_grid(), space=Space.LOCAL)),
        "pixels": Volume(ramp(SHAPE, "uint8"), Grid.pixels(SHAPE)),
        "named": replace(
            int16,
            grid=replace(axial, frame_of_reference="1.2.3.4"),
            modality="CT",
            meaning="display value",
            display=replace(int16.display, windows=(Window(40, 400, "soft"),)),
            provenance=Provenance(axial, sources),
        ),
    }


def _plain_grid() -> Grid:
    return Grid(SHAPE, aff.compose((2.0, 0.5, 0.5), _AXIAL, (0, 0, 0)))


def _mirrored() -> Grid:
    grid = oblique_grid()
    matrix = grid.affine.copy()
    matrix[:3, 0] *= -1
    return Grid(grid.shape, matrix)
