"""Lengths, angles, polygons, profiles and surface distances against formulas."""

import numpy as np
import pytest

from medvox.core import affine as aff
from medvox.core.errors import GeometryError
from medvox.core.grid import Grid
from medvox.core.mesh import Mesh
from medvox.core.volume import Volume
from medvox.measurement.geometry.points import angle, cobb_angle, length, path_length, polygon
from medvox.measurement.geometry.surface import distances_to_surface, geodesic
from medvox.measurement.intensity.profile import profile, surface_values

GRID = Grid((40, 40, 40), aff.compose((2.0, 0.7, 0.7), np.eye(3)[:, ::-1], (0, 0, 0)))


def sphere(radius=10.0, count=4):
    """Octahedron subdivided: vertices exactly on a sphere."""
    vertices = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], float)
    faces = np.array([[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]])
    for _ in range(count):
        edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
        unique, at = np.unique(edges, axis=0, return_inverse=True)
        middle = vertices[unique].mean(axis=1)
        ab, bc, ca = at.reshape(3, -1) + len(vertices)
        a, b, c = faces.T
        vertices = np.concatenate([vertices, middle / np.linalg.norm(middle, axis=1, keepdims=True)])
        faces = np.concatenate(
            [np.stack(t, axis=1) for t in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))]
        )
    return Mesh(radius * vertices, faces)


def test_lengths_and_angles_by_hand():
    assert length([[0, 0, 0], [3, 4, 0]]).value == 5
    assert path_length([[0, 0, 0], [3, 4, 0], [3, 4, 2]]).value == 7
    assert angle([[1, 0, 0], [0, 0, 0], [1, 1, 0]]).value == pytest.approx(45)
    assert cobb_angle([[0, 0, 0], [10, 0, 0]], [[0, 5, 0], [-10, 7, 0]]).value == pytest.approx(
        np.degrees(np.arctan2(2, 10))
    )
    area, around = polygon([[0, 0, 1], [4, 0, 1], [4, 3, 1], [0, 3, 1]])
    assert (area.value, around.value) == (12, 14)


@pytest.mark.parametrize("what", ["length", "path", "angle", "cobb", "area", "perimeter"])
def test_intervals_cover_points_rounded_to_voxels(what):
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(2000):
        true = rng.uniform(5, 50, (4, 3))
        if what in ("area", "perimeter"):
            turn = np.sort(rng.uniform(0, 2 * np.pi, 4)) + np.array([0, 1.5, 3.0, 4.5]) / 10
            true = np.stack([30 + 20 * np.cos(turn), 30 + 20 * np.sin(turn), np.full(4, 30.3)], axis=1)
        rounded = GRID.to_patient(np.rint(GRID.to_voxel(true)))
        calls = {
            "length": lambda p: length(p[:2], GRID),
            "path": lambda p: path_length(p, GRID),
            "angle": lambda p: angle(p[:3], GRID),
            "cobb": lambda p: cobb_angle(p[:2], p[2:], GRID),
            "area": lambda p: polygon(p, GRID)[0],
            "perimeter": lambda p: polygon(p, GRID)[1],
        }
        expected, found = calls[what](true), calls[what](rounded)
        hits += abs(found.value - expected.value) <= found.discretization_95
    assert 0.92 <= hits / 2000 <= 0.99


def test_distance_to_a_surface_is_exact():
    mesh = sphere()
    rng = np.random.default_rng(0)
    points = rng.normal(size=(300, 3)) * 12
    found, nearest = distances_to_surface(mesh, points)
    assert np.abs(found - np.abs(np.linalg.norm(points, axis=1) - 10)).max() < 0.05
    trimesh = pytest.importorskip("trimesh")
    closest, distance, _ = trimesh.proximity.closest_point_naive(
        trimesh.Trimesh(mesh.vertices_mm, mesh.faces, process=False), points[:40]
    )
    assert found[:40] == pytest.approx(distance, abs=1e-6)
    assert np.abs(nearest[:40] - closest).max() < 1e-5


def test_geodesic_on_a_sphere_is_half_a_great_circle():
    found = geodesic(sphere(count=5), (0, 0, 10), (0.1, 0.2, -10))
    assert np.pi * 10 * 0.999 <= found.length_mm <= np.pi * 10 * 1.04
    assert np.linalg.norm(np.diff(found.points_mm, axis=0), axis=1).sum() <= found.length_mm + 1e-9


def test_no_geodesic_between_parts_that_do_not_touch():
    one = sphere(count=1)
    both = Mesh(
        np.concatenate([one.vertices_mm, one.vertices_mm + 50]),
        np.concatenate([one.faces, one.faces + len(one.vertices_mm)]),
    )
    with pytest.raises(GeometryError, match="no way"):
        geodesic(both, (0, 0, 10), (50, 50, 60))


def test_a_profile_reads_a_linear_field_exactly():
    k, j, i = np.indices(GRID.shape, dtype=float)
    points = GRID.to_patient(np.stack([k, j, i], axis=-1))
    volume = Volume(points @ np.array([1.0, 2.0, -0.5]), GRID, unit="HU")
    found = profile(volume, [[1, 1, 1], [20, 15, 60]])
    assert found.values == pytest.approx(found.points_mm @ np.array([1.0, 2.0, -0.5]))
    assert found.distances_mm[-1] == pytest.approx(np.linalg.norm([19, 14, 59]))
    ball = sphere(count=2)
    mesh = Mesh(ball.vertices_mm + np.array([14.0, 14.0, 40.0]), ball.faces)
    assert surface_values(volume, mesh) == pytest.approx(mesh.vertices_mm @ np.array([1.0, 2.0, -0.5]))
    assert np.isnan(profile(volume, [[1, 1, 1], [500, 1, 1]]).values[-1])


def test_bad_points_are_refused():
    volume = Volume(np.zeros((3, 3, 3)), Grid((3, 3, 3), np.eye(4)))
    for call in (
        lambda: length([[0, 0, 0]]),
        lambda: length([[0, 0, np.nan], [1, 1, 1]]),
        lambda: angle([[0, 0, 0], [0, 0, 0], [1, 1, 1]]),
        lambda: polygon([[0, 0, 0], [9, 0, 0], [9, 9, 0], [0, 9, 5]]),
        lambda: profile(volume, [[90, 90, 90], [95, 90, 90]]),
    ):
        with pytest.raises(GeometryError):
            call()
