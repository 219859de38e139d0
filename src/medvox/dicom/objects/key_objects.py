"""Key Object Selection Documents (PS3.3 A.35.4, PS3.16 TID 2010): instances that someone marked."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from medvox.core.errors import UsageError
from medvox.core.labels import Code
from medvox.core.volume import Volume
from medvox.dicom.objects import saving
from medvox.dicom.objects.codes import code_of
from medvox.dicom.objects.pieces import decoding
from medvox.dicom.objects.sources import find_sources
from medvox.dicom.objects.structured_report import content as c
from medvox.dicom.objects.structured_report.reading import evidence_places, image_of
from medvox.dicom.objects.structured_report.writing import evidence
from medvox.dicom.objects.subject import ObjectOptions, begin
from medvox.dicom.writing.options import Source
from medvox.dicom.writing.source import Reference
from medvox.formats.base import WriteReport

KEY_OBJECTS = "1.2.840.10008.5.1.4.1.1.88.59"
OF_INTEREST = Code("113000", "DCM", "Of Interest")
_DESCRIPTION = c.dcm("113012", "Key Object Description")


@dataclass(frozen=True, slots=True)
class KeyObjects:
    """A selection.

    Parameters
    ----------
    references
        Instances or frames that were marked, segmentations and structure sets among them.
    title
        Why (CID 7010): (113000, DCM, "Of Interest"), (113003, DCM, "For Surgery") ...
    description
        Words.
    """

    references: tuple[Reference, ...]
    title: Code = OF_INTEREST
    description: str = ""


def write_key_objects(
    marked: KeyObjects,
    path: str | PathLike[str],
    source: Volume | Source,
    options: ObjectOptions | None = None,
) -> WriteReport:
    """Write a selection; the file appears complete or not at all.

    Parameters
    ----------
    source
        Images of the study it belongs to.

    Raises
    ------
    UsageError
        If nothing is marked, or there is no source.
    WriteError, AccessError
        If the system refuses.
    """
    options = options or ObjectOptions()
    sources = find_sources(source)
    if sources is None or not marked.references:
        raise UsageError(
            "a key object selection needs the images of a study, and at least one that is marked"
        )
    made = begin(KEY_OBJECTS, "KO", sources.images, options)
    ds = made.dataset
    ds.ReferencedPerformedProcedureStepSequence = DicomSequence()
    ds.CurrentRequestedProcedureEvidenceSequence = evidence(marked.references)
    words = [c.text_item(c.CONTAINS, _DESCRIPTION, marked.description)] if marked.description else []
    images = [_entry(one) for one in marked.references]
    root = c.container("", marked.title, "2010", [*words, *images])
    del root.RelationshipType
    ds.update(root)
    saving.save(made.finish(options), Path(path))
    return WriteReport((Path(path),))


def _entry(one: Reference) -> Dataset:
    """IMAGE for what has pixels, COMPOSITE for the rest (PS3.3 A.35.4.3.1)."""
    item = c.image_item(c.CONTAINS, None, one)
    if one.sop_class_uid.startswith(("1.2.840.10008.5.1.4.1.1.481.", "1.2.840.10008.5.1.4.1.1.88.")):
        item.ValueType = "COMPOSITE"
    return item


def read_key_objects(path: str | PathLike[str]) -> KeyObjects:
    """Read a selection.

    Raises
    ------
    UnsupportedError
        If it is another object.
    """
    ds = saving.read(Path(path), KEY_OBJECTS)
    with decoding(Path(path).name):
        places = evidence_places(ds)
        items = c.children_of(ds)
        words = next((c.value_of(i) for i in items if c.name_of(i) == _DESCRIPTION.value), "")
        found = (
            image_of(i, places) for i in items if i.get("ValueType") in ("IMAGE", "COMPOSITE", "WAVEFORM")
        )
        title = code_of(ds, "ConceptNameCodeSequence") or OF_INTEREST
        return KeyObjects(tuple(one for one in found if one is not None), title, words or "")
