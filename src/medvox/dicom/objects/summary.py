"""What an object that is no image holds and refers to, in lines for `medvox info`; no pixels are read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from medvox.core.errors import MedvoxError
from medvox.core.finding import Finding, Level
from medvox.dicom.objects.pieces import PER_FRAME, decoding, load
from medvox.dicom.objects.rtstruct import STRUCTURE_SET, read_structure_set
from medvox.dicom.objects.segmentation import LABEL_MAP, SEGMENTATION
from medvox.dicom.objects.segmentation.segments import read_segments
from medvox.dicom.objects.structured_report import read_measurement_report

_REPORTS = "1.2.840.10008.5.1.4.1.1.88."
_KEY_OBJECTS = "1.2.840.10008.5.1.4.1.1.88.59"


@dataclass(frozen=True, slots=True)
class ObjectSummary:
    """What one object holds.

    Parameters
    ----------
    kind
        ``"binary segmentation"``, ``"structure set"`` ...
    parts
        One line a segment, structure or measurement.
    referenced
        SOP Instance UIDs of the objects that it names.
    findings
        What is odd, references that are not at hand among it.
    """

    kind: str
    parts: tuple[str, ...]
    referenced: frozenset[str]
    findings: tuple[Finding, ...] = ()


def summarize(path: Path, at_hand: Collection[str] | None = None) -> ObjectSummary | None:
    """Say what an object holds; None for objects that are not known here.

    Parameters
    ----------
    at_hand
        SOP Instance UIDs that were found: references to others become a finding. None: not checked.

    Returns
    -------
    ObjectSummary or None
        A damaged object has a finding instead of parts.
    """
    try:
        stored = load(path, PER_FRAME)
        with decoding(path.name):
            sop_class = str(stored.dataset.get("SOPClassUID") or "")
            made = _made(sop_class, path, stored.dataset)
    except MedvoxError as error:
        note = Finding("unreadable-file", Level.ERROR, path.name, error.reason)
        return ObjectSummary("object", (), frozenset(), (note,))
    if made is None or at_hand is None:
        return made
    missing = len(made.referenced - set(at_hand))
    if not missing:
        return made
    text = f"{missing} of {len(made.referenced)} referenced objects are not among the files"
    note = Finding("missing-reference", Level.INFO, path.name, text, "PS3.3 C.12.2")
    return ObjectSummary(made.kind, made.parts, made.referenced, (*made.findings, note))


def _made(sop_class: str, path: Path, ds: Dataset) -> ObjectSummary | None:
    if sop_class in (SEGMENTATION, LABEL_MAP):
        return _segmentation(ds, path.name)
    if sop_class == STRUCTURE_SET:
        return _structures(path)
    if sop_class == _KEY_OBJECTS:
        return ObjectSummary("key object selection", (), frozenset(_named(ds)))
    if sop_class.startswith(_REPORTS):
        return _report(path, ds)
    makers: dict[str, Callable[[Dataset], str]] = {
        "1.2.840.10008.5.1.4.1.1.11.": lambda d: f"presentation state {d.get('ContentLabel') or ''}".strip(),
        "1.2.840.10008.5.1.4.1.1.67": lambda _: "real-world value mapping",
        "1.2.840.10008.5.1.4.1.1.104.": lambda d: (
            f"encapsulated {d.get('MIMETypeOfEncapsulatedDocument') or ''}"
        ),
    }
    for prefix, word in makers.items():
        if sop_class.startswith(prefix):
            return ObjectSummary(word(ds), (), frozenset(_named(ds)))
    return None


def _segmentation(ds: Dataset, name: str) -> ObjectSummary:
    segments, findings = read_segments(ds, name)
    kind = str(ds.get("SegmentationType") or "").lower().replace("labelmap", "label map")
    frames = int(ds.get("NumberOfFrames") or 1)
    parts = tuple(
        f"{s.number} {s.name}" + (f" ({s.kind.meaning}, {s.kind.value} {s.kind.scheme})" if s.kind else "")
        for _, s in sorted(segments.items())
    )
    return ObjectSummary(
        f"{kind} segmentation, {frames} frames".strip(), parts, frozenset(_named(ds)), tuple(findings)
    )


def _structures(path: Path) -> ObjectSummary:
    found = read_structure_set(path)
    parts = tuple(
        f"{r.segment.number} {r.segment.name}: {len(r.rings)} contours"
        + (f", {r.interpreted}" if r.interpreted else "")
        for r in found.rois
    )
    named = {ring.source.sop_instance_uid for r in found.rois for ring in r.rings if ring.source}
    uids = frozenset({uid for uid in named if uid} | found.referenced)
    return ObjectSummary(f"structure set {found.label}".strip(), parts, uids, found.findings)


def _report(path: Path, ds: Dataset) -> ObjectSummary:
    found = read_measurement_report(path)
    parts = tuple(
        f"{group.tracking_id or 'group'}: {m.name.meaning} {m.value:g} {m.unit.value}"
        for group in found.groups
        for m in group.measurements
    )
    return ObjectSummary("report", parts, frozenset(_named(ds)), found.findings)


_NAMING = (
    "ReferencedSeriesSequence",
    "ReferencedInstanceSequence",
    "ReferencedImageSequence",
    "ReferencedSOPSequence",
    "CurrentRequestedProcedureEvidenceSequence",
    "StudiesContainingOtherReferencedInstancesSequence",
    "SourceInstanceSequence",
    "ReferencedImageRealWorldValueMappingSequence",
)


def _named(ds: Dataset) -> Iterator[str]:
    """SOP Instance UIDs that an object names at its top."""
    for keyword in _NAMING:
        for item in ds.get(keyword) or []:
            uid = item.get("ReferencedSOPInstanceUID")
            if uid:
                yield str(uid)
            yield from _named(item)
