"""Tables of label numbers, names and colors: 3D Slicer (.ctbl), FreeSurfer (LUT), ITK-SNAP (label files)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from medvox.core.errors import AccessError, FormatError, MissingError, UsageError
from medvox.core.labels import Segment
from medvox.formats.atomic import atomic_file
from medvox.formats.base import stored_name

SUFFIXES = (".ctbl", ".label", ".lut.txt", ".txt")
"""What a table beside an image is called: the image's name with one of these."""
IMAGE_SUFFIXES = (
    ".nii.gz",
    ".nii",
    ".hdr",
    ".img",
    ".nrrd",
    ".nhdr",
    ".mha",
    ".mhd",
    ".mgz",
    ".mgh",
    ".gipl",
)
_SNAP = re.compile(r'^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+([\d.]+)\s+(\d+)\s+(\d+)\s+"(.*)"\s*$')
_PLAIN = re.compile(r"^\s*(\d+)\s+(\S+)\s+(\d+)\s+(\d+)\s+(\d+)(?:\s+(\d+))?\s*$")
_MOST_BYTES = 1 << 24


def find_table(image: Path) -> Path | None:
    """Table that lies beside an image: ``x.ctbl`` beside ``x.nii.gz``; None without."""
    stem = stored_name(image, IMAGE_SUFFIXES)
    places = [image.with_name(stem + suffix) for suffix in SUFFIXES]
    return next((place for place in places if place.is_file() and _is_table(place)), None)


def _is_table(path: Path) -> bool:
    try:
        return bool(read_color_table(path))
    except (FormatError, AccessError):
        return False


def read_color_table(path: Path) -> tuple[Segment, ...]:
    """Read a table; the kind is told from its lines.

    Returns
    -------
    tuple of Segment
        In ascending order of numbers, background (0) left out.

    Raises
    ------
    FormatError
        If no line is one of a table, or a number comes twice.
    MissingError, AccessError
        If the file is not there or cannot be read.
    """
    try:
        content = path.read_bytes()[:_MOST_BYTES]
    except FileNotFoundError as error:
        raise MissingError("the table is not there", where=path) from error
    except OSError as error:
        raise AccessError("the table cannot be read", where=path, got=error.strerror) from error
    found: dict[int, Segment] = {}
    for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith(("#", "%")):
            continue
        segment = _entry(line)
        if segment is None or max(segment.color) > 255:
            raise FormatError("this line is none of a color table", where=f"{path.name}, line {number}")
        if segment.number in found:
            raise FormatError("a label comes twice", where=f"{path.name}, line {number}", got=segment.number)
        found[segment.number] = segment
    if not found:
        raise FormatError("the table has no entry", where=path.name)
    return tuple(segment for number, segment in sorted(found.items()) if number)


def _entry(line: str) -> Segment | None:
    if match := _SNAP.match(line):
        number, red, green, blue = (int(match[n]) for n in range(1, 5))
        return Segment(number, match[8], color=(red, green, blue))
    if match := _PLAIN.match(line):
        color = int(match[3]), int(match[4]), int(match[5])
        return Segment(int(match[1]), match[2].replace("_", " "), color=color)
    return None


def named(segments: Iterable[Segment], table: Iterable[Segment]) -> tuple[Segment, ...]:
    """Give segments the names and colors of a table, by number."""
    known = {entry.number: entry for entry in table}
    return tuple(
        replace(s, name=known[s.number].name, color=known[s.number].color) if s.number in known else s
        for s in segments
    )


def write_color_table(segments: Iterable[Segment], path: Path) -> None:
    """Write a table of 3D Slicer, which FreeSurfer reads too; blanks of names become ``_``."""
    lines = ["# Color table file", f"# {len(_numbers(segments))} values", "0 Background 0 0 0 0"]
    lines += [f"{s.number} {_word(s.name)} {s.color[0]} {s.color[1]} {s.color[2]} 255" for s in segments]
    _write(lines, path)


def write_snap_table(segments: Iterable[Segment], path: Path) -> None:
    """Write a label description file of ITK-SNAP; quotes in names become apostrophes."""
    lines = ["# ITK-SnAP Label Description File", "# IDX -R- -G- -B- -A- VIS MSH LABEL"]
    lines.append('0 0 0 0 0 0 0 "Clear Label"')
    for s in segments:
        name = " ".join(s.name.split()).replace('"', "'")
        lines.append(f'{s.number} {s.color[0]} {s.color[1]} {s.color[2]} 1 1 1 "{name}"')
    _numbers(segments)
    _write(lines, path)


def _numbers(segments: Iterable[Segment]) -> list[int]:
    numbers = [s.number for s in segments]
    if len(set(numbers)) < len(numbers):
        raise UsageError("segments of one table need different numbers", got=numbers)
    return numbers


def _word(name: str) -> str:
    return "_".join(name.split()) or "unnamed"


def _write(lines: list[str], path: Path) -> None:
    with atomic_file(path) as file:
        file.write(("\n".join(lines) + "\n").encode())
