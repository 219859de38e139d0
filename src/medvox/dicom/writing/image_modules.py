"""Modules of the modalities for images of any origin: copied from the source, neutral where it is silent."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from medvox.core.axes import CHANNEL, TIME
from medvox.core.grid import Space
from medvox.dicom.writing import keywords, storage, units
from medvox.dicom.writing.modules import decimals
from medvox.dicom.writing.plan import Plan
from medvox.dicom.writing.series_header import copy

NEUTRAL: dict[str, dict[str, object]] = {
    "CT": {"KVP": None, "AcquisitionNumber": None},
    "MR": {
        "ScanningSequence": "RM",
        "SequenceVariant": "NONE",
        "ScanOptions": "",
        "MRAcquisitionType": "",
        "RepetitionTime": None,
        "EchoTime": None,
        "EchoTrainLength": None,
        "AcquisitionNumber": None,
    },
    "PT": {
        "CountsSource": "EMISSION",
        "DecayCorrection": "NONE",
        "CorrectedImage": "",
        "CollimatorType": "",
        "FrameReferenceTime": "0",
        "ActualFrameDuration": "0",
        "RadiopharmaceuticalInformationSequence": DicomSequence(),
        "PatientOrientationCodeSequence": DicomSequence(),
        "PatientGantryRelationshipCodeSequence": DicomSequence(),
        "AcquisitionNumber": None,
        "AcquisitionDate": "",
        "AcquisitionTime": "",
    },
}
"""What type 1 attributes say where nothing is known, and the empty type 2 ones (PS3.3 C.8)."""
REQUIRED = {
    "MR": ("ScanningSequence", "SequenceVariant"),
    "PT": ("CountsSource", "DecayCorrection", "FrameReferenceTime", "ActualFrameDuration"),
}
"""Type 1 attributes of `NEUTRAL`: that they are neutral is reported."""


def image_header(ds: Dataset, plan: Plan) -> list[str]:
    """Fill the modules of a classic image.

    Returns
    -------
    list of str
        Required attributes of which nothing was known.
    """
    kind = plan.storage
    ds.LossyImageCompression = "00"
    _display(ds, plan)
    if kind is storage.DX:
        return _dx(ds, plan)
    if kind.is_capture:
        _capture(ds, plan)
        return []
    if kind in (storage.US, storage.US_MULTI):
        ds.PatientOrientation, ds.BurnedInAnnotation = "", "NO"
        return []
    facts = {"CT": keywords.CT, "MR": keywords.MR, "PT": keywords.PET}[plan.modality]
    unknown = _facts(ds, plan, facts)
    if kind is storage.PT:
        _pet(ds, plan)
    else:
        ds.RescaleType = units.rescale_type(plan.volume.unit)
    return unknown


def _facts(ds: Dataset, plan: Plan, names: Sequence[str]) -> list[str]:
    for keyword, value in NEUTRAL[plan.modality].items():
        setattr(ds, keyword, value)
    source = plan.source
    known: set[str] = set()
    if source is not None and source.template.get("Modality") == plan.modality:
        known = {k for k in names if k in source.template and source.agree(int(source.template[k].tag))}
        copy(source.template, ds, known)
    known |= set(plan.options.attributes)
    return [keyword for keyword in REQUIRED.get(plan.modality, ()) if keyword not in known]


def _pet(ds: Dataset, plan: Plan) -> None:
    """PET Series and Image (PS3.3 C.8.9.1, C.8.9.4): unit, number of slices and kind of series."""
    ds.Units, suv = units.pet_units(plan.volume.unit)
    if suv:
        ds.SUVType = suv
    ds.NumberOfSlices = plan.slices
    first = str(ds.get("SeriesType", [""])[0]) if "SeriesType" in ds else ""
    kind = first if first in ("STATIC", "WHOLE BODY", "GATED") and plan.times == 1 else ""
    ds.SeriesType = [kind or ("DYNAMIC" if plan.times > 1 else "STATIC"), "IMAGE"]
    if plan.times > 1:
        ds.NumberOfTimeSlices = plan.times


def _capture(ds: Dataset, plan: Plan) -> None:
    """SC Equipment and Image (PS3.3 C.8.6): made on a workstation."""
    ds.ConversionType = "WSD"
    ds.BurnedInAnnotation = "NO"
    if CHANNEL not in plan.volume.axes and not plan.storage.multiframe:
        ds.RescaleType = units.rescale_type(plan.volume.unit)
    ds.PatientOrientation = ""


def _dx(ds: Dataset, plan: Plan) -> list[str]:
    """DX (PS3.3 C.8.11): what the source or the caller says; neutral for what must be said."""
    neutral: dict[str, object] = {
        "PresentationIntentType": "FOR PRESENTATION",
        "AnatomicRegionSequence": DicomSequence(),
        "AcquisitionContextSequence": DicomSequence(),
        "PixelIntensityRelationship": "LIN",
        "PixelIntensityRelationshipSign": 1,
        "DetectorType": "",
        "BurnedInAnnotation": "NO",
    }
    for keyword, value in neutral.items():
        setattr(ds, keyword, value)
    known: set[str] = set()
    if plan.source is not None:
        known = {keyword for keyword in keywords.DX if keyword in plan.source.template}
        copy(plan.source.template, ds, known)
    ds.PresentationLUTShape = "INVERSE" if plan.volume.display.inverted else "IDENTITY"
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "US"
    known |= set(plan.options.attributes)
    return [] if "PixelIntensityRelationship" in known else ["PixelIntensityRelationship"]


def _display(ds: Dataset, plan: Plan) -> None:
    """VOI windows (PS3.3 C.11.2)."""
    windows = plan.volume.display.windows
    if windows and CHANNEL not in plan.volume.axes:
        ds.WindowCenter = decimals(w.center for w in windows)
        ds.WindowWidth = decimals(w.width for w in windows)
        if any(w.name for w in windows):
            ds.WindowCenterWidthExplanation = [w.name[:64] for w in windows]


def spacing_header(ds: Dataset, plan: Plan) -> None:
    """Pixel spacing, and what it means (PS3.3 10.7.1.3)."""
    grid = plan.volume.grid
    _, j, i = grid.spacing_mm
    pair = decimals((j, i))
    if plan.placed or grid.space in (Space.LOCAL, Space.CALIBRATED):
        ds.PixelSpacing = pair
        if grid.space is Space.CALIBRATED:
            ds.PixelSpacingCalibrationType = "GEOMETRY"
            ds.PixelSpacingCalibrationDescription = "as the volume says"
    elif grid.space is Space.DETECTOR:
        keyword = "ImagerPixelSpacing" if plan.storage is storage.DX else "NominalScannedPixelSpacing"
        setattr(ds, keyword, pair)
    elif grid.space is Space.REGION and plan.storage in (storage.US, storage.US_MULTI):
        ds.SequenceOfUltrasoundRegions = DicomSequence([_region(plan, j, i)])


def _region(plan: Plan, j: float, i: float) -> Dataset:
    """Calibrate the whole picture: 2D, tissue, cm (PS3.3 C.8.5.5)."""
    _, rows, columns = plan.volume.grid.shape
    region = Dataset()
    region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = 1, 1, 0
    region.RegionLocationMinX0 = region.RegionLocationMinY0 = 0
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = columns - 1, rows - 1
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX, region.PhysicalDeltaY = i / 10, j / 10
    return region


def cine_header(ds: Dataset, plan: Plan) -> None:
    """Frames over time (PS3.3 C.7.6.5): even times as Frame Time, others as a vector."""
    ds.NumberOfFrames = plan.times if TIME in plan.volume.axes else 1
    seconds = plan.seconds
    if TIME not in plan.volume.axes:
        return
    if seconds is None or len(seconds) < 2:
        rate = plan.volume.display.frame_rate
        ds.FrameTime = decimals([1000 / rate if rate else 0])[0]
        ds.FrameIncrementPointer = 0x00181063
        return
    steps = [0.0, *(1000 * (b - a) for a, b in pairwise(seconds))]
    ds.FrameTimeVector = decimals(steps)
    ds.FrameIncrementPointer = 0x00181065
