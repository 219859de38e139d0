"""SVG 1.1: one group a plane, one path a region with its holes (fill-rule evenodd), in millimetres.

Groups of planes carry ``data-origin``, ``data-x`` and ``data-y``: where place (0, 0) lies and the steps of
one unit, LPS mm. Paths carry ``data-segment``, ``data-number``. Of other drawings, paths of straight lines,
polygons, polylines and lines are read; curves are refused rather than guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from medvox.core.contour import ContourSet
from medvox.core.errors import FormatError, UnsupportedError
from medvox.core.finding import Finding, Level
from medvox.core.labels import Segment
from medvox.formats.atomic import atomic_file
from medvox.formats.base import WriteReport
from medvox.formats.outlines.drawing import Drawing, Line
from medvox.formats.outlines.frames import Stack, stack_of
from medvox.formats.outlines.segments import hex_color, segment_of
from medvox.formats.outlines.text import read_text
from medvox.formats.outlines.writing import Ring, losses, rings, rows
from medvox.formats.safe_xml import Element, parse_xml

FloatArray = NDArray[np.float64]
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"


def write_svg(contours: ContourSet, path: Path) -> WriteReport:
    """Write all planes over each other, each in a group of its own.

    Raises
    ------
    UsageError
        If the planes are not parallel to each other.
    """
    drawn = list(rings(contours))
    stack, numbers = stack_of([ring.points_mm for ring in drawn])
    places = [stack.to_slice(r.points_mm, n) for r, n in zip(drawn, numbers, strict=True)]
    every = np.concatenate(places) if places else np.zeros((1, 2))
    low, size = every.min(axis=0) - 1, np.ptp(every, axis=0) + 2
    box = f"{low[0]:.3f} {low[1]:.3f} {size[0]:.3f} {size[1]:.3f}"
    frame = contours.frame_of_reference
    with atomic_file(path) as file:
        file.write(
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{size[0]:.3f}mm" height="{size[1]:.3f}mm" '
            f'viewBox="{box}" data-units="mm"'.encode()
        )
        file.write(f" data-frame-of-reference={quoteattr(frame)}>\n".encode() if frame else b">\n")
        for number in sorted(set(numbers)):
            file.write(_group(stack, number))
            chosen = [(r, p) for r, p, n in zip(drawn, places, numbers, strict=True) if n == number]
            file.writelines(_paths(chosen))
            file.write(b"</g>\n")
        file.write(b"</svg>\n")
    return WriteReport(
        (path,), tuple(losses(contours, frozenset({"names", "numbers", "colors", "topology", "frame"})))
    )


def _group(stack: Stack, number: int) -> bytes:
    words = {"origin": stack.origin(number), "x": stack.steps_mm[:, 0], "y": stack.steps_mm[:, 1]}
    told = " ".join(f'data-{name}="{" ".join(map(repr, v.tolist()))}"' for name, v in words.items())
    return f'<g id="plane-{number}" {told} fill-rule="evenodd" fill-opacity="0.3">\n'.encode()


def _paths(drawn: list[tuple[Ring, FloatArray]]) -> Iterator[bytes]:
    """One path a region: its outer ring, then its holes."""
    regions: dict[tuple[int, int, int], list[tuple[Ring, FloatArray]]] = {}
    for ring, places in drawn:
        regions.setdefault((id(ring.segment), ring.plane, ring.region), []).append((ring, places))
    for (_, plane, region), parts in regions.items():
        segment, closed = parts[0][0].segment, parts[0][0].kind in ("outer", "hole")
        text = b"".join(
            b"M" + rows(p)[:-1].replace(b"\n", b"L") + (b"Z" if closed else b"") for _, p in parts
        )
        color = hex_color(segment.color)
        look = f'stroke="{color}" fill="{color if closed else "none"}" stroke-width="0.2"'
        yield (
            f"<path data-segment={quoteattr(segment.name)} "
            f'data-number="{segment.number}" data-color="{color}" '
            f'data-plane="{plane}" data-region="{region}" '
            f'{look} d="'.encode()
            + text
            + b'"/>\n'
        )


def read_svg(path: Path) -> Drawing:
    """Read paths of straight lines, polygons, polylines and lines.

    Raises
    ------
    FormatError
        If it is no SVG.
    UnsupportedError
        If a path has curves, or parts are transformed.
    """
    root = parse_xml(read_text(path).encode(), path)
    if _kind(root) != "svg":
        raise FormatError("this is no SVG", where=path, got=root.name)
    reader = _Reader(path)
    reader.walk(root, None)
    findings = []
    if reader.unplaced:
        text = "The drawing does not say where its planes lie: units were taken for mm, at z = 0."
        findings.append(Finding("outline-plane-assumed", Level.WARNING, path.name, text))
    return Drawing(tuple(reader.lines), root.attributes.get("data-frame-of-reference"), tuple(findings))


class _Reader:
    """Gathers lines out of elements."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: list[Line] = []
        self.segments: dict[tuple[str, str], Segment] = {}
        self.unplaced = False

    def walk(self, element: Element, stack: Stack | None) -> None:
        """Read an element and what is in it."""
        if element.attributes.get("transform"):
            raise UnsupportedError(
                "transformed parts of an SVG cannot be read",
                where=self.path,
                advice="Apply the transforms first",
            )
        if element.attributes.get("data-origin"):
            stack = self._stack(element)
        drawn = _shapes(element, self.path)
        for places, closed in drawn:
            self._add(element, places, closed, stack, first=places is drawn[0][0])
        for child in element.children:
            self.walk(child, stack)

    def _stack(self, element: Element) -> Stack:
        found = [
            _numbers(element.attributes.get(f"data-{name}", ""), self.path) for name in ("origin", "x", "y")
        ]
        if any(len(part) != 3 for part in found):
            raise FormatError("a group does not say where its plane lies", where=self.path)
        origin, x, y = np.array(found)
        return Stack({0: origin}, np.column_stack([x, y]), np.cross(x, y))

    def _add(
        self, element: Element, places: FloatArray, closed: bool, stack: Stack | None, first: bool
    ) -> None:
        name = element.attributes.get("data-segment") or element.attributes.get("id") or ""
        number, color = element.attributes.get("data-number", ""), element.attributes.get("data-color", "")
        segment = self.segments.setdefault(
            (name, number), segment_of(name, number, color, len(self.segments) + 1)
        )
        plane, region = element.attributes.get("data-plane", ""), element.attributes.get("data-region", "")
        told = closed and plane.isdigit() and region.isdigit() and stack is not None
        self.unplaced |= stack is None
        self.lines.append(
            Line(
                segment,
                (stack or Stack.pixels()).to_patient(places, 0),
                closed,
                int(plane) if plane.isdigit() else None,
                int(region) if told else None,
                not first if told else None,
            )
        )


