"""Surfaces as steps: for pipelines, the viewer and the command line."""

from __future__ import annotations

from typing import Annotated, Literal

from medvox.core.labels import LabelMap
from medvox.core.mesh import Mesh
from medvox.core.progress import Progress, silent
from medvox.core.steps import Setting, step
from medvox.core.volume import Volume
from medvox.surfaces import boolean, editing, points
from medvox.surfaces.model import Keep, ModelOptions, label_models, volume_model

Iterations = Annotated[int, Setting(minimum=0, maximum=500)]
Share = Annotated[float, Setting(minimum=0, maximum=0.999)]
Millimeters = Annotated[float, Setting(unit="mm", minimum=0.01)]


@step("isosurface", family="surface")
def make_isosurface(
    volume: Volume,
    level: float,
    smooth: Iterations = 20,
    decimate: Share = 0.8,
    keep: Keep = "voxels",
    progress: Progress = silent,
) -> Mesh:
    """Surface around all voxels that reach a level.

    Parameters
    ----------
    volume
        Grey values.
    level
        In the volume's unit.
    smooth
        Iterations of the windowed sinc filter.
    decimate
        Share of the triangles to remove.
    keep
        Volume that the model gets: the voxels', the extracted surface's, or none in particular.
    """
    options = ModelOptions(smooth, reduction=decimate, keep=keep, measure_distance=False)
    return volume_model(volume, level, options, progress).mesh


@step("segment", family="surface")
def make_segment_surface(
    labels: LabelMap,
    segment: str = "",
    smooth: Iterations = 20,
    decimate: Share = 0.8,
    progress: Progress = silent,
) -> Mesh:
    """Surface of one segment, with the volume of its voxels.

    Parameters
    ----------
    labels
        The segments.
    segment
        Name or number; the first where left out.
    smooth
        Iterations of the windowed sinc filter.
    decimate
        Share of the triangles to remove.
    """
    name = (int(segment) if segment.isdigit() else segment) if segment else labels.segments[0].name
    options = ModelOptions(smooth, reduction=decimate, measure_distance=False)
    return label_models(labels, [name], options, progress)[0].mesh


@step("smooth", family="surface")
def smooth_mesh(
    mesh: Mesh, iterations: Annotated[int, Setting(minimum=1, maximum=500)] = 20, keep_volume: bool = True
) -> Mesh:
    """Smooth a mesh by a windowed sinc filter.

    Parameters
    ----------
    mesh
        Any mesh.
    iterations
        More: smoother.
    keep_volume
        Give closed parts their volume back.
    """
    return editing.smoothed(mesh, iterations, keep_volume=keep_volume)


@step("decimate", family="surface")
def decimate_mesh(mesh: Mesh, reduction: Share = 0.8, progress: Progress = silent) -> Mesh:
    """Remove triangles where the shape changes least.

    Parameters
    ----------
    mesh
        Any mesh.
    reduction
        Share of the triangles to remove.
    """
    return editing.decimated(mesh, reduction, progress=progress)


@step("fill-holes", family="surface")
def fill_mesh_holes(mesh: Mesh, largest: Annotated[float | None, Setting(unit="mm")] = None) -> Mesh:
    """Close the holes of a mesh.

    Parameters
    ----------
    mesh
        A mesh with open edges.
    largest
        Diameter of the largest hole to close; all where left out.
    """
    return editing.fill_holes(mesh, largest)


@step("remesh", family="surface")
def remesh_mesh(mesh: Mesh, edge: Millimeters = 1.0) -> Mesh:
    """Make a closed mesh anew of even triangles.

    Parameters
    ----------
    mesh
        A closed mesh.
    edge
        Length of their edges, about.
    """
    return editing.remesh(mesh, edge)


@step("offset", family="surface")
def offset_mesh(
    mesh: Mesh, distance: Annotated[float, Setting(unit="mm")] = 1.0, edge: Millimeters = 1.0
) -> Mesh:
    """Move a closed surface outwards, or inwards below 0.

    Parameters
    ----------
    mesh
        A closed mesh.
    distance
        How far.
    edge
        Length of the new edges, about.
    """
    return editing.offset(mesh, distance, edge)


@step("shell", family="surface")
def hollow_mesh(mesh: Mesh, thickness: Millimeters = 2.0, edge: Millimeters = 1.0) -> Mesh:
    """Hollow a closed mesh, for printing.

    Parameters
    ----------
    mesh
        A closed mesh.
    thickness
        Of the wall.
    edge
        Length of the inner edges, about.
    """
    return editing.shell(mesh, thickness, edge)


@step("cut", family="surface")
def cut_mesh(
    mesh: Mesh,
    normal: tuple[float, float, float] = (0.0, 0.0, 1.0),
    offset: Annotated[float, Setting(unit="mm")] = 0.0,
) -> Mesh:
    """Keep one side of a plane; closed meshes are closed again.

    Parameters
    ----------
    mesh
        Any mesh.
    normal
        LPS direction of the side that stays.
    offset
        Place of the plane along it.
    """
    return editing.cut(mesh, normal, offset)


@step("boolean", family="surface")
def combine_meshes(
    mesh: Mesh, other: Mesh, operation: Literal["union", "intersection", "difference"] = "union"
) -> Mesh:
    """Combine two closed meshes.

    Parameters
    ----------
    mesh, other
        Closed meshes.
    operation
        What is made of them.
    """
    return boolean.boolean(mesh, other, operation)


@step("reconstruct", family="surface")
def reconstruct_cloud(
    cloud: Mesh,
    edge: Annotated[float | None, Setting(unit="mm")] = None,
    trim: Annotated[float | None, Setting(unit="mm")] = None,
) -> Mesh:
    """Surface through a cloud of points (Poisson), strays left out.

    Parameters
    ----------
    cloud
        A mesh without faces.
    edge
        Length of the edges, about; by the points' distance where left out.
    trim
        Leave out what lies farther than this from all points.
    """
    cleaned, _ = points.clean(cloud)
    return points.reconstruct(cleaned, edge, trim_mm=trim)
