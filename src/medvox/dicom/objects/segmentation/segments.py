"""Segment Sequence (PS3.3 C.8.20.2, C.8.20.4): what each number means, typed; and back."""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from medvox.core.finding import Finding, Level
from medvox.core.labels import Algorithm, Code, Segment
from medvox.dicom.objects.codes import code_of
from medvox.dicom.objects.segmentation.color import cielab, rgb
from medvox.dicom.writing.modules import coded

TISSUE = Code("85756007", "SCT", "Tissue")
"""Category and type where nothing is known: both are required (SCT, CID 7150)."""
KINDS = ("AUTOMATIC", "SEMIAUTOMATIC", "MANUAL")
UNNAMED = Algorithm("SEMIAUTOMATIC", "medvox")
_PALETTE = ((230, 75, 53), (77, 187, 213), (0, 160, 135), (243, 155, 127), (60, 84, 136), (240, 200, 60))


def read_segments(ds: Dataset, where: str) -> tuple[dict[int, Segment], list[Finding]]:
    """Return segments by number, background left out, and what is odd about them."""
    found: dict[int, Segment] = {}
    findings = []
    for item in ds.get("SegmentSequence") or []:
        number = item.get("SegmentNumber")
        if number is None or int(number) in found:
            text = f"Segment Number {'missing' if number is None else number} where it must be unique"
            findings.append(Finding("odd-segment", Level.WARNING, where, text, "PS3.3 C.8.20.2"))
            continue
        if int(number) != 0:
            found[int(number)] = _segment(item, int(number))
    return found, findings


def _segment(item: Dataset, number: int) -> Segment:
    kind = code_of(item, "SegmentedPropertyTypeCodeSequence")
    color = item.get("RecommendedDisplayCIELabValue")
    usable = color is not None and len(color) == 3
    return Segment(
        number=number,
        name=str(item.get("SegmentLabel") or (kind.meaning if kind else "") or f"Segment {number}"),
        category=code_of(item, "SegmentedPropertyCategoryCodeSequence"),
        kind=kind,
        color=rgb(color) if usable else _PALETTE[(number - 1) % len(_PALETTE)],
        region=code_of(item, "AnatomicRegionSequence"),
        description=str(item.get("SegmentDescription") or ""),
        algorithm=_algorithm(item),
        tracking_id=str(item.get("TrackingID") or ""),
        tracking_uid=str(item.get("TrackingUID") or "") or None,
    )


def _algorithm(item: Dataset) -> Algorithm | None:
    kind = str(item.get("SegmentAlgorithmType") or "")
    told: Any = item.get("SegmentationAlgorithmIdentificationSequence")
    if not kind and not told:
        return None
    details = told[0] if told else Dataset()
    name = str(details.get("AlgorithmName") or item.get("SegmentAlgorithmName") or "")
    version = str(details.get("AlgorithmVersion") or "")
    return Algorithm(kind, name, version, code_of(details, "AlgorithmFamilyCodeSequence"))


def segment_item(segment: Segment, number: int) -> Dataset:
    """Item of the Segment Sequence."""
    item = Dataset()
    item.SegmentNumber = number
    item.SegmentLabel = segment.name[:64]
    if segment.description:
        item.SegmentDescription = segment.description[:1024]
    item.SegmentedPropertyCategoryCodeSequence = coded(segment.category or TISSUE)
    item.SegmentedPropertyTypeCodeSequence = coded(segment.kind or TISSUE)
    if segment.region is not None:
        item.AnatomicRegionSequence = coded(segment.region)
    algorithm = segment.algorithm or UNNAMED
    item.SegmentAlgorithmType = algorithm.kind if algorithm.kind in KINDS else UNNAMED.kind
    if item.SegmentAlgorithmType != "MANUAL":  # type 1C (PS3.3 C.8.20.2)
        item.SegmentAlgorithmName = (algorithm.name or UNNAMED.name)[:64]
        if algorithm.family is not None and algorithm.name and algorithm.version:
            item.SegmentationAlgorithmIdentificationSequence = DicomSequence([_identified(algorithm)])
    item.RecommendedDisplayCIELabValue = cielab(segment.color)
    if segment.tracking_uid:
        item.TrackingID, item.TrackingUID = segment.tracking_id or segment.name[:64], segment.tracking_uid
    return item


def _identified(algorithm: Algorithm) -> Dataset:
    """Algorithm Identification macro (PS3.3 table 10-19)."""
    item = Dataset()
    assert algorithm.family is not None
    item.AlgorithmFamilyCodeSequence = coded(algorithm.family)
    item.AlgorithmName, item.AlgorithmVersion = algorithm.name[:64], algorithm.version[:64]
    return item


def background_item() -> Dataset:
    """Item 0 of a label map: what is no segment (PS3.3 C.8.20.4)."""
    background = Code("125040", "DCM", "Background")
    return segment_item(Segment(0, "Background", category=background, kind=background, color=(0, 0, 0)), 0)
