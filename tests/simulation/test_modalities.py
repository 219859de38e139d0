"""Simulated acquisitions against what goes into them."""

import numpy as np
import pytest
from scipy.ndimage import center_of_mass

from medvox.core.grid import Grid
from medvox.simulation.ct import CtScanner, simulate_ct
from medvox.simulation.mr import (
    DYNAMIC,
    T1_WEIGHTED,
    MrScanner,
    bias_field,
    signal,
    signal_curve,
    simulate_dynamic,
    simulate_mr,
)
from medvox.simulation.pet import PetScanner, simulate_pet
from medvox.simulation.phantom.canvas import Canvas
from medvox.simulation.phantom.shapes import ellipsoid
from medvox.simulation.phantom.tissues import TISSUES
from medvox.simulation.sampling import moved, sample, to_sagittal
from medvox.simulation.ultrasound import Probe, simulate_ultrasound
from medvox.simulation.xray import WATER_PER_MM, XrayBench, line_integrals, simulate_xray


def axial(count=48, step=3.0, origin=(-70.5, -70.5, -70.5)):
    affine = np.eye(4)[:, [2, 1, 0, 3]] * np.array([step, step, step, 1.0])
    affine[:3, 3] = origin
    return Grid((count, count, count), affine)


@pytest.fixture(scope="module")
def ball():
    """A liver of 55 mm radius with a hot tumor of 18 mm off its middle."""
    canvas = Canvas(axial())
    canvas.paint(ellipsoid((0, 0, 0), 55.0), "liver", "liver")
    canvas.paint(ellipsoid((12, -9, 15), 18.0), "tumor", "liver tumor")
    return canvas


def test_ct_shows_the_numbers_of_its_tissues(ball):
    ct = simulate_ct(ball, CtScanner(noise_hu=5.0))
    assert ct.unit == "HU"
    assert ct.data.dtype == np.int16
    inside = ball.share("tumor") == 1
    tissue = TISSUES["liver tumor"]
    assert ct.data[inside].mean() == pytest.approx(tissue.hu + tissue.contrast_hu, abs=3)
    plain = simulate_ct(ball, CtScanner(arterial=False, noise_hu=0))
    assert plain.data[inside].mean() == pytest.approx(tissue.hu, abs=3)
    assert ct.data[0, 0, 0] < -970


def test_ct_noise_has_the_size_asked_for(ball):
    scanner = CtScanner(noise_hu=20.0)
    with_noise, without = simulate_ct(ball, scanner), simulate_ct(ball, CtScanner(noise_hu=0.0))
    inside = ball.share("liver") == 1
    rest = (with_noise.data.astype(float) - without.data)[inside]
    assert 12 < rest.std() < 36
    assert abs(rest.mean()) < 2


def test_pet_recovers_uptake_and_place_of_the_tumor(ball):
    scanner = PetScanner(counts=0)
    grid = axial(36, 4.0, (-70, -70, -70))
    pet = simulate_pet(ball, grid, scanner)
    suv = pet.data / scanner.bq_ml_per_suv
    center = grid.to_voxel((12, -9, 15)).round().astype(int)
    assert suv[tuple(center)] == pytest.approx(TISSUES["liver tumor"].suv, rel=0.03)
    found = center_of_mass(suv * (suv > 6))
    assert np.abs(grid.to_patient(found) - (12, -9, 15)).max() < 1.0
    total = suv.sum() * 64.0
    assert total == pytest.approx((ball.mix(ball.property("suv")).sum()) * 27.0, rel=0.02)


def test_pet_counting_noise_leaves_the_mean_and_falls_with_counts(ball):
    clean = simulate_pet(ball, ball.grid, PetScanner(counts=0)).data
    inside = ball.share("liver") == 1
    spread = []
    for counts in (5.0, 50.0):
        noisy = simulate_pet(ball, ball.grid, PetScanner(counts=counts)).data
        assert noisy[inside].mean() == pytest.approx(clean[inside].mean(), rel=0.02)
        spread.append(float((noisy - clean)[inside].std()))
    assert spread[0] / spread[1] == pytest.approx(np.sqrt(10), rel=0.15)


def test_activity_of_suv_one_follows_from_decay():
    scanner = PetScanner(injected_bq=100e6, weight_kg=50, delay_s=6586.2, half_life_s=6586.2)
    assert scanner.bq_ml_per_suv == pytest.approx(100e6 / 2 / 50_000)


def test_spin_echo_and_gradient_echo_signals_agree_with_their_equations():
    liver = TISSUES["liver"]
    flip = np.radians(DYNAMIC.flip_deg)
    e1 = np.exp(-DYNAMIC.repetition_ms / liver.t1_ms)
    ernst = np.sin(flip) * (1 - e1) / (1 - np.cos(flip) * e1) * np.exp(-DYNAMIC.echo_ms / liver.t2_ms)
    assert signal(liver, DYNAMIC) == pytest.approx(liver.density * ernst)
    white, grey, fluid = (signal(TISSUES[n], T1_WEIGHTED) for n in ("white matter", "grey matter", "fluid"))
    assert white > 1.4 * grey > 5 * fluid


