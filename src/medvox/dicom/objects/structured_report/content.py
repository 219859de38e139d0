"""Content items of structured reports (PS3.3 C.17.3), made and read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from medvox.core.labels import Code
from medvox.dicom.objects.codes import code_of
from medvox.dicom.objects.referring import instance_item
from medvox.dicom.objects.structured_report.report import Shape
from medvox.dicom.writing.modules import coded, decimal
from medvox.dicom.writing.source import Reference


def dcm(value: str, meaning: str) -> Code:
    """Code of the DICOM Controlled Terminology (PS3.16 annex D)."""
    return Code(value, "DCM", meaning)


CONTAINS, HAS_CONTEXT, HAS_MODIFIER, INFERRED = (
    "CONTAINS",
    "HAS OBS CONTEXT",
    "HAS CONCEPT MOD",
    "INFERRED FROM",
)
HAS_PROPERTIES, SELECTED = "HAS PROPERTIES", "SELECTED FROM"


def item(relation: str, kind: str, name: Code | None, children: Iterable[Dataset] = ()) -> Dataset:
    """Content item without a value."""
    ds = Dataset()
    ds.RelationshipType, ds.ValueType = relation, kind
    if name is not None:
        ds.ConceptNameCodeSequence = coded(name)
    below = list(children)
    if below:
        ds.ContentSequence = DicomSequence(below)
    return ds


def container(relation: str, name: Code, template: str, children: Iterable[Dataset]) -> Dataset:
    """CONTAINER that follows a template of PS3.16."""
    ds = item(relation, "CONTAINER", name, children)
    ds.ContinuityOfContent = "SEPARATE"
    if template:
        used = Dataset()
        used.MappingResource, used.TemplateIdentifier = "DCMR", template
        ds.ContentTemplateSequence = DicomSequence([used])
    return ds


def code_item(relation: str, name: Code, value: Code, children: Iterable[Dataset] = ()) -> Dataset:
    """CODE."""
    ds = item(relation, "CODE", name, children)
    ds.ConceptCodeSequence = coded(value)
    return ds


def text_item(relation: str, name: Code, value: str) -> Dataset:
    """TEXT."""
    ds = item(relation, "TEXT", name)
    ds.TextValue = value
    return ds


def uid_item(relation: str, name: Code, value: str) -> Dataset:
    """UIDREF."""
    ds = item(relation, "UIDREF", name)
    ds.UID = value
    return ds


def person_item(relation: str, name: Code, value: str) -> Dataset:
    """PNAME."""
    ds = item(relation, "PNAME", name)
    ds.PersonName = value
    return ds


def number_item(
    relation: str, name: Code, value: float, unit: Code, children: Iterable[Dataset] = ()
) -> Dataset:
    """NUM; the value also as a double, so that nothing is rounded (PS3.3 C.18.1)."""
    ds = item(relation, "NUM", name, children)
    measured = Dataset()
    measured.MeasurementUnitsCodeSequence = coded(unit)
    measured.NumericValue = decimal(float(value))
    if float(measured.NumericValue) != float(value):
        measured.FloatingPointValue = float(value)
    ds.MeasuredValueSequence = DicomSequence([measured])
    return ds


def image_item(relation: str, name: Code | None, reference: Reference, segment: int | None = None) -> Dataset:
    """IMAGE, or one segment of a segmentation (PS3.3 C.18.4)."""
    ds = item(relation, "IMAGE", name)
    one = instance_item(reference, frame=True)
    if segment is not None:
        one.ReferencedSegmentNumber = segment
    ds.ReferencedSOPSequence = DicomSequence([one])
    return ds


def shape_item(relation: str, name: Code | None, shape: Shape) -> Dataset:
    """SCOORD3D, or SCOORD with the image it is selected from (PS3.3 C.18.6, C.18.9)."""
    in_space = shape.image is None
    children = [] if shape.image is None else [image_item(SELECTED, None, shape.image)]
    ds = item(relation, "SCOORD3D" if in_space else "SCOORD", name, children)
    ds.GraphicType = str(shape.graphic)
    points = np.asarray(shape.points)
    if in_space and shape.graphic == "POLYGON" and not np.array_equal(points[0], points[-1]):
        points = np.concatenate([points, points[:1]])  # its end is stated (PS3.3 C.18.9.1.2)
    ds.GraphicData = [float(v) for v in points.ravel()]
    if in_space:
        ds.ReferencedFrameOfReferenceUID = shape.frame_of_reference
    return ds


# -- reading --------------------------------------------------------------------------------------


def children_of(ds: Dataset) -> list[Dataset]:
    """Items below one."""
    return list(ds.get("ContentSequence") or [])


def name_of(ds: Dataset) -> str:
    """Code value of the concept name in DCM, ``value/scheme`` in others, empty without."""
    code = code_of(ds, "ConceptNameCodeSequence")
    if code is None:
        return ""
    return code.value if code.scheme == "DCM" else f"{code.value}/{code.scheme}"


def walk(ds: Dataset) -> Iterator[Dataset]:
    """Yield an item and all below it."""
    yield ds
    for child in children_of(ds):
        yield from walk(child)


def value_of(ds: Dataset) -> Any:
    """Value of a TEXT, UIDREF, PNAME, CODE item; None of others."""
    kind = ds.get("ValueType")
    if kind == "CODE":
        return code_of(ds, "ConceptCodeSequence")
    keyword = {"TEXT": "TextValue", "UIDREF": "UID", "PNAME": "PersonName"}.get(str(kind))
    return str(ds.get(keyword) or "") if keyword else None
