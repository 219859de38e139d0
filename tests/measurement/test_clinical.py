"""Uptake, calcium, bone density and change, worked by hand; region statistics against scipy."""

import numpy as np
import pytest

from data import data_dir
from medvox.core import affine as aff
from medvox.core.acquisition import Fact, Pet
from medvox.core.errors import AmbiguityError, GeometryError, MissingError, UsageError
from medvox.core.grid import Grid
from medvox.core.labels import LabelMap, Segment
from medvox.core.volume import Volume
from medvox.measurement.clinical.calcium import calcium_score
from medvox.measurement.clinical.change import compare_quantities, doubling_time_days, recist_response
from medvox.measurement.clinical.density import bone_density, calibrate
from medvox.measurement.clinical.suv import lesion_uptake, suv_factor
from medvox.measurement.intensity.region import PERCENTILES, histogram, label_statistics, region_statistics
from medvox.measurement.quantity import Quantity


def grid_of(shape, spacing=(1.0, 1.0, 1.0)):
    return Grid(shape, aff.compose(spacing, np.eye(3)[:, ::-1], (0, 0, 0)))


def pet(**changes):
    facts = {
        "units": "BQML", "weight_kg": 70.0, "injected_dose_bq": 370e6, "half_life_s": 6586.2,
        "injection_s": 36000.0, "decay_correction": "START", "decay_from_injection_s": 3600.0,
    } | changes  # fmt: skip
    return Pet(**{k: None if v is None else Fact(v, "test") for k, v in facts.items()})


def test_suv_factor_by_hand():
    # 70 kg; 370 MBq of F-18 (109.77 min) decayed for 60 min: 370e6 * 2^(-3600/6586.2) = 253.3 MBq
    assert suv_factor(pet()) == pytest.approx(70000 / (370e6 * 0.684631), rel=1e-5)
    assert suv_factor(pet(units="GML", weight_kg=None)) == 1


def test_missing_suv_tags_are_all_named():
    with pytest.raises(MissingError, match=r"\(0010,1030\).*\(0018,1074\)"):
        suv_factor(pet(weight_kg=None, injected_dose_bq=None))
    with pytest.raises(AmbiguityError, match="Decay Correction"):
        suv_factor(pet(decay_from_injection_s=None))
    with pytest.raises(UsageError, match="activity"):
        suv_factor(pet(units="CNTS"))


def test_suv_of_real_headers_by_hand():
    """ACRIN-FLT, 1.dcm: the factor from the tags as pydicom prints them."""
    from pydicom import dcmread

    from medvox.workflows.open_folder import scan

    path = data_dir("pet_acrin_suv") / "1.dcm"
    found = next(iter(scan(path).images())).acquisition().pet
    ds = dcmread(path, stop_before_pixels=True)
    item = ds.RadiopharmaceuticalInformationSequence[0]

    def seconds(text):
        text = str(text)
        return int(text[:2]) * 3600 + int(text[2:4]) * 60 + float(text[4:])

    assert (ds.Units, ds.DecayCorrection) == ("BQML", "START")
    passed = seconds(ds.SeriesTime) - seconds(item.RadiopharmaceuticalStartTime)
    dose = float(item.RadionuclideTotalDose) * 0.5 ** (passed / float(item.RadionuclideHalfLife))
    assert suv_factor(found) == pytest.approx(float(ds.PatientWeight) * 1000 / dose)


def test_lesion_uptake_by_hand():
    suv = np.ones((20, 20, 20))
    suv[8:12, 8:12, 8:12] = 5
    suv[10, 10, 10] = 9
    mask = suv > 1
    grid = grid_of(suv.shape, (2.0, 2.0, 2.0))
    found = lesion_uptake(suv, mask, grid)
    assert found.suv_max == 9
    assert found.suv_mean == pytest.approx((63 * 5 + 9) / 64)
    assert found.mtv_ml == pytest.approx(64 * 8 / 1000)
    assert found.tlg_g == pytest.approx(found.suv_mean * found.mtv_ml)
    k, j, i = np.indices(suv.shape)
    means = []
    for at in np.argwhere(mask):
        near = (k - at[0]) ** 2 + (j - at[1]) ** 2 + (i - at[2]) ** 2 <= (6.2035 / 2) ** 2
        means.append(suv[near].mean())
    assert found.suv_peak == pytest.approx(max(means))
    assert lesion_uptake(suv, mask, grid, relative=0.6).mtv_ml == pytest.approx(0.008)
    with pytest.raises(MissingError, match="threshold"):
        lesion_uptake(suv, mask, grid, absolute=20)
    with pytest.raises(MissingError, match="empty"):
        lesion_uptake(suv, np.zeros_like(mask), grid)


