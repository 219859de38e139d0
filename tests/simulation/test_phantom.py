"""The phantom against geometry that is known exactly."""

import hashlib
import math

import numpy as np
import pytest

from medvox.core.grid import Grid
from medvox.simulation.anatomy import paint_patient
from medvox.simulation.phantom.canvas import Canvas
from medvox.simulation.phantom.catalog import label_map, volumes_ml
from medvox.simulation.phantom.lesions import LESIONS, paint_lesions
from medvox.simulation.phantom.shapes import ellipsoid, loft, rotation, sheet, tube
from medvox.simulation.phantom.tissues import TISSUES


def grid_around(center, half_mm=40.0, step_mm=2.0, turn=None):
    """Grid about a point, its axes turned."""
    count = round(2 * half_mm / step_mm)
    axes = (np.eye(3) if turn is None else turn)[:, ::-1] * step_mm
    affine = np.eye(4)
    affine[:3, :3] = axes
    affine[:3, 3] = np.asarray(center) - axes @ np.full(3, (count - 1) / 2) + 0.3
    return Grid((count, count, count), affine)


def painted_ml(shape, grid):
    canvas = Canvas(grid)
    canvas.paint(shape, "solid", "muscle")
    return volumes_ml(canvas)["solid"], label_map(canvas).volume_ml("solid")


TURNED = rotation("x", 25) @ rotation("z", 40)


@pytest.mark.parametrize("turn", [None, TURNED])
@pytest.mark.parametrize(
    ("shape", "truth_ml"),
    [
        (ellipsoid((0, 0, 0), (20, 20, 20)), 4 / 3 * math.pi * 8),
        (ellipsoid((3, -2, 1), (26, 14, 19), TURNED), 4 / 3 * math.pi * 26 * 14 * 19 / 1000),
        (tube([(-15, 0, 0), (15, 5, 4)], 9.0), math.pi * 81 * (math.sqrt(941) + 12) / 1000),
        (loft([(-20, 0, 0, 18, 12, 12, 2), (20, 0, 0, 18, 12, 12, 2)]), math.pi * 18 * 12 * 40 / 1000),
        (ellipsoid((0, 0, 0), 20).cut(ellipsoid((0, 0, 0), 12)), 4 / 3 * math.pi * (8 - 1.728)),
    ],
)
def test_painted_volume_is_that_of_the_formula(shape, truth_ml, turn):
    shares, voxels = painted_ml(shape, grid_around((0, 0, 0), turn=turn))
    assert shares == pytest.approx(truth_ml, rel=0.02)
    assert voxels == pytest.approx(truth_ml, rel=0.03)


def test_a_plate_has_area_times_thickness_and_a_rounded_rim():
    plate = sheet([[(-15, -15, 0), (15, -15, 0)], [(-15, 15, 0), (15, 15, 0)]], 8.0)
    rim = math.pi * 16 / 2 * 120 + 4 / 3 * math.pi * 64
    shares, _ = painted_ml(plate, grid_around((0, 0, 0), step_mm=1.0, half_mm=25))
    assert shares == pytest.approx((900 * 8 + rim) / 1000, rel=0.02)


def test_a_mirrored_shape_is_the_mirror_image():
    shape = tube([(5, 0, 0), (20, 5, 4)], 6.0).join(
        ellipsoid((15, 3, -10), (9, 5, 4), TURNED),
        sheet([[(2, 0, 8), (20, 2, 9)], [(3, 15, 8), (18, 14, 15)]], 4.0),
    )
    affine = np.eye(4)[:, [2, 1, 0, 3]] * 2.0
    affine[:3, 3] = (-39, -39, -39)
    affine[3, 3] = 1
    grid = Grid((40, 40, 40), affine)
    left, right = Canvas(grid), Canvas(grid)
    left.paint(shape, "solid", "muscle")
    right.paint(shape.mirrored(), "solid", "muscle")
    assert left.share("solid").sum() > 500
    np.testing.assert_allclose(left.share("solid")[:, :, ::-1], right.share("solid"), atol=1 / 255)


