"""Overlap measures against hand-worked masks, SimpleITK, surface-distance, MONAI and MedPy."""

import numpy as np
import pytest

from medvox.core.errors import GeometryError, UsageError
from medvox.core.grid import Grid
from medvox.core.labels import LabelMap, Segment
from medvox.measurement.overlap import (
    Empty,
    boundary_distances,
    compare,
    compare_labels,
    compare_lesions,
)
from medvox.measurement.overlap.agreement import confusion

SPACING = (2.5, 0.8, 1.1)


def grid_of(shape, spacing=SPACING):
    affine = np.eye(4)
    affine[:3, :3] = np.diag(spacing)[::-1]
    return Grid(shape, affine)


def blobs(seed=0, shape=(24, 40, 44)):
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(seed)
    field = gaussian_filter(rng.normal(size=shape), 3)
    other = field + 0.3 * gaussian_filter(rng.normal(size=shape), 3)
    return field > 0.01, other > 0.01


def labels_of(grid, **masks):
    data = np.stack([m.astype(np.uint8) for m in masks.values()])
    return LabelMap(data, grid, tuple(Segment(1, name, n) for n, name in enumerate(masks)))


def test_two_shifted_boxes_by_hand():
    a, b = np.zeros((10, 10, 10), bool), np.zeros((10, 10, 10), bool)
    a[2:6, 2:6, 2:6] = True
    b[2:6, 2:6, 4:8] = True
    found = compare(a, b, grid_of(a.shape, (1.0, 1.0, 2.0)), tolerance_mm=0.5)
    assert (found.true_positive, found.false_positive, found.false_negative) == (32, 32, 32)
    assert found.true_negative == 1000 - 96
    assert (found.dice, found.jaccard, found.volume_similarity) == (0.5, pytest.approx(1 / 3), 1.0)
    assert (found.sensitivity, found.precision) == (0.5, 0.5)
    assert found.reference_ml == pytest.approx(0.128)
    assert found.hd_mm == 4.0
    # of each 4x4x4 box 56 voxels are border: 16 in the far face at 4 mm; the 12 of the ring next to it lie
    # within 2 mm, its 4 inner voxels are no border
    distances = boundary_distances(a, b, (1.0, 1.0, 2.0))
    assert len(distances.forward_mm) == 56
    assert (distances.forward_mm == 4).sum() == 16


def test_simpleitk_agrees():
    import SimpleITK

    a, b = blobs()
    images = []
    for mask in (a, b):
        image = SimpleITK.GetImageFromArray(mask.astype(np.uint8))
        image.SetSpacing(SPACING[::-1])
        images.append(image)
    measures = SimpleITK.LabelOverlapMeasuresImageFilter()
    measures.Execute(*images)
    found = compare(a, b, grid_of(a.shape))
    assert found.dice == pytest.approx(measures.GetDiceCoefficient())
    assert found.jaccard == pytest.approx(measures.GetJaccardCoefficient())
    far = SimpleITK.HausdorffDistanceImageFilter()
    far.Execute(*images)
    # SimpleITK measures from all voxels of one mask to the other, which only the boundary can decide
    assert found.hd_mm >= far.GetHausdorffDistance() - 1e-6


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(2))
def test_surface_distance_agrees_on_surfels(seed):
    peer = pytest.importorskip("surface_distance")
    a, b = blobs(seed)
    theirs = peer.compute_surface_distances(a, b, SPACING)
    ours = boundary_distances(a, b, SPACING, "surfel")
    assert ours.hausdorff_mm == pytest.approx(peer.compute_robust_hausdorff(theirs, 100))
    assert ours.percentile_mm(95) == pytest.approx(peer.compute_robust_hausdorff(theirs, 95), rel=0.01)
    for tolerance in (0.0, 1.0, 2.5):
        expected = peer.compute_surface_dice_at_tolerance(theirs, tolerance)
        assert ours.surface_dice(tolerance) == pytest.approx(expected, abs=0.003)
    assert sorted(ours.forward_mm) == pytest.approx(sorted(theirs["distances_gt_to_pred"]))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(2))
def test_monai_and_medpy_agree_on_voxels(seed):
    metrics = pytest.importorskip("monai.metrics")
    binary = pytest.importorskip("medpy.metric.binary")
    import torch

    a, b = blobs(seed)
    first, second = (torch.from_numpy(m)[None, None] for m in (a, b))
    ours = boundary_distances(a, b, SPACING)
    hd95 = metrics.compute_hausdorff_distance(
        second, first, include_background=True, percentile=95, spacing=SPACING
    )
    assert ours.percentile_mm(95) == pytest.approx(float(hd95), rel=1e-5)
    for tolerance in (0.5, 1.5):
        nsd = metrics.compute_surface_dice(
            second, first, [tolerance], include_background=True, spacing=SPACING
        )
        assert ours.surface_dice(tolerance) == pytest.approx(float(nsd), rel=1e-5)
    assert ours.pooled_percentile_mm(95) == pytest.approx(binary.hd95(b, a, SPACING))
    assert ours.average_mm == pytest.approx(binary.assd(b, a, SPACING))


