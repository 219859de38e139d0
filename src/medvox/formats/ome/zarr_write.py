"""Writing OME-Zarr: chunks packed by Blosc, and a pyramid of levels each half as fine."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core import affine as aff
from medvox.core import settings
from medvox.core.axes import CHANNEL, SPATIAL, TIME
from medvox.core.errors import UnsupportedError
from medvox.core.grid import Space
from medvox.core.progress import Progress, silent
from medvox.core.volume import Volume
from medvox.formats.atomic import atomic_folder
from medvox.formats.losses import common_losses, even_step, place_losses
from medvox.formats.stored import stored_values

AnyArray = NDArray[Any]

CHUNK = (16, 256, 256)
"""Largest chunk along (k, j, i)."""
_SMALLEST = 256
"""Levels are added until rows and columns are no more than this."""
_LEVEL = 5
_LETTERS = {TIME: "t", CHANNEL: "c", "k": "z", "j": "y", "i": "x"}
_KINDS = {TIME: "time", CHANNEL: "channel", "k": "space", "j": "space", "i": "space"}
_TYPES = frozenset(("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"))


@dataclass(frozen=True, slots=True)
class _Scale:
    """Scale and translation of one level, one number an axis of the array."""

    scale: tuple[float, ...]
    shift: tuple[float, ...]


def write_image(volume: Volume, path: Path, version: str, progress: Progress = silent) -> list[str]:
    """Write a volume as a folder.

    Returns
    -------
    list of str
        What the format does not hold.

    Raises
    ------
    UnsupportedError
        If there are more axes than NGFF allows, or no such version.
    """
    if version not in ("0.4", "0.5"):
        raise UnsupportedError("this NGFF cannot be written", where=path, got=version, expected="0.4 or 0.5")
    others = [name for name in volume.axes[:-3] if name != TIME]
    if len(others) > 1:
        raise UnsupportedError(
            "OME-Zarr holds time and one more axis before the slices",
            where=path,
            got=", ".join(volume.axes),
            advice="Write one position at a time (volume.at)",
        )
    stored = stored_values(volume, _accepted, progress, keeps_rescale=False)
    order = [name for name in (TIME, *others) if name in volume.axes] + list(SPATIAL)
    values = stored.values.transpose([volume.axes.index(name) for name in order])
    scale = _scale(volume, order)
    with atomic_folder(path) as folder:
        levels: list[_Scale] = []
        while True:
            _write_array(values, folder / str(len(levels)), [_letter(n) for n in order], version, progress)
            levels.append(scale)
            factors = _factors(values.shape, scale)
            if max(values.shape[-2:]) <= _SMALLEST or max(factors) == 1:
                break
            values, scale = _halved(values, factors), _coarser(scale, factors)
        _write_group(folder, version, _multiscale(volume, order, levels, version))
    keeps = ["axis_names"] + (["even_times"] if TIME in order else [])
    keeps += ["space"] if volume.grid.space in (Space.LOCAL, Space.PIXEL) else []
    losses = common_losses(volume, keeps)
    if volume.grid.space is Space.LOCAL and _plain_origin(volume) is not None:
        return [*losses, *stored.losses]
    return [*losses, *place_losses(volume.grid), *stored.losses]


def _accepted(dtype: np.dtype[Any]) -> np.dtype[Any] | None:
    return dtype.newbyteorder("=") if dtype.str[1:] in _TYPES else None


def _letter(name: str) -> str:
    return _LETTERS.get(name, name)


def _plain_origin(volume: Volume) -> tuple[float, ...] | None:
    """Position of the first voxel along (z, y, x) where the axes run along z, y and x; else None."""
    grid = volume.grid
    x, y, z = (float(v) for v in grid.affine[:3, 3])
    plain = aff.compose(grid.spacing_mm, np.eye(3)[:, ::-1], (x, y, z))
    return (z, y, x) if np.allclose(grid.affine, plain, atol=1e-6) else None


def _scale(volume: Volume, order: list[str]) -> _Scale:
    lead = [name for name in order if name not in SPATIAL]
    start, step = even_step(volume) or (0.0, 1.0)
    scale, shift = (
        [step if name == TIME else 1.0 for name in lead],
        [start if name == TIME else 0.0 for name in lead],
    )
    return _Scale((*scale, *volume.grid.spacing_mm), (*shift, *(_plain_origin(volume) or (0.0, 0.0, 0.0))))


# -- levels -------------------------------------------------------------------------------------


def _factors(shape: tuple[int, ...], scale: _Scale) -> tuple[int, ...]:
    """By how much each axis is made coarser: by 2 in space, but for axes half as fine as the finest."""
    finest = min(scale.scale[-2:])
    halved = [
        2 if n > 1 and step < 2 * finest else 1 for n, step in zip(shape[-3:], scale.scale[-3:], strict=True)
    ]
    return (*([1] * (len(shape) - 3)), *halved)


def _halved(values: AnyArray, factors: tuple[int, ...]) -> AnyArray:
    """Mean of neighbours along axes of factor 2; a last one alone stands for itself."""
    for axis, factor in enumerate(factors):
        if factor == 1:
            continue
        even = np.take(values, range(0, values.shape[axis], 2), axis)
        odd = np.take(values, range(1, values.shape[axis], 2), axis)
        if odd.shape[axis] < even.shape[axis]:
            odd = np.concatenate([odd, np.take(even, [-1], axis)], axis)
        if values.dtype.kind == "f":
            values = ((even + odd) / 2).astype(values.dtype)
        else:
            values = (even >> 1) + (odd >> 1) + (even & odd & 1)
    return values


def _coarser(scale: _Scale, factors: tuple[int, ...]) -> _Scale:
    """Scale of the next level; its voxels lie in the middle of those they stand for."""
    shift = (t + (f - 1) / 2 * s for t, s, f in zip(scale.shift, scale.scale, factors, strict=True))
    return _Scale(tuple(s * f for s, f in zip(scale.scale, factors, strict=True)), tuple(shift))


# -- files --------------------------------------------------------------------------------------


def _write_array(
    values: AnyArray, folder: Path, letters: list[str], version: str, progress: Progress
) -> None:
    import imagecodecs

    chunk = (*([1] * (values.ndim - 3)), *(min(n, c) for n, c in zip(values.shape[-3:], CHUNK, strict=True)))
    counts = [-(-n // c) for n, c in zip(values.shape, chunk, strict=True)]
    little = values.dtype.newbyteorder("<")
    base = folder if version == "0.4" else folder / "c"

    def write(at: tuple[int, ...]) -> None:
        part = values[tuple(slice(n * c, (n + 1) * c) for n, c in zip(at, chunk, strict=True))]
        whole = np.zeros(chunk, little)
        whole[tuple(slice(0, n) for n in part.shape)] = part
        packed = imagecodecs.blosc_encode(
            whole.tobytes(),
            level=_LEVEL,
            compressor="zstd",
            shuffle=1,
            typesize=little.itemsize,
            numthreads=1,
        )
        place = base.joinpath(*(str(n) for n in at))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(packed)

    folder.mkdir(parents=True)
    numbers = list(product(*(range(n) for n in counts)))
    with ThreadPoolExecutor(settings.current().threads) as pool:
        for done, _ in enumerate(pool.map(write, numbers), start=1):
            progress(done, len(numbers), f"Writing level {folder.name}")
    name, metadata = _array_metadata(values, chunk, little, version)
    metadata |= {"dimension_names": letters} if version == "0.5" else {}
    _write_json(folder / name, metadata)


def _array_metadata(
    values: AnyArray, chunk: tuple[int, ...], little: np.dtype[Any], version: str
) -> tuple[str, dict[str, Any]]:
    common = {"shape": list(values.shape), "fill_value": 0}
    if version == "0.4":
        return ".zarray", {
            "zarr_format": 2,
            **common,
            "chunks": list(chunk),
            "dtype": little.str,
            "compressor": {"id": "blosc", "cname": "zstd", "clevel": _LEVEL, "shuffle": 1, "blocksize": 0},
            "filters": None,
            "order": "C",
            "dimension_separator": "/",
        }
    blosc = {
        "cname": "zstd",
        "clevel": _LEVEL,
        "shuffle": "shuffle",
        "typesize": little.itemsize,
        "blocksize": 0,
    }
    return "zarr.json", {
        "zarr_format": 3,
        "node_type": "array",
        **common,
        "data_type": values.dtype.name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(chunk)}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "codecs": [
            {"name": "bytes", "configuration": {"endian": "little"}}
            if little.itemsize > 1
            else {"name": "bytes"},
            {"name": "blosc", "configuration": blosc},
        ],
        "attributes": {},
    }


def _write_group(folder: Path, version: str, multiscale: dict[str, Any]) -> None:
    if version == "0.4":
        _write_json(folder / ".zgroup", {"zarr_format": 2})
        _write_json(folder / ".zattrs", {"multiscales": [multiscale]})
        return
    said = {"ome": {"version": version, "multiscales": [multiscale]}}
    _write_json(folder / "zarr.json", {"zarr_format": 3, "node_type": "group", "attributes": said})


def _multiscale(volume: Volume, order: list[str], levels: list[_Scale], version: str) -> dict[str, Any]:
    known = volume.grid.space is not Space.PIXEL
    units = dict.fromkeys(SPATIAL, "millimeter") if known else {}
    if TIME in volume.coordinates and even_step(volume) is not None:
        units[TIME] = "second"
    axes = []
    for name in order:
        axis = {"name": _letter(name)}
        axis |= {"type": _KINDS[name]} if name in _KINDS else {}
        axes.append(axis | ({"unit": units[name]} if name in units else {}))
    datasets = [
        {
            "path": str(n),
            "coordinateTransformations": [
                {"type": "scale", "scale": list(level.scale)},
                {"type": "translation", "translation": list(level.shift)},
            ],
        }
        for n, level in enumerate(levels)
    ]
    old = {"version": version} if version == "0.4" else {}
    return {**old, "name": "medvox", "axes": axes, "datasets": datasets, "type": "local mean"}


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")
