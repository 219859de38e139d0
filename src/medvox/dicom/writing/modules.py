"""Fill the modules of a dataset from typed facts (PS3.3); the pixels are the writer's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from medvox.core.errors import UsageError
from medvox.core.labels import Code
from medvox.dicom.writing.facts import (
    CtFacts,
    MrFacts,
    PetFacts,
    SeriesFacts,
    UltrasoundFacts,
    XrayFacts,
)

SOP_CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
    "DX": "1.2.840.10008.5.1.4.1.1.1.1",
    "US": "1.2.840.10008.5.1.4.1.1.3.1",
}
"""Storage SOP classes written here (PS3.4 B.5); US is the multi-frame one."""


def da(moment: datetime) -> str:
    """DICOM date."""
    return moment.strftime("%Y%m%d")


def tm(moment: datetime) -> str:
    """DICOM time, with microseconds."""
    return moment.strftime("%H%M%S.%f")


def decimal(value: float) -> str:
    """Decimal string of at most 16 characters (PS3.5 6.2), as exact as fits."""
    for digits in range(16, 0, -1):
        text = f"{value:.{digits}g}"
        if len(text) <= 16:
            return text
    raise UsageError("a number does not fit a decimal string", got=value)


def decimals(values: Any) -> list[str]:
    """Several decimal strings."""
    return [decimal(float(v)) for v in values]


def coded(code: Code) -> Sequence:
    """Code sequence of one item (PS3.3 8.8)."""
    item = Dataset()
    item.CodeValue = code.value
    item.CodingSchemeDesignator = code.scheme
    item.CodeMeaning = code.meaning
    return Sequence([item])


def common(facts: SeriesFacts) -> Dataset:
    """Patient, study, series, equipment and frame of reference modules, as in every instance."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = SOP_CLASSES[facts.modality]
    ds.Modality = facts.modality
    ds.ImageType = list(facts.image_type)
    _patient(ds, facts)
    study = facts.study
    ds.StudyInstanceUID = study.uid
    ds.StudyDate, ds.StudyTime = da(study.started), tm(study.started)
    ds.StudyID, ds.AccessionNumber = study.study_id, study.accession_number
    ds.StudyDescription, ds.ReferringPhysicianName = study.description, ""
    ds.SeriesInstanceUID, ds.SeriesNumber = facts.uid, facts.number
    ds.SeriesDescription = facts.description
    ds.SeriesDate, ds.SeriesTime = da(facts.acquired), tm(facts.acquired)
    ds.ImageComments = facts.comments
    if facts.protocol:
        ds.ProtocolName = facts.protocol
    if facts.body_part:
        ds.BodyPartExamined = facts.body_part
    equipment = facts.equipment
    ds.Manufacturer, ds.ManufacturerModelName = equipment.manufacturer, equipment.model
    ds.StationName, ds.SoftwareVersions = equipment.station, equipment.software
    ds.DeviceSerialNumber = equipment.serial_number
    if facts.frame_of_reference_uid:
        ds.FrameOfReferenceUID = facts.frame_of_reference_uid
        ds.PositionReferenceIndicator = ""
        if facts.modality != "PT":  # PET says it in coded form (PS3.3 C.8.4.6)
            ds.PatientPosition = facts.patient_position
    return ds


def _patient(ds: Dataset, facts: SeriesFacts) -> None:
    patient = facts.patient
    ds.PatientName, ds.PatientID, ds.PatientSex = patient.name, patient.patient_id, patient.sex
    ds.PatientBirthDate = "" if patient.birth_date is None else patient.birth_date.strftime("%Y%m%d")
    if patient.age_years is not None:
        ds.PatientAge = f"{patient.age_years:03d}Y"
    if patient.weight_kg is not None:
        ds.PatientWeight = decimal(patient.weight_kg)
    if patient.height_m is not None:
        ds.PatientSize = decimal(patient.height_m)
    if patient.comments:
        ds.PatientComments = patient.comments


def times(ds: Dataset, moment: datetime) -> None:
    """Acquisition and content time of an instance."""
    ds.AcquisitionDate = ds.ContentDate = da(moment)
    ds.AcquisitionTime = ds.ContentTime = tm(moment)


def windows(ds: Dataset, facts: SeriesFacts) -> None:
    """VOI windows (PS3.3 C.11.2)."""
    if facts.windows:
        ds.WindowCenter = decimals(w[0] for w in facts.windows)
        ds.WindowWidth = decimals(w[1] for w in facts.windows)
        ds.WindowCenterWidthExplanation = [w[2] for w in facts.windows]


def _ct(ds: Dataset, facts: SeriesFacts, details: CtFacts) -> None:
    ds.KVP = decimal(details.kvp)
    ds.XRayTubeCurrent, ds.ExposureTime = details.tube_current_ma, details.exposure_ms
    ds.Exposure = details.tube_current_ma * details.exposure_ms // 1000
    ds.ConvolutionKernel = details.kernel
    ds.AcquisitionNumber = 1
    ds.RescaleType = "HU"
    if details.contrast_agent:
        ds.ContrastBolusAgent = details.contrast_agent


def _mr(ds: Dataset, facts: SeriesFacts, details: MrFacts) -> None:
    ds.ScanningSequence, ds.SequenceVariant = details.sequence.split("\\"), details.variant.split("\\")
    ds.ScanOptions = ""
    ds.MRAcquisitionType = details.acquisition
    ds.RepetitionTime, ds.EchoTime = decimal(details.repetition_ms), decimal(details.echo_ms)
    ds.EchoTrainLength, ds.EchoNumbers = 1, 1
    if details.inversion_ms is not None:
        ds.InversionTime = decimal(details.inversion_ms)
    ds.FlipAngle = decimal(details.flip_deg)
    ds.MagneticFieldStrength = decimal(details.field_t)
    ds.ImagedNucleus, ds.ImagingFrequency = "1H", decimal(42.577478518 * details.field_t)
    ds.NumberOfAverages = "1"
    ds.AcquisitionNumber = 1
    if details.contrast_agent:
        ds.ContrastBolusAgent = details.contrast_agent


