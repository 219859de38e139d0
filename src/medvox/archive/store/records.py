"""Records: how an instance lies in a segment, so that what is whole can be told from what is not.

A segment is a file of records, one after another from byte `SEGMENT_HEADER` on, each beginning at a
multiple of `ALIGNMENT`. A record is a header, an entry (JSON: what an index needs), the data (a DICOM file
as it is served) and a trailer with the check of both. The header has a check of its own, so that the length
of a damaged record can be believed and the record after it be found.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from medvox.archive.store.disk import Buffer

MAGIC: Final = b"MVREC1\r\n"
SEGMENT_MAGIC: Final = b"MVSEG1\r\n"
SEGMENT_HEADER: Final = 64
ALIGNMENT: Final = 8
LONGEST_ENTRY: Final = 1 << 24
LONGEST_DATA: Final = 1 << 40
_HEADER: Final = struct.Struct("<8sHHIQQ")
_CHECK: Final = struct.Struct("<II")
HEADER: Final = _HEADER.size + _CHECK.size
TRAILER: Final = 8


class Kind(IntEnum):
    """What a record says."""

    INSTANCE = 1
    """An instance was received; the data are its file."""
    LINKED = 2
    """An instance whose bytes are a file of their own; there are no data."""
    CHANGE = 3
    """Something was changed: deleted, restored, corrected; the entry says what."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record as found in a segment.

    Parameters
    ----------
    offset, length
        Its place in the segment, in bytes.
    kind, sequence
        As written; sequence numbers of a writer ascend.
    entry
        What the index needs.
    data_offset, data_length
        Place of the data in the segment.
    """

    offset: int
    length: int
    kind: Kind
    sequence: int
    entry: Mapping[str, Any]
    data_offset: int
    data_length: int


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of a segment that are no record.

    Parameters
    ----------
    offset, length
        Where they are.
    is_tail
        Whether nothing whole follows: the end of what was being written when the power failed.
    """

    offset: int
    length: int
    is_tail: bool


def checksum(parts: Sequence[Buffer]) -> int:
    """Return the CRC-32 of buffers one after another."""
    from isal import isal_zlib

    value = 0
    for part in parts:
        value = isal_zlib.crc32(part, value)
    return int(value)


def encode(
    kind: Kind, sequence: int, entry: Mapping[str, Any], data: Sequence[Buffer], segment: bytes
) -> list[Buffer]:
    """Return the buffers of a record, its length a multiple of `ALIGNMENT`.

    Parameters
    ----------
    segment
        Header of the segment that it goes to. Its check goes into the record, so that data which hold
        copies of records are never taken for records.
    """
    text = json.dumps(entry, separators=(",", ":"), ensure_ascii=False).encode()
    size = sum(len(part) for part in data)
    head = _HEADER.pack(MAGIC, kind, 0, len(text), size, sequence)
    head += _CHECK.pack(checksum([head]), checksum([segment]))
    padding = -(HEADER + len(text) + size + TRAILER) % ALIGNMENT
    trailer = struct.pack("<II", checksum([text, *data]), padding) + bytes(padding)
    return [head, text, *data, trailer]


def data_offset(buffers: Sequence[Buffer]) -> int:
    """Bytes of an encoded record before its data."""
    return len(buffers[0]) + len(buffers[1])


def segment_header(writer: str, number: int) -> bytes:
    """Return the first bytes of a segment."""
    text = SEGMENT_MAGIC + f"{writer} {number}".encode()
    return text.ljust(SEGMENT_HEADER, b"\0")


def walk(segment: memoryview, start: int = SEGMENT_HEADER) -> Iterator[Record | Damage]:
    """Yield the records of a segment, and what lies between them and is none.

    Parameters
    ----------
    segment
        All bytes of the segment.
    start
        Where a record begins, to leave out those before it.
    """
    at, bad, mark = start, -1, checksum([segment[:SEGMENT_HEADER]])
    while at + HEADER <= len(segment):
        found = _record(segment, at, mark)
        if found is None:
            bad = at if bad < 0 else bad
            at = _next(segment, at + ALIGNMENT)
            continue
        if bad >= 0:
            yield Damage(bad, at - bad, is_tail=False)
            bad = -1
        yield found
        at += found.length
    bad = at if bad < 0 else bad
    if bad < len(segment) and any(segment[bad:]):
        yield Damage(bad, len(segment) - bad, is_tail=True)


def _next(segment: memoryview, at: int) -> int:
    """Place of the next header that may be one."""
    step = 1 << 20
    while at < len(segment):
        block = segment[at : at + step + len(MAGIC)].tobytes()
        found = block.find(MAGIC)
        while found >= 0 and (at + found) % ALIGNMENT:
            found = block.find(MAGIC, found + 1)
        if found >= 0:
            return at + found
        at += step
    return len(segment)


def _record(segment: memoryview, at: int, mark: int) -> Record | None:
    """Return the record at a place; None where there is none that is whole."""
    head = segment[at : at + HEADER]
    magic, kind, _, entry_length, size, sequence = _HEADER.unpack_from(head)
    check, stated_mark = _CHECK.unpack_from(head, _HEADER.size)
    if magic != MAGIC or stated_mark != mark or check != checksum([head[: _HEADER.size]]):
        return None
    if entry_length > LONGEST_ENTRY or size > LONGEST_DATA:
        return None
    body = at + HEADER
    end = body + entry_length + size
    if end + TRAILER > len(segment):
        return None
    stated, padding = struct.unpack_from("<II", segment, end)
    length = end + TRAILER + padding - at
    if padding >= ALIGNMENT or at + length > len(segment) or stated != checksum([segment[body:end]]):
        return None
    try:
        entry = json.loads(segment[body : body + entry_length].tobytes())
        return Record(at, length, Kind(kind), sequence, entry, body + entry_length, size)
    except ValueError:
        return None
