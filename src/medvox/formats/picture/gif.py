"""GIF (GIF87a and GIF89a, CompuServe): still and animated; decoded and packed by imagecodecs."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from medvox.core.axes import CHANNEL, TIME
from medvox.core.errors import FormatError, TruncatedError, UnsupportedError
from medvox.core.progress import Progress, silent, track
from medvox.core.volume import Volume
from medvox.formats.atomic import atomic_file
from medvox.formats.base import Head, WriteReport
from medvox.formats.files import read_bytes
from medvox.formats.picture.facts import Facts, spacing_of, spacing_text
from medvox.formats.picture.format import PictureFormat, decode
from medvox.formats.picture.palette import Indexed, indexed

AnyArray = NDArray[Any]

_IMAGE, _EXTENSION, _END = 0x2C, 0x21, 0x3B
_CONTROL, _COMMENT = 0xF9, 0xFE
_TICKS = 100
"""Delays count hundredths of a second."""
_GREYS = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)


@dataclass(slots=True)
class _Blocks:
    """What lies in a file.

    Parameters
    ----------
    columns, rows
        Size of the screen.
    tables
        All colour tables, (n, 3).
    delays
        In ticks, one an image.
    clear
        Whether some pixels are transparent.
    covers
        Whether the first image covers the screen.
    texts
        Comments.
    """

    columns: int
    rows: int
    tables: list[AnyArray] = field(default_factory=list)
    delays: list[int] = field(default_factory=list)
    clear: bool = False
    covers: bool = False
    texts: list[str] = field(default_factory=list)

    def add_table(self, raw: bytes, at: int, flags: int) -> int:
        """Note a colour table, and return the byte behind it."""
        count = 2 ** ((flags & 7) + 1)
        part = raw[at : at + 3 * count].ljust(3 * count, b"\0")
        self.tables.append(np.frombuffer(part, np.uint8).reshape(count, 3))
        return at + 3 * int(count)


class GifFormat(PictureFormat):
    """GIF: grey or RGB of at most 256 colours a picture; an animation is a time axis."""

    name: ClassVar[str] = "GIF"
    suffixes: ClassVar[tuple[str, ...]] = (".gif",)
    holds: ClassVar[str] = "8-bit grey or 256 colours a picture; time, from the delays; spacing"
    lossy: ClassVar[str] = (
        "colours above 256 a picture, times to 10 ms, place in the patient, unit; types but uint8"
    )
    magic = (b"GIF87a", b"GIF89a")

    def sniff(self, head: Head) -> float:
        """Look for the signature and a block behind the colour table."""
        if not super().sniff(head) or len(head.first) < 13:
            return 0.0
        flags = head.first[10]
        at = 13 + (3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0)
        return 1.0 if head.first[at : at + 1] in (b"\x21", b"\x2c") else 0.0

    def facts(self, path: Path) -> Facts:
        """Read all blocks but the packed values.

        Raises
        ------
        TruncatedError
            If there is no end.
        """
        blocks = _read(read_bytes(path), path)
        times = tuple(t / _TICKS for t in accumulate(blocks.delays[:-1], initial=0))
        grey = all(bool((table == table[:, :1]).all()) for table in blocks.tables) and blocks.covers
        lines = [
            ("size", f"{blocks.columns} x {blocks.rows}"),
            ("pictures", str(len(blocks.delays))),
            ("delays in 10 ms", ", ".join(str(n) for n in blocks.delays[:50])),
            *(("comment", text) for text in blocks.texts),
        ]
        return Facts(
            blocks.rows,
            blocks.columns,
            1 if grey else 3,
            np.dtype(np.uint8),
            alpha=blocks.clear or not blocks.covers,
            lines=tuple(lines),
            spacing_mm=next((found for text in blocks.texts if (found := spacing_of(text))), None),
            times_s=times,
            timed=all(blocks.delays[:-1]),
        )

    def _decode(self, raw: bytes, path: Path) -> AnyArray:
        import imagecodecs

        return decode(imagecodecs.gif_decode, raw, path)

    def write(self, volume: Volume, path: Path, progress: Progress = silent) -> WriteReport:
        """Write one picture a slice, or an animation of one slice over time.

        More than 256 colours a picture are brought down to 256, which is reported.
        """
        if TIME not in volume.axes:
            return super().write(volume, path, progress)
        if (
            set(volume.axes[:-3]) - {TIME, CHANNEL}
            or volume.grid.shape[0] > 1
            or volume.channels not in (1, 3)
        ):
            raise UnsupportedError(
                "a GIF over time holds one slice, grey or RGB",
                where=path,
                got=dict(zip(volume.axes, volume.shape, strict=True)),
                advice="Write one slice (volume.crop) or .nii.gz",
            )
        stored = self._stored(volume, path, progress)
        order = [TIME, *([CHANNEL] if volume.is_colour else []), "k", "j", "i"]
        values = stored.values.transpose([volume.axes.index(name) for name in order])[..., 0, :, :]
        pictures = [np.moveaxis(picture, 0, -1) if volume.is_colour else picture for picture in values]
        frames = [indexed(picture) for picture in track(pictures, progress, "Packing")]
        delays = _delays(volume.coordinates.get(TIME, ()), len(frames))
        raw = _assembled(frames, delays, spacing_text(volume.grid), path)
        with atomic_file(path) as file:
            file.write(raw)
        losses = [*self._losses(volume), *stored.losses]
        deviation = max(frame.deviation for frame in frames)
        if deviation:
            losses.append(f"256 colours a picture: values were changed by up to {deviation}.")
        return WriteReport((path,), tuple(losses))

    def _losses(self, volume: Volume) -> list[str]:
        losses = super()._losses(volume)
        times = volume.coordinates.get(TIME)
        if times is None:
            return losses
        losses = [text for text in losses if "positions along" not in text]
        delays = _delays(times, len(times))
        back = [t / _TICKS for t in accumulate(delays[:-1], initial=0)]
        if not np.allclose(back, times, atol=1e-5) or not all(delays):
            losses.append("The times are kept as delays in steps of 10 ms, the first being 0.")
        return losses

    def _encode(self, picture: AnyArray, text: str, path: Path) -> bytes:
        return _assembled([indexed(picture)], [0], text, path)

    def _deviation(self, picture: AnyArray, raw: bytes, path: Path) -> float:
        shown = self._decode(raw, path).astype(np.int16)
        return float(np.abs(shown - (picture if picture.ndim == 3 else picture[..., None])).max())


def _delays(times: tuple[float, ...], count: int) -> list[int]:
    """Ticks that each picture is shown; the last as long as the one before it; 0 where no times are known."""
    if len(times) < 2:
        return [0] * count
    steps = [min(max(round(step * _TICKS), 0), 65535) for step in np.diff(times)]
    return [*steps, steps[-1]]


# -- blocks -------------------------------------------------------------------------------------


def _read(raw: bytes, path: Path) -> _Blocks:
    if not raw.startswith(GifFormat.magic):
        raise FormatError("no GIF signature", where=path)
    if len(raw) < 13:
        raise TruncatedError("the file ends within the header", where=path)
    columns, rows, flags = struct.unpack_from("<HHB", raw, 6)
    blocks = _Blocks(columns, rows)
    at, delay = 13, 0
    if flags & 0x80:
        at = blocks.add_table(raw, at, flags)
    while at < len(raw) and raw[at] != _END:
        if raw[at] == _EXTENSION:
            label = raw[at + 1] if at + 1 < len(raw) else 0
            content, at = _sub_blocks(raw, at + 2, path)
            if label == _CONTROL and len(content) >= 4:
                delay = int.from_bytes(content[1:3], "little")
                blocks.clear |= bool(content[0] & 1)
            elif label == _COMMENT:
                blocks.texts.append(content.decode("latin-1")[:4000])
        elif raw[at] == _IMAGE:
            at = _image(raw, at, blocks, path)
            blocks.delays.append(delay)
            delay = 0
        else:
            raise FormatError("a block is of no known kind", where=path, got=f"byte {at}")
    if at >= len(raw):
        raise TruncatedError("the picture has no end", where=path, got=f"{len(raw)} bytes")
    if not blocks.delays or not rows or not columns:
        raise FormatError("there is no picture in the file", where=path, got=f"{columns} x {rows}")
    return blocks


def _image(raw: bytes, at: int, blocks: _Blocks, path: Path) -> int:
    """Note an image, and return the byte behind it."""
    if at + 11 > len(raw):
        raise TruncatedError("the file ends within a block", where=path, got=f"{len(raw)} bytes")
    left, top, width, height, flags = struct.unpack_from("<HHHHB", raw, at + 1)
    if not blocks.delays:
        blocks.covers = (left, top, width, height) == (0, 0, blocks.columns, blocks.rows)
    at += 10
    if flags & 0x80:
        at = blocks.add_table(raw, at, flags)
    return _sub_blocks(raw, at + 1, path)[1]


def _sub_blocks(raw: bytes, at: int, path: Path) -> tuple[bytes, int]:
    """Content of a chain of sub-blocks, and the byte behind it."""
    parts: list[bytes] = []
    while at < len(raw):
        size = raw[at]
        at += 1
        if not size:
            return b"".join(parts), at
        parts.append(raw[at : at + size])
        at += size
    raise TruncatedError("the file ends within a block", where=path, got=f"{len(raw)} bytes")


def _assembled(frames: list[Indexed], delays: list[int], text: str, path: Path) -> bytes:
    """Put pictures together: each with its delay, and its own colours where they differ from the first's."""
    rows, columns = frames[0].numbers.shape
    if max(rows, columns) > 65535:
        raise UnsupportedError("GIF holds at most 65535 rows and columns", where=path, got=(rows, columns))
    table = frames[0].table
    parts: list[bytes] = [b"GIF89a", struct.pack("<HHBBB", columns, rows, 0xF7, 0, 0), table.tobytes()]
    if len(frames) > 1:
        parts.append(b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0")  # repeat without end
    if text:
        parts.append(bytes([_EXTENSION, _COMMENT, len(text)]) + text.encode("latin-1") + b"\0")
    for frame, delay in zip(frames, delays, strict=True):
        parts.append(struct.pack("<BBBBHBB", _EXTENSION, _CONTROL, 4, 0x04, delay, 0, 0))
        own = not np.array_equal(frame.table, table)
        parts.append(struct.pack("<BHHHHB", _IMAGE, 0, 0, columns, rows, 0x87 if own else 0))
        parts.append(frame.table.tobytes() if own else b"")
        parts.append(_packed(frame.numbers))
    return b"".join([*parts, bytes([_END])])


def _packed(numbers: AnyArray) -> bytes:
    """Packed values of a picture of 256 colours, from the file that imagecodecs makes of it."""
    import imagecodecs

    raw = bytes(imagecodecs.gif_encode(np.ascontiguousarray(numbers), colormap=_GREYS))
    at = 13 + 3 * 256
    while raw[at] == _EXTENSION:
        _, at = _sub_blocks(raw, at + 2, Path())
    start = at + 10
    _, end = _sub_blocks(raw, start + 1, Path())
    return raw[start:end]
