"""Encapsulated STL, OBJ and MTL (PS3.3 A.85.1, C.24.2, C.35.1): a surface model as a document of a study."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from os import PathLike
from pathlib import Path

from pydicom.sequence import Sequence as DicomSequence

from medvox.core.errors import UsageError
from medvox.core.labels import Code
from medvox.core.volume import Volume
from medvox.dicom.objects import saving
from medvox.dicom.objects.codes import code_of
from medvox.dicom.objects.pieces import decoding
from medvox.dicom.objects.referring import instance_item, reference_of, series_items
from medvox.dicom.objects.sources import find_sources
from medvox.dicom.objects.subject import ObjectOptions, begin
from medvox.dicom.writing.modules import coded
from medvox.dicom.writing.options import Source
from medvox.dicom.writing.source import Reference
from medvox.formats.base import WriteReport

_CLASSES = "1.2.840.10008.5.1.4.1.1.104."
MILLIMETER = Code("mm", "UCUM", "mm")
MODEL = Code("85040-4", "LN", "CAD 3D model")
_STL_HEAD, _STL_FACE = 84, 50


class ModelKind(StrEnum):
    """What is encapsulated."""

    STL = "stl"
    """Binary STL: the standard allows no other (PS3.3 C.24.2)."""
    OBJ = "obj"
    MTL = "mtl"

    @property
    def sop_class_uid(self) -> str:
        """Storage class."""
        return _CLASSES + {"stl": "3", "obj": "4", "mtl": "5"}[self.value]

    @property
    def mime_type(self) -> str:
        """MIME Type of Encapsulated Document."""
        return f"model/{self.value}"


@dataclass(frozen=True, slots=True)
class EncapsulatedModel:
    """A model file inside DICOM.

    Parameters
    ----------
    data
        The file's bytes.
    kind
        STL, OBJ or MTL.
    title
        Document Title.
    unit
        What one unit of its coordinates is; (mm, UCUM).
    frame_of_reference
        Frame of Reference UID of its coordinates (LPS), or None.
    modified, mirrored
        Whether it differs from what was imaged, by intent or by mirroring.
    references
        What it was made from.
    """

    data: bytes
    kind: ModelKind
    title: str = ""
    unit: Code = MILLIMETER
    frame_of_reference: str | None = None
    modified: bool = False
    mirrored: bool = False
    references: tuple[Reference, ...] = ()


def write_encapsulated_model(
    model: EncapsulatedModel,
    path: str | PathLike[str],
    source: Volume | Source | None = None,
    options: ObjectOptions | None = None,
) -> WriteReport:
    """Write a model as a DICOM object; the file appears complete or not at all.

    Parameters
    ----------
    model
        Coordinates in LPS of the frame of reference.
    source
        Images that it was made from: patient, study and frame of reference are taken from them.

    Raises
    ------
    UsageError
        If the bytes are no binary STL where they are said to be, or there are none.
    WriteError, AccessError
        If the system refuses.
    """
    options = options or ObjectOptions()
    _check(model)
    sources = find_sources(source)
    made = begin(model.kind.sop_class_uid, "M3D", sources.images if sources else None, options)
    ds = made.dataset
    theirs = sources.images.frame_of_reference if sources else None
    ds.FrameOfReferenceUID = model.frame_of_reference or theirs or made.uids.new("frame of reference")
    ds.PositionReferenceIndicator = ""
    ds.AcquisitionDateTime, ds.BurnedInAnnotation = "", "NO"
    ds.DocumentTitle = model.title
    ds.ConceptNameCodeSequence = coded(MODEL)
    ds.MIMETypeOfEncapsulatedDocument = model.kind.mime_type
    ds.EncapsulatedDocument = model.data + b"\0" * (len(model.data) % 2)
    ds.EncapsulatedDocumentLength = len(model.data)
    ds.MeasurementUnitsCodeSequence = coded(model.unit)
    if model.kind is not ModelKind.MTL:
        ds.ModelModification = "YES" if model.modified else "NO"
        ds.ModelMirroring = "YES" if model.mirrored else "NO"
    references = model.references or (sources.references if sources else ())
    if references:
        ds.SourceInstanceSequence = DicomSequence([instance_item(one) for one in references])
        own = [one for one in references if one.series_uid]
        if own:
            ds.ReferencedSeriesSequence = series_items(own, "ReferencedInstanceSequence")
    saving.save(made.finish(options), Path(path))
    notes = () if sources else ("no source image is known: patient and study are empty",)
    return WriteReport((Path(path),), (), notes)


def _check(model: EncapsulatedModel) -> None:
    if not model.data:
        raise UsageError("the model is empty")
    if model.kind is ModelKind.STL:
        count = int.from_bytes(model.data[80:84], "little")
        if len(model.data) != _STL_HEAD + _STL_FACE * count:
            raise UsageError(
                "only binary STL can be encapsulated (PS3.3 C.24.2)",
                got=f"{len(model.data)} bytes",
                expected=f"{_STL_HEAD + _STL_FACE * count} for {count} triangles",
                advice="Write the model as binary STL",
            )


def read_encapsulated_model(path: str | PathLike[str]) -> EncapsulatedModel:
    """Read the model file out of a DICOM object.

    Raises
    ------
    UnsupportedError
        If it is another object.
    """
    kinds = {kind.sop_class_uid: kind for kind in ModelKind}
    ds = saving.read(Path(path), *kinds)
    with decoding(Path(path).name):
        data = bytes(ds.get("EncapsulatedDocument") or b"")
        length = ds.get("EncapsulatedDocumentLength")
        study = str(ds.get("StudyInstanceUID") or "")
        places = {
            str(i.get("ReferencedSOPInstanceUID")): (study, str(s.get("SeriesInstanceUID") or ""))
            for s in ds.get("ReferencedSeriesSequence") or []
            for i in s.get("ReferencedInstanceSequence") or []
        }
        references = [reference_of(i, places) for i in ds.get("SourceInstanceSequence") or []]
        return EncapsulatedModel(
            data[: int(length)] if length else data,
            kinds[str(ds.SOPClassUID)],
            str(ds.get("DocumentTitle") or ""),
            code_of(ds, "MeasurementUnitsCodeSequence") or MILLIMETER,
            str(ds.get("FrameOfReferenceUID") or "") or None,
            ds.get("ModelModification") == "YES",
            ds.get("ModelMirroring") == "YES",
            tuple(one for one in references if one is not None),
        )
