"""PAR: general lines ``. key : value``, a definition of the columns, and one line a stored image.

The columns are taken from the file's own definition (``#  recon resolution (x y)   (2*integer)``), so that
versions 3, 4, 4.1 and 4.2 need no tables of their own; version 3 states sizes once, in the general lines.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from medvox.core.errors import FormatError, LimitError
from medvox.formats.parrec.frames import IMAGE_TYPES, PLANES, Frame, Recording, Vector

MOST_FRAMES = 1_000_000
_DEFINITION = re.compile(r"^#\s\s+(\S.*?)\s*\((?:(\d)\*)?(integer|float|string)\)\s*$")
_VERSION = re.compile(r"image export tool\s+(V\d[\d.]*)", re.IGNORECASE)
_GENERAL = {
    "slice": "max. number of slices",
    "echo": "max. number of echoes",
    "dynamic": "max. number of dynamics",
    "phase": "max. number of cardiac phases",
}


def looks_like_par(first: bytes) -> float:
    """How sure the first bytes of a file are those of a PAR file."""
    text = first.decode("latin-1").lower()
    if not text.lstrip().startswith("#") or "data description file" not in text[:300]:
        return 0.0
    return 1.0 if "research image export tool" in text or "general information" in text else 0.5


def read_par(text: str, path: Path) -> Recording:
    """Read a PAR file.

    Raises
    ------
    FormatError
        If there is no table, or a line of it does not fit the definition.
    """
    general, table, columns = _sections(text, path)
    if not columns:
        raise FormatError("the PAR file defines no columns", where=path, expected="# slice number (integer)")
    if not table:
        raise FormatError("the PAR file lists no images", where=path)
    names = {name for name, _ in columns}
    if "slice number" not in names or "index in rec file" not in names:
        raise FormatError("the table has no slice number or no index in the REC file", where=path)
    found = _VERSION.search(text[:4000])
    recording = Recording(found.group(1) if found else "of unknown version", general, ())
    common = _common(recording, path)
    frames = tuple(_frame(_Line(line, columns, n, path), common) for n, line in enumerate(table, 1))
    return Recording(
        recording.version,
        general,
        frames,
        _triple(recording.value("angulation midslice"), path),
        _triple(recording.value("off centre midslice"), path),
        _announced(recording),
        "end of data description" in text[-400:].lower(),
    )


def _sections(text: str, path: Path) -> tuple[dict[str, str], list[list[str]], tuple[tuple[str, int], ...]]:
    """Split into general keys, words of the table's lines, and names and widths of its columns."""
    general: dict[str, str] = {}
    table: list[list[str]] = []
    columns: list[tuple[str, int]] = []
    for line in text.splitlines():
        if line.startswith("#"):
            match = _DEFINITION.match(line)
            if match and not table:
                columns.append((_plain(match.group(1)), int(match.group(2) or 1)))
        elif line.lstrip().startswith("."):
            key, _, value = line.lstrip()[1:].partition(":")
            general[key.strip()] = value.strip()
        elif line.strip():
            table.append(line.split())
            if len(table) > MOST_FRAMES:
                raise LimitError("the table lists too many images", where=path, expected=MOST_FRAMES)
    return general, table, tuple(columns)


