"""Modules of enhanced and legacy converted enhanced images (PS3.3 C.8.15.2, C.8.13.1, C.8.22)."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from medvox.core.errors import UnsupportedError
from medvox.dicom.writing import keywords, storage
from medvox.dicom.writing.plan import Plan
from medvox.dicom.writing.series_header import copy
from medvox.dicom.writing.source import Reference, distinct


def enhanced_header(ds: Dataset, plan: Plan) -> list[str]:
    """Fill the modules of an enhanced image.

    Returns
    -------
    list of str
        Required attributes of which nothing was known.

    Raises
    ------
    UnsupportedError
        If enhanced PET lacks what only the scanner knows.
    """
    ds.PixelPresentation, ds.VolumetricProperties = "MONOCHROME", "VOLUME"
    ds.VolumeBasedCalculationTechnique = "NONE"
    ds.ContentQualification = "RESEARCH"
    ds.PresentationLUTShape = "IDENTITY"
    ds.AcquisitionContextSequence = DicomSequence()
    _evidence(ds, plan)
    if plan.storage is storage.ENHANCED_PET:
        _pet(ds, plan)
    return []


def _pet(ds: Dataset, plan: Plan) -> None:
    if plan.source is not None:
        copy(plan.source.template, ds, keywords.ENHANCED_PET)
    missing = [k for k in keywords.ENHANCED_PET_REQUIRED if k not in ds and k not in plan.options.attributes]
    if missing:
        raise UnsupportedError(
            "enhanced PET requires what only the scanner knows",
            got=f"nothing on {', '.join(missing)}",
            advice="Name an enhanced PET source, give them as attributes, or write kind 'classic' (a folder) "
            "or 'legacy-enhanced' (with the classic source)",
        )


def _evidence(ds: Dataset, plan: Plan) -> None:
    """Source Image Evidence Sequence (PS3.3 C.8.13.1): every instance that frames reference."""
    references = distinct(plan.references)
    if not references:
        return
    series: dict[tuple[str, str], list[Reference]] = {}
    for one in references:
        series.setdefault((one.study_uid, one.series_uid), []).append(one)
    studies: dict[str, Dataset] = {}
    for (study_uid, series_uid), members in series.items():
        study = studies.setdefault(study_uid, Dataset())
        study.StudyInstanceUID = study_uid
        entry = Dataset()
        entry.SeriesInstanceUID = series_uid
        entry.ReferencedSOPSequence = DicomSequence([_instance(m) for m in members])
        study.ReferencedSeriesSequence = DicomSequence([*study.get("ReferencedSeriesSequence", []), entry])
    ds.SourceImageEvidenceSequence = DicomSequence(list(studies.values()))


def _instance(reference: Reference) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = reference.sop_class_uid
    item.ReferencedSOPInstanceUID = reference.sop_instance_uid
    return item
