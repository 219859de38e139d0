"""DXF (AutoCAD 2010): one layer a segment, one polyline a ring, in millimetres and LPS coordinates.

Rings and curves are LWPOLYLINEs in their own plane (elevation and extrusion), so that CAD programs can hatch
and extrude them; extended data of ``MEDVOX`` say plane, region and which ring is a hole. Of other drawings,
polylines, lines, points and curves are read; curves become polylines within `SAG_MM`.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.contour import ContourSet
from medvox.core.errors import DependencyError, FormatError
from medvox.core.finding import Finding, Level
from medvox.core.labels import Segment
from medvox.formats.atomic import atomic_file
from medvox.formats.base import WriteReport
from medvox.formats.outlines.drawing import Drawing, Line
from medvox.formats.outlines.segments import COLORS
from medvox.formats.outlines.text import read_text
from medvox.formats.outlines.writing import Ring, losses, rings

FloatArray = NDArray[np.float64]
APP = "MEDVOX"
SAG_MM = 0.01
"""Farthest that a polyline strays from the curve that it stands for."""
FLAT_MM = 1e-3
"""Lines whose points lie closer to one plane are drawn in that plane."""
FORBIDDEN = '<>/\\":;?*|=,`'
"""Characters that no name of a layer may hold."""


def _ezdxf() -> Any:
    try:
        import ezdxf
    except ImportError as error:
        raise DependencyError(
            "DXF files need the package ezdxf", advice="Install it: pip install ezdxf"
        ) from error
    return ezdxf


def write_dxf(contours: ContourSet, path: Path) -> WriteReport:
    """Write polylines and points.

    Raises
    ------
    DependencyError
        If ezdxf is not installed.
    """
    ezdxf = _ezdxf()
    document = ezdxf.new("R2010", setup=False)
    document.units = ezdxf.units.MM
    document.appids.new(APP)
    space, layers = document.modelspace(), _layers(document, contours)
    for ring in rings(contours):
        _draw(space, ring, layers[id(ring.segment)])
    text = io.StringIO()
    document.write(text)
    with atomic_file(path) as file:
        file.write(document.encode(text.getvalue()))
    return WriteReport(
        (path,), tuple(losses(contours, frozenset({"names", "numbers", "colors", "topology"})))
    )


def _layers(document: Any, contours: ContourSet) -> dict[int, str]:
    """Make a layer a segment; its full name and number in extended data."""
    names: dict[int, str] = {}
    taken = {"0"}
    for part in contours.segments:
        name = "".join("_" if c in FORBIDDEN or ord(c) < 32 else c for c in part.segment.name).strip()[:200]
        name = name or "segment"
        if name.lower() in taken:
            name = f"{name}_{part.segment.number}_{len(taken)}"
        taken.add(name.lower())
        layer = document.layers.add(name)
        layer.rgb = part.segment.color
        layer.set_xdata(APP, [(1000, part.segment.name[:255]), (1071, part.segment.number)])
        names[id(part.segment)] = name
    return names


def _draw(space: Any, ring: Ring, layer: str) -> None:
    from ezdxf.math import OCS, Vec3

    attributes: dict[str, Any] = {"layer": layer}
    closed = ring.kind in ("outer", "hole")
    normal = _normal(ring.points_mm)
    if ring.kind == "point":
        made = space.add_point(ring.points_mm[0], attributes)
    elif normal is None:
        made = space.add_polyline3d(ring.points_mm, close=closed, dxfattribs=attributes)
    else:
        ocs = OCS(Vec3(normal))
        axes = np.array([tuple(ocs.ux), tuple(ocs.uy), tuple(ocs.uz)])
        places = ring.points_mm @ axes.T
        attributes |= {"elevation": float(places[:, 2].mean()), "extrusion": Vec3(normal)}
        made = space.add_lwpolyline(places[:, :2], format="xy", close=closed, dxfattribs=attributes)
    made.set_xdata(APP, [(1000, ring.kind), (1071, ring.plane), (1071, ring.region)])


def _normal(points: FloatArray) -> FloatArray | None:
    """Unit normal of the plane of a line, upwards; None where no plane fits."""
    if len(points) < 2:
        return None
    spread = points - points.mean(axis=0)
    if np.abs(spread[:, 2]).max() <= FLAT_MM / 10:
        return np.array([0.0, 0.0, 1.0])
    normal = np.asarray(np.linalg.svd(spread, full_matrices=False)[2][-1]) if len(points) > 2 else None
    if normal is None or np.abs(spread @ normal).max() > FLAT_MM:
        return None
    return np.asarray(normal * np.sign(normal[np.abs(normal).argmax()]))


def read_dxf(path: Path) -> Drawing:
    """Read polylines, lines, points and curves of the model space.

    Raises
    ------
    FormatError
        If it is no DXF.
    DependencyError
        If ezdxf is not installed.
    """
    ezdxf = _ezdxf()
    try:
        document = ezdxf.read(io.StringIO(read_text(path), newline=None))
    except (ezdxf.DXFError, ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        raise FormatError("this is no DXF that can be read", where=path) from error
    reader = _Reader(document, path)
    for entity in document.modelspace():
        reader.read(entity)
    return reader.drawing()


class _Reader:
    """Gathers lines out of entities."""

    def __init__(self, document: Any, path: Path) -> None:
        self.document = document
        self.path = path
        self.lines: list[Line] = []
        self.segments: dict[str, Segment] = {}
        self.curved = 0
        self.skipped: dict[str, int] = {}
        self.findings: list[Finding] = []
        self.scale = self._scale()

    def _scale(self) -> float:
        """Millimetres in one unit of the drawing."""
        from ezdxf import units

        unit = self.document.units
        if unit == 0:
            self._note("outline-units-assumed", "The drawing has no unit: millimetres were taken.")
            return 1.0
        return float(units.conversion_factor(unit, units.MM))

    def _note(self, code: str, text: str) -> None:
        self.findings.append(Finding(code, Level.WARNING, self.path.name, text))

    def drawing(self) -> Drawing:
        """What was gathered."""
        if self.curved:
            self._note("outline-curve", f"{self.curved} curves were made polylines within {SAG_MM} mm.")
        if self.skipped:
            told = ", ".join(f"{count} {kind}" for kind, count in sorted(self.skipped.items()))
            self._note("outline-skipped", f"What is no line or point was not read: {told}.")
        return Drawing(tuple(self.lines), None, tuple(self.findings))

    def read(self, entity: Any) -> None:
        """Read one entity."""
        kind = entity.dxftype()
        if kind == "POINT":
            points, closed = np.array([tuple(entity.dxf.location)]), False
        elif kind == "LINE":
            points, closed = np.array([tuple(entity.dxf.start), tuple(entity.dxf.end)]), False
        elif kind == "LWPOLYLINE" and not entity.has_arc:
            points, closed = np.array([tuple(v) for v in entity.vertices_in_wcs()]), bool(entity.closed)
        elif kind == "POLYLINE" and entity.is_3d_polyline:
            points = np.array([tuple(vertex.dxf.location) for vertex in entity.vertices])
            closed = bool(entity.is_closed)
        elif kind in ("LWPOLYLINE", "POLYLINE", "CIRCLE", "ARC", "ELLIPSE", "SPLINE"):
            points, closed = self._flattened(entity)
        else:
            self.skipped[kind] = self.skipped.get(kind, 0) + 1
            return
        if not len(points):
            return
        if not np.isfinite(points).all():
            raise FormatError("a coordinate is not finite", where=self.path)
        self._add(entity, points * self.scale, closed)

    def _flattened(self, entity: Any) -> tuple[FloatArray, bool]:
        from ezdxf import path as paths

        self.curved += 1
        made = paths.make_path(entity)
        points = np.array([tuple(v) for v in made.flattening(SAG_MM / self.scale)])
        closed = bool(made.is_closed) and len(points) > 3
        return (points[:-1] if closed else points), closed

    def _add(self, entity: Any, points: FloatArray, closed: bool) -> None:
        kind, plane, region = self._told(entity)
        if len(points) > 3 and not closed and (points[0] == points[-1]).all():
            points, closed = points[:-1], True
        told = closed and kind in ("outer", "hole")
        self.lines.append(
            Line(
                self._segment(entity.dxf.layer),
                points,
                closed,
                plane,
                region if told else None,
                kind == "hole" if told else None,
            )
        )

    def _told(self, entity: Any) -> tuple[str, int | None, int | None]:
        if not entity.has_xdata(APP):
            return "", None, None
        values = [tag.value for tag in entity.get_xdata(APP) if tag.code in (1000, 1071)]
        if len(values) != 3 or not all(isinstance(value, int) for value in values[1:]):
            return "", None, None
        return str(values[0]), int(values[1]), int(values[2])

    def _segment(self, name: str) -> Segment:
        if name not in self.segments:
            place = len(self.segments) + 1
            self.segments[name] = Segment(place, name, color=COLORS[(place - 1) % 6])
            if name in self.document.layers:
                self.segments[name] = _segment_of(self.document.layers.get(name), self.segments[name])
        return self.segments[name]


def _segment_of(layer: Any, plain: Segment) -> Segment:
    """Segment of a layer, with the name and number of its extended data."""
    color = tuple(layer.rgb) if layer.rgb is not None else plain.color
    name, number = plain.name, plain.number
    if layer.has_xdata(APP):
        values = [tag.value for tag in layer.get_xdata(APP) if tag.code in (1000, 1071)]
        if len(values) == 2 and isinstance(values[1], int):
            name, number = str(values[0]), values[1]
    return Segment(number, name, color=color)
