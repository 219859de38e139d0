"""From a stack of slices to an image of the model, its values lazy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate, pairwise

import numpy as np

from medvox.core.acquisition import Line
from medvox.core.axes import CHANNEL, SPATIAL
from medvox.core.errors import GeometryError
from medvox.core.finding import Finding, Level
from medvox.core.grid import Grid
from medvox.core.lazy import FrameArray
from medvox.core.provenance import DeferredSources, Provenance, SliceSource
from medvox.core.rescale import Rescale
from medvox.core.study import Image, Instance, Kind
from medvox.core.volume import Display, Volume
from medvox.dicom import tags
from medvox.dicom.attributes import acquisition_of
from medvox.dicom.geometry import picture_grid, stack_grid
from medvox.dicom.header import Header
from medvox.dicom.lut import display_of, rescale_table_of, unit_of
from medvox.dicom.pixels import FrameRef, PixelFormat, common_dtype, frame_reader, joined_findings
from medvox.dicom.real_world import real_world_finding, real_world_line
from medvox.dicom.slices import Scaling, Slice
from medvox.dicom.stacks import Stack
from medvox.dicom.vendors import philips

MEAN_TOLERANCE = 0.01
STEP_TOLERANCE = 0.05
"""How far times by the clock may be from even steps of the repetition to be taken for them."""
_COMPONENT_WORDS = {"M": "magnitude", "P": "phase", "R": "real", "I": "imaginary"}
_FACT_WORDS = {
    "echo_time_ms": "TE {} ms",
    "echo_number": "echo {}",
    "inversion_time_ms": "TI {} ms",
    "flip_angle_deg": "flip {}°",
    "kernel": "kernel {}",
    "kvp": "{} kVp",
    "stack_id": "stack {}",
    "image_type": "{}",
    "plane": "{}",
    "incomplete": "incomplete, {}",
}


@dataclass(frozen=True, slots=True)
class _Layout:
    """Axes, sizes and place of an image."""

    kind: Kind
    grid: Grid
    lead_axes: tuple[str, ...]
    lead_shape: tuple[int, ...]
    findings: tuple[Finding, ...]


def stack_image(stack: Stack, description: str, where: str, instances: Mapping[str, Instance]) -> Image:
    """Image of a stack; nothing but headers is read.

    Parameters
    ----------
    description
        Of the series.
    where
        Name of the series for findings.
    instances
        Objects of the series by file.

    Raises
    ------
    FormatError
        If the pixel description of an instance makes no sense.
    """
    first = stack.slices[0]
    layout = _layout(stack, where)
    formats = _formats(stack.slices)
    channels = formats[first.header.file].channels
    axes: tuple[str, ...] = layout.lead_axes + ((CHANNEL,) if channels > 1 else ()) + SPATIAL
    shape = layout.lead_shape + ((channels,) if channels > 1 else ()) + layout.grid.shape
    pixel_notes = joined_findings(note for f in formats.values() for note in f.findings)
    findings = stack.findings + layout.findings + pixel_notes + _scaling_findings(stack.slices, where)
    label = _label(stack, description)
    unit = unit_of(first.header, first.rescale_type)

    def read() -> Volume:
        return _volume(stack, layout, formats, axes, label, findings)

    return Image(
        label=label,
        kind=layout.kind,
        axes=axes,
        shape=shape,
        grid=layout.grid,
        reader=read,
        modality=first.header.text(tags.MODALITY) or None,
        unit=unit,
        instances=tuple(instances[file] for file in dict.fromkeys(s.header.file for s in stack.slices)),
        findings=findings,
        facts=stack.facts,
        choices=stack.ambiguous,
        acquisition_reader=partial(acquisition_of, stack, where),
    )


def _layout(stack: Stack, where: str) -> _Layout:
    first = stack.slices[0]
    flat = (1, first.rows, first.columns)
    if stack.placed:
        try:
            grid, notes = stack_grid(stack.slices[: stack.count], where)
        except GeometryError as error:
            note = Finding("no-geometry", Level.ERROR, where, error.what)
            return _Layout(Kind.STACK, Grid.pixels((stack.count, *flat[1:])), *_lead(stack), (note,))
        single = Kind.CINE if stack.lead > 1 else Kind.PICTURE
        return _Layout(Kind.VOLUME if stack.count > 1 else single, grid, *_lead(stack), notes)
    if stack.ambiguous:
        return _Layout(Kind.STACK, Grid.pixels((len(stack.slices), *flat[1:])), (), (), ())
    grid, notes = picture_grid(first.header, flat, where)
    return _Layout(Kind.CINE if stack.lead > 1 else Kind.PICTURE, grid, *_lead(stack), notes)


def _lead(stack: Stack) -> tuple[tuple[str, ...], tuple[int, ...]]:
    return ((stack.axis,), (stack.lead,)) if stack.lead > 1 else ((), ())


def _formats(slices: Sequence[Slice]) -> dict[str, PixelFormat]:
    headers = {s.header.file: s.header for s in slices}
    return {file: PixelFormat.of(header) for file, header in headers.items()}


def _volume(
    stack: Stack,
    layout: _Layout,
    formats: dict[str, PixelFormat],
    axes: tuple[str, ...],
    label: str,
    findings: tuple[Finding, ...],
) -> Volume:
    slices = stack.slices
    first = slices[0]
    refs = [_frame_ref(s, formats[s.header.file]) for s in slices]
    dtype = common_dtype(list(formats.values()))
    frame_shape: tuple[int, ...] = (first.rows, first.columns)
    if CHANNEL in axes:
        frame_shape += (formats[first.header.file].channels,)
    lead = (*layout.lead_shape, layout.grid.shape[0])
    rescale = _rescale(slices, lead)
    precise = _shared_line([s.precise for s in slices], lead)
    scalings, units = _scalings(slices, lead)
    times = _times(stack)
    return Volume(
        data=FrameArray(lead, frame_shape, dtype, frame_reader(refs, dtype)),
        grid=layout.grid,
        axes=axes,
        unit=unit_of(first.header, first.rescale_type),
        rescale=rescale,
        meaning=_meaning(first, precise),
        modality=first.header.text(tags.MODALITY) or None,
        label=label,
        coordinates={stack.axis: times} if times else {},
        scalings=scalings,
        scaling_units=units,
        display=_display(slices[len(slices) // 2]),
        provenance=Provenance(layout.grid, DeferredSources(len(slices), lambda: _sources(slices))),
        findings=findings,
    )


def _display(s: Slice) -> Display:
    """How a slice asks to be shown; windows of its functional groups count first."""
    display = display_of(s.header)
    return replace(display, windows=s.windows) if s.windows else display


def _frame_ref(s: Slice, form: PixelFormat) -> FrameRef:
    span = s.header.pixel
    assert span is not None  # instances without pixels never become slices
    tile = None if s.tile is None else (*s.tile, s.rows, s.columns)
    return FrameRef(s.header.file, s.frame, span, form, tile)


def _rescale(slices: Sequence[Slice], lead: tuple[int, ...]) -> Rescale:
    table = rescale_table_of(slices[0].header)
    if table is not None:
        return Rescale(table=table)
    slope = np.array([s.scaling.slope for s in slices]).reshape(lead)
    return Rescale.of(slope, np.array([s.scaling.intercept for s in slices]).reshape(lead))


def _scalings(slices: Sequence[Slice], lead: tuple[int, ...]) -> tuple[dict[str, Rescale], dict[str, str]]:
    """Other rescales that the headers offer for every slice, and their units."""
    world = [s.real_world or real_world_line(s.header) for s in slices]
    pet = [philips.pet_lines(s.header, s.scaling) for s in slices]
    offered: dict[str, list[Line | None]] = {"real-world": world}
    for name in philips.PET_SCALINGS:
        offered[name] = [lines[name].value if name in lines else None for lines in pet]
    rescales, units = {}, {}
    precise = _shared_line([s.precise for s in slices], lead)
    if precise is not None:
        rescales["precise"] = precise
    for name, lines in offered.items():
        found = _shared_line(lines, lead)
        unit = {line.unit for line in lines if line is not None}
        if found is not None and len(unit) == 1:
            rescales[name], units[name] = found, unit.pop()
    return rescales, units


def _shared_line(lines: Sequence[Scaling | Line | None], lead: tuple[int, ...]) -> Rescale | None:
    """Rescale of all slices; None where one has none."""
    found = [line for line in lines if line is not None]
    if len(found) != len(lines):
        return None
    slope = np.array([line.slope for line in found]).reshape(lead)
    return Rescale.of(slope, np.array([line.intercept for line in found]).reshape(lead))


def _meaning(s: Slice, precise: Rescale | None) -> str:
    words = [_COMPONENT_WORDS.get(s.facts.component, "")]
    if precise is not None:
        words.append("display value")
    return ", ".join(w for w in words if w)


def _scaling_findings(slices: Sequence[Slice], where: str) -> tuple[Finding, ...]:
    notes = []
    scalings = {s.scaling for s in slices}
    if len(scalings) > 1:
        text = f"{len(scalings)} rescales over {len(slices)} slices; each slice keeps its own"
        notes.append(Finding("varying-rescale", Level.INFO, where, text, "PS3.3 C.11.1.1.2"))
    if any(s.precise for s in slices):
        text = "Display values are used; precise values are there under the scaling 'precise'"
        notes.append(Finding("philips-scaling", Level.INFO, where, text))
    lines = philips.pet_lines(slices[0].header, Scaling())
    if lines:
        words = ", ".join(f"{line.value.unit} = {line.value.slope:g} · counts" for line in lines.values())
        text = f"Counts are shown; {words}: there under the scalings {' and '.join(lines)}"
        notes.append(Finding("private-scaling", Level.INFO, where, text))
    mapping = real_world_finding(slices[0].header, where)
    notes += [mapping] if mapping else []
    return tuple(notes)


def _sources(slices: Sequence[Slice]) -> tuple[SliceSource, ...]:
    start = _seconds(slices[0])
    return tuple(
        SliceSource(
            file=s.header.name,
            frame=s.frame + 1,
            sop_instance_uid=s.header.text(tags.SOP_INSTANCE_UID) or None,
            slope=s.scaling.slope,
            intercept=s.scaling.intercept,
            time_s=_after(start, _seconds(s)),
            tile=s.tile,
            path=s.header.file,
        )
        for s in slices
    )


def _seconds(s: Slice) -> float | None:
    return s.facts.acquisition_time_s


def _after(start: float | None, time: float | None) -> float | None:
    """Seconds from `start` to `time` of day; a time before the start is past midnight."""
    if start is None or time is None:
        return None
    passed = time - start
    return round(passed if passed >= -43_200 else passed + 86_400, 6)


def _times(stack: Stack) -> tuple[float, ...]:
    """Seconds of each volume after the first, from the attribute that tells them; () if none does."""
    if stack.lead < 2 or stack.axis != "time":
        return ()
    firsts = [stack.slices[n * stack.count] for n in range(stack.lead)]
    if not stack.placed or firsts[0].cine:
        return _frame_times(firsts[0].header, stack.lead)
    start = _seconds(firsts[0])
    acquired = [_after(start, _seconds(s)) for s in firsts]
    triggers = [s.facts.trigger_time_ms for s in firsts]
    references = [s.facts.reference_time_ms for s in firsts]
    in_seconds = ([None if t is None else t / 1000 for t in times] for times in (triggers, references))
    repetition_s = _repetition_s(firsts[0].header)
    for candidate in (acquired, *in_seconds):
        times = [t for t in candidate if t is not None]
        if len(times) == stack.lead and all(b > a for a, b in pairwise(times)):
            return _nominal(tuple(times), repetition_s)
    return tuple(n * repetition_s for n in range(stack.lead)) if repetition_s else ()


def _repetition_s(header: Header) -> float:
    """Seconds from one volume to the next by the header; 0 where it does not tell.

    Temporal Resolution (PS3.3 C.8.13.1), else Repetition Time of a two-dimensional acquisition: that of
    a three-dimensional one is the time of a line.
    """
    resolution = header.number(tags.TEMPORAL_RESOLUTION) or 0.0
    planar = header.text(tags.MR_ACQUISITION_TYPE) != "3D"
    repetition = (header.number(tags.REPETITION_TIME) or 0.0) if planar else 0.0
    return max(0.0, resolution or repetition) / 1000


def _nominal(times: tuple[float, ...], repetition_s: float) -> tuple[float, ...]:
    """Times of the header's repetition where the clock, which is rounded, agrees at every step."""
    steps = np.diff(times)
    mean = float(steps.mean())
    if abs(mean - repetition_s) > MEAN_TOLERANCE * mean or np.ptp(steps) > STEP_TOLERANCE * mean:
        return times
    return tuple(round(n * repetition_s, 6) for n in range(len(times)))


