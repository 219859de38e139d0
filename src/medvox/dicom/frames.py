"""From instances to slices: classic images, mosaics, tiled frames, enhanced multi-frame."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from medvox.core.errors import FormatError, MedvoxError
from medvox.core.finding import Finding, Level
from medvox.dicom import tags
from medvox.dicom.enhanced import enhanced_slices
from medvox.dicom.header import Header
from medvox.dicom.multiframe import NUCLEAR_MEDICINE, RT_DOSE, multiframe_slices
from medvox.dicom.slices import Facts, Scaling, Slice
from medvox.dicom.times import days_between, seconds_of_date_time, seconds_of_day
from medvox.dicom.vendors import canon, ge, philips, siemens, united_imaging

_COMPONENTS = {"MAGNITUDE": "M", "PHASE": "P", "REAL": "R", "IMAGINARY": "I"}
_TYPE_COMPONENTS = {
    "M": "M", "M_FFE": "M", "M_SE": "M", "M_IR": "M", "MAGNITUDE": "M",
    "P": "P", "PHASE": "P", "PHASE MAP": "P", "PHASE_MAP": "P",
    "R": "R", "REAL": "R", "I": "I", "IMAGINARY": "I",
}  # fmt: skip
_CLOCKS = ((tags.ACQUISITION_DATE, tags.ACQUISITION_TIME), (tags.CONTENT_DATE, tags.CONTENT_TIME))
_DIFFUSION = (siemens.diffusion, ge.diffusion, philips.diffusion, united_imaging.diffusion, canon.diffusion)


def slices_of(header: Header) -> tuple[list[Slice], list[Finding]]:
    """Return the slices of one image instance, in frame order.

    Raises
    ------
    MedvoxError
        If a data set that must be read in full for it cannot be read.
    """
    known = header.shared(_plane, _PLANE_TAGS)
    if known.is_single:
        return [known.slice(header)], []
    if tags.PER_FRAME_FUNCTIONAL_GROUPS in header:
        return _enhanced(header)
    base = known.slice(header)
    layout = siemens.mosaic(header)
    if layout is not None:
        return _mosaic(base, layout)
    if "VFRAME" in header.texts(tags.IMAGE_TYPE) and tags.UIH_FRAMES in header:
        return _tiled(base)
    return multiframe_slices(base, max(1, header.integer(tags.NUMBER_OF_FRAMES) or 1))


def _enhanced(header: Header) -> tuple[list[Slice], list[Finding]]:
    data = header.dataset()
    try:
        return enhanced_slices(header, data)
    except MedvoxError:
        raise
    except Exception as error:  # pydicom decodes values late, and raises errors of many classes
        text = f"the functional groups cannot be read: {type(error).__name__}"
        raise FormatError(text, where=header.name) from error


@dataclass(frozen=True, slots=True)
class _Plane:
    """What the slices of a series mostly have in common: all of a slice but its position."""

    rows: int
    columns: int
    orientation: tuple[float, ...]
    spacing_mm: tuple[float, float] | None
    slice_step_mm: float | None
    scaling: Scaling
    precise: Scaling | None
    is_single: bool
    """Whether the instance is one slice, whatever the kinds of many in one frame or object."""

    def slice(self, header: Header) -> Slice:
        """Return the first slice of an instance."""
        position = header.floats(tags.IMAGE_POSITION_PATIENT)
        return Slice(
            header=header,
            frame=0,
            rows=self.rows,
            columns=self.columns,
            position_mm=(position[0], position[1], position[2]) if _finite(position, 3) else None,
            orientation=self.orientation,
            spacing_mm=self.spacing_mm,
            slice_step_mm=self.slice_step_mm,
            read_facts=_facts,
            scaling=self.scaling,
            precise=self.precise,
        )


_PLANE_TAGS = frozenset(
    (
        tags.SOP_CLASS_UID,
        tags.IMAGE_TYPE,
        tags.MANUFACTURER,
        tags.PER_FRAME_FUNCTIONAL_GROUPS,
        tags.NUMBER_OF_FRAMES,
        tags.ROWS,
        tags.COLUMNS,
        tags.IMAGE_ORIENTATION_PATIENT,
        tags.PIXEL_SPACING,
        tags.SPACING_BETWEEN_SLICES,
        tags.SLICE_THICKNESS,
        tags.DOSE_GRID_SCALING,
        tags.RESCALE_SLOPE,
        tags.RESCALE_INTERCEPT,
        tags.PHILIPS_SCALE_SLOPE,
    )
)


def _plane(header: Header) -> _Plane:
    orientation = header.floats(tags.IMAGE_ORIENTATION_PATIENT)
    spacing = header.floats(tags.PIXEL_SPACING)
    scaling = _scaling(header)
    precise = None
    if philips.is_philips(header):
        precise = philips.precise_scaling(scaling, header.number(tags.PHILIPS_SCALE_SLOPE))
    many = tags.PER_FRAME_FUNCTIONAL_GROUPS in header or (header.integer(tags.NUMBER_OF_FRAMES) or 1) > 1
    tiled = not {"MOSAIC", "VFRAME"}.isdisjoint(header.texts(tags.IMAGE_TYPE))
    special = header.text(tags.SOP_CLASS_UID) in (RT_DOSE, NUCLEAR_MEDICINE)
    return _Plane(
        rows=header.integer(tags.ROWS) or 0,
        columns=header.integer(tags.COLUMNS) or 0,
        orientation=orientation if _finite(orientation, 6) else (),
        spacing_mm=(spacing[0], spacing[1]) if _finite(spacing, 2) and min(spacing) > 0 else None,
        slice_step_mm=_step(header),
        scaling=scaling,
        precise=precise,
        is_single=not (many or tiled or special),
    )


def _scaling(header: Header) -> Scaling:
    """Modality rescale; of a dose Dose Grid Scaling (PS3.3 C.8.8.3)."""
    if header.text(tags.SOP_CLASS_UID) == RT_DOSE:
        return Scaling(header.number(tags.DOSE_GRID_SCALING) or 1.0, 0.0)
    return Scaling(header.number(tags.RESCALE_SLOPE) or 1.0, header.number(tags.RESCALE_INTERCEPT) or 0.0)


def _finite(values: tuple[float, ...], count: int) -> bool:
    return len(values) == count and all(map(math.isfinite, values))


def _step(header: Header) -> float | None:
    for tag in (tags.SPACING_BETWEEN_SLICES, tags.SLICE_THICKNESS):
        value = header.number(tag)
        if value is not None and math.isfinite(value) and value != 0:
            return abs(value)
    return None


def _facts(header: Header) -> Facts:
    b_value, gradient = _diffusion(header)
    return Facts(
        component=_component(header),
        image_type=header.texts(tags.IMAGE_TYPE),
        echo_time_ms=header.number(tags.ECHO_TIME),
        echo_number=header.integer(tags.ECHO_NUMBERS),
        inversion_time_ms=header.number(tags.INVERSION_TIME),
        flip_angle_deg=header.number(tags.FLIP_ANGLE),
        kernel=header.text(tags.CONVOLUTION_KERNEL),
        kvp=header.number(tags.KVP),
        sequence_name=header.text(tags.SEQUENCE_NAME),
        b_value=b_value,
        gradient=tuple(round(g, 6) for g in gradient),
        directionality=header.text(tags.DIFFUSION_DIRECTIONALITY),
        diffusion_number=philips.diffusion_number(header),
        temporal_position=header.integer(tags.TEMPORAL_POSITION_IDENTIFIER),
        trigger_time_ms=header.number(tags.TRIGGER_TIME),
        acquisition_number=header.integer(tags.ACQUISITION_NUMBER),
        acquisition_time_s=_acquisition_time(header),
        reference_time_ms=header.number(tags.FRAME_REFERENCE_TIME),
        instance_number=header.integer(tags.INSTANCE_NUMBER),
    )


def _component(header: Header) -> str:
    """Complex component, by (0008,9208), a vendor's tag, or a value of Image Type."""
    found = _COMPONENTS.get(header.text(tags.COMPLEX_IMAGE_COMPONENT)) or ge.component(header)
    if found:
        return found
    if header.text(tags.MODALITY) != "MR":
        return ""
    values = header.texts(tags.IMAGE_TYPE)[2:]
    return next((_TYPE_COMPONENTS[v] for v in values if v in _TYPE_COMPONENTS), "")


