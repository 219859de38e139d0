"""Segments to look at: which objects show an image's segments, and their outlines in any plane."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.contours.fill import fill
from medvox.contours.layers import Axis
from medvox.contours.trace import trace
from medvox.core.contour import ContourSet, PlanarContours, Region, SegmentContours
from medvox.core.errors import FormatError, MedvoxError
from medvox.core.grid import Grid, Space
from medvox.core.labels import LabelMap, Segment
from medvox.core.study import Image, Instance, Series
from medvox.workflows.labels import onto_slices, read_labels
from medvox.workflows.outlines import assemble_drawing

FloatArray = NDArray[np.float64]
LABEL_SUFFIXES = (".seg.nrrd", ".seg.nhdr")
"""Names of images that are told to be label maps before they are read."""
PARALLEL = 1 - 1e-6
"""Least cosine between the normals of planes that count as parallel."""
SAME_DEPTH_MM = 0.02
MOST_SAMPLES = 4_000_000
"""Points at which labels are looked up in an oblique plane."""


@dataclass(frozen=True, slots=True)
class SegmentFacts:
    """What a list says of one segment.

    Parameters
    ----------
    segment
        Name and color.
    volume_ml
        On the voxels of the label map, of outlines on those of the image; None where there are none.
    center_mm
        Voxel of the segment that is nearest to its middle, LPS mm; None where it has no voxel.
    """

    segment: Segment
    volume_ml: float | None
    center_mm: tuple[float, float, float] | None


@dataclass(frozen=True, slots=True)
class ShownSegments:
    """Segments of one object, ready to be cut by planes.

    Parameters
    ----------
    labels
        Voxels; of outlines, what they enclose on the grid of the image.
    contours
        Outlines as stored; None where the object holds voxels.
    facts
        One entry a segment, in the object's order.
    """

    labels: LabelMap
    contours: ContourSet | None
    facts: tuple[SegmentFacts, ...]

    @property
    def nbytes(self) -> int:
        """Bytes that the voxels take."""
        return int(self.labels.data.nbytes)


# -- which objects ------------------------------------------------------------------------------


def kind_of(series: Series, instance: Instance) -> str | None:
    """``"SEG"``, ``"RTSTRUCT"`` or ``"labels"``; None for what holds no segments."""
    from medvox.dicom.objects.rtstruct import STRUCTURE_SET
    from medvox.dicom.objects.segmentation import LABEL_MAP, SEGMENTATION

    if series.format != "DICOM":
        return "labels" if instance.file.lower().endswith(LABEL_SUFFIXES) else None
    known = {SEGMENTATION: "SEG", LABEL_MAP: "SEG", STRUCTURE_SET: "RTSTRUCT"}
    return known.get(instance.sop_class_uid or "")


def belongs(series: Series, instance: Instance, image: Image) -> bool:
    """Whether an object's segments lie on an image.

    That is so where it has the image's Frame of Reference UID (PS3.3 C.7.4.1) or refers to one of its
    instances; outside DICOM, where it has the image's grid. Objects that cannot be read count as well,
    so that they are not dropped in silence.
    """
    if series.format != "DICOM":
        return any(image is not own and own.grid.is_close(image.grid) for own in series.images)
    from medvox.dicom.objects.pieces import PER_FRAME, load
    from medvox.dicom.objects.summary import summarize

    try:
        data = load(Path(instance.file), PER_FRAME).dataset
    except MedvoxError:
        return True
    frames = {data.get("FrameOfReferenceUID")}
    frames |= {roi.get("ReferencedFrameOfReferenceUID") for roi in data.get("StructureSetROISequence") or ()}
    if image.grid.frame_of_reference is not None and image.grid.frame_of_reference in frames:
        return True
    found = summarize(Path(instance.file))
    return found is not None and any(i.sop_instance_uid in found.referenced for i in image.instances)


# -- reading ------------------------------------------------------------------------------------


def read_segments(kind: str, instance: Instance, grid: Grid) -> ShownSegments:
    """Read the segments of an object.

    Parameters
    ----------
    kind
        As `kind_of` says.
    grid
        Of the image that they are shown on.

    Raises
    ------
    FormatError
        If the object lies inside an archive, or contradicts itself.
    """
    path = Path(instance.file)
    if "!/" in instance.file:
        raise FormatError("segments inside an archive are not shown", where=path.name, advice="Unpack it")
    if kind == "RTSTRUCT":
        from medvox.dicom.objects.rtstruct.outlines import read_drawing

        contours, _ = assemble_drawing(read_drawing(path))
        labels, _ = fill(contours, grid, thin=False)
        return ShownSegments(labels, contours, _facts(labels))
    labels = _read_labels(path, grid)
    return ShownSegments(labels, None, _facts(labels))


def _read_labels(path: Path, grid: Grid) -> LabelMap:
    """Labels on the slices of the image where they are its own, else on a grid of theirs."""
    try:
        return read_labels(path, grid)
    except MedvoxError:
        return read_labels(path)


def _facts(labels: LabelMap) -> tuple[SegmentFacts, ...]:
    return tuple(_facts_of(labels, segment) for segment in labels.segments)


def _facts_of(labels: LabelMap, segment: Segment) -> SegmentFacts:
    layer = labels.data[segment.layer]
    inside = layer >= 0.5 if labels.fractional else layer == segment.number
    weight = layer if labels.fractional else inside
    each = weight.sum(axis=(1, 2), dtype=np.float64)
    volume = float(each @ labels.grid.voxel_volumes_mm3) / 1000
    voxels = np.argwhere(inside)
    if not len(voxels):
        return SegmentFacts(segment, volume, None)
    away = (voxels - voxels.mean(axis=0)) * labels.grid.spacing_mm
    nearest = voxels[int(np.einsum("nd,nd->n", away, away).argmin())]
    x, y, z = labels.grid.to_patient(nearest).tolist()
    return SegmentFacts(segment, volume, (x, y, z))


# -- outlines in a plane ------------------------------------------------------------------------


def on_slice(shown: ShownSegments, grid: Grid, k: int) -> list[tuple[Region, ...]]:
    """Outlines of each segment on a stored slice of an image.

    Stored outlines that lie on the slice are given as they are; voxels of the image's own grid are traced
    exactly, others at the nearest label of each pixel.

    Parameters
    ----------
    grid
        Of the image.
    k
        Slice, from 0.
    """
    own = grid.crop((slice(k, k + 1), slice(None), slice(None)))
    if shown.contours is not None and _is_parallel(shown.contours, grid.normal):
        return [_stored(part, grid, k) for part in shown.contours.segments]
    labels = shown.labels
    if labels.grid.is_close(grid):
        return _traced(_with(labels, labels.data[:, k : k + 1], own), "k")
    return _traced(onto_slices(labels, own), "k")


def on_plane(shown: ShownSegments, grid: Grid, point_mm: FloatArray, normal: FloatArray) -> list[Any]:
    """Outlines of each segment in any plane, as `on_slice`.

    Planes along an axis of the labels' grid cut through the voxels there, exactly; others through the
    nearest label of points as far apart as the smallest voxel side.

    Parameters
    ----------
    grid
        Of the image.
    point_mm, normal
        (3,) point of the plane and its unit normal, LPS.
    """
    if shown.contours is not None and _is_parallel(shown.contours, normal) and _along(grid, "k", normal):
        distances = np.abs(grid.depths_mm - float(point_mm @ grid.normal))
        k = int(distances.argmin())
        near = distances[k] <= grid.slice_extents_mm[k] / 2 + SAME_DEPTH_MM
        return on_slice(shown, grid, k) if near else [() for _ in shown.facts]
    labels = shown.labels
    axis = next((axis for axis in _axes(labels.grid) if _along(labels.grid, axis, normal)), None)
    if axis is not None:
        return _across(labels, axis, point_mm)
    return _traced(onto_slices(labels, _lattice(labels.grid, point_mm, normal)), "k")


def _axes(grid: Grid) -> tuple[Axis, ...]:
    """Axes whose slices are flat: of uneven stacks only the stored one for sure."""
    return ("k", "j", "i") if grid.slice_origins_mm is None else ("k",)


def _along(grid: Grid, axis: Axis, normal: FloatArray) -> bool:
    """Whether the slices along an axis of a grid are parallel to a plane."""
    a, b = (n for n in range(3) if n != "kji".index(axis))
    across = np.cross(grid.affine[:3, a], grid.affine[:3, b])
    return abs(float(across @ normal)) >= PARALLEL * float(np.linalg.norm(across))


def _across(labels: LabelMap, axis: Axis, point_mm: FloatArray) -> list[tuple[Region, ...]]:
    n = "kji".index(axis)
    at = int(np.floor(labels.grid.to_voxel(point_mm)[n] + 0.5))
    if not 0 <= at < labels.grid.shape[n]:
        return [() for _ in labels.segments]
    window = [slice(None)] * 3
    window[n] = slice(at, at + 1)
    part = labels.data[(slice(None), *window)]
    return _traced(_with(labels, part, labels.grid.crop((window[0], window[1], window[2]))), axis)


def _lattice(grid: Grid, point_mm: FloatArray, normal: FloatArray) -> Grid:
    """Points of a plane that cover what it cuts of a grid."""
    right = np.cross(normal, np.eye(3)[int(np.abs(normal).argmin())])
    right /= np.linalg.norm(right)
    down = np.cross(normal, right)
    corners = (grid.corners_mm() - point_mm) @ np.stack([down, right], axis=1)
    margin = max(grid.spacing_mm)
    low, size = corners.min(axis=0) - margin, np.ptp(corners, axis=0) + 2 * margin
    step = max(min(grid.spacing_mm), float(np.sqrt(size[0] * size[1] / MOST_SAMPLES)))
    rows, columns = (int(n) for n in np.ceil(size / step) + 1)
    affine = np.eye(4)
    affine[:3, :3] = np.stack([normal, down, right], axis=1) * step
    affine[:3, 3] = point_mm + low[0] * down + low[1] * right
    return Grid((1, rows, columns), affine, grid.frame_of_reference, space=Space.PATIENT)


def _with(labels: LabelMap, data: NDArray[Any], grid: Grid) -> LabelMap:
    return LabelMap(np.ascontiguousarray(data), grid, labels.segments, labels.fractional)


def _traced(labels: LabelMap, axis: Axis) -> list[tuple[Region, ...]]:
    found = trace(labels, axis=axis)
    return [tuple(r for plane in part.planes for r in plane.regions) for part in found.segments]


# -- stored outlines ----------------------------------------------------------------------------


def _is_parallel(contours: ContourSet, normal: FloatArray) -> bool:
    """Whether all outlines lie in planes of one direction."""
    rings = (r.outer for s in contours.segments for plane in s.planes for r in plane.regions)
    return all(float(np.ptp(ring @ normal)) <= SAME_DEPTH_MM for ring in rings)


def _stored(part: SegmentContours, grid: Grid, k: int) -> tuple[Region, ...]:
    """Outlines on the plane nearest to a slice, of those that are nearer to it than to other slices."""
    on: list[tuple[float, PlanarContours]] = []
    for plane in part.planes:
        if not plane.regions:
            continue
        away = np.abs(grid.depths_mm - float((plane.regions[0].outer @ grid.normal).mean()))
        if int(away.argmin()) == k and away[k] <= grid.slice_extents_mm[k] / 2 + SAME_DEPTH_MM:
            on.append((float(away[k]), plane))
    nearest = min((away for away, _ in on), default=0.0)
    return tuple(r for away, plane in on if away <= nearest + SAME_DEPTH_MM for r in plane.regions)