def test_a_sphere_in_a_sphere_is_as_far_as_the_radii_differ():
    k, j, i = np.ogrid[:60, :60, :60]
    far = np.sqrt((k - 30) ** 2 + (j - 30) ** 2 + (i - 30) ** 2)
    for boundary in ("voxel", "surfel"):
        found = compare(far < 15, far < 20, grid_of(far.shape, (1.0, 1.0, 1.0)), boundary=boundary)
        assert found.assd_mm == pytest.approx(5, abs=0.6)
        assert found.hd95_mm == pytest.approx(5, abs=0.6)


@pytest.mark.parametrize("boundary", ["voxel", "surfel"])
def test_empty_masks_have_defined_figures(boundary):
    nothing, something = np.zeros((4, 5, 6), bool), np.zeros((4, 5, 6), bool)
    something[1:3, 1:3, 1:3] = True
    grid = grid_of(nothing.shape)
    both = compare(nothing, nothing, grid, boundary=boundary)
    assert both.empty is Empty.BOTH
    assert (both.dice, both.jaccard, both.nsd, both.hd95_mm, both.assd_mm) == (1, 1, 1, 0, 0)
    for first, second, empty in ((nothing, something, Empty.REFERENCE), (something, nothing, Empty.TEST)):
        one = compare(first, second, grid, boundary=boundary)
        assert one.empty is empty
        assert (one.dice, one.jaccard, one.nsd) == (0, 0, 0)
        assert one.hd_mm == one.hd95_mm == one.assd_mm == float("inf")


def test_full_masks_agree():
    full = np.ones((4, 5, 6), bool)
    found = compare(full, full, grid_of(full.shape))
    assert (found.dice, found.hd_mm, found.nsd, found.specificity) == (1, 0, 1, 1)


def test_a_segment_in_one_map_only_is_not_dropped():
    a, b = blobs()
    grid = grid_of(a.shape)
    rows = compare_labels(labels_of(grid, liver=a, spleen=b), labels_of(grid, liver=b, kidney=a))
    assert {r.name: r.empty for r in rows} == {
        "liver": Empty.NEITHER,
        "spleen": Empty.TEST,
        "kidney": Empty.REFERENCE,
    }


def test_confusion_counts_every_voxel():
    a, b = blobs()
    grid = grid_of(a.shape)
    names, counts = confusion(labels_of(grid, x=a), labels_of(grid, x=b))
    assert names == ("background", "x")
    assert counts.sum() == a.size
    assert counts[1, 1] == (a & b).sum()
    assert counts[0, 1] == (b & ~a).sum()


def test_lesions_are_matched_by_hand():
    a, b = np.zeros((1, 12, 30), bool), np.zeros((1, 12, 30), bool)
    a[0, 1:5, 1:5] = a[0, 1:5, 10:14] = a[0, 1:5, 20:24] = True
    b[0, 3:7, 1:5] = b[0, 1:5, 10:14] = True  # half, all
    b[0, 9:11, 25:27] = True  # made up
    found = compare_lesions(a, b, grid_of(a.shape))
    assert (found.true_positive, found.false_negative, found.false_positive) == (2, 1, 1)
    assert found.f1 == pytest.approx(4 / 6)
    assert found.dice == pytest.approx((0.5, 1.0, 0.0))
    assert found.mean_dice == pytest.approx(1.5 / 4)
    strict = compare_lesions(a, b, grid_of(a.shape), least_overlap=0.5)
    assert (strict.true_positive, strict.false_negative, strict.false_positive) == (1, 2, 2)


def test_bad_input_is_refused():
    a = np.ones((3, 3, 3), bool)
    with pytest.raises(GeometryError, match="shapes"):
        compare(a, a[1:], grid_of((3, 3, 3)))
    with pytest.raises(GeometryError, match="grids"):
        compare_labels(labels_of(grid_of((3, 3, 3)), x=a), labels_of(grid_of((3, 3, 3), (1, 1, 1)), x=a))
    with pytest.raises(GeometryError, match="negative"):
        boundary_distances(a, a, SPACING).surface_dice(-1)
    with pytest.raises(UsageError):
        compare_lesions(a, a, grid_of((3, 3, 3)), least_overlap=2)
    sheared = np.eye(4)
    sheared[:3, :3] = [[0, 0, 1], [0.5, 1, 0], [1, 0, 0]]
    with pytest.raises(GeometryError, match="right angles"):
        compare(a, a, Grid((3, 3, 3), sheared))
