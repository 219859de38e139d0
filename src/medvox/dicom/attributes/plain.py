"""Attributes for analysis, as written into JSON sidecars: nothing that tells who the patient is.

Keys and units follow the BIDS specification (MRI and PET metadata; seconds, tesla, degrees) where it
has one, as dcm2niix writes them; others are DICOM keywords in DICOM units. Only what is listed here is
ever read: no name, ID, UID, date, time of day, institution, station, serial number, operator or comment.
Series Description and Protocol Name are free text, which PS3.15 E.1 removes; they stay since files are
named after them, and whoever writes them takes the patient's name out (`medvox.workflows.names`).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmread

from medvox.core.errors import FormatError, MedvoxError
from medvox.formats.remote.mirror import opened

Value = str | float | int | list[Any]

_TEXTS = (
    "Modality", "Manufacturer", "ManufacturerModelName", "BodyPartExamined", "PatientPosition",
    "SeriesDescription", "ProtocolName", "ScanningSequence", "SequenceVariant", "ScanOptions",
    "SequenceName", "MRAcquisitionType", "SoftwareVersions", "ConvolutionKernel", "ImageType",
    "InPlanePhaseEncodingDirection", "ContrastBolusAgent", "Units", "DecayCorrection",
    "AttenuationCorrectionMethod", "ReconstructionMethod", "CorrectedImage", "ViewPosition",
    "ReceiveCoilName", "PartialFourierDirection", "ParallelAcquisitionTechnique", "PulseSequenceName",
)  # fmt: skip
_NUMBERS = (
    "SeriesNumber", "AcquisitionNumber", "MagneticFieldStrength", "ImagingFrequency", "FlipAngle",
    "EchoTrainLength", "PixelBandwidth", "SliceThickness", "SpacingBetweenSlices", "PercentSampling",
    "PercentPhaseFieldOfView", "NumberOfAverages", "SAR", "KVP", "XRayTubeCurrent", "Exposure",
    "GantryDetectorTilt", "DataCollectionDiameter", "ReconstructionDiameter", "SpiralPitchFactor",
    "ParallelReductionFactorOutOfPlane", "NumberOfKSpaceTrajectories", "NumberOfPhaseEncodingSteps",
    "MRAcquisitionFrequencyEncodingSteps", "MRAcquisitionPhaseEncodingStepsOutOfPlane",
)  # fmt: skip
_IDENTITY = (
    "InstitutionName", "InstitutionalDepartmentName", "InstitutionAddress", "DeviceSerialNumber",
    "StationName", "StudyDescription", "PerformedProcedureStepDescription",
)  # fmt: skip
"""Texts that tell where and for whom the image was made: on request only."""
_KEYS = {
    "ManufacturerModelName": "ManufacturersModelName",
    "BodyPartExamined": "BodyPart",
    "InPlanePhaseEncodingDirection": "InPlanePhaseEncodingDirectionDICOM",
    "PercentPhaseFieldOfView": "PercentPhaseFOV",
    "ReceiveCoilName": "CoilString",
    "PulseSequenceName": "SequenceName",
    "NumberOfPhaseEncodingSteps": "PhaseEncodingSteps",
    "MRAcquisitionFrequencyEncodingSteps": "FrequencyEncodingSteps",
    "MRAcquisitionPhaseEncodingStepsOutOfPlane": "PhaseEncodingStepsOutOfPlane",
    "PerformedProcedureStepDescription": "ProcedureStepDescription",
}
"""Keys of BIDS or dcm2niix that are not the DICOM keyword."""
_MANUFACTURERS = {"SIEMENS": "Siemens", "PHILIPS": "Philips", "GE": "GE", "UIH": "UIH", "CANON": "Canon"}
_IN_FRAMES = {
    "MRAcquisitionPhaseEncodingStepsInPlane": "NumberOfPhaseEncodingSteps",
    "EffectiveEchoTime": "EchoTime",
    "FrameType": "ImageType",
    "InversionTimes": "InversionTime",
}
"""Keywords of functional groups that stand for one of a classic image."""
_SECONDS = {
    "RepetitionTime": "RepetitionTime",
    "EchoTime": "EchoTime",
    "InversionTime": "InversionTime",
    "ExposureTime": "ExposureTime",
}
_RADIO = {
    "RadionuclideHalfLife": "RadionuclideHalfLife",
    "RadionuclidePositronFraction": "RadionuclidePositronFraction",
    "RadionuclideTotalDose": "InjectedRadioactivity",
}


def analysis_attributes(file: str | Path, frame: int = 1, *, identity: bool = False) -> Mapping[str, Value]:
    """Attributes of an instance that analysis needs.

    Parameters
    ----------
    frame
        Frame number, from 1, whose functional groups count.
    identity
        Whether to add where, on which device and when the image was made.

    Raises
    ------
    FormatError
        If the file cannot be read.
    """
    try:
        with warnings.catch_warnings(), opened(file) as stream:
            warnings.simplefilter("ignore")  # pydicom's, of odd values: what cannot be read is absent
            data = dcmread(stream, stop_before_pixels=True, force=True)
            found = attributes_of(data, frame)
            return found | _identity(data) if identity else found
    except MedvoxError:
        raise
    except Exception as error:  # values are converted late, with errors of many classes
        raise FormatError("header cannot be read", where=Path(file).name) from error


def attributes_of(data: Dataset, frame: int = 1) -> dict[str, Value]:
    """Attributes of a data set that analysis needs, those that are there.

    Parameters
    ----------
    frame
        Frame number, from 1, whose functional groups count.
    """
    values = {k: data.get(k) for k in (*_TEXTS, *_NUMBERS, *_SECONDS)} | _of_frame(data, frame)
    found: dict[str, Value] = {}
    for keyword in _TEXTS:
        value = values[keyword]
        if value not in (None, ""):
            found[_KEYS.get(keyword, keyword)] = _as_text(keyword, value)
    for keyword in _NUMBERS:
        number = _number(values[keyword])
        if number is not None:
            found[_KEYS.get(keyword, keyword)] = int(number) if number == int(number) else number
    for keyword, key in _SECONDS.items():
        number = _number(values[keyword])
        if number:  # 0 is written for what does not apply
            found[key] = number / 1000
    orientation = _orientation(data, frame)
    if orientation:
        found["ImageOrientationPatientDICOM"] = orientation
    found.update(_radiopharmaceutical(data))
    return found


def _identity(data: Dataset) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for keyword in _IDENTITY:
        value = data.get(keyword)
        if value not in (None, ""):
            found[_KEYS.get(keyword, keyword)] = _as_text(keyword, value)
    clock = str(data.get("AcquisitionTime") or "") or str(data.get("AcquisitionDateTime") or "")[8:]
    if len(clock) >= 6 and clock[:6].isdigit():
        fraction = clock[7:13].ljust(6, "0")
        found["AcquisitionTime"] = f"{clock[:2]}:{clock[2:4]}:{clock[4:6]}.{fraction}"
    return found


def _as_text(keyword: str, value: Any) -> Value:
    """One text; several values with backslashes between, Image Type as a list, makers by their short name."""
    parts = [str(value)] if isinstance(value, str) or not hasattr(value, "__iter__") else [*map(str, value)]
    if keyword == "ImageType":
        return list(parts)
    if keyword == "InPlanePhaseEncodingDirection":  # COLUMN where the image is enhanced (PS3.3 C.8.13.5.3)
        return "COL" if parts[0] == "COLUMN" else parts[0]
    text = "\\".join(parts)
    if keyword == "Manufacturer":
        return next((name for start, name in _MANUFACTURERS.items() if text.upper().startswith(start)), text)
    return text


def _of_frame(data: Dataset, frame: int) -> dict[str, Any]:
    """Values that the functional groups of a frame, else the shared ones, give (PS3.3 C.7.6.16)."""
    own = data.get("PerFrameFunctionalGroupsSequence") or []
    groups = [*(data.get("SharedFunctionalGroupsSequence") or [])[:1], *own[frame - 1 : frame]]
    found: dict[str, Any] = {}
    wanted = {*_TEXTS, *_NUMBERS, *_SECONDS}
    for element in (element for group in groups for element in group):
        if element.VR != "SQ" or not element.value or element.tag.is_private:
            continue  # Philips' (2005,140F) holds public attributes that shadow those of the frame
        for part in element.value[0]:
            keyword = _IN_FRAMES.get(part.keyword, part.keyword)
            if keyword in wanted and part.value not in (None, ""):
                many = keyword == "InversionTime" and not isinstance(part.value, float | int | str)
                found[keyword] = part.value[0] if many else part.value
    return found


def _orientation(data: Dataset, frame: int) -> list[Any]:
    """Direction cosines of a row and a column, of the frame, else of all (PS3.3 C.7.6.2.1.1)."""
    own = list(data.get("PerFrameFunctionalGroupsSequence") or [])[frame - 1 : frame]
    for group in (*own, *list(data.get("SharedFunctionalGroupsSequence") or [])[:1]):
        for item in group.get("PlaneOrientationSequence") or []:
            return [float(v) for v in item.get("ImageOrientationPatient") or []]
    return [float(v) for v in data.get("ImageOrientationPatient") or []]


def _radiopharmaceutical(data: Dataset) -> dict[str, Value]:
    items = data.get("RadiopharmaceuticalInformationSequence")
    if not items:
        return {}
    found: dict[str, Value] = {}
    name = items[0].get("Radiopharmaceutical")
    if name:
        found["TracerName"] = str(name)
    for keyword, key in _RADIO.items():
        number = _number(items[0].get(keyword))
        if number is not None:
            found[key] = number
    return found


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
