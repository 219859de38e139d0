"""When the slices of a volume were excited."""

from __future__ import annotations

from itertools import pairwise

from medvox.core.acquisition import Fact, SliceTiming
from medvox.core.errors import MedvoxError
from medvox.dicom.elements.facts import Elements, positive
from medvox.dicom.header import Header
from medvox.dicom.slices import Slice
from medvox.dicom.stacks import DIFFUSION, TIME, Stack
from medvox.dicom.times import seconds_of_day
from medvox.dicom.vendors import ge, ge_timing, siemens, united_imaging

_TOLERANCE_S = 0.01
_CLOCK_S = 0.0025
"""Step of Siemens' clock."""


def slice_timing(elements: Elements, stack: Stack) -> SliceTiming | None:
    """Slice timing of a two-dimensional MR acquisition; None where the header does not tell it.

    Parameters
    ----------
    elements
        Of the first frame.
    """
    kind, repetition = elements.text("MRAcquisitionType"), positive(elements.number("RepetitionTime"))
    if not stack.placed or stack.count < 2 or repetition is None or (kind and kind.value != "2D"):
        return None
    first = list(stack.slices[: stack.count])
    header, repetition_s = first[0].header, repetition.value / 1000
    times = None
    if siemens.is_siemens(header):
        times = _mosaic_times(stack) or _clock_times(first, stack, repetition_s)
    elif united_imaging.is_uih(header):
        times = _tile_times(elements, first) or _clock_times(first, stack, repetition_s)
    elif ge.is_ge(header) and stack.axis == TIME:
        times = _ge_times(elements, stack, repetition_s)
    return SliceTiming(times) if times else None


def _mosaic_times(stack: Stack) -> Fact[tuple[float, ...]] | None:
    """MosaicRefAcqTimes, milliseconds in the order of the tiles.

    Some software gives wrong times for the first volume (rordenlab/dcm2niix, issue 870): where the second
    takes another time in all, it counts.
    """
    found = [_one_mosaic(stack, n) for n in range(min(2, stack.lead))]
    times = found[0]
    if len(found) == 2 and times and found[1] and abs(max(times) - max(found[1])) > _CLOCK_S / 2:
        times = found[1]
    return Fact(times, siemens.MOSAIC_TIMES) if times else None


def _one_mosaic(stack: Stack, volume: int) -> tuple[float, ...]:
    slices = stack.slices[volume * stack.count : (volume + 1) * stack.count]
    layout = siemens.mosaic(slices[0].header) if slices[0].tile is not None else None
    if layout is None or not layout.times_ms:
        return ()
    start = min(layout.times_ms)
    return tuple(round((layout.times_ms[_tile_number(s, layout.tiles)] - start) / 1000, 6) for s in slices)


def _tile_number(s: Slice, across: int) -> int:
    row, column = s.tile or (0, 0)
    return row // s.rows * across + column // s.columns


def _tile_times(elements: Elements, slices: list[Slice]) -> Fact[tuple[float, ...]] | None:
    """Acquisition Time of each tile of a United Imaging frame."""
    if slices[0].tile is None:
        return None
    try:
        found = united_imaging.tiles(slices[0].header, elements.data)
    except (MedvoxError, AttributeError, TypeError, ValueError, IndexError):
        return None
    if found is None:
        return None
    tiles, (_, across) = found
    seconds = [seconds_of_day(tiles[_tile_number(s, across)].time) for s in slices]
    return _relative(seconds, united_imaging.TILE_TIMES)


def _clock_times(slices: list[Slice], stack: Stack, repetition_s: float) -> Fact[tuple[float, ...]] | None:
    """Acquisition time of each slice of a series of volumes, where they fit in one repetition."""
    is_enhanced = slices[0].header is slices[-1].header
    if stack.axis not in (TIME, DIFFUSION) and not is_enhanced:
        return None
    source = "(0018,9074) FrameAcquisitionDateTime" if is_enhanced else "(0008,0032) AcquisitionTime"
    found = _relative([s.facts.acquisition_time_s for s in slices], source)
    return found if found and max(found.value) <= repetition_s + _TOLERANCE_S else None


def _relative(seconds: list[float | None], source: str) -> Fact[tuple[float, ...]] | None:
    known = [s for s in seconds if s is not None]
    if len(known) != len(seconds) or len(set(known)) < 2:
        return None
    if max(known) - min(known) > 43_200:  # over midnight
        known = [s + 86_400 if s < 43_200 else s for s in known]
    start = min(known)
    return Fact(tuple(round(s - start, 6) for s in known), source)


def _ge_times(elements: Elements, stack: Stack, repetition_s: float) -> Fact[tuple[float, ...]] | None:
    begin = stack.count if stack.lead > 1 else 0
    second = [_elements(s.header) for s in stack.slices[begin : begin + stack.count]]
    found = ge_timing.times_of_volume(second, repetition_s)
    if found is not None:
        return found
    stated = ge.slice_count(stack.slices[0].header)
    if stated is not None and stated != stack.count:  # interpolated, or not all slices are there
        return None
    numbers = [s.facts.instance_number for s in stack.slices[: stack.count]]
    known = [n for n in numbers if n is not None]
    if len(set(known)) != stack.count:
        return None
    steps = {b - a for a, b in pairwise(sorted(known))}
    ranks = [sorted(known).index(n) for n in known]
    return ge_timing.times_by_protocol(elements, ranks, repetition_s) if len(steps) == 1 else None


def _elements(header: Header) -> Elements:
    return Elements.of(header.dataset())
