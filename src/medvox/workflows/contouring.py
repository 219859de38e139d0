"""From voxels to outlines and back, on files: what `medvox contour` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from medvox.contours.fill import Rule, Small, fill
from medvox.contours.layers import Axis
from medvox.contours.report import FillReport
from medvox.contours.simplify import ShapeReport, simplify, smooth
from medvox.contours.trace import Connectivity, trace
from medvox.core.contour import ContourSet
from medvox.core.errors import MissingError, UsageError
from medvox.core.finding import Finding
from medvox.core.grid import Grid
from medvox.core.labels import LabelMap
from medvox.core.progress import Progress, silent
from medvox.core.volume import Volume
from medvox.formats.base import WriteReport
from medvox.workflows.labels import read_labels, write_labels
from medvox.workflows.open_folder import read
from medvox.workflows.outlines import is_outlines, read_outlines, write_contours


@dataclass(frozen=True, slots=True)
class ContourOptions:
    """How to outline or fill.

    Parameters
    ----------
    grid
        Image whose voxels are to be filled, or that outlines shall refer to.
    segments
        Names of segments wanted; all if empty.
    level
        Outline what is at or above this value of an image, instead of labels.
    axis, connectivity
        See `medvox.contours.trace.trace`.
    smooth_mm, simplify_mm
        Bounds; smoothing comes first. None: not at all.
    keep_voxels
        Simplify traced outlines only as far as filling them gives the same voxels.
    rule, small
        See `medvox.contours.fill.fill`.
    """

    grid: Path | None = None
    segments: tuple[str, ...] = ()
    level: float | None = None
    axis: Axis = "k"
    connectivity: Connectivity = 8
    smooth_mm: float | None = None
    simplify_mm: float | None = None
    keep_voxels: bool = True
    rule: Rule = "center"
    small: Small = "report"


@dataclass(frozen=True, slots=True)
class SegmentCount:
    """One segment of a result."""

    name: str
    planes: int
    regions: int
    holes: int
    curves: int
    points: int
    area_mm2: float
    changed_voxels: int | None = None


@dataclass(frozen=True, slots=True)
class ContourReport:
    """What was done.

    Parameters
    ----------
    what
        ``"traced"``, ``"converted"`` or ``"filled"``.
    segments
        What there is of each segment; `changed_voxels` says how many voxels would differ from the source
        if the written outlines were filled again (rule "center").
    smoothed, simplified
        Distances reached.
    filled
        Account of the filling.
    """

    what: Literal["traced", "converted", "filled"]
    files: tuple[Path, ...]
    losses: tuple[str, ...]
    findings: tuple[Finding, ...]
    segments: tuple[SegmentCount, ...]
    smoothed: ShapeReport | None = None
    simplified: ShapeReport | None = None
    filled: FillReport | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values for ``--json``."""
        return {
            "what": self.what,
            "files": [str(file) for file in self.files],
            "losses": list(self.losses),
            "findings": [asdict(finding) for finding in self.findings],
            "segments": [asdict(part) for part in self.segments],
            "smoothed": self.smoothed and asdict(self.smoothed),
            "simplified": self.simplified and asdict(self.simplified),
            "filled": self.filled and self.filled.as_json(),
        }


def contour(
    source: Path, target: Path, options: ContourOptions | None = None, progress: Progress = silent
) -> ContourReport:
    """Outline labels, fill outlines, or write outlines in another format; the names say which.

    Parameters
    ----------
    source
        Labels, an image (with `ContourOptions.level`), or outlines.
    target
        Outline file, or label file.

    Raises
    ------
    UsageError
        If outlines are to be filled without a grid, or labels to be made of labels.
    MissingError
        If a segment asked for is not there.
    """
    options = options or ContourOptions()
    image = None if options.grid is None else read(options.grid)
    if not is_outlines(target):
        return _fill(source, target, options, image, progress)
    if is_outlines(source):
        contours, findings = read_outlines(source)
        return _write(_chosen(contours, options.segments), target, options, image, findings=findings)
    if options.level is not None:
        from medvox.contours.levels import trace_level

        volume = read(source)
        contours = trace_level(volume, options.level, axis=options.axis, progress=progress)
        return _write(contours, target, options, image or volume, labels=_above(volume, options.level))
    labels = read_labels(source, image)
    contours = trace(labels, axis=options.axis, connectivity=options.connectivity, progress=progress)
    return _write(_chosen(contours, options.segments), target, options, image, labels=labels)


