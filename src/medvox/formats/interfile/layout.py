"""Which axes an Interfile image has: from the kind of study, counts of images and matrix sizes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from medvox.core.axes import PHASE, TIME
from medvox.core.errors import FormatError, UnsupportedError
from medvox.core.finding import Finding, Level
from medvox.formats.interfile.header import InterfileHeader
from medvox.formats.text_header import say

START_KEY = "image relative start time (sec)"
DURATION_KEY = "image duration (sec)"
DURATIONS = "frame_duration_s"
"""Attribute of the provenance: duration of each time frame in seconds."""
_FOURTH = {"gate": PHASE, "gates": PHASE, "phase": PHASE}
_NO_IMAGES = ("curve", "roi")


@dataclass(frozen=True, slots=True)
class Layout:
    """Axes of an image.

    Parameters
    ----------
    lead
        Name and size of each axis before k, slowest first.
    shape
        (k, j, i).
    coordinates
        As in `Volume`.
    findings
        What was odd.
    attributes
        As in `Content`.
    """

    lead: tuple[tuple[str, int], ...]
    shape: tuple[int, int, int]
    coordinates: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()

    @property
    def lead_shape(self) -> tuple[int, ...]:
        """Sizes of the axes before k."""
        return tuple(size for _, size in self.lead)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the axes before k."""
        return tuple(name for name, _ in self.lead)


def read_layout(header: InterfileHeader) -> Layout:
    """Find the axes.

    Raises
    ------
    FormatError
        If the matrix size is missing.
    UnsupportedError
        If the header describes curves or regions.
    """
    kind = header.word("type of data")
    if kind in _NO_IMAGES:
        raise UnsupportedError("the file holds no image", where=header.path, got=f"type of data := {kind}")
    columns, rows = (header.size("matrix size", n) for n in (1, 2))
    if columns is None or rows is None:
        raise FormatError("the header has no 'matrix size'", where=header.path)
    slices = header.size("matrix size", 3)
    if slices is not None:
        return _volumes(header, (slices, rows, columns))
    total = header.size("total number of images")
    if kind == "dynamic":
        return _dynamic(header, total, rows, columns)
    if kind == "gated":
        return _gated(header, total, rows, columns)
    if kind in ("tomographic", "gspect", "pet"):
        return _tomographic(header, kind, total, (rows, columns))
    if len(header.values("image number")) > 1 and total:
        return Layout((("image", total),), (1, rows, columns))
    return Layout((), (_positive(header, total or 1), rows, columns))


def _positive(header: InterfileHeader, count: int) -> int:
    if count < 1:
        raise FormatError("the header counts no images", where=header.path)
    return count


# -- the dialects that state every axis (STIR, Siemens, GE) -------------------------------------------


def _volumes(header: InterfileHeader, shape: tuple[int, int, int]) -> Layout:
    """Axes of a header with ``number of dimensions`` and ``matrix size [3]``."""
    lead: list[tuple[str, int]] = []
    frames = header.size("number of time frames") or 1
    for axis in range(7, 3, -1):
        size = header.size("matrix size", axis) or 1
        label = header.word("matrix axis label", axis)
        name = (_FOURTH.get(label, TIME) if axis == 4 else label) or f"dim{axis}"
        if size > 1:
            lead.append((name, size))
    named = dict(lead)
    for name, size in (
        (TIME, frames),
        (PHASE, header.size("number of time windows") or 1),
        ("data_type", header.size("number of image data types") or 1),
    ):
        if size > 1 and name not in named:
            lead.insert(0, (name, size))
    if len({name for name, _ in lead} | {"k", "j", "i"}) != len(lead) + 3:
        raise FormatError("two axes have one name", where=header.path)
    times, attributes = _frame_times(header, dict(lead).get(TIME, 1))
    return Layout(tuple(lead), shape, times, (), attributes)


def _frame_times(
    header: InterfileHeader, frames: int
) -> tuple[dict[str, tuple[float, ...]], tuple[tuple[str, str], ...]]:
    """Start of each time frame in seconds, and their durations as an attribute."""
    starts, durations = header.indexed(START_KEY), header.indexed(DURATION_KEY)
    numbers = range(1, frames + 1)
    attributes: tuple[tuple[str, str], ...] = ()
    if all(n in durations for n in numbers):
        lengths = [header.list_of(DURATION_KEY, durations[n], 1)[0] for n in numbers]
        attributes = ((DURATIONS, say(lengths)),)
    if frames < 2 or not all(n in starts for n in numbers):
        return {}, attributes
    times = tuple(header.list_of(START_KEY, starts[n], 1)[0] for n in numbers)
    return ({TIME: times} if np.isfinite(times).all() else {}), attributes


