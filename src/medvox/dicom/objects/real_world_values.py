"""Real World Value Mapping objects (PS3.3 A.46, C.7.6.16.2.11): what stored numbers stand for."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from medvox.core.errors import UsageError
from medvox.core.labels import Code
from medvox.core.volume import Volume
from medvox.dicom.objects import saving
from medvox.dicom.objects.codes import code_of
from medvox.dicom.objects.pieces import decoding
from medvox.dicom.objects.referring import instance_item, reference_of, series_items
from medvox.dicom.objects.sources import find_sources
from medvox.dicom.objects.subject import ObjectOptions, begin, content_identification
from medvox.dicom.writing.modules import coded
from medvox.dicom.writing.options import Source
from medvox.dicom.writing.source import Reference
from medvox.formats.base import WriteReport

REAL_WORLD_VALUES = "1.2.840.10008.5.1.4.1.1.67"
QUANTITY = Code("246205007", "SCT", "Quantity")


@dataclass(frozen=True, slots=True)
class RealWorldMap:
    """One mapping of stored numbers.

    Parameters
    ----------
    unit
        UCUM code of the values.
    slope, intercept
        value = slope · stored + intercept; with `table` not used.
    first, last
        Stored numbers that it holds for.
    label, explanation
        Short name (16 characters) and words.
    quantity
        What the values are, or None.
    table
        Value of each stored number from `first` to `last`, or empty for a line.
    """

    unit: Code
    slope: float = 1.0
    intercept: float = 0.0
    first: float = 0.0
    last: float = 65535.0
    label: str = ""
    explanation: str = ""
    quantity: Code | None = None
    table: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class RealWorldMapping:
    """Mappings, and the images each group of them is for.

    Parameters
    ----------
    groups
        Images and their mappings.
    """

    groups: tuple[tuple[tuple[Reference, ...], tuple[RealWorldMap, ...]], ...]


def mapping_item(one: RealWorldMap, *, whole: bool = True) -> Dataset:
    """Item of the Real World Value Mapping Sequence.

    Parameters
    ----------
    whole
        Whether stored numbers are whole; else limits are doubles (PS3.3 C.7.6.16.2.11.1.2).
    """
    item = Dataset()
    if whole:
        kind = "SS" if one.first < 0 or one.last < 0 else "US"
        item.add_new(0x00409216, kind, int(one.first))
        item.add_new(0x00409211, kind, int(one.last))
    else:
        item.DoubleFloatRealWorldValueFirstValueMapped = float(one.first)
        item.DoubleFloatRealWorldValueLastValueMapped = float(one.last)
    if one.table:
        item.RealWorldValueLUTData = list(one.table)
    else:
        item.RealWorldValueIntercept, item.RealWorldValueSlope = float(one.intercept), float(one.slope)
    item.LUTExplanation = one.explanation[:64] or one.unit.meaning[:64]
    item.LUTLabel = one.label[:16] or "VALUES"
    item.MeasurementUnitsCodeSequence = coded(one.unit)
    if one.quantity is not None:
        quantity = Dataset()
        quantity.ValueType = "CODE"
        quantity.ConceptNameCodeSequence = coded(QUANTITY)
        quantity.ConceptCodeSequence = coded(one.quantity)
        item.QuantityDefinitionSequence = DicomSequence([quantity])
    return item


def write_real_world_mapping(
    mapping: RealWorldMapping,
    path: str | PathLike[str],
    source: Volume | Source,
    options: ObjectOptions | None = None,
) -> WriteReport:
    """Write mappings; the file appears complete or not at all.

    Parameters
    ----------
    source
        Images whose patient and study it belongs to.

    Raises
    ------
    UsageError
        If a group has no image or no mapping, or a table does not fit its limits.
    WriteError, AccessError
        If the system refuses.
    """
    options = options or ObjectOptions()
    sources = find_sources(source)
    if sources is None or not mapping.groups or not all(images and maps for images, maps in mapping.groups):
        raise UsageError("a real-world value mapping needs images and at least one mapping for them")
    for one in (m for _, maps in mapping.groups for m in maps):
        if one.table and len(one.table) != int(one.last) - int(one.first) + 1:
            raise UsageError("the table does not fit its limits", got=len(one.table))
    made = begin(REAL_WORLD_VALUES, "RWV", sources.images, options)
    ds = made.dataset
    content_identification(ds, options, "MAPPING")
    items = []
    for group_images, maps in mapping.groups:
        group = Dataset()
        group.RealWorldValueMappingSequence = DicomSequence([mapping_item(one) for one in maps])
        group.ReferencedImageSequence = DicomSequence(
            [instance_item(one, frame=True) for one in group_images]
        )
        items.append(group)
    ds.ReferencedImageRealWorldValueMappingSequence = DicomSequence(items)
    images = [image for group_images, _ in mapping.groups for image in group_images]
    ds.ReferencedSeriesSequence = series_items(images, "ReferencedInstanceSequence")
    ds.Laterality = ""
    saving.save(made.finish(options), Path(path))
    return WriteReport((Path(path),))


def read_real_world_mapping(path: str | PathLike[str]) -> RealWorldMapping:
    """Read mappings.

    Raises
    ------
    UnsupportedError
        If it is another object.
    """
    ds = saving.read(Path(path), REAL_WORLD_VALUES)
    with decoding(Path(path).name):
        study = str(ds.get("StudyInstanceUID") or "")
        places = {
            str(i.get("ReferencedSOPInstanceUID")): (study, str(s.get("SeriesInstanceUID") or ""))
            for s in ds.get("ReferencedSeriesSequence") or []
            for i in s.get("ReferencedInstanceSequence") or []
        }
        groups = []
        for group in ds.get("ReferencedImageRealWorldValueMappingSequence") or []:
            found = (reference_of(image, places) for image in group.get("ReferencedImageSequence") or [])
            images = tuple(one for one in found if one is not None)
            maps = tuple(_map(one) for one in group.get("RealWorldValueMappingSequence") or [])
            groups.append((images, maps))
        return RealWorldMapping(tuple(groups))


def _map(item: Dataset) -> RealWorldMap:
    limits = [
        next((item.get(k) for k in (f"DoubleFloat{name}", name) if item.get(k) is not None), default)
        for name, default in (("RealWorldValueFirstValueMapped", 0), ("RealWorldValueLastValueMapped", 65535))
    ]
    quantities = item.get("QuantityDefinitionSequence")
    table = item.get("RealWorldValueLUTData")
    return RealWorldMap(
        code_of(item, "MeasurementUnitsCodeSequence") or Code("1", "UCUM", "no units"),
        float(item.get("RealWorldValueSlope") or (0 if table is not None else 1)),
        float(item.get("RealWorldValueIntercept") or 0),
        float(limits[0]),
        float(limits[1]),
        str(item.get("LUTLabel") or ""),
        str(item.get("LUTExplanation") or ""),
        code_of(quantities[0], "ConceptCodeSequence") if quantities else None,
        tuple(float(v) for v in np.atleast_1d(table)) if table is not None else (),
    )
