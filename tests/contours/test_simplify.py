"""Simplifying and smoothing: bounds are kept as shapely measures them, topology and voxels as well."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from contours_data import labels_of, numbers
from medvox.contours import fill, simplify, smooth, trace
from medvox.contours.flat import Flat, invalid_planes
from medvox.core.contour import ContourSet, PlanarContours, Region, SegmentContours
from medvox.core.errors import UsageError
from medvox.core.grid import Grid
from medvox.core.labels import Segment

PLAIN = np.array([[0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]], float)


def plain(made):
    """Labels of voxels of 1 mm: pixels and millimetres are the same."""
    return labels_of(made, Grid(made.shape, PLAIN), 3)


def hausdorff(one: ContourSet, other: ContourSet) -> float:
    """Largest distance between lines of the same place, by shapely."""
    pairs = zip(Flat.of(one).lines, Flat.of(other).lines, strict=True)
    return max(
        (
            shapely.hausdorff_distance(
                shapely.LinearRing(a[:, :2]), shapely.LinearRing(b[:, :2]), densify=0.02
            )
            for a, b in pairs
        ),
        default=0.0,
    )


@given(numbers())
@settings(max_examples=100)
def test_a_third_of_a_pixel_changes_no_voxel(made):
    labels = plain(made)
    contours, report = simplify(trace(labels), 1 / 3)
    filled, _ = fill(contours, labels.grid)
    np.testing.assert_array_equal(filled.data, labels.data)
    assert report.hausdorff_mm <= 1 / 3
    assert report.points_after <= report.points_before


@given(numbers(), st.floats(0, 3))
@settings(max_examples=60)
def test_no_voxel_changes_where_that_is_asked_for(made, tolerance):
    labels = plain(made)
    contours, report = simplify(trace(labels), tolerance, labels.grid)
    filled, _ = fill(contours, labels.grid)
    np.testing.assert_array_equal(filled.data, labels.data)
    assert report.hausdorff_mm <= tolerance


@given(numbers(), st.floats(0, 6))
@settings(max_examples=60)
def test_simplifying_keeps_its_bound_and_every_ring(made, tolerance):
    contours = trace(plain(made))
    made_simple, report = simplify(contours, tolerance)
    assert hausdorff(contours, made_simple) <= report.hausdorff_mm + 1e-6
    assert report.hausdorff_mm <= tolerance
    assert not invalid_planes(made_simple).any()
    assert len(Flat.of(made_simple).lines) == len(Flat.of(contours).lines)


@given(numbers(most=1), st.floats(0.01, 2))
@settings(max_examples=40)
def test_smoothing_keeps_its_bound_and_every_ring(made, tolerance):
    contours = trace(plain(made))
    rounder, report = smooth(contours, tolerance)
    assert hausdorff(contours, rounder) <= report.hausdorff_mm + 1e-6
    assert report.hausdorff_mm <= tolerance * (1 + 1e-9)
    assert not invalid_planes(rounder).any()


def test_smoothing_makes_a_disc_rounder_and_keeps_its_area():
    y, x = np.mgrid[:61, :61]
    disc = np.hypot(y - 30, x - 30) <= 25
    contours = trace(plain(disc[None].astype(np.uint8)))
    rounder, report = smooth(contours, 0.5)

    def roughness(shape):
        ring = shape.segments[0].planes[0].regions[0].outer
        return np.ptp(np.hypot(ring[:, 0] - 30, ring[:, 1] - 30))

    assert roughness(rounder) < 0.6 * roughness(contours)
    assert report.area_after_mm2 == pytest.approx(disc.sum(), rel=0.005)


def test_a_ring_of_a_circle_is_as_far_as_is_said():
    angles = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    ring = np.column_stack([100 * np.cos(angles), 100 * np.sin(angles), np.zeros(720)])
    circle = ContourSet((SegmentContours(Segment(1, "a"), (PlanarContours((Region(ring),)),)),))
    simple, report = simplify(circle, 1.0)
    made = simple.segments[0].planes[0].regions[0].outer
    assert 20 <= len(made) <= 40  # the sagitta of 1 mm spans 16.2 degrees
    assert report.hausdorff_mm == pytest.approx(hausdorff(circle, simple), abs=1e-3)


def test_bad_tolerances():
    contours = trace(plain(np.ones((1, 3, 3), np.uint8)))
    for wrong in (-1.0, float("nan"), float("inf")):
        with pytest.raises(UsageError):
            simplify(contours, wrong)
    with pytest.raises(UsageError):
        smooth(contours, 1, 0)
    assert simplify(ContourSet(()), 1)[1].points_before == 0
