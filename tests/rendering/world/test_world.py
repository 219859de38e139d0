"""Surfaces, slices and volumes in one picture, beside what geometry says."""

from __future__ import annotations

import numpy as np
import pytest

from medvox.core.errors import FormatError, UsageError
from medvox.core.grid import Grid
from medvox.core.mesh import Mesh
from medvox.core.volume import Volume, Window
from medvox.rendering.curved import SlabOptions, curved, oblique
from medvox.rendering.furniture import with_color_bar, with_cube
from medvox.rendering.movie import film, fly, turntable
from medvox.rendering.picture import Picture
from medvox.rendering.presets import VolumePreset
from medvox.rendering.scene import Camera, Scene
from medvox.rendering.transfer import preset_from_json, preset_to_json
from medvox.rendering.world.world import (
    ClipPlane,
    SlicePart,
    SurfacePart,
    VolumePart,
    World,
    clip_box,
    render_world,
)

BLACK = ((0, 0, 0), (0, 0, 0))


def box(low, high, color) -> Mesh:
    import trimesh

    made = trimesh.creation.box(bounds=[low, high])
    return Mesh(made.vertices, made.faces, color=color)


def grid(shape) -> Grid:
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3)[:, ::-1]
    return Grid(shape, matrix)


RED, BLUE = box((0, 0, 0), (10, 10, 10), (255, 0, 0)), box((0, 20, 0), (10, 30, 10), (0, 0, 255))


