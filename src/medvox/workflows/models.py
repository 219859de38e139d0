"""Models from files: a scan, a label file or outlines become mesh files and a report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from medvox.core.errors import UsageError
from medvox.core.labels import LabelMap, Segment
from medvox.core.progress import Progress, silent
from medvox.core.provenance import VERSION
from medvox.core.volume import Volume
from medvox.formats.atomic import atomic_file
from medvox.surfaces.model import Model, ModelOptions, label_models, volume_model
from medvox.workflows.meshes import write_meshes

COLORS = (
    (230, 214, 180), (221, 130, 101), (111, 184, 210), (128, 174, 128), (244, 214, 49), (183, 156, 220),
    (185, 102, 83), (144, 238, 144), (216, 101, 79), (97, 113, 158),
)  # fmt: skip


def make_models(
    volume: Volume,
    level: float | None = None,
    labels: Sequence[str] | None = None,
    options: ModelOptions | None = None,
    progress: Progress = silent,
) -> tuple[Model, ...]:
    """Make models of one volume.

    Parameters
    ----------
    level
        Grey value of an isosurface.
    labels
        The values are numbers of segments: those wanted, all where empty. None: a level is wanted.

    Raises
    ------
    UsageError
        Unless exactly one of level and labels is given, or the values do not fit.
    """
    if (level is None) == (labels is None):
        raise UsageError("a model needs a level or labels", advice="Give --level VALUE, or --labels all")
    if labels is None:
        assert level is not None
        return (volume_model(volume, level, options, progress),)
    names = [int(n) if n.isdigit() else n for n in labels if n != "all"]
    return label_models(numbered(volume), names, options, progress)


def numbered(volume: Volume) -> LabelMap:
    """Take whole numbers of a volume as segments, named by their number.

    Raises
    ------
    UsageError
        If the values are no whole numbers of 0 to 65535, or there are too many.
    """
    values = volume.values()
    if values.ndim != 3 or (values.dtype.kind == "f" and not np.array_equal(values, np.rint(values))):
        raise UsageError("these are no labels", got=values.dtype, expected="whole numbers on k, j, i")
    if values.min() < 0 or values.max() > 65535:
        raise UsageError(
            "these are no labels", got=f"{values.min()} to {values.max()}", expected="0 to 65535"
        )
    data = values.astype(np.uint16)
    found = [int(n) for n in np.flatnonzero(np.bincount(data.ravel())) if n]
    segments = tuple(Segment(n, f"label {n}", color=COLORS[m % len(COLORS)]) for m, n in enumerate(found))
    return LabelMap(data[None], volume.grid, segments, provenance=volume.provenance)


def write_models(models: Sequence[Model], target: Path, report: Path | None = None) -> list[Path]:
    """Write models into one file, or into one each where the name holds ``{name}``; and their report.

    Returns
    -------
    list of Path
        Files written.
    """
    if "{name}" in target.name:
        written = []
        for model in models:
            safe = "".join(c if c.isalnum() or c in "-_" else "_" for c in model.mesh.name)
            written.append(target.with_name(target.name.replace("{name}", safe)))
            write_meshes([model.mesh], written[-1])
    else:
        write_meshes([m.mesh for m in models], target)
        written = [target]
    if report is not None:
        with atomic_file(report) as file:
            file.write(json.dumps(report_of(models, written), indent=2).encode())
        written.append(report)
    return written


def report_of(models: Sequence[Model], files: Sequence[Path]) -> dict[str, Any]:
    """The report's document."""
    return {
        "software": f"medvox {VERSION}",
        "coordinates": "LPS, millimeters (GLB: meters)",
        "files": [f.name for f in files],
        "models": [m.report.as_dict() for m in models],
    }