@pytest.mark.parametrize("lesion", LESIONS, ids=lambda lesion: lesion.name)
def test_lesions_lie_where_the_truth_says(lesion):
    grid = grid_around(lesion.center_mm, half_mm=24, step_mm=1.5)
    canvas = Canvas(grid)
    paint_lesions(canvas)
    share = canvas.share(lesion.name)
    where = np.argwhere(share > 0)
    center = (grid.to_patient(where) * share[share > 0][:, None]).sum(axis=0) / share.sum()
    assert np.abs(center - lesion.center_mm).max() < 0.1
    assert volumes_ml(canvas)[lesion.name] == pytest.approx(lesion.volume_ml, rel=0.02)
    assert label_map(canvas).volume_ml(lesion.name) == pytest.approx(lesion.volume_ml, rel=0.04)


@pytest.fixture(scope="module")
def patient():
    axes = np.array([[0, 0, 7.0], [0, 7.0, 0], [7.0, 0, 0]])
    affine = np.eye(4)
    affine[:3, :3] = axes
    affine[:3, 3] = (-245, -240, -100)
    return paint_patient(Grid((132, 70, 70), affine), seed=1)


def test_organs_have_the_size_of_an_adult_man(patient):
    ml = volumes_ml(patient)
    lungs = ml["lung left"] + ml["lung right"]
    assert 2500 < lungs < 6500
    assert 1100 < ml["liver"] < 2200
    assert 100 < ml["kidney left"] < 300
    assert 90 < ml["spleen"] < 400
    assert 900 < sum(ml[n] for n in ("cerebral cortex", "cerebral white matter", "cerebellum")) < 1700
    assert 40_000 < sum(ml.values()) < 90_000


def test_every_structure_is_a_segment_once_and_codes_are_well_formed(patient):
    labels = label_map(patient)
    names = [s.name for s in labels.segments]
    assert len(set(names)) == len(names) > 90
    assert {f"rib {n} {side}" for n in range(1, 13) for side in ("left", "right")} <= set(names)
    assert labels.segment("liver").kind.value == "10200004"
    assert labels.segment("vertebra L5").kind.value == "49668003"
    assert all(s.kind is None or s.kind.scheme == "SCT" for s in labels.segments)


def test_codes_agree_with_the_dictionary_of_pydicom(patient):
    from pydicom.sr._concepts_dict import concepts

    known = {code for entry in concepts["SCT"].values() for code in entry}
    used = {s.kind.value for s in label_map(patient).segments if s.kind is not None}
    assert used - known == set()


def test_the_same_seed_paints_the_same_patient(patient):
    again = paint_patient(patient.grid, seed=1)
    digests = [hashlib.sha256(c.top.tobytes() + c.cover.tobytes()).hexdigest() for c in (patient, again)]
    assert digests[0] == digests[1]


def test_threads_do_not_change_the_patient():
    from medvox.core.settings import using

    grid = grid_around((0, 0, 700), half_mm=120, step_mm=3.0)
    pictures = []
    for threads in (1, 3):
        with using(threads=threads):
            canvas = Canvas(grid, 4)
            for center in ((0, 0, 700), (20, 10, 720)):
                canvas.paint(ellipsoid(center, (90, 100, 80)).roughen(2, 20), "solid", "fat", inset_mm=3)
            pictures.append(canvas.cover.tobytes() + canvas.top.tobytes())
    assert pictures[0] == pictures[1]


def test_a_voxel_between_two_tissues_holds_their_mean():
    canvas = Canvas(grid_around((0, 0, 0), half_mm=20, step_mm=4.0))
    canvas.paint(ellipsoid((0, 0, 0), 100.0), "outside", "fat")
    canvas.paint(ellipsoid((0, 0, 0), 11.0), "inside", "muscle")
    hu = canvas.mix(canvas.property("hu"))
    share = canvas.share("inside")
    expected = share * TISSUES["muscle"].hu + (1 - share) * TISSUES["fat"].hu
    np.testing.assert_allclose(hu, expected, atol=0.01)
    assert ((share > 0.2) & (share < 0.8)).any()


def test_painting_only_on_named_structures_spares_the_rest():
    canvas = Canvas(grid_around((0, 0, 0), half_mm=20))
    canvas.paint(ellipsoid((-8, 0, 0), 8.0), "kept", "muscle")
    before = volumes_ml(canvas)["kept"]
    canvas.paint(ellipsoid((0, 0, 0), 15.0), "new", "fat", only_on={""})
    assert volumes_ml(canvas)["kept"] == pytest.approx(before, rel=1e-6)
