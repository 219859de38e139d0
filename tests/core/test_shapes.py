"""Labels, contours, meshes and transforms against analytic shapes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medvox.core.contour import ContourSet, PlanarContours, Region, SegmentContours
from medvox.core.errors import GeometryError, MissingError, UsageError
from medvox.core.grid import Grid
from medvox.core.labels import LabelMap, Segment
from medvox.core.mesh import Mesh
from medvox.core.transform import AffineTransform, DisplacementField, TransformChain

SQUARE = np.array([[0, 0, 0], [10, 0, 0], [10, 10, 0], [0, 10, 0]], float)
CUBE = Mesh(
    np.array([[x, y, z] for x in (0, 10) for y in (0, 10) for z in (0, 10)], float),
    np.array(
        [
            [0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1],
            [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3],
        ]
    ),
)  # fmt: skip


def test_a_cube_has_the_volume_and_area_of_a_cube():
    assert CUBE.volume_ml == pytest.approx(1.0)
    assert CUBE.area_mm2 == pytest.approx(600)
    assert CUBE.is_closed
    assert not Mesh(CUBE.vertices_mm, CUBE.faces[1:]).is_closed


def test_faces_that_name_no_vertex_are_refused():
    with pytest.raises(GeometryError):
        Mesh(np.zeros((3, 3)), np.array([[0, 1, 3]]))


def test_areas_leave_out_holes_and_do_not_depend_on_winding():
    hole = np.array([[2, 2, 0], [2, 4, 0], [4, 4, 0], [4, 2, 0]], float)
    assert Region(SQUARE, (hole,)).area_mm2 == pytest.approx(96)
    assert Region(SQUARE[::-1], (hole[::-1],)).area_mm2 == pytest.approx(96)


def test_contours_move_with_a_transform():
    contours = ContourSet((SegmentContours(Segment(1, "a"), (PlanarContours((Region(SQUARE),)),)),))
    moved = contours.transformed(AffineTransform.rotation((0, 0, 1), 90, center_mm=(0, 0, 0)))
    assert np.allclose(moved.segments[0].planes[0].regions[0].outer[1], (0, 10, 0))


def test_overlapping_segments_survive_and_flattening_says_what_it_loses():
    data = np.zeros((2, 2, 3, 3), np.uint8)
    data[0, 0, :2, :2], data[1, 0, 1:, 1:] = 1, 1
    labels = LabelMap(
        data, Grid((2, 3, 3), np.eye(4)[[2, 1, 0, 3]]), (Segment(1, "a", 0), Segment(1, "b", 1))
    )
    assert labels.overlaps
    flat, lost = labels.flatten()
    assert lost == 1
    assert (flat == 2).sum() == 4
    assert labels.volume_ml("a") == pytest.approx(0.004)
    with pytest.raises(MissingError):
        labels.mask("c")


def test_fractions_count_in_part():
    data = np.full((1, 1, 2, 2), 0.25, np.float32)
    labels = LabelMap(data, Grid((1, 2, 2), np.eye(4)[[2, 1, 0, 3]]), (Segment(1, "a"),), fractional=True)
    assert labels.volume_ml("a") == pytest.approx(0.001)
    with pytest.raises(UsageError):
        LabelMap(data, labels.grid, labels.segments)


@given(st.floats(-180, 180), st.tuples(*[st.floats(-50, 50)] * 3))
def test_chains_invert_in_reverse_order(angle, point):
    turn = AffineTransform.rotation((1, 2, 3), angle, center_mm=(5, 6, 7))
    chain = TransformChain((turn, AffineTransform.translation((1, 2, 3))))
    assert np.allclose(chain.inverse().apply(chain.apply(point)), point, atol=1e-6)
    assert np.allclose(turn.apply((5, 6, 7)), (5, 6, 7))


def test_a_smooth_displacement_field_inverts_and_a_folding_one_is_refused():
    grid = Grid((9, 9, 9), np.eye(4)[[2, 1, 0, 3]])
    k, j, i = np.indices(grid.shape)
    bump = np.exp(-((k - 4) ** 2 + (j - 4) ** 2 + (i - 4) ** 2) / 40)
    field = DisplacementField(grid, np.stack([0.4 * bump, 0.2 * bump, 0 * bump]))
    points = np.array([[4.0, 4.0, 4.0], [3.2, 5.1, 4.4]])
    assert np.allclose(field.inverse().apply(field.apply(points)), points, atol=0.02)
    sharp = np.exp(-((k - 4) ** 2 + (j - 4) ** 2 + (i - 4) ** 2) / 8)
    folding = DisplacementField(grid, np.stack([-9.0 * (i - 4) * sharp] * 3))
    with pytest.raises(GeometryError, match="inverse"):
        folding.inverse()
