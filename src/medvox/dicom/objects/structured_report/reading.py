"""Read measurement reports of any vendor: groups wherever they are, what is not understood counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from os import PathLike
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from medvox.core.errors import UnsupportedError
from medvox.core.finding import Finding, Level
from medvox.core.labels import Code
from medvox.dicom.objects.codes import code_of
from medvox.dicom.objects.pieces import decoding, load
from medvox.dicom.objects.referring import reference_of
from medvox.dicom.objects.structured_report.content import children_of, name_of, value_of, walk
from medvox.dicom.objects.structured_report.report import (
    Evaluation,
    Graphic,
    Measured,
    MeasurementGroup,
    MeasurementReport,
    SegmentReference,
    Shape,
)
from medvox.dicom.writing.source import Reference

_REPORTS = "1.2.840.10008.5.1.4.1.1.88."
_GROUPS = ("125007", "126010")
_SITES = ("363698007/SCT",)
_METHODS = ("370129005/SCT",)
_DERIVATION, _UNCERTAINTY = "121401", "DISCRETIZATION95/99MEDVOX"
_LIBRARY = "111028"
_SEGMENTS = ("121191", "121214")
_CONTEXT = ("112039", "112040", "121071")


def read_measurement_report(path: str | PathLike[str]) -> MeasurementReport:
    """Read the measurements of a structured report.

    Parameters
    ----------
    path
        File of any Structured Report class; measurement groups (TID 1410, 1411, 1501) are taken wherever
        they are in the tree.

    Returns
    -------
    MeasurementReport
        `findings` counts content that is none of these.

    Raises
    ------
    UnsupportedError
        If it is no structured report.
    FormatError
        If it cannot be read.
    """
    stored = load(Path(path))
    with decoding(stored.name):
        ds = stored.dataset
        if not str(ds.get("SOPClassUID") or "").startswith(_REPORTS):
            raise UnsupportedError("this is no structured report", where=stored.name, got=ds.get("Modality"))
        return _Reader(ds, stored.name).report()


class _Reader:
    """Reads one report; knows the study and series of what it refers to."""

    def __init__(self, ds: Dataset, name: str) -> None:
        self._ds, self._name = ds, name
        self._places = evidence_places(ds)
        self._unknown: Counter[str] = Counter()

    def report(self) -> MeasurementReport:
        items = list(walk(self._ds))
        groups = tuple(self._group(item) for item in items if self._is_group(item))
        procedure = next((value_of(i) for i in children_of(self._ds) if name_of(i) == "121058"), None)
        observer = next((value_of(i) for i in children_of(self._ds) if name_of(i) == "121008"), "")
        library = [i for item in items if name_of(item) == _LIBRARY for i in walk(item)]
        images = [self._reference(i) for i in library if i.get("ValueType") == "IMAGE"]
        findings = [
            Finding(
                "report-content",
                Level.INFO,
                self._name,
                f"{count} items not understood: {what}",
                "PS3.16 TID 1500",
            )
            for what, count in sorted(self._unknown.items())
        ]
        if not groups:
            text = "The report holds no group of measurements"
            findings.append(Finding("report-content", Level.WARNING, self._name, text, "PS3.16 TID 1500"))
        return MeasurementReport(
            groups, procedure, observer or "", tuple(i for i in images if i is not None), tuple(findings)
        )

    @staticmethod
    def _is_group(item: Dataset) -> bool:
        """Whether it is a group; of old reports also a container of measurements without groups."""
        if item.get("ValueType") != "CONTAINER":
            return False
        below = children_of(item)
        return name_of(item) == _GROUPS[0] or (
            name_of(item) == _GROUPS[1] and any(i.get("ValueType") == "NUM" for i in below)
        )

    def _group(self, group: Dataset) -> MeasurementGroup:
        facts: dict[str, object] = {}
        measured, answers, images = [], [], []
        segment, region = None, None
        for item in children_of(group):
            kind, name = item.get("ValueType"), name_of(item)
            if kind == "NUM":
                number = self._number(item)
                measured += [number] if number is not None else []
            elif name in _CONTEXT or name in _SITES:
                facts[name] = value_of(item)
            elif kind == "IMAGE" and name in _SEGMENTS:
                segment = self._segment(item)
            elif kind == "IMAGE":
                images.append(self._reference(item))
            elif kind in ("SCOORD", "SCOORD3D") and region is None:
                region = self._shape(item)
            elif kind == "CODE" and item.get("RelationshipType") == "CONTAINS":
                answers.append(_answer(item))
            else:
                self._skip(item)
        return MeasurementGroup(
            str(facts.get("112039") or ""),
            tuple(measured),
            _code(facts.get("121071")),
            _code(facts.get(_SITES[0])),
            segment,
            region,
            tuple(i for i in images if i is not None),
            tuple(a for a in answers if a is not None),
            str(facts.get("112040") or "") or None,
        )

    def _skip(self, item: Dataset) -> None:
        code = code_of(item, "ConceptNameCodeSequence")
        self._unknown[f"{item.get('ValueType')} {code.meaning if code else 'without a name'}"] += 1

    def _number(self, item: Dataset) -> Measured | None:
        name = code_of(item, "ConceptNameCodeSequence")
        values = item.get("MeasuredValueSequence")
        if name is None or not values:
            self._skip(item)  # a measurement may state that there is no value (Numeric Value Qualifier)
            return None
        unit = code_of(values[0], "MeasurementUnitsCodeSequence") or Code("1", "UCUM", "no units")
        facts: dict[str, object] = {}
        shape = None
        for below in children_of(item):
            kind = below.get("ValueType")
            if kind in ("SCOORD", "SCOORD3D"):
                shape = shape or self._shape(below)
            elif kind == "NUM" and name_of(below) == _UNCERTAINTY:
                facts[_UNCERTAINTY] = _value(below.MeasuredValueSequence[0])
            else:
                facts[name_of(below)] = value_of(below)
        uncertainty = facts.get(_UNCERTAINTY)
        return Measured(
            name,
            _value(values[0]),
            unit,
            _code(facts.get(_DERIVATION)),
            _code(facts.get(_METHODS[0])),
            uncertainty if isinstance(uncertainty, float) else None,
            shape,
        )

    def _shape(self, item: Dataset) -> Shape | None:
        in_space = item.get("ValueType") == "SCOORD3D"
        image = next((self._reference(i) for i in children_of(item) if i.get("ValueType") == "IMAGE"), None)
        kind = str(item.get("GraphicType") or "")
        data = np.asarray(item.get("GraphicData") or (), np.float64).ravel()
        width = 3 if in_space else 2
        known = kind in set(Graphic)
        if not known or not len(data) or len(data) % width or (not in_space and image is None):
            self._skip(item)
            return None
        points = data.reshape(-1, width)
        if in_space and kind == "POLYGON" and len(points) > 3 and np.array_equal(points[0], points[-1]):
            points = points[:-1]
        frame = str(item.get("ReferencedFrameOfReferenceUID") or "")
        return Shape(Graphic(kind), points, frame, None if in_space else image)

    def _segment(self, item: Dataset) -> SegmentReference | None:
        reference = self._reference(item)
        numbers = item.ReferencedSOPSequence[0].get("ReferencedSegmentNumber") if reference else None
        if reference is None or numbers is None:
            self._skip(item)
            return None
        return SegmentReference(reference, int(numbers if isinstance(numbers, int) else numbers[0]))

    def _reference(self, item: Dataset) -> Reference | None:
        return image_of(item, self._places)


def image_of(item: Dataset, places: Mapping[str, tuple[str, str]]) -> Reference | None:
    """Instance or frame that an IMAGE or COMPOSITE item names; None without."""
    found = item.get("ReferencedSOPSequence")
    return reference_of(found[0], places) if found else None


def evidence_places(ds: Dataset) -> dict[str, tuple[str, str]]:
    """Study and series of each instance of the evidence (PS3.3 C.17.2)."""
    found = {}
    keywords = ("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence")
    for study in (item for keyword in keywords for item in ds.get(keyword) or []):
        for series in study.get("ReferencedSeriesSequence") or []:
            place = str(study.get("StudyInstanceUID") or ""), str(series.get("SeriesInstanceUID") or "")
            for one in series.get("ReferencedSOPSequence") or []:
                found[str(one.get("ReferencedSOPInstanceUID") or "")] = place
    return found


def _value(measured: Dataset) -> float:
    exact = measured.get("FloatingPointValue")
    return float(exact if exact is not None else measured.NumericValue)


def _code(value: object) -> Code | None:
    return value if isinstance(value, Code) else None


def _answer(item: Dataset) -> Evaluation | None:
    name, value = code_of(item, "ConceptNameCodeSequence"), value_of(item)
    return Evaluation(name, value) if name is not None and isinstance(value, Code) else None
