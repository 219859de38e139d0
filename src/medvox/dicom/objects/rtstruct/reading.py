"""Read structure sets of any vendor as they are stored (PS3.3 C.8.8.5, C.8.8.6, C.8.8.8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from medvox.core.errors import UnsupportedError
from medvox.core.finding import Finding, Level
from medvox.core.labels import Algorithm, Segment
from medvox.core.provenance import SliceSource
from medvox.dicom.objects.codes import code_of
from medvox.dicom.objects.pieces import Piece, Stored, decoded, decoding, elements, items, load
from medvox.dicom.objects.referring import frame_of
from medvox.dicom.objects.rtstruct.structures import Ring, RingKind, Roi, StructureSet

STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
_REFERENCE = "PS3.3 C.8.8.6"
_CONTOURS, _OBSERVATIONS, _CONTOUR = 0x30060039, 0x30060080, 0x30060040
_ROI_NUMBER, _COLOR, _IMAGE, _TYPE = 0x30060084, 0x3006002A, 0x30060016, 0x30060042
_COUNT, _NUMBER, _POINTS = 0x30060046, 0x30060048, 0x30060050
_KINDS = {kind.value: kind for kind in RingKind} | {
    "CLOSED_PLANAR_XOR": RingKind.XOR,
    "CLOSEDPLANAR": RingKind.CLOSED_PLANAR,
}


def read_structure_set(path: str | PathLike[str], images: Collection[str] | None = None) -> StructureSet:
    """Read an RT Structure Set.

    Parameters
    ----------
    path
        File of RT Structure Set Storage.
    images
        SOP Instance UIDs of the images at hand: rings that refer to others become a finding. None: not
        checked.

    Returns
    -------
    StructureSet
        Rings as they are stored, whatever style of holes the writer has; `findings` counts what cannot be
        used or is not there.

    Raises
    ------
    MissingError, AccessError
        If the file is not there or cannot be read.
    UnsupportedError
        If it is another object.
    FormatError
        If it cannot be read as DICOM.
    """
    stored = load(Path(path), _CONTOURS)
    with decoding(stored.name):
        return _read(stored, images)


def _read(stored: Stored, images: Collection[str] | None) -> StructureSet:
    ds, name = stored.dataset, stored.name
    if str(ds.get("SOPClassUID")) != STRUCTURE_SET:
        raise UnsupportedError("this is no RT Structure Set", where=name, got=ds.get("Modality"))
    counts: Counter[str] = Counter()
    rois = _rois(stored, counts)
    referenced, series = _referenced(ds)
    findings = [
        Finding("odd-contour", Level.WARNING, name, f"{n} {text}", _REFERENCE) for text, n in counts.items()
    ]
    findings += _empty(rois, name) + _unresolved(rois, referenced, images, name)
    return StructureSet(
        str(ds.get("StructureSetLabel") or ds.get("StructureSetName") or ""),
        tuple(rois),
        _frame_of_reference(ds, rois),
        frozenset(referenced),
        tuple(series),
        tuple(findings),
    )


def _rois(stored: Stored, counts: Counter[str]) -> list[Roi]:
    """Structures, their contours and what is observed of them, joined by ROI Number."""
    colors: dict[int, Any] = {}
    rings: dict[int, list[Ring]] = {}
    reader = _Contours(stored, counts)
    for number, color, found in reader.structures():
        colors.setdefault(number, color)
        rings.setdefault(number, []).extend(found)
    observed: dict[int, Dataset] = {}
    for item in _items(stored, _OBSERVATIONS):
        observed.setdefault(int(item.get("ReferencedROINumber") or 0), item)
    rois: dict[int, Roi] = {}
    for item in stored.dataset.get("StructureSetROISequence") or []:
        number = int(item.get("ROINumber") or 0)
        if number in rois:
            counts["structures repeat a ROI Number: the first counts"] += 1
            continue
        mine = tuple(rings.get(number, ()))
        rois[number] = _roi(item, colors.get(number), observed.get(number, Dataset()), mine)
    for number in sorted(set(rings) - set(rois)):
        counts["structures with contours are not listed: named by their number"] += 1
        item = Dataset()
        item.ROINumber = number
        rois[number] = _roi(item, colors.get(number), observed.get(number, Dataset()), tuple(rings[number]))
    return [roi for _, roi in sorted(rois.items())]


def _items(stored: Stored, tag: int) -> Iterator[Dataset]:
    """Items of a sequence that was left as it is stored."""
    piece = stored.rest.get(tag)
    for start, stop in items(stored.data, piece, stored.implicit) if piece else ():
        yield decoded(stored.data[start:stop], stored.implicit)


def _roi(item: Dataset, color: Any, observed: Dataset, rings: tuple[Ring, ...]) -> Roi:
    own = int(item.get("ROINumber") or 0)
    generation = str(item.get("ROIGenerationAlgorithm") or "")
    segment = Segment(
        number=own,
        name=str(item.get("ROIName") or observed.get("ROIObservationLabel") or f"ROI {own}"),
        category=code_of(observed, "SegmentedPropertyCategoryCodeSequence"),
        kind=code_of(observed, "RTROIIdentificationCodeSequence"),
        color=_color(color),
        description=str(item.get("ROIDescription") or ""),
        algorithm=Algorithm(generation) if generation else None,
    )
    frame = str(item.get("ReferencedFrameOfReferenceUID") or "") or None
    return Roi(segment, rings, str(observed.get("RTROIInterpretedType") or ""), generation, frame)


def _color(value: Any) -> tuple[int, int, int]:
    try:
        red, green, blue = (min(255, max(0, int(v))) for v in value)
    except (TypeError, ValueError):
        return (255, 255, 0)
    return red, green, blue


class _Contours:
    """Reads the ROI Contour Sequence without decoding its items one by one."""

    def __init__(self, stored: Stored, counts: Counter[str]) -> None:
        self._stored, self._counts = stored, counts
        self._images: dict[bytes, SliceSource | None] = {}

    def structures(self) -> Iterator[tuple[int, Any, list[Ring]]]:
        """Yield number, color and rings of each item."""
        stored = self._stored
        sequence = stored.rest.get(_CONTOURS)
        for start, stop in items(stored.data, sequence, stored.implicit) if sequence else ():
            parts = {p.tag: p for p in elements(stored.data, start, stop, stored.implicit)}
            number = stored.text(parts[_ROI_NUMBER]) if _ROI_NUMBER in parts else "0"
            color = stored.text(parts[_COLOR]).split("\\") if _COLOR in parts else None
            contours = items(stored.data, parts[_CONTOUR], stored.implicit) if _CONTOUR in parts else ()
            rings = [ring for at, end in contours if (ring := self._ring(at, end)) is not None]
            yield int(number or 0), color, rings

    def _ring(self, start: int, stop: int) -> Ring | None:
        stored, counts = self._stored, self._counts
        parts = {p.tag: p for p in elements(stored.data, start, stop, stored.implicit)}
        kind = _KINDS.get(stored.text(parts[_TYPE]).upper() if _TYPE in parts else "")
        if kind is None:
            counts["contours of no known geometric type: taken as closed"] += 1
            kind = RingKind.CLOSED_PLANAR
        points = points_of(stored.text(parts[_POINTS])) if _POINTS in parts else None
        if points is None:
            counts["contours whose points are missing or are no numbers: left out"] += 1
            return None
        if _COUNT in parts and stored.text(parts[_COUNT]) not in ("", str(len(points))):
            counts["contours state another number of points than they have"] += 1
        if kind is not RingKind.POINT and len(points) < (3 if kind.is_closed else 2):
            counts["contours of too few points for their type: kept as points or lines"] += 1
            kind = RingKind.POINT if len(points) == 1 else RingKind.OPEN_PLANAR
        number = stored.text(parts[_NUMBER]) if _NUMBER in parts else ""
        image = self._image(parts[_IMAGE]) if _IMAGE in parts else None
        return Ring(points, kind, image, int(number) if number.isdigit() else None)

    def _image(self, piece: Piece) -> SliceSource | None:
        data, implicit = self._stored.data, self._stored.implicit
        key = bytes(data[piece.start : piece.stop])
        if key not in self._images:
            first = next(items(data, piece, implicit), None)
            item = decoded(data[first[0] : first[1]], implicit) if first else Dataset()
            uid = item.get("ReferencedSOPInstanceUID")
            self._images[key] = SliceSource("", frame_of(item) or 1, str(uid)) if uid else None
        return self._images[key]


def points_of(text: str) -> NDArray[np.float64] | None:
    """(n, 3) of Contour Data; None where it is empty or holds something else than points.

    Decimal commas are read as points (met in the field, against PS3.5 6.2).
    """
    try:
        values = np.array(text.replace(",", ".").split("\\"), np.float64)
    except ValueError:
        return None
    return values.reshape(-1, 3) if len(values) % 3 == 0 and np.isfinite(values).all() else None


def _referenced(ds: Dataset) -> tuple[set[str], list[str]]:
    """SOP Instance UIDs and Series Instance UIDs of the images that the set names as its own."""
    instances: set[str] = set()
    series: list[str] = []
    for frame in ds.get("ReferencedFrameOfReferenceSequence") or []:
        for study in frame.get("RTReferencedStudySequence") or []:
            for one in study.get("RTReferencedSeriesSequence") or []:
                series.append(str(one.get("SeriesInstanceUID") or ""))
                images = one.get("ContourImageSequence") or []
                instances |= {str(image.get("ReferencedSOPInstanceUID") or "") for image in images}
    return instances - {""}, [uid for uid in dict.fromkeys(series) if uid]


def _frame_of_reference(ds: Dataset, rois: list[Roi]) -> str | None:
    told = {roi.frame_of_reference for roi in rois if roi.frame_of_reference}
    if len(told) == 1:
        return told.pop()
    frames = ds.get("ReferencedFrameOfReferenceSequence") or []
    uids = {str(f.get("FrameOfReferenceUID") or "") for f in frames} | {
        str(ds.get("FrameOfReferenceUID") or "")
    }
    known = uids - {""}
    return known.pop() if len(known) == 1 and not told else None


def _empty(rois: list[Roi], name: str) -> list[Finding]:
    empty = [roi.segment.number for roi in rois if not roi.rings]
    if not empty:
        return []
    text = f"{len(empty)} of {len(rois)} structures have no contour: numbers {empty[:10]}"
    return [Finding("empty-segment", Level.INFO, name, text, _REFERENCE)]


def _unresolved(
    rois: list[Roi], referenced: set[str], images: Collection[str] | None, name: str
) -> list[Finding]:
    if images is None:
        return []
    at_hand = set(images)
    named = [ring.source.sop_instance_uid for roi in rois for ring in roi.rings if ring.source]
    missing = sum(uid not in at_hand for uid in named)
    lost = len({*referenced, *filter(None, named)} - at_hand)
    if not lost:
        return []
    text = f"{lost} referenced images are not there; {missing} of {len(named)} contours were drawn on them"
    return [Finding("missing-reference", Level.WARNING, name, text, "PS3.3 C.8.8.5")]
