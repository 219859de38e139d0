"""GeoJSON (RFC 7946): one feature a plane of a segment, positions (x, y, z) in LPS mm instead of degrees.

The member ``coordinates_in`` of the collection says so; a GIS program shows the shapes in a plane of no
place.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.contour import ContourSet, PlanarContours
from medvox.core.errors import FormatError
from medvox.core.finding import Finding, Level
from medvox.core.labels import Segment
from medvox.formats.atomic import atomic_file
from medvox.formats.base import WriteReport
from medvox.formats.outlines.drawing import Drawing, Line
from medvox.formats.outlines.segments import hex_color, segment_of
from medvox.formats.outlines.text import read_text
from medvox.formats.outlines.writing import losses, rows

UNITS = "LPS mm"


def write_geojson(contours: ContourSet, path: Path) -> WriteReport:
    """Write one feature a plane."""
    head = {"type": "FeatureCollection", "coordinates_in": UNITS}
    if contours.frame_of_reference:
        head["frame_of_reference"] = contours.frame_of_reference
    with atomic_file(path) as file:
        file.write(json.dumps(head)[:-1].encode() + b', "features": [')
        before = b"\n"
        for part in contours.segments:
            for number, plane in enumerate(part.planes, start=1):
                for geometry in _geometries(plane):
                    file.write(before + _feature(part.segment, number, geometry))
                    before = b",\n"
        file.write(b"\n]}\n")
    return WriteReport(
        (path,), tuple(losses(contours, frozenset({"names", "numbers", "colors", "topology", "frame"})))
    )


def _feature(segment: Segment, plane: int, geometry: bytes) -> bytes:
    properties = {
        "segment": segment.name,
        "number": segment.number,
        "color": hex_color(segment.color),
        "plane": plane,
    }
    text = json.dumps(properties, ensure_ascii=False).encode()
    return b'{"type": "Feature", "properties": ' + text + b', "geometry": ' + geometry + b"}"


def _geometries(plane: PlanarContours) -> list[bytes]:
    made = []
    if plane.regions:
        areas = (b"[" + b",".join(_ring(x) for x in (r.outer, *r.holes)) + b"]" for r in plane.regions)
        made.append(b'{"type": "MultiPolygon", "coordinates": [' + b",".join(areas) + b"]}")
    lines = [curve for curve in plane.curves if len(curve) > 1]
    spots = [curve for curve in plane.curves if len(curve) == 1]
    if lines:
        text = b",".join(_positions(line) for line in lines)
        made.append(b'{"type": "MultiLineString", "coordinates": [' + text + b"]}")
    if spots:
        made.append(b'{"type": "MultiPoint", "coordinates": ' + _positions(np.concatenate(spots)) + b"}")
    return made


def _ring(points: NDArray[np.float64]) -> bytes:
    return _positions(np.concatenate([points, points[:1]]))


def _positions(points: NDArray[np.float64]) -> bytes:
    return b"[[" + rows(points)[:-1].replace(b"\n", b"],[") + b"]]"


def read_geojson(path: Path) -> Drawing:
    """Read polygons, lines and points of any GeoJSON file.

    Positions without a third number lie at z = 0, with a finding; so do positions in degrees, which are taken
    for millimetres.

    Raises
    ------
    FormatError
        If it is no GeoJSON or a position is not made of numbers.
    """
    try:
        found = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise FormatError("this is no JSON", where=path) from error
    if not isinstance(found, dict):
        raise FormatError("this is no GeoJSON", where=path, expected="an object with a type")
    features = found.get("features", [found])
    if not isinstance(features, list):
        raise FormatError("features of GeoJSON must be a list", where=path)
    reader = _Reader(path)
    for feature in features:
        reader.read(feature)
    told = found.get("coordinates_in")
    if told != UNITS:
        reader.note("outline-units-assumed", "The file does not say its units: LPS mm were taken.")
    if reader.flat:
        reader.note("outline-plane-assumed", "Positions have no third number: z = 0 was taken.")
    frame = found.get("frame_of_reference")
    return Drawing(tuple(reader.lines), frame if isinstance(frame, str) else None, tuple(reader.findings))


class _Reader:
    """Gathers lines out of features."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: list[Line] = []
        self.findings: list[Finding] = []
        self.segments: dict[tuple[str, str], Segment] = {}
        self.flat = False
        self.planes = 0

    def note(self, code: str, text: str) -> None:
        self.findings.append(Finding(code, Level.WARNING, self.path.name, text))

    def read(self, feature: Any) -> None:
        """Read a feature or a bare geometry."""
        if not isinstance(feature, dict):
            raise FormatError("a feature is no object", where=self.path)
        is_feature = feature.get("type") == "Feature"
        properties = (feature.get("properties") or {}) if is_feature else {}
        geometry = feature.get("geometry") if is_feature else feature
        if not isinstance(geometry, dict) or not isinstance(properties, dict):
            return
        name = str(properties.get("segment", properties.get("name", "")))
        number, color = str(properties.get("number", "")), str(properties.get("color", ""))
        key = (name, number)
        segment = self.segments.setdefault(key, segment_of(name, number, color, len(self.segments) + 1))
        plane = properties.get("plane")
        self._geometry(geometry, segment, plane if isinstance(plane, int) else None)

    def _geometry(self, geometry: dict[str, Any], segment: Segment, plane: int | None) -> None:
        kind, inside = geometry.get("type"), geometry.get("coordinates", [])
        if kind == "GeometryCollection":
            for part in geometry.get("geometries", []):
                self._geometry(part, segment, plane)
        elif kind in ("Polygon", "MultiPolygon"):
            for n, rings in enumerate([inside] if kind == "Polygon" else inside, start=1):
                self._polygon(rings, segment, plane, n)
        elif kind in ("LineString", "MultiLineString"):
            for line in [inside] if kind == "LineString" else inside:
                self.lines.append(Line(segment, self._points(line), False, plane))
        elif kind in ("Point", "MultiPoint"):
            for point in [inside] if kind == "Point" else inside:
                self.lines.append(Line(segment, self._points([point]), False, plane))
        else:
            raise FormatError("no such kind of geometry in GeoJSON", where=self.path, got=kind)

    def _polygon(self, rings: Any, segment: Segment, plane: int | None, number: int) -> None:
        if plane is None:  # foreign polygons may be several in a plane: numbers of our own keep them apart
            self.planes -= 1
        for n, ring in enumerate(rings):
            points = self._points(ring)
            if len(points) > 1 and (points[0] == points[-1]).all():
                points = points[:-1]
            self.lines.append(Line(segment, points, True, plane or self.planes, number, n > 0))

    def _points(self, positions: Any) -> NDArray[np.float64]:
        try:
            points = np.array(positions, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise FormatError("positions are not made of numbers", where=self.path) from error
        if points.ndim != 2 or points.shape[1] not in (2, 3) or not np.isfinite(points).all():
            raise FormatError("positions have two or three numbers", where=self.path, got=points.shape)
        if points.shape[1] == 2:
            self.flat = True
            points = np.column_stack([points, np.zeros(len(points))])
        return points
