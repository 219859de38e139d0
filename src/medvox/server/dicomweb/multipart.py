"""Multipart bodies (RFC 2046 5.1, RFC 2387): heads of parts to send, and a parser with tight bounds."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from medvox.core.errors import UsageError

BOUNDARY: Final = f"medvox-{secrets.token_hex(16)}"
"""Of all answers of this run: 128 random bits that no data can foresee."""
END: Final = f"\r\n--{BOUNDARY}--\r\n".encode()
"""After the last part."""
MOST_PARTS: Final = 100_000
LONGEST_HEADERS: Final = 8192
LONGEST_PREAMBLE: Final = 65_536
MOST_HEADERS: Final = 32
_LONGEST_BOUNDARY = 70
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
_PARAMETER = re.compile(r';\s*([\w!#$&^.+-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))')


def part_head(media: str, length: int | None = None, location: str = "") -> bytes:
    """Return what precedes the data of a part, the boundary included.

    Parameters
    ----------
    media
        Content-Type with its parameters.
    length
        Content-Length; None where it is not known.
    location
        Content-Location.
    """
    lines = [f"\r\n--{BOUNDARY}", f"Content-Type: {media}"]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    if location:
        lines.append(f"Content-Location: {location}")
    return "\r\n".join((*lines, "", "")).encode()


def content_type(media: str) -> str:
    """Content-Type of a multipart answer whose parts have a media type."""
    return f'multipart/related; type="{media}"; boundary="{BOUNDARY}"'


def parameters(header: str) -> tuple[str, dict[str, str]]:
    """Return the media type, in small letters, and the parameters of a Content-Type."""
    media, *_ = header.split(";", 1)
    found = {
        name.lower(): re.sub(r"\\(.)", r"\1", quoted) or plain
        for name, quoted, plain in _PARAMETER.findall(header[len(media) :])
    }
    return media.strip().lower(), found


def boundary_of(header: str) -> bytes:
    """Return the boundary of a Content-Type.

    Raises
    ------
    UsageError
        If there is none, or one that RFC 2046 does not allow.
    """
    boundary = parameters(header)[1].get("boundary", "")
    if not _BOUNDARY.fullmatch(boundary):
        raise UsageError("the boundary of the multipart body is missing or malformed")
    return boundary.encode()


@dataclass(frozen=True, slots=True)
class Head:
    """A part begins.

    Parameters
    ----------
    headers
        By name in small letters.
    """

    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Data:
    """The next bytes of a part."""

    content: memoryview


@dataclass(frozen=True, slots=True)
class End:
    """A part has ended."""


Event = Head | Data | End


class Parser:
    """Takes a multipart body as it arrives; holds no more of it than one block and one head.

    Parameters
    ----------
    boundary
        See `boundary_of`.
    """

    def __init__(self, boundary: bytes) -> None:
        self._mark = b"\r\n--" + boundary
        self._buffer = b"\r\n"  # the first boundary may begin the body
        self._skipped = 0
        self._parts = 0
        self._state = self._preamble
        self.is_finished = False

    def feed(self, block: bytes) -> Iterator[Event]:
        """Take a block; yield what it tells, to be used up before the next one is fed.

        Raises
        ------
        UsageError
            If the body is malformed, or exceeds a bound.
        """
        if self.is_finished:  # what follows the last boundary is no part (RFC 2046 5.1.1)
            return
        self._buffer = self._buffer + block if self._buffer else block
        while True:
            events, is_more = self._state()
            yield from events
            if not is_more:
                return

    def finish(self) -> None:
        """End the body.

        Raises
        ------
        UsageError
            If the last boundary has not come.
        """
        if not self.is_finished:
            raise UsageError("the multipart body ends early", advice="Send it again")

    def _preamble(self) -> tuple[list[Event], bool]:
        found = self._buffer.find(self._mark)
        if found < 0:
            kept = len(self._mark) - 1
            self._skipped += max(0, len(self._buffer) - kept)
            self._buffer = self._buffer[-kept:]
            if self._skipped > LONGEST_PREAMBLE:
                raise UsageError("the multipart body does not begin with its boundary")
            return [], False
        self._buffer = self._buffer[found + len(self._mark) :]
        self._state = self._after_boundary
        return [], True

    def _after_boundary(self) -> tuple[list[Event], bool]:
        """Tell the end of the body from another part; blanks may follow a boundary."""
        if self._buffer[:2] == b"--":
            self.is_finished, self._buffer = True, b""
            return [], False
        line = self._buffer.find(b"\r\n")
        if line < 0:
            if len(self._buffer) > _LONGEST_BOUNDARY:
                raise UsageError("a boundary of the multipart body is followed by something else")
            return [], False
        if self._buffer[:line].strip(b" \t"):
            raise UsageError("a boundary of the multipart body is followed by something else")
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise UsageError("the multipart body has too many parts", expected=f"at most {MOST_PARTS}")
        self._buffer = self._buffer[line:]
        self._state = self._headers
        return [], True

    def _headers(self) -> tuple[list[Event], bool]:
        end = self._buffer.find(b"\r\n\r\n", 0, LONGEST_HEADERS)
        if end < 0:
            if len(self._buffer) >= LONGEST_HEADERS:
                raise UsageError("the headers of a part are too long", expected=f"at most {LONGEST_HEADERS}")
            return [], False
        lines = self._buffer[:end].split(b"\r\n")[1:] if end else []
        if len(lines) > MOST_HEADERS:
            raise UsageError("a part has too many headers", expected=f"at most {MOST_HEADERS}")
        self._buffer = self._buffer[end + 2 :]  # the line end before data that are empty may begin a boundary
        self._state = self._first_data
        return [Head(_headers(lines))], True

    def _first_data(self) -> tuple[list[Event], bool]:
        if len(self._buffer) < len(self._mark) + 2:
            return [], False
        if not self._buffer.startswith(self._mark):
            self._buffer = self._buffer[2:]
        self._state = self._data
        return [], True

    def _data(self) -> tuple[list[Event], bool]:
        found = self._buffer.find(self._mark)
        if found < 0:
            safe = len(self._buffer) - len(self._mark) + 1
            if safe <= 0:
                return [], False
            content = memoryview(self._buffer)[:safe]
            self._buffer = self._buffer[safe:]
            return [Data(content)], False
        content = memoryview(self._buffer)[:found]
        self._buffer = self._buffer[found + len(self._mark) :]
        self._state = self._after_boundary
        return [Data(content), End()] if found else [End()], True


def _headers(lines: list[bytes]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not name.strip():
            raise UsageError("a header of a part is malformed")
        found[name.strip().decode("latin-1").lower()] = value.strip().decode("latin-1")
    return found
