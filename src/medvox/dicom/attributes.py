"""Attributes for analysis, as written into JSON sidecars: nothing that tells who the patient is.

Keys and units follow the BIDS specification (MRI and PET metadata; seconds, tesla, degrees) where it
has one, as dcm2niix writes them; others are DICOM keywords in DICOM units.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError

from medvox.core.errors import FormatError

Value = str | float | int | list[Any]

_TEXTS = (
    "Modality", "Manufacturer", "ManufacturerModelName", "BodyPartExamined", "PatientPosition",
    "SeriesDescription", "ProtocolName", "ScanningSequence", "SequenceVariant", "ScanOptions",
    "SequenceName", "MRAcquisitionType", "SoftwareVersions", "ConvolutionKernel", "ImageType",
    "InPlanePhaseEncodingDirection", "ContrastBolusAgent", "Units", "DecayCorrection",
    "AttenuationCorrectionMethod", "ReconstructionMethod", "CorrectedImage", "ViewPosition",
)  # fmt: skip
_NUMBERS = (
    "SeriesNumber", "AcquisitionNumber", "MagneticFieldStrength", "ImagingFrequency", "FlipAngle",
    "EchoTrainLength", "PixelBandwidth", "SliceThickness", "SpacingBetweenSlices", "PercentSampling",
    "PercentPhaseFieldOfView", "NumberOfAverages", "SAR", "KVP", "XRayTubeCurrent", "Exposure",
    "GantryDetectorTilt", "DataCollectionDiameter", "ReconstructionDiameter", "SpiralPitchFactor",
)  # fmt: skip
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


def analysis_attributes(file: str | Path) -> Mapping[str, Value]:
    """Attributes of an instance that analysis needs.

    Raises
    ------
    FormatError
        If the file cannot be read.
    """
    try:
        return attributes_of(dcmread(file, stop_before_pixels=True, force=True))
    except (OSError, InvalidDicomError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError("header cannot be read", where=Path(file).name) from error


def attributes_of(data: Dataset) -> dict[str, Value]:
    """Attributes of a data set that analysis needs, those that are there."""
    found: dict[str, Value] = {}
    for keyword in _TEXTS:
        value = data.get(keyword)
        if value not in (None, ""):
            found[keyword] = (
                str(value) if isinstance(value, str) or not hasattr(value, "__iter__") else [*map(str, value)]
            )
    for keyword in _NUMBERS:
        number = _number(data.get(keyword))
        if number is not None:
            found[keyword] = int(number) if number == int(number) else number
    for keyword, key in _SECONDS.items():
        number = _number(data.get(keyword))
        if number is not None:
            found[key] = number / 1000
    found.update(_radiopharmaceutical(data))
    return found


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