def test_agatston_by_hand():
    hu = np.zeros((3, 20, 20))
    hu[0, 2:6, 2:6] = 150  # 16 pixels of 0.25 mm²: 4 mm², weight 1
    hu[1, 2:6, 2:6] = 350  # weight 3
    hu[1, 10, 10] = 900  # 0.25 mm²: too small
    hu[2, 2:4, 2:4] = 450  # 1 mm², weight 4
    found = calcium_score(hu, grid_of(hu.shape, (1.5, 0.5, 0.5)), mass_factor=0.8)
    assert found.lesions == 3
    assert found.agatston == pytest.approx((4 * 1 + 4 * 3 + 1 * 4) * 0.5)
    assert found.volume_mm3 == pytest.approx((4 + 4 + 1) * 1.5)
    assert found.mass_mg == pytest.approx((4 * 150 + 4 * 350 + 450) * 1.5 / 1000 * 0.8)
    assert found.category == "minimal"
    assert calcium_score(np.zeros((2, 2, 2)), grid_of((2, 2, 2))).category == "none"
    with pytest.raises(GeometryError, match="scale"):
        calcium_score(hu, Grid.pixels(hu.shape))


def test_calibration_agrees_with_scipy_and_gives_bone_density():
    from scipy.stats import linregress

    hu, density = [-50.0, 3.0, 110.0, 210.0], [-49.0, 0.0, 98.0, 202.0]
    fit, peer = calibrate(hu, density), linregress(hu, density)
    assert (fit.slope, fit.intercept) == pytest.approx((peer.slope, peer.intercept))
    assert fit.r_squared == pytest.approx(peer.rvalue**2)
    assert fit.slope_95 == pytest.approx(4.302653 * peer.stderr)
    assert fit.intercept_95 == pytest.approx(4.302653 * peer.intercept_stderr)
    exact = calibrate([0.0, 100.0], [0.0, 80.0])
    found = bone_density(np.full((4, 4, 4), 125.0), np.ones((4, 4, 4), bool), grid_of((4, 4, 4)), exact)
    assert (found.mean_mg_cm3, found.content_mg) == pytest.approx((100, 6.4))
    assert found.category == "osteopenia"
    with pytest.raises(UsageError, match="two rods"):
        calibrate([1.0], [2.0])
    with pytest.raises(UsageError, match="same value"):
        calibrate([1.0, 1.0], [2.0, 3.0])


def test_change_and_response():
    grown = compare_quantities("a", Quantity("volume", 10, "mL", 0.3), Quantity("volume", 10.4, "mL", 0.4))
    assert (grown.difference, grown.percent) == pytest.approx((0.4, 4))
    assert grown.discretization_95 == pytest.approx(0.5)
    assert not grown.beyond_discretization
    new = compare_quantities("a", None, Quantity("volume", 1, "mL", 0.1))
    assert new.percent == float("inf")
    assert new.beyond_discretization
    assert [recist_response(s) for s in ([100, 70], [100, 71], [100, 50, 61], [10, 12], [40, 0])] == [
        "PR", "SD", "PD", "SD", "CR",
    ]  # fmt: skip
    assert doubling_time_days(1, 4, 60) == pytest.approx(30)


def test_region_statistics_agree_with_scipy():
    from scipy import stats

    x = np.random.default_rng(0).gamma(2, 10, 5000)
    found = region_statistics(np.append(x, np.nan))
    assert (found.count, found.not_finite) == (5000, 1)
    assert (found.mean, found.sd) == pytest.approx((x.mean(), stats.tstd(x)))
    assert (found.skewness, found.kurtosis) == pytest.approx((stats.skew(x), stats.kurtosis(x)))
    assert found.percentiles == pytest.approx([np.percentile(x, p) for p in PERCENTILES])
    counts, _ = np.histogram(x, 64)
    assert found.entropy == pytest.approx(stats.entropy(counts, base=2))
    assert region_statistics(np.array([np.nan])).count == 0


def test_statistics_per_slice_and_time():
    data = np.arange(2 * 3 * 4 * 4, dtype=float).reshape(2, 3, 4, 4)
    grid = grid_of((3, 4, 4))
    volume = Volume(data, grid, ("time", "k", "j", "i"), unit="HU")
    mask = np.zeros((1, 3, 4, 4), np.uint8)
    mask[0, 1:, 1:3, 1:3] = 1
    rows = label_statistics(volume, LabelMap(mask, grid, (Segment(1, "x"),)), "slice")
    assert [(r.lead, r.slice) for r in rows] == [((0,), 1), ((0,), 2), ((1,), 1), ((1,), 2)]
    assert rows[3].statistics.mean == data[1, 2, 1:3, 1:3].mean()
    moved = LabelMap(mask, grid_of((3, 4, 4), (2.0, 1.0, 1.0)), (Segment(1, "x"),))
    with pytest.raises(GeometryError, match="different grids"):
        label_statistics(volume, moved)


def test_histogram_counts_everything():
    x = np.array([-5.0, 0, 1, 2, 3, 99, np.nan])
    found = histogram(x, 4, (0.0, 4.0))
    assert (found.counts.tolist(), found.below, found.above, found.not_finite) == ([1, 1, 1, 1], 1, 1, 1)
