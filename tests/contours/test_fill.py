"""Filling against other tools and against areas known beforehand; everything odd is counted."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.path import Path as MplPath

from contours_data import TILTED, even_grid, labels_of, uneven_grid
from medvox.contours import fill, trace
from medvox.core.contour import ContourSet, PlanarContours, Region, SegmentContours
from medvox.core.errors import UsageError
from medvox.core.grid import Grid
from medvox.core.labels import Segment

PLAIN = np.array([[0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]], float)


def drawn(*planes, curves=()):
    """Contour set of one segment; each plane a list of regions, each a list of (n, 3) rings."""
    made = [PlanarContours(tuple(Region(r[0], tuple(r[1:])) for r in plane)) for plane in planes]
    made += [PlanarContours((), (c,)) for c in curves]
    return ContourSet((SegmentContours(Segment(1, "a"), tuple(made)),))


def circle(center, radius, z=0.0, count=720):
    t = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.column_stack(
        [center[0] + radius * np.cos(t), center[1] + radius * np.sin(t), np.full(count, z)]
    )


def box(x0, y0, x1, y1, z=0.0):
    return np.array([[x0, y0, z], [x1, y0, z], [x1, y1, z], [x0, y1, z]], float)


@st.composite
def stars(draw):
    """Star-shaped rings whose points are no round numbers."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    angles = np.sort(rng.uniform(0, 2 * np.pi, draw(st.integers(5, 40))))
    radii = rng.uniform(2, 14, len(angles))
    return np.column_stack(
        [15.3 + radii * np.cos(angles), 14.7 + radii * np.sin(angles), np.zeros(len(angles))]
    )


@given(stars(), st.booleans())
@settings(max_examples=60)
def test_centres_inside_as_matplotlib_and_shapely_say(ring, reverse):
    grid = Grid((1, 30, 30), PLAIN)
    filled, _ = fill(drawn([[ring[::-1] if reverse else ring]]), grid)
    j, i = np.mgrid[:30, :30]
    centers = np.column_stack([i.ravel(), j.ravel()])
    solid = shapely.make_valid(shapely.Polygon(ring[:, :2]))
    np.testing.assert_array_equal(filled.data[0, 0].ravel() == 1, shapely.contains_xy(solid, *centers.T))
    if shapely.Polygon(ring[:, :2]).is_valid:
        np.testing.assert_array_equal(
            filled.data[0, 0].ravel() == 1, MplPath(ring[:, :2]).contains_points(centers)
        )


@given(stars())
@settings(max_examples=40)
def test_covered_parts_are_those_of_shapely(ring):
    if not shapely.Polygon(ring[:, :2]).is_valid:
        return
    filled, _ = fill(drawn([[ring]]), Grid((1, 30, 20), PLAIN), rule="area")
    solid = shapely.Polygon(ring[:, :2])
    for j, i in np.random.default_rng(0).integers(0, (30, 20), (25, 2)):
        pixel = shapely.box(i - 0.5, j - 0.5, i + 0.5, j + 0.5)
        assert filled.data[0, 0, j, i] == pytest.approx(solid.intersection(pixel).area, abs=1e-5)


def test_the_area_of_a_ring_between_circles():
    shapes = [[circle((30.2, 31.1), 25), circle((28, 30), 10)], [circle((28.3, 30.4), 4)]]
    parts, report = fill(drawn(shapes), Grid((1, 64, 64), PLAIN), rule="area")
    expected = np.pi * (25**2 - 10**2 + 4**2)
    assert parts.data.sum() == pytest.approx(expected, rel=1e-4)
    assert report.segments[0].volume_ml == pytest.approx(expected / 1000, rel=1e-4)
    whole, report = fill(drawn(shapes), Grid((1, 64, 64), PLAIN))
    assert whole.data.sum() == pytest.approx(expected, rel=0.01)
    assert report.segments[0].regions == 2


