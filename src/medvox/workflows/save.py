"""Write volumes and label maps to files."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import numpy as np

from medvox.core.labels import LabelMap
from medvox.core.progress import Progress, silent
from medvox.core.volume import Volume
from medvox.formats.base import WriteReport
from medvox.formats.registry import format_for_name


def write(
    what: Volume | LabelMap,
    path: str | PathLike[str],
    *,
    to: str | None = None,
    progress: Progress = silent,
) -> WriteReport:
    """Write a volume or label map; the file appears complete or not at all.

    Parameters
    ----------
    to
        Name of the format (``"nifti"``), where the suffix of `path` does not tell.

    Returns
    -------
    WriteReport
        The files written, and what the format could not hold.

    Raises
    ------
    UnsupportedError
        If the format cannot be written or cannot hold this volume.
    WriteError
        If the system refuses.
    """
    target = Path(path)
    form = format_for_name(to or target.name)
    if isinstance(what, Volume):
        return form.write(what, target, progress)
    volume, losses = label_volume(what)
    report = form.write(volume, target, progress)
    return WriteReport(report.files, (*losses, *report.losses))


def label_volume(labels: LabelMap) -> tuple[Volume, tuple[str, ...]]:
    """Flatten a label map into one volume of numbers, and say what that loses."""
    if len(labels.data) == 1 and not labels.fractional:
        numbers, overlap = labels.data[0], 0
    else:
        numbers, overlap = labels.flatten()
    if numbers.max(initial=0) < 256:
        numbers = numbers.astype(np.uint8)
    losses = ["names, codes and colors of the segments"]
    if overlap:
        losses.append(f"{overlap} voxels belonged to more than one segment: the last one kept")
    if labels.fractional:
        losses.append("fractions: voxels of one half and more kept")
    return Volume(numbers, labels.grid, label="labels"), tuple(losses)
