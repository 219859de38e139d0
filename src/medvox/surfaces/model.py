"""Models: from voxels to smooth, light, closed meshes that say what was done to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import UsageError
from medvox.core.labels import LabelMap, Segment
from medvox.core.mesh import Mesh
from medvox.core.progress import Progress, silent
from medvox.core.volume import Volume
from medvox.surfaces.boundaries import Boundaries, label_boundaries
from medvox.surfaces.decimate import decimate
from medvox.surfaces.distance import surface_distance
from medvox.surfaces.isosurface import isosurface
from medvox.surfaces.manifold import euler_number, open_edges, separate
from medvox.surfaces.report import SurfaceReport, measured, truth_of
from medvox.surfaces.smooth import ITERATIONS, PASS_BAND, windowed_sinc
from medvox.surfaces.volume_keeping import keep_volumes, part_volumes, parts

AnyArray = NDArray[Any]
Keep = Literal["voxels", "surface", "none"]
LARGEST_RATIO = 1.5
"""A level surface whose volume is further from the voxels' than this is not stretched to it."""


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """How a model is made.

    Parameters
    ----------
    smooth
        Iterations of the windowed sinc filter; 0: none.
    pass_band
        Of that filter, 0 to 2; lower: smoother.
    reduction
        Share of the triangles to remove.
    max_error_mm
        Limit of the error that decimation may make; None: none.
    keep
        What volume the model gets: that of the voxels, that of the surface as extracted, or what comes.
    smallest_mm3
        Parts (separate surfaces) of less volume are left out, and counted in the report.
    measure_distance
        Whether to measure distances to the surface as extracted.
    """

    smooth: int = ITERATIONS
    pass_band: float = PASS_BAND
    reduction: float = 0.8
    max_error_mm: float | None = None
    keep: Keep = "voxels"
    smallest_mm3: float = 0.0
    measure_distance: bool = True


@dataclass(frozen=True, slots=True)
class Model:
    """A mesh and what was done to make it."""

    mesh: Mesh
    report: SurfaceReport


def volume_model(
    volume: Volume, level: float, options: ModelOptions | None = None, progress: Progress = silent
) -> Model:
    """Make the model of all that reaches a level.

    Raises
    ------
    UsageError
        If no voxel or all voxels reach the level, or the volume has channels or times.
    """
    chosen = options or ModelOptions()
    if volume.is_colour or volume.lead_shape:
        raise UsageError("a surface is made of one grey volume", got=volume.axes, expected="k, j, i")
    values = volume.values(progress=progress)
    if values.dtype.kind == "f" and np.isnan(values).any():
        values = np.nan_to_num(values, nan=-np.inf)
    progress(0, None, "Extracting")
    raw = isosurface(values, volume.grid, level)
    per_slice = np.count_nonzero(values >= level, axis=(1, 2))
    truth = float(per_slice @ volume.grid.voxel_volumes_mm3)
    name = f"{level:g} {volume.unit}".strip()
    segment = Segment(1, name, color=(230, 214, 180))
    facts = [_Facts(1, segment, int(per_slice.sum()), truth)]
    return _models(raw, facts, volume, chosen, progress)[0]


def label_models(
    labels: LabelMap,
    names: Sequence[str | int] = (),
    options: ModelOptions | None = None,
    progress: Progress = silent,
) -> tuple[Model, ...]:
    """Make models of segments, all at once: where two touch, they share the same triangles.

    Segments that overlap others (layers) are made one by one, and share nothing.

    Parameters
    ----------
    names
        Names or numbers of segments; all that have voxels where left out.

    Raises
    ------
    UsageError
        If no segment has a voxel, or a named one has none.
    """
    chosen = options or ModelOptions()
    wanted = [labels.segment(n) for n in names] if names else list(labels.segments)
    counts = {s.name: np.count_nonzero(labels.mask(s.name), axis=(1, 2)) for s in wanted}
    if names and (empty := [n for n, c in counts.items() if not c.any()]):
        raise UsageError("a segment has no voxel", got=empty)
    wanted = [s for s in wanted if counts[s.name].any()]
    if not wanted:
        raise UsageError("no segment has a voxel")
    made: list[Model] = []
    for group in _groups(labels, wanted):
        flat = _flat(labels, group)
        progress(len(made), len(wanted), "Extracting")
        raw = label_boundaries(flat, labels.grid)
        facts = [
            _Facts(n, s, int(counts[s.name].sum()), float(counts[s.name] @ labels.grid.voxel_volumes_mm3))
            for n, s in enumerate(group, start=1)
        ]
        made += _models(raw, facts, labels, chosen, progress)
    order = {s.name: n for n, s in enumerate(wanted)}
    return tuple(sorted(made, key=lambda m: order[m.mesh.name]))


@dataclass(frozen=True, slots=True)
class _Facts:
    region: int
    segment: Segment
    voxels: int
    truth_mm3: float


def _groups(labels: LabelMap, wanted: list[Segment]) -> list[list[Segment]]:
    """Segments that can be made together: those that overlap nothing, then each of the others."""
    if not labels.fractional and len({s.layer for s in wanted}) == 1:
        return [wanted]
    covered = np.zeros(labels.grid.shape, np.uint8)
    for segment in wanted:
        covered += labels.mask(segment.name)
    alone = [s for s in wanted if not (covered[labels.mask(s.name)] > 1).any()]
    return ([alone] if alone else []) + [[s] for s in wanted if s not in alone]


