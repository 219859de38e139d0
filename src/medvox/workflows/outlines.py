"""Outlines from files and to files, whatever the format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import numpy as np

from medvox.core.contour import ContourSet, PlanarContours, Region, SegmentContours
from medvox.core.errors import UnknownFormatError
from medvox.core.finding import Finding
from medvox.core.labels import Segment
from medvox.core.volume import Volume
from medvox.formats.base import WriteReport
from medvox.formats.outlines.drawing import Drawing, Line


@dataclass(frozen=True, slots=True)
class OutlineFormat:
    """A kind of outline file.

    Parameters
    ----------
    name
        As told to users.
    suffixes
        Endings of its files, in small letters.
    reader
        ``"module:function"`` of ``(path) -> Drawing``.
    writer
        ``"module:function"`` of ``(contours, path, source: Volume or None) -> WriteReport``, without the
        third argument unless `wants_source`.
    wants_source
        Whether the writer refers to the image that the outlines belong to.
    check
        ``"module:function"`` of ``(path) -> bool``: whether a file of that name that is there is one of
        outlines; empty where the name is enough.
    """

    name: str
    suffixes: tuple[str, ...]
    reader: str
    writer: str
    wants_source: bool = False
    check: str = ""


_HERE = "medvox.formats.outlines"
_DICOM = "medvox.dicom.objects.rtstruct.outlines"
FORMATS: tuple[OutlineFormat, ...] = (
    OutlineFormat("CSV", (".csv",), f"{_HERE}.points:read_csv", f"{_HERE}.points:write_csv"),
    OutlineFormat("XYZ points", (".xyz", ".pts"), f"{_HERE}.points:read_xyz", f"{_HERE}.points:write_xyz"),
    OutlineFormat("3D-DOCTOR boundaries", (".bnd",), f"{_HERE}.bnd:read_bnd", f"{_HERE}.bnd:write_bnd", True),
    OutlineFormat(
        "GeoJSON", (".geojson", ".json"), f"{_HERE}.geojson:read_geojson", f"{_HERE}.geojson:write_geojson"
    ),
    OutlineFormat("SVG", (".svg",), f"{_HERE}.svg:read_svg", f"{_HERE}.svg:write_svg"),
    OutlineFormat("DXF", (".dxf",), f"{_HERE}.dxf:read_dxf", f"{_HERE}.dxf:write_dxf"),
    OutlineFormat(
        "RT Structure Set",
        (".dcm",),
        f"{_DICOM}:read_drawing",
        f"{_DICOM}:write_drawing",
        wants_source=True,
        check=f"{_DICOM}:is_structure_set",
    ),
)
"""All kinds, told apart by the ending of the name."""
LABEL_SUFFIXES = (".seg.dcm",)
"""Endings of label files that end like outline files."""


def format_of(path: Path) -> OutlineFormat:
    """Kind of an outline file, by the ending of its name.

    Raises
    ------
    UnknownFormatError
        If no kind has the ending.
    """
    found = next((f for f in FORMATS if path.name.lower().endswith(f.suffixes)), None)
    if found is None:
        raise UnknownFormatError(
            "no outline file has this ending",
            where=path,
            expected=[suffix for f in FORMATS for suffix in f.suffixes],
        )
    return found


def is_outlines(path: Path) -> bool:
    """Whether a file is one of outlines, by its name and, where that is not enough, its content."""
    found = next((f for f in FORMATS if path.name.lower().endswith(f.suffixes)), None)
    if found is None or path.name.lower().endswith(LABEL_SUFFIXES):
        return False
    if not found.check or not path.exists():
        return True
    return bool(_load(found.check)(path))


def read_contours(path: Path | str) -> ContourSet:
    """Read the outlines of a file; see `read_outlines` for what was odd.

    Raises
    ------
    FormatError
        If the file is not what its name says.
    """
    return read_outlines(path)[0]


def read_outlines(path: Path | str) -> tuple[ContourSet, tuple[Finding, ...]]:
    """Read the outlines of a file and what was odd about them.

    Where the file does not say which rings are holes, rings of one plane are put together by
    `medvox.contours.assemble.assemble`.
    """
    path = Path(path)
    reader = cast("Callable[[Path], Drawing]", _load(format_of(path).reader))
    return assemble_drawing(reader(path))


def write_contours(contours: ContourSet, path: Path | str, source: Volume | None = None) -> WriteReport:
    """Write outlines in the format that the ending of the name says.

    Parameters
    ----------
    contours
        In LPS mm.
    source
        Image that the outlines belong to, for formats that refer to it.

    Returns
    -------
    WriteReport
        The files written, and what the format could not hold.
    """
    path = Path(path)
    kind = format_of(path)
    writer = cast("Callable[..., WriteReport]", _load(kind.writer))
    return writer(contours, path, source) if kind.wants_source else writer(contours, path)


def _load(name: str) -> Any:
    module, _, function = name.partition(":")
    return getattr(import_module(module), function)


def assemble_drawing(drawing: Drawing) -> tuple[ContourSet, tuple[Finding, ...]]:
    """Contours of the lines of a file."""
    segments: list[Segment] = []
    lines: dict[int, list[Line]] = {}
    for line in drawing.lines:
        if line.segment not in segments:
            segments.append(line.segment)
        lines.setdefault(segments.index(line.segment), []).append(line)
    findings = list(drawing.findings)
    parts = []
    for n, segment in enumerate(segments):
        planes, found = _planes(lines[n], drawing.rule, segment.name)
        parts.append(SegmentContours(segment, planes))
        findings += found
    return ContourSet(tuple(parts), drawing.frame_of_reference), tuple(findings)


def _planes(lines: Sequence[Line], rule: str, where: str) -> tuple[tuple[PlanarContours, ...], list[Finding]]:
    told: dict[int, list[Line]] = {}
    loose: list[Line] = []
    for line in lines:
        known = line.plane is not None and (line.region is not None or not line.closed)
        if known:
            told.setdefault(cast("int", line.plane), []).append(line)
        else:
            loose.append(line)
    planes = [_told_plane(told[number]) for number in sorted(told)]
    made, findings = _loose_planes(loose, rule, where)
    return (*planes, *made), findings


def _told_plane(lines: Sequence[Line]) -> PlanarContours:
    """A plane of which the file says all."""
    outers: dict[int, np.ndarray] = {}
    holes: dict[int, list[np.ndarray]] = {}
    curves = []
    for line in lines:
        if not line.closed or line.region is None or len(line.points_mm) < 3:
            curves.append(line.points_mm)
        elif line.hole:
            holes.setdefault(line.region, []).append(line.points_mm)
        else:
            outers[line.region] = line.points_mm
    curves += [ring for region, rings in holes.items() if region not in outers for ring in rings]
    regions = tuple(Region(ring, tuple(holes.get(n, ()))) for n, ring in outers.items())
    return PlanarContours(regions, tuple(curves), lines[0].source)


def _loose_planes(lines: Sequence[Line], rule: str, where: str) -> tuple[list[PlanarContours], list[Finding]]:
    from medvox.contours.assemble import Holes, assemble
    from medvox.contours.grouping import by_plane

    planes: list[PlanarContours] = []
    findings: dict[tuple[str, str], Finding] = {}
    for group in by_plane([line.points_mm for line in lines]):
        chosen = [lines[n] for n in group]
        closed = [line.points_mm for line in chosen if line.closed]
        regions, found = assemble(closed, cast("Holes", rule), where)
        curves = tuple(line.points_mm for line in chosen if not line.closed)
        planes.append(PlanarContours(regions, curves, chosen[0].source))
        for finding in found:
            findings.setdefault((finding.code, finding.text), finding)
    return planes, list(findings.values())
