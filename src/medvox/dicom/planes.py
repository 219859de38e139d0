"""Slices in parallel planes: which belong on one grid, and which lie at one position."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import MedvoxError
from medvox.dicom import tags
from medvox.dicom.header import Header
from medvox.dicom.lut import rescale_table_of
from medvox.dicom.slices import Slice

POSITION_TOLERANCE_MM = 0.05
ORIENTATION_TOLERANCE = 2e-3
_AROUND = tuple(product((0, -1, 1), repeat=3))


def _plane_key(s: Slice, tables: dict[int, Hashable]) -> Hashable:
    """Size, spacing and modality LUT: slices that differ in them share no image."""
    spacing = _rounded(s.spacing_mm)
    table = None
    if tags.MODALITY_LUT in s.header:
        if id(s.header) not in tables:
            tables[id(s.header)] = _table_of(s.header)
        table = tables[id(s.header)]
    return s.rows, s.columns, s.header.integer(tags.SAMPLES_PER_PIXEL) or 1, spacing, table


@lru_cache(maxsize=1024)
def _rounded(spacing_mm: tuple[float, float] | None) -> tuple[float, ...]:
    return tuple(float(f"{x:.5g}") for x in spacing_mm or ())


def _table_of(header: Header) -> Hashable:
    try:
        table = rescale_table_of(header)
    except MedvoxError:
        return header.file  # told when it is opened
    return None if table is None else (table.first, table.entries.tobytes())


def by_plane(slices: Sequence[Slice]) -> list[list[Slice]]:
    """Group slices of one size, spacing and orientation; nearly equal orientations join."""
    groups: dict[Hashable, list[list[Slice]]] = defaultdict(list)
    tables: dict[int, Hashable] = {}
    for s in slices:
        known = groups[_plane_key(s, tables)]
        for members in known:
            if _same_orientation(members[0].orientation, s.orientation):
                members.append(s)
                break
        else:
            known.append([s])
    return [members for known in groups.values() for members in known]


def _same_orientation(first: tuple[float, ...], second: tuple[float, ...]) -> bool:
    return first == second or all(
        abs(a - b) <= ORIENTATION_TOLERANCE for a, b in zip(first, second, strict=True)
    )


def orientations(groups: Sequence[Sequence[Slice]]) -> int:
    """Count the orientations that differ between groups."""
    found: list[tuple[float, ...]] = []
    for group in groups:
        if not any(_same_orientation(other, group[0].orientation) for other in found):
            found.append(group[0].orientation)
    return len(found)


def plane_word(s: Slice) -> str:
    """Name of the plane that a slice lies nearest to: sagittal, coronal or axial."""
    normal = np.abs(np.cross(s.orientation[:3], s.orientation[3:]))
    return ("sagittal", "coronal", "axial")[int(normal.argmax())]


def positions(slices: Sequence[Slice]) -> NDArray[np.intp]:
    """Number of the position of each slice, ascending along row × column."""
    first = slices[0]
    points = np.array([s.position_mm for s in slices], dtype=np.float64)
    places, which = np.unique(np.round(points, 6), axis=0, return_inverse=True)
    with np.errstate(over="ignore", invalid="ignore"):  # absurd positions are told by the grid
        depths = places @ np.cross(first.orientation[:3], first.orientation[3:])
    tolerance = min(POSITION_TOLERANCE_MM, 0.1 * min(first.spacing_mm or (1.0,)))
    order = np.lexsort((places[:, 2], places[:, 1], places[:, 0], depths))
    if (np.diff(depths[order]) > tolerance * np.sqrt(3)).all():  # no two can be one
        return np.argsort(order)[which.reshape(-1)]
    return _clusters(places, order, tolerance)[which.reshape(-1)]


def _clusters(places: NDArray[np.float64], order: NDArray[np.intp], tolerance: float) -> NDArray[np.intp]:
    """Number of the cluster of each place: within `tolerance` of its first place, in each coordinate.

    Cells as wide as the tolerance hold at most one first place, so the neighboring 27 tell.
    """
    with np.errstate(over="ignore"):
        cells = np.floor(places / tolerance).tolist()
    coordinates = places.tolist()
    numbers = np.zeros(len(places), dtype=np.intp)
    firsts: dict[tuple[float, float, float], tuple[int, list[float]]] = {}
    for n in order.tolist():
        x, y, z = cells[n]
        around = (firsts.get((x + a, y + b, z + c)) for a, b, c in _AROUND)
        near = (f for f in around if f and _near(f[1], coordinates[n], tolerance))
        number, _ = next(near, (len(firsts), None))
        if number == len(firsts):
            firsts[x, y, z] = number, coordinates[n]
        numbers[n] = number
    return numbers


def _near(first: Sequence[float], second: Sequence[float], tolerance: float) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(first, second, strict=True))
