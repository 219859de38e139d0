"""Modules of enhanced and legacy converted enhanced images (PS3.3 C.8.15.2, C.8.13.1, C.8.22)."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from medvox.core.errors import UnsupportedError
from medvox.core.labels import Code
from medvox.dicom.writing import keywords, storage, units
from medvox.dicom.writing.modules import coded
from medvox.dicom.writing.options import DicomKind
from medvox.dicom.writing.plan import Plan
from medvox.dicom.writing.series_header import copy
from medvox.dicom.writing.source import Reference, distinct

_COMMON = ("PixelPresentation", "VolumetricProperties", "VolumeBasedCalculationTechnique")
FRAME_TYPES = {
    "CT": ("CTImageFrameTypeSequence", _COMMON),
    "MR": ("MRImageFrameTypeSequence", (*_COMMON, "ComplexImageComponent", "AcquisitionContrast")),
    "PT": ("PETFrameTypeSequence", _COMMON),
}
"""Frame type macro of each modality, and what it repeats of the image (PS3.3 C.8.13.5.1, C.8.15.3.1)."""
COMPONENTS = ("magnitude", "phase", "real", "imaginary")
"""Complex Image Component (PS3.3 C.8.13.3.1.1), as `Volume.meaning` has it."""


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
    if plan.kind is not DicomKind.LEGACY_ENHANCED:  # that one says its Conversion Source
        _evidence(ds, plan)
    unknown = [] if _known_region(plan) else ["AnatomicRegionSequence (entire body)"]
    if plan.storage is storage.ENHANCED_CT and irradiation_event(plan) is None:
        unknown.append("IrradiationEventUID (a new one)")
    if plan.modality == "MR":
        unknown += _mr(ds, plan)
    if plan.storage is storage.ENHANCED_PET:
        _pet(ds, plan)
    if plan.storage is storage.LEGACY_PET:
        ds.Units, suv = units.pet_units(plan.volume.unit)
        if suv:
            ds.SUVType = suv
    return unknown


def _mr(ds: Dataset, plan: Plan) -> list[str]:
    """Enhanced MR Image (PS3.3 C.8.13.1, C.8.13.3)."""
    component = next((word for word in COMPONENTS if word in plan.volume.meaning), None)
    source = plan.source.template if plan.source is not None else Dataset()
    neutral = {"AcquisitionContrast": "UNKNOWN", "ApplicableSafetyStandardAgency": "UNKNOWN"}
    copy(source, ds, ("ComplexImageComponent", *neutral, "MagneticFieldStrength"))
    if component is not None or "ComplexImageComponent" not in ds:
        ds.ComplexImageComponent = (component or "magnitude").upper()
    unknown = [keyword for keyword in neutral if keyword not in ds]
    for keyword in unknown:
        setattr(ds, keyword, neutral[keyword])
    if component is None and "ComplexImageComponent" not in source:
        unknown.append("ComplexImageComponent (magnitude)")
    return [keyword for keyword in unknown if keyword.partition(" ")[0] not in plan.options.attributes]


def _known_region(plan: Plan) -> DicomSequence | None:
    if "AnatomicRegionSequence" in plan.options.attributes:
        return DicomSequence(plan.options.attributes["AnatomicRegionSequence"])
    source = plan.source.template if plan.source is not None else Dataset()
    found = source.get("AnatomicRegionSequence")
    if not found:
        shared = source.get("SharedFunctionalGroupsSequence") or [Dataset()]
        anatomy = shared[0].get("FrameAnatomySequence") or [Dataset()]
        found = anatomy[0].get("AnatomicRegionSequence")
    return found or None


def anatomic_region(plan: Plan) -> DicomSequence:
    """Region by the options or the source; the entire body where neither tells."""
    return _known_region(plan) or coded(Code("38266002", "SCT", "Entire Body"))


def irradiation_event(plan: Plan) -> str | None:
    """Irradiation Event UID by the options or the source."""
    source = plan.source.template if plan.source is not None else Dataset()
    found = plan.options.attributes.get("IrradiationEventUID") or source.get("IrradiationEventUID")
    return str(found) if isinstance(found, str) else None


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
