"""Boundary files of 3D-DOCTOR (.BND): closed polygons a slice, as plain text.

As its maker describes it (ablesw.com/3d-doctor/contour.html): a whole slice number in a row, then one
``X,Y`` a row, the last point repeating the first, then ``END``; a second ``END`` ends the file. Either
winding, slices in any order; holes and islands are polygons like others. The format knows neither units, nor
planes, nor names: these are written beside it, ``NAME.bnd.json``; without that file X and Y count as pixels
of slices one unit apart.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.contour import ContourSet
from medvox.core.errors import FormatError
from medvox.core.finding import Finding, Level
from medvox.core.labels import Segment
from medvox.core.volume import Volume
from medvox.formats.atomic import atomic_files
from medvox.formats.base import WriteReport
from medvox.formats.outlines.drawing import Drawing, Line
from medvox.formats.outlines.frames import Stack, stack_of
from medvox.formats.outlines.segments import hex_color, parse_color
from medvox.formats.outlines.text import read_text
from medvox.formats.outlines.writing import STRUCTURE, Ring, losses, rings, rows

FloatArray = NDArray[np.float64]


def beside(path: Path) -> Path:
    """Name of the file that holds what a boundary file cannot."""
    return path.with_name(path.name + ".json")


def write_bnd(contours: ContourSet, path: Path, source: Volume | None = None) -> WriteReport:
    """Write a boundary file and its companion.

    Parameters
    ----------
    contours
        All planes parallel to each other. Open curves are not written: the format has none.
    source
        Slices are numbered, and X and Y counted in columns and rows, as in this image. Without it planes are
        numbered by their depth and X, Y are millimetres in the plane.

    Raises
    ------
    UsageError
        If planes are not parallel to each other or to the slices of the image.
    """
    closed = [ring for ring in rings(contours) if ring.kind in ("outer", "hole")]
    opened = sum(len(plane.curves) for part in contours.segments for plane in part.planes)
    stack, slices = stack_of([ring.points_mm for ring in closed], source.grid if source else None)
    with atomic_files([path, beside(path)]) as (text, companion):
        with text.open("wb") as file:
            for ring, number in zip(closed, slices, strict=True):
                places = stack.to_slice(np.concatenate([ring.points_mm, ring.points_mm[:1]]), number)
                file.write(f"{number}\n".encode() + rows(places) + b"END\n")
            file.write(b"END\n")
        companion.write_text(_companion(contours, closed, stack), encoding="utf-8")
    lost = losses(contours, STRUCTURE | {"frame"})
    if opened:
        lost = (*lost, f"The file does not hold {opened} open curves or points.")
    return WriteReport((path, beside(path)), lost)


def _companion(contours: ContourSet, closed: list[Ring], stack: Stack) -> str:
    order = {id(part.segment): n for n, part in enumerate(contours.segments)}
    return json.dumps(
        {
            "format": "medvox boundaries 1",
            "frame_of_reference": contours.frame_of_reference,
            "segments": [
                {"name": p.segment.name, "number": p.segment.number, "color": hex_color(p.segment.color)}
                for p in contours.segments
            ],
            "stack": stack.as_json(),
            "rings": [
                [order[id(ring.segment)], ring.plane, ring.region, int(ring.kind == "hole")]
                for ring in closed
            ],
        }
    )


@dataclass(frozen=True, slots=True)
class _Boundary:
    number: int
    places: FloatArray
    closed: bool


def read_bnd(path: Path) -> Drawing:
    """Read a boundary file, with its companion where that is there and fits.

    Raises
    ------
    FormatError
        If a row is neither a slice number, nor a point, nor END.
    """
    boundaries = _parse(read_text(path), path)
    findings = []
    opened = sum(not boundary.closed for boundary in boundaries)
    if opened:
        findings.append(
            Finding(
                "outline-not-closed",
                Level.INFO,
                path.name,
                f"{opened} boundaries do not repeat their first point; they were closed.",
            )
        )
    told = _told(path, len(boundaries))
    if told is None:
        text = "No companion file gives units and planes: pixels were taken, slices one unit apart."
        findings.append(Finding("outline-units-assumed", Level.WARNING, path.name, text))
        stack, segment = Stack.pixels(), Segment(1, path.stem)
        lines = [Line(segment, stack.to_patient(b.places, b.number)) for b in boundaries]
        return Drawing(tuple(lines), None, tuple(findings))
    return Drawing(tuple(_lines(boundaries, told)), told["frame_of_reference"], tuple(findings))


def _lines(boundaries: list[_Boundary], told: dict[str, Any]) -> list[Line]:
    stack = Stack.from_json(told["stack"])
    segments = [
        Segment(s["number"], s["name"], color=parse_color(s["color"]) or (255, 255, 0))
        for s in told["segments"]
    ]
    return [
        Line(segments[s], stack.to_patient(b.places, b.number), True, plane, region, bool(hole))
        for b, (s, plane, region, hole) in zip(boundaries, told["rings"], strict=True)
    ]


def _told(path: Path, count: int) -> dict[str, Any] | None:
    """Content of the companion; None where there is none. One that does not fit is an error."""
    companion = beside(path)
    if not companion.exists():
        return None
    wrong = FormatError(
        "the companion does not belong to this boundary file",
        where=companion,
        advice="Remove it to read the boundaries as pixels",
    )
    try:
        told = json.loads(read_text(companion))
        fits = len(told["rings"]) == count and bool(told["segments"] or not count)
        Stack.from_json(told["stack"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise wrong from error
    if not fits:
        raise wrong
    return dict(told)


def _parse(text: str, path: Path) -> list[_Boundary]:
    found: list[_Boundary] = []
    number: int | None = None
    points: list[tuple[float, float]] = []
    for row, line in enumerate(text.splitlines(), start=1):
        word = line.strip()
        if not word:
            continue
        if word.upper() == "END":
            if number is None:
                break
            found.append(_boundary(number, points, path, row))
            number, points = None, []
        elif number is None:
            number = _slice_number(word, path, row)
        else:
            points.append(_point(word, path, row))
    if number is not None:
        raise FormatError("the file ends within a boundary", where=path, expected="END")
    return found


def _boundary(number: int, points: list[tuple[float, float]], path: Path, row: int) -> _Boundary:
    if not points:
        raise FormatError("a boundary has no points", where=f"{path}, row {row}")
    places = np.array(points)
    closed = len(points) > 1 and bool((places[0] == places[-1]).all())
    return _Boundary(number, places[:-1] if closed else places, closed)


def _slice_number(word: str, path: Path, row: int) -> int:
    if not re.fullmatch(r"[+-]?\d{1,9}", word):
        raise FormatError(
            "no slice number where one must stand", where=f"{path}, row {row}", expected="a whole number"
        )
    return int(word)


def _point(word: str, path: Path, row: int) -> tuple[float, float]:
    parts = re.split(r"[,;\s]+", word)
    try:
        x, y = (float(part) for part in parts)
    except ValueError as error:
        raise FormatError(
            "no point where one must stand", where=f"{path}, row {row}", expected="X,Y"
        ) from error
    if not np.isfinite([x, y]).all():
        raise FormatError("a coordinate is not finite", where=f"{path}, row {row}")
    return x, y