def _flat(labels: LabelMap, group: list[Segment]) -> AnyArray:
    kind = np.uint8 if len(group) < 256 else np.uint16
    layer = labels.data[group[0].layer]
    same = [s.number for s in group] == list(range(1, len(group) + 1)) and len({s.layer for s in group}) == 1
    if same and not labels.fractional and int(layer.max()) <= len(group):
        return np.asarray(layer, dtype=kind)
    flat = np.zeros(labels.grid.shape, kind)
    for number, segment in enumerate(group, start=1):
        flat[labels.mask(segment.name)] = number
    return flat


def _models(
    raw: Boundaries, facts: list[_Facts], source: Volume | LabelMap, options: ModelOptions, progress: Progress
) -> list[Model]:
    """Smooth, decimate and set right all surfaces together; then take each region's own."""
    extracted = raw
    raw, steps = _without_specks(raw, options)
    surface = raw
    wanted = part_volumes(raw, *parts(raw))
    if options.smooth:
        surface = windowed_sinc(surface, options.smooth, options.pass_band, progress)
        steps.append(f"windowed sinc, {options.smooth} iterations, pass band {options.pass_band:g}")
    if options.reduction or options.max_error_mm is not None:
        surface = decimate(surface, options.reduction, options.max_error_mm, progress)
        steps.append(f"quadric decimation, {len(raw.faces)} to {len(surface.faces)} faces")
    keep = options.keep
    if keep == "voxels" and isinstance(source, Volume):
        wanted, keep = _to_voxels(wanted, facts[0].truth_mm3)
    if keep != "none":
        surface = keep_volumes(surface, wanted)
        off = 100 * abs(float(part_volumes(surface, *parts(surface))[1:].sum() / wanted[1:].sum()) - 1)
        steps.append(f"volumes set towards those of the {keep}, {off:.3f} % off in all")
    models = []
    for n, fact in enumerate(facts):
        progress(n, len(facts), "Measuring")
        mesh = _mesh(surface, fact, source)
        report = _report(mesh, extracted, fact, (options, keep, steps), source)
        models.append(Model(mesh, report))
    progress(len(facts), len(facts), "Measuring")
    return models


def _to_voxels(wanted: AnyArray, truth_mm3: float) -> tuple[AnyArray, Keep]:
    total = float(wanted[1:].sum())
    ratio = truth_mm3 / total if total > 0 else np.inf
    if not 1 / LARGEST_RATIO <= ratio <= LARGEST_RATIO:
        return wanted, "surface"
    return wanted * ratio, "voxels"


def _without_specks(raw: Boundaries, options: ModelOptions) -> tuple[Boundaries, list[str]]:
    if options.smallest_mm3 <= 0:
        return raw, []
    numbers, count = parts(raw)
    small = np.abs(part_volumes(raw, numbers, count)) < options.smallest_mm3
    small[0] = True
    kept = ~small[numbers].all(axis=1)
    if not kept.any():
        raise UsageError("all parts are smaller than asked for", got=options.smallest_mm3)
    left_out = int(small[1:].sum())
    used = np.zeros(len(raw.vertices_mm), bool)
    used[raw.faces[kept].ravel()] = True
    number = np.cumsum(used) - 1
    fewer = Boundaries(raw.vertices_mm[used], number[raw.faces[kept]], raw.sides[kept], raw.shell[used])
    return fewer, [f"{left_out} parts below {options.smallest_mm3:g} mm3 left out"]


def _mesh(surface: Boundaries, fact: _Facts, source: Volume | LabelMap) -> Mesh:
    provenance = source.provenance
    derived = None if provenance is None else provenance.derive("surface", source.grid)
    words = {"name": fact.segment.name, "color": fact.segment.color, "provenance": derived}
    mesh = surface.mesh(fact.region, **words)
    return separate(mesh) if open_edges(mesh) else mesh


def _report(
    mesh: Mesh,
    extracted: Boundaries,
    fact: _Facts,
    done: tuple[ModelOptions, str, list[str]],
    source: Volume | LabelMap,
) -> SurfaceReport:
    from medvox.surfaces import mesh_kernels as kernels

    options, keep, steps = done
    before = extracted.faces_of(fact.region)
    raw_volume, raw_area = measured(extracted.vertices_mm, before)
    volume, area = measured(mesh.vertices_mm, mesh.faces)
    shells = kernels.shells(mesh.faces, len(mesh.vertices_mm))
    near = surface_distance(mesh, extracted.mesh(fact.region)) if options.measure_distance else None
    return SurfaceReport(
        name=fact.segment.name,
        voxels=fact.voxels,
        voxel_volume_mm3=fact.truth_mm3,
        truth=truth_of(source.grid),
        extracted_volume_mm3=raw_volume,
        extracted_area_mm2=raw_area,
        extracted_faces=len(before),
        volume_mm3=volume,
        area_mm2=area,
        faces=len(mesh.faces),
        vertices=len(mesh.vertices_mm),
        volume_error_percent=100 * (volume / fact.truth_mm3 - 1),
        volume_kept=keep,
        parts=int(shells.max()) + 1 if len(shells) else 0,
        euler_number=euler_number(mesh),
        is_closed=open_edges(mesh) == 0,
        distance=near,
        steps=tuple(steps),
    )
