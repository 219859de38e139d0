"""What OME-Zarr says of images: multiscales, axes and transformations (NGFF 0.1 to 0.5)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medvox.core.axes import CHANNEL, SPATIAL, TIME
from medvox.core.errors import FormatError, UnsupportedError
from medvox.core.grid import Space
from medvox.formats.ome.array import read_json
from medvox.formats.ome.units import MM, SECONDS

_SPACE = {"z": "k", "y": "j", "x": "i"}
_OLD_AXES = "tczyx"
MOST_AXES = 5


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: its name here (``"time"``, ``"channel"``, ``"k"``), and the mm or seconds of its unit."""

    name: str
    unit: float | None


@dataclass(frozen=True, slots=True)
class Multiscale:
    """One image.

    Parameters
    ----------
    folder
        Group that holds its levels.
    name
        Its name, or empty.
    version
        Of NGFF.
    axes
        As stored, slowest first.
    paths
        Folders of the levels, largest first.
    scale, translation
        Of the largest level, one number an axis, in the units stored.
    """

    folder: Path
    name: str
    version: str
    axes: tuple[Axis, ...]
    paths: tuple[Path, ...]
    scale: tuple[float, ...]
    translation: tuple[float, ...]


def attributes(folder: Path) -> dict[str, Any]:
    """OME's attributes of a group of either version of Zarr; empty where there are none.

    Raises
    ------
    FormatError
        If the metadata is damaged.
    """
    third = read_json(folder / "zarr.json")
    if third is not None:
        said = third.get("attributes")
        ome = said.get("ome") if isinstance(said, dict) else None
        return ome if isinstance(ome, dict) else {}
    return read_json(folder / ".zattrs") or {}


def inside(folder: Path, name: Any, where: Path) -> Path:
    """Return a path below a folder that metadata names.

    Raises
    ------
    FormatError
        If it leads out of the folder.
    """
    text = name if isinstance(name, str) and name and len(name) < 1000 and "\0" not in name else None
    found = folder / text if text else folder
    if text is None or folder.resolve() not in found.resolve().parents:
        raise FormatError("the metadata names no folder within the image", where=where, got=str(name)[:100])
    return found


def multiscales(folder: Path) -> list[Multiscale]:
    """Read the images of a group, and those of its numbered groups (bioformats2raw) and labels.

    Raises
    ------
    UnsupportedError
        If it is a plate or a well, which hold images further down.
    FormatError
        If the metadata makes no sense.
    """
    said = attributes(folder)
    for kind in ("plate", "well"):
        if kind in said:
            text = f"this OME-Zarr is a {kind}: its images lie further down"
            raise UnsupportedError(text, where=folder, advice="Open a field of a well, such as A/1/0")
    found = _of_group(folder, said)
    if not found and "bioformats2raw.layout" in said:
        number = 0
        while (group := folder / str(number)).is_dir():
            found += multiscales(group)
            number += 1
    labels = folder / "labels"
    names = attributes(labels).get("labels") if labels.is_dir() else None
    for name in names if isinstance(names, list) else []:
        group = inside(labels, name, labels)
        found += _of_group(group, attributes(group))
    return found


def _of_group(folder: Path, said: Mapping[str, Any]) -> list[Multiscale]:
    listed = said.get("multiscales")
    if listed is None:
        return []
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise FormatError("multiscales is no list of objects", where=folder)
    return [_multiscale(folder, one, said) for one in listed]


