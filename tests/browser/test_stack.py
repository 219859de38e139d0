"""Stored slices: values, window, zoom, measurements, colour, keys."""

from __future__ import annotations

import numpy as np
import pytest
from scene import head, scans

from browser.driver import Viewer

CT = next(scan for scan in scans() if scan.id == "ct-head")


@pytest.fixture
def stack(viewer: Viewer) -> Viewer:
    """The tilted CT as it was stored."""
    viewer.go("image=ct-head&layout=stack")
    return viewer


def test_the_probe_reads_the_stored_values_at_their_true_place(stack: Viewer) -> None:
    width, height = stack.size("stack")
    read = 0
    for x, y in [(0.5, 0.5), (0.45, 0.4), (0.56, 0.55), (0.5, 0.2), (0.62, 0.5), (0.3, 0.3)]:
        probe = stack.hover("stack", x * width, y * height)
        k, j, i = probe["voxel"]
        assert probe["grid"] == "stored"
        assert probe["value"] == CT.stored.data[0, k, j, i]
        truth = (CT.stored.affine @ [k, j, i, 1])[:3]
        assert np.allclose(probe["patientMm"], truth, atol=1e-6)
        assert probe["value"] == head(truth.reshape(3, 1).astype(np.float32))[0]
        read += 1
    assert read == 6


def test_a_clicked_probe_names_its_source_instance(stack: Viewer) -> None:
    stack.tool("Probe")
    width, height = stack.size("stack")
    stack.click("stack", width * 0.5, height * 0.45)
    stack.wait("s.pinned && s.pinned.source")
    pinned = stack.get("pinned")
    k = pinned["voxel"][0]
    assert pinned["source"]["file"] == f"ct-head/IM{k + 1:04d}"
    text = stack.page.locator('[data-panel="probe"]').inner_text()
    assert f"IM{k + 1:04d}" in text
    assert "HU" in text


def test_wheel_and_keys_go_through_slices_and_stop_at_the_ends(stack: Viewer) -> None:
    assert stack.get("slice") == 30
    stack.wheel("stack", 3)
    assert stack.get("slice") == 33
    stack.wheel("stack", -1)
    assert stack.get("slice") == 32
    for key, slice_ in [
        ("ArrowDown", 33),
        ("PageUp", 23),
        ("End", 59),
        ("ArrowDown", 59),
        ("Home", 0),
        ("PageDown", 10),
    ]:
        stack.page.keyboard.press(key)
        stack.settle()
        assert stack.get("slice") == slice_
        assert f"Slice {slice_ + 1} / 60" in stack.page.locator('[data-overlay="stack"]').inner_text()


def test_the_screen_shows_the_window(stack: Viewer) -> None:
    width, height = stack.size("stack")
    for name, center, size in [("Brain", 40, 80), ("Soft tissue", 40, 400), ("Lung", -600, 1500)]:
        stack.page.get_by_label("Window preset", exact=True).select_option(label=name)
        stack.settle()
        assert stack.get("window") == {"center": center, "width": size}
        for x, y in [(0.5, 0.58), (0.4, 0.6), (0.05 + 0.5, 0.3)]:
            value = stack.hover("stack", x * width, y * height)["value"]
            expected = np.clip((value - (center - size / 2)) / size * 255, 0, 255)
            assert stack.gray("stack", x * width, y * height) == pytest.approx(expected, abs=4)


def test_dragging_changes_the_window_and_numbers_can_be_typed(stack: Viewer) -> None:
    before = stack.get("window")
    stack.drag("stack", (300, 300), (400, 300))
    wider = stack.get("window")
    assert wider["width"] > before["width"]
    assert wider["center"] == pytest.approx(before["center"], abs=0.5)
    stack.drag("stack", (300, 300), (300, 400))
    assert stack.get("window")["center"] > wider["center"]
    for label, number in [("Width", "350.5"), ("Center", "-42")]:
        box = stack.page.get_by_role("textbox", name=label, exact=True)
        box.fill(number)
        box.press("Enter")
    assert stack.get("window") == {"center": -42, "width": 350.5}


def test_invert_and_reset(stack: Viewer) -> None:
    width, height = stack.size("stack")
    at = (width * 0.4, height * 0.6)
    plain = stack.gray("stack", *at)
    stack.page.keyboard.press("i")
    stack.settle()
    assert stack.gray("stack", *at) == pytest.approx(255 - plain, abs=3)
    stack.page.get_by_role("button", name="Reset", exact=True).click()
    stack.settle()
    assert stack.get("invert") is False
    assert stack.gray("stack", *at) == pytest.approx(plain, abs=3)


