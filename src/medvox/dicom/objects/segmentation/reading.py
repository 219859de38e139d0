"""Read segmentations of any vendor: binary, fractional, label map; overlapping; tiled (PS3.3 A.51)."""

from __future__ import annotations

from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from medvox.core.errors import FormatError, UnsupportedError
from medvox.core.finding import Finding, Level
from medvox.core.grid import Grid
from medvox.core.labels import LabelMap, Segment
from medvox.core.provenance import Provenance
from medvox.dicom.objects.pieces import Stored, decoding, load
from medvox.dicom.objects.segmentation import pixels
from medvox.dicom.objects.segmentation.bits import Layers
from medvox.dicom.objects.segmentation.frames import FrameTable, read_frames
from medvox.dicom.objects.segmentation.planes import Placed, place
from medvox.dicom.objects.segmentation.segments import read_segments

AnyArray = NDArray[Any]
SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"


def read_segmentation(path: str | PathLike[str], grid: Grid | None = None) -> LabelMap:
    """Read a DICOM segmentation.

    Parameters
    ----------
    path
        File of Segmentation Storage or Label Map Segmentation Storage.
    grid
        Grid of the image it was drawn on; the labels get this grid. None: the slices that frames lie on,
        and the empty ones between them where slices are evenly spaced.

    Returns
    -------
    LabelMap
        Segments that overlap are in different layers; fractions are 0..1, a layer each. `findings` tells
        what was odd; `provenance` names the source image of each slice.

    Raises
    ------
    UnsupportedError
        If it is another object.
    FormatError, TruncatedError
        If frames, groups or pixel data contradict each other.
    GeometryError
        If the frames have several orientations, or do not lie on `grid`.
    """
    stored = load(Path(path))
    with decoding(stored.name):
        return _read(stored, grid)


def _read(stored: Stored, grid: Grid | None) -> LabelMap:
    ds = stored.dataset
    if str(ds.get("SOPClassUID")) not in (SEGMENTATION, LABEL_MAP):
        raise UnsupportedError("this is no DICOM segmentation", where=stored.name, got=ds.get("Modality"))
    if not ds.get("Rows") or not ds.get("Columns"):
        raise FormatError("the segmentation has no size", where=stored.name, got="Rows and Columns")
    table = read_frames(stored)
    placed = place(table, ds, stored.name, grid)
    segments, findings = read_segments(ds, stored.name)
    type_ = str(ds.get("SegmentationType") or "BINARY")
    read = {"LABELMAP": _label_map, "FRACTIONAL": _fractional}.get(type_, _binary)
    known = _named(segments, table, type_, stored, findings)
    data, listed = read(stored, table, placed, known)
    findings += _oddities(stored, table, listed, data, type_)
    return LabelMap(
        data,
        placed.grid,
        listed,
        fractional=data.dtype.kind == "f",
        provenance=_provenance(placed),
        findings=(*placed.findings, *findings),
    )


def _named(
    segments: dict[int, Segment], table: FrameTable, type_: str, stored: Stored, findings: list[Finding]
) -> dict[int, Segment]:
    """Add segments that frames refer to and nothing describes."""
    if type_ == "LABELMAP":
        return segments
    used = np.unique(table.segments).tolist()
    if used == [0] and len(segments) == 1:  # one segment that no frame names
        table.segments[:] = next(iter(segments))
        return segments
    missing = [n for n in used if n not in segments]
    if missing:
        text = f"Frames refer to segments that are not described: {missing[:10]}"
        findings.append(Finding("odd-segment", Level.WARNING, stored.name, text, "PS3.3 C.8.20.2"))
    return segments | {n: Segment(n, f"Segment {n}") for n in missing}


def _binary(
    stored: Stored, table: FrameTable, placed: Placed, segments: dict[int, Segment]
) -> tuple[AnyArray, tuple[Segment, ...]]:
    if int(stored.dataset.get("BitsAllocated") or 1) != 1:  # against the standard, but met
        rows = np.packbits(
            pixels.number_frames(stored).reshape(len(table.segments), -1) != 0, axis=1, bitorder="little"
        )
    else:
        rows = pixels.bit_rows(stored)
    shape = placed.grid.shape
    pixels.check_limit(shape, 1, stored.name)
    if placed.corners is not None:
        return _tiles(rows, table, placed, segments, stored)
    layers = Layers(shape, max(segments, default=1))
    listed = []
    for number, segment in sorted(segments.items()):
        mine = np.flatnonzero(table.segments == number)
        layer = layers.paint(number, placed.slices[mine], rows[mine]) if len(mine) else 0
        listed.append(replace(segment, layer=layer))
    return layers.array(), tuple(listed)