def shades(picture: Picture) -> np.ndarray:
    return picture.pixels[picture.pixels.shape[0] // 2, picture.pixels.shape[1] // 2].astype(int)


def test_the_nearer_surface_hides_the_farther():
    world = World([SurfacePart(RED), SurfacePart(BLUE)])
    front = shades(render_world(world, Camera(0), (60, 60), BLACK))
    back = shades(render_world(world, Camera(180), (60, 60), BLACK))
    assert front[0] > 100
    assert front[2] < 60
    assert back[2] > 100
    assert back[0] < 60


def test_a_transparent_surface_lets_the_farther_one_through():
    world = World([SurfacePart(RED, 0.3), SurfacePart(BLUE)])
    seen = shades(render_world(world, Camera(0), (60, 60), BLACK))
    assert seen[0] > 30
    assert seen[2] > 30


def test_a_picture_has_the_right_scale_and_outline():
    picture = render_world(World([SurfacePart(RED)]), Camera(0), (100, 100), BLACK)
    filled = (picture.pixels.max(axis=2) > 0).sum()
    assert picture.pixel_mm is not None
    assert filled * picture.pixel_mm**2 == pytest.approx(100, rel=0.05)
    assert picture.letters == ("R", "L", "S", "I")


def test_clips_cut_surfaces_and_volumes():
    values = np.zeros((20, 20, 20), np.float32)
    values[2:18, 2:18, 2:18] = 1
    preset = VolumePreset("x", "x", "composite", False, "value", ((0, 1, 1, 1),), ((0.4, 0.0), (0.6, 0.9)))
    part = VolumePart(Scene.of(Volume(values, grid(values.shape))), preset)
    cube = SurfacePart(box((2, 2, 2), (18, 18, 18), (255, 255, 255)))
    for kind in ({"volumes": [part]}, {"surfaces": [cube]}):
        whole = render_world(World(**kind), Camera(0), (80, 80), BLACK).pixels.max(axis=2) > 40
        half = (
            render_world(
                World(**kind, clips=[ClipPlane((1, 0, 0), 9.5)]), Camera(0), (80, 80), BLACK
            ).pixels.max(axis=2)
            > 40
        )
        boxed = (
            render_world(
                World(**kind, clips=clip_box((9.5, 0, 9.5), (30, 30, 30))), Camera(0), (80, 80), BLACK
            ).pixels.max(axis=2)
            > 40
        )
        assert half.sum() == pytest.approx(whole.sum() / 2, rel=0.1)
        assert boxed.sum() == pytest.approx(whole.sum() / 4, rel=0.2)
        assert not half[:, :35].any()  # the patient's right is on the left of the picture


def test_slices_stand_in_the_scene_with_their_values():
    values = np.full((20, 20, 20), 50.0, np.float32)
    values[:, :, 10:] = 100
    from medvox.rendering.look import Look

    part = SlicePart(Volume(values, grid(values.shape)), (0, 1, 0), 5.0, Look(Window(50, 100)))
    picture = render_world(World(slices=[part]), Camera(0), (60, 60), BLACK)
    assert shades(Picture(picture.pixels[:, :40])).max() == pytest.approx(128, abs=3)
    assert shades(Picture(picture.pixels[:, 30:])).max() == pytest.approx(255, abs=3)


def test_the_same_world_gives_the_same_bytes():
    world = World([SurfacePart(RED, 0.5), SurfacePart(BLUE)])
    one, two = (render_world(world, Camera(30, 20), (90, 70)).pixels for _ in range(2))
    assert np.array_equal(one, two)


def test_an_empty_world_is_refused():
    with pytest.raises(UsageError):
        render_world(World())


def sphere_values() -> Volume:
    k, j, i = np.indices((30, 32, 34)).astype(np.float32)
    return Volume((2 * k + 3 * j + 5 * i).astype(np.float32), grid((30, 32, 34)))


def test_an_oblique_plane_has_the_values_of_a_linear_field():
    values, pixel, right, down = oblique(sphere_values(), (16, 15, 14), (1, 2, 0.5))
    rows, columns = values.shape
    y, x = np.mgrid[:rows, :columns]
    place = (
        np.array([16, 15, 14])
        + (x - columns // 2)[..., None] * pixel * right
        + (y - rows // 2)[..., None] * pixel * down
    )
    inside = np.isfinite(values)
    assert inside.sum() > 500
    truth = place @ [5, 3, 2]
    assert np.abs(values - truth)[inside & (np.abs(place - 15) < 13).all(axis=-1)].max() < 1e-2


@pytest.mark.parametrize(("mode", "truth"), [("mip", 4 * 3), ("minip", -4 * 3), ("mean", 0)])
def test_slabs_look_through_their_thickness(mode, truth):
    flat, *_ = oblique(sphere_values(), (16, 15, 14), (0, 1, 0))
    slab, *_ = oblique(sphere_values(), (16, 15, 14), (0, 1, 0), slab=SlabOptions(8.0, mode))
    middle = tuple(n // 2 for n in flat.shape)
    assert slab[middle] - flat[middle] == pytest.approx(truth, abs=1e-3)


def test_a_curved_sheet_follows_its_path_at_true_length():
    t = np.linspace(0, np.pi, 25)
    path = np.stack([16 + 10 * np.cos(t), 5 + 10 * np.sin(t), np.full(25, 14.0)], axis=1)
    values, pixel = curved(sphere_values(), path, width_mm=10)
    assert values.shape[1] * pixel == pytest.approx(10 * np.pi, abs=1.5)
    column = values.shape[1] // 2
    place = np.array([16, 15, 14])
    assert values[values.shape[0] // 2, column] == pytest.approx(place @ [5, 3, 2], abs=2.5)
    assert np.diff(values[:, column]) == pytest.approx(-2 * pixel, abs=1e-2)
    with pytest.raises(UsageError):
        curved(sphere_values(), [(0, 0, 0), (0, 0, 5)])


def test_movies_go_around_and_between():
    cameras = turntable(8, Camera(10, 5))
    assert [c.azimuth_deg for c in cameras] == [10 + 45 * n for n in range(8)]
    path = fly([Camera(0, 0, 0, 1), Camera(90, 30, 0, 4)], 3)
    assert (path[1].azimuth_deg, path[1].elevation_deg, path[1].zoom) == pytest.approx((45, 15, 2))
    seen = []
    pictures = list(
        film(lambda c: Picture(np.full((2, 2), int(c.azimuth_deg), np.uint8)), cameras[:3],
             lambda done, total, text: seen.append((done, total)))
    )  # fmt: skip
    assert [int(p.pixels[0, 0]) for p in pictures] == [10, 55, 100]
    assert seen[-1] == (3, 3)
    with pytest.raises(UsageError):
        turntable(1)


def test_transfer_functions_come_back_and_faults_are_named():
    text = '{"color": [[0, 1, 0, 0], [100, 1, 1, 0.5]], "opacity": [[0, 0], [100, 0.5]], "shade": false}'
    preset = preset_from_json(text)
    assert preset.color[1] == (100, 1, 1, 0.5)
    assert preset_from_json(preset_to_json(preset)) == preset.__class__(
        "own", "own", "composite", False, "value", preset.color, preset.opacity
    )
    for bad in (
        "",
        "[]",
        '{"color": []}',
        text.replace("0.5]]", "7]]"),
        text.replace("[100, 0.5]", "[-5, 0.5]"),
    ):
        with pytest.raises(FormatError):
            preset_from_json(bad)


def test_a_color_bar_and_a_cube_are_drawn_where_they_belong():
    plain = Picture(np.zeros((200, 300), np.uint8))
    bar = with_color_bar(plain, Window(40, 80), "hot", "HU").pixels
    assert bar[60:140, 280:295].any()
    assert not bar[:, :200].any()
    front, side = (with_cube(plain, Camera(a)).pixels for a in (0, 90))
    assert front[150:, :60].any()
    assert not front[:100].any()
    assert not np.array_equal(front, side)
