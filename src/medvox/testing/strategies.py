"""Hypothesis strategies: affines, grids and volumes as they occur in medical images."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from medvox.core import affine as aff
from medvox.core.axes import CHANNEL, SPATIAL, TIME
from medvox.core.grid import Grid
from medvox.core.rescale import Rescale
from medvox.core.volume import Volume

FloatArray = NDArray[np.float64]
DTYPES = ("uint8", "int16", "uint16", "int32", "float32", "float64")


@st.composite
def rotations(draw: st.DrawFn) -> FloatArray:
    """(3, 3) orthogonal matrices of either handedness."""
    q = np.array([draw(st.integers(-1000, 1000)) for _ in range(4)], dtype=float)
    a, b, c, d = q / np.linalg.norm(q) if q.any() else np.array([1.0, 0, 0, 0])
    matrix = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    if draw(st.booleans()):
        matrix[:, 0] *= -1
    return matrix


@st.composite
def affines(draw: st.DrawFn, shear: bool = True) -> FloatArray:
    """(4, 4) affines: spacing 0.05 to 20 mm, any rotation, tilts up to about 30 degrees."""
    spacing = [draw(st.floats(0.05, 20.0)) for _ in range(3)]
    origin = [draw(st.floats(-2000.0, 2000.0)) for _ in range(3)]
    matrix = aff.compose(spacing, draw(rotations()), origin).copy()
    if shear and draw(st.booleans()):
        tilt = draw(st.floats(-0.6, 0.6)) * spacing[0]
        matrix[:3, 0] += tilt * aff.direction(matrix)[:, 1]
    return aff.check(matrix)


@st.composite
def grids(draw: st.DrawFn, longest: int = 6, shear: bool = True) -> Grid:
    """Grids of up to `longest` voxels a side."""
    sizes = [draw(st.integers(1, longest)) for _ in range(3)]
    return Grid((sizes[0], sizes[1], sizes[2]), draw(affines(shear=shear)))


@st.composite
def volumes(
    draw: st.DrawFn,
    dtypes: tuple[str, ...] = DTYPES,
    longest: int = 6,
    shear: bool = True,
    colour: bool = True,
) -> Volume:
    """Volumes of any type, with a time or colour axis or none, rescaled or not."""
    grid = draw(grids(longest, shear))
    kind = draw(st.sampled_from(["plain", "time", *(["colour"] if colour else [])]))
    dtype = np.dtype("uint8" if kind == "colour" else draw(st.sampled_from(dtypes)))
    count = {"plain": None, "time": draw(st.integers(2, 4)), "colour": 3}[kind]
    lead: tuple[int, ...] = () if count is None else (count,)
    axes = {"plain": SPATIAL, "time": (TIME, *SPATIAL), "colour": (CHANNEL, *SPATIAL)}[kind]
    values = _values(draw(st.integers(0, 2**32 - 1)), (*lead, *grid.shape), dtype)
    scaled = kind != "colour" and draw(st.booleans())
    rescale = Rescale.of(draw(st.sampled_from([0.5, 2.0, 0.125])), -1024) if scaled else Rescale()
    coordinates = {TIME: tuple(2.5 * n for n in range(lead[0]))} if kind == "time" else {}
    return Volume(values, grid, axes, rescale=rescale, coordinates=coordinates)


def _values(seed: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    rng = np.random.default_rng(seed)
    if dtype.kind == "f":
        return rng.normal(0, 1000, shape).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, shape, dtype, endpoint=True)