def _diffusion(header: Header) -> tuple[float | None, tuple[float, ...]]:
    if header.text(tags.MODALITY) != "MR":
        return None, ()
    for read in _DIFFUSION:
        b_value, gradient = read(header)
        if b_value is not None:
            return b_value, gradient
    gradient = header.floats(tags.DIFFUSION_GRADIENT_ORIENTATION)
    return header.number(tags.DIFFUSION_B_VALUE), gradient if _finite(gradient, 3) else ()


def _acquisition_time(header: Header) -> float | None:
    """Seconds after midnight of the study date, so that an acquisition over midnight keeps its order."""
    study = header.text(tags.STUDY_DATE)
    for date, time in _CLOCKS:
        seconds = seconds_of_day(header.text(time))
        if seconds is not None:
            return seconds + 86_400 * (days_between(study, header.text(date)) or 0)
    return seconds_of_date_time(header.text(tags.ACQUISITION_DATE_TIME), study)


def _with(base: Slice, **changes: object) -> Slice:
    return replace(base, **changes)  # type: ignore[arg-type]


def _mosaic(base: Slice, layout: siemens.Mosaic) -> tuple[list[Slice], list[Finding]]:
    where = base.header.name
    rows, columns = base.rows // layout.tiles, base.columns // layout.tiles
    if base.position_mm is None or not base.orientation or base.spacing_mm is None or not rows * columns:
        text = "Mosaic without position, orientation or spacing: shown as one picture"
        return [base], [Finding("no-geometry", Level.WARNING, where, text)]
    origin = siemens.mosaic_origin_mm(
        base.position_mm, base.orientation, base.spacing_mm, (base.rows, base.columns), (rows, columns)
    )
    normal = layout.normal or _cross(base.orientation)
    step = base.slice_step_mm or 1.0
    findings = [_quirk(where, f"Siemens mosaic of {layout.slices} slices, {rows} × {columns}")]
    if layout.normal is None:
        text = "Mosaic without CSA SliceNormalVector: slices taken to follow row × column"
        findings.append(Finding("spacing-assumed", Level.WARNING, where, text))
    slices = [
        _with(
            base,
            rows=rows,
            columns=columns,
            position_mm=tuple(o + n * step * k for o, n in zip(origin, normal, strict=True)),
            tile=(k // layout.tiles * rows, k % layout.tiles * columns),
        )
        for k in range(layout.slices)
    ]
    return slices, findings


def _tiled(base: Slice) -> tuple[list[Slice], list[Finding]]:
    where = base.header.name
    try:
        found = united_imaging.tiles(base.header, base.header.dataset())
    except (MedvoxError, AttributeError, TypeError, ValueError, IndexError):
        found = None
    if found is None:
        text = "Tiled frame whose tile positions cannot be read: shown as one picture"
        return [base], [Finding("no-geometry", Level.WARNING, where, text)]
    parts, (down, across) = found
    rows, columns = base.rows // down, base.columns // across
    slices = [
        _with(
            base,
            rows=rows,
            columns=columns,
            position_mm=part.position_mm,
            orientation=part.orientation or base.orientation,
            tile=(part.row * rows, part.column * columns),
        )
        for part in parts
    ]
    return slices, [_quirk(where, f"United Imaging frame tiled from {len(parts)} slices, {rows} × {columns}")]


def _quirk(where: str, text: str) -> Finding:
    return Finding("vendor-quirk", Level.INFO, where, text)


def _cross(orientation: tuple[float, ...]) -> tuple[float, float, float]:
    a, b, c, d, e, f = orientation
    return b * f - c * e, c * d - a * f, a * e - b * d
