"""Sources: the bytes that pixel data are read from, a file or memory."""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import AccessError, MedvoxError, MissingError, TruncatedError
from medvox.dicom.header import inflate
from medvox.dicom.pixels.transfer_syntaxes import DEFLATED
from medvox.formats.remote.mirror import opened

AnyArray = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Bytes that can be read from any place.

    Parameters
    ----------
    file
        Name for errors.
    stream
        Unbuffered stream, used by one thread at a time.
    size
        Bytes there are.
    """

    file: str
    stream: io.RawIOBase | io.BytesIO
    size: int

    def read(self, offset: int, length: int) -> bytes:
        """Read up to `length` bytes; fewer at the end."""
        length = max(0, min(length, self.size - offset))
        if not length:
            return b""
        self.stream.seek(offset)
        data = self.stream.read(length) or b""
        while len(data) < length and (more := self.stream.read(length - len(data))):
            data += more
        return data

    def read_exactly(self, offset: int, length: int, what: str) -> bytes:
        """Read `length` bytes.

        Raises
        ------
        TruncatedError
            If the source ends before; nothing is allocated then.
        """
        self.require(offset, length, what)
        return self.read(offset, length)

    def read_into(self, offset: int, out: AnyArray, what: str) -> None:
        """Fill a C-contiguous array.

        Raises
        ------
        TruncatedError
            If the source ends before.
        """
        self.require(offset, out.nbytes, what)
        self.stream.seek(offset)
        octets: Any = out.reshape(-1).view(np.uint8)
        target = memoryview(octets)
        done = 0
        while done < len(target):
            count = self.stream.readinto(target[done:])
            if not count:
                raise TruncatedError(f"{what} ends early", where=self.file, got=done, expected=len(target))
            done += count

    def require(self, offset: int, length: int, what: str) -> None:
        """Refuse a part that is not there."""
        if offset < 0 or length < 0 or offset + length > self.size:
            raise TruncatedError(
                f"{what} is not all there",
                where=f"{self.file} at byte {offset}",
                got=f"{max(0, self.size - offset)} bytes",
                expected=length,
                advice="Copy the file again from where it came",
            )


@contextmanager
def open_pixels(file: str, transfer_syntax: str) -> Iterator[Source]:
    """Open a file for reading at the offsets of its header; a deflated one is inflated.

    Raises
    ------
    MissingError, AccessError
        If it is gone or cannot be read.
    FormatError, LimitError
        If it cannot be inflated, or grows beyond `Settings.max_expanded_bytes`.
    """
    try:
        with opened(file, buffering=0) as opened_stream:
            stream = cast(io.FileIO, opened_stream)
            if transfer_syntax == DEFLATED:
                content = stream.readall()
                data = inflate(content, _end_of_meta(content), file)
                yield Source(file, io.BytesIO(data), len(data))
            else:
                yield Source(file, stream, os.fstat(stream.fileno()).st_size)
    except FileNotFoundError as error:
        raise MissingError("the file is gone", where=file) from error
    except OSError as error:
        if isinstance(error, MedvoxError):
            raise
        raise AccessError("the file cannot be read", where=file, got=error.strerror) from error


def _end_of_meta(content: bytes) -> int:
    """Offset of the data set behind the elements of group 0002 (explicit VR, PS3.10 7.1)."""
    at = 132 if content[128:132] == b"DICM" else 0
    while content[at : at + 2] == b"\x02\x00" and at + 12 <= len(content):
        if content[at + 4 : at + 6] in (b"OB", b"UN"):
            at += 12 + struct.unpack_from("<L", content, at + 8)[0]
        else:
            at += 8 + struct.unpack_from("<H", content, at + 6)[0]
    return at
