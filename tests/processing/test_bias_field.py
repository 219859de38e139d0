"""The bias field: known fields are found, as well as SimpleITK's N4 finds them."""

from __future__ import annotations

import numpy as np
import pytest

from medvox.core.errors import UsageError
from medvox.core.grid import Grid
from medvox.core.labels import LabelMap, Segment
from medvox.core.volume import Volume
from medvox.processing.bias_field import Basis, bias_field, otsu_threshold, spline

SHAPE = (40, 48, 44)
GRID = Grid(SHAPE, np.diag([4.0, 4.0, 4.0, 1.0]))


def places(shape=SHAPE):
    return np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij", sparse=True)


def head(shape=SHAPE):
    """An ellipsoid with three tissues in blobs, and noise; air is 0."""
    rng = np.random.default_rng(3)
    k, j, i = places(shape)
    inside = (k / 0.9) ** 2 + (j / 0.9) ** 2 + (i / 0.85) ** 2 < 1
    blobs = np.sin(9 * k) + np.sin(8 * j + 1) + np.sin(10 * i + 2)
    tissue = np.select([blobs > 0.7, blobs > -0.7], [900.0, 600.0], 300.0)
    return np.where(inside, tissue + rng.normal(0, 10, shape), 0).astype(np.float32), inside


def log_field(shape=SHAPE):
    k, j, i = places(shape)
    return 0.4 * np.cos(1.8 * k) * np.cos(1.5 * j + 0.5) + 0.2 * i


def spread(found, inside, wanted):
    return float((np.log(found) - wanted)[inside].std())


def test_a_known_field_is_found_as_well_as_by_simple_itk():
    sitk = pytest.importorskip("SimpleITK")
    true, inside = head()
    seen = (true * np.exp(log_field())).astype(np.float32)
    labels = LabelMap(inside[None].astype(np.uint8), GRID, (Segment(1, "head"),))
    made = bias_field(Volume(seen, GRID), labels, shrink=2)
    fit = sitk.N4BiasFieldCorrectionImageFilter()
    image = sitk.GetImageFromArray(seen)
    mask = sitk.GetImageFromArray(inside.astype(np.uint8))
    fit.Execute(sitk.Shrink(image, [2] * 3), sitk.Shrink(mask, [2] * 3))
    theirs = np.exp(sitk.GetArrayFromImage(fit.GetLogBiasFieldAsImage(image)))
    ours = spread(made.field.data, inside, log_field())
    assert ours < 0.25 * log_field()[inside].std()
    assert ours < 1.05 * spread(theirs, inside, log_field())
    np.testing.assert_allclose(made.corrected.data * made.field.data, seen, rtol=1e-5)
    assert made.shrink == (2, 2, 2)
    assert np.log(made.field.data[inside]).mean() == pytest.approx(0, abs=1e-5)


def test_without_a_mask_the_foreground_is_fitted_and_a_flat_image_stays_flat():
    true, inside = head()
    made = bias_field(Volume((true * np.exp(log_field())).astype(np.float32), GRID))
    assert spread(made.field.data, inside, log_field()) < 0.3 * log_field()[inside].std()
    unbiased = bias_field(Volume(true, GRID))
    assert np.log(unbiased.field.data[inside]).std() < 0.06


def test_a_series_gets_one_field_and_keeps_its_axes():
    true, inside = head()
    seen = np.stack([true * np.exp(log_field()) * gain for gain in (1.0, 1.2)]).astype(np.float32)
    made = bias_field(Volume(seen, GRID, ("time", "k", "j", "i")))
    assert made.corrected.shape == (2, *SHAPE)
    assert made.field.shape == SHAPE
    assert spread(made.field.data, inside, log_field()) < 0.3 * log_field()[inside].std()
    np.testing.assert_allclose(
        made.corrected.data[1][inside], 1.2 * made.corrected.data[0][inside], rtol=1e-4
    )


