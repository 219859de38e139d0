"""Planes, 3D, 4D, view state in the URL."""

from __future__ import annotations

import numpy as np
import pytest
from scene import head, scans

from browser.driver import Viewer

SCANS = {scan.id: scan for scan in scans()}
PLANES = ("axial", "coronal", "sagittal")
LETTERS = {
    "axial": {"left": "R", "right": "L", "top": "A", "bottom": "P"},
    "coronal": {"left": "R", "right": "L", "top": "H", "bottom": "F"},
    "sagittal": {"left": "A", "right": "P", "top": "H", "bottom": "F"},
}


def test_a_tilted_scan_opens_as_planes_of_its_regular_copy_and_says_so(viewer: Viewer) -> None:
    viewer.wait_loaded("ct-head")
    assert viewer.get("layout") == "mpr"
    badge = viewer.page.locator("[data-badge]")
    assert "regular copy" in badge.inner_text()
    badge.get_by_role("button", name="Why?").click()
    assert "interpolated" in viewer.page.locator("[data-badge-reasons]").inner_text()
    badge.get_by_role("button", name="Why?").click()
    probe = viewer.hover("axial", 150, 150)
    assert probe["grid"] == "regular"
    badge.get_by_role("button", name="Show stored slices").click()
    viewer.wait("s.layout === 'stack' && s.shown")
    assert viewer.hover("stack", 300, 300)["grid"] == "stored"


def test_every_plane_reads_true_values_and_wears_the_right_letters(viewer: Viewer) -> None:
    viewer.wait_loaded("ct-head")
    grid = SCANS["ct-head"].regular
    assert grid is not None
    for plane in PLANES:
        assert viewer.get("views")[plane]["letters"] == LETTERS[plane]
        width, height = viewer.size(plane)
        for x, y in [(0.5, 0.45), (0.6, 0.55), (0.42, 0.5)]:
            probe = viewer.hover(plane, x * width, y * height)
            k, j, i = probe["voxel"]
            truth = (grid.affine @ [k, j, i, 1])[:3]
            assert probe["value"] == grid.data[0, k, j, i]
            assert np.allclose(probe["patientMm"], truth, atol=1e-6)
            assert probe["value"] == head(truth.reshape(3, 1).astype(np.float32))[0]


def test_the_screen_of_each_plane_shows_the_probed_value(viewer: Viewer) -> None:
    viewer.wait_loaded("ct-head")
    for plane in PLANES:
        width, height = viewer.size(plane)
        for x, y in [(0.62, 0.45), (0.4, 0.6)]:
            value = viewer.hover(plane, x * width, y * height)["value"]
            expected = np.clip(value / 80 * 255, 0, 255)
            assert viewer.gray(plane, x * width, y * height) == pytest.approx(expected, abs=5)


def test_the_crosshair_links_the_planes(viewer: Viewer) -> None:
    viewer.wait_loaded("ct-head")
    viewer.settle()
    viewer.tool("Crosshair")
    before = viewer.get("views")
    probe = viewer.hover("axial", 240, 150)
    viewer.click("axial", 240, 150)
    cursor = viewer.get("cursor")
    assert cursor == pytest.approx(probe["patientMm"])
    views = viewer.get("views")
    k, j, i = probe["voxel"]
    assert (views["axial"]["slice"], views["coronal"]["slice"], views["sagittal"]["slice"]) == (k, j, i)
    assert views["sagittal"]["slice"] != before["sagittal"]["slice"]
    assert views["axial"]["cross"] == pytest.approx([240, 150], abs=3)
    for plane in PLANES:
        x, y = views[plane]["cross"]
        assert viewer.hover(plane, x, y)["voxel"] == [k, j, i]
    viewer.drag("coronal", (200, 150), (230, 120))
    moved = viewer.get("cursor")
    assert moved[1] == pytest.approx(cursor[1])
    assert moved[0] != pytest.approx(cursor[0])
    assert viewer.get("views")["axial"]["slice"] != k


def test_planes_scroll_by_wheel_and_keys_and_carry_the_crosshair(viewer: Viewer) -> None:
    viewer.wait_loaded("ct-head")
    start = viewer.get("cursor")
    viewer.wheel("axial", 4)
    assert viewer.get("cursor")[2] == pytest.approx(start[2] + 4 * 3.4)
    viewer.click("sagittal", 100, 100)
    viewer.page.keyboard.press("ArrowUp")
    viewer.settle()
    assert viewer.get("cursor")[0] == pytest.approx(start[0] - 1.4)
    assert viewer.get("activeView") == "sagittal"


def test_oblique_left_handed_grids_lie_where_their_affine_puts_them(viewer: Viewer) -> None:
    """The mark of the MR phantom lies left, anterior, superior at (40, -40, 20) mm."""
    viewer.open("mr-t1")
    viewer.tool("Crosshair")
    # Two clicks with known offsets from the centre bring the crosshair to the mark.
    views = viewer.get("views")
    x, y = views["axial"]["cross"]
    scale = views["axial"]["mmPerPixel"]
    cursor = viewer.get("cursor")
    viewer.click("axial", x + (40 - cursor[0]) / scale, y + (-40 - cursor[1]) / scale)
    views, cursor = viewer.get("views"), viewer.get("cursor")
    x, y = views["coronal"]["cross"]
    scale = views["coronal"]["mmPerPixel"]
    viewer.click("coronal", x + (40 - cursor[0]) / scale, y - (20 - cursor[2]) / scale)
    assert viewer.get("cursor") == pytest.approx([40, -40, 20], abs=2)
    for plane in PLANES:
        view = viewer.get("views")[plane]
        assert view["letters"]["top"][0] == LETTERS[plane]["top"]
        assert view["letters"]["right"][0] == LETTERS[plane]["right"]
        probe = viewer.hover(plane, *view["cross"])
        assert probe["value"] == 1000
        k, j, i = probe["voxel"]
        assert SCANS["mr-t1"].stored.data[0, k, j, i] == 1000
        assert viewer.gray(plane, *view["cross"]) > 245