def _kind(element: Element) -> str:
    return element.name.rpartition(":")[2]


def _shapes(element: Element, path: Path) -> list[tuple[FloatArray, bool]]:
    kind = _kind(element)
    if kind == "path":
        return _path(element.attributes.get("d", ""), path)
    if kind in ("polygon", "polyline"):
        numbers = _numbers(element.attributes.get("points", ""), path)
        if len(numbers) < 2 or len(numbers) % 2:
            raise FormatError("points of a shape are not pairs of numbers", where=path)
        return [(np.array(numbers).reshape(-1, 2), kind == "polygon")]
    if kind == "line":
        ends = [_numbers(element.attributes.get(name, "0"), path) for name in ("x1", "y1", "x2", "y2")]
        return [(np.array(ends).reshape(2, 2), False)]
    return []


def _numbers(text: str, path: Path) -> list[float]:
    try:
        return [float(word) for word in text.replace(",", " ").split()]
    except ValueError as error:
        raise FormatError("no number where one must stand", where=path) from error


def _path(text: str, path: Path) -> list[tuple[FloatArray, bool]]:
    """Sub-paths of path data (SVG 1.1 section 8.3): M, L, H, V and Z in either case."""
    tokens = re.findall(rf"[A-Za-z]|{_NUMBER}", text)
    pen = _Pen(path)
    command = ""
    values: list[float] = []
    for token in [*tokens, "end"]:
        if token.isalpha():
            if command:
                pen.draw(command, values)
            command, values = token, []
        else:
            values.append(float(token))
    pen.lift()
    return pen.done


class _Pen:
    """Follows path data."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.done: list[tuple[FloatArray, bool]] = []
        self.points: list[tuple[float, float]] = []
        self.x = self.y = 0.0
        self.start = (0.0, 0.0)

    def lift(self, closed: bool = False) -> None:
        """End a sub-path; one that comes back to its first point is closed."""
        points = self.points
        if len(points) > 3 and points[0] == points[-1]:
            points, closed = points[:-1], True
        if points:
            self.done.append((np.array(points), closed))
        self.points = []

    def draw(self, command: str, values: list[float]) -> None:
        """Do one command with all its values."""
        word, base = command.upper(), command.islower()
        if word == "Z":
            self.lift(closed=True)
            self.x, self.y = self.start
            return
        pairs: list[tuple[float | None, float | None]]
        if word in "HV":
            pairs = [(v, None) if word == "H" else (None, v) for v in values]
        elif word in "ML" and len(values) % 2 == 0:
            pairs = [*zip(values[::2], values[1::2], strict=True)]
        else:
            raise UnsupportedError(
                "only straight lines can be read from an SVG path",
                where=self.path,
                got=command,
                advice="Convert curves to polygons first",
            )
        for n, (x, y) in enumerate(pairs):
            self.x = self.x if x is None else x + base * self.x
            self.y = self.y if y is None else y + base * self.y
            if word == "M" and n == 0:
                self.lift()
                self.start = (self.x, self.y)
            elif not self.points:
                self.points.append(self.start)
            self.points.append((self.x, self.y))