def test_slices_are_fitted_alone_where_each_has_its_own_gain():
    true, inside = head()
    gains = np.linspace(0.5, 2, SHAPE[0])[:, None, None]
    seen = (true * np.exp(log_field()) * gains).astype(np.float32)[8:-8]
    made = bias_field(
        Volume(seen, Grid(seen.shape, GRID.affine)),
        LabelMap(inside[None, 8:-8].astype(np.uint8), Grid(seen.shape, GRID.affine), (Segment(1, "head"),)),
        slice_by_slice=True,
        shrink=1,
    )
    ratio = np.log(made.field.data) - log_field()[8:-8]
    worst = max(float(ratio[k][inside[8 + k]].std()) for k in range(len(seen)))
    assert worst < 0.8 * log_field()[inside].std()
    assert made.shrink == (1, 1, 1)


def test_uneven_slices_are_fitted_where_they_lie():
    true, inside = head((80, 48, 44))
    field = log_field((80, 48, 44))
    kept = np.r_[0:40:4, 40:80]
    origins = np.array([[0.0, 0.0, 2.0 * k] for k in kept])
    affine = np.array([[0, 0, 4.0, 0], [0, 4.0, 0, 0], [2.0, 0, 0, 0], [0, 0, 0, 1]])
    grid = Grid((len(kept), 48, 44), affine, slice_origins_mm=origins)
    made = bias_field(Volume((true * np.exp(field)).astype(np.float32)[kept], grid))
    assert spread(made.field.data, inside[kept], field[kept]) < 0.35 * field[inside].std()


def test_splines_are_a_partition_of_one_and_pass_through_scipy_values():
    interpolate = pytest.importorskip("scipy.interpolate")
    at = np.linspace(0, 1, 33)
    basis = Basis.at(at, 7)
    np.testing.assert_allclose(basis.weights.sum(axis=1), 1, atol=1e-6)
    knots = np.arange(-3, 8)
    scipy_basis = interpolate.BSpline.design_matrix(np.minimum(at * 4, 4 - 1e-9), knots.astype(float), 3)
    np.testing.assert_allclose(basis.matrix(), scipy_basis.toarray(), atol=1e-6)
    lattice = np.random.default_rng(1).normal(size=(7, 7, 7)).astype(np.float32)
    wanted = np.einsum("abc,ka,jb,ic->kji", lattice, *[basis.matrix()] * 3)
    np.testing.assert_allclose(spline([basis] * 3, lattice), wanted, atol=1e-5)


def test_otsu_equals_scikit_image():
    filters = pytest.importorskip("skimage.filters")
    values = head()[0].ravel()
    width = float(np.ptp(values)) / 256
    assert otsu_threshold(values) == pytest.approx(filters.threshold_otsu(values), abs=width)


def test_what_cannot_be_fitted_is_told():
    true, _ = head()
    broken = true.copy()
    broken[0, 0, 0] = np.nan
    with pytest.raises(UsageError, match="finite"):
        bias_field(Volume(broken, GRID))
    with pytest.raises(UsageError, match="constant"):
        bias_field(Volume(np.full(SHAPE, 7, np.int16), GRID))
    with pytest.raises(UsageError, match="too few"):
        bias_field(Volume(true, GRID), LabelMap(np.zeros((1, *SHAPE), np.uint8), GRID, (Segment(1, "x"),)))
    small = Grid((2, 2, 2), np.eye(4))
    with pytest.raises(UsageError, match="another grid"):
        bias_field(Volume(true, GRID), LabelMap(np.ones((1, 2, 2, 2), np.uint8), small, (Segment(1, "x"),)))
    with pytest.raises(UsageError, match="4 control points"):
        bias_field(Volume(true, GRID), control_points=(3, 4, 4))


def test_running_out_of_iterations_is_a_finding():
    true, _ = head()
    seen = Volume((true * np.exp(log_field())).astype(np.float32), GRID)
    hurried = bias_field(seen, iterations=1, levels=1, tolerance=1e-9)
    assert not hurried.converged
    assert [f.code for f in hurried.corrected.findings] == ["not-converged"]
    assert bias_field(seen).converged
