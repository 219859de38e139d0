"""Stacks of pages that are nothing but pages: read without tifffile, which opens page by page.

What scanners, ITK and libtiff write: every page has its directory, all pages have one size and type, and
no description says that they belong together in another way. Plain pages and pages packed by deflate, LZW,
PackBits or zstd (TIFF 6.0 sections 9, 13 and 14, Adobe's supplements) are read by several threads.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from medvox.core import settings
from medvox.core.errors import FormatError, TruncatedError
from medvox.core.progress import Progress, silent
from medvox.formats.files import reading
from medvox.formats.tiff.directory import Directory

AnyArray = NDArray[Any]

_MANY = 1 << 22
"""Bytes from which pages are read by several threads."""
_COLUMNS, _ROWS, _BITS, _PACKING, _PHOTOMETRIC, _OFFSETS, _SAMPLES, _STRIP_ROWS, _COUNTS = (
    256, 257, 258, 259, 262, 273, 277, 278, 279,
)  # fmt: skip
_PLANAR, _PREDICTOR, _EXTRA, _FORMAT, _SUBFILE, _FILL = 284, 317, 338, 339, 254, 266
_ALIKE = (
    _COLUMNS, _ROWS, _BITS, _PACKING, _PHOTOMETRIC, _SAMPLES, _STRIP_ROWS, _PLANAR, _PREDICTOR, _EXTRA,
    _FORMAT, _SUBFILE, _FILL,
)  # fmt: skip
"""What pages of one stack have in common."""
_KNOWN = frozenset(
    (*_ALIKE, _OFFSETS, _COUNTS, 255, 263, 269, 271, 272, 274, 280, 281, 282, 283, 285)
) | frozenset((292, 293, 296, 297, 305, 306, 315, 316, 340, 341))
"""Tags that say nothing on how pages belong together; ImageDescription (270) does, perhaps."""
_PLAIN = 1
_CODECS = {5: "lzw", 8: "zlib", 32946: "zlib", 32773: "packbits", 50000: "zstd"}

Strips = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class PageStack:
    """Pages of one size and type; a `FrameReader`.

    Parameters
    ----------
    strips
        First byte and number of bytes of each strip of each page; a plain page is one strip.
    frame
        (rows, columns), or with the samples of a pixel.
    dtype
        As stored, with byte order.
    packing
        Value of the tag Compression.
    differences
        Whether each value is stored as the difference from its left neighbour (section 14).
    strip_rows
        Rows of a strip.
    """

    path: Path
    strips: tuple[Strips, ...]
    frame: tuple[int, ...]
    dtype: np.dtype[Any]
    packing: int
    differences: bool
    strip_rows: int

    @property
    def nbytes(self) -> int:
        """Bytes of all values."""
        return len(self.strips) * math.prod(self.frame) * self.dtype.itemsize

    def __call__(self, frames: Sequence[int], out: AnyArray, progress: Progress = silent) -> None:
        """Read pages, large stacks by several threads."""
        threads = settings.current().threads if out.nbytes >= _MANY else 1
        parts = [
            part.tolist()
            for part in np.array_split(np.arange(len(frames)), max(1, min(threads, len(frames))))
        ]
        read = self._plain if self.packing == _PLAIN else self._packed
        progress(0, len(frames), "Reading")
        if len(parts) > 1:
            with ThreadPoolExecutor(len(parts)) as pool:
                list(pool.map(lambda part: read(frames, part, out), parts))
        else:
            read(frames, parts[0], out)
        progress(len(frames), len(frames), "Reading")

    def _plain(self, frames: Sequence[int], numbers: list[int], out: AnyArray) -> None:
        """Read pages into their places."""
        with reading(self.path) as file:
            for n in numbers:
                ((start, _),) = self.strips[frames[n]]
                file.seek(start)
                view, done = memoryview(out[n].view(np.uint8).reshape(-1).data), 0
                while done < len(view):
                    count = file.readinto(view[done:])  # type: ignore[attr-defined]
                    if not count:
                        raise self._short(frames[n])
                    done += count
                if not self.dtype.isnative:
                    out[n].byteswap(inplace=True)

    def _packed(self, frames: Sequence[int], numbers: list[int], out: AnyArray) -> None:
        """Unpack pages, strip by strip."""
        import imagecodecs

        unpack = _unpacker(self.packing)
        row_bytes = math.prod(self.frame[1:]) * self.dtype.itemsize
        with reading(self.path) as file:
            for n in numbers:
                for at, (start, count) in enumerate(self.strips[frames[n]]):
                    rows = out[n, at * self.strip_rows : (at + 1) * self.strip_rows]
                    file.seek(start)
                    raw = file.read(count)
                    try:
                        values = np.frombuffer(unpack(raw, len(rows) * row_bytes), self.dtype)
                        values = values[: rows.size].reshape(rows.shape)
                    except Exception as error:  # whatever a codec says of damaged bytes
                        if len(raw) < count:
                            raise self._short(frames[n]) from error
                        what = f"strip {at + 1} of page {frames[n] + 1} cannot be unpacked"
                        raise FormatError(what, where=self.path) from error
                    if self.differences:
                        native = np.ascontiguousarray(values, rows.dtype)
                        imagecodecs.delta_decode(native, axis=1, out=rows)
                    else:
                        rows[...] = values

    def _short(self, frame: int) -> TruncatedError:
        return TruncatedError("the file ends within a page", where=self.path, got=f"page {frame + 1}")


def page_stack(path: Path, directories: Sequence[Directory], size: int) -> PageStack | None:
    """Recognise a stack of pages; None where there is anything that tifffile should look at.

    Parameters
    ----------
    size
        Bytes of the file.
    """
    if len(directories) < 2 or any(set(d.entries) - _KNOWN for d in directories):
        return None
    with reading(path) as file:
        first = _First(directories[0], file)
        frame, dtype = first.frame()
        alike = [directories[0].said(tag, file) for tag in _ALIKE]
        if dtype is None or any([d.said(tag, file) for tag in _ALIKE] != alike for d in directories):
            return None
        packing, rows = first.one(_PACKING, 1), min(first.one(_STRIP_ROWS, frame[0]), frame[0])
        nbytes = math.prod(frame) * dtype.itemsize
        if packing == _PLAIN:
            strips = [_joined(directory, nbytes, size, file) for directory in directories]
        else:
            strips = [
                _strips(directory, -(-frame[0] // max(rows, 1)), size, file) for directory in directories
            ]
        predictor = first.one(_PREDICTOR, 1)
    known = packing == _PLAIN or (
        packing in _CODECS and (predictor == 1 or (predictor == 2 and dtype.kind in "iu"))
    )
    if not known or rows < 1 or not all(strips):
        return None
    found = tuple(pairs for pairs in strips if pairs)
    return PageStack(path, found, frame, dtype, packing, packing != _PLAIN and predictor == 2, rows)


def _strips(directory: Directory, count: int, size: int, file: BinaryIO) -> Strips | None:
    """Strips of a page; None where there are not `count` of them, or the file ends before."""
    starts, counts = directory.numbers(_OFFSETS, file), directory.numbers(_COUNTS, file)
    if len(starts) != len(counts) or len(starts) != count:
        return None
    pairs = tuple(zip(starts, counts, strict=True))
    return pairs if all(start > 0 and start + count <= size for start, count in pairs) else None


def _joined(directory: Directory, nbytes: int, size: int, file: BinaryIO) -> Strips | None:
    """The one strip of a plain page whose strips follow one another; None where they do not."""
    starts, counts = directory.numbers(_OFFSETS, file), directory.numbers(_COUNTS, file)
    if not starts or len(starts) != len(counts) or not 0 < starts[0] <= size - nbytes:
        return None
    ends = [start + count for start, count in zip(starts, counts, strict=True)]
    in_one_piece = ends[:-1] == list(starts[1:]) and ends[-1] - starts[0] == nbytes
    return ((starts[0], nbytes),) if in_one_piece else None


@dataclass(frozen=True, slots=True)
class _First:
    """The directory of the first page, for what all pages have in common."""

    directory: Directory
    file: BinaryIO

    def one(self, tag: int, default: int) -> int:
        """Value of a tag that is the same for all samples; -1 where it is not."""
        found = self.directory.numbers(tag, self.file)
        if not found:
            return default if tag not in self.directory.entries else -1
        return found[0] if len(set(found)) == 1 else -1

    def frame(self) -> tuple[tuple[int, ...], np.dtype[Any] | None]:
        """Shape and type of a page, grey or RGB; no type where it is of another kind."""
        rows, columns, samples = self.one(_ROWS, 0), self.one(_COLUMNS, 0), self.one(_SAMPLES, 1)
        bits, kind = self.one(_BITS, 1), {1: "u", 2: "i", 3: "f"}.get(self.one(_FORMAT, 1), "")
        grey_or_rgb = (self.one(_PHOTOMETRIC, -1), samples) in ((0, 1), (1, 1), (2, 3))
        usual = self.one(_FILL, 1) == 1 and self.one(_PLANAR, 1) == 1 and self.one(_SUBFILE, 0) in (0, 2)
        whole = bits in (8, 16, 32, 64) and kind and not (kind == "f" and bits == 8)
        if not (grey_or_rgb and usual and whole and rows > 0 and columns > 0):
            return (), None
        frame = (rows, columns) if samples == 1 else (rows, columns, samples)
        return frame, np.dtype(f"{self.directory.order}{kind}{bits // 8}")


def _unpacker(packing: int) -> Callable[[bytes, int], bytes]:
    """Return what unpacks a strip to a number of bytes."""
    import imagecodecs

    name = _CODECS[packing]
    if name == "zlib":
        from isal import isal_zlib

        return lambda raw, count: isal_zlib.decompress(raw, 15, count)
    unpack = getattr(imagecodecs, f"{name}_decode")
    return lambda raw, count: unpack(raw, out=count)