def test_centres_on_an_outline_belong_to_one_of_two_neighbors():
    grid = Grid((1, 8, 8), PLAIN)
    one, two = drawn([[box(1, 1, 4, 5)]]), drawn([[box(4, 1, 6, 5)]])
    first, second = (fill(c, grid)[0].data[0, 0] for c in (one, two))
    assert first.sum() == 3 * 4
    assert first[1, 1] == 1
    assert not (first & second).any()
    assert (first | second).sum() == 5 * 4


def test_overlapping_segments_get_layers():
    segments = (
        SegmentContours(Segment(1, "big"), drawn([[box(0.5, 0.5, 6.5, 6.5)]]).segments[0].planes),
        SegmentContours(Segment(2, "small"), drawn([[box(1.5, 1.5, 3.5, 3.5)]]).segments[0].planes),
        SegmentContours(Segment(1, "same number"), drawn([[box(7.5, 7.5, 9.5, 9.5)]]).segments[0].planes),
    )
    filled, report = fill(ContourSet(segments), Grid((1, 10, 10), PLAIN))
    assert [int(filled.mask(n).sum()) for n in ("big", "small")] == [36, 4]
    assert (filled.data[filled.segments[2].layer] == 1).sum() == 4
    assert report.layers == 2


def test_regions_without_a_centre_are_reported_or_kept():
    contours = drawn([[box(2.1, 2.1, 2.9, 2.9)], [box(5.6, 5.6, 8.4, 8.4)]])
    filled, report = fill(contours, Grid((1, 10, 10), PLAIN))
    lost = report.segments[0].sub_voxel
    assert [part.area_mm2 for part in lost] == [pytest.approx(0.64)]
    assert filled.data.sum() == 9 - 1 + 1
    assert "contour-sub-voxel" in [f.code for f in report.findings]
    kept, _ = fill(contours, Grid((1, 10, 10), PLAIN), small="keep")
    assert kept.data.sum() == 10
    assert kept.data[(0, *lost[0].voxel)] == 1
    partly, _ = fill(contours, Grid((1, 10, 10), PLAIN), rule="area")
    assert partly.data.sum() == pytest.approx(0.64 + 2.8**2, rel=1e-5)


def test_thin_regions_are_counted():
    dumbbell = shapely.union_all(
        [shapely.Point(8, 8).buffer(6), shapely.Point(30, 8).buffer(6), shapely.box(8, 7.4, 30, 8.6)]
    )
    rings = [
        np.column_stack([np.array(shape.exterior.coords)[:-1], np.zeros(len(shape.exterior.coords) - 1)])
        for shape in (dumbbell, shapely.Point(10, 30).buffer(7), shapely.box(25, 25, 35, 27))
    ]
    _, report = fill(drawn([[ring] for ring in rings]), Grid((1, 50, 50), PLAIN))
    assert report.segments[0].thin == 2
    holed = [[circle((20, 20), 15), circle((20, 20), 1)], [circle((40, 40), 8), circle((40, 40), 4)]]
    assert fill(drawn(holed), Grid((1, 60, 60), PLAIN))[1].segments[0].thin == 1
    assert fill(drawn(holed), Grid((1, 60, 60), PLAIN), thin=False)[1].segments[0].thin is None


@given(st.floats(4, 12), st.floats(16, 24), st.floats(16, 24), st.floats(0.2, 0.7))
@settings(max_examples=30)
def test_wide_shapes_come_back_within_a_pixel(radius, x, y, inner):
    rings = [circle((x, y), radius)]
    if radius * inner > 1.6 and radius * (1 - inner) > 3.1:
        rings.append(circle((x, y), radius * inner))
    grid = Grid((1, 40, 40), PLAIN)
    filled, report = fill(drawn([rings]), grid)
    assert report.segments[0].thin == 0
    again = trace(filled).segments[0].planes[0].regions
    assert len(again) == 1
    assert len(again[0].holes) == len(rings) - 1
    for old, new in zip(rings, (again[0].outer, *again[0].holes), strict=True):
        lines = [shapely.LinearRing(ring[:, :2]) for ring in (old, new)]
        assert shapely.hausdorff_distance(*lines, densify=0.05) <= 1


