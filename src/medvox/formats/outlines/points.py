"""Points as text: CSV tables with one row a point, and XYZ files with one block a line.

CSV has a header; columns ``segment, number, color, plane, region, ring, kind, x_mm, y_mm,
z_mm`` are written; of
other tables those named x, y and z (with or without ``_mm``) are needed. XYZ files hold three numbers a row;
an empty row ends a line, ``# segment NAME`` names what follows; a line whose last point repeats the first is
a ring. Both are in LPS mm.
"""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import numpy as np

from medvox.core.contour import ContourSet
from medvox.core.errors import FormatError
from medvox.core.labels import Segment
from medvox.formats.atomic import atomic_file
from medvox.formats.base import WriteReport
from medvox.formats.outlines.drawing import Drawing, Line
from medvox.formats.outlines.segments import hex_color, segment_of
from medvox.formats.outlines.text import read_text
from medvox.formats.outlines.writing import losses, rings, rows

HEADER = ("segment", "number", "color", "plane", "region", "ring", "kind", "x_mm", "y_mm", "z_mm")
CLOSED = ("outer", "hole")


def write_csv(contours: ContourSet, path: Path) -> WriteReport:
    """Write a table of points."""
    with atomic_file(path) as file:
        file.write((",".join(HEADER) + "\r\n").encode())
        for ring in rings(contours):
            prefix = io.StringIO()
            color = hex_color(ring.segment.color)
            csv.writer(prefix, lineterminator="").writerow(
                [
                    *(ring.segment.name, ring.segment.number, color),
                    *(ring.plane, ring.region, ring.ring, ring.kind, ""),
                ]
            )
            start = prefix.getvalue().encode()
            text = rows(ring.points_mm).replace(b"\n", b"\r\n" + start)
            file.write(start + text[: len(text) - len(start)])
    return WriteReport(
        (path,), tuple(losses(contours, frozenset({"names", "numbers", "colors", "topology"})))
    )


def read_csv(path: Path) -> Drawing:
    """Read a table of points.

    Raises
    ------
    FormatError
        If columns for x, y and z are missing or a number cannot be read.
    """
    table = list(csv.reader(io.StringIO(read_text(path), newline="")))
    table = [row for row in table if row]
    if not table:
        raise FormatError("the table is empty", where=path)
    names = [re.sub(r"_mm$", "", name.strip().lower()) for name in table[0]]
    missing = [axis for axis in "xyz" if axis not in names]
    if missing:
        raise FormatError("columns are missing in the table", where=path, got=table[0], expected=HEADER)
    if any(len(row) != len(names) for row in table):
        short = next(n for n, row in enumerate(table, start=1) if len(row) != len(names))
        raise FormatError("a row has another number of columns than the header", where=f"{path}, row {short}")
    columns = dict(zip(names, zip(*table[1:], strict=True), strict=True)) if len(table) > 1 else {}
    if not columns:
        return Drawing(())
    try:
        points = np.array([columns[axis] for axis in "xyz"], np.float64).T
    except ValueError as error:
        raise FormatError("a coordinate is no number", where=path) from error
    if not np.isfinite(points).all():
        raise FormatError("a coordinate is not finite", where=path)
    return Drawing(tuple(_csv_lines(points, columns)))


def _csv_lines(points: np.ndarray, columns: dict[str, tuple[str, ...]]) -> list[Line]:
    keys = [columns.get(name, ("",) * len(points)) for name in HEADER[:7]]
    place = list(zip(*keys, strict=True))
    starts = [0] + [n for n in range(1, len(place)) if place[n] != place[n - 1]]
    known: dict[tuple[str, str], Segment] = {}
    lines = []
    for start, end in zip(starts, [*starts[1:], len(place)], strict=True):
        name, number, color, plane, region, _, kind = place[start]
        segment = known.setdefault((name, number), segment_of(name, number, color, len(known) + 1))
        told = kind in CLOSED and region.isdigit() and plane.isdigit()
        closed = kind in CLOSED or (not kind and end - start >= 3)
        lines.append(
            Line(
                segment,
                points[start:end],
                closed,
                int(plane) if plane.isdigit() else None,
                int(region) if told else None,
                kind == "hole" if told else None,
            )
        )
    return lines


def write_xyz(contours: ContourSet, path: Path) -> WriteReport:
    """Write blocks of points."""
    with atomic_file(path) as file:
        file.write(b"# x y z in mm, LPS (towards left, posterior, superior)\n")
        name = None
        for ring in rings(contours):
            if ring.segment.name != name:
                name = ring.segment.name
                file.write(f"# segment {' '.join(name.split())}\n".encode())
            points = ring.points_mm
            if ring.kind in CLOSED:
                points = np.concatenate([points, points[:1]])
            file.write(rows(points, " ") + b"\n")
    return WriteReport((path,), losses(contours, {"names"}))


def read_xyz(path: Path) -> Drawing:
    """Read blocks of points.

    Raises
    ------
    FormatError
        If a row does not begin with three numbers.
    """
    lines: list[Line] = []
    block: list[list[float]] = []
    known: dict[str, Segment] = {}
    segment = Segment(1, path.stem)
    for number, row in enumerate([*read_text(path).splitlines(), ""], start=1):
        words = row.replace(",", " ").replace(";", " ").split()
        if words and not words[0].startswith("#"):
            block.append(_three(words, path, number))
            continue
        if block:
            lines.append(_xyz_line(segment, np.array(block)))
            block = []
        named = re.match(r"#\s*segment\s+(\S.*)", row)
        if named:
            segment = known.setdefault(named[1].strip(), Segment(len(known) + 1, named[1].strip()))
    return Drawing(tuple(lines))


def _three(words: list[str], path: Path, number: int) -> list[float]:
    try:
        found = [float(word) for word in words[:3]]
    except ValueError:
        found = []
    if len(found) < 3 or not np.isfinite(found).all():
        raise FormatError("a row does not begin with three numbers", where=f"{path}, row {number}")
    return found


def _xyz_line(segment: Segment, points: np.ndarray) -> Line:
    closed = len(points) > 3 and bool((points[0] == points[-1]).all())
    return Line(segment, points[:-1] if closed else points, closed)