def _frame_times(header: Header, frames: int) -> tuple[float, ...]:
    """Seconds of each frame by Frame Time or Frame Time Vector (PS3.3 C.7.6.5); () if neither tells."""
    step = header.number(tags.FRAME_TIME) or 0.0
    if step > 0:
        return tuple(n * step / 1000 for n in range(frames))
    steps = header.floats(tags.FRAME_TIME_VECTOR)
    if len(steps) != frames or any(s <= 0 for s in steps[1:]):
        return ()
    return tuple(round(passed / 1000, 6) for passed in accumulate((0.0, *steps[1:])))


def instance_of(header: Header) -> Instance:
    """Identity of the object that a header belongs to."""
    return Instance(
        file=header.file,
        sop_instance_uid=header.text(tags.SOP_INSTANCE_UID) or None,
        sop_class_uid=header.text(tags.SOP_CLASS_UID) or None,
        number=header.integer(tags.INSTANCE_NUMBER),
        frames=max(1, header.integer(tags.NUMBER_OF_FRAMES) or 1),
    )


def _label(stack: Stack, description: str) -> str:
    words = [description or "image"]
    for name, value in stack.facts:
        if name == "component":
            words.append(_COMPONENT_WORDS.get(value, value))
        else:
            words.append(_FACT_WORDS.get(name, name + " {}").format(value))
    if (not stack.placed or stack.slices[0].cine) and not stack.ambiguous:
        number = stack.slices[0].facts.instance_number
        words += [f"#{number}"] if number is not None else []
    return ", ".join(words)
