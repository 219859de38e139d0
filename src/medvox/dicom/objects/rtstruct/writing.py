"""Write outlines as an RT Structure Set, holes in either style (PS3.3 A.19, C.8.8.6.3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from medvox.core.contour import ContourSet, PlanarContours, SegmentContours
from medvox.core.errors import GeometryError, UnsupportedError, UsageError
from medvox.core.volume import Volume
from medvox.dicom.objects.referring import series_items
from medvox.dicom.objects.rtstruct.keyhole import keyhole
from medvox.dicom.objects.rtstruct.reading import STRUCTURE_SET
from medvox.dicom.objects.rtstruct.structures import RingKind
from medvox.dicom.objects.sources import SourceFrames, find_sources
from medvox.dicom.objects.subject import Made, ObjectOptions, begin
from medvox.dicom.writing.files import encode
from medvox.dicom.writing.files.output import write_file
from medvox.dicom.writing.modules import coded, da, tm
from medvox.dicom.writing.options import Source
from medvox.dicom.writing.source import Reference, reference_to
from medvox.formats.base import WriteReport

FloatArray = NDArray[np.float64]
_STUDY_CLASS = "1.2.840.10008.3.1.2.3.1"
"""Detached Study Management, retired; what RT Referenced Study Sequence still asks for."""
_ON_SLICE_MM = 0.1
_CONTOURS, _CONTOUR, _ROI_NUMBER, _COLOR = 0x30060039, 0x30060040, 0x30060084, 0x3006002A
_IMAGE, _TYPE, _COUNT, _NUMBER, _POINTS = 0x30060016, 0x30060042, 0x30060046, 0x30060048, 0x30060050
_CLASS, _INSTANCE, _FRAME = 0x00081150, 0x00081155, 0x00081160
_GENERATED = ("AUTOMATIC", "SEMIAUTOMATIC", "MANUAL")


class HoleStyle(StrEnum):
    """How holes are written."""

    KEYHOLE = "keyhole"
    """One ring a region, holes joined by channels of no width: what most systems read."""
    XOR = "xor"
    """Each ring by itself, CLOSEDPLANAR_XOR."""


@dataclass(frozen=True, slots=True)
class StructureSetOptions(ObjectOptions):
    """How a structure set is written.

    Parameters
    ----------
    holes
        `HoleStyle` or its text.
    label
        Structure Set Label, at most 16 characters.
    interpreted_type
        RT ROI Interpreted Type of all structures, e.g. ``"GTV"``; empty where nobody said so.
    """

    holes: HoleStyle | str = HoleStyle.KEYHOLE
    label: str = "medvox"
    interpreted_type: str = ""

    def __post_init__(self) -> None:
        ObjectOptions.__post_init__(self)
        try:
            object.__setattr__(self, "holes", HoleStyle(str(self.holes).lower()))
        except ValueError as error:
            expected = [str(style) for style in HoleStyle]
            raise UsageError("no such style of holes", got=self.holes, expected=expected) from error
        if not 0 < len(self.label) <= 16:
            raise UsageError("a structure set label has 1 to 16 characters", got=self.label)


def write_structure_set(
    contours: ContourSet,
    path: str | PathLike[str],
    source: Volume | Source | None = None,
    options: StructureSetOptions | None = None,
) -> WriteReport:
    """Write outlines as one RT Structure Set; the file appears complete or not at all.

    Parameters
    ----------
    contours
        In LPS mm; points are written with 6 decimals.
    source
        Volume read from DICOM, or series, instances, files they were drawn on: patient, study and frame of
        reference are taken from it, and each contour refers to the image it lies on.

    Returns
    -------
    WriteReport
        The file, what it does not say, and what stands for what was not told.

    Raises
    ------
    GeometryError
        If the source lies in another frame of reference.
    UnsupportedError
        If a coordinate does not fit a decimal string.
    WriteError, AccessError
        If the system refuses.
    """
    options = options or StructureSetOptions()
    sources = find_sources(source)
    made = begin(STRUCTURE_SET, "RTSTRUCT", sources.images if sources else None, options)
    frame = _frame_of_reference(contours, sources, made)
    ds = made.dataset
    ds.OperatorsName = ""
    del ds.ContentDate, ds.ContentTime
    ds.StructureSetLabel = options.label
    ds.StructureSetDate, ds.StructureSetTime = da(made.created), tm(made.created)
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = frame, ""
    ds.ReferencedFrameOfReferenceSequence = DicomSequence([_references(frame, sources)])
    numbers = _numbers(contours)
    ds.StructureSetROISequence = DicomSequence(
        [_roi(number, one, frame) for number, one in zip(numbers, contours.segments, strict=True)]
    )
    ds.RTROIObservationsSequence = DicomSequence(
        [_observation(number, one, options) for number, one in zip(numbers, contours.segments, strict=True)]
    )
    ds.ApprovalStatus = "UNAPPROVED"
    made.finish(options)
    drawn = _Drawn(sources, HoleStyle(options.holes))
    items = [drawn.structure(number, one) for number, one in zip(numbers, contours.segments, strict=True)]
    rest = {_CONTOURS: encode.sequence(_CONTOURS, items)}
    sop = STRUCTURE_SET, str(ds.SOPInstanceUID)
    parts = encode.file_parts(sop, encode.EXPLICIT_LITTLE, [encode.encoded(ds), rest], encode.Encoded(()))
    write_file(Path(path), parts)
    return WriteReport((Path(path),), ("points beyond 6 decimals of a millimeter",), drawn.notes())


def _numbers(contours: ContourSet) -> list[int]:
    own = [one.segment.number for one in contours.segments]
    return own if len(set(own)) == len(own) else list(range(1, len(own) + 1))


def _frame_of_reference(contours: ContourSet, sources: SourceFrames | None, made: Made) -> str:
    theirs = sources.images.frame_of_reference if sources else None
    own = contours.frame_of_reference
    if theirs and own and theirs != own:
        raise GeometryError(
            "the outlines lie in another frame of reference than the source",
            advice="Register and transform them first, or name the image they were drawn on",
        )
    return own or theirs or made.uids.new("frame of reference")


def _references(frame: str, sources: SourceFrames | None) -> Dataset:
    item = Dataset()
    item.FrameOfReferenceUID = frame
    if sources is None:
        return item
    study = Dataset()
    study.ReferencedSOPClassUID = _STUDY_CLASS
    study.ReferencedSOPInstanceUID = sources.references[0].study_uid
    study.RTReferencedSeriesSequence = series_items(sources.references, "ContourImageSequence")
    item.RTReferencedStudySequence = DicomSequence([study])
    return item


def _roi(number: int, one: SegmentContours, frame: str) -> Dataset:
    item = Dataset()
    item.ROINumber, item.ReferencedFrameOfReferenceUID = number, frame
    item.ROIName = one.segment.name[:64]
    if one.segment.description:
        item.ROIDescription = one.segment.description[:1024]
    algorithm = one.segment.algorithm
    item.ROIGenerationAlgorithm = algorithm.kind if algorithm and algorithm.kind in _GENERATED else ""
    return item


def _observation(number: int, one: SegmentContours, options: StructureSetOptions) -> Dataset:
    item = Dataset()
    item.ObservationNumber = item.ReferencedROINumber = number
    if one.segment.kind is not None:
        item.RTROIIdentificationCodeSequence = coded(one.segment.kind)
        if one.segment.category is not None:
            item.SegmentedPropertyCategoryCodeSequence = coded(one.segment.category)
    item.RTROIInterpretedType, item.ROIInterpreter = options.interpreted_type, ""
    return item


class _Drawn:
    """Encodes contours, and counts what has no image."""

    def __init__(self, sources: SourceFrames | None, style: HoleStyle) -> None:
        self._sources, self._style = sources, style
        self._images: dict[Reference, bytes] = {}
        self._count = self._loose = 0

    def structure(self, number: int, one: SegmentContours) -> bytes:
        """Item of the ROI Contour Sequence."""
        red, green, blue = one.segment.color
        contours = [
            self._contour(n, *part)
            for n, part in enumerate(((p, k, r) for p in one.planes for k, r in self._rings(p)), start=1)
        ]
        parts = [encode.text(_COLOR, "IS", f"{red}\\{green}\\{blue}")]
        if contours:
            parts.append(encode.sequence(_CONTOUR, contours))
        parts.append(encode.text(_ROI_NUMBER, "IS", str(number)))
        return b"".join(parts)

    def _rings(self, plane: PlanarContours) -> Iterator[tuple[RingKind, FloatArray]]:
        for region in plane.regions:
            if self._style is HoleStyle.XOR:
                yield from ((RingKind.XOR, ring) for ring in (region.outer, *region.holes))
            else:
                yield RingKind.CLOSED_PLANAR, keyhole(region)
        for curve in plane.curves:
            yield RingKind.POINT if len(curve) == 1 else _open_kind(curve), curve

    def _contour(self, number: int, plane: PlanarContours, kind: RingKind, ring: FloatArray) -> bytes:
        self._count += 1
        reference = self._image_of(plane, ring)
        if reference is None:
            self._loose += 1
        return b"".join(
            (
                b"" if reference is None else self._encoded(reference),
                encode.text(_TYPE, "CS", kind.value),
                encode.text(_COUNT, "IS", str(len(ring))),
                encode.text(_NUMBER, "IS", str(number)),
                encode.text(_POINTS, "DS", decimals_of(ring)),
            )
        )

    def _encoded(self, reference: Reference) -> bytes:
        if reference not in self._images:
            item = encode.element(_CLASS, "UI", reference.sop_class_uid.encode())
            item += encode.element(_INSTANCE, "UI", reference.sop_instance_uid.encode())
            if reference.frame is not None:
                item += encode.text(_FRAME, "IS", str(reference.frame))
            self._images[reference] = encode.sequence(_IMAGE, [item])
        return self._images[reference]

    def _image_of(self, plane: PlanarContours, ring: FloatArray) -> Reference | None:
        """Image that the plane names, if it is a source; else the one that the ring lies on."""
        if self._sources is None:
            return None
        uid = plane.source.sop_instance_uid if plane.source else None
        if plane.source is not None and uid in self._sources.images.by_uid:
            return reference_to(self._sources.images.by_uid[uid], plane.source.frame)
        return self._sources.under(ring, _ON_SLICE_MM)

    def notes(self) -> tuple[str, ...]:
        """What stands for what was not told."""
        if self._sources is None:
            return ("no source image is known: patient and study are empty, no image is referenced",)
        return (f"{self._loose} of {self._count} contours lie on no source image",) if self._loose else ()


def _open_kind(curve: FloatArray) -> RingKind:
    """OPEN_PLANAR where the points lie in one plane within a micrometer."""
    flat = len(curve) < 4 or float(np.linalg.svd(curve - curve.mean(axis=0), compute_uv=False)[2]) < 1e-3
    return RingKind.OPEN_PLANAR if flat else RingKind.OPEN_NONPLANAR


def decimals_of(points: FloatArray | Sequence[Sequence[float]]) -> str:
    """Points as decimal strings of at most 16 characters, 6 decimals.

    Raises
    ------
    UnsupportedError
        If a coordinate is 10 km or more away.
    """
    values = np.asarray(points, np.float64).ravel()
    if len(values) and not np.abs(values).max() < 1e7:
        raise UnsupportedError("a coordinate does not fit a decimal string", got=float(np.abs(values).max()))
    return "\\".join(map("%.6f".__mod__, values.tolist()))