def test_stored_slices_of_an_oblique_grid_stand_the_right_way_up(viewer: Viewer) -> None:
    viewer.open("mr-t1")
    viewer.layout("stack")
    letters = viewer.get("views")["stack"]["letters"]
    assert (letters["right"][0], letters["top"][0]) == ("L", "A")
    width, height = viewer.size("stack")
    left = viewer.hover("stack", width * 0.6, height * 0.5)["patientMm"][0]
    right = viewer.hover("stack", width * 0.4, height * 0.5)["patientMm"][0]
    assert left > right


def test_four_dimensions_play_and_change_values(viewer: Viewer) -> None:
    viewer.open("mr-4d")
    viewer.wait("s.loading.timeFraction >= 1")
    view = viewer.get("views")["axial"]
    scale = view["mmPerPixel"]
    spot = (view["cross"][0] + 30 / scale, view["cross"][1])
    for time, value in [(0, 300), (1, 350), (2, 400)]:
        assert viewer.get("time") == time
        assert viewer.hover("axial", *spot)["value"] == value
        assert viewer.gray("axial", *spot) == pytest.approx((value + 50) / 900 * 255, abs=6)
        viewer.page.get_by_role("button", name="Next time").click()
        viewer.settle()
    slider = viewer.page.get_by_role("slider", name="Time point")
    slider.focus()
    slider.press("End")
    viewer.settle()
    assert viewer.get("time") == 9
    assert viewer.hover("axial", *spot)["value"] == 750
    viewer.page.get_by_role("button", name="Play").click()
    viewer.wait("s.playing && s.time !== 9")
    viewer.page.get_by_role("button", name="Pause").click()
    assert "13.5 s" not in viewer.page.locator("[data-time]").inner_text()


def test_the_volume_turns_shifts_and_changes_its_look(viewer: Viewer) -> None:
    viewer.open("mr-4d")
    viewer.layout("volume")
    viewer.page.wait_for_timeout(500)
    first = viewer.picture("volume")
    assert (first.max(axis=2) > 40).mean() > 0.05
    viewer.drag("volume", (300, 300), (380, 300))
    viewer.wait("s.camera3d !== null")
    turned = viewer.get("camera3d")
    assert np.linalg.norm(np.subtract(turned["position"], turned["focalPoint"])) > 0
    assert viewer.get("views")["volume"]["letters"]["right"] != "L"
    viewer.page.keyboard.down("Shift")
    viewer.drag("volume", (300, 300), (400, 300))
    viewer.page.keyboard.up("Shift")
    assert viewer.get("shift") > 0
    assert viewer.get("camera3d") == turned
    viewer.page.get_by_label("3D preset", exact=True).select_option("mip")
    viewer.settle()
    assert (viewer.get("preset"), viewer.get("shift")) == ("mip", 0)
    projection = viewer.picture("volume")
    assert projection.std() > 5
    assert np.abs(projection.astype(int) - first).mean() > 3
    viewer.page.keyboard.press("r")
    viewer.settle()
    assert viewer.get("camera3d") is None
    assert viewer.get("views")["volume"]["letters"]["right"] == "L"


def test_the_url_brings_the_view_back(viewer: Viewer) -> None:
    viewer.open("pet-fdg")
    viewer.tool("Crosshair")
    viewer.click("axial", 230, 180)
    viewer.page.get_by_label("Window preset", exact=True).select_option(label="SUV 0-5")
    viewer.page.keyboard.press("i")
    viewer.drag("axial", (150, 200), (150, 160), button="right")
    before = viewer.state()
    viewer.wait("location.hash.includes('invert=1') && location.hash.includes('view.axial')")
    viewer.page.wait_for_timeout(400)
    viewer.page.reload()
    viewer.wait_loaded("pet-fdg")
    viewer.settle()
    after = viewer.state()
    for name in ("imageId", "layout", "window", "invert", "time"):
        assert after[name] == before[name], name
    assert after["cursor"] == pytest.approx(before["cursor"], abs=1e-3)
    assert after["views"]["axial"]["zoom"] == pytest.approx(before["views"]["axial"]["zoom"], rel=1e-2)
    assert after["views"]["axial"]["cross"] == pytest.approx(before["views"]["axial"]["cross"], abs=3)


def test_floating_point_values_are_read_exactly(viewer: Viewer) -> None:
    viewer.open("pet-fdg")
    values = set()
    for x, y in [(0.5, 0.5), (0.5, 0.05)]:
        width, height = viewer.size("axial")
        values.add(np.float32(viewer.hover("axial", x * width, y * height)["value"]))
    assert values == {np.float32(1.25), np.float32(0.02)}
    assert "SUVbw" in viewer.page.locator("[data-reading]").inner_text()