def _multiscale(folder: Path, one: Mapping[str, Any], said: Mapping[str, Any]) -> Multiscale:
    levels = one.get("datasets")
    if not isinstance(levels, list) or not levels or not all(isinstance(level, dict) for level in levels):
        raise FormatError("an image has no datasets", where=folder)
    axes = _axes(one.get("axes"), folder)
    scale, translation = _transformed(levels[0].get("coordinateTransformations"), len(axes), folder)
    more, shift = _transformed(one.get("coordinateTransformations"), len(axes), folder)
    return Multiscale(
        folder=folder,
        name=str(one.get("name") or "")[:200],
        version=str(said.get("version") or one.get("version") or "")[:20],
        axes=axes,
        paths=tuple(inside(folder, level.get("path"), folder) for level in levels),
        scale=tuple(a * b for a, b in zip(scale, more, strict=True)),
        translation=tuple(t * b + s for t, b, s in zip(translation, more, shift, strict=True)),
    )


def _axes(listed: Any, where: Path) -> tuple[Axis, ...]:
    """Read names and units; before 0.4 names alone, before 0.3 always tczyx."""
    listed = list(_OLD_AXES) if listed is None else listed
    if not isinstance(listed, list) or not 2 <= len(listed) <= MOST_AXES:
        raise FormatError("axes is no list of 2 to 5", where=where)
    axes = tuple(_axis(one if isinstance(one, dict) else {"name": one}, where) for one in listed)
    names = [axis.name for axis in axes]
    if len(set(names)) < len(names) or "j" not in names or "i" not in names:
        raise UnsupportedError("the axes of the image are not clear", where=where, got=", ".join(names)[:100])
    return axes


def _axis(one: Mapping[str, Any], where: Path) -> Axis:
    name = one.get("name")
    if not isinstance(name, str) or not 0 < len(name) < 100:
        raise FormatError("an axis has no name", where=where)
    kind = one.get("type") or {"t": "time", "c": "channel"}.get(name, "space" if name in _SPACE else "")
    unit = str(one.get("unit") or "")
    if kind == "space":
        if name.lower() not in _SPACE:
            raise UnsupportedError("an axis of space is not x, y or z", where=where, got=name[:40])
        return Axis(_SPACE[name.lower()], MM.get(unit))
    if kind == "time":
        return Axis(TIME, SECONDS.get(unit))
    return Axis(CHANNEL if kind == "channel" else name, None)


def _transformed(listed: Any, count: int, where: Path) -> tuple[list[float], list[float]]:
    """Scale and translation of a list of transformations, in their order."""
    scale, shift = [1.0] * count, [0.0] * count
    if listed is not None and not isinstance(listed, list):
        raise FormatError("coordinateTransformations is no list", where=where)
    for one in listed or []:
        kind = one.get("type") if isinstance(one, dict) else None
        if kind == "identity":
            continue
        values = one.get(kind) if kind in ("scale", "translation") else None
        if not isinstance(values, list) or len(values) != count:
            text = "a transformation is no scale and no translation of all axes"
            raise UnsupportedError(text, where=where, got=str(kind)[:40])
        if not all(isinstance(v, int | float) and math.isfinite(v) for v in values):
            raise FormatError("a transformation is not made of numbers", where=where)
        if kind == "scale":
            scale = [a * float(v) for a, v in zip(scale, values, strict=True)]
            shift = [a * float(v) for a, v in zip(shift, values, strict=True)]
        else:
            shift = [a + float(v) for a, v in zip(shift, values, strict=True)]
    return scale, shift


def affine_mm(image: Multiscale) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    """Affine from (k, j, i) to millimeters along (x, y, z); None where an axis of space has no unit."""
    places = {axis.name: n for n, axis in enumerate(image.axes)}
    matrix = np.zeros((4, 4))
    matrix[3, 3] = 1
    for column, name in enumerate(SPATIAL):
        row = 2 - column  # k runs along z, j along y, i along x
        if name not in places:
            matrix[row, column] = 1.0
            continue
        unit = image.axes[places[name]].unit
        if unit is None:
            return None
        matrix[row, column] = image.scale[places[name]] * unit
        matrix[row, 3] = image.translation[places[name]] * unit
    return matrix


SPACE = Space.LOCAL
"""NGFF tells distances and a translation, not where in a patient that is."""
