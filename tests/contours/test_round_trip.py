"""Voxels to outlines and back: nothing changes, whatever the mask and wherever it lies."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from contours_data import even_grid, labels_of, numbers, outlined, uneven_grid
from data import data_dir
from medvox.contours import fill, trace
from medvox.contours.levels import trace_level
from medvox.core.contour import ContourSet
from medvox.core.grid import Grid
from medvox.core.labels import LabelMap, Segment
from medvox.core.volume import Volume

FOUR = ndimage.generate_binary_structure(2, 1)
EIGHT = ndimage.generate_binary_structure(2, 2)


def _polygons(contours: ContourSet, name: str, k: int, grid: Grid) -> list[shapely.Polygon]:
    """Regions of a segment in slice k, in pixels."""
    part = next(s for s in contours.segments if s.segment.name == name)
    made = []
    for plane in part.planes:
        index = grid.to_voxel(plane.regions[0].outer)
        if np.abs(index[:, 0] - k).max() < 1e-6:
            made += [
                shapely.Polygon(
                    grid.to_voxel(r.outer)[:, 1:], [grid.to_voxel(hole)[:, 1:] for hole in r.holes]
                )
                for r in plane.regions
            ]
    return made


@given(numbers(), st.sampled_from([4, 8]), st.booleans())
@settings(max_examples=150)
def test_filling_what_was_traced_changes_no_voxel(made, connectivity, uneven):
    grid = uneven_grid(made.shape) if uneven else even_grid(made.shape)
    labels = labels_of(made, grid, 3)
    filled, report = fill(trace(labels, connectivity=connectivity), grid)
    np.testing.assert_array_equal(filled.data, labels.data)
    assert not any(part.sub_voxel or part.outside or part.off_slice for part in report.segments)
    assert [part.voxels for part in report.segments] == [int((made == n).sum()) for n in (1, 2, 3)]


@given(numbers(most=2), st.sampled_from([4, 8]))
@settings(max_examples=100)
def test_regions_are_valid_and_as_many_as_components(made, connectivity):
    labels = labels_of(made, most=2)
    contours = trace(labels, connectivity=connectivity)
    inside, around = (FOUR, EIGHT) if connectivity == 4 else (EIGHT, FOUR)
    for segment in labels.segments:
        for k, image in enumerate(labels.mask(segment.name)):
            polygons = _polygons(contours, segment.name, k, labels.grid)
            assert all(p.is_valid for p in polygons)
            assert len(polygons) == ndimage.label(image, inside)[1]
            holes = ndimage.label(np.pad(~image, 1, constant_values=True), around)[1] - 1
            assert sum(len(p.interiors) for p in polygons) == holes
            assert shapely.union_all(polygons).area == pytest.approx(sum(p.area for p in polygons))


@given(numbers(), st.sampled_from(["j", "i"]))
@settings(max_examples=30)
def test_other_axes_outline_the_same_voxels(made, axis):
    grid = even_grid(made.shape)
    contours = trace(labels_of(made, grid, 3), axis=axis)
    turned = np.moveaxis(made, "kji".index(axis), 0)
    matrix = grid.affine[:, [1, 0, 2, 3] if axis == "j" else [2, 0, 1, 3]]
    again, _ = fill(contours, Grid(turned.shape, matrix))
    for n in (1, 2, 3):
        np.testing.assert_array_equal(again.mask(f"segment {n}"), turned == n)


@given(numbers(most=1), st.floats(0.1, 0.9))
@settings(max_examples=60)
def test_fractions_come_back_at_the_threshold(made, threshold):
    rng = np.random.default_rng(int(made.sum()))
    grid = even_grid(made.shape)
    data = (made * rng.random(made.shape)).astype(np.float32)
    labels = LabelMap(data[None], grid, (Segment(1, "part"),), fractional=True)
    filled, _ = fill(trace(labels, threshold=threshold), grid)
    np.testing.assert_array_equal(filled.mask("part"), data >= threshold)


@given(numbers(), st.integers(0, 3))
@settings(max_examples=60)
def test_levels_come_back(made, level):
    volume = Volume(made.astype(np.int16), even_grid(made.shape), unit="HU")
    contours = trace_level(volume, level)
    filled, _ = fill(contours, volume.grid)
    np.testing.assert_array_equal(filled.mask(1), made >= level)


@pytest.mark.parametrize("modality", ["PET", "CT", "MR_T1"])
def test_outlines_of_a_real_study_give_the_masks_that_came_with_them(modality):
    known = outlined(data_dir("sts_pet_ct_mr"), modality)
    filled, report = fill(known.contours, known.grid)
    np.testing.assert_array_equal(filled.mask("GTV"), known.mask)
    assert report.segments[0].planes == len(known.rings)
    again, _ = fill(trace(filled), known.grid)
    np.testing.assert_array_equal(again.data, filled.data)