# -- Interfile 3.3 --------------------------------------------------------------------------------------


def _tomographic(header: InterfileHeader, kind: str, total: int | None, plane: tuple[int, int]) -> Layout:
    """Slices; what there is more of is energy windows, time slots or detector heads."""
    slices = header.size("number of slices") or header.size("number of images/energy window")
    slices = slices or header.size("number of projections") or total
    if slices is None:
        raise FormatError("the header does not count its slices", where=header.path)
    total = total or slices
    shape = (slices, *plane)
    if total == slices:
        return Layout((), shape)
    if total % slices:
        text = f"{total} images are no whole number of volumes of {slices} slices: read as one stack"
        return Layout((), (total, *plane), findings=(_odd(header, text),))
    groups = total // slices
    names = {
        header.size("number of energy windows"): "energy_window",
        header.size("number of detector heads"): "detector_head",
    }
    name = PHASE if kind == "gspect" else names.get(groups, "image_group")
    return Layout(((name, groups),), shape)


def _dynamic(header: InterfileHeader, total: int | None, rows: int, columns: int) -> Layout:
    """Planar images over time, in frame groups (Interfile 3.3, dynamic study)."""
    key = "number of images this frame group"
    groups = [header.whole(key, header.list_of(key, text, 1)[0]) for text in header.values(key)]
    count = total or sum(groups) or 1
    findings: tuple[Finding, ...] = ()
    if sum(groups) != count and groups:
        text = f"the frame groups have {sum(groups)} images, the header counts {count}"
        findings = (_odd(header, text),)
    elif len(groups) > 1 and min(groups) > 1:
        text = (
            f"{len(groups)} frame groups of planar images are read as one series over time; "
            "(X)MedCon writes the slices of volumes in this way"
        )
        findings = (_odd(header, text),)
    times = _group_times(header, groups) if sum(groups) == count else ()
    return Layout(
        ((TIME, count),) if count > 1 else (),
        (1, rows, columns),
        {TIME: times} if len(times) == count > 1 else {},
        findings,
    )


def _group_times(header: InterfileHeader, groups: list[int]) -> tuple[float, ...]:
    """Start of each planar image in seconds, from durations and pauses of the groups."""
    columns = [header.values(DURATION_KEY), header.values("pause between images (sec)"),
               header.values("pause between frame groups (sec)")]  # fmt: skip
    if len(columns[0]) != len(groups) or sum(groups) > 1 << 20:
        return ()
    lengths, pauses, gaps = (
        [header.list_of("a time in seconds", text, 1)[0] for text in column] for column in columns
    )
    pauses += [0.0] * (len(groups) - len(pauses))
    gaps += [0.0] * (len(groups) - len(gaps))
    times, start = [], 0.0
    for count, length, pause, gap in zip(groups, lengths, pauses, gaps, strict=False):
        times += [start + n * (length + pause) for n in range(count)]
        start += count * length + max(count - 1, 0) * pause + gap
    usable = bool(np.isfinite(times).all()) and times[-1:] != times[:1]
    return tuple(times) if usable else ()


def _gated(header: InterfileHeader, total: int | None, rows: int, columns: int) -> Layout:
    """Planar images over the heart's cycle, in one or more time windows."""
    images = header.size("number of images in time window") or total or 1
    sizes = [
        ("energy_window", header.size("number of energy windows") or 1),
        ("time_window", header.size("number of time windows") or 1),
        (PHASE, images),
    ]
    lead = tuple((name, size) for name, size in sizes if size > 1)
    count = math.prod(size for _, size in lead)
    if total and total != count:
        text = f"windows and images make {count}, the header counts {total} images"
        return Layout(((PHASE, total),), (1, rows, columns), findings=(_odd(header, text),))
    return Layout(lead, (1, rows, columns))


def _odd(header: InterfileHeader, text: str) -> Finding:
    return Finding("ambiguous-4d", Level.WARNING, str(header.path), text, "Interfile 3.3")
