"""The ray caster against analytic bodies."""

import hashlib
import math
import os
import subprocess
import sys

import numpy as np
import pytest

from data import data_dir
from medvox.core import settings
from medvox.core.errors import MissingError, UsageError
from medvox.core.grid import Grid
from medvox.core.volume import Volume
from medvox.rendering.presets import PRESETS, VolumePreset
from medvox.rendering.raycast import render_volume
from medvox.rendering.scene import Camera, Scene, scene_grid
from rendering.phantoms import ORIENTATIONS, ball, canonical, stored_as

BLACK = ((0, 0, 0), (0, 0, 0))
WHITE = ((0, 1.0, 1.0, 1.0), (200, 1.0, 1.0, 1.0))


def fog(share, low=49, high=51, color=WHITE, shade=False):
    return VolumePreset("fog", "Fog", "composite", shade, "value", color, ((low, 0), (high, share)))


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (1.4, 0.8, 0.9)])
@pytest.mark.parametrize("camera", [Camera(), Camera(37, 21, 10)])
def test_a_fog_ball_holds_back_what_the_formula_says(spacing, camera):
    radius, share = 20.0, 0.02
    scene = Scene.of(ball(radius, spacing=spacing), refine=False)
    picture = render_volume(scene, fog(share), camera, (121, 121), BLACK)
    assert picture.pixel_mm is not None
    center = (np.array(picture.size) - 1) / 2
    for column in (60, 70, 80, 88):
        off = (column - center[0]) * picture.pixel_mm
        row = int(center[1])
        off = math.hypot(off, (row - center[1]) * picture.pixel_mm)
        if off > radius - 3:
            continue
        chord = 2 * math.sqrt(radius**2 - off**2)
        expected = 1 - (1 - share) ** chord
        assert picture.pixels[row, column, 0] / 255 == pytest.approx(expected, abs=0.012)


@pytest.mark.parametrize("camera", [Camera(), Camera(64, -35), Camera(0, 90)])
def test_an_opaque_balls_outline_is_a_circle_of_its_radius(camera):
    radius = 20.0
    picture = render_volume(Scene.of(ball(radius)), fog(0.999), camera, (200, 160), BLACK)
    lit = picture.pixels[..., 0] > 127
    area = lit.sum() * picture.pixel_mm**2
    assert area == pytest.approx(math.pi * radius**2, rel=0.02)
    rows, columns = np.nonzero(lit)
    assert rows.mean() == pytest.approx(79.5, abs=1)
    assert columns.mean() == pytest.approx(99.5, abs=1)


def test_color_is_that_of_the_value_whatever_the_opacity():
    color = ((0, 0.2, 0.4, 0.6), (200, 0.2, 0.4, 0.6))
    picture = render_volume(Scene.of(ball()), fog(0.999, color=color), Camera(), (60, 60), BLACK)
    np.testing.assert_allclose(picture.pixels[30, 30], (51, 102, 153), atol=2)


def bump(position, shape=(40, 40, 40)):
    values = np.zeros(shape, np.float32)
    k, j, i = position
    values[k - 3 : k + 4, j - 3 : j + 4, i - 3 : i + 4] = 100
    values[20, 20, 20] = 100
    values[2, 2, 2] = values[-3, -3, -3] = 100  # keep the frame in place
    return canonical(values)


@pytest.mark.parametrize(
    ("position", "camera", "side"),
    [
        ((20, 20, 33), Camera(0, 0), "right"),  # the patient's left, seen from the front
        ((20, 20, 33), Camera(180, 0), "left"),
        ((33, 20, 20), Camera(45, 0), "top"),
        ((20, 6, 20), Camera(90, 0), "left"),  # anterior, seen from the patient's left
        ((20, 6, 20), Camera(0, 90), "bottom"),  # seen from above with the nose towards us
        ((20, 6, 20), Camera(0, -90), "top"),
        ((33, 20, 20), Camera(0, 0, 90), "right"),  # rolled clockwise
    ],
)
def test_the_camera_stands_where_its_angles_say(position, camera, side):
    picture = render_volume(Scene.of(bump(position)), fog(0.999), camera, (101, 101), BLACK)
    rows, columns = np.nonzero(picture.pixels[..., 0] > 127)
    offsets = {
        "right": columns.mean() - 50,
        "left": 50 - columns.mean(),
        "top": 50 - rows.mean(),
        "bottom": rows.mean() - 50,
    }
    assert max(offsets, key=offsets.__getitem__) == side
    assert offsets[side] > 10