def test_dynamic_mr_shows_the_known_curves(ball):
    times = (0.0, 20.0, 45.0, 90.0, 200.0)
    volume = simulate_dynamic(ball, times, scanner=MrScanner(gain=8000, noise=0.002, bias=0.0))
    assert volume.coordinates["time"] == times
    for name, tissue in (("liver", "liver"), ("tumor", "liver tumor")):
        inside = ball.share(name) == 1
        measured = [float(frame[inside].mean()) / 8000 for frame in volume.data]
        assert measured == pytest.approx(signal_curve(tissue, times), rel=0.01)
    assert np.argmax(signal_curve("liver tumor", times)) in (1, 2)


def test_coil_bias_is_smooth_and_about_one():
    field = bias_field(axial(32), 0.2)
    assert 0.8 <= field.min() < 0.95
    assert 1.05 < field.max() <= 1.2
    assert max(np.abs(np.diff(field, axis=a)).max() for a in range(3)) < 0.05


def test_mr_slices_thicker_than_the_canvas_average_it(ball):
    steps = np.array([12.0, 3.0, 3.0])
    affine = np.eye(4)[:, [2, 1, 0, 3]]
    affine[:3, :3] = affine[:3, :3] * steps
    affine[:3, 3] = ball.grid.origin_mm + np.array([0, 0, 4.5])
    scanner = MrScanner(noise=0.0, bias=0.0)
    thick = simulate_mr(ball, T1_WEIGHTED, Grid((12, 48, 48), affine), scanner).data
    fine = ball.mix(np.array([signal(p.tissue, T1_WEIGHTED) for p in ball.parts], np.float32)) * 2000
    mean = fine[12:24].reshape(3, 4, 48, 48).mean(axis=1)
    assert np.abs(thick[3:6] - mean).max() < 1


def test_sagittal_order_and_motion_keep_every_voxel_at_its_place(ball):
    ct = simulate_ct(ball, CtScanner(noise_hu=0))
    side = to_sagittal(ct)
    assert side.grid.letters == "LIP"
    index = np.array([[10, 20, 30], [5, 6, 7]])
    points = ct.grid.to_patient(index)
    there = side.grid.to_voxel(points).round().astype(int)
    np.testing.assert_array_equal(side.data[tuple(there.T)], ct.data[tuple(index.T)])
    shift = np.eye(4)
    shift[:3, 3] = (1, 2, 3)
    np.testing.assert_allclose(moved(ct, shift, "1.2.3").grid.to_patient(index), points + np.array([1, 2, 3]))


def test_sampling_is_linear():
    grid, finer = axial(20, 3.0), axial(30, 1.7, (-60, -62, -64))
    k, j, i = np.indices(grid.shape)
    values = (k * 2.0 - j + 0.5 * i).astype(np.float32)
    read = sample(values, grid, finer)
    at = grid.to_voxel(finer.to_patient(np.array([12, 13, 14])))
    assert read[12, 13, 14] == pytest.approx(at @ (2.0, -1.0, 0.5), abs=1e-3)


def water_box():
    hu = np.full((60, 60, 60), -1000, np.int16)
    hu[:, 20:40] = 0
    hu[28:32, 29:31, 38:42] = 1000
    from medvox.core.volume import Volume

    return Volume(hu, axial(60, 4.0, (-118, -118, -118)), unit="HU")


def test_rays_through_water_measure_its_thickness():
    bench = XrayBench(center_z_mm=0.0, size_mm=200, pixel_mm=2.0)
    rays = line_integrals(water_box(), bench)
    assert rays[10:30, 10:30] == pytest.approx(80 * WATER_PER_MM, rel=0.01)


def test_things_are_magnified_by_similar_triangles():
    bench = XrayBench(center_z_mm=0.0, size_mm=200, pixel_mm=1.0, detector_y_mm=-150, distance_mm=1000)
    rays = line_integrals(water_box(), bench)
    extra = rays > 80 * WATER_PER_MM + 0.1
    x = -100 + 0.5 + np.argwhere(extra)[:, 1].mean()
    middle = axial(60, 4.0, (-118, -118, -118)).to_patient((29.5, 29.5, 39.5))
    assert bench.magnification(middle[1]) == pytest.approx(1000 / (1000 - (middle[1] + 150)))
    assert x == pytest.approx(middle[0] * bench.magnification(middle[1]), abs=1.0)


def test_a_radiograph_is_white_where_dense():
    picture = simulate_xray(water_box(), XrayBench(center_z_mm=0.0, size_mm=200, pixel_mm=2.0)).data[0]
    assert picture.dtype == np.uint16
    assert picture.max() <= 4095
    assert np.unravel_index(picture.argmax(), picture.shape)[1] == pytest.approx(50 + 40 / 2, abs=5)


def test_ultrasound_is_a_coloured_fan():
    canvas = Canvas(axial(60, 3.0, (-150, -120, 130)))
    canvas.paint(ellipsoid((-68, -20, 220), 90.0), "liver", "liver")
    canvas.paint(ellipsoid((-68, -20, 225), 14.0), "portal vein", "venous blood")
    probe = Probe(frames=4, rows=160, columns=200)
    cine = simulate_ultrasound(canvas, probe)
    assert cine.axes == ("time", "channel", "k", "j", "i")
    assert cine.data.shape == (4, 3, 1, 160, 200)
    frame = cine.data[0, :, 0].astype(int)
    assert (frame[:, 0, 0] == 0).all()
    red = (frame[0] > frame[2] + 60) & (frame[1] < 150)
    assert red.sum() > 40
    grey = (frame[0] == frame[1]) & (frame[1] == frame[2]) & (frame[0] > 20)
    assert grey.sum() > 3000
    assert not np.array_equal(cine.data[0], cine.data[1])
