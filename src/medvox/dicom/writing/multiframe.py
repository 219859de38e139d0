"""Multi-frame images: enhanced CT, MR and PET, and secondary captures (PS3.3 A.8, A.36, A.38, A.56)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from medvox.core.axes import CHANNEL, TIME
from medvox.dicom.writing import storage, units
from medvox.dicom.writing.enhanced_modules import (
    FRAME_TYPES,
    anatomic_region,
    enhanced_header,
    irradiation_event,
)
from medvox.dicom.writing.files import encode
from medvox.dicom.writing.files.output import Parts
from medvox.dicom.writing.files.pixel_data import pixel_element, pixel_header
from medvox.dicom.writing.image_modules import cine_header, spacing_header
from medvox.dicom.writing.legacy import converted_attributes
from medvox.dicom.writing.modules import da, decimal, decimals, tm
from medvox.dicom.writing.options import Compression, DicomKind
from medvox.dicom.writing.plan import Plan
from medvox.dicom.writing.series_header import (
    apply_attributes,
    common_header,
    copy,
    derivation_code,
    source_image,
)

_STACK_ID, _IN_STACK, _TIME_INDEX = 0x00209056, 0x00209057, 0x00209128
_FRAME_CONTENT = 0x00209111
_PER_FRAME = 0x52009230


@dataclass(frozen=True, slots=True, eq=False)
class MultiframeFile:
    """One encoded file.

    Parameters
    ----------
    parts
        Its pieces.
    unknown
        Required attributes of which nothing was known.
    timed
        Whether the times of the time axis are in it.
    """

    parts: Parts
    unknown: tuple[str, ...]
    timed: bool


def multiframe_file(plan: Plan) -> MultiframeFile:
    """Encode a multi-frame image.

    Raises
    ------
    UnsupportedError
        If the class requires what nobody told, or the pixel data are too long.
    """
    ds = common_header(plan)
    ds.InstanceNumber = 1
    ds.ContentDate, ds.ContentTime = da(plan.created), tm(plan.created)
    ds.NumberOfFrames = len(plan.numbers.frames)
    ds.LossyImageCompression, ds.BurnedInAnnotation = "00", "NO"
    ds.update(pixel_header(plan.numbers.frames))
    unknown = _capture_header(ds, plan) if plan.storage.is_capture else enhanced_header(ds, plan)
    if plan.placed:
        _dimensions(ds, plan)
        ds.SharedFunctionalGroupsSequence = DicomSequence([_shared(ds, plan)])
        ds.PerFrameFunctionalGroupsSequence = DicomSequence(_frames(plan))
    if plan.kind is DicomKind.LEGACY_ENHANCED:
        converted_attributes(ds, plan)
    apply_attributes(ds, plan.options.attributes)
    sop_uid = plan.uids.new("instance", 0)
    ds.SOPInstanceUID = sop_uid
    syntax, pixels = pixel_element(plan.numbers.frames, Compression(plan.options.compression))
    parts = encode.file_parts((plan.storage.uid, sop_uid), syntax, [encode.encoded(ds)], pixels)
    timed = plan.seconds is not None or not plan.volume.coordinates
    return MultiframeFile(parts, tuple(unknown), timed)


def _capture_header(ds: Dataset, plan: Plan) -> list[str]:
    """SC Multi-frame Image (PS3.3 C.8.6.3): stored numbers are the values."""
    ds.ConversionType = "WSD"
    ds.PatientOrientation = ""
    if CHANNEL not in plan.volume.axes:
        ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", units.UNSPECIFIED
        ds.PresentationLUTShape = "IDENTITY"
    if plan.placed:
        if len(plan.numbers.frames) > 1:
            ds.FrameIncrementPointer = _PER_FRAME
        return []
    spacing_header(ds, plan)
    cine_header(ds, plan)
    return []


# -- functional groups ----------------------------------------------------------------------------


def _dimensions(ds: Dataset, plan: Plan) -> None:
    """Multi-frame Dimension module (PS3.3 C.7.6.17): time, then place in the stack."""
    uid = plan.uids.new("dimensions")
    organization = Dataset()
    organization.DimensionOrganizationUID = uid
    ds.DimensionOrganizationSequence = DicomSequence([organization])
    ds.DimensionOrganizationType = "3D_TEMPORAL" if _timed(plan) else "3D"
    pointers = [_TIME_INDEX, _IN_STACK] if _timed(plan) else [_STACK_ID, _IN_STACK]
    items = []
    for pointer in pointers:
        item = Dataset()
        item.DimensionOrganizationUID = uid
        item.DimensionIndexPointer, item.FunctionalGroupPointer = pointer, _FRAME_CONTENT
        items.append(item)
    ds.DimensionIndexSequence = DicomSequence(items)


def _timed(plan: Plan) -> bool:
    return TIME in plan.volume.axes


def _shared(ds: Dataset, plan: Plan) -> Dataset:
    """Functional groups that hold for all frames."""
    grid = plan.volume.grid
    _, j, i = grid.spacing_mm
    shared = Dataset()
    step = decimal(float(np.mean(grid.slice_extents_mm)))
    measures = {"PixelSpacing": decimals((j, i)), "SliceThickness": step, "SpacingBetweenSlices": step}
    shared.PixelMeasuresSequence = item(**measures)
    direction = grid.direction
    shared.PlaneOrientationSequence = item(
        ImageOrientationPatient=decimals([*direction[:, 2], *direction[:, 1]])
    )
    if plan.storage.is_enhanced:
        shared.update(enhanced_groups(ds, plan))
        if plan.numbers.is_uniform:
            shared.PixelValueTransformationSequence = _rescale(plan, 0)
    return shared


def enhanced_groups(ds: Dataset, plan: Plan) -> Dataset:
    """Frame type, anatomy and windows, the same for all frames."""
    groups = Dataset()
    type_name, names = FRAME_TYPES[plan.modality]
    kind = item(FrameType=list(plan.storage.image_type))
    copy(ds, kind[0], names)
    setattr(groups, type_name, kind)
    groups.FrameAnatomySequence = item(AnatomicRegionSequence=anatomic_region(plan), FrameLaterality="U")
    if plan.storage is storage.ENHANCED_CT:
        event = irradiation_event(plan) or plan.uids.new("irradiation event")
        groups.IrradiationEventIdentificationSequence = item(IrradiationEventUID=event)
    windows = plan.volume.display.windows
    if windows:
        voi = {"WindowCenter": decimals(w.center for w in windows)}
        voi["WindowWidth"] = decimals(w.width for w in windows)
        groups.FrameVOILUTSequence = item(**voi)
        if any(w.name for w in windows):
            explanations = [w.name[:64] for w in windows]
            groups.FrameVOILUTSequence[0].WindowCenterWidthExplanation = explanations
    return groups


def _rescale(plan: Plan, n: int) -> DicomSequence:
    return item(
        RescaleIntercept=decimal(plan.numbers.intercepts[n]),
        RescaleSlope=decimal(plan.numbers.slopes[n]),
        RescaleType=units.rescale_type(plan.volume.unit),
    )


def _frames(plan: Plan) -> list[Dataset]:
    """Functional groups of each frame."""
    grid = plan.volume.grid
    order = _stack_positions(plan)
    groups = []
    for n in range(len(plan.numbers.frames)):
        t, k = divmod(n, plan.slices)
        group = Dataset()
        index = [t + 1, order[k]] if _timed(plan) else [1, order[k]]
        content = item(StackID="1", InStackPositionNumber=order[k], DimensionIndexValues=index)
        if _timed(plan):
            content[0].TemporalPositionIndex = t + 1
        group.FrameContentSequence = content
        group.PlanePositionSequence = item(ImagePositionPatient=decimals(grid.origins_mm[k]))
        if plan.storage.is_enhanced and not plan.numbers.is_uniform:
            group.PixelValueTransformationSequence = _rescale(plan, n)
        if plan.seconds is not None:
            group.TemporalPositionSequence = item(TemporalPositionTimeOffset=float(plan.seconds[t]))
        reference = plan.references[n]
        if reference is not None and plan.kind is not DicomKind.LEGACY_ENHANCED:
            group.DerivationImageSequence = item(
                DerivationDescription="medvox", DerivationCodeSequence=derivation_code()
            )
            group.DerivationImageSequence[0].SourceImageSequence = DicomSequence([source_image(reference)])
        groups.append(group)
    return groups


def _stack_positions(plan: Plan) -> Sequence[int]:
    """In-Stack Position Number of each slice: in the order of k."""
    return range(1, plan.slices + 1)


def item(**attributes: object) -> DicomSequence:
    """Sequence of one item."""
    ds = Dataset()
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return DicomSequence([ds])