def test_zoom_pan_and_fit(stack: Viewer) -> None:
    width, height = stack.size("stack")
    home = stack.hover("stack", width * 0.4, height * 0.4)["voxel"]
    bar = stack.get("views")["stack"]["mmPerPixel"]
    stack.drag("stack", (300, 400), (300, 300), button="right")
    zoomed = stack.get("views")["stack"]
    assert zoomed["zoom"] != pytest.approx(1, abs=0.05)
    assert zoomed["mmPerPixel"] * zoomed["zoom"] == pytest.approx(bar, rel=1e-6)
    stack.page.keyboard.press("f")
    stack.settle()
    assert stack.get("views")["stack"]["zoom"] == pytest.approx(1)
    stack.tool("Pan")
    stack.drag("stack", (300, 300), (360, 340))
    moved = stack.hover("stack", width * 0.4 + 60, height * 0.4 + 40)["voxel"]
    assert moved == home
    stack.page.get_by_role("button", name="Fit", exact=True).click()
    stack.settle()
    assert stack.hover("stack", width * 0.4, height * 0.4)["voxel"] == home


def test_length_in_millimetres(stack: Viewer) -> None:
    stack.tool("Length")
    stack.drag("stack", (250, 250), (370, 250))
    stack.wait("s.results.length === 1")
    (measured,) = stack.get("measurements")[0]["results"]
    assert measured["unit"] == "mm"
    scale = stack.get("views")["stack"]["mmPerPixel"]
    assert measured["value"] == pytest.approx(120 * scale, abs=1e-6)
    stack.page.get_by_role("button", name="Remove measurement").click()
    stack.wait("s.measurements.length === 0")


def test_rectangle_statistics_agree_with_numpy(stack: Viewer) -> None:
    stack.tool("Rectangle")
    start, end = (300.0, 330.0), (420.0, 430.0)
    stack.drag("stack", start, end)
    stack.wait("s.results.length === 1 && s.results[0].mean !== undefined")
    note = stack.get("measurements")[0]
    voxels = np.asarray(note["voxels"])[:, 1:]
    low, high = np.ceil(voxels.min(0)).astype(int), np.floor(voxels.max(0)).astype(int)
    j, i = (slice(a, b + 1) for a, b in zip(low, high, strict=True))
    region = CT.stored.data[0, note["slice"], j, i].astype(float)
    found = stack.get("results")[0]
    truth = {"mean": region.mean(), "sd": region.std(), "min": region.min(), "max": region.max()}
    assert {name: found[name] for name in truth} == pytest.approx(truth, rel=1e-9)
    scale = stack.get("views")["stack"]["mmPerPixel"]
    assert found["area"] == pytest.approx(120 * 100 * scale**2)
    units = {r["name"]: r["unit"] for r in note["results"]}
    assert (units["area"], units["mean"]) == ("mm2", "HU")


def test_pixels_are_the_unit_where_the_spacing_is_unknown(viewer: Viewer) -> None:
    viewer.open("dx-uncalibrated")
    viewer.tool("Length")
    viewer.drag("stack", (200, 300), (320, 300))
    viewer.wait("s.results.length === 1")
    a = viewer.hover("stack", 200, 200)["voxel"]
    b = viewer.hover("stack", 320, 200)["voxel"]
    measured = viewer.get("measurements")[0]
    assert measured["calibration"] == "none"
    assert measured["results"][0]["unit"] == "px"
    assert measured["results"][0]["value"] == pytest.approx(b[2] - a[2], abs=1)
    assert viewer.page.locator(".scale-bar").count() == 0
    assert "px" in viewer.page.locator('[data-panel="measurements"]').inner_text()


def test_monochrome1_is_dark_where_values_are_high(viewer: Viewer) -> None:
    viewer.open("dx-hand")
    width, height = viewer.size("stack")
    points = [(width / 2, height * 0.7), (width / 2 - 0.3 * height, height * 0.1)]
    values = [viewer.hover("stack", *p)["value"] for p in points]
    grays = [viewer.gray("stack", *p) for p in points]
    assert values[0] < values[1]
    for value, gray in zip(values, grays, strict=True):
        assert gray == pytest.approx(255 - value / 4000 * 255, abs=4)


def test_colour_frames_show_and_play(viewer: Viewer) -> None:
    viewer.open("us-cine")
    width, height = viewer.size("stack")
    probe = viewer.hover("stack", width / 2, height / 2)
    assert probe["value"] == [200, 40, 20]
    shown = viewer.picture("stack")[round(height / 2), round(width / 2)]
    assert np.allclose(shown, [200, 40, 20], atol=4)
    viewer.wheel("stack", 2)
    assert viewer.get("time") == 2
    assert viewer.hover("stack", width / 2, height / 2)["value"] == [200, 50, 20]
    viewer.page.get_by_role("button", name="Play").click()
    viewer.wait("s.playing && s.time > 5")
    viewer.page.keyboard.press("Escape")
    viewer.page.get_by_role("button", name="Pause").click()
    assert viewer.get("playing") is False
    assert viewer.get("frameRate") == 25


def test_slices_without_a_place_are_shown_one_by_one(viewer: Viewer) -> None:
    viewer.open("ct-loc")
    width, height = viewer.size("stack")
    for slice_, value in [(1, 200), (2, 300)]:
        assert viewer.get("slice") == slice_
        probe = viewer.hover("stack", width / 2, height / 2)
        assert (probe["value"], probe["patientMm"]) == (value, None)
        viewer.wheel("stack", 1)
    assert viewer.get("views")["stack"]["letters"] is None
    assert viewer.page.get_by_role("button", name="Planes and 3D").is_disabled()
