"""Run a registered step on files: read its inputs, write its results."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from medvox.core.contour import ContourSet
from medvox.core.errors import UsageError
from medvox.core.labels import LabelMap
from medvox.core.mesh import Mesh
from medvox.core.progress import Progress, silent
from medvox.core.steps import Step
from medvox.core.volume import Volume
from medvox.formats.base import WriteReport

READERS = {
    Volume: ("medvox.workflows.open_folder", "read"),
    LabelMap: ("medvox.workflows.labels", "read_labels"),
    ContourSet: ("medvox.workflows.outlines", "read_contours"),
    Mesh: ("medvox.workflows.meshes", "read_mesh"),
}
"""Who reads an input, by its kind; looked up when needed, for a word must not load all others."""
WRITERS = {
    Volume: ("medvox.workflows.save", "write"),
    LabelMap: ("medvox.workflows.labels", "write_labels"),
    ContourSet: ("medvox.workflows.outlines", "write_contours"),
    Mesh: ("medvox.workflows.meshes", "write_mesh"),
}
WITH_SOURCE = (LabelMap, ContourSet)
"""Kinds whose files may refer to the image they were made from."""


@dataclass(frozen=True, slots=True)
class StepReport:
    """What a step did to files.

    Parameters
    ----------
    step
        ``"segment threshold"``.
    files
        Files written.
    losses
        What the files cannot hold.
    results
        By name of a result: segments with voxels and millilitres, or the values that came back.
    """

    step: str
    files: tuple[Path, ...]
    losses: tuple[str, ...]
    results: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "step": self.step,
            "files": [str(file) for file in self.files],
            "losses": list(self.losses),
            "results": dict(self.results),
        }


def run_step(
    step: Step,
    sources: Mapping[str, Path],
    targets: Mapping[str, Path],
    options: Mapping[str, Any],
    progress: Progress = silent,
) -> StepReport:
    """Read the inputs, run the step, write its results.

    Parameters
    ----------
    step
        What to run.
    sources
        File or folder of each input, by name.
    targets
        File to write each result to, by name; results that are no image data are in the report.
    options
        Options of the step; checked before anything is read.

    Raises
    ------
    UsageError
        If an option does not fit, a target is not among the results, or the step refuses its inputs.
    """
    checked = step.check(options)
    if unknown := sorted(set(targets) - {name for name, _ in step.results}):
        raise UsageError("no such result", where=f"{step.family} {step.name}", got=unknown)
    inputs = {
        wanted.name: _call(READERS[wanted.kind], sources[wanted.name])
        for wanted in step.inputs
        if wanted.name in sources
    }
    made = step.run(inputs, checked, progress)
    source = next((value for value in inputs.values() if isinstance(value, Volume)), None)
    files: list[Path] = []
    losses: list[str] = []
    for name, target in targets.items():
        report = _write(made[name], target, source)
        files += report.files if isinstance(report, WriteReport) else [target]
        losses += report.losses if isinstance(report, WriteReport) else []
    results = {name: describe(value) for name, value in made.items()}
    return StepReport(f"{step.family} {step.name}", tuple(files), tuple(losses), results)


def describe(value: Any) -> Any:
    """Say a result in plain values: segments with voxels and volume, sizes, or the value itself."""
    if isinstance(value, LabelMap):
        return [_segment(value, number) for number in range(len(value.segments))]
    if isinstance(value, Volume):
        return {"shape": list(value.shape), "unit": value.unit, "dtype": str(value.dtype)}
    if isinstance(value, ContourSet | Mesh):
        return repr(value)
    return value.as_json() if hasattr(value, "as_json") else _plain(value)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: describe(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Mapping):
        return {str(key): describe(item) for key, item in value.items()}
    return [describe(item) for item in value] if isinstance(value, list | tuple) else value


def _segment(labels: LabelMap, index: int) -> dict[str, Any]:
    segment = labels.segments[index]
    layer = labels.data[segment.layer]
    inside = layer if labels.fractional else layer == segment.number
    by_slice = inside.sum(axis=(1, 2), dtype=np.float64)
    return {
        "number": segment.number,
        "name": segment.name,
        "voxels": round(float(by_slice.sum()), 3) if labels.fractional else int(by_slice.sum()),
        "volume_ml": round(float(by_slice @ labels.grid.voxel_volumes_mm3) / 1000, 6),
    }


def _write(value: Any, target: Path, source: Volume | None) -> Any:
    kind = next((kind for kind in WRITERS if isinstance(value, kind)), None)
    if kind is None:
        raise UsageError("this result is not written to a file", where=target, got=type(value).__name__)
    words = {"source": source} if kind in WITH_SOURCE else {}
    return _call(WRITERS[kind], value, target, **words)


def _call(place: tuple[str, str], *values: Any, **words: Any) -> Any:
    function: Callable[..., Any] = getattr(import_module(place[0]), place[1])
    return function(*values, **words)
