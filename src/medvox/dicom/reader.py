"""Reader: makes the `Header` of a file from its bytes, through windows that are as few as can be."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from medvox.core.errors import AccessError, FormatError, LimitError, MedvoxError, TruncatedError
from medvox.core.finding import Finding, Level
from medvox.dicom.elements import walk
from medvox.dicom.elements.encoding import encoding_of, meta_findings, settle_syntax, span_of
from medvox.dicom.elements.wanted import TRANSFER_SYNTAX
from medvox.dicom.header import Header, Records, inflate_part, pack
from medvox.formats.inputs import InputFile
from medvox.formats.remote.mirror import fetched

WINDOW = 8192
"""Bytes read of every file; enough for most headers."""
_MAX_WINDOW = 1 << 20
_INFLATED = 1 << 18
_PREAMBLE = 132
_VRS = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM "
    b"UC UI UL UN UR US UT UV".split()
)


def is_dicom(first: bytes) -> bool:
    """Tell whether a file with these first bytes is DICOM: by the preamble, or plausibly a bare data set.

    A bare data set begins in group 0002, 0004 or 0008, with lengths that lead to higher tags.
    """
    if first[128:132] == b"DICM":
        return True
    if len(first) < 12:
        return False
    big = int(first[0] == 0)
    group = first[1] if big else first[0]
    if first[0] + first[1] != group or group not in (2, 4, 8):
        return False
    implicit = int(not _looks_like_vr(first[4:6]))
    if not implicit and first[4:6] not in _VRS:
        return False
    return _leads_on(first, implicit, big)


def _looks_like_vr(letters: bytes) -> bool:
    return letters.isascii() and letters.isalpha() and letters.isupper()


def _leads_on(first: bytes, implicit: int, big: int) -> bool:
    """Tell whether the first few lengths lead to higher tags."""
    position, last, seen = 0, -1, 0
    while position + 12 <= len(first) and seen < 4:
        tag, _, head, length = walk.read_element(first, position, 12, implicit, big)
        if tag <= last or tag >> 16 > 0x7FE0 or (length > 1 << 20 and length != walk.UNDEFINED):
            return False
        seen += 1
        if length == walk.UNDEFINED:
            break
        position, last = position + head + length, tag
    return seen > 1 or position >= len(first)


@dataclass(slots=True)
class Walker:
    """A walk and its workspace, for one file after the other.

    Parameters
    ----------
    walk
        `walk_elements`, compiled or not.
    wanted, state, out, arena
        Its arguments, in the types that this walk takes.
    view
        Makes a window of bytes.
    """

    walk: Any
    wanted: Any
    state: Any
    out: Any
    arena: Any
    view: Any

    @classmethod
    def plain(cls, tags: tuple[int, ...]) -> Walker:
        """Make a walker that needs nothing loaded."""
        state, out = [0] * walk.STATE_SIZE, [0] * (4 * walk.MAX_FOUND)
        return cls(walk.walk_elements, tags, state, out, bytearray(walk.ARENA), bytes)

    @classmethod
    def compiled(cls, tags: tuple[int, ...]) -> Walker:
        """Make a walker that runs as machine code."""
        from medvox.dicom.elements import walk_kernels

        return cls(
            walk_kernels.walk_elements,
            np.array(tags, np.int64),
            np.zeros(walk.STATE_SIZE, np.int64),
            np.zeros(4 * walk.MAX_FOUND, np.uint32),
            np.zeros(walk.ARENA, np.uint8),
            lambda data: np.frombuffer(bytearray(data), np.uint8),
        )

    def go(self, window: bytes) -> int:
        """Walk over a window of the file that begins where the last one has led to."""
        state = self.state
        state[walk.BASE], state[walk.COUNT] = state[walk.POSITION], len(window)
        return int(self.walk(self.view(window), self.wanted, state, self.out, self.arena))

    def header(self, file: InputFile, result: int, deflated: bool = False) -> Header:
        """Make the header of what was found."""
        state = list(map(int, self.state))
        values = bytes(self.arena[: state[walk.USED]])
        records = pack(self.out, state[walk.FOUND], values, disorder=state[walk.DISORDER] == 1)
        return make_header(file, result, state, records, deflated=deflated)


@contextmanager
def _opened(file: InputFile) -> Iterator[int]:
    try:
        descriptor = os.open(file.place, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            yield descriptor
        finally:
            os.close(descriptor)
    except MedvoxError:
        raise
    except OSError as error:
        raise AccessError(f"cannot be read: {error.strerror}", where=file.name) from None


def read_file(file: InputFile, walker: Walker) -> Header | None:
    """Read the header of one file; None when it is not DICOM.

    Raises
    ------
    FormatError
        If it is empty, or DICOM of which nothing can be read.
    AccessError
        If the system refuses.
    """
    with _opened(file) as descriptor:
        fetched(file.place, 0, WINDOW)
        window = os.read(descriptor, WINDOW)
        if not window:
            raise TruncatedError("the file is empty", where=file.name)
        if not is_dicom(window):
            return None
        begin = first_element(window)
        walk.start(walker.state, max(os.fstat(descriptor).st_size, len(window)), begin)
        asked, window = WINDOW - begin, window[begin:]
        result = walker.go(window)
        while result == walk.MORE and len(window) == asked:
            asked = min(2 * WINDOW if asked < WINDOW else 2 * asked, _MAX_WINDOW)
            os.lseek(descriptor, int(walker.state[walk.POSITION]), os.SEEK_SET)
            fetched(file.place, int(walker.state[walk.POSITION]), asked)
            window = os.read(descriptor, asked)
            result = walker.go(window)
        if result == walk.DEFLATED:
            fetched(file.place)
            os.lseek(descriptor, 0, os.SEEK_SET)
            with os.fdopen(os.dup(descriptor), "rb") as stream:
                return _read_deflated(file, stream.read(), walker)
        return walker.header(file, walk.TRUNCATED if result == walk.MORE else result)


def first_element(first: bytes) -> int:
    """Offset of the first data element (PS3.10 7.1)."""
    return _PREAMBLE if first[128:132] == b"DICM" else 0


def _read_deflated(file: InputFile, content: bytes, walker: Walker) -> Header:
    """Inflate as much as the header needs, and walk over that."""
    start, most = int(walker.state[walk.DATA_START]), _INFLATED
    while True:
        try:
            inflated, complete = inflate_part(content, start, file.name, most)
            deflated = True
        except LimitError:
            raise
        except FormatError:  # it is not deflated, whatever it says
            inflated, complete, deflated = content, True, False
        begin = first_element(inflated)
        walk.start(walker.state, len(inflated) if complete else 1 << 62, begin)
        walker.state[walk.IS_DEFLATED] = -1
        result = walker.go(inflated[begin:])
        if result != walk.MORE:
            return walker.header(file, result, deflated)
        most *= 8


def make_header(
    file: InputFile,
    result: int,
    state: Sequence[int],
    records: Records,
    *,
    deflated: bool = False,
    like: Header | None = None,
) -> Header:
    """Make a header of what a walk has found.

    Parameters
    ----------
    result, state
        What the walk returned, and left.
    like
        Header without findings of a file that is encoded in the same way and states it in the same way.

    Raises
    ------
    FormatError
        If nothing can be read, or it is nonsense.
    """
    name = file.name
    if like is not None and result == walk.PIXELS:
        span, lacking = span_of(state, name)
        if not lacking:
            encoding = encoding_of(state, deflated)
            syntax = like.transfer_syntax
            return Header(os.fspath(file.place), name, file.size, syntax, encoding, span, (), records)
    if result == walk.BROKEN:
        raise FormatError("the data elements are nested too deep or repeat without end", where=name)
    if state[walk.IN_META] == 1:
        raise TruncatedError("the file ends before its data set", where=name)
    encoding = encoding_of(state, deflated)
    pixel, findings = span_of(state, name) if result == walk.PIXELS else (None, ())
    if result == walk.TRUNCATED:
        text = f"the file ends inside the data element that begins at byte {state[walk.POSITION]}"
        findings = (Finding("truncated-header", Level.ERROR, name, text, "PS3.5 7.1"),)
    stated = _stated_syntax(records)
    settled, doubts = settle_syntax(stated, encoding, pixel, name)
    begin = state[walk.BEGIN]
    if begin != _PREAMBLE or not stated or doubts:
        has_meta = state[walk.DATA_START] != begin
        findings += doubts + meta_findings(begin == _PREAMBLE, has_meta, stated, settled, name)
    return Header(os.fspath(file.place), name, file.size, settled, encoding, pixel, findings, records)


def _stated_syntax(records: Records) -> str:
    """Transfer Syntax UID (0002,0010) as the file has it."""
    found = records.find(TRANSFER_SYNTAX)
    if found is None or found[0] & walk.FAR:
        return ""
    return records.values[found[1] : found[1] + found[2]].decode("ascii", "replace").strip(" \0")