def test_near_hides_far():
    values = np.zeros((40, 40, 40), np.float32)
    values[8:32, 4:14, 8:32] = 100  # anterior plate: red
    values[8:32, 24:34, 8:32] = 200  # posterior plate: blue
    preset = VolumePreset(
        "two", "Two", "composite", False, "value", ((140, 1, 0, 0), (160, 0, 0, 1)), ((95, 0), (100, 0.6))
    )
    scene = Scene.of(canonical(values))
    front = render_volume(scene, preset, Camera(0), (60, 60), BLACK).pixels[30, 30].tolist()
    back = render_volume(scene, preset, Camera(180), (60, 60), BLACK).pixels[30, 30].tolist()
    assert front[0] > 245
    assert front[2] < 5
    assert back[2] > 150  # the rim of the blue plate passes through the red values
    assert back[2] > 2 * back[0]


def test_light_makes_a_ball_brightest_where_it_faces_the_key_light():
    picture = render_volume(Scene.of(ball()), fog(0.999, shade=True), Camera(), (101, 101), BLACK)
    gray = picture.pixels[..., 0].astype(float)
    rows, columns = np.nonzero(gray > 240)
    assert rows.mean() < 50  # from above
    assert columns.mean() < 50  # and the left
    assert gray[50, 50] > gray[80, 70] > 20


@pytest.mark.parametrize(("order", "flips"), ORIENTATIONS[::7])
def test_storage_order_does_not_matter(order, flips):
    volume = bump((30, 12, 28))
    one = render_volume(Scene.of(volume), fog(0.3), Camera(25, 15), (80, 80), BLACK)
    other = render_volume(
        Scene.of(stored_as(volume, order, flips)), fog(0.3), Camera(25, 15), (80, 80), BLACK
    )
    difference = np.abs(one.pixels.astype(int) - other.pixels.astype(int))
    assert np.percentile(difference, 99) <= 4
    assert difference.mean() < 0.3


def test_the_same_input_gives_the_same_bytes_with_any_number_of_threads():
    random = np.random.default_rng(2)
    volume = canonical((random.random((30, 30, 30)) * 1000).astype(np.int16), unit="HU", modality="CT")
    digests = set()
    for threads in (1, 2, 2):
        with settings.using(threads=threads):
            png = render_volume(volume, "ct-bone", Camera(20, 10), (120, 90)).png_bytes()
        digests.add(hashlib.sha256(png).hexdigest())
    assert len(digests) == 1


def test_no_graphics_library_is_loaded():
    code = (
        "import sys, numpy as np\n"
        "from medvox.core.grid import Grid\n"
        "from medvox.core.volume import Volume\n"
        "from medvox.rendering.raycast import render_volume\n"
        "values = np.arange(64.0).reshape(4, 4, 4)\n"
        "render_volume(Volume(values, Grid.pixels((4, 4, 4))), 'surface', size=(8, 8))\n"
        "maps = open('/proc/self/maps').read() if sys.platform == 'linux' else ''\n"
        "print([n for n in ('vtk', 'vtkmodules') if n in sys.modules], 'libGL' in maps, 'libX11' in maps)\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "DISPLAY"}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert ran.stderr == ""
    assert ran.stdout.split("\n")[0] == "[] False False"


def test_tilted_stacks_are_rendered_upright():
    """A ball stored with a 20° gantry tilt still has the outline of a ball."""
    shift = np.tan(np.radians(20))
    origins = np.array([[-30, -30 + shift * (k * 2 - 30) - 0, k * 2 - 30] for k in range(31)])
    grid = Grid.from_origins((31, 61, 61), np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]]), origins)
    points = grid.to_patient(np.moveaxis(np.indices(grid.shape, dtype=float), 0, -1))
    values = 100 * np.clip(18.5 - np.linalg.norm(points, axis=-1), 0, 1)
    picture = render_volume(
        Volume(values.astype(np.float32), grid), fog(0.999), Camera(90), (120, 120), BLACK
    )
    rows, columns = np.nonzero(picture.pixels[..., 0] > 127)
    tall, wide = np.ptp(rows), np.ptp(columns)
    assert tall / wide == pytest.approx(1, abs=0.06)
    moment = np.cov(rows, columns)
    assert abs(moment[0, 1]) < 0.05 * moment[0, 0]  # not sheared


