"""Encapsulated pixel data: fragments, offset tables and which fragments make a frame (PS3.5 A.4)."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import FormatError, TruncatedError
from medvox.dicom.pixels.source import Source
from medvox.dicom.pixels.transfer_syntaxes import Codec

ITEM, DELIMITER = 0xFFFEE000, 0xFFFEE0DD
MAX_FRAGMENTS = 1 << 24
_WINDOW = 1 << 16

_JPEG_START = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  ", b"\xff\x0a", b"\0\0\0\x0cJXL ")
_JOINT = {
    Codec.JPEG: re.compile(rb"\xff\xd9\0{0,3}(?=\xff\xd8\xff)"),
    Codec.JPEG_LS: re.compile(rb"\xff\xd9\0{0,3}(?=\xff\xd8\xff)"),
    Codec.JPEG_2000: re.compile(rb"\xff\xd9\0{0,3}(?=\xff\x4f\xff\x51)"),
    Codec.HTJ2K: re.compile(rb"\xff\xd9\0{0,3}(?=\xff\x4f\xff\x51)"),
}

Piece = tuple[int, int]
"""Offset in the file and length of consecutive bytes."""


@dataclass(frozen=True, slots=True, eq=False)
class FrameIndex:
    """Where each frame of encapsulated pixel data lies.

    Parameters
    ----------
    frames
        For each frame that is there, the pieces to join.
    complete
        Whether the last fragment is all there.
    """

    frames: tuple[tuple[Piece, ...], ...]
    complete: bool = True

    def read(self, source: Source, frame: int, where: str) -> bytes:
        """Read the compressed bytes of a frame.

        Raises
        ------
        TruncatedError
            If the frame is not there, or only in part.
        """
        if frame >= len(self.frames):
            raise TruncatedError(
                "the frame is missing: the pixel data end early",
                where=where,
                got=f"{len(self.frames)} frames",
            )
        parts = [
            source.read_exactly(start, length, f"frame {frame + 1}") for start, length in self.frames[frame]
        ]
        return parts[0] if len(parts) == 1 else b"".join(parts)


@dataclass(frozen=True, slots=True, eq=False)
class _Fragments:
    """All fragments: start and length of their values, and the basic offset table."""

    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    table: NDArray[np.int64]
    complete: bool


def index_frames(source: Source, offset: int, frames: int, codec: Codec) -> FrameIndex:
    """Find the frames of encapsulated pixel data by reading fragment headers only.

    Parameters
    ----------
    offset
        First byte of the pixel data value (the item of the basic offset table).
    frames
        Number of frames that the header announces.
    codec
        Tells how frames begin where neither number nor table tells.

    Raises
    ------
    FormatError
        If there is no fragment, or frames cannot be told apart.

    Notes
    -----
    The extended offset table (PS3.3 C.7.6.3.1.8) goes with one fragment a frame, which needs no table.
    """
    found = _walk(source, offset)
    count = len(found.starts)
    if not count:
        raise FormatError("the encapsulated pixel data hold no fragment", where=f"{source.file} at {offset}")
    pieces = list(zip(found.starts.tolist(), found.lengths.tolist(), strict=True))
    if frames == 1:
        return FrameIndex((tuple(pieces),), found.complete)
    firsts = _by_table(found, frames)
    if firsts is None and count == frames:
        firsts = list(range(count))
    if firsts is None and count > frames:
        firsts = _by_start(source, pieces, frames)
    if firsts is not None:
        ends = [*firsts[1:], count]
        groups = tuple(tuple(pieces[a:b]) for a, b in zip(firsts, ends, strict=True))
        return FrameIndex(groups, found.complete)
    joined = _by_joints(source, pieces, codec)
    if joined is not None and (len(joined) == frames or count > 1):
        return FrameIndex(joined, found.complete)
    if count < frames:  # the data end early: what is there is one fragment a frame
        return FrameIndex(tuple((piece,) for piece in pieces), found.complete)
    raise FormatError(
        "the fragments of the pixel data cannot be assigned to frames",
        where=source.file,
        got=f"{count} fragments",
        expected=f"{frames} frames",
    )


def _walk(source: Source, offset: int) -> _Fragments:
    """Go from item to item; a missing sequence delimiter ends with the file."""
    starts: list[int] = []
    lengths: list[int] = []
    table: NDArray[np.int64] | None = None
    complete = True
    window, base = b"", 0
    while len(starts) < MAX_FRAGMENTS:
        if not base <= offset <= base + len(window) - 8:
            # small fragments share a window; after a large one only the header is read
            window, base = source.read(offset, 8 if lengths and lengths[-1] > _WINDOW else 4096), offset
            if len(window) < 8:
                break
        group, element, length = struct.unpack_from("<HHL", window, offset - base)
        tag = group << 16 | element
        if tag == DELIMITER or tag != ITEM:  # anything else than an item ends the sequence as well
            break
        offset += 8
        present = min(length, source.size - offset)
        if table is None:
            table = np.frombuffer(source.read(offset, present // 4 * 4), "<u4").astype(np.int64)
        elif length:
            starts.append(offset)
            lengths.append(length)
        complete = present == length
        offset += length
        if not complete:
            break
    empty = np.zeros(0, np.int64)
    table = empty if table is None else table
    return _Fragments(np.array(starts, np.int64), np.array(lengths, np.int64), table, complete)


def _by_table(found: _Fragments, frames: int) -> list[int] | None:
    """First fragment of each frame by the basic offset table, or None where it does not point at fragments.

    Entries behind the last fragment are frames that are missing.
    """
    if len(found.table) != frames or found.table[0] != 0:
        return None
    items = found.starts - 8
    wanted = items[0] + found.table
    wanted = wanted[wanted <= items[-1]]
    firsts = np.searchsorted(items, wanted)
    if (items[firsts] != wanted).any() or (np.diff(firsts) < 1).any():
        return None
    return [int(first) for first in firsts]


def _by_start(source: Source, pieces: list[Piece], frames: int) -> list[int] | None:
    """First fragment of each frame, where frames begin with the start of a code stream."""
    firsts = [n for n, (start, _) in enumerate(pieces) if source.read(start, 12).startswith(_JPEG_START)]
    return firsts if len(firsts) == frames and firsts[0] == 0 else None


def _by_joints(source: Source, pieces: list[Piece], codec: Codec) -> tuple[tuple[Piece, ...], ...] | None:
    """Cut all fragments where one code stream ends and the next begins, even inside a fragment."""
    pattern = _JOINT.get(codec)
    if pattern is None:
        return None
    data = b"".join(source.read(start, length) for start, length in pieces)
    cuts = [0, *(match.end() for match in pattern.finditer(data)), len(data)]
    ends = np.cumsum([length for _, length in pieces])
    return tuple(_cut(pieces, ends, a, b) for a, b in pairwise(cuts))


def _cut(pieces: list[Piece], ends: NDArray[np.int64], first: int, last: int) -> tuple[Piece, ...]:
    """Pieces of the file that hold bytes `first` to `last` of all fragments joined."""
    found = []
    for (start, length), end in zip(pieces, ends.tolist(), strict=True):
        begin = end - length
        a, b = max(first, begin), min(last, end)
        if a < b:
            found.append((start + a - begin, b - a))
    return tuple(found)
