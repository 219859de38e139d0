"""Palettes: colour look-up tables of PALETTE COLOR images (PS3.3 C.7.6.3.1.5, C.7.9.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import FormatError

AnyArray = NDArray[Any]
MAX_ENTRIES = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class Palette:
    """Colours of stored values.

    Parameters
    ----------
    first
        Stored value of the first colour; values below take it, values above the last.
    colors
        (n, 3) uint8 or uint16: red, green, blue.
    """

    first: int
    colors: AnyArray

    def apply(self, stored: AnyArray) -> AnyArray:
        """Colour (rows, columns) stored values: (rows, columns, 3)."""
        last = len(self.colors) - 1
        index = np.clip(stored.astype(np.int64) - self.first, 0, last)
        return self.colors[index]


def palette_of(
    descriptor: tuple[int, ...], tables: tuple[bytes, bytes, bytes], segmented: bool, where: str
) -> Palette:
    """Make a palette from the elements of a data set.

    Parameters
    ----------
    descriptor
        Palette Color Lookup Table Descriptor: entries (0 = 65536), first value, bits of an entry.
    tables
        Red, green and blue Palette Color Lookup Table Data, little endian.
    segmented
        Whether they are the segmented form (0028,1221-1223).

    Raises
    ------
    FormatError
        If descriptor and tables contradict each other beyond repair.
    """
    if len(descriptor) < 3 or descriptor[2] not in (8, 16):
        raise FormatError("the palette descriptor is not valid", where=where, got=descriptor)
    count, first, bits = descriptor[0] or MAX_ENTRIES, descriptor[1], descriptor[2]
    read = _segmented if segmented else _plain
    columns = [read(table, count, bits, where) for table in tables]
    return Palette(first, _narrowed(np.stack(columns, axis=1), bits))


def _plain(table: bytes, count: int, bits: int, where: str) -> AnyArray:
    """Entries of one colour: 8-bit ones packed two a word, or one a word whatever the bits say."""
    if len(table) >= 2 * count:
        return np.frombuffer(table, "<u2", count)
    if len(table) >= count:
        packed = np.frombuffer(table, np.uint8, count).astype(np.uint16)
        return packed * 257 if bits == 16 else packed
    raise FormatError("a palette table is too short", where=where, got=len(table), expected=count * bits // 8)


def _narrowed(colors: AnyArray, bits: int) -> AnyArray:
    """8-bit entries as uint8; some writers put them into the upper byte of a word."""
    if bits == 16:
        return np.ascontiguousarray(colors, np.uint16)
    return (colors >> 8 if colors.max(initial=0) > 255 else colors).astype(np.uint8)


def _segmented(table: bytes, count: int, bits: int, where: str) -> AnyArray:
    """Expand a segmented table (PS3.3 C.7.9.2): discrete, linear and indirect segments."""
    words = np.frombuffer(table[: len(table) // (bits // 8) * (bits // 8)], "<u2" if bits == 16 else "u1")
    entries: list[int] = []
    _expand(words.tolist(), 0, len(words), entries, bits, where, depth=0)
    if len(entries) < count:
        raise FormatError("a segmented palette is too short", where=where, got=len(entries), expected=count)
    return np.array(entries[:count], np.uint16)


def _expand(
    words: list[int], at: int, segments_end: int, out: list[int], bits: int, where: str, depth: int
) -> None:
    """Append the entries of the segments in ``words[at:segments_end]``."""
    while at + 1 < segments_end and len(out) <= MAX_ENTRIES:
        opcode, length = words[at], words[at + 1]
        at += 2
        if opcode == 0:
            out.extend(words[at : at + length])
            at += length
        elif opcode == 1 and at < len(words) and out:
            out.extend(_line(out[-1], words[at], length))
            at += 1
        elif opcode == 2 and depth == 0:
            at = _indirect(words, at, length, out, bits, where)
        elif length or opcode:  # two zeros pad an odd table
            raise FormatError("a segmented palette has an unknown segment", where=where, got=opcode)


def _indirect(words: list[int], at: int, segments: int, out: list[int], bits: int, where: str) -> int:
    """Repeat `segments` earlier segments; their byte offset takes the next 4 bytes."""
    step = bits // 8
    parts = words[at : at + 4 // step]
    start = sum(part << (bits * n) for n, part in enumerate(parts)) // step
    end = start
    for _ in range(segments):
        if end + 1 >= at - 2:
            raise FormatError("a segmented palette refers to segments that are not there", where=where)
        end += 2 + (words[end + 1] if words[end] == 0 else 1)
    _expand(words, start, end, out, bits, where, depth=1)
    return at + len(parts)


def _line(before: int, last: int, length: int) -> list[int]:
    steps = np.arange(1, length + 1) / max(length, 1)
    return [int(value) for value in np.rint(before + (last - before) * steps)]
