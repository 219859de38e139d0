"""Functional groups of a new segmentation, encoded: pieces that recur are encoded once (PS3.3 C.7.6.16)."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from medvox.core.grid import Grid, Space
from medvox.core.labels import Code
from medvox.dicom.objects.pieces import PER_FRAME
from medvox.dicom.objects.referring import instance_item
from medvox.dicom.writing.files import encode
from medvox.dicom.writing.modules import coded, decimal, decimals
from medvox.dicom.writing.source import Reference

_CONTENT, _INDEX, _POSITION = 0x00209111, 0x00209157, 0x00209113
_SEGMENT, _SEGMENT_NUMBER, _DERIVATION = 0x0062000A, 0x0062000B, 0x00089124
_IMAGE_POSITION = 0x00200032
SEGMENTATION_CODE = Code("113076", "DCM", "Segmentation")
PURPOSE = Code("121322", "DCM", "Source image for image processing operation")
_SOURCE_POINTER, _DERIVATION_POINTER = 0x00081160, 0x00089124


def dimensions(ds: Dataset, uid: str, *, by_segment: bool, placed: bool) -> None:
    """Multi-frame Dimension module (PS3.3 C.7.6.17): segment, then place of the slice."""
    organization = Dataset()
    organization.DimensionOrganizationUID = uid
    ds.DimensionOrganizationSequence = DicomSequence([organization])
    pointers = [(_SEGMENT_NUMBER, _SEGMENT, "Segment")] if by_segment else []
    if placed:
        pointers.append((_IMAGE_POSITION, _POSITION, "Image Position"))
    elif not by_segment:
        pointers.append((_SOURCE_POINTER, _DERIVATION_POINTER, "Source frame"))
    made = []
    for pointer, group, label in pointers:
        item = Dataset()
        item.DimensionOrganizationUID = uid
        item.DimensionIndexPointer, item.FunctionalGroupPointer = pointer, group
        item.DimensionDescriptionLabel = label
        made.append(item)
    ds.DimensionIndexSequence = DicomSequence(made)


def shared_groups(grid: Grid, thickness_mm: float | None) -> Dataset:
    """Pixel measures and orientation, which hold for all frames."""
    shared = Dataset()
    if grid.space is not Space.PIXEL:
        _, row, column = grid.spacing_mm
        measures = Dataset()
        mean = float(np.mean(grid.slice_extents_mm))
        measures.SliceThickness = decimal(thickness_mm or mean)
        if grid.is_even and grid.shape[0] > 1:
            measures.SpacingBetweenSlices = decimal(mean)
        measures.PixelSpacing = decimals((row, column))
        shared.PixelMeasuresSequence = DicomSequence([measures])
    if grid.space is Space.PATIENT:
        plane = Dataset()
        plane.ImageOrientationPatient = decimals([*grid.direction[:, 2], *grid.direction[:, 1]])
        shared.PlaneOrientationSequence = DicomSequence([plane])
    return shared


def per_frame(
    frames: Sequence[tuple[int, int]],
    grid: Grid,
    references: Sequence[Reference | None],
    *,
    by_segment: bool,
) -> dict[int, bytes]:
    """Encode the Per-Frame Functional Groups Sequence.

    Parameters
    ----------
    frames
        Segment number and slice of each frame.
    references
        Source frame of each slice of the grid.
    by_segment
        Whether frames name a segment (not those of label maps).
    """
    used = sorted({k for _, k in frames})
    rank = {k: n + 1 for n, k in enumerate(used)}
    places = {k: _place(grid, k) for k in used}
    sources = {k: _derivation(references[k]) for k in used}
    segments = {number: _segment(number) for number in {number for number, _ in frames}} if by_segment else {}
    placed = grid.space is Space.PATIENT
    groups = []
    for number, k in frames:
        index = ([number] if by_segment else []) + ([rank[k]] if placed or not by_segment else [])
        groups.append(b"".join((sources[k], _content(index), places[k], segments.get(number, b""))))
    return {PER_FRAME: encode.sequence(PER_FRAME, groups)}


def _content(index: Sequence[int]) -> bytes:
    value = struct.pack(f"<{len(index)}I", *index)
    return encode.sequence(_CONTENT, [encode.element(_INDEX, "UL", value)])


def _place(grid: Grid, k: int) -> bytes:
    if grid.space is not Space.PATIENT:
        return b""
    text = "\\".join(decimals(grid.slice_origin_mm(k)))
    return encode.sequence(_POSITION, [encode.text(_IMAGE_POSITION, "DS", text)])


def _segment(number: int) -> bytes:
    value = encode.element(_SEGMENT_NUMBER, "US", struct.pack("<H", number))
    return encode.sequence(_SEGMENT, [value])


def _derivation(reference: Reference | None) -> bytes:
    if reference is None:
        return b""
    source = instance_item(reference, frame=True)
    source.SpatialLocationsPreserved = "YES"
    source.PurposeOfReferenceCodeSequence = coded(PURPOSE)
    item = Dataset()
    item.SourceImageSequence = DicomSequence([source])
    item.DerivationCodeSequence = coded(SEGMENTATION_CODE)
    holder = Dataset()
    holder.DerivationImageSequence = DicomSequence([item])
    return encode.encoded(holder)[_DERIVATION]
