"""Editing, combining, checking, points, outlines and registration of meshes, beside analytic truth."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from medvox.core.contour import PlanarContours, Region, SegmentContours
from medvox.core.errors import GeometryError, UsageError
from medvox.core.grid import Grid
from medvox.core.labels import Segment
from medvox.core.mesh import Mesh
from medvox.core.transform import AffineTransform
from medvox.core.volume import Volume
from medvox.surfaces import boolean, checking, coloring, editing, outlines, points, registration
from medvox.surfaces.distance import surface_distance
from medvox.surfaces.manifold import euler_number, open_edges


def ball(radius=10.0, at=(0.0, 0.0, 0.0), fine=4) -> Mesh:
    made = trimesh.creation.icosphere(subdivisions=fine, radius=radius)
    return Mesh(made.vertices + at, made.faces, name="ball")


def volume_mm3(mesh: Mesh) -> float:
    return mesh.volume_ml * 1000


LENS = 2 * np.pi * (10 - 5) ** 2 * (3 * 10 - 5) / 3
"""Two balls of radius 10 whose centres are 10 apart: two caps of height 5."""


def test_boolean_operations_have_the_volumes_of_lenses():
    one, other = ball(), ball(at=(10, 0, 0))
    whole = 4 / 3 * np.pi * 1000
    for operation, truth in (
        ("intersection", LENS),
        ("union", 2 * whole - LENS),
        ("difference", whole - LENS),
    ):
        made = boolean.boolean(one, other, operation)
        assert open_edges(made) == 0
        assert volume_mm3(made) == pytest.approx(truth, rel=0.01)


def test_boolean_refuses_open_meshes():
    one = ball()
    with pytest.raises(GeometryError, match="closed"):
        boolean.boolean(Mesh(one.vertices_mm, one.faces[5:]), one, "union")


def test_holes_are_filled():
    one = ball()
    top = one.vertices_mm[one.faces].mean(axis=1)[:, 2] > 9.5
    opened = Mesh(one.vertices_mm, one.faces[~top])
    assert open_edges(opened) > 0
    filled = editing.fill_holes(opened)
    assert open_edges(filled) == 0
    assert volume_mm3(filled) == pytest.approx(volume_mm3(one), rel=0.01)


def test_cut_crop_split_offset_shell_remesh():
    one = ball()
    assert volume_mm3(editing.cut(one, (0, 0, 2.0), 0.0)) == pytest.approx(volume_mm3(one) / 2, rel=1e-3)
    eighth = editing.crop(one, (0, 0, 0), (20, 20, 20))
    assert volume_mm3(eighth) == pytest.approx(volume_mm3(one) / 8, rel=1e-3)
    grown = editing.offset(one, 2.0, 0.5)
    assert volume_mm3(grown) == pytest.approx(4 / 3 * np.pi * 12**3, rel=0.01)
    hollow = editing.shell(one, 2.0, 0.5)
    assert volume_mm3(hollow) == pytest.approx(4 / 3 * np.pi * (1000 - 512), rel=0.02)
    assert len(editing.split(hollow)) == 2
    again = editing.remesh(one, 0.7)
    assert open_edges(again) == 0
    assert volume_mm3(again) == pytest.approx(volume_mm3(one), rel=0.01)


def test_smoothing_and_decimation_of_a_mesh_keep_its_volume():
    rough = ball()
    noise = np.random.default_rng(0).normal(0, 0.1, rough.vertices_mm.shape)
    rough = Mesh(rough.vertices_mm + noise, rough.faces)
    smooth = editing.smoothed(rough)
    assert volume_mm3(smooth) == pytest.approx(volume_mm3(rough), rel=1e-3)
    assert smooth.area_mm2 < rough.area_mm2
    less = editing.decimated(smooth, 0.8)
    assert len(less.faces) < 0.25 * len(rough.faces)
    assert volume_mm3(less) == pytest.approx(volume_mm3(rough), rel=1e-3)
    assert euler_number(less) == 2


def test_an_open_sheet_keeps_its_border_when_decimated():
    x, y = np.meshgrid(np.arange(30.0), np.arange(20.0))
    vertices = np.stack([x.ravel(), y.ravel(), np.zeros(600)], axis=1)
    corner = (np.arange(19)[:, None] * 30 + np.arange(29)).ravel()
    faces = np.concatenate(
        [np.stack([corner, corner + 1, corner + 31], 1), np.stack([corner, corner + 31, corner + 30], 1)]
    )
    less = editing.decimated(Mesh(vertices, faces), 0.9)
    assert len(less.faces) < 200
    assert less.area_mm2 == pytest.approx(29 * 19, rel=1e-6)


def test_distances_of_concentric_balls():
    found = surface_distance(ball(10), ball(11))
    assert found.mean_mm == pytest.approx(1, abs=0.01)
    assert found.hausdorff_mm == pytest.approx(1, abs=0.02)


def test_the_print_check_measures_walls_and_finds_faults():
    hollow = editing.shell(ball(), 2.0, 0.5)
    found = checking.check_print(hollow, thinnest_mm=2.5)
    assert found.is_printable
    assert found.thin_share > 0.4
    assert found.thinnest_mm == pytest.approx(2, abs=0.1)
    one, other = ball(fine=3), ball(at=(9, 1.3, 2.1), fine=3)
    both = Mesh(
        np.concatenate([one.vertices_mm, other.vertices_mm]),
        np.concatenate([one.faces, other.faces + len(one.vertices_mm)]),
    )
    assert checking.self_intersections(one) == 0
    assert (checking.self_intersections(both) or 0) > 50
    assert not checking.check_print(Mesh(one.vertices_mm, one.faces[1:])).is_printable
    assert checking.check_print(Mesh(one.vertices_mm, one.faces[:, ::-1])).volume_ml < 0


def test_thickness_of_a_slab_is_its_own():
    box = trimesh.creation.box((30, 30, 3)).subdivide().subdivide()
    mesh = Mesh(box.vertices, box.faces)
    middle = np.array([[2.0, 3.0, 1.5], [-4.0, 1.0, -1.5]])
    assert checking.thickness_mm(mesh, middle) == pytest.approx(3, abs=0.01)


def test_a_cloud_becomes_a_surface():
    random = np.random.default_rng(0).normal(size=(6000, 3))
    cloud = 10 * random / np.linalg.norm(random, axis=1, keepdims=True)
    stray = np.array([[40.0, 0, 0], [0, 35, 0]])
    cleaned, left_out = points.clean(Mesh(np.concatenate([cloud, stray]), np.zeros((0, 3))))
    assert left_out >= 2
    assert np.abs(np.linalg.norm(cleaned.vertices_mm, axis=1) - 10).max() < 1e-6
    normals = points.normals_of(cleaned.vertices_mm)
    assert np.einsum("ij,ij->i", normals, cleaned.vertices_mm / 10).min() > 0.9
    made = points.reconstruct(cleaned, step_mm=0.7)
    away = np.linalg.norm(made.vertices_mm, axis=1) - 10
    assert np.abs(away).mean() < 0.1
    assert made.volume_ml * 1000 == pytest.approx(4 / 3 * np.pi * 1000, rel=0.03)


def bumpy() -> Mesh:
    made = ball(50, fine=5)
    p = made.vertices_mm / 50
    bump = 1 + 0.15 * np.sin(5 * p[:, 0]) * p[:, 1] + 0.1 * np.cos(4 * p[:, 2] + p[:, 0])
    return Mesh(made.vertices_mm * bump[:, None], made.faces)


def test_registration_finds_a_known_motion_and_tells_the_error():
    fixed = bumpy()
    motion = AffineTransform.rotation((0.3, 1, 0.2), 25.0, (5, 6, 7))
    moving = fixed.transformed(AffineTransform(np.linalg.inv(motion.matrix)))
    part = moving.faces[moving.vertices_mm[moving.faces].mean(axis=1)[:, 0] > -10]
    marks = fixed.vertices_mm[[10, 400, 900, 1500]]
    noise = np.random.default_rng(0).normal(0, 1.5, marks.shape)
    moved = marks @ np.linalg.inv(motion.matrix)[:3, :3].T + np.linalg.inv(motion.matrix)[:3, 3] + noise
    found = registration.register_surfaces(Mesh(moving.vertices_mm, part), fixed, (moved, marks), overlap=1.0)
    assert found.landmark_rms_mm is not None
    assert found.landmark_rms_mm > 0.3
    assert found.rms_mm < 0.05
    left = found.transform.apply(moving.vertices_mm) - fixed.vertices_mm
    assert np.abs(left).max() < 0.2


def test_landmarks_in_a_line_are_refused():
    line = np.outer(np.arange(4.0), [1, 1, 1])
    with pytest.raises(UsageError, match="line"):
        registration.fit_landmarks(line, line)


def circle(x, y, z, radius, count=60) -> np.ndarray:
    t = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([x + radius * np.cos(t), y + radius * np.sin(t), np.full(count, float(z))], axis=1)


def test_outlines_that_branch_become_one_closed_surface():
    planes = [PlanarContours((Region(circle(0, 0, z, 10)),)) for z in range(0, 10, 2)]
    planes += [
        PlanarContours((Region(circle(-7, 0, z, 4)), Region(circle(7, 0, z, 4)))) for z in range(10, 20, 2)
    ]
    made = outlines.outline_surface(SegmentContours(Segment(1, "y"), tuple(planes)), step_mm=0.25)
    assert open_edges(made) == 0
    assert euler_number(made) == 2
    truth = 5 * 2 * np.pi * 100 + 5 * 2 * 2 * np.pi * 16
    assert made.volume_ml * 1000 == pytest.approx(truth, rel=0.12)


def test_outlines_with_a_hole_become_a_tube():
    ring = [
        PlanarContours((Region(circle(0, 0, z, 10), (circle(0, 0, z, 5),)),)) for z in np.arange(0, 21, 1.5)
    ]
    made = outlines.outline_surface(SegmentContours(Segment(1, "tube"), tuple(ring)), step_mm=0.2)
    assert euler_number(made) == 0
    assert made.volume_ml * 1000 == pytest.approx(14 * 1.5 * np.pi * 75, rel=0.02)


def test_vertex_colors_are_the_values_there():
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3)[:, ::-1]
    values = np.broadcast_to(3.0 * np.arange(21, dtype=np.float32), (21, 21, 21)).copy()
    volume = Volume(values, Grid((21, 21, 21), matrix))
    mesh = ball(4, at=(10, 10, 10))
    values = coloring.values_at(mesh, volume)
    assert np.allclose(values, 3 * mesh.vertices_mm[:, 0], atol=1e-3)
    table = np.stack([np.arange(256)] * 3, axis=1).astype(np.uint8)
    made = coloring.colored(mesh, volume, table, 0, 60)
    assert made.vertex_colors is not None
    assert np.abs(made.vertex_colors[:, 0] - 255 * 3 * mesh.vertices_mm[:, 0] / 60).max() < 1
