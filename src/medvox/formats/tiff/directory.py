"""The directories of a TIFF file, one after another (TIFF 6.0 section 2; BigTIFF), read without tifffile.

Files whose directories lead in a circle or out of the file are refused before tifffile sees them.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from medvox.core.errors import FormatError, TruncatedError
from medvox.formats.files import reading

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


def read_directories(path: Path, most: int | None = None) -> tuple[list[Directory], int]:
    """Follow the directories from one to the next.

    Parameters
    ----------
    most
        Stop after so many.

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
            offset = at_link.unpack_from(raw, end)[0] if most is None or len(found) < most else 0
        if offset:
            raise FormatError("the directories lead in a circle", where=path, got=f"back to byte {offset}")
    return found, size
