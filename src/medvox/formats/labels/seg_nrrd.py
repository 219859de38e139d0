"""Segmentations of 3D Slicer (.seg.nrrd): NRRD with a key/value pair for each fact of a segment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import FormatError, UnsupportedError
from medvox.core.grid import Space
from medvox.core.labels import Code, LabelMap, Segment
from medvox.formats.atomic import atomic_file
from medvox.formats.base import WriteReport
from medvox.formats.nrrd import NrrdFormat
from medvox.formats.nrrd import header as headers
from medvox.formats.values.compression import pack

AnyArray = NDArray[Any]
_KEY = re.compile(r"^Segment(\d+)_(\w+)$")
_CONTEXT = "Segmentation category and type - 3D Slicer General Anatomy list"
_ANATOMY = "Anatomic codes - DICOM master list"


def read_seg_nrrd(path: Path) -> LabelMap:
    """Read labels with the names, colors, codes and layers of their segments.

    Raises
    ------
    FormatError
        If values are no whole numbers, or a segment names a layer that is not there.
    """
    volume = NrrdFormat().images(path)[0].volume()
    values = volume.values()
    if values.ndim > 4 or values.dtype.kind not in "iu":
        raise FormatError(
            "a segmentation holds layers of whole numbers", where=path.name, got=str(values.dtype)
        )
    data = values if values.ndim == 4 else values[None]
    if data.min(initial=0) < 0:
        raise FormatError("a label is negative", where=path.name, got=int(data.min()))
    most = int(data.max(initial=0))
    data = np.ascontiguousarray(data, np.uint8 if most < 256 else np.uint16 if most < 65536 else np.uint32)
    segments = _segments(headers.parse(path).pairs, data, path.name)
    return LabelMap(data, volume.grid, segments, provenance=volume.known_provenance)


def _segments(pairs: Mapping[str, str], data: AnyArray, where: str) -> tuple[Segment, ...]:
    facts: dict[int, dict[str, str]] = {}
    for key, value in pairs.items():
        if match := _KEY.match(key):
            facts.setdefault(int(match[1]), {})[match[2]] = value.strip()
    found = [_segment(n, fact, where) for n, fact in sorted(facts.items())]
    if any(s.layer >= len(data) for s in found):
        raise FormatError("a segment names a layer that is not there", where=where, got=len(data))
    known = {(s.layer, s.number) for s in found}
    for layer, values in enumerate(data):
        extra = [int(n) for n in np.unique(values) if n and (layer, int(n)) not in known]
        found += [Segment(n, f"Segment {n}", layer) for n in extra]
    return tuple(found)


def _segment(n: int, fact: Mapping[str, str], where: str) -> Segment:
    try:
        number, layer = int(fact.get("LabelValue", n + 1)), int(fact.get("Layer", 0))
        parts = [float(v) for v in fact.get("Color", "1 1 0").split()]
        red, green, blue = (round(min(1.0, max(0.0, v)) * 255) for v in parts)
    except ValueError as error:
        raise FormatError("a fact of a segment cannot be read", where=where, got=f"Segment{n}") from error
    category, kind, region = _terms(fact.get("Tags", ""))
    name = fact.get("Name") or fact.get("ID") or f"Segment {number}"
    return Segment(number, name, layer, category, kind, (red, green, blue), region)


def _terms(tags: str) -> tuple[Code | None, Code | None, Code | None]:
    """Category, type and region of a terminology entry: codes are ``scheme^value^meaning``."""
    entry = next((t.partition(":")[2] for t in tags.split("|") if t.startswith("TerminologyEntry:")), "")
    parts = entry.split("~")
    if len(parts) < 4:
        return None, None, None
    region = parts[5] if len(parts) > 5 else ""
    return _code(parts[1]), _code(parts[2]), _code(region)


def _code(text: str) -> Code | None:
    words = text.split("^")
    return Code(words[1], words[0], words[2]) if len(words) == 3 and words[0] and words[1] else None


def write_seg_nrrd(labels: LabelMap, path: Path) -> WriteReport:
    """Write labels with names, colors, codes and layers; segments may overlap.

    Raises
    ------
    UnsupportedError
        If the labels are fractions.
    WriteError, AccessError
        If the system refuses.
    """
    if labels.fractional:
        raise UnsupportedError("fractions cannot be written as .seg.nrrd", advice="Threshold them first")
    grid = labels.grid
    layered = len(labels.data) > 1
    values = np.ascontiguousarray(np.moveaxis(labels.data, 0, -1) if layered else labels.data[0])
    values = values.astype(values.dtype.newbyteorder("<"), copy=False)
    columns = [_vector(grid.affine[:3, n]) for n in (2, 1, 0)]
    lines = [
        "NRRD0005",
        f"type: {'u' if values.dtype.kind == 'u' else ''}int{values.dtype.itemsize * 8}",
        f"dimension: {values.ndim}",
        f"space: {'left-posterior-superior' if grid.space is Space.PATIENT else '3D-right-handed'}",
        f"sizes: {' '.join(str(n) for n in reversed(values.shape))}",
        f"space directions: {' '.join(['none'] * layered + columns)}",
        f"kinds: {' '.join(['list'] * layered + ['domain'] * 3)}",
        "endian: little",
        "encoding: gzip",
        f"space origin: {_vector(grid.origin_mm)}",
        *_pairs(labels),
    ]
    with atomic_file(path) as file:
        file.write(("\n".join(lines) + "\n\n").encode())
        pack([values.reshape(-1).view(np.uint8)], file, "gzip")
    return WriteReport((path,), _losses(labels))


def _vector(values: NDArray[np.float64]) -> str:
    return "(" + ",".join(repr(float(v)) for v in values) + ")"


def _pairs(labels: LabelMap) -> list[str]:
    k, j, i = labels.grid.shape
    lines = [
        "Segmentation_ContainedRepresentationNames:=Binary labelmap|",
        "Segmentation_MasterRepresentation:=Binary labelmap",
        "Segmentation_ReferenceImageExtentOffset:=0 0 0",
    ]
    for n, s in enumerate(labels.segments):
        color = " ".join(f"{c / 255:.6g}" for c in s.color)
        facts = {
            "ID": f"Segment_{n + 1}",
            "Name": " ".join(s.name.split()),
            "NameAutoGenerated": "0",
            "Color": color,
            "ColorAutoGenerated": "0",
            "LabelValue": str(s.number),
            "Layer": str(s.layer),
            "Extent": f"0 {i - 1} 0 {j - 1} 0 {k - 1}",
            "Tags": _tags(s),
        }
        lines += [f"Segment{n}_{key}:={value}" for key, value in facts.items()]
    return lines


def _tags(segment: Segment) -> str:
    terms = "~".join(_text(code) for code in (segment.category, segment.kind))
    return f"TerminologyEntry:{_CONTEXT}~{terms}~^^~{_ANATOMY}~{_text(segment.region)}~^^|"


def _text(code: Code | None) -> str:
    return (
        "^^"
        if code is None
        else f"{code.scheme}^{code.value}^{code.meaning}".replace("~", " ").replace("|", " ")
    )


def _losses(labels: LabelMap) -> tuple[str, ...]:
    losses = ["algorithm, description and tracking of the segments", "frame of reference"]
    if not labels.grid.is_even:
        losses.append("positions of unevenly spaced slices: the best even fit was written")
    if labels.grid.space is not Space.PATIENT:
        losses.append("that the place in the patient is not known")
    return tuple(losses)
