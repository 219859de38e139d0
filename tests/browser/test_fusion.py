"""Layers over an image, turned planes and slabs: values and pixels against the fields that were written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from browser.conftest import opened
from browser.driver import Viewer
from browser.looking import CT_ORIGIN, CT_SPACING, hounsfield, rotate, uptake, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

WINDOW = {"center": 0.0, "width": 600.0}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of `medvox open` on the built patient, with an own data folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDVOX_DATA_FOLDER", str(tmp_path_factory.mktemp("own")))
        with opened(write(tmp_path_factory.mktemp("patient"))) as found:
            yield found


@pytest.fixture
def page(chromium: Browser, address: str) -> Iterator[Viewer]:
    """The page with the CT opened and the PET over it, the window set."""
    context = chromium.new_context(viewport={"width": 1180, "height": 760})
    viewer = Viewer(context.new_page())
    errors: list[str] = []
    viewer.page.on("pageerror", lambda error: errors.append(str(error)))
    viewer.page.goto(address)
    viewer.wait("s.studies === undefined && s.info")
    image = viewer.page.locator("[data-image]", has_text="CT now").get_attribute("data-image")
    if viewer.get("imageId") != image:
        viewer.open(str(image))
    viewer.wait_loaded(image)
    viewer.wait("s.look.overlays.length === 1 && Object.keys(s.others).length === 1")
    for label, number in [("Width", WINDOW["width"]), ("Center", WINDOW["center"])]:
        box = viewer.page.get_by_role("textbox", name=label, exact=True)
        box.fill(str(number))
        box.press("Enter")
    viewer.page.wait_for_timeout(1200)
    yield viewer
    context.close()
    assert errors == []


def gray(value: float) -> float:
    return float(np.clip((value - WINDOW["center"]) / WINDOW["width"] + 0.5, 0, 1) * 255)


def set_look(page: Viewer, **parts: object) -> None:
    """Change the look through the address, as a link does."""
    import json
    from urllib.parse import quote

    state = page.state()
    look = {**{k: v for k, v in state["look"].items() if k in ("overlays", "rotation", "slab")}, **parts}
    hash_ = f"image={state['imageId']}&layout=mpr&window={WINDOW['center']},{WINDOW['width']}"
    cursor = ",".join(map(str, state["cursor"]))
    page.page.evaluate(
        "h => { location.hash = h }", f"{hash_}&cursor={cursor}&look={quote(json.dumps(look))}"
    )
    page.page.wait_for_timeout(300)
    page.wait_loaded(state["imageId"])
    page.page.wait_for_timeout(1500)


def place(page: Viewer, view: str, x: float, y: float) -> np.ndarray:
    """LPS mm under a pixel of an unturned plane, from crosshair and scale alone."""
    info, cursor = page.get("views")[view], np.asarray(page.get("cursor"))
    dx, dy = (x - info["cross"][0]) * info["mmPerPixel"], (y - info["cross"][1]) * info["mmPerPixel"]
    right, down = {
        "axial": ((1, 0, 0), (0, 1, 0)),
        "coronal": ((1, 0, 0), (0, 0, -1)),
        "sagittal": ((0, 1, 0), (0, 0, -1)),
    }[view]
    return cursor + dx * np.asarray(right, float) + dy * np.asarray(down, float)


def test_pet_lies_over_ct_by_the_rule_and_both_are_probed(page: Viewer) -> None:
    layer = page.get("look")["overlays"][0]
    assert (layer["opacity"], layer["colormap"], layer["kind"]) == (0.6, "hot", "image")
    for view in ("axial", "coronal", "sagittal"):
        width, height = page.size(view)
        for x, y in [(0.4, 0.45), (0.58, 0.6)]:
            probe = page.hover(view, x * width, y * height)
            found = next(iter(page.get("layerValues").values()))
            at = np.asarray(probe["patientMm"])
            assert probe["value"] == np.rint(hounsfield(at))
            # The nearest PET voxel: no more than half a voxel away along the field.
            assert found["value"] == pytest.approx(uptake(at), abs=0.07 * 2 + 0.01)
            assert found["unit"] == "SUVbw"
    assert "SUVbw" in page.page.locator("[data-reading]").inner_text()


def test_the_screen_blends_both_where_the_layer_is_above_its_threshold(page: Viewer) -> None:
    layer = page.get("look")["overlays"][0]
    set_look(page, overlays=[{**layer, "opacity": 0.5, "range": [0, 10], "threshold": 5}])
    seen = {"over": 0, "clear": 0}
    for view, y in [("axial", 0.3), ("axial", 0.72), ("coronal", 0.4)]:
        width, height = page.size(view)
        picture = page.picture(view)
        for x in (0.3, 0.42, 0.6, 0.7):
            at = place(page, view, x * width, y * height)
            shown = picture[round(y * height) - 1 : round(y * height) + 2, round(x * width)].mean(axis=0)
            base, value = gray(hounsfield(at)), uptake(at)
            if value > 5.1:
                # hot: red rises to the middle, green from there on (0.5 at three quarters).
                share = value / 10
                hot = 255 * np.array([min(1, 2 * share), np.interp(share, [0.5, 0.75, 1], [0, 0.5, 1]), 0])
                hot[2] = 255 * np.interp(share, [0.75, 1], [0, 1])
                assert shown == pytest.approx(0.5 * base + 0.5 * hot, abs=9), (view, x, y)
                seen["over"] += 1
            elif value < 4.9:
                assert shown == pytest.approx([base] * 3, abs=7), (view, x, y)
                seen["clear"] += 1
    assert min(seen.values()) >= 3


def test_a_layer_is_hidden_changed_and_removed_by_its_controls(page: Viewer) -> None:
    width, height = page.size("axial")
    at = (round(0.62 * height), round(0.68 * width))
    colored = page.picture("axial")[at].astype(int)
    assert colored[0] - colored[2] > 40
    page.page.get_by_role("button", name="Hide PET now").click()
    page.page.wait_for_timeout(800)
    plain = page.picture("axial")[at].astype(int)
    assert abs(plain[0] - plain[2]) <= 2
    page.page.get_by_role("button", name="Show PET now").click()
    page.page.get_by_label("Colors of PET now").select_option("gray")
    page.page.wait_for_timeout(800)
    assert page.get("look")["overlays"][0]["colormap"] == "gray"
    grays = page.picture("axial")[at].astype(int)
    assert abs(grays[0] - grays[2]) <= 2
    page.page.get_by_role("button", name="Remove layer PET now").click()
    assert page.get("look")["overlays"] == []
    page.page.get_by_label("Lay over the image").select_option(label="PT PET now")
    page.wait("s.look.overlays.length === 1")


def test_the_link_brings_layers_turned_planes_and_slab_back(page: Viewer) -> None:
    layer = page.get("look")["overlays"][0]
    q = [0.0, 0.0, float(np.sin(0.3)), float(np.cos(0.3))]
    set_look(page, overlays=[{**layer, "opacity": 0.35}], rotation=q, slab={"mode": "max", "thicknessMm": 20})
    page.page.wait_for_timeout(500)
    before = page.get("look")
    page.page.reload()
    page.wait_loaded()
    page.wait("Object.keys(s.others).length === 1")
    after = page.get("look")
    assert after["overlays"] == before["overlays"]
    assert after["rotation"] == pytest.approx(q, abs=1e-6)
    assert after["slab"] == {"mode": "max", "thicknessMm": 20}


def test_dragging_a_handle_turns_the_other_planes_and_they_show_true_values(page: Viewer) -> None:
    set_look(page, overlays=[])
    page.tool("Crosshair")
    page.page.wait_for_timeout(500)
    cross = page.get("views")["axial"]["cross"]
    handle = page.page.locator('[data-handle="coronal"]').first.bounding_box()
    assert handle
    start = (handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    middle = page.point("axial", *cross)
    angle = np.radians(30)
    dx, dy = start[0] - middle[0], start[1] - middle[1]
    end = (
        middle[0] + dx * np.cos(angle) - dy * np.sin(angle),
        middle[1] + dx * np.sin(angle) + dy * np.cos(angle),
    )
    page.page.mouse.move(*start)
    page.page.mouse.down()
    page.page.mouse.move(*((np.asarray(start) + end) / 2))
    page.page.mouse.move(*end)
    page.page.mouse.up()
    page.page.wait_for_timeout(1200)
    q = page.get("look")["rotation"]
    # A turn to the right on the axial picture is one from left to posterior: positive about z in LPS.
    assert rotate(q, (1, 0, 0)) == pytest.approx([np.cos(angle), np.sin(angle), 0], abs=0.03)
    normal = rotate(q, (0, -1, 0))
    right = np.cross((0, 0, 1), normal)
    info, cursor = page.get("views")["coronal"], np.asarray(page.get("cursor"))
    assert info["letters"]["right"] == "LP"
    picture = page.picture("coronal")
    for dx, dy in [(-40, -30), (35, 25), (50, -20)]:
        x, y = info["cross"][0] + dx, info["cross"][1] + dy
        at = cursor + info["mmPerPixel"] * (dx * right + dy * np.array([0, 0, -1.0]))
        shown = picture[round(y), round(x)].mean()
        assert shown == pytest.approx(gray(hounsfield(at)), abs=6)
        probe = page.hover("coronal", x, y)
        assert np.abs(np.asarray(probe["patientMm"]) - at).max() < max(CT_SPACING)
    page.page.keyboard.press("x")
    page.settle()
    assert page.get("look")["rotation"] is None


@pytest.mark.parametrize("mode", ["max", "min", "mean"])
def test_a_slab_projects_its_thickness(page: Viewer, mode: str) -> None:
    thickness = 24.0
    set_look(page, overlays=[], slab={"mode": mode, "thicknessMm": thickness})
    # Along z the field rises by 3 a mm.
    added = {"max": 3 * thickness / 2, "min": -3 * thickness / 2, "mean": 0}[mode]
    width, height = page.size("axial")
    picture = page.picture("axial")
    for x, y in [(0.4, 0.4), (0.55, 0.6), (0.6, 0.45)]:
        value = hounsfield(place(page, "axial", x * width, y * height)) + added
        assert picture[round(y * height), round(x * width)].mean() == pytest.approx(gray(value), abs=8)


def test_the_curved_reformat_shows_the_values_along_its_path(page: Viewer) -> None:
    y, z = 3.0, 1.25
    path = [[-40.0, y, z], [40.0, y, z]]
    set_look(page, overlays=[], curve={"points": path, "normal": [0, 0, 1]})
    page.page.wait_for_timeout(1000)
    read = """() => { const c = document.querySelector('.curved canvas');
        const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
        return [c.width, c.height, [...d]]; }"""
    width, height, data = page.page.evaluate(read)
    pixels = np.asarray(data, float).reshape(height, width, 4)
    step, half = min(CT_SPACING), 20
    assert (width, height) == (41, 2 * half + 1)
    for column in (0, 13, 40):
        for row in (8, half, 31):
            at = np.array([-40 + column * step, y, z + (half - row) * step])
            assert pixels[row, column, 0] == pytest.approx(gray(hounsfield(at)), abs=1.5)
    assert CT_ORIGIN[0] < -40
