"""Presets of CT on a chest of shapes, and on real scans."""

from __future__ import annotations

import numpy as np
import pytest

import medvox as mv
from data import data_dir
from medvox.core.errors import MissingError, UsageError
from medvox.segmentation import ct
from segmentation.phantoms import dice, grid, points, volume

SPACING = (4.0, 2.0, 2.0)


@pytest.fixture(scope="module")
def chest():
    """Body 300 x 220 mm, two lungs with a vessel, a trachea that ends above them, a spine, a table."""
    where = grid((50, 130, 170), SPACING)
    x, y, z = np.moveaxis(points(where), -1, 0)
    x, y = x - 170, y - 120
    body = (x / 150) ** 2 + (y / 105) ** 2 <= 1
    lungs = [((x - s * 70) / 50) ** 2 + (y / 75) ** 2 + ((z - 80) / 70) ** 2 <= 1 for s in (-1, 1)]
    trachea = (x**2 + (y + 20) ** 2 <= 10**2) & (z > 70)
    wall = (x**2 + (y + 20) ** 2 <= 14**2) & (z > 66)
    spine = x**2 + (y - 70) ** 2 <= 18**2
    values = np.full(where.shape, -1000.0)
    values[body] = 40
    values[lungs[0] | lungs[1]] = -850
    values[((y - 5) ** 2 + (z - 80) ** 2 <= 4**2) & (abs(x) < 150) & body] = 40  # vessels
    values[wall] = 40
    values[trachea] = -990
    values[spine] = 600
    values[(abs(y - 118) < 3) & (abs(x) < 160)] = 100
    values += np.random.default_rng(0).normal(0, 12, where.shape)
    truth = {"body": body, "lungs": (lungs[0] | lungs[1]) & ~wall, "airway": trachea, "bone": spine}
    return volume(values.round().astype(np.int16), where, modality="CT", unit="HU"), truth


def test_body_skin_and_bone_of_a_chest(chest):
    image, truth = chest
    assert dice(ct.ct_body(image).mask(1), truth["body"]) > 0.99
    skin = ct.ct_skin(image, thickness=6.0).mask(1)
    assert not (skin & ~ct.ct_body(image).mask(1)).any()
    assert skin.sum() * 16 == pytest.approx(6 * np.pi * (150 + 105 - 6) * 200, rel=0.25)
    assert dice(ct.ct_bone(image).mask(1), truth["bone"]) > 0.97


def test_lungs_take_vessels_in_and_leave_the_airway_out(chest):
    image, truth = chest
    found = ct.ct_lungs(image)
    assert [s.name for s in found.segments] == ["lungs", "airway"]
    assert dice(found.mask("lungs"), truth["lungs"]) > 0.95
    assert dice(found.mask("airway"), truth["airway"]) > 0.8
    assert dice(ct.ct_airway(image).mask(1), truth["airway"]) > 0.8


def test_what_is_no_ct_or_has_no_lungs_is_refused(chest):
    image, _ = chest
    with pytest.raises(UsageError, match="for CT"):
        ct.ct_body(volume(np.ones((4, 5, 6), np.uint8)))
    with pytest.raises(UsageError, match="for CT"):
        ct.ct_body(volume(image.values(), image.grid, modality="MR"))
    solid = volume(np.where(image.values() < -300, 40, image.values()), image.grid, modality="CT")
    with pytest.raises(MissingError):
        ct.ct_lungs(solid)
    with pytest.raises(MissingError):
        ct.ct_body(volume(np.full((6, 7, 8), -1000), modality="CT"))


def test_a_real_tilted_head_has_its_skull():
    image = mv.read(data_dir("ct_head_ge_tilt"))
    bone = ct.ct_bone(image)
    assert 300 < bone.volume_ml("bone") < 1200
    body = ct.ct_body(image).mask(1)
    assert not (bone.mask(1) & ~body).any()
