"""Header that all instances of a written series share: patient, study, series, equipment (PS3.3 C.7)."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from medvox.core.errors import UsageError
from medvox.core.labels import Code
from medvox.core.provenance import VERSION
from medvox.dicom.writing import keywords
from medvox.dicom.writing.modules import coded, da, tm
from medvox.dicom.writing.options import DicomKind
from medvox.dicom.writing.plan import Plan
from medvox.dicom.writing.source import Reference, distinct
from medvox.dicom.writing.storage import CT, DX, MR

SERIAL = "0"
"""Device Serial Number of a program: it has none, and enhanced images must say one."""


def common_header(plan: Plan) -> Dataset:
    """Elements of all instances but those of the image itself."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = plan.storage.uid
    ds.ImageType = list(plan.storage.image_type)
    ds.InstanceCreationDate, ds.InstanceCreationTime = da(plan.created), tm(plan.created)
    for keyword in keywords.EMPTY:
        setattr(ds, keyword, "")
    if plan.source is not None:
        copy(plan.source.template, ds, (*keywords.PATIENT, *keywords.STUDY))
        if ds.get("PatientIdentityRemoved") == "YES" and "DeidentificationMethodCodeSequence" not in ds:
            ds.setdefault("DeidentificationMethod", "not told by the source")  # type 1C (PS3.3 C.7.1.1)
    ds.StudyInstanceUID, ds.SeriesInstanceUID = plan.study_uid, plan.series_uid
    _series(ds, plan)
    _equipment(ds, plan)
    if plan.frame_of_reference:
        ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = plan.frame_of_reference, ""
    _derivation(ds, plan)
    return ds


def copy(source: Dataset, target: Dataset, keywords: Iterable[str]) -> None:
    """Copy the elements that the source tells; names of persons are decoded (the character set changes)."""
    with warnings.catch_warnings():  # what the source says of its subject stays, even too long a name
        warnings.simplefilter("ignore")
        told = (keyword for keyword in keywords if keyword in source and not source[keyword].is_empty)
        for keyword in told:
            value = source[keyword].value
            setattr(target, keyword, str(value) if source[keyword].VR == "PN" and value else value)


def _series(ds: Dataset, plan: Plan) -> None:
    ds.Modality = plan.modality
    ds.SeriesNumber = plan.options.series_number
    ds.SeriesDescription = plan.options.series_description or plan.volume.label[:64]
    if not ds.SeriesDescription:
        del ds.SeriesDescription
    ds.SeriesDate, ds.SeriesTime = da(plan.created), tm(plan.created)
    if not plan.storage.is_enhanced and plan.storage is not DX:
        ds.Laterality = ""
    positioned = plan.storage.is_enhanced or plan.storage in (CT, MR)
    if positioned:
        ds.PatientPosition = ""
    if plan.source is not None:
        copy(plan.source.template, ds, (*keywords.SERIES, *(("PatientPosition",) if positioned else ())))
    if "BodyPartExamined" in ds and not ds.get("Laterality"):
        ds.pop("Laterality", None)  # required only where a paired part may have been examined (PS3.3 C.7.3.1)


def _equipment(ds: Dataset, plan: Plan) -> None:
    ds.Manufacturer, ds.ManufacturerModelName = "medvox", "medvox"
    ds.SoftwareVersions, ds.DeviceSerialNumber = VERSION, SERIAL
    if plan.source is None or not plan.source.template.get("Manufacturer"):
        return
    scanner = Dataset()
    scanner.PurposeOfReferenceCodeSequence = coded(Code("109101", "DCM", "Acquisition Equipment"))
    copy(plan.source.template, scanner, keywords.EQUIPMENT)
    ds.ContributingEquipmentSequence = DicomSequence([scanner])


def _derivation(ds: Dataset, plan: Plan) -> None:
    """Words on how the image was made (PS3.3 C.7.6.1.1.3), and the instances referenced (C.12.2)."""
    history = " > ".join(plan.volume.known_provenance.history)
    ds.DerivationDescription = f"medvox: {history or 'made'}"[:1024]
    references = distinct(plan.references)
    if not references or plan.kind is DicomKind.LEGACY_ENHANCED:  # that one says its Conversion Source
        return
    own = [r for r in references if r.study_uid == plan.study_uid]
    series: dict[str, list[Reference]] = {}
    for reference in own:
        series.setdefault(reference.series_uid, []).append(reference)
    items = []
    for uid, members in series.items():
        item = Dataset()
        item.SeriesInstanceUID = uid
        item.ReferencedInstanceSequence = DicomSequence([_instance(r) for r in members])
        items.append(item)
    ds.ReferencedSeriesSequence = DicomSequence(items)


def _instance(reference: Reference) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = reference.sop_class_uid
    item.ReferencedSOPInstanceUID = reference.sop_instance_uid
    return item


def source_image(reference: Reference) -> Dataset:
    """Item of Source Image Sequence (PS3.3 C.7.6.1): the slice was processed from it (CID 7202)."""
    item = _instance(reference)
    if reference.frame is not None:
        item.ReferencedFrameNumber = reference.frame
    item.PurposeOfReferenceCodeSequence = coded(
        Code("121322", "DCM", "Source image for image processing operation")
    )
    return item


def derivation_code() -> DicomSequence:
    """Derivation Code Sequence: a code of our own, since the history may be of any kind (CID 7203)."""
    return coded(Code("DERIVED", "99MEDVOX", "Derived as the history tells"))


def apply_attributes(ds: Dataset, attributes: Any) -> None:
    """Put the caller's elements over those written.

    Raises
    ------
    UsageError
        If a keyword is unknown, its value does not fit, or it follows from the volume.
    """
    for keyword, value in attributes.items():
        if tag_for_keyword(keyword) is None:
            raise UsageError("no such DICOM keyword", got=keyword)
        if keyword in keywords.OURS:
            raise UsageError("this element follows from the volume and cannot be replaced", got=keyword)
        try:
            setattr(ds, keyword, value)
        except (TypeError, ValueError) as error:
            raise UsageError("the value does not fit the element", where=keyword, got=str(error)) from error
