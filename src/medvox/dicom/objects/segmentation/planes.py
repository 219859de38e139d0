"""The grid that the frames of a segmentation lie on, and which of its slices each frame is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from medvox.core.affine import compose
from medvox.core.errors import GeometryError, LimitError
from medvox.core.finding import Finding, Level
from medvox.core.grid import EVEN_TOLERANCE, Grid, Space
from medvox.core.provenance import SliceSource
from medvox.dicom.objects.segmentation.frames import FrameTable, Measures

SAME_PLACE_MM = 0.01
"""Frames whose first voxels are this close lie on one slice."""
SAME_DIRECTION = 1e-3
MOST_SLICES = 1 << 16
FloatArray = NDArray[np.float64]
REFERENCE = "PS3.3 C.8.20"


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """Frames on a grid.

    Parameters
    ----------
    grid
        Of the label map.
    slices
        (n,) slice of each frame.
    corners
        (n, 2) first row and column of each frame, or None where frames fill the slices.
    sources
        Source image of each slice.
    findings
        What was assumed.
    """

    grid: Grid
    slices: NDArray[np.int64]
    corners: NDArray[np.int64] | None
    sources: tuple[SliceSource, ...]
    findings: tuple[Finding, ...] = ()


def place(table: FrameTable, ds: Dataset, where: str, onto: Grid | None = None) -> Placed:
    """Find the slices that frames lie on.

    Parameters
    ----------
    onto
        Grid of the source image: the label map gets this grid, if all frames lie on its slices.

    Raises
    ------
    GeometryError
        If frames have several orientations, or do not lie on the slices of `onto`.
    """
    frame = str(ds.get("FrameOfReferenceUID") or "") or None
    size = int(ds.Rows), int(ds.Columns)
    if table.corners is not None:
        return _tiled(table, ds)
    if not table.is_placed:
        return _unplaced(table, size, where)
    if onto is not None:
        return _onto(table, onto, size, where)
    return _stack(table, size, frame, where)


def _stack(table: FrameTable, size: tuple[int, int], frame: str | None, where: str) -> Placed:
    directions = table.orientations[0].reshape(2, 3)
    if np.abs(table.orientations - table.orientations[0]).max() > SAME_DIRECTION:
        raise GeometryError(
            "the frames have several orientations", where=where, expected="one orientation for all frames",
            advice="Only segmentations of parallel slices can be read",
        )  # fmt: skip
    spacing = table.measures.spacing_mm
    findings: list[Finding] = []
    if spacing is None:
        findings.append(
            Finding("no-spacing", Level.WARNING, where, "No Pixel Spacing is given: 1 mm assumed")
        )
        spacing = (1.0, 1.0)
    normal = np.cross(directions[0], directions[1])
    origins, slices = _distinct(table.positions_mm, normal)
    in_plane = np.stack([directions[1] * spacing[0], directions[0] * spacing[1]], axis=1)
    if len(origins) == 1:
        grid = _single(origins[0], in_plane, normal, size, table.measures, frame)
        return Placed(grid, slices, None, _sources(table, slices, 1), tuple(findings))
    filled, at, notes = _filled(origins, normal, table.measures, where)
    grid = Grid.from_origins((len(filled), *size), in_plane, filled, frame)
    slices = at[slices]
    return Placed(grid, slices, None, _sources(table, slices, len(filled)), (*findings, *notes))


def _distinct(positions: FloatArray, normal: FloatArray) -> tuple[FloatArray, NDArray[np.int64]]:
    """Distinct positions along the normal, and which of them each frame has."""
    depths = positions @ normal
    order = np.argsort(depths, kind="stable")
    new = np.concatenate([[True], np.diff(depths[order]) > SAME_PLACE_MM])
    slices = np.empty(len(depths), np.int64)
    slices[order] = np.cumsum(new) - 1
    return positions[order][new], slices


def _single(
    origin: FloatArray,
    in_plane: FloatArray,
    normal: FloatArray,
    size: tuple[int, int],
    measures: Measures,
    frame: str | None,
) -> Grid:
    matrix = np.eye(4)
    matrix[:3, 0] = normal * (measures.step_mm or measures.thickness_mm or 1.0)
    matrix[:3, 1:3], matrix[:3, 3] = in_plane, origin
    return Grid((1, *size), matrix, frame)


def _filled(
    origins: FloatArray, normal: FloatArray, measures: Measures, where: str
) -> tuple[FloatArray, NDArray[np.int64], list[Finding]]:
    """Put back the empty slices that were left out between frames, where the distance tells how many.

    Returns
    -------
    origins of all slices, the slice of each given one, findings
    """
    gaps = np.diff(origins @ normal)
    same = np.arange(len(origins))
    for step in (measures.step_mm, float(gaps.min())):
        if step is None:
            continue
        counts = np.rint(gaps / step).astype(np.int64)
        if (counts < 1).any() or np.abs(gaps - counts * step).max() > max(
            EVEN_TOLERANCE * step, SAME_PLACE_MM
        ):
            continue
        if (counts == 1).all():
            return origins, same, []
        at = np.concatenate([[0], np.cumsum(counts)])
        if at[-1] >= MOST_SLICES:
            raise LimitError(
                "the frames are too far apart", where=where, got=f"{at[-1] + 1} slices", expected=MOST_SLICES
            )
        every = np.arange(at[-1] + 1)
        filled = np.stack([np.interp(every, at, origins[:, n]) for n in range(3)], axis=1)
        empty = len(every) - len(origins)
        text = f"{len(origins)} of {len(every)} slices have frames, {empty} between are empty"
        return filled, at, [Finding("grid-from-frames", Level.INFO, where, text, REFERENCE)]
    return origins, same, []


def _onto(table: FrameTable, grid: Grid, size: tuple[int, int], where: str) -> Placed:
    wanted = np.concatenate([grid.direction[:, 2], grid.direction[:, 1]])
    apart = np.abs(table.positions_mm[:, None] - grid.origins_mm[None]).max(axis=2)
    slices = apart.argmin(axis=1)
    off = int((apart.min(axis=1) > SAME_PLACE_MM).sum())
    if size != grid.shape[1:] or off or np.abs(table.orientations - wanted).max() > SAME_DIRECTION:
        raise GeometryError(
            "the frames do not lie on the slices of the source image",
            where=where,
            got=f"{off} of {len(slices)} frames elsewhere, {size[0]} x {size[1]} voxels",
            expected=f"{grid.shape[1]} x {grid.shape[2]} voxels on its slices",
            advice="Read it without the source, or name the image it was drawn on",
        )
    return Placed(grid, slices, None, _sources(table, slices, grid.shape[0]))


def _unplaced(table: FrameTable, size: tuple[int, int], where: str) -> Placed:
    """Frames without a place: a slice for each source image (radiographs, photographs)."""
    keys: dict[SliceSource | None, int] = {}
    slices = np.array([keys.setdefault(source, len(keys)) for source in table.sources])
    shape = (len(keys), *size)
    spacing = table.measures.spacing_mm
    grid = Grid.pixels(shape)
    if spacing is not None:
        grid = Grid(
            shape, compose((min(spacing), *spacing), np.eye(3)[:, ::-1], (0, 0, 0)), space=Space.LOCAL
        )
    note = Finding("no-geometry", Level.INFO, where, "No positions are given: slices are the source images")
    return Placed(grid, slices, None, _sources(table, slices, len(keys)), (note,))


def _tiled(table: FrameTable, ds: Dataset) -> Placed:
    """Tiles of a whole-slide image: one slice of the total pixel matrix."""
    shape = (1, int(ds.TotalPixelMatrixRows), int(ds.TotalPixelMatrixColumns))
    spacing = table.measures.spacing_mm
    grid = Grid.pixels(shape)
    if spacing is not None:
        matrix = compose((min(spacing), *spacing), np.eye(3)[:, ::-1], (0, 0, 0))
        grid = Grid(shape, matrix, str(ds.get("FrameOfReferenceUID") or "") or None, space=Space.LOCAL)
    return Placed(grid, np.zeros(len(table.segments), np.int64), table.corners, ())


def _sources(table: FrameTable, slices: NDArray[np.int64], count: int) -> tuple[SliceSource, ...]:
    """Source image of each slice, nothing known where no frame lies on it; empty where none is known."""
    if not any(table.sources):
        return ()
    found = [SliceSource("")] * count
    for n, source in zip(slices.tolist(), table.sources, strict=True):
        if source is not None:
            found[n] = source
    return tuple(found)
