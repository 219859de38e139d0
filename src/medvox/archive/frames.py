"""Frames: where the pixels of a stored instance lie, found from its header and its fragment headers alone."""

from __future__ import annotations

import io
import struct
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from sqlalchemy import bindparam, select

from medvox.archive.archive import Archive
from medvox.archive.index.tables import INSTANCES, SERIES, STUDIES
from medvox.archive.model import InstanceRow
from medvox.core.errors import FormatError, MedvoxError, MissingError
from medvox.dicom.elements.encoding import DEFLATED, PixelSpan
from medvox.dicom.elements.wanted import WANTED, ascending
from medvox.dicom.header import Header, inflate
from medvox.dicom.in_memory import header_of
from medvox.dicom.pixels import PixelFormat, transfer_syntax
from medvox.dicom.pixels.encapsulation import FrameIndex, index_frames
from medvox.dicom.pixels.native import frame_bytes
from medvox.dicom.pixels.source import Source
from medvox.dicom.reader import Walker, read_file
from medvox.formats.inputs import InputFile

FIRST: Final = 1 << 16
"""Bytes read of every instance; enough for most headers."""
_WHOLE: Final = 1 << 22
"""Instances up to this size are read at once."""
_KNOWN_AT_MOST: Final = 512
_UNDEFINED: Final = 0xFFFFFFFF


_ONE = (
    select(
        *(STUDIES.c.study_uid, SERIES.c.series_uid, INSTANCES.c.sop_uid, INSTANCES.c.sop_class),
        *(INSTANCES.c.transfer_syntax, INSTANCES.c.version, INSTANCES.c.frames, INSTANCES.c.size),
        *(INSTANCES.c.digest, INSTANCES.c.place, INSTANCES.c.place_offset, INSTANCES.c.data_set_offset),
        INSTANCES.c.received,
    )
    .select_from(INSTANCES.join(SERIES, SERIES.c.id == INSTANCES.c.series).join(STUDIES))
    .where(
        INSTANCES.c.sop_uid == bindparam("sop"),
        SERIES.c.series_uid == bindparam("series"),
        STUDIES.c.study_uid == bindparam("study"),
        INSTANCES.c.is_current,
    )
)


def one_instance(archive: Archive, study_uid: str, series_uid: str, sop_uid: str) -> InstanceRow | None:
    """Return one instance; None where there is none.

    What `Archive.instances` would give, for those who ask for frame after frame: its statement is made once.
    """
    named = {"study": study_uid, "series": series_uid, "sop": sop_uid}
    with archive.up_to_date().connect() as connection:
        found = connection.execute(_ONE, named).first()
    return None if found is None else InstanceRow(*tuple(found))