def test_every_preset_makes_a_picture():
    random = np.random.default_rng(4)
    values = (random.random((24, 24, 24)) * 1500 - 300).astype(np.int16)
    scene = Scene.of(canonical(values, unit="HU", modality="CT"))
    for name in PRESETS:
        picture = render_volume(scene, name, size=(40, 30))
        assert picture.size == (40, 30)
        assert np.ptp(picture.pixels) > 20, name


def test_maximum_intensity_pictures_show_the_lowest_color_beside_the_volume():
    scene = Scene.of(ball())
    picture = render_volume(scene, "pet-mip", size=(90, 60))
    assert picture.pixels[0, 0].tolist() == [255, 255, 255]
    assert picture.pixels[30, 45].tolist() == [0, 0, 0]


def test_shift_moves_what_is_seen():
    scene = Scene.of(ball())
    assert render_volume(scene, fog(0.9), size=(30, 30), background=BLACK).pixels.max() > 200
    assert render_volume(scene, fog(0.9), size=(30, 30), background=BLACK, shift=100).pixels.max() == 0


def test_thick_slices_are_refined_and_large_volumes_halved():
    thick = canonical(np.zeros((10, 8, 8)), (6.0, 1.0, 1.0)).grid
    fine = scene_grid(thick)
    assert fine.spacing_mm[0] == pytest.approx(1.5)
    assert fine.shape == (37, 8, 8)
    np.testing.assert_allclose(fine.to_patient((36, 7, 7)), thick.to_patient((9, 7, 7)))
    assert scene_grid(thick, refine=False) is thick
    large = Grid((1000, 1024, 1024), canonical(np.zeros((2, 2, 2))).grid.affine)
    half = scene_grid(large)
    assert half.shape == (500, 512, 512)
    np.testing.assert_allclose(half.to_patient((-0.5, -0.5, -0.5)), large.to_patient((-0.5, -0.5, -0.5)))


def test_what_cannot_be_rendered_is_refused():
    with pytest.raises(UsageError, match="two slices"):
        render_volume(canonical(np.zeros((1, 5, 5))), "mip")
    colour = Volume(np.zeros((3, 2, 2, 2), np.uint8), Grid.pixels((2, 2, 2)), ("channel", "k", "j", "i"))
    with pytest.raises(UsageError, match="colour"):
        render_volume(colour, "mip")
    with pytest.raises(MissingError, match="no such volume preset"):
        render_volume(ball(), "ct-heart")
    with pytest.raises(UsageError, match="size"):
        render_volume(ball(), "mip", size=(0, 10))
    with pytest.raises(UsageError, match="camera"):
        Camera(zoom=0)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_flat_and_not_finite_volumes_make_a_picture(value):
    values = np.full((4, 4, 4), value)
    assert render_volume(canonical(values), "mr-brain", size=(20, 20)).size == (20, 20)


def test_a_real_head_is_a_head():
    """A T1 head rendered from the front is a tall, symmetric, bright blob in the middle."""
    import nibabel as nib

    from medvox.core.axes import lps_from_ras

    image = nib.load(data_dir("niivue_images") / "chris_t1.nii.gz")
    values = np.ascontiguousarray(np.asanyarray(image.dataobj).T)
    volume = Volume(values, Grid(values.shape, lps_from_ras(image.affine)), modality="MR")
    picture = render_volume(volume, "mr-brain", size=(200, 200), background=BLACK)
    lit = picture.pixels.max(axis=2) > 40
    assert 0.15 < lit.mean() < 0.7
    overlap = (lit & lit[:, ::-1]).sum() / (lit | lit[:, ::-1]).sum()
    assert overlap > 0.85
