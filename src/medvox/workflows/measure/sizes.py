"""Measure the segments of files: sizes, values, agreement, change, radiomics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from os import PathLike

from medvox.core.errors import MissingError
from medvox.core.grid import Grid, Space
from medvox.core.labels import LabelMap
from medvox.core.volume import Volume
from medvox.measurement.clinical.change import Change, compare_sizes
from medvox.measurement.intensity.region import PERCENTILES, check_same_grid, label_statistics
from medvox.measurement.overlap import Boundary, Overlap, compare_labels, compare_lesions
from medvox.measurement.overlap.agreement import confusion
from medvox.measurement.radiomics import RadiomicsSettings, radiomics
from medvox.measurement.size.mask import MaskSize, measure_labels
from medvox.workflows.labels import read_labels
from medvox.workflows.measure.row import Row
from medvox.workflows.open_folder import read

Path_ = str | PathLike[str]
PLACE = ("left", "posterior", "superior")


def read_pair(image: Path_, labels: Path_) -> tuple[Volume, LabelMap]:
    """Read an image and its segments.

    Raises
    ------
    GeometryError
        If they lie on different grids.
    MissingError
        If there are no segments.
    """
    volume = read(image)
    found = read_labels(labels, volume)
    check_same_grid(volume, found)
    return volume, _some(found, labels)


def read_segments(labels: Path_, like: Volume | Grid | None = None) -> LabelMap:
    """Read segments, of which there must be one."""
    return _some(read_labels(labels, like), labels)


def _some(labels: LabelMap, where: Path_) -> LabelMap:
    if not labels.segments:
        raise MissingError("the file holds no segment", where=where, advice="All its values are 0")
    return labels


def size_rows(labels: LabelMap) -> tuple[tuple[MaskSize, ...], list[Row]]:
    """Sizes of all segments; an empty one has a row that says so."""
    sizes = measure_labels(labels)
    rows = []
    for size in sizes:
        rows.append(Row(size.name, "voxels", float(size.voxels), note="empty" if not size.voxels else ""))
        note = "reaches the border of the image" if size.at_border else ""
        rows += [Row.of(size.name, q, note if q.name == "volume" else "") for q in size.quantities]
        if size.centroid_mm is not None:
            unit = "{pixel}" if labels.grid.space is Space.PIXEL else "mm"
            rows += [
                Row(size.name, f"centroid_{word}", float(x), unit)
                for word, x in zip(PLACE, size.centroid_mm, strict=True)
            ]
    return sizes, rows


def value_rows(volume: Volume, labels: LabelMap, *, per_slice: bool = False) -> list[Row]:
    """Statistics of the values of all segments, at every position of further axes, or of each slice."""
    rows = []
    for found in label_statistics(volume, labels, "slice" if per_slice else "label"):
        at = [f"{name} {n}" for name, n in zip(volume.lead_axes, found.lead, strict=True)]
        if found.slice is not None:
            at.append(f"slice {found.slice}")
        s = found.statistics
        note = ", ".join([*at, *([f"{s.not_finite} not finite"] if s.not_finite else [])])
        figures = [
            *((n, getattr(s, n), volume.unit) for n in ("mean", "sd", "minimum", "maximum")),
            ("skewness", s.skewness, "1"),
            ("kurtosis", s.kurtosis, "1"),
            ("entropy", s.entropy, "bit"),
            *((f"percentile_{p}", v, volume.unit) for p, v in zip(PERCENTILES, s.percentiles, strict=True)),
        ]
        rows += [Row(found.label, f"value_{n}", v, unit, note=note) for n, v, unit in figures]
    return rows


_OVERLAP_UNITS = {"assd_mm": "mm", "hd_mm": "mm", "hd95_mm": "mm", "reference_ml": "mL", "test_ml": "mL"}


def overlap_rows(
    reference: LabelMap, test: LabelMap, tolerance_mm: float, boundary: Boundary, *, lesions: bool = False
) -> list[Row]:
    """Agreement of all segments by name; empty masks have rows that say so."""
    rows = []
    for found in compare_labels(reference, test, tolerance_mm=tolerance_mm, boundary=boundary):
        rows += _overlap(found)
        if lesions:
            masks = [
                m.mask(found.name) if any(s.name == found.name for s in m.segments) else None
                for m in (reference, test)
            ]
            first, second = (m if m is not None else reference.data[0] < 0 for m in masks)
            agreed = compare_lesions(first, second, reference.grid)
            for name in ("true_positive", "false_negative", "false_positive", "f1", "mean_dice"):
                rows.append(Row(found.name, f"lesion_{name}", float(getattr(agreed, name))))
    names, counts = confusion(reference, test)
    rows += [
        Row(row, f"called {column}", float(counts[r, c]), note="voxels")
        for r, row in enumerate(names)
        for c, column in enumerate(names)
        if counts[r, c]
    ]
    return rows


def _overlap(found: Overlap) -> list[Row]:
    note = f"{found.empty} empty" if found.empty else ""
    rows = []
    for field in fields(found):
        if field.name in ("name", "empty", "boundary", "tolerance_mm"):
            continue
        value = float(getattr(found, field.name))
        unit = _OVERLAP_UNITS.get(field.name, "1")
        more = f"{found.boundary} boundary" if field.name in ("assd_mm", "hd_mm", "hd95_mm", "nsd") else ""
        if field.name == "nsd":
            more += f", {found.tolerance_mm:g} mm"
        rows.append(Row(found.name, field.name, value, unit, note=", ".join(n for n in (more, note) if n)))
    return rows


def change_rows(before: LabelMap, after: LabelMap) -> list[Row]:
    """Change of every size of every segment between two label maps, which need not share a grid."""
    changes = compare_sizes(measure_labels(before), measure_labels(after))
    return [Row(c.segment, c.name, c.difference, c.unit, c.discretization_95, _told(c)) for c in changes]


def _told(change: Change) -> str:
    before, after = ("none" if v is None else f"{v:.6g}" for v in (change.before, change.after))
    words = f"{before} to {after}, {change.percent:+.1f} %"
    return words if change.beyond_discretization else f"{words}, within discretization"


def radiomics_rows(volume: Volume, labels: LabelMap, settings: RadiomicsSettings) -> list[Row]:
    """Radiomics of all segments; an empty one has a row that says so."""
    rows = []
    values = volume.values()
    for segment in labels.segments:
        mask = labels.mask(segment.name)
        if not mask.any():
            rows.append(Row(segment.name, "voxels", 0.0, note="empty"))
            continue
        found = radiomics(values, mask, volume.grid.spacing_mm, settings)
        rows += [Row(segment.name, f"{f.family}.{f.name}", f.value, note=f.aggregation) for f in found]
    return rows


def pick(rows: Sequence[Row], segments: Sequence[str] | None) -> list[Row]:
    """Rows of the segments named; all without names.

    Raises
    ------
    MissingError
        If a segment is not there.
    """
    if not segments:
        return list(rows)
    known = {r.segment for r in rows}
    if unknown := [s for s in segments if s not in known]:
        raise MissingError("no such segment", got=unknown, expected=sorted(known))
    return [r for r in rows if r.segment in segments]