class InstanceStream(io.RawIOBase):
    """The data set of an instance as a stream that is read in parts; for one thread at a time."""

    def __init__(self, archive: Archive, row: InstanceRow) -> None:
        self._archive, self._row = archive, row
        self._size, self._at = row.size - row.data_set_offset, 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a byte of the data set."""
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def readinto(self, target: Any) -> int:
        """Fill a buffer, less at the end."""
        length = max(0, min(len(target), self._size - self._at))
        target[:length] = self._archive.read_part(self._row, self._row.data_set_offset + self._at, length)
        self._at += length
        return length


@dataclass(frozen=True, slots=True, eq=False)
class StoredPixels:
    """Where the frames of an instance lie.

    Parameters
    ----------
    header
        Header of the data set; its offsets count from the first byte of the (inflated) data set.
    form
        How the samples are stored.
    index
        Pieces of each frame in the data set where they lie in fragments; None for native pixels.
    """

    header: Header
    form: PixelFormat
    index: FrameIndex | None

    @property
    def frames(self) -> int:
        """Number of frames that are there."""
        return self.form.frames if self.index is None else min(self.form.frames, len(self.index.frames))

    @property
    def span(self) -> PixelSpan:
        """Where the pixel data are."""
        assert self.header.pixel is not None
        return self.header.pixel

    @property
    def is_encapsulated(self) -> bool:
        """Whether the frames lie in fragments."""
        return self.index is not None

    def pieces(self, frame: int) -> tuple[tuple[int, int], ...]:
        """Offset in the data set and length of the parts of a frame, counted from 0.

        Raises
        ------
        MissingError
            If there is no such frame.
        """
        if not 0 <= frame < self.frames:
            raise MissingError("there is no such frame", got=frame + 1, expected=f"1 to {self.frames}")
        if self.index is not None:
            return self.index.frames[frame]
        first, length, _ = frame_bytes(self.form, frame)
        if first + length > self.span.length:
            raise MissingError("the frame is missing: the pixel data end early", got=frame + 1)
        return ((self.span.offset + first, length),)

    def read(self, source: Source, frame: int) -> bytes:
        """Return the bytes of a frame as they are stored; single bits begin with a byte of their own.

        Raises
        ------
        MissingError, FormatError
            If the frame is not there.
        """
        pieces = self.pieces(frame)
        data = b"".join(source.read_exactly(at, length, f"frame {frame + 1}") for at, length in pieces)
        skip = 0 if self.is_encapsulated else frame_bytes(self.form, frame)[2]
        if not skip:
            return data
        bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
        return np.packbits(bits[skip : skip + self.form.native_frame_bits], bitorder="little").tobytes()


_known: OrderedDict[tuple[str, str], StoredPixels] = OrderedDict()
_lock = threading.Lock()


def stored_pixels(archive: Archive, row: InstanceRow) -> StoredPixels:
    """Find the frames of an instance; what was found is kept for the instances that were used last.

    Raises
    ------
    MissingError
        If it has no pixels.
    FormatError
        If header or fragments cannot be read.
    """
    key = row.digest, row.transfer_syntax
    with _lock:
        found = _known.get(key)
        if found is not None:
            _known.move_to_end(key)
            return found
    found = _stored_pixels(archive, row)
    with _lock:
        _known[key] = found
        while len(_known) > _KNOWN_AT_MOST:
            _known.popitem(last=False)
    return found


def _stored_pixels(archive: Archive, row: InstanceRow) -> StoredPixels:
    _, header = front(archive, row)
    if header.pixel is None:
        raise MissingError("the instance has no pixels", where=row.sop_uid)
    syntax = transfer_syntax(header.transfer_syntax, encapsulated=header.pixel.length < 0)
    form = _format(archive, row, header)
    index = None
    if syntax.is_encapsulated:
        index = index_frames(pixel_source(archive, row), header.pixel.offset, form.frames, syntax.codec)
    elif header.pixel.length < 0:
        raise FormatError("the pixel data are in fragments, but stated to be native", where=row.sop_uid)
    return StoredPixels(header, form, index)


def _format(archive: Archive, row: InstanceRow, header: Header) -> PixelFormat:
    try:
        return PixelFormat.of(header)
    except MedvoxError:  # a palette is too long for a header in memory
        with front_file(archive, row) as whole:
            return PixelFormat.of(whole)


def pixel_source(archive: Archive, row: InstanceRow) -> Source:
    """Open the data set of an instance for reading at the offsets of its header."""
    size = row.size - row.data_set_offset
    if row.transfer_syntax in DEFLATED:
        data = inflate(archive.read_data_set(row), 0, row.sop_uid)
        return Source(row.sop_uid, io.BytesIO(data), len(data))
    if size <= FIRST:
        return Source(row.sop_uid, io.BytesIO(archive.read_data_set(row)), size)
    return Source(row.sop_uid, InstanceStream(archive, row), size)


def front(archive: Archive, row: InstanceRow) -> tuple[bytes, Header]:
    """Return the data set of an instance up to its pixel data at least, inflated, and its header.

    Raises
    ------
    FormatError
        If it cannot be read.
    """
    start, total = row.data_set_offset, row.size - row.data_set_offset
    length = min(total, FIRST)
    if row.transfer_syntax in DEFLATED:
        data = inflate(archive.read_data_set(row), 0, row.sop_uid)
        return data, header_of(data, row.transfer_syntax.replace(".1.99", ".1"), row.sop_uid, WANTED)
    while True:
        data = archive.read_part(row, start, length)
        try:
            header = header_of(data, row.transfer_syntax, row.sop_uid, WANTED)
            if header.pixel is not None or length == total:
                return data, _whole(header, data, total)
        except FormatError:
            if length == total:
                raise
        length = min(total, 8 * length)


def _whole(header: Header, data: bytes, total: int) -> Header:
    """Give a header that was read from the first bytes alone the length of the pixel data."""
    span = header.pixel
    if span is None or span.length < 0:
        return replace(header, size=total)
    order = ">" if header.encoding.big_endian else "<"
    stated = struct.unpack_from(f"{order}I", data, span.offset - 4)[0]
    there = total - span.offset
    length = -1 if stated == _UNDEFINED else min(stated, there)
    findings = tuple(f for f in header.findings if f.code != "truncated-pixel-data" or stated > there)
    return replace(
        header, size=total, pixel=PixelSpan(span.offset, length, span.tag, span.vr), findings=findings
    )


@contextmanager
def front_file(archive: Archive, row: InstanceRow) -> Iterator[Header]:
    """Give a header that can read long values and sequences, for as long as the context lasts.

    Its file holds the instance up to the pixel data and is removed at the end.

    Raises
    ------
    FormatError
        If it cannot be read.
    """
    data, _ = front(archive, row)
    if row.transfer_syntax in DEFLATED:
        content = archive.read(row)
    else:
        content = archive.read_part(row, 0, row.data_set_offset) + data
    with tempfile.TemporaryDirectory(prefix="medvox-") as folder:
        path = Path(folder) / "front.dcm"
        path.write_bytes(content)
        file = InputFile(path, row.sop_uid, len(content))
        header = read_file(file, Walker.plain(ascending(WANTED)))
        if header is None:
            raise FormatError("the instance is no DICOM file", where=row.sop_uid)
        yield header