def test_planes_off_beside_and_outside_are_counted():
    grid = Grid((4, 10, 10), PLAIN @ np.diag([2.0, 1, 1, 1]))
    rings = [[[box(1.5, 1.5, 4.5, 4.5, z)]] for z in (0.0, 0.8, 4.3, 6.0, 50.0)]
    filled, report = fill(drawn(*rings, curves=[box(0, 0, 1, 1)[:2]]), grid)
    part = report.segments[0]
    assert (part.planes, part.beside, part.outside, part.gaps, part.curves) == (6, 1, 1, 1, 1)
    assert part.off_slice == 1
    assert part.farthest_mm == pytest.approx(0.3)
    assert filled.data[0].any(axis=(1, 2)).tolist() == [True, False, True, True]
    codes = {f.code for f in report.findings}
    assert {"contour-off-slice", "contour-beside", "contour-outside", "contour-gap", "contour-open"} <= codes


def test_regions_beyond_the_image_are_clipped_and_counted():
    filled, report = fill(drawn([[box(-5, -5, 50, 2.5)]]), Grid((1, 10, 10), PLAIN))
    assert filled.data.sum() == 30
    assert report.segments[0].clipped == 1


@pytest.mark.parametrize("grid", [even_grid((5, 12, 12)), uneven_grid((5, 12, 12))])
def test_contours_off_the_slices_of_a_tilted_stack_are_dropped_along_the_normal(grid):
    ring = np.array([[2.5, 2.5], [2.5, 8.5], [8.5, 8.5], [8.5, 2.5]]) @ TILTED[:3, 1:3].T + grid.origins_mm[2]
    exact, _ = fill(drawn([[ring]]), grid)
    moved, report = fill(drawn([[ring + 0.2 * grid.normal]]), grid)
    np.testing.assert_array_equal(exact.data, moved.data)
    assert exact.data.sum() == 36
    assert report.segments[0].off_slice == 1


def test_oblique_contours_fill_the_voxels_near_their_planes():
    grid = Grid((40, 40, 40), PLAIN)
    planes = []
    for x in np.arange(10.0, 30.0):
        radius = np.sqrt(max(100 - (x - 20) ** 2, 0.01))
        planes.append([[circle((20, 20), radius, x)[:, [2, 0, 1]]]])
    filled, report = fill(drawn(*planes), grid)
    assert report.segments[0].oblique == 20
    assert filled.data.sum() == pytest.approx(4 / 3 * np.pi * 1000, rel=0.03)
    k, j, i = np.nonzero(filled.data[0])
    np.testing.assert_allclose([k.mean(), j.mean(), i.mean()], [20, 20, 20], atol=0.3)
    assert "contour-oblique" in [f.code for f in report.findings]


def test_bad_input():
    grid = Grid((1, 4, 4), PLAIN)
    with pytest.raises(UsageError):
        fill(ContourSet(()), grid)
    with pytest.raises(UsageError):
        fill(drawn([[box(0, 0, 2, 2)]]), grid, rule="winding")  # type: ignore[arg-type]
    empty, report = fill(drawn(), grid)
    assert not empty.data.any()
    assert report.findings == ()


def test_many_islands_take_no_long_time():
    made = (np.indices((1, 300, 300)).sum(axis=0) % 2).astype(np.uint8)
    labels = labels_of(made)
    contours = trace(labels, connectivity=4)
    assert len(contours.segments[0].planes[0].regions) == 45_000
    filled, _ = fill(contours, labels.grid, thin=False)
    np.testing.assert_array_equal(filled.data, labels.data)
