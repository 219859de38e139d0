"""Write label maps as DICOM segmentations, onto the source's own frames (PS3.3 A.51, C.8.20)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from medvox.core.errors import GeometryError, UnsupportedError, UsageError
from medvox.core.grid import Grid, Space
from medvox.core.labels import LabelMap, Segment
from medvox.core.volume import Volume
from medvox.dicom.objects.referring import series_items
from medvox.dicom.objects.segmentation import groups
from medvox.dicom.objects.segmentation.bits import packed
from medvox.dicom.objects.segmentation.options import SegmentationKind, SegmentationOptions
from medvox.dicom.objects.segmentation.reading import LABEL_MAP, SEGMENTATION
from medvox.dicom.objects.segmentation.segments import TISSUE, UNNAMED, background_item, segment_item
from medvox.dicom.objects.sources import SourceFrames, find_sources
from medvox.dicom.objects.subject import Made, begin, content_identification
from medvox.dicom.writing.files import encode
from medvox.dicom.writing.files.output import write_file
from medvox.dicom.writing.files.pixel_data import pixel_element
from medvox.dicom.writing.options import Compression, Source
from medvox.dicom.writing.plan import check_right_angle
from medvox.dicom.writing.source import Reference
from medvox.formats.base import WriteReport

AnyArray = NDArray[Any]
_MOST_BYTES = 0xFFFFFFFE
_MOST_SEGMENTS = 65535
_STEPS = 255
"""Maximum Fractional Value: all that eight bits hold."""


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """What is written: segments with their numbers, frames, their sources."""

    labels: LabelMap
    kind: SegmentationKind
    options: SegmentationOptions
    segments: tuple[tuple[int, Segment], ...]
    frames: tuple[tuple[int, int], ...]
    references: tuple[Reference | None, ...]
    sources: SourceFrames | None

    @property
    def grid(self) -> Grid:
        """Where the voxels are."""
        return self.labels.grid


def write_segmentation(
    labels: LabelMap,
    path: str | PathLike[str],
    source: Volume | Source | None = None,
    options: SegmentationOptions | None = None,
) -> WriteReport:
    """Write a label map as one DICOM segmentation; the file appears complete or not at all.

    Parameters
    ----------
    labels
        On any grid, uneven and tilted stacks included. Overlapping segments are kept (but in label maps).
    source
        Volume read from DICOM, or series, instances, files that were segmented: patient, study and frame of
        reference are taken from it, and each frame refers to the source frame that has its voxels. None: as
        the labels' provenance tells.

    Returns
    -------
    WriteReport
        The file, what it does not say, and what stands for what was not told.

    Raises
    ------
    UnsupportedError
        If DICOM cannot hold it: rows and columns not at a right angle, no place in the patient and no
        source, overlap in a label map, more than 4 GiB.
    GeometryError
        If the source lies in another frame of reference.
    WriteError, AccessError
        If the system refuses.
    """
    options = options or SegmentationOptions()
    plan = _plan(labels, find_sources(source, labels.provenance), options)
    made = begin(
        LABEL_MAP if plan.kind is SegmentationKind.LABEL_MAP else SEGMENTATION,
        "SEG",
        plan.sources.images if plan.sources else None,
        options,
    )
    ds = made.dataset
    _image(ds, plan)
    _frame_of_reference(ds, plan, made)
    _segments(ds, plan)
    _references(ds, plan)
    by_segment = plan.kind is not SegmentationKind.LABEL_MAP
    placed = plan.grid.space is Space.PATIENT
    groups.dimensions(ds, made.uids.new("dimensions"), by_segment=by_segment, placed=placed)
    shared = groups.shared_groups(plan.grid, _thickness(plan))
    ds.SharedFunctionalGroupsSequence = DicomSequence([shared])
    made.finish(options)
    frames = groups.per_frame(plan.frames, plan.grid, plan.references, by_segment=by_segment)
    syntax, pixels = _pixels(plan)
    sop = str(ds.SOPClassUID), str(ds.SOPInstanceUID)
    write_file(Path(path), encode.file_parts(sop, syntax, [encode.encoded(ds), frames], pixels))
    return WriteReport((Path(path),), _losses(plan), _notes(plan))


def _plan(labels: LabelMap, sources: SourceFrames | None, options: SegmentationOptions) -> _Plan:
    kind = SegmentationKind(options.kind or ("fractional" if labels.fractional else "binary"))
    if not labels.segments:
        raise UsageError("there is no segment to write", expected="at least one segment")
    if len(labels.segments) > _MOST_SEGMENTS:
        raise UnsupportedError(
            "too many segments", got=len(labels.segments), expected=f"at most {_MOST_SEGMENTS}"
        )
    if options.assume_patient_space and labels.grid.space is not Space.PATIENT:
        labels = replace(labels, grid=replace(labels.grid, space=Space.PATIENT))
    _check_values(labels, kind)
    references = sources.on(labels.grid, labels.provenance) if sources else (None,) * labels.grid.shape[0]
    _check_place(labels.grid, references, sources)
    segments = _numbered(labels, kind)
    frames = _frames(labels, segments, kind, options.keep_empty_slices)
    return _Plan(labels, kind, options, segments, frames, references, sources)


def _check_values(labels: LabelMap, kind: SegmentationKind) -> None:
    if labels.fractional and kind is not SegmentationKind.FRACTIONAL:
        raise UnsupportedError(
            f"fractions cannot be written as {kind}",
            advice="Write kind 'fractional', or threshold them first",
        )
    if labels.fractional:
        low, high = float(labels.data.min(initial=0)), float(labels.data.max(initial=0))
        if not (low >= 0 and high <= 1):  # also refuses NaN
            raise UsageError("fractions must lie between 0 and 1", got=f"{low:g} to {high:g}")
    elif kind is SegmentationKind.LABEL_MAP:
        shared = int(((labels.data > 0).sum(axis=0) > 1).sum()) if len(labels.data) > 1 else 0
        if shared:
            raise UnsupportedError(
                "segments overlap, which a label map cannot hold",
                got=f"{shared} voxels",
                advice="Write kind 'binary'",
            )


def _check_place(grid: Grid, references: Sequence[Reference | None], sources: SourceFrames | None) -> None:
    if grid.space is Space.PATIENT:
        check_right_angle(grid)
        theirs = sources.images.frame_of_reference if sources else None
        if theirs and grid.frame_of_reference and theirs != grid.frame_of_reference:
            raise GeometryError(
                "the labels lie in another frame of reference than the source",
                advice="Register and resample them first, or name the image they were drawn on",
            )
    elif any(reference is None for reference in references):
        raise UnsupportedError(
            "the labels have no place in the patient, and not every slice has a source image",
            got=str(grid.space),
            expected=str(Space.PATIENT),
            advice="Name the source image, or choose assume_patient_space",
        )


def _numbered(labels: LabelMap, kind: SegmentationKind) -> tuple[tuple[int, Segment], ...]:
    """Numbers of the segments in the file: theirs where the standard allows, else from 1 (C.8.20.2)."""
    own = [s.number for s in labels.segments]
    free = kind is SegmentationKind.LABEL_MAP and len(set(own)) == len(own)
    if free or sorted(own) == list(range(1, len(own) + 1)):
        return tuple(sorted(zip(own, labels.segments, strict=True), key=lambda pair: pair[0]))
    return tuple(enumerate(labels.segments, start=1))


def _frames(
    labels: LabelMap, segments: Sequence[tuple[int, Segment]], kind: SegmentationKind, keep_empty: bool
) -> tuple[tuple[int, int], ...]:
    """Segment number and slice of each frame."""
    slices = labels.grid.shape[0]
    if kind is SegmentationKind.LABEL_MAP:
        used = [k for k in range(slices) if keep_empty or labels.data[:, k].any()] or [0]
        return tuple((0, k) for k in used)
    frames = [(number, k) for number, segment in segments for k in _slices_of(labels, segment)]
    shown = {k for _, k in frames}
    if keep_empty:
        frames += [(segments[0][0], k) for k in range(slices) if k not in shown]
    if not frames:
        frames = [(segments[0][0], 0)]
    return tuple(sorted(frames))


def _slices_of(labels: LabelMap, segment: Segment) -> list[int]:
    layer = labels.data[segment.layer]
    if labels.fractional:
        return [k for k in range(len(layer)) if layer[k].any()]
    return [k for k in range(len(layer)) if (layer[k] == segment.number).any()]


def _image(ds: Dataset, plan: _Plan) -> None:
    """General Image, Image Pixel, Segmentation Image (PS3.3 C.7.6.3, C.8.20.2)."""
    ds.ImageType = ["DERIVED", "PRIMARY"]
    content_identification(ds, plan.options, "SEGMENTATION")
    ds.BurnedInAnnotation, ds.LossyImageCompression = "NO", "00"
    _, ds.Rows, ds.Columns = plan.grid.shape
    ds.NumberOfFrames = len(plan.frames)
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 0
    bits = {SegmentationKind.BINARY: 1, SegmentationKind.FRACTIONAL: 8}.get(plan.kind, _label_bits(plan))
    ds.BitsAllocated = ds.BitsStored = bits
    ds.HighBit = bits - 1
    ds.SegmentationType = str(plan.kind).upper()
    ds.SegmentsOverlap = "NO"
    if plan.kind is SegmentationKind.LABEL_MAP:
        ds.PixelPaddingValue = 0
    elif len({segment.layer for _, segment in plan.segments}) > 1:
        ds.SegmentsOverlap = (
            "UNDEFINED" if plan.labels.fractional else "YES" if plan.labels.overlaps else "NO"
        )
    if plan.kind is SegmentationKind.FRACTIONAL:
        ds.SegmentationFractionalType = "PROBABILITY" if plan.options.probability else "OCCUPANCY"
        ds.MaximumFractionalValue = _STEPS


def _label_bits(plan: _Plan) -> int:
    return 8 if max(number for number, _ in plan.segments) < 256 else 16


def _frame_of_reference(ds: Dataset, plan: _Plan, made: Made) -> None:
    if plan.grid.space is not Space.PATIENT:
        return
    theirs = plan.sources.images.frame_of_reference if plan.sources else None
    own = plan.grid.frame_of_reference
    ds.FrameOfReferenceUID = own or theirs or made.uids.new("frame of reference")
    ds.PositionReferenceIndicator = ""


def _segments(ds: Dataset, plan: _Plan) -> None:
    items = [segment_item(segment, number) for number, segment in plan.segments]
    if plan.kind is SegmentationKind.LABEL_MAP:
        items.insert(0, background_item())
    ds.SegmentSequence = DicomSequence(items)


def _references(ds: Dataset, plan: _Plan) -> None:
    """Common Instance Reference (PS3.3 C.12.2): every instance of the source series, by series."""
    if plan.sources is None:
        return
    ds.ReferencedSeriesSequence = series_items(plan.sources.references, "ReferencedInstanceSequence")


def _thickness(plan: _Plan) -> float | None:
    """Slice Thickness of the source, where it says one."""
    told = plan.sources.images.template.get("SliceThickness") if plan.sources else None
    try:
        return float(told) if told else None
    except (TypeError, ValueError):
        return None


def _pixels(plan: _Plan) -> tuple[str, encode.Encoded]:
    compression = Compression(plan.options.compression)
    if plan.kind is not SegmentationKind.BINARY:
        return pixel_element(np.stack(list(_stored(plan))), compression)
    if compression not in (Compression.NONE, Compression.DEFLATED):
        raise UnsupportedError(
            "frames of single bits cannot be compressed one by one",
            got=str(compression),
            expected=["none", "deflated"],
        )
    pixels = plan.grid.shape[1] * plan.grid.shape[2]
    length = -(-len(plan.frames) * pixels // 8)
    if length + length % 2 > _MOST_BYTES:
        raise UnsupportedError("the segmentation is too long for one instance", got=f"{length} bytes")
    head = encode.head(encode.PIXEL_DATA, "OB", length + length % 2)
    parts: list[bytes | memoryview] = [head, *packed(_masks(plan), pixels), b"\0" * (length % 2)]
    return encode.DEFLATED if compression is Compression.DEFLATED else encode.EXPLICIT_LITTLE, encode.Encoded(
        parts
    )


def _masks(plan: _Plan) -> Iterator[AnyArray]:
    known = dict(plan.segments)
    for number, k in plan.frames:
        segment = known[number]
        yield plan.labels.data[segment.layer][k] == segment.number


def _stored(plan: _Plan) -> Iterator[AnyArray]:
    """Stored numbers of frames that are not single bits."""
    data = plan.labels.data
    if plan.kind is SegmentationKind.LABEL_MAP:
        dtype = np.dtype("<u1" if _label_bits(plan) == 8 else "<u2")
        for _, k in plan.frames:
            frame = np.zeros(plan.grid.shape[1:], dtype)
            for number, segment in plan.segments:
                frame[data[segment.layer][k] == segment.number] = number
            yield frame
        return
    known = dict(plan.segments)
    for number, k in plan.frames:
        layer = data[known[number].layer][k]
        part = layer if plan.labels.fractional else layer == known[number].number
        yield np.rint(part * np.float32(_STEPS)).astype(np.uint8)


def _losses(plan: _Plan) -> tuple[str, ...]:
    losses = []
    if plan.labels.fractional:
        error = float(np.abs(plan.labels.data - np.rint(plan.labels.data * _STEPS) / _STEPS).max(initial=0))
        losses.append(f"fractions in {_STEPS} steps: largest error {error:.4f}")
    moved = sum(number != segment.number for number, segment in plan.segments)
    if moved:
        losses.append(f"numbers of {moved} segments: they are counted from 1, names tell them")
    if not plan.options.keep_empty_slices:
        losses.append("slices that show no segment; the source image has them")
    normal = np.cross(plan.grid.direction[:, 2], plan.grid.direction[:, 1])
    if plan.grid.space is Space.PATIENT and float(normal @ plan.grid.normal) < 0:
        losses.append("order of the slices: DICOM counts them along the cross product of rows and columns")
    return tuple(losses)


def _notes(plan: _Plan) -> tuple[str, ...]:
    notes = []
    names = [s.name for _, s in plan.segments if s.kind is None or s.category is None]
    if names:
        notes.append(f"{len(names)} segments without a code: '{TISSUE.meaning}' stands for what they are")
    if any(s.algorithm is None for _, s in plan.segments):
        notes.append(f"who drew is not told: {UNNAMED.kind.lower()}, {UNNAMED.name}")
    known = sum(reference is not None for reference in plan.references)
    if plan.sources is None:
        notes.append("no source image is known: patient and study are empty, a new frame of reference")
    elif known < len(plan.references):
        notes.append(
            f"{len(plan.references) - known} of {len(plan.references)} slices are no frame of the source"
        )
    return tuple(notes)