def _pt(ds: Dataset, facts: SeriesFacts, details: PetFacts) -> None:
    ds.Units, ds.CountsSource, ds.SeriesType = "BQML", "EMISSION", ["WHOLE BODY", "IMAGE"]
    ds.DecayCorrection = "START"
    ds.CorrectedImage = ["DECY", "ATTN", "SCAT", "DTIM", "RAN", "NORM"]
    ds.CollimatorType, ds.ReconstructionMethod = "NONE", "SIMULATED"
    ds.AttenuationCorrectionMethod = "CT"
    ds.NumberOfSlices = 0
    ds.AcquisitionNumber = 1
    ds.FrameReferenceTime, ds.ActualFrameDuration = "0", str(round(details.frame_s * 1000))
    ds.DecayFactor = "1"
    drug = Dataset()
    drug.Radiopharmaceutical = details.pharmaceutical.meaning
    drug.RadiopharmaceuticalStartTime = tm(details.injected)
    drug.RadiopharmaceuticalStartDateTime = details.injected.strftime("%Y%m%d%H%M%S.%f")
    drug.RadionuclideTotalDose = decimal(details.injected_bq)
    drug.RadionuclideHalfLife = decimal(details.half_life_s)
    drug.RadionuclidePositronFraction = decimal(details.positron_fraction)
    drug.RadionuclideCodeSequence = coded(details.nuclide)
    drug.RadiopharmaceuticalCodeSequence = coded(details.pharmaceutical)
    ds.RadiopharmaceuticalInformationSequence = Sequence([drug])
    ds.PatientOrientationCodeSequence = coded(Code("102538003", "SCT", "recumbent"))
    ds.PatientOrientationCodeSequence[0].PatientOrientationModifierCodeSequence = coded(
        Code("40199007", "SCT", "supine")
    )
    ds.PatientGantryRelationshipCodeSequence = coded(Code("102540008", "SCT", "headfirst"))


def _dx(ds: Dataset, facts: SeriesFacts, details: XrayFacts) -> None:
    ds.PresentationIntentType = "FOR PRESENTATION"
    ds.ViewPosition = details.view
    ds.PatientOrientation = list(details.patient_orientation)
    ds.ImageLaterality = "U"
    ds.AnatomicRegionSequence = coded(details.region)
    ds.ViewCodeSequence = coded(details.view_code)
    ds.ViewCodeSequence[0].ViewModifierCodeSequence = Sequence([])
    ds.AcquisitionContextSequence = Sequence([])
    ds.DistanceSourceToDetector = decimal(details.source_to_detector_mm)
    ds.EstimatedRadiographicMagnificationFactor = decimal(details.magnification)
    ds.PositionerType = ""
    ds.DetectorType, ds.DetectorConfiguration = "DIRECT", "AREA"
    ds.PixelIntensityRelationship, ds.PixelIntensityRelationshipSign = "LOG", -1
    ds.RescaleType = "US"
    ds.PresentationLUTShape = "IDENTITY"
    ds.LossyImageCompression, ds.BurnedInAnnotation = "00", "NO"
    ds.AcquisitionNumber = 1


def _us(ds: Dataset, facts: SeriesFacts, details: UltrasoundFacts) -> None:
    ds.FrameTime = decimal(details.frame_ms)
    ds.CineRate = ds.RecommendedDisplayFrameRate = round(1000 / details.frame_ms)
    ds.PatientOrientation = ""
    ds.TransducerType = details.transducer
    regions = [_us_region(details.region, details.spacing_mm, 1)]
    if details.color_region is not None:
        regions.append(_us_region(details.color_region, details.spacing_mm, 2))
    ds.SequenceOfUltrasoundRegions = Sequence(regions)
    ds.BurnedInAnnotation = "NO"
    ds.UltrasoundColorDataPresent = 1 if details.color_region is not None else 0


def _us_region(box: tuple[int, int, int, int], spacing_mm: float, data_type: int) -> Dataset:
    """Calibrated region (PS3.3 C.8.5.5): 2D, tissue (1) or colour flow (2), cm."""
    region = Dataset()
    region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = 1, data_type, 0
    region.RegionLocationMinX0, region.RegionLocationMinY0 = box[0], box[1]
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = box[2], box[3]
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX = region.PhysicalDeltaY = spacing_mm / 10
    return region


def modality(ds: Dataset, facts: SeriesFacts) -> None:
    """Fill the modules of the modality.

    Raises
    ------
    UsageError
        If the details are those of another modality.
    """
    fill: dict[str, tuple[type, Callable[..., None]]] = {
        "CT": (CtFacts, _ct),
        "MR": (MrFacts, _mr),
        "PT": (PetFacts, _pt),
        "DX": (XrayFacts, _dx),
        "US": (UltrasoundFacts, _us),
    }
    kind, write = fill[facts.modality]
    if not isinstance(facts.details, kind):
        raise UsageError(
            "the facts are of another modality",
            where=facts.modality,
            got=type(facts.details).__name__,
            expected=kind.__name__,
        )
    write(ds, facts, facts.details)


def actual_frame_time(facts: SeriesFacts, seconds: float) -> datetime:
    """When a time point began."""
    return facts.acquired + timedelta(seconds=seconds)