def _plain(name: str) -> str:
    """Name of a column without remarks: ``image offcentre (ap,fh,rl in mm )`` -> ``image offcentre``."""
    short = re.split(r"[(<]", name)[0].strip().lower()
    return re.sub(r"\s+", " ", short)


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of the table."""

    words: Sequence[str]
    columns: tuple[tuple[str, int], ...]
    number: int
    path: Path

    def get(self, name: str) -> Sequence[str] | None:
        """Words of a column, or None where the version has no such column."""
        at = 0
        for column, width in self.columns:
            if column == name:
                if at + width > len(self.words):
                    raise self._error("is too short", name)
                return self.words[at : at + width]
            at += width
        return None

    def number_of(self, name: str, default: float = 0.0) -> float:
        return self.numbers_of(name, (default,))[0]

    def numbers_of(self, name: str, default: tuple[float, ...]) -> tuple[float, ...]:
        words = self.get(name)
        if words is None:
            return default
        try:
            values = tuple(float(word) for word in words)
        except ValueError as error:
            raise self._error("does not hold a number", name) from error
        if len(values) != len(default) or not all(math.isfinite(v) for v in values):
            raise self._error("does not hold finite numbers", name)
        return values

    def whole_of(self, name: str, default: int = 0) -> int:
        value = self.number_of(name, default)
        if value != int(value) or abs(value) > 1 << 31:
            raise self._error("does not hold a whole number", name)
        return int(value)

    def _error(self, what: str, name: str) -> FormatError:
        return FormatError(
            f"image {self.number} of the table {what}", where=self.path, got=f"column {name!r}"
        )


def _common(recording: Recording, path: Path) -> Mapping[str, tuple[float, ...]]:
    """What version 3 states once for all images."""

    def first(*starts: str) -> tuple[float, ...]:
        try:
            return tuple(float(word) for word in recording.value(*starts).split())
        except ValueError as error:
            raise FormatError("a general line is not made of numbers", where=path, got=starts[0]) from error

    size = first("recon resolution")
    return {
        "bits": first("image pixel size")[:1] or (16.0,),
        "size": size if len(size) == 2 else (0.0, 0.0),
        "thickness": first("slice thickness")[:1] or (0.0,),
        "gap": first("slice gap")[:1] or (0.0,),
    }


def _frame(line: _Line, common: Mapping[str, tuple[float, ...]]) -> Frame:
    columns, rows = line.numbers_of("recon resolution", common["size"])
    kind = line.whole_of("image_type_mr")
    label = line.get("label type")
    b_value = line.number_of("diffusion_b_factor")
    sequence = line.get("scanning sequence")
    return Frame(
        slice=line.whole_of("slice number"),
        echo=line.whole_of("echo number", 1),
        dynamic=line.whole_of("dynamic scan number", 1),
        phase=line.whole_of("cardiac phase number", 1),
        b_number=line.whole_of("diffusion b value number"),
        gradient_number=line.whole_of("gradient orientation number"),
        label=label[0] if label else "",
        image_type=IMAGE_TYPES[kind] if 0 <= kind < len(IMAGE_TYPES) else f"type {kind}",
        sequence=sequence[0] if sequence else "",
        index=line.whole_of("index in rec file"),
        bits=line.whole_of("image pixel size", int(common["bits"][0])),
        columns=int(columns),
        rows=int(rows),
        intercept=line.number_of("rescale intercept"),
        slope=line.number_of("rescale slope", 1.0),
        scale_slope=line.number_of("scale slope", 1.0),
        window=(line.number_of("window center"), line.number_of("window width")),
        angulation_deg=_three(line.numbers_of("image angulation", (0.0, 0.0, 0.0))),
        off_center_mm=_three(line.numbers_of("image offcentre", (0.0, 0.0, 0.0))),
        thickness_mm=line.number_of("slice thickness", common["thickness"][0]),
        gap_mm=line.number_of("slice gap", common["gap"][0]),
        plane=PLANES.get(line.whole_of("slice orientation")),
        spacing_mm=_two(line.numbers_of("pixel spacing", (0.0, 0.0))),
        echo_time_ms=line.number_of("echo_time"),
        dynamic_time_s=line.number_of("dyn_scan_begin_time"),
        trigger_time_ms=line.number_of("trigger_time"),
        b_value=b_value,
        gradient=_three(line.numbers_of("diffusion", (0.0, 0.0, 0.0))),
        flip_deg=line.number_of("image_flip_angle"),
    )


def _three(values: tuple[float, ...]) -> Vector:
    return values[0], values[1], values[2]


def _two(values: tuple[float, ...]) -> tuple[float, float]:
    return values[0], values[1]


def _triple(text: str, path: Path) -> Vector | None:
    words = text.split()
    if len(words) != 3:
        return None
    try:
        values = tuple(float(word) for word in words)
    except ValueError as error:
        raise FormatError("angulation or off-centre is not made of numbers", where=path) from error
    return _three(values) if all(math.isfinite(v) for v in values) else None


def _announced(recording: Recording) -> dict[str, int]:
    pairs: Iterator[tuple[str, str]] = (
        (name, recording.value(start).strip()) for name, start in _GENERAL.items()
    )
    return {name: int(text) for name, text in pairs if text.isdecimal() and len(text) < 10}
