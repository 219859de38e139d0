"""Label maps in files: read any, write by the suffix."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path

import numpy as np

from medvox.core.errors import UsageError
from medvox.core.grid import Grid
from medvox.core.labels import LabelMap, Segment
from medvox.core.volume import Volume
from medvox.dicom.scan import is_dicom
from medvox.formats.base import WriteReport, stored_name
from medvox.formats.labels import (
    find_table,
    read_color_table,
    read_seg_nrrd,
    write_color_table,
    write_seg_nrrd,
)
from medvox.formats.labels.color_table import IMAGE_SUFFIXES, named
from medvox.workflows.open_folder import read
from medvox.workflows.save import write

COLORS = (
    (230, 75, 53), (77, 187, 213), (0, 160, 135), (243, 155, 127), (60, 84, 136), (240, 200, 60),
    (145, 209, 194), (220, 60, 160), (126, 97, 72), (132, 145, 180), (110, 190, 60), (176, 156, 133),
)  # fmt: skip
"""Colors of segments that bring none, in turn."""
MOST_SEGMENTS = 4096
"""A file of more distinct values is an image, not a label map."""

Writer = Callable[[LabelMap, Path, Volume | None], WriteReport]
Reader = Callable[[Path], LabelMap]
DICOM_SUFFIXES = (".dcm", ".dicom")


def read_labels(path: str | PathLike[str], source: Volume | Grid | None = None) -> LabelMap:
    """Read a label map from a file.

    Parameters
    ----------
    path
        DICOM segmentation; .seg.nrrd; or file of whole numbers (NIfTI, NRRD, MetaImage, ...): 0 is
        background, and each other number a segment ``"Segment 1"``, unless a table beside the file names it
        (``x.ctbl`` of 3D Slicer, ``x.label`` or ``x.txt`` of ITK-SNAP or FreeSurfer).
    source
        Image that was segmented, or its grid: a DICOM segmentation, which may leave out empty slices, gets
        that grid.

    Raises
    ------
    UsageError
        If the values are no labels: fractions, negative numbers, or more than `MOST_SEGMENTS` of them.
    FormatError
        If a segmentation contradicts itself.
    """
    place = Path(path)
    if _is_dicom(place):
        from medvox.dicom.objects.segmentation import read_segmentation

        return read_segmentation(place, source.grid if isinstance(source, Volume) else source)
    for suffixes, reader in READERS:
        if place.name.lower().endswith(suffixes):
            return reader(place)
    return _named(_from_volume(read(place), place), place)


def _is_dicom(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        first = file.read(1024)
    return first[128:132] == b"DICM" or (path.name.lower().endswith(DICOM_SUFFIXES) and is_dicom(first))


def _named(labels: LabelMap, path: Path) -> LabelMap:
    """Take names and colors of a table beside the image."""
    table = find_table(path)
    return labels if table is None else labels.with_segments(named(labels.segments, read_color_table(table)))


def write_labels(labels: LabelMap, path: str | PathLike[str], source: Volume | None = None) -> WriteReport:
    """Write a label map; the suffix says how.

    Parameters
    ----------
    labels
        Segments on a grid.
    path
        File to write, e.g. ``"x.nii.gz"``.
    source
        Image that was segmented, for formats that refer to it (DICOM). Labels on its regular copy go back
        onto its own slices.

    Returns
    -------
    WriteReport
        The files written, and what the format could not hold.
    """
    target = Path(path)
    for suffixes, writer in WRITERS:
        if target.name.lower().endswith(suffixes):
            return writer(labels, target, source)
    return _with_table(labels, write(labels, target))


def _write_dicom(labels: LabelMap, path: Path, source: Volume | None) -> WriteReport:
    from medvox.dicom.objects.segmentation import write_segmentation

    if source is None or labels.grid.is_close(source.grid) or not labels.grid.is_close(source.grid.regular()):
        return write_segmentation(labels, path, source)
    report = write_segmentation(onto_slices(labels, source.grid), path, source)
    note = "the labels were made on a regular copy: each source voxel got the label nearest to it"
    return WriteReport(report.files, report.losses, (note, *report.notes))


def onto_slices(labels: LabelMap, grid: Grid) -> LabelMap:
    """Bring labels onto the slices of another grid: each voxel gets the nearest label.

    Parameters
    ----------
    grid
        In the same space, e.g. that of the stored slices where the labels lie on their regular copy.
    """
    data = np.zeros((len(labels.data), *grid.shape), labels.data.dtype)
    j, i = np.meshgrid(np.arange(grid.shape[1]), np.arange(grid.shape[2]), indexing="ij")
    for k in range(grid.shape[0]):
        at = labels.grid.to_voxel(grid.to_patient(np.stack([np.full_like(j, k), j, i], axis=-1)))
        index = np.rint(at).astype(np.int64)
        inside = ((index >= 0) & (index < labels.grid.shape)).all(axis=-1)
        data[:, k][:, inside] = labels.data[:, *index[inside].T]
    known = labels.provenance
    return LabelMap(
        data,
        grid,
        labels.segments,
        labels.fractional,
        known.derive("onto slices", grid) if known else None,
        labels.findings,
    )


def _with_table(labels: LabelMap, report: WriteReport) -> WriteReport:
    """Write names and colors beside an image of one layer of numbers."""
    if len(labels.data) > 1 or labels.fractional or not labels.segments:
        return report
    image = report.files[0]
    table = image.with_name(stored_name(image, IMAGE_SUFFIXES) + ".ctbl")
    write_color_table(labels.segments, table)
    losses = tuple("codes of the segments" if "names" in loss else loss for loss in report.losses)
    return WriteReport((*report.files, table), losses, report.notes)


def _write_seg_nrrd(labels: LabelMap, path: Path, _source: Volume | None) -> WriteReport:
    return write_seg_nrrd(labels, path)


READERS: tuple[tuple[tuple[str, ...], Reader], ...] = (((".seg.nrrd", ".seg.nhdr"), read_seg_nrrd),)
"""Readers of files that say more than an image does, by suffix; the first that fits reads."""
WRITERS: tuple[tuple[tuple[str, ...], Writer], ...] = (
    ((".seg.nrrd",), _write_seg_nrrd),
    (DICOM_SUFFIXES, _write_dicom),
)
"""Writers of files that hold more than an image does, by suffix; the first that fits writes."""


def _from_volume(volume: Volume, path: Path) -> LabelMap:
    values = volume.values()
    if values.ndim != 3:
        raise UsageError("labels have more axes than three", where=path, got=volume.axes)
    if values.dtype.kind == "f":
        whole = np.rint(values)
        if not np.array_equal(whole, values):
            raise UsageError("values are fractions, not labels", where=path)
        values = whole.astype(np.int64)
    if values.min(initial=0) < 0:
        raise UsageError("a label is negative", where=path, got=int(values.min()))
    most = int(values.max(initial=0))
    numbers = np.flatnonzero(np.bincount(values.ravel())) if most < 1 << 22 else np.unique(values)
    found = [int(n) for n in numbers if n]
    if len(found) > MOST_SEGMENTS:
        raise UsageError(
            "too many values for labels", where=path, got=len(found), expected=f"at most {MOST_SEGMENTS}"
        )
    data = values.astype(np.uint8 if most < 256 else np.uint16 if most < 65536 else np.uint32, copy=False)
    segments = tuple(Segment(n, f"Segment {n}", color=COLORS[(n - 1) % len(COLORS)]) for n in found)
    return LabelMap(data[None], volume.grid, segments, provenance=volume.known_provenance)
