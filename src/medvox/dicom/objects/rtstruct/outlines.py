"""Structure sets as drawings: the lines that outlines are put together from, whatever the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from medvox.core.contour import ContourSet
from medvox.core.errors import MedvoxError
from medvox.core.finding import Finding, Level
from medvox.core.volume import Volume
from medvox.dicom.objects.pieces import decoding, load
from medvox.dicom.objects.rtstruct.reading import STRUCTURE_SET, read_structure_set
from medvox.dicom.objects.rtstruct.structures import Roi, StructureSet
from medvox.dicom.objects.rtstruct.writing import write_structure_set
from medvox.formats.base import WriteReport
from medvox.formats.outlines.drawing import Drawing, Line

_FIRST = 0x00080018


def is_structure_set(path: Path) -> bool:
    """Whether a file is an RT Structure Set; never raises."""
    try:
        stored = load(path, _FIRST)
        with decoding(path.name):
            return str(stored.dataset.get("SOPClassUID") or "") == STRUCTURE_SET
    except MedvoxError:
        return False


def read_drawing(path: Path) -> Drawing:
    """Read the rings of a structure set.

    Where all rings say CLOSEDPLANAR_XOR, the rule is ``"xor"``; else rings inside others are holes, and
    keyholes are opened.

    Raises
    ------
    FormatError
        If it cannot be read.
    """
    found = read_structure_set(path)
    xor = {roi.is_xor for roi in found.rois if roi.rings}
    findings = list(found.findings)
    if len(xor) > 1:
        text = "Some structures exclude rings by XOR, others do not: rings inside others are taken as holes"
        findings.append(Finding("odd-contour", Level.WARNING, path.name, text, "PS3.3 C.8.8.6.3"))
    rule = "xor" if xor == {True} else "auto"
    return Drawing(tuple(_lines(found)), found.frame_of_reference, tuple(findings), rule)


def _lines(found: StructureSet) -> Iterator[Line]:
    for roi in found.rois:
        yield from _lines_of(roi)


def _lines_of(roi: Roi) -> Iterator[Line]:
    for ring in roi.rings:
        yield Line(roi.segment, ring.points_mm, ring.kind.is_closed, source=ring.source)


def write_drawing(contours: ContourSet, path: Path, source: Volume | None = None) -> WriteReport:
    """Write outlines as a structure set, holes joined by keyholes.

    Raises
    ------
    WriteError, AccessError
        If the system refuses.
    """
    return write_structure_set(contours, path, source)