def _above(volume: Volume, level: float) -> LabelMap:
    from medvox.core.labels import Segment

    inside = (volume.values() >= level).astype(np.uint8)
    return LabelMap(inside[None], volume.grid, (Segment(1, f"{level:g} {volume.unit}".strip()),))


def _chosen(contours: ContourSet, names: Sequence[str]) -> ContourSet:
    if not names:
        return contours
    known = [part.segment.name for part in contours.segments]
    for name in names:
        if name not in known:
            raise MissingError("no such segment", got=name, expected=known)
    return replace(contours, segments=tuple(p for p in contours.segments if p.segment.name in names))


def _write(
    contours: ContourSet,
    target: Path,
    options: ContourOptions,
    image: Volume | None,
    *,
    labels: LabelMap | None = None,
    findings: tuple[Finding, ...] = (),
) -> ContourReport:
    keep = labels.grid if labels is not None and options.keep_voxels and options.axis == "k" else None
    contours, smoothed, simplified = _shaped(contours, options, keep)
    done: WriteReport = write_contours(contours, target, image)
    changed: Sequence[int | None] = [None] * len(contours.segments)
    if labels is not None and options.axis == "k":
        changed = _changed(contours, labels)
    counts = tuple(
        count(contours, n, differing) for n, differing in zip(range(len(changed)), changed, strict=True)
    )
    what: Literal["traced", "converted"] = "converted" if labels is None else "traced"
    losses = (*done.losses, *done.notes)
    return ContourReport(what, done.files, losses, findings, counts, smoothed, simplified)


def _shaped(
    contours: ContourSet, options: ContourOptions, keep: Grid | None = None
) -> tuple[ContourSet, ShapeReport | None, ShapeReport | None]:
    smoothed = simplified = None
    if options.smooth_mm is not None:
        contours, smoothed = smooth(contours, options.smooth_mm)
    if options.simplify_mm is not None:
        contours, simplified = simplify(contours, options.simplify_mm, keep)
    return contours, smoothed, simplified


def _changed(contours: ContourSet, labels: LabelMap) -> list[int]:
    """Voxels of each segment that differ when its outlines are filled."""
    if not contours.segments:
        return []
    filled, _ = fill(contours, labels.grid, thin=False)
    pairs = zip(filled.segments, (part.segment for part in contours.segments), strict=True)
    found = []
    for after, before in pairs:
        one = filled.data[after.layer] == after.number
        old = labels.data[before.layer]
        other = old >= 0.5 if labels.fractional else old == before.number
        found.append(int((one != other).sum()))
    return found


def count(contours: ContourSet, number: int, changed: int | None = None) -> SegmentCount:
    """Count what there is of one segment."""
    part = contours.segments[number]
    regions = [region for plane in part.planes for region in plane.regions]
    curves = [curve for plane in part.planes for curve in plane.curves]
    points = sum(len(r.outer) + sum(map(len, r.holes)) for r in regions) + sum(map(len, curves))
    return SegmentCount(
        part.segment.name,
        len(part.planes),
        len(regions),
        sum(len(region.holes) for region in regions),
        len(curves),
        points,
        sum(region.area_mm2 for region in regions),
        changed,
    )


def _fill(
    source: Path, target: Path, options: ContourOptions, image: Volume | None, progress: Progress
) -> ContourReport:
    if not is_outlines(source):
        raise UsageError(
            "neither the source nor the target is an outline file",
            got=f"{source.name} to {target.name}",
            advice="Name one of them .dcm, .bnd, .dxf, .svg, .geojson, .csv or .xyz",
        )
    if image is None:
        raise UsageError(
            "outlines have no voxels of their own",
            where=source,
            advice="Add --grid and the image whose voxels are to be filled",
        )
    contours, findings = read_outlines(source)
    contours, smoothed, simplified = _shaped(_chosen(contours, options.segments), options)
    grid: Grid = image.grid
    labels, report = fill(contours, grid, rule=options.rule, small=options.small, progress=progress)
    labels = replace(labels, provenance=image.known_provenance.derive("fill", grid, rule=options.rule))
    done = write_labels(labels, target, image)
    counts = tuple(count(contours, n) for n in range(len(contours.segments)))
    every = (*findings, *report.findings)
    losses = (*done.losses, *done.notes)
    return ContourReport("filled", done.files, losses, every, counts, smoothed, simplified, report)
