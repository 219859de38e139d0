"""Projection data: PET sinograms and viewgrams (STIR, .hs), SPECT projections. They are no volumes.

STIR stores one segment after the other; matrix axis 1 is the tangential coordinate, 2 and 3 are the
axial coordinate and the view or the other way round, 4 is the segment, 5 the timing position. The
segments of a 3D acquisition have different numbers of axial positions: each becomes an image of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from medvox.core.errors import FormatError, UnsupportedError
from medvox.core.finding import Finding, Level
from medvox.core.grid import Grid
from medvox.core.rescale import IDENTITY, Rescale
from medvox.core.study import Image, Kind
from medvox.formats.content import Content
from medvox.formats.interfile.header import InterfileHeader
from medvox.formats.interfile.values import data_file, start_of, stored_type
from medvox.formats.values.pieces import Pieces

_EMISSION = ("emission", "transmission", "blank", "attenuationcorrection", "normalisation", "normalization")
_MOST_SEGMENTS = 4096
MEANING = "projection data"


def is_projections(header: InterfileHeader) -> bool:
    """Whether a header describes sinograms or projections."""
    labels = {header.word("matrix axis label", n) for n in range(1, 6)}
    if {"x", "y", "z"} <= labels:
        return False
    if any(label.startswith(("tangential", "view", "segment", "axialcoord", "sinogram")) for label in labels):
        return True
    acquired = header.word("process status") == "acquired" and header.size("number of projections")
    return header.word("pet data type") in _EMISSION or bool(acquired)


def note(header: InterfileHeader) -> Finding:
    """Say that this is no volume in the patient."""
    text = "sinograms or projections: counts along lines through the scanner, not a volume in the patient"
    return Finding("projection-data", Level.WARNING, str(header.path), text, "Interfile 3.3; STIR")


@dataclass(frozen=True, slots=True)
class _Segment:
    """One segment: its number in the file, the size of its (k, j, i), and its first byte."""

    number: int
    shape: tuple[int, int, int]
    start: int


def segment_images(header: InterfileHeader) -> tuple[Image, ...]:
    """Make one image a segment of a PET header with at least four matrix axes.

    Raises
    ------
    FormatError, UnsupportedError
        If the axes are not those of STIR.
    """
    labels = [header.word("matrix axis label", n) for n in (1, 2, 3)]
    stored = stored_type(header)
    if labels[0] != "tangentialcoordinate" or set(labels[1:]) != {"view", "axialcoordinate"}:
        raise UnsupportedError(
            "the axes of the projection data cannot be read",
            where=header.path,
            got=", ".join(header.text("matrix axis label", n)[:30] for n in (1, 2, 3)),
            expected="tangential coordinate, then axial coordinate and view in either order",
        )
    timings = header.size("matrix size", 5) or 1
    segments = list(_segments(header, stored.itemsize))
    whole = sum(math.prod(segment.shape) for segment in segments) * stored.itemsize
    data, images = data_file(header), []
    for segment in segments:
        starts = tuple(segment.start + n * whole for n in range(timings))
        pieces = Pieces(data, starts, (timings,) if timings > 1 else (), segment.shape, stored)
        pieces.check("matrix size")
        images.append(_image(header, segment, pieces, len(segments)))
    return tuple(images)


def _segments(header: InterfileHeader, itemsize: int) -> Iterator[_Segment]:
    count = header.size("matrix size", 4) or 1
    if count > _MOST_SEGMENTS:
        raise FormatError("there are absurdly many segments", where=header.path, got=count)
    sizes = []
    for axis in (3, 2, 1):
        text = header.text("matrix size", axis)
        found = [header.whole("matrix size", value) for value in header.list_of("matrix size", text or "0")]
        if len(found) not in (1, count) or min(found) < 1:
            raise FormatError("'matrix size' does not fit the segments", where=header.path, got=text[:60])
        sizes.append(found * (count if len(found) == 1 else 1))
    start = start_of(header)
    for number, (k, j, i) in enumerate(zip(*sizes, strict=True)):
        yield _Segment(number, (k, j, i), start)
        start += k * j * i * itemsize


def _image(header: InterfileHeader, segment: _Segment, pieces: Pieces, count: int) -> Image:
    names = [header.text("matrix axis label", n) for n in (3, 2, 1)]
    attributes = list(zip("kji", names, strict=True))
    rings = _ring_differences(header, segment.number)
    if rings:
        attributes.append(("ring_difference", rings))
    named = ", ".join(f"{axis} is the {name}" for axis, name in zip("kji", names, strict=True))
    rescale, faults = _rescale(header, segment.number, count)
    content = Content(
        path=header.path,
        grid=Grid.pixels(segment.shape),
        array=pieces.array,
        axes=("timing_position",) * len(pieces.lead_shape) + ("k", "j", "i"),
        lead_shape=pieces.lead_shape,
        label=f"{header.path.name} segment {segment.number + 1}" if count > 1 else "",
        rescale=rescale,
        meaning=f"{MEANING}: {named}",
        modality="PT",
        findings=(note(header), *faults),
        facts=(("segment", str(segment.number + 1)),) if count > 1 else (),
        attributes=tuple(attributes),
    )
    return as_stack(content.image())


def _rescale(header: InterfileHeader, number: int, count: int) -> tuple[Rescale, tuple[Finding, ...]]:
    """Scale of a segment: ``image scaling factor`` holds for all, or lists one for each."""
    text = header.text("image scaling factor")
    factors = header.list_of("image scaling factor", text) if text else [1.0]
    factor = factors[number] if len(factors) == count else factors[0]
    if np.isfinite(factor) and factor != 0 and len(factors) in (1, count):
        return Rescale.of(factor, 0.0), ()
    text = "'image scaling factor' cannot be used: stored values are shown"
    return IDENTITY, (Finding("bad-rescale", Level.WARNING, str(header.path), text),)


def _ring_differences(header: InterfileHeader, number: int) -> str:
    ends = []
    for key in ("minimum ring difference per segment", "maximum ring difference per segment"):
        text = header.text(key)
        found = header.list_of(key, text) if text else []
        ends.append(found[number] if number < len(found) else np.nan)
    return f"{ends[0]:g} to {ends[1]:g}" if np.isfinite(ends).all() else ""


def as_stack(image: Image) -> Image:
    """Return the image as one that can be leafed through, but not reformatted."""
    return replace(image, kind=Kind.STACK) if image.kind is Kind.VOLUME else image
