"""Label maps in files: read any, write by the suffix."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path

import numpy as np

from medvox.core.errors import UsageError
from medvox.core.labels import LabelMap, Segment
from medvox.core.volume import Volume
from medvox.formats.base import WriteReport
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


def read_labels(path: str | PathLike[str]) -> LabelMap:
    """Read a label map from a file.

    Parameters
    ----------
    path
        File of whole numbers (NIfTI, NRRD, MetaImage, ...); 0 is background, and each other number a
        segment ``"Segment 1"``, unless the file names it.

    Raises
    ------
    UsageError
        If the values are no labels: fractions, negative numbers, or more than `MOST_SEGMENTS` of them.
    """
    source = Path(path)
    for suffixes, reader in READERS:
        if source.name.lower().endswith(suffixes):
            return reader(source)
    return _from_volume(read(source), source)


def write_labels(labels: LabelMap, path: str | PathLike[str], source: Volume | None = None) -> WriteReport:
    """Write a label map; the suffix says how.

    Parameters
    ----------
    labels
        Segments on a grid.
    path
        File to write, e.g. ``"x.nii.gz"``.
    source
        Image that was segmented, for formats that refer to it (DICOM).

    Returns
    -------
    WriteReport
        The files written, and what the format could not hold.
    """
    target = Path(path)
    for suffixes, writer in WRITERS:
        if target.name.lower().endswith(suffixes):
            return writer(labels, target, source)
    return write(labels, target)


READERS: tuple[tuple[tuple[str, ...], Reader], ...] = ()
"""Readers of files that say more than an image does, by suffix; the first that fits reads."""
WRITERS: tuple[tuple[tuple[str, ...], Writer], ...] = ()
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
