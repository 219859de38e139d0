"""Receiving dropped files: the body is written out as it arrives, within a bound, under safe names."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath
from typing import IO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from medvox.core.errors import UsageError
from medvox.server.errors import TooLargeError

FIELD = b"files"
MAX_NAME = 4096
MAX_FILES = 200_000
_ESCAPES = {"%22": '"', "%0D": "_", "%0A": "_"}
_DRIVE = re.compile(r"^[A-Za-z]:")
_DEVICE = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(\..*)?$", re.IGNORECASE)


def safe_path(name: str) -> PurePosixPath:
    """Turn the file name of an upload into a relative path.

    Raises
    ------
    UsageError
        If it is absolute, climbs (``..``), names a drive, or holds control characters.

    Examples
    --------
    >>> str(safe_path("head/IM 1.dcm"))
    'head/IM 1.dcm'
    """
    parts = [p for p in name.replace("\\", "/").split("/") if p != "."]
    bad = (
        len(name) > MAX_NAME
        or not parts
        or _DRIVE.match(name) is not None
        or any(p in ("", "..") or len(p.encode(errors="surrogateescape")) > 255 for p in parts)
        or any(ord(c) < 32 or ord(c) == 127 for c in name)
    )
    if bad:
        raise UsageError(
            "the name of an uploaded file is not a plain relative path",
            where="upload",
            advice="Names hold no drive, no '..' and do not start with '/'",
        )
    plain = [p.replace(":", "_") for p in parts]
    return PurePosixPath(*(f"_{p}" if _DEVICE.match(p) else p for p in plain))


class Receiver:
    """Writes the files of one multipart body into a folder.

    Parameters
    ----------
    content_type
        Header of the request.
    folder
        Where files go.
    limit
        Bytes that may arrive.

    Raises
    ------
    UsageError
        If the request is no multipart form.
    """

    def __init__(self, content_type: str, folder: Path, limit: int) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary", b"")
        if kind != b"multipart/form-data" or not boundary:
            raise UsageError("an upload must be a multipart form", where="upload", got=kind.decode("latin-1"))
        self.folder = folder
        self.files = 0
        self._limit = limit
        self._received = 0
        self._header = (b"", b"")
        self._disposition = b""
        self._file: IO[bytes] | None = None
        callbacks = {
            "on_part_begin": self._begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._data,
            "on_part_end": self._end,
        }
        self._parser = MultipartParser(boundary, callbacks)  # type: ignore[arg-type]

    def feed(self, block: bytes) -> None:
        """Take the next bytes of the body.

        Raises
        ------
        TooLargeError
            If more bytes arrived than are allowed.
        """
        self._received += len(block)
        if self._received > self._limit:
            raise TooLargeError(
                "the upload is too large", where="upload", expected=f"at most {self._limit} bytes"
            )
        self._parser.write(block)

    def finish(self) -> int:
        """End the body; return the number of files."""
        self._parser.finalize()
        if self._file is not None:
            raise UsageError("the upload ended early", where="upload")
        if not self.files:
            raise UsageError("the upload holds no file", where="upload", expected="parts named 'files'")
        return self.files

    def close(self) -> None:
        """Close the file that was being written."""
        if self._file is not None:
            self._file.close()
            self._file = None

    # -- the parser's calls ----------------------------------------------------------------------

    def _begin(self) -> None:
        self._header, self._disposition = (b"", b""), b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header = (self._header[0] + data[start:end], self._header[1])

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._header = (self._header[0], self._header[1] + data[start:end])

    def _header_end(self) -> None:
        if self._header[0].lower() == b"content-disposition":
            self._disposition = self._header[1]
        self._header = (b"", b"")

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        if options.get(b"name") != FIELD or b"filename" not in options:
            return
        name = options[b"filename"].decode("utf-8", "surrogateescape")
        for escape, character in _ESCAPES.items():
            name = name.replace(escape, character)
        self.files += 1
        if self.files > MAX_FILES:
            raise TooLargeError(
                "the upload holds too many files", where="upload", expected=f"at most {MAX_FILES}"
            )
        self._file = self._create(self.folder / safe_path(name))

    def _create(self, path: Path) -> IO[bytes]:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return path.open("xb")
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise UsageError(
                "two uploaded files have the same name",
                where="upload",
                advice="Drop them one after the other",
            ) from None

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(memoryview(data)[start:end])

    def _end(self) -> None:
        self.close()


async def receive(stream: AsyncIterator[bytes], content_type: str, folder: Path, limit: int) -> int:
    """Write the files of a multipart body into `folder`; on any error nothing stays.

    Returns
    -------
    int
        Number of files.

    Raises
    ------
    UsageError
        If the form is malformed, a name is not safe, or too many bytes arrive (`TooLargeError`).
    """
    receiver: Receiver | None = None
    try:
        receiver = Receiver(content_type, folder, limit)
        async for block in stream:
            receiver.feed(block)
        return receiver.finish()
    except BaseException as error:
        if receiver is not None:
            receiver.close()
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, FormParserError):
            raise UsageError("the upload is no well-formed multipart form", where="upload") from error
        raise
