"""Boolean operations, clipping, editing and interpolation against areas known beforehand."""

from __future__ import annotations

import numpy as np
import pytest

from medvox.contours import fill, trace
from medvox.contours.boolean import clip, combine
from medvox.contours.edit import (
    copy_to,
    delete_node,
    insert_node,
    join,
    move,
    move_node,
    rotate,
    scale,
    split,
)
from medvox.contours.morph import interpolate, morph
from medvox.core.contour import ContourSet, PlanarContours, Region, SegmentContours
from medvox.core.errors import GeometryError, UsageError
from medvox.core.grid import Grid
from medvox.core.labels import LabelMap, Segment

PLAIN = np.array([[0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]], float)


def box(x0, y0, x1, y1, z=3.0):
    return np.array([[x0, y0, z], [x1, y0, z], [x1, y1, z], [x0, y1, z]], float)


def part(*rings, name="a"):
    planes = {}
    for ring in rings:
        planes.setdefault(float(ring[0, 2]), []).append(Region(ring))
    return SegmentContours(Segment(1, name), tuple(PlanarContours(tuple(r)) for r in planes.values()))


def area(drawn):
    planes = drawn.planes if isinstance(drawn, SegmentContours) else (drawn,)
    return sum(region.area_mm2 for plane in planes for region in plane.regions)


@pytest.mark.parametrize(
    ("operation", "expected"), [("union", 28 + 4), ("intersection", 4), ("difference", 12), ("xor", 24 + 4)]
)
def test_boolean_operations(operation, expected):
    one, other = part(box(0, 0, 4, 4)), part(box(2, 2, 6, 6), box(0, 0, 2, 2, z=5.0))
    assert area(combine(one, other, operation)) == pytest.approx(expected)


def test_a_difference_makes_a_hole():
    made = combine(part(box(0, 0, 9, 9)), part(box(3, 3, 6, 6)), "difference")
    assert len(made.planes[0].regions[0].holes) == 1
    with pytest.raises(UsageError):
        combine(made, made, "minus")


def test_clipping():
    drawn = part(box(0, 0, 4, 4), box(0, 0, 4, 4, z=9.0))
    curve = np.array([[-2, 1, 3], [1, 1, 3], [6, 1, 3]], float)
    drawn = SegmentContours(drawn.segment, (*drawn.planes, PlanarContours((), (curve, curve[:1]))))
    made = clip(drawn, (np.array([1, 1, 0]), np.array([3, 9, 5])))
    assert area(made) == pytest.approx(6)
    np.testing.assert_allclose(made.planes[-1].curves[0], [[1, 1, 3], [3, 1, 3]])
    assert len(made.planes[-1].curves) == 1
    with pytest.raises(UsageError):
        clip(drawn, (np.zeros(3), np.zeros(3)))


def test_moving_turning_scaling_copying():
    drawn = part(box(0, 0, 4, 2)).planes[0]
    assert move(drawn, (1, 2, 3)).regions[0].outer[0].tolist() == [1, 2, 6]
    turned = rotate(drawn, 90).regions[0].outer
    np.testing.assert_allclose(np.ptp(turned, axis=0), [2, 4, 0], atol=1e-12)
    assert area(scale(drawn, 3)) == pytest.approx(72)
    assert np.unique(copy_to(drawn, (0, 0, 8.5)).regions[0].outer[:, 2]).tolist() == [8.5]
    for wrong in (lambda: move(drawn, (1, 2)), lambda: scale(drawn, 0)):
        with pytest.raises(UsageError):
            wrong()


def test_splitting_and_joining():
    drawn = part(box(0, 0, 4, 4)).planes[0]
    parts = split(drawn, [[1, -1, 3], [1, 5, 3]])
    assert sorted(region.area_mm2 for region in parts.regions) == pytest.approx([4, 12])
    assert [r.area_mm2 for r in join(parts).regions] == pytest.approx([16])
    with pytest.raises(GeometryError):
        split(drawn, [[7, 0, 3], [7, 5, 3]])
    apart = PlanarContours((Region(box(0, 0, 2, 2)), Region(box(3, 0, 5, 2))))
    assert len(join(apart).regions) == 2
    assert [r.area_mm2 for r in join(apart, 1.5).regions] == pytest.approx([10])


def test_nodes():
    ring = box(0, 0, 4, 4)
    assert move_node(ring, 2, (5, 5, 3))[2].tolist() == [5, 5, 3]
    assert insert_node(ring, 3, (-1, 2, 3))[4].tolist() == [-1, 2, 3]
    assert len(delete_node(ring, 0)) == 3
    with pytest.raises(GeometryError):
        delete_node(ring[:3], 0)
    with pytest.raises(UsageError):
        move_node(ring, 4, (0, 0, 0))


def test_slices_between_two_discs_are_discs_between():
    y, x = np.mgrid[:80, :80]
    made = np.zeros((5, 80, 80), np.uint8)
    made[0] = np.hypot(y - 40, x - 40) <= 10
    made[4] = np.hypot(y - 40, x - 40) <= 30
    grid = Grid(made.shape, PLAIN)
    contours = trace(LabelMap(made[None], grid, (Segment(1, "a"),)))
    full, count = interpolate(contours.segments[0], grid)
    assert count == 3
    areas = [area(plane) for plane in full.planes]
    np.testing.assert_allclose(areas, [np.pi * r**2 for r in (10, 15, 20, 25, 30)], rtol=0.03)
    filled, _ = fill(ContourSet((full,)), grid)
    np.testing.assert_array_equal(filled.data[0][[0, 4]], made[[0, 4]])
    with pytest.raises(UsageError):
        interpolate(part(box(0, 0, 9, 9, z=0.0)), grid)


def test_morphing_begins_and_ends_with_the_masks():
    rng = np.random.default_rng(2)
    one, other = rng.random((2, 20, 20)) > 0.5
    np.testing.assert_array_equal(morph(one, other, 0), one)
    np.testing.assert_array_equal(morph(one, other, 1), other)
