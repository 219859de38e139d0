"""Rings as other systems write them: nested, keyholed, crossing, overlapping, without area."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from contours_data import labels_of, numbers
from medvox.contours import assemble, fill, trace
from medvox.core.contour import ContourSet, PlanarContours, SegmentContours
from medvox.core.errors import GeometryError, UsageError


def box(x0, y0, x1, y1, z=3.0):
    return np.array([[x0, y0, z], [x1, y0, z], [x1, y1, z], [x0, y1, z]], float)


def turned(rings, angles=(0.3, -0.7)):
    """The same rings in an oblique plane."""
    a, b = angles
    about_z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    return [ring @ (about_x @ about_z).T for ring in rings]


_HOLE = [[0, 5], [3, 5], [3, 7], [7, 7], [7, 3], [3, 3], [3, 5], [0, 5]]
KEYHOLE = np.column_stack([[[0, 0], [10, 0], [10, 10], [0, 10], *_HOLE], np.full(12, 3.0)])
BOW_TIE = np.array([[0, 0, 3], [4, 4, 3], [4, 0, 3], [0, 4, 3]], float)


def codes(findings):
    return [finding.code for finding in findings]


@pytest.mark.parametrize("oblique", [False, True])
@pytest.mark.parametrize("reverse", [0, 1, 2, 3])
def test_nesting_makes_holes_and_islands_in_either_winding(oblique, reverse):
    rings = [box(4, 4, 5, 5), box(0, 0, 10, 10), box(3, 3, 7, 7), box(20, 0, 21, 1)]
    rings[reverse] = rings[reverse][::-1]
    rings = turned(rings) if oblique else rings
    for rule in ("auto", "xor"):
        regions, findings = assemble(rings, rule)
        assert sorted(len(region.holes) for region in regions) == [0, 0, 1]
        assert sum(region.area_mm2 for region in regions) == pytest.approx(100 - 16 + 1 + 1)
        assert codes(findings) == (["contour-nested"] if rule == "auto" else [])
        outer = next(region for region in regions if region.holes)
        np.testing.assert_array_equal(outer.outer, rings[1])  # no point moved
        np.testing.assert_array_equal(outer.holes[0], rings[2])


def test_nested_rings_add_nothing_by_the_rule_of_keyholes_and_are_told():
    regions, findings = assemble([box(0, 0, 10, 10), box(3, 3, 7, 7)], "keyhole")
    assert [region.area_mm2 for region in regions] == [100]
    assert codes(findings) == ["contour-nested"]


@pytest.mark.parametrize("rule", ["auto", "xor", "keyhole"])
@pytest.mark.parametrize("oblique", [False, True])
def test_keyholes_become_holes(rule, oblique):
    rings = turned([KEYHOLE]) if oblique else [KEYHOLE]
    regions, findings = assemble(rings, rule)
    assert len(regions) == 1
    assert len(regions[0].holes) == 1
    assert regions[0].area_mm2 == pytest.approx(84)
    assert codes(findings) == ["contour-keyhole"]


def test_an_island_in_a_keyholed_hole():
    regions, _ = assemble([KEYHOLE, box(4, 4, 6, 6)])
    assert sorted(len(region.holes) for region in regions) == [0, 1]
    assert sum(region.area_mm2 for region in regions) == pytest.approx(88)


def test_a_ring_that_crosses_itself_keeps_both_parts():
    regions, findings = assemble([BOW_TIE])
    assert sum(region.area_mm2 for region in regions) == pytest.approx(8)
    assert codes(findings) == ["contour-crossing"]


def test_rings_that_overlap_in_part():
    rings = [box(0, 0, 4, 4), box(2, 2, 6, 6)]
    joined, findings = assemble(rings)
    assert sum(region.area_mm2 for region in joined) == pytest.approx(28)
    assert codes(findings) == ["contour-overlap"]
    apart, _ = assemble(rings, "xor")
    assert sum(region.area_mm2 for region in apart) == pytest.approx(24)


def test_holes_that_touch_the_border_or_each_other_are_kept():
    regions, _ = assemble([box(0, 0, 10, 10), box(0, 3, 4, 7), box(4, 3, 8, 7)], "xor")
    assert sum(region.area_mm2 for region in regions) == pytest.approx(68)


def test_rings_without_area_are_counted():
    line = np.array([[0, 0, 3], [1, 1, 3], [2, 2, 3]], float)
    regions, findings = assemble([box(0, 0, 4, 4), np.zeros((1, 3)), np.zeros((2, 3)), line])
    assert len(regions) == 1
    assert codes(findings) == ["contour-degenerate", "contour-degenerate"]
    assert assemble([])[0] == ()


def test_rings_that_are_not_flat_are_told():
    bent = box(0, 0, 10, 10)
    bent[0, 2] += 2
    assert "contour-not-flat" in codes(assemble([bent])[1])


def test_repeated_points_are_dropped():
    ring = box(0, 0, 4, 4)
    regions, findings = assemble([np.concatenate([ring[:1], ring, ring[:1]])])
    assert len(regions[0].outer) == 4
    assert findings == ()


def test_bad_input():
    with pytest.raises(UsageError):
        assemble([box(0, 0, 1, 1)], "winding")  # type: ignore[arg-type]
    with pytest.raises(GeometryError):
        assemble([np.full((4, 3), np.nan)])
    with pytest.raises(GeometryError):
        assemble([np.zeros((4, 2))])


@given(numbers(most=1), st.randoms())
def test_loose_rings_of_any_mask_give_its_voxels_back(made, random):
    labels = labels_of(made, most=1)
    planes = []
    for plane in trace(labels).segments[0].planes:
        rings = [ring for region in plane.regions for ring in (region.outer, *region.holes)]
        random.shuffle(rings)
        regions, findings = assemble([ring[:: random.choice([1, -1])] for ring in rings])
        assert set(codes(findings)) <= {"contour-nested"}
        assert len(regions) == len(plane.regions)
        planes.append(PlanarContours(regions))
    filled, _ = fill(ContourSet((SegmentContours(labels.segments[0], tuple(planes)),)), labels.grid)
    np.testing.assert_array_equal(filled.data, labels.data)


@given(st.lists(st.tuples(*[st.integers(0, 8)] * 2), min_size=3, max_size=9))
def test_any_ring_becomes_valid_regions(points):
    ring = np.column_stack([np.array(points, float), np.zeros(len(points))])
    regions, findings = assemble([ring])
    solids = [shapely.Polygon(r.outer[:, :2], [h[:, :2] for h in r.holes]) for r in regions]
    assert all(solid.is_valid for solid in solids)
    assert shapely.union_all(solids).area == pytest.approx(sum(s.area for s in solids))
    if not regions:
        assert "contour-degenerate" in codes(findings)
