"""The directories of a TIFF file, one after another (TIFF 6.0 section 2; BigTIFF), read without tifffile.

Two things are done here: files whose directories lead in a circle or out of the file are refused before
tifffile sees them, and stacks of plain uncompressed pages are recognised, which tifffile would open page
by page.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from medvox.core import settings
from medvox.core.errors import FormatError, TruncatedError
from medvox.core.progress import Progress, silent
from medvox.formats.files import reading

AnyArray = NDArray[Any]

_SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
_WHOLE = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_READ = 1 << 10
_MANY = 1 << 25
"""Bytes from which pages are read by several threads."""

_COLUMNS, _ROWS, _BITS, _PACKING, _PHOTOMETRIC, _OFFSETS, _SAMPLES, _COUNTS = (
    256, 257, 258, 259, 262, 273, 277, 279,
)  # fmt: skip
_PLANAR, _EXTRA, _FORMAT, _SUBFILE, _FILL = 284, 338, 339, 254, 266
_ALIKE = (_COLUMNS, _ROWS, _BITS, _PACKING, _PHOTOMETRIC, _SAMPLES, _PLANAR, _EXTRA, _FORMAT, _SUBFILE, _FILL)
"""What pages of one stack have in common."""
_PLAIN = frozenset((*_ALIKE, _OFFSETS, _COUNTS, 255, 263, 269, 271, 272, 274, 278, 280, 281, 282, 283, 285))
_PLAIN_TEXTS = frozenset((292, 293, 296, 297, 305, 306, 315, 316, 317, 340, 341))
"""Tags of a page that say nothing on how pages belong together; ImageDescription (270) does, perhaps."""


@dataclass(frozen=True, slots=True)
class Directory:
    """One directory: type, count and value field of each tag."""

    order: Literal["<", ">"]
    entries: dict[int, tuple[int, int, bytes]]

    def said(self, tag: int, file: BinaryIO) -> object:
        """What a tag says, to compare it with that of another page."""
        kind, count, field = self.entries.get(tag, (0, 0, b""))
        inside = _SIZES.get(kind, 1) * count <= len(field)
        return (kind, count, field) if inside else (count, self.numbers(tag, file))

    def numbers(self, tag: int, file: BinaryIO) -> tuple[int, ...]:
        """Whole numbers of a tag, from the directory or where it leads; empty where there are none."""
        kind, count, field = self.entries.get(tag, (0, 0, b""))
        code, size = _WHOLE.get(kind, ""), _SIZES.get(kind, 1) * count
        if not code or not count or size > 1 << 24:
            return ()
        if size > len(field):
            file.seek(int.from_bytes(field, "little" if self.order == "<" else "big"))
            field = file.read(size)
        if len(field) < size:
            return ()
        return struct.unpack_from(f"{self.order}{count}{code}", field)


def read_directories(path: Path) -> tuple[list[Directory], int]:
    """Follow the directories from one to the next.

    Returns
    -------
    directories
    size
        Bytes of the file.

    Raises
    ------
    TruncatedError
        If one lies beyond the end of the file: tifffile would stop in silence.
    FormatError
        If one leads back to an earlier one: tifffile would go round for ever.
    """
    with reading(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        head = file.read(16)
        order: Literal["<", ">"] = "<" if head[:2] == b"II" else ">"
        wide = head[2:4] in (b"+\0", b"\0+")
        counted, entry, link = ("Q", "HHQ8s", "Q") if wide else ("H", "HHI4s", "I")
        at_link, counter, row = (struct.Struct(order + code) for code in (link, counted, entry))
        offset = at_link.unpack(head[8:16].ljust(8, b"\0") if wide else head[4:8].ljust(4, b"\0"))[0]
        seen: set[int] = set()
        found = []
        while offset and offset not in seen:
            seen.add(offset)
            file.seek(min(offset, size))
            raw = file.read(_READ)
            count = counter.unpack_from(raw)[0] if len(raw) >= counter.size else 0
            end = counter.size + count * row.size
            if not raw or offset + end + at_link.size > size:
                raise TruncatedError(
                    "a directory lies beyond the end of the file",
                    where=path,
                    got=f"byte {offset} of {size}",
                    advice="The file is incomplete: copy or download it again",
                )
            if end + at_link.size > len(raw):
                raw += file.read(end + at_link.size - len(raw))
            rows = row.iter_unpack(raw[counter.size : end])
            found.append(Directory(order, {tag: (kind, number, field) for tag, kind, number, field in rows}))
            offset = at_link.unpack_from(raw, end)[0]
        if offset:
            raise FormatError("the directories lead in a circle", where=path, got=f"back to byte {offset}")
    return found, size


@dataclass(frozen=True, slots=True)
class PlainPages:
    """Uncompressed pages of one size and type, nothing but pages; a `FrameReader`.

    Parameters
    ----------
    offsets
        First byte of each page.
    frame
        (rows, columns), or with the samples of a pixel.
    dtype
        As stored, with byte order.
    """

    path: Path
    offsets: tuple[int, ...]
    frame: tuple[int, ...]
    dtype: np.dtype[Any]

    def __call__(self, frames: Sequence[int], out: AnyArray, progress: Progress = silent) -> None:
        """Read pages, large stacks by several threads."""
        samples = self.frame[-1] if len(self.frame) == 3 else 1
        dropped = len(self.frame) == 3 and (out.ndim == 3 or out.shape[-1] != samples)
        into = np.empty((len(frames), *self.frame), self.dtype) if dropped else out.view(self.dtype)
        several = into.nbytes >= _MANY and settings.current().threads > 1
        parts = np.array_split(np.arange(len(frames)), min(settings.current().threads, 4) if several else 1)
        progress(0, len(frames), "Reading")
        if several:
            with ThreadPoolExecutor(len(parts)) as pool:
                list(pool.map(lambda part: self._read(frames, part.tolist(), into), parts))
        else:
            self._read(frames, parts[0].tolist(), into)
        progress(len(frames), len(frames), "Reading")
        if dropped:
            out[...] = into[..., : out.shape[-1]] if out.ndim == 4 else into[..., 0]
        elif not self.dtype.isnative:
            out.byteswap(inplace=True)

    def _read(self, frames: Sequence[int], numbers: list[int], into: AnyArray) -> None:
        flat = into.view(np.uint8).reshape(len(into), -1)
        with reading(self.path) as file:
            for n in numbers:
                file.seek(self.offsets[frames[n]])
                view, done = memoryview(flat[n]), 0
                while done < len(view):
                    count = file.readinto(view[done:])  # type: ignore[attr-defined]
                    if not count:
                        raise TruncatedError(
                            "the file ends within a page", where=self.path, got=f"page {frames[n] + 1}"
                        )
                    done += count


def plain_pages(path: Path, directories: Sequence[Directory], size: int) -> PlainPages | None:
    """Recognise a stack of plain pages; None where there is anything that tifffile should look at."""
    if len(directories) < 2 or any(set(d.entries) - _PLAIN - _PLAIN_TEXTS for d in directories):
        return None
    with reading(path) as file:
        first = directories[0]
        frame, dtype = _frame(first, file)
        alike = [first.said(tag, file) for tag in _ALIKE]
        if dtype is None or any([d.said(tag, file) for tag in _ALIKE] != alike for d in directories):
            return None
        nbytes = int(np.prod(frame, dtype=object)) * dtype.itemsize
        offsets = [_start(directory, nbytes, size, file) for directory in directories]
    return None if None in offsets else PlainPages(path, tuple(n for n in offsets if n), frame, dtype)


def _start(directory: Directory, nbytes: int, size: int, file: BinaryIO) -> int | None:
    """First byte of a page whose strips follow one another; None where they do not, or the file ends."""
    starts, counts = directory.numbers(_OFFSETS, file), directory.numbers(_COUNTS, file)
    if not starts or len(starts) != len(counts) or not 0 < starts[0] <= size - nbytes:
        return None
    ends = [start + count for start, count in zip(starts, counts, strict=True)]
    in_one_piece = ends[:-1] == list(starts[1:]) and ends[-1] - starts[0] == nbytes
    return starts[0] if in_one_piece else None


def _frame(directory: Directory, file: BinaryIO) -> tuple[tuple[int, ...], np.dtype[Any] | None]:
    """Shape and type of a page that is stored as it is; empty where it is not."""

    def one(tag: int, default: int) -> int:
        found = directory.numbers(tag, file)
        if not found:
            return default if tag not in directory.entries else -1
        return found[0] if len(set(found)) == 1 else -1

    rows, columns, samples = one(_ROWS, 0), one(_COLUMNS, 0), one(_SAMPLES, 1)
    bits, kind = one(_BITS, 1), {1: "u", 2: "i", 3: "f"}.get(one(_FORMAT, 1), "")
    grey_or_rgb = (one(_PHOTOMETRIC, -1), samples) in ((0, 1), (1, 1), (2, 3))
    as_is = (
        one(_PACKING, 1) == 1 and one(_FILL, 1) == 1 and one(_PLANAR, 1) == 1 and one(_SUBFILE, 0) in (0, 2)
    )
    whole = bits in (8, 16, 32, 64) and kind and not (kind == "f" and bits == 8)
    if not (grey_or_rgb and as_is and whole and rows > 0 and columns > 0 and _EXTRA not in directory.entries):
        return (), None
    frame = (rows, columns) if samples == 1 else (rows, columns, samples)
    return frame, np.dtype(f"{directory.order}{kind}{bits // 8}")
