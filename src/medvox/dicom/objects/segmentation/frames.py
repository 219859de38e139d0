"""Frames of a segmentation: which segment, where, and drawn on which source (PS3.3 C.8.20, C.7.6.16)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from medvox.core.errors import FormatError
from medvox.core.provenance import SliceSource
from medvox.dicom.objects.pieces import Piece, Stored, decoded, elements, items
from medvox.dicom.objects.referring import frame_of

T = TypeVar("T")
FloatArray = NDArray[np.float64]

_POSITION, _ORIENTATION, _MEASURES = 0x00209113, 0x00209116, 0x00289110
_SEGMENT, _DERIVATION, _TILE = 0x0062000A, 0x00089124, 0x0048021A
_NOWHERE = (math.nan, math.nan, math.nan)


@dataclass(frozen=True, slots=True)
class Measures:
    """Pixel Measures (PS3.3 C.7.6.16.2.1): distances of rows and columns, of slices, thickness; in mm."""

    spacing_mm: tuple[float, float] | None = None
    step_mm: float | None = None
    thickness_mm: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class FrameTable:
    """What is known of each frame.

    Parameters
    ----------
    segments
        (n,) Referenced Segment Number; 0 where none is told (label maps).
    positions_mm
        (n, 3) LPS position of the first voxel, NaN where none is told.
    orientations
        (n, 6) directions of a row and a column, NaN where none are told.
    sources
        Source image of each frame, or None.
    corners
        (n, 2) row and column of the first pixel in the total pixel matrix of tiled images, from 0; None
        where the object is not tiled.
    measures
        Of the first frame.
    """

    segments: NDArray[np.int64]
    positions_mm: FloatArray
    orientations: FloatArray
    sources: tuple[SliceSource | None, ...]
    corners: NDArray[np.int64] | None
    measures: Measures

    @property
    def is_placed(self) -> bool:
        """Whether every frame has a place in patient space."""
        return bool(np.isfinite(self.positions_mm).all() and np.isfinite(self.orientations).all())


def read_frames(stored: Stored) -> FrameTable:
    """Read the functional groups of all frames; each distinct piece is decoded once.

    Raises
    ------
    FormatError
        If there are fewer or more items than frames.
    """
    ds = stored.dataset
    count = int(ds.get("NumberOfFrames") or 1)
    shared = _first(ds.get("SharedFunctionalGroupsSequence")) or Dataset()
    if ds.get("DimensionOrganizationType") == "TILED_FULL":
        return _tiled_full(ds, shared, count)
    reader = _Reader(stored, shared)
    rows = [reader.row(at, stop) for at, stop in _groups(stored)]
    if not rows and count == 1:
        rows = [reader.row(0, 0)]
    if len(rows) != count:
        raise FormatError(
            "the functional groups do not fit the number of frames",
            where=stored.name,
            got=len(rows),
            expected=count,
        )
    segments, positions, orientations, sources, measures, corners = zip(*rows, strict=True)
    tiled = all(corner is not None for corner in corners) and "TotalPixelMatrixRows" in ds
    return FrameTable(
        np.array(segments, np.int64),
        np.array(positions, np.float64).reshape(-1, 3),
        np.array(orientations, np.float64).reshape(-1, 6),
        sources,
        np.array(corners, np.int64) if tiled else None,
        measures[0],
    )


def _groups(stored: Stored) -> list[tuple[int, int]]:
    if stored.frames is None:
        return []
    return list(items(stored.data, stored.frames, stored.implicit))


class _Reader:
    """Decodes pieces of functional groups, each distinct one once."""

    def __init__(self, stored: Stored, shared: Dataset) -> None:
        self._stored = stored
        self._known: dict[tuple[int, bytes], Any] = {}
        self._decoders: dict[int, Callable[[Dataset | None], Any]] = {
            _SEGMENT: segment_number,
            _POSITION: position,
            _ORIENTATION: orientation,
            _DERIVATION: source_image,
            _MEASURES: measures_of,
            _TILE: corner,
        }
        self._shared = {
            tag: decode(_first(shared[tag].value) if tag in shared else None)
            for tag, decode in self._decoders.items()
        }

    def row(self, start: int, stop: int) -> tuple[Any, ...]:
        """Segment, position, orientation, source, measures and corner of one frame."""
        found = dict(self._shared)
        for piece in elements(self._stored.data, start, stop, self._stored.implicit):
            if piece.tag in self._decoders:
                found[piece.tag] = self._decode(piece)
        return tuple(found[tag] for tag in (_SEGMENT, _POSITION, _ORIENTATION, _DERIVATION, _MEASURES, _TILE))

    def _decode(self, piece: Piece) -> Any:
        data, implicit = self._stored.data, self._stored.implicit
        key = piece.tag, bytes(data[piece.start : piece.stop])
        if key not in self._known:
            first = next(items(data, piece, implicit), None)
            item = None if first is None else decoded(data[first[0] : first[1]], implicit)
            self._known[key] = self._decoders[piece.tag](item)
        return self._known[key]


def _first(sequence: Any) -> Dataset | None:
    return sequence[0] if sequence else None


def segment_number(item: Dataset | None) -> int:
    """Referenced Segment Number, 0 without one."""
    return int((item or Dataset()).get("ReferencedSegmentNumber") or 0)


def position(item: Dataset | None) -> tuple[float, ...]:
    """Image Position (Patient), NaN without."""
    return _numbers(item, "ImagePositionPatient", 3) or _NOWHERE


def orientation(item: Dataset | None) -> tuple[float, ...]:
    """Image Orientation (Patient), NaN without."""
    return _numbers(item, "ImageOrientationPatient", 6) or _NOWHERE * 2


def measures_of(item: Dataset | None) -> Measures:
    """Distances that Pixel Measures gives."""
    spacing = _numbers(item, "PixelSpacing", 2)
    steps = [_numbers(item, keyword, 1) for keyword in ("SpacingBetweenSlices", "SliceThickness")]
    step, thickness = (abs(s[0]) or None if s else None for s in steps)
    usable = spacing if spacing and min(spacing) > 0 else None
    return Measures((usable[0], usable[1]) if usable else None, step, thickness)


def corner(item: Dataset | None) -> tuple[int, int] | None:
    """Row and column in the total pixel matrix, from 0 (PS3.3 C.8.12.6.1)."""
    row = (item or Dataset()).get("RowPositionInTotalImagePixelMatrix")
    column = (item or Dataset()).get("ColumnPositionInTotalImagePixelMatrix")
    return None if row is None or column is None else (int(row) - 1, int(column) - 1)


def source_image(item: Dataset | None) -> SliceSource | None:
    """First source image of a Derivation Image item."""
    source = _first((item or Dataset()).get("SourceImageSequence"))
    uid = source.get("ReferencedSOPInstanceUID") if source is not None else None
    if source is None or not uid:
        return None
    return SliceSource("", frame_of(source) or 1, str(uid))


def _numbers(item: Dataset | None, keyword: str, count: int) -> tuple[float, ...]:
    value = (item or Dataset()).get(keyword)
    if value is None or value == "":
        return ()
    try:
        numbers = tuple(float(v) for v in (value if count > 1 else [value]))
    except (TypeError, ValueError):
        return ()
    return numbers if len(numbers) == count and all(map(math.isfinite, numbers)) else ()


def _tiled_full(ds: Dataset, shared: Dataset, count: int) -> FrameTable:
    """Frames of TILED_FULL: tiles row by row, then focal planes, then segments (PS3.3 C.7.6.17.3)."""
    rows, columns = int(ds.Rows), int(ds.Columns)
    down = math.ceil(int(ds.TotalPixelMatrixRows) / rows)
    across = math.ceil(int(ds.TotalPixelMatrixColumns) / columns)
    tiles = np.arange(count) % (down * across)
    label_map = ds.get("SegmentationType") == "LABELMAP"
    numbers = [int(s.SegmentNumber) for s in ds.get("SegmentSequence", [])] or [0]
    if not label_map and count != down * across * len(numbers):
        raise FormatError(
            "the tiles do not fit the number of frames", got=count, expected=down * across * len(numbers)
        )
    which = np.arange(count) // (down * across)
    segments = np.zeros(count, np.int64) if label_map else np.array(numbers)[which]
    corners = np.stack([tiles // across * rows, tiles % across * columns], axis=1)
    blank = np.full((count, 6), np.nan)
    measures = measures_of(_first(shared.get("PixelMeasuresSequence")))
    return FrameTable(segments, blank[:, :3], blank, (None,) * count, corners, measures)
