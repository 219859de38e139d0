"""Where the values of an Interfile image lie, in which type, and how they are scaled."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medvox.core.errors import FormatError, MissingError, UnsupportedError
from medvox.core.finding import Finding, Level
from medvox.core.lazy import LazyArray
from medvox.core.rescale import IDENTITY, Rescale
from medvox.formats.files import check_claim, read_bytes, size_of
from medvox.formats.interfile.header import InterfileHeader
from medvox.formats.text_header import file_beside
from medvox.formats.values.block import Block, kept
from medvox.formats.values.compression import GZIP_MAGIC
from medvox.formats.values.pieces import Pieces
from medvox.formats.values.text import ascii_array

BLOCK_BYTES = 2048
"""Unit of ``data starting block``."""
_KINDS = {"signedinteger": "i", "unsignedinteger": "u", "shortfloat": "f", "longfloat": "f", "float": "f"}
_BYTES = {"shortfloat": 4, "longfloat": 8, "bit": 1, "ascii": 8}
_TYPES = ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8")
_UNITS = {"bq/ml": "Bq/ml", "bq/cc": "Bq/ml", "suv": "SUVbw", "hu": "HU"}


def data_file(header: InterfileHeader) -> Path:
    """Find the file that ``name of data file`` names; of a path of another machine its last part.

    Raises
    ------
    FormatError
        If the header names none.
    MissingError
        If it is not beside the header or below it.
    """
    name = header.text("name of data file")
    if not name:
        raise FormatError("the header names no data file", where=header.path, expected="name of data file")
    try:
        return file_beside(header.path, name)
    except (MissingError, FormatError):
        last = name.replace("\\", "/").rsplit("/", 1)[-1]
        if last in ("", name):
            raise
        return file_beside(header.path, last)


@dataclass(frozen=True, slots=True)
class Values:
    """The values of a file.

    Parameters
    ----------
    array
        Makes the lazy array (..., k, j, i).
    findings
        What was odd.
    """

    array: Callable[[], LazyArray]
    findings: tuple[Finding, ...] = ()


def locate(header: InterfileHeader, lead: tuple[int, ...], shape: tuple[int, int, int]) -> Values:
    """Find the values of an image, and check that they are there.

    Parameters
    ----------
    lead, shape
        Sizes of the axes before k, and of (k, j, i); i is the fastest.

    Raises
    ------
    FormatError, MissingError, TruncatedError, LimitError, UnsupportedError
        If they are not, or their type is not known.
    """
    path = data_file(header)
    _check_plain(header)
    base = start_of(header)
    form = header.word("number format")
    if form == "bit":
        return Values(_bits(path, base, lead, shape))
    stored = stored_type(header)
    block = Block(path, base, (*lead, shape[0]), shape[1:], stored)
    if form == "ascii":
        return Values(lambda: ascii_array(block))
    if read_bytes(path, 0, 3) == GZIP_MAGIC and path != header.path:
        packed = Block(path, base, (*lead, shape[0]), shape[1:], stored, "gzip")
        packed.check("matrix size")
        return Values(packed.array)
    check_claim(path, block.nbytes, size_of(path), "matrix size")  # before a list of starts is made
    starts = volume_starts(header, math.prod(lead), math.prod(shape) * stored.itemsize)
    pieces = Pieces(path, starts, lead, shape, stored)
    pieces.check("matrix size")
    return Values(pieces.array)


def _check_plain(header: InterfileHeader) -> None:
    """Refuse values that are packed in a way the standard does not name; gzip is known by its content."""
    for key in ("data compression", "data encode"):
        if header.word(key) not in ("", "none", "unknown", "gzip"):
            text = header.text(key)[:40]
            raise UnsupportedError(
                f"the '{key}' cannot be read", where=header.path, got=text, expected="none"
            )


def start_of(header: InterfileHeader) -> int:
    """First byte of the values: ``data offset in bytes``, or ``data starting block`` of 2048 bytes."""
    offset = header.count("data offset in bytes")
    return offset if offset is not None else (header.count("data starting block") or 0) * BLOCK_BYTES


def volume_starts(header: InterfileHeader, count: int, nbytes: int) -> tuple[int, ...]:
    """First byte of each volume; STIR gives one for each time frame, else one follows the other."""
    base = start_of(header)
    given = header.indexed("data offset in bytes")
    if count > 1 and all(n in given for n in range(1, count + 1)):
        key = "data offset in bytes"
        return tuple(header.whole(key, header.list_of(key, given[n], 1)[0]) for n in range(1, count + 1))
    return tuple(base + n * nbytes for n in range(count))


def stored_type(header: InterfileHeader) -> np.dtype[Any]:
    """Type of the stored numbers; big-endian unless the header says otherwise (Interfile 3.3).

    Raises
    ------
    FormatError
        If the header does not give it.
    UnsupportedError
        If it is not one that is read.
    """
    form = header.word("number format") or "unsignedinteger"
    size = header.size("number of bytes per pixel") or _BYTES.get(form)
    if form == "ascii":
        return np.dtype("f8")
    if size is None:
        raise FormatError("the header has no 'number of bytes per pixel'", where=header.path)
    code = f"{_KINDS.get(form, '?')}{_BYTES.get(form, size) if form != 'float' else size}"
    if code not in _TYPES:
        raise UnsupportedError(
            "the number format cannot be read",
            where=header.path,
            got=f"{header.text('number format')[:40]} of {size} bytes",
            expected="signed or unsigned integer, short or long float, float, bit, ascii",
        )
    little = header.word("imagedata byte order").startswith("little")
    return np.dtype(("<" if little else ">") + code)


def _bits(
    path: Path, start: int, lead: tuple[int, ...], shape: tuple[int, int, int]
) -> Callable[[], LazyArray]:
    """Make the array of 1-bit values; each picture begins with a byte of its own, the first bit highest."""
    pictures, pixels = math.prod(lead) * shape[0], shape[1] * shape[2]
    row = -(-pixels // 8)
    check_claim(path, pictures * row, size_of(path) - start, "matrix size")
    check_claim(path, pictures * pixels, None, "matrix size")

    def load() -> Any:
        raw = np.frombuffer(read_bytes(path, start, pictures * row), np.uint8).reshape(pictures, row)
        return np.unpackbits(raw, axis=1)[:, :pixels].reshape(*lead, *shape)

    return lambda: kept((*lead, *shape), np.dtype("u1"), load)


def read_rescale(
    header: InterfileHeader, lead: tuple[int, ...], slices: int
) -> tuple[Rescale, tuple[Finding, ...]]:
    """Find the scale of the stored values.

    ``image scaling factor`` holds for a time frame, or lists one for each slice (STIR);
    ``quantification units`` (a number: Louvain-la-Neuve, STIR, MedCon) and ``rescale slope`` and
    ``rescale intercept`` (MedCon) hold for all.
    """
    factors = _factors(header, lead, slices)
    whole = header.text("quantification units")
    slope = header.number("rescale slope") or (_float(whole) if whole else None) or 1.0
    intercept = header.number("rescale intercept") or 0.0
    if (factors != 1).any():
        if slope != 1 and (factors != slope).any():
            text = (
                f"'image scaling factor' and the scale for all images ({slope:g}) differ: the first is used"
            )
            return _usable(
                header, factors, 0.0, Finding("bad-rescale", Level.WARNING, str(header.path), text)
            )
        return _usable(header, factors, intercept)
    return _usable(header, np.float64(slope), intercept)


def _factors(header: InterfileHeader, lead: tuple[int, ...], slices: int) -> Any:
    """Factors (lead..., k) of ``image scaling factor``; 1 where none is given."""
    given = header.indexed("image scaling factor")
    if not given:
        return np.ones(())
    volumes = math.prod(lead)
    factors = np.ones((volumes, slices))
    for index, text in given.items():
        values = header.list_of("image scaling factor", text)
        if len(values) not in (1, slices) or not 1 <= index <= volumes:
            raise FormatError(
                "'image scaling factor' does not fit the image",
                where=header.path,
                got=f"{len(values)} values for frame {index}",
                expected=f"1 or {slices} values for {volumes} frames",
            )
        factors[index - 1] = values
    return factors.reshape(*lead, slices)


def _usable(
    header: InterfileHeader, slope: Any, intercept: float, *found: Finding
) -> tuple[Rescale, tuple[Finding, ...]]:
    if not np.isfinite(slope).all() or not math.isfinite(intercept) or (slope == 0).any():
        text = "a scale factor is 0 or not a finite number: stored values are shown"
        return IDENTITY, (*found, Finding("bad-rescale", Level.WARNING, str(header.path), text))
    return Rescale.of(slope, intercept), found


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def read_unit(header: InterfileHeader) -> str:
    """Unit of the values, where ``quantification units`` names one (Siemens) instead of a factor."""
    text = header.text("quantification units")
    return "1" if not text or _float(text) is not None else _UNITS.get(text.lower(), text[:16])
