"""What a new object says of its subject and maker: patient, study, series, equipment (PS3.3 C.7, C.12)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from medvox.core.errors import UsageError
from medvox.core.labels import Code
from medvox.core.provenance import VERSION
from medvox.dicom.writing import keywords
from medvox.dicom.writing.modules import coded, da, tm
from medvox.dicom.writing.plan import Uids
from medvox.dicom.writing.series_header import SERIAL, apply_attributes, copy
from medvox.dicom.writing.source import SourceImages


@dataclass(frozen=True, slots=True)
class ObjectOptions:
    """How an object is written.

    Parameters
    ----------
    series_description, series_number
        Of the new series.
    content_label
        Code string of at most 16 characters, e.g. ``"SEGMENTATION"``.
    content_description
        Words on the content.
    creator
        Person who made it, as ``Family^Given``.
    uid_seed
        Makes all new UIDs depend on this text alone, which then must name the content; None: random.
    created
        When the object is made; None: now.
    attributes
        Top-level elements by keyword that replace those written.
    """

    series_description: str = ""
    series_number: int = 1
    content_label: str = ""
    content_description: str = ""
    creator: str = ""
    uid_seed: str | None = None
    created: datetime | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        label = self.content_label
        if label and (len(label) > 16 or not set(label) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_ ")):
            raise UsageError(
                "a content label is a code string", got=label, expected="at most 16 of A-Z, 0-9, _ and space"
            )


@dataclass(frozen=True, slots=True)
class Made:
    """A new object in the making.

    Parameters
    ----------
    dataset
        Elements so far.
    uids
        Makes its UIDs.
    created
        When it is made.
    """

    dataset: Dataset
    uids: Uids
    created: datetime

    def finish(self, options: ObjectOptions) -> Dataset:
        """Put the caller's elements over those written."""
        apply_attributes(self.dataset, options.attributes)
        return self.dataset


def begin(sop_class_uid: str, modality: str, source: SourceImages | None, options: ObjectOptions) -> Made:
    """Begin an object: patient and study of the source, a new series, medvox as equipment.

    Parameters
    ----------
    source
        Instances that it is about; None: patient and study are not known, their elements stay empty.
    """
    uids = Uids(options.uid_seed)
    created = options.created or datetime.now()  # noqa: DTZ005 - DICOM times are local (PS3.5 6.2)
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class_uid, uids.new("instance")
    ds.InstanceCreationDate, ds.InstanceCreationTime = da(created), tm(created)
    for keyword in keywords.EMPTY:
        setattr(ds, keyword, "")
    if source is not None:
        copy(source.template, ds, (*keywords.PATIENT, *keywords.STUDY))
        if ds.get("PatientIdentityRemoved") == "YES" and "DeidentificationMethodCodeSequence" not in ds:
            ds.setdefault("DeidentificationMethod", "not told by the source")  # type 1C (PS3.3 C.7.1.1)
    ds.StudyInstanceUID = str(source.template.StudyInstanceUID) if source else uids.new("study")
    ds.SeriesInstanceUID, ds.Modality = uids.new("series"), modality
    ds.SeriesNumber, ds.InstanceNumber = options.series_number, 1
    if options.series_description:
        ds.SeriesDescription = options.series_description[:64]
    ds.SeriesDate, ds.SeriesTime = da(created), tm(created)
    ds.ContentDate, ds.ContentTime = da(created), tm(created)
    ds.Manufacturer, ds.ManufacturerModelName = "medvox", "medvox"
    ds.SoftwareVersions, ds.DeviceSerialNumber = VERSION, SERIAL
    if source is not None and source.template.get("Manufacturer"):
        scanner = Dataset()
        scanner.PurposeOfReferenceCodeSequence = coded(Code("109101", "DCM", "Acquisition Equipment"))
        copy(source.template, scanner, keywords.EQUIPMENT)
        ds.ContributingEquipmentSequence = DicomSequence([scanner])
    return Made(ds, uids, created)


def content_identification(ds: Dataset, options: ObjectOptions, label: str) -> None:
    """Content Identification macro (PS3.3 table 10-12)."""
    ds.ContentLabel = options.content_label or label
    ds.ContentDescription = options.content_description[:64]
    ds.ContentCreatorName = options.creator