def _tiles(
    rows: AnyArray, table: FrameTable, placed: Placed, segments: dict[int, Segment], stored: Stored
) -> tuple[AnyArray, tuple[Segment, ...]]:
    """Tiles of the total pixel matrix; those at the end may reach beyond it."""
    ds, (_, height, width) = stored.dataset, placed.grid.shape
    size = int(ds.Rows), int(ds.Columns)
    layers = Layers((1, height, width), max(segments, default=1))
    assert placed.corners is not None
    listed = []
    for number, segment in sorted(segments.items()):
        mask = np.zeros((height, width), np.uint8)
        for n in np.flatnonzero(table.segments == number):
            tile = np.unpackbits(rows[n], bitorder="little")[: size[0] * size[1]].reshape(size)
            _put(mask, tile, placed.corners[n])
        packed = np.packbits(mask.reshape(1, -1), axis=1, bitorder="little")
        listed.append(replace(segment, layer=layers.paint(number, np.zeros(1, np.int64), packed)))
    return layers.array(), tuple(listed)


def _put(target: AnyArray, tile: AnyArray, corner: AnyArray) -> None:
    row, column = int(corner[0]), int(corner[1])
    part = target[row : row + tile.shape[0], column : column + tile.shape[1]]
    np.maximum(part, tile[: part.shape[0], : part.shape[1]], out=part)


def _label_map(
    stored: Stored, table: FrameTable, placed: Placed, segments: dict[int, Segment]
) -> tuple[AnyArray, tuple[Segment, ...]]:
    frames = pixels.number_frames(stored)
    pixels.check_limit(placed.grid.shape, frames.dtype.itemsize, stored.name)
    data = np.zeros(placed.grid.shape, frames.dtype.newbyteorder("="))
    for n, frame in enumerate(frames):
        if placed.corners is None:
            data[placed.slices[n]] = frame
        else:
            _put(data[0], frame, placed.corners[n])
    padding = stored.dataset.get("PixelPaddingValue")
    if padding is not None and int(padding) and int(padding) not in segments:
        data[data == int(padding)] = 0  # outside of what was segmented (PS3.3 C.8.20.4)
    unknown = [n for n in np.unique(data).tolist() if n and n not in segments]
    named = segments | {n: Segment(n, f"Segment {n}") for n in unknown}
    return data[None], tuple(segment for _, segment in sorted(named.items()))


def _fractional(
    stored: Stored, table: FrameTable, placed: Placed, segments: dict[int, Segment]
) -> tuple[AnyArray, tuple[Segment, ...]]:
    frames = pixels.number_frames(stored)
    most = float(stored.dataset.get("MaximumFractionalValue") or np.iinfo(frames.dtype).max)
    numbers = sorted(segments)
    shape = (max(1, len(numbers)), *placed.grid.shape)
    pixels.check_limit(shape, 4, stored.name)
    data = np.zeros(shape, np.float32)
    for n, number in enumerate(table.segments.tolist()):
        layer = data[numbers.index(number)]
        if placed.corners is None:
            layer[placed.slices[n]] = np.minimum(frames[n] / np.float32(most), 1)
        else:
            _put(layer[0], np.minimum(frames[n] / np.float32(most), 1), placed.corners[n])
    return data, tuple(replace(segments[n], layer=at) for at, n in enumerate(numbers))


def _oddities(
    stored: Stored, table: FrameTable, listed: tuple[Segment, ...], data: AnyArray, type_: str
) -> list[Finding]:
    findings = []
    used = set(table.segments.tolist())
    empty = [s.number for s in listed if s.number not in used] if type_ != "LABELMAP" else []
    if empty:
        text = f"{len(empty)} of {len(listed)} segments have no frame: {empty[:10]}"
        findings.append(Finding("empty-segment", Level.INFO, stored.name, text, "PS3.3 C.8.20.2"))
    layers = len({s.layer for s in listed})
    if type_ == "BINARY" and layers > 1:
        text = f"{len(listed)} segments share voxels: {layers} layers"
        findings.append(Finding("overlapping-segments", Level.INFO, stored.name, text))
    return findings


def _provenance(placed: Placed) -> Provenance:
    """The labels were read; the slices they were drawn on are their parent's."""
    parents = (Provenance(placed.grid, placed.sources, "segmented"),) if placed.sources else ()
    return Provenance(placed.grid, (), "read", (), parents)


def segmentation_type(ds: Dataset) -> str:
    """``"BINARY"``, ``"FRACTIONAL"`` or ``"LABELMAP"``."""
    return str(ds.get("SegmentationType") or "BINARY")
