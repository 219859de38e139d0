"""Slices of enhanced multi-frame instances, from their functional groups (PS3.3 C.7.6.16)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from pydicom import Dataset

from medvox.core.finding import Finding, Level
from medvox.core.volume import Window
from medvox.dicom import tags
from medvox.dicom.header import Header
from medvox.dicom.real_world import mapping_finding, mapping_line
from medvox.dicom.slices import Facts, Scaling, Slice
from medvox.dicom.times import seconds_of_date_time
from medvox.dicom.vendors import philips, siemens

_STACK_ID = 0x00209056
_IN_STACK_POSITION = 0x00209057
_IMAGE_POSITION = 0x00200032
_PLACES = frozenset({_STACK_ID, _IN_STACK_POSITION, _IMAGE_POSITION})
_PHILIPS_FRAME = 0x2005140F
_FRAME_TYPES = ("MRImageFrameTypeSequence", "CTImageFrameTypeSequence", "PETFrameTypeSequence")
_COMPONENTS = {"MAGNITUDE": "M", "PHASE": "P", "REAL": "R", "IMAGINARY": "I"}


@dataclass(frozen=True, slots=True)
class _Groups:
    """Functional groups that hold for one frame: its own, else the shared ones."""

    own: Dataset
    shared: Dataset

    def item(self, keyword: str) -> Dataset:
        return next(iter(self.items(keyword)), Dataset())

    def items(self, keyword: str) -> list[Dataset]:
        for group in (self.own, self.shared):
            sequence = group.get(keyword)
            if sequence:
                return list(sequence)
        return []


def enhanced_slices(header: Header, data: Dataset) -> tuple[list[Slice], list[Finding]]:
    """Slices of an instance that has functional groups, in frame order.

    Parameters
    ----------
    data
        The instance's data set.

    Returns
    -------
    slices
        One a frame; a frame without groups of its own has the shared ones only.
    findings
        Whether frames and groups differ in number.
    """
    shared = data.get("SharedFunctionalGroupsSequence") or [Dataset()]
    groups = list(data.get("PerFrameFunctionalGroupsSequence") or [])
    frames = header.integer(tags.NUMBER_OF_FRAMES) or len(groups) or 1
    findings = []
    if len(groups) != frames:
        text = f"{frames} frames but functional groups for {len(groups)}"
        findings = [Finding("no-geometry", Level.WARNING, header.name, text, "PS3.3 C.7.6.16")]
        groups = (groups + [Dataset()] * max(0, frames - len(groups)))[:frames]
    varying = _varying_dimensions(data)
    slices = [_slice(header, n, _Groups(group, shared[0]), varying) for n, group in enumerate(groups)]
    mapping = _Groups(groups[0], shared[0]).items("RealWorldValueMappingSequence") if groups else []
    note = mapping_finding(mapping, header.name)
    return slices, findings + ([note] if note else [])


def _slice(header: Header, number: int, groups: _Groups, varying: tuple[int, ...]) -> Slice:
    measures = groups.item("PixelMeasuresSequence")
    spacing = _floats(measures.get("PixelSpacing"))
    step = _float(measures.get("SpacingBetweenSlices")) or _float(measures.get("SliceThickness"))
    position = _floats(groups.item("PlanePositionSequence").get("ImagePositionPatient"))
    orientation = _floats(groups.item("PlaneOrientationSequence").get("ImageOrientationPatient"))
    scaling = _scaling(header, groups)
    facts = _facts(header, groups, varying)
    return Slice(
        header=header,
        frame=number,
        rows=header.integer(tags.ROWS) or 0,
        columns=header.integer(tags.COLUMNS) or 0,
        position_mm=(position[0], position[1], position[2]) if len(position) == 3 else None,
        orientation=orientation if len(orientation) == 6 else (),
        spacing_mm=(spacing[0], spacing[1]) if len(spacing) == 2 else None,
        slice_step_mm=step,
        read_facts=lambda _: facts,
        scaling=scaling,
        precise=_precise(header, groups, scaling),
        real_world=mapping_line(groups.items("RealWorldValueMappingSequence")),
        rescale_type=str(groups.item("PixelValueTransformationSequence").get("RescaleType") or ""),
        windows=_windows(groups.item("FrameVOILUTSequence")),
    )


def _windows(item: Dataset) -> tuple[Window, ...]:
    """Windows of Frame VOI LUT Sequence (PS3.3 C.7.6.16.2.10)."""
    centers, widths = _floats(item.get("WindowCenter")), _floats(item.get("WindowWidth"))
    said = item.get("WindowCenterWidthExplanation") or ()
    names = (said,) if isinstance(said, str) else tuple(said)
    return tuple(
        Window(center, width, str(names[n]) if n < len(names) else "")
        for n, (center, width) in enumerate(zip(centers, widths, strict=False))
        if width > 0
    )


def _scaling(header: Header, groups: _Groups) -> Scaling:
    item = groups.item("PixelValueTransformationSequence")
    slope, intercept = _float(item.get("RescaleSlope")), _float(item.get("RescaleIntercept"))
    if slope is None:
        slope, intercept = header.number(tags.RESCALE_SLOPE), header.number(tags.RESCALE_INTERCEPT)
    return Scaling(slope or 1.0, intercept or 0.0)


def _precise(header: Header, groups: _Groups, display: Scaling) -> Scaling | None:
    if not philips.is_philips(header):
        return None
    for group in (groups.own, groups.shared):
        if _PHILIPS_FRAME in group:
            items = group[_PHILIPS_FRAME].value
            value = items[0].get(tags.PHILIPS_SCALE_SLOPE) if items else None
            return philips.precise_scaling(display, _float(value.value if value is not None else None))
    return None


def _facts(header: Header, groups: _Groups, varying: tuple[int, ...]) -> Facts:
    content = groups.item("FrameContentSequence")
    kind = next((item for item in map(groups.item, _FRAME_TYPES) if item), Dataset())
    image_type = tuple(kind.get("FrameType") or header.texts(tags.IMAGE_TYPE))
    diffusion = groups.item("MRDiffusionSequence")
    direction = diffusion.get("DiffusionGradientDirectionSequence")
    gradient = _floats(direction[0].get("DiffusionGradientOrientation")) if direction else ()
    indices = _ints(content.get("DimensionIndexValues"))
    time = str(content.get("FrameAcquisitionDateTime") or "")
    return Facts(
        component=_COMPONENTS.get(str(kind.get("ComplexImageComponent", "")), ""),
        image_type=tuple(str(t) for t in image_type),
        echo_time_ms=_float(groups.item("MREchoSequence").get("EffectiveEchoTime")),
        echo_number=siemens.enhanced_echo(header, groups.own),
        inversion_time_ms=next(iter(_floats(groups.item("MRModifierSequence").get("InversionTimes"))), None),
        flip_angle_deg=_float(groups.item("MRTimingAndRelatedParametersSequence").get("FlipAngle")),
        kernel=_text(groups.item("CTReconstructionSequence").get("ConvolutionKernel")),
        kvp=_float(groups.item("CTXRayDetailsSequence").get("KVP")),
        b_value=_float(diffusion.get("DiffusionBValue")),
        gradient=tuple(round(g, 6) for g in gradient),
        directionality=str(diffusion.get("DiffusionDirectionality") or ""),
        temporal_position=_int(content.get("TemporalPositionIndex")),
        trigger_time_ms=_float(
            groups.item("CardiacSynchronizationSequence").get("NominalCardiacTriggerDelayTime")
        ),
        reference_time_ms=_milliseconds(
            groups.item("TemporalPositionSequence").get("TemporalPositionTimeOffset")
        ),
        acquisition_number=_int(content.get("FrameAcquisitionNumber"))
        or header.integer(tags.ACQUISITION_NUMBER),
        acquisition_time_s=seconds_of_date_time(time, header.text(tags.STUDY_DATE)),
        instance_number=header.integer(tags.INSTANCE_NUMBER),
        stack_id=str(content.get("StackID", "")),
        dimension=tuple(indices[n] for n in varying if n < len(indices)),
    )


def _varying_dimensions(data: Dataset) -> tuple[int, ...]:
    """Numbers of the dimensions that are neither stack nor place (PS3.3 C.7.6.17)."""
    sequence = data.get("DimensionIndexSequence") or []
    return tuple(n for n, item in enumerate(sequence) if item.get("DimensionIndexPointer") not in _PLACES)


def _float(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _milliseconds(value: Any) -> float | None:
    seconds = _float(value)
    return None if seconds is None else 1000 * seconds


def _text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return "\\".join(str(v) for v in value)


def _int(value: Any) -> int | None:
    number = _float(value)
    return None if number is None else int(number)


def _floats(value: Any) -> tuple[float, ...]:
    if value is None or isinstance(value, str):
        return ()
    try:
        numbers = tuple(float(v) for v in value)
    except TypeError:
        numbers = tuple(n for n in (_float(value),) if n is not None)
    except ValueError:
        return ()
    return numbers if all(math.isfinite(n) for n in numbers) else ()


def _ints(value: Any) -> tuple[int, ...]:
    return tuple(int(n) for n in _floats(value))
