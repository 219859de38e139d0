"""Overlays: one-bit pictures drawn over an image (PS3.3 C.9.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import FormatError, LimitError
from medvox.dicom.header import Header
from medvox.dicom.pixels.format import (
    OVERLAY_BIT_POSITION,
    OVERLAY_DATA,
    OVERLAY_GROUPS,
    PixelFormat,
)
from medvox.dicom.pixels.native import frame_bytes, swap_pairs
from medvox.dicom.pixels.source import open_pixels

BoolArray = NDArray[np.bool_]

ROWS, COLUMNS, TYPE, ORIGIN = 0x0010, 0x0011, 0x0040, 0x0050
FRAMES, FRAME_ORIGIN, DESCRIPTION, LABEL = 0x0015, 0x0051, 0x0022, 0x1500
MAX_PIXELS = 1 << 31


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """One overlay plane.

    Parameters
    ----------
    group
        Its group, 0x6000 to 0x601E.
    planes
        (frames, rows, columns) bool; True is drawn.
    origin
        (row, column) of its first pixel in the image, from 0; may be negative.
    first_frame
        Image frame of its first plane, from 0.
    kind
        ``"G"`` graphics or ``"R"`` region of interest.
    label
        Overlay Label, else Overlay Description.
    """

    group: int
    planes: BoolArray
    origin: tuple[int, int]
    first_frame: int
    kind: str
    label: str


def read_overlays(header: Header) -> tuple[Overlay, ...]:
    """Read all overlays of a file: those with data of their own and those in unused bits of the pixels.

    Raises
    ------
    FormatError
        If an overlay has no size, is too short or claims too much.
    """
    found = []
    for group in OVERLAY_GROUPS:
        base = group << 16
        if base | OVERLAY_DATA in header:
            found.append(_separate(header, group))
        elif base | OVERLAY_BIT_POSITION in header:
            embedded = _embedded(header, group)
            found += [] if embedded is None else [embedded]
    return tuple(found)


def _separate(header: Header, group: int) -> Overlay:
    base, where = group << 16, f"{header.name} ({group:04X},3000)"
    rows, columns = header.integer(base | ROWS), header.integer(base | COLUMNS)
    frames = max(1, header.integer(base | FRAMES) or 1)
    if not rows or not columns or min(rows, columns) < 1:
        raise FormatError("an overlay has no size", where=where, got=(rows, columns))
    count = rows * columns * frames
    if count > MAX_PIXELS:
        raise LimitError("an overlay claims too many pixels", where=where, got=count, expected=MAX_PIXELS)
    data = np.frombuffer(header.raw(base | OVERLAY_DATA) or b"", np.uint8)
    if len(data) * 8 < count:
        raise FormatError("an overlay is too short", where=where, got=len(data), expected=-(-count // 8))
    if header.encoding.big_endian:
        data = swap_pairs(data)
    bits = np.unpackbits(data, bitorder="little", count=count)
    return _overlay(header, group, bits.astype(bool).reshape(frames, rows, columns))


def _embedded(header: Header, group: int) -> Overlay | None:
    """Overlay in an unused bit of native pixels; None where pixels are compressed or need the bit."""
    form, span = PixelFormat.of(header), header.pixel
    bit = header.integer(group << 16 | OVERLAY_BIT_POSITION)
    used = range(form.high_bit + 1 - form.bits_stored, form.high_bit + 1)
    possible = bit is not None and 0 <= bit < form.bits_allocated and bit not in used
    if (
        span is None
        or span.length < 0
        or not possible
        or form.samples != 1
        or form.bits_allocated not in (8, 16, 32)
    ):
        return None
    words = np.empty((form.frames, form.rows, form.columns), form.stored_dtype)
    with open_pixels(header.file, form.transfer_syntax) as source:
        first, length, _ = frame_bytes(form, 0)
        source.require(span.offset, length * form.frames, "the pixel data")
        source.read_into(span.offset + first, words, "the pixel data")
    if form.big_endian:
        words.byteswap(inplace=True)
    return _overlay(header, group, (words >> np.array(bit, words.dtype) & 1).astype(bool))


def _overlay(header: Header, group: int, planes: NDArray[Any]) -> Overlay:
    base = group << 16
    origin = header.ints(base | ORIGIN)
    row, column = origin[:2] if len(origin) >= 2 else (1, 1)
    first = header.integer(base | FRAME_ORIGIN) or 1
    label = header.text(base | LABEL) or header.text(base | DESCRIPTION) or ""
    return Overlay(
        group=group,
        planes=planes,
        origin=(row - 1, column - 1),
        first_frame=max(0, first - 1),
        kind=(header.text(base | TYPE) or "G").strip(" \0"),
        label=label.strip(" \0"),
    )
