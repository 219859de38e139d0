"""Views side by side, hanging rules, cuts in 3D, courses over time, pictures turned: read off the page."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np
import pytest

from browser.conftest import opened
from browser.driver import Viewer
from browser.looking import CT_ORIGIN, PRIOR_ORIGIN, hounsfield, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user's data folder."""
    return tmp_path_factory.mktemp("own")


@pytest.fixture(scope="module")
def address(own: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of `medvox open` on the built patient."""
    with opened(write(tmp_path_factory.mktemp("patient")), own) as found:
        yield found


@pytest.fixture
def page(chromium: Browser, address: str) -> Iterator[Viewer]:
    """The page of that server."""
    context = chromium.new_context(viewport={"width": 1100, "height": 700})
    viewer = Viewer(context.new_page())
    errors: list[str] = []
    viewer.page.on("pageerror", lambda error: errors.append(str(error)))
    viewer.page.goto(address)
    viewer.wait("s.info && s.hanging")
    yield viewer
    context.close()
    assert errors == []


def image(page: Viewer, label: str) -> str:
    """Id of the image of this label in the list."""
    found = page.page.locator("[data-image]", has_text=label).get_attribute("data-image")
    assert found
    return found


def pane(page: Viewer, n: int, x: float, y: float) -> dict[str, object]:
    """Move the pointer to shares of a pane and return what is read there."""
    box = page.page.locator(f'[data-pane="{n}"]').bounding_box()
    assert box
    page.page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
    page.page.wait_for_timeout(400)
    found: dict[str, object] = page.get("probe")
    return found


def table(page: Viewer, *images: str | None, window: bool = False) -> None:
    """Open the CT in a row of panes."""
    panes = [
        {"imageId": i, "plane": "axial", "center": None, "width": None, "offsetMm": 0, "fused": False}
        for i in images
    ]
    linked = {"position": True, "zoom": True, "window": window}
    look = {"table": {"rows": 1, "columns": len(images), "panes": panes, "linked": linked}}
    ct = image(page, "CT now")
    page.page.evaluate(
        "h => { location.hash = h }", f"image={ct}&layout=grid&window=0,600&look={quote(json.dumps(look))}"
    )
    page.wait(f"s.layout === 'grid' && s.info.id === '{ct}' && s.shown")
    page.page.wait_for_timeout(4000)


def test_panes_scroll_together_by_position_also_across_frames_of_reference(page: Viewer) -> None:
    table(page, None, image(page, "PET now"), image(page, "CT then"))
    shift = np.subtract(PRIOR_ORIGIN, CT_ORIGIN)
    first = pane(page, 0, 0.55, 0.52)
    for steps in (0, 3):
        for _ in range(steps):
            page.page.mouse.wheel(0, 100)
            page.page.wait_for_timeout(250)
        now, pet, then = (np.asarray(pane(page, n, 0.55, 0.52)["patientMm"]) for n in range(3))
        assert pet == pytest.approx(now, abs=2.1)
        assert then - shift == pytest.approx(now, abs=2.6)
        assert pane(page, 2, 0.55, 0.52)["value"] == np.rint(hounsfield(then - shift)) + 100
        assert pane(page, 0, 0.55, 0.52)["value"] == np.rint(hounsfield(now))
        pane(page, 0, 0.55, 0.52)
    assert now[2] == pytest.approx(np.asarray(first["patientMm"])[2] + 3 * 2.5)


def test_zoom_and_window_go_together_where_they_are_linked(page: Viewer) -> None:
    table(page, None, image(page, "CT then"), window=True)
    box = page.page.locator('[data-pane="0"]').bounding_box()
    assert box
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.page.mouse.move(*middle)
    page.page.mouse.down(button="right")
    page.page.mouse.move(middle[0], middle[1] - 60, steps=4)
    page.page.mouse.up(button="right")
    page.page.wait_for_timeout(800)
    assert page.get("cameras")["grid"]["zoom"] > 1.3
    shift = np.subtract(PRIOR_ORIGIN, CT_ORIGIN)
    now, then = (np.asarray(pane(page, n, 0.75, 0.6)["patientMm"]) for n in range(2))
    assert then - shift == pytest.approx(now, abs=2.1)
    page.page.mouse.move(*middle)
    page.page.mouse.down()
    page.page.mouse.move(middle[0] + 80, middle[1], steps=4)
    page.page.mouse.up()
    page.page.wait_for_timeout(500)
    width = page.get("window")["width"]
    assert width > 600
    for n in range(2):
        text = page.page.locator(f'[data-pane-overlay="{n}"]').inner_text()
        assert f"W {width:.4g}" in text


def test_the_table_is_chosen_by_its_menu_and_comes_back_from_its_link(page: Viewer) -> None:
    page.page.get_by_role("button", name="Compare", exact=True).click()
    page.page.get_by_role("menuitem", name="2 × 2").click()
    page.wait("s.layout === 'grid' && s.look.table.panes.length === 4")
    page.page.get_by_label("Image of view 2").select_option(label="PET now · 20240505")
    page.page.get_by_label("Plane of view 3").select_option("coronal")
    page.page.wait_for_timeout(3000)
    letters = page.page.locator('[data-pane-overlay="2"]').inner_text()
    assert "H" in letters.split()
    page.page.reload()
    page.wait("s.layout === 'grid' && s.look.table.panes.length === 4 && s.shown")
    panes = page.get("look")["table"]["panes"]
    assert panes[1]["imageId"] == image(page, "PET now")
    assert panes[2]["plane"] == "coronal"
    page.page.wait_for_timeout(2500)
    assert page.page.locator("[data-pane-overlay]").count() == 4


def test_a_rule_saved_from_the_screen_is_followed_when_such_an_image_is_opened(
    page: Viewer, own: Path
) -> None:
    page.open(image(page, "CT now"))
    page.page.keyboard.press("4")
    page.wait("s.layout === 'three' && s.shown")
    page.page.get_by_label("Window preset", exact=True).select_option(index=1)
    window = page.get("window")
    page.page.get_by_label("Colors of PET now").select_option("ember")
    page.page.get_by_text("When opened", exact=True).click()
    page.page.get_by_role("button", name="Keep for CT of this body part").click()
    page.page.locator("[data-rule]").wait_for()
    rule = tomllib.loads((own / "hanging.toml").read_text())["rule"][0]
    assert (rule["modality"], rule["body_part"], rule["with"], rule["layout"]) == (
        "CT",
        "CHEST",
        "PT",
        "three",
    )
    assert rule["overlay"]["colormap"] == "ember"
    page.page.goto("about:blank")
    page.page.go_back()
    page.page.evaluate("location.hash = ''")
    page.page.reload()
    page.wait("s.info && s.hanging && s.hanging.some(r => r.own)")
    page.open(image(page, "PET now"))
    page.open(image(page, "CT now"))
    page.wait("s.layout === 'three' && s.look.overlays.length === 1")
    assert page.get("window") == window
    assert page.get("look")["overlays"][0]["colormap"] == "ember"
    page.page.get_by_text("When opened", exact=True).click()
    page.page.get_by_role("button", name="Forget").click()
    page.wait("s.hanging.every(r => !r.own)")
    assert tomllib.loads((own / "hanging.toml").read_text()) == {}


def test_cuts_take_their_side_away_stay_while_turning_and_come_back(page: Viewer) -> None:
    ct = image(page, "CT now")
    clip = {"box": None, "plane": {"normal": [1, 0, 0], "origin": [0, 0, 0]}}
    transfer = {"color": [[-400, 1, 1, 1], [400, 1, 1, 1]], "opacity": [[-400, 1], [400, 1]]}
    light = {"shade": False, "ambient": 1, "diffuse": 0, "specular": 0, "power": 1}

    def shown(**parts: object) -> np.ndarray:
        look = quote(json.dumps({"transfer": transfer, "light": light, **parts}))
        page.page.evaluate("h => { location.hash = h }", f"image={ct}&layout=volume&look={look}")
        page.page.wait_for_timeout(500)
        page.wait_loaded(ct)
        page.page.wait_for_timeout(2500)
        return page.picture("volume").mean(axis=2) > 128

    whole, half = shown(), shown(clip=clip)
    columns = np.flatnonzero(whole.any(axis=0))
    middle = int(columns.mean())
    assert half.sum() == pytest.approx(whole.sum() / 2, rel=0.04)
    # From the front, the patient's left, which stays, is at the right of the picture.
    assert half[:, middle + 4 :].sum() > 0.95 * half.sum()
    lower = shown(clip={"box": [[0, 1], [0, 1], [0, 0.25]], "plane": None})
    assert lower.sum() == pytest.approx(whole.sum() / 4, rel=0.06)
    half = shown(clip=clip)
    width, height = page.size("volume")
    page.drag("volume", (width / 2, height / 2), (width / 2 + 1, height / 2))
    page.page.wait_for_timeout(2500)
    assert (page.picture("volume").mean(axis=2) > 128).sum() == pytest.approx(half.sum(), rel=0.05)
    page.page.reload()
    page.wait_loaded(ct)
    page.page.wait_for_timeout(2500)
    again = page.picture("volume").mean(axis=2) > 128
    assert (again != half).mean() < 0.03
    assert page.get("look")["clip"]["plane"]["normal"] == [1, 0, 0]


def test_stored_slices_turn_mirror_and_take_colors(page: Viewer) -> None:
    ct = image(page, "CT now")

    def shown(**parts: object) -> np.ndarray:
        look = quote(json.dumps(parts)) if parts else ""
        page.page.evaluate(
            "h => { location.hash = h }", f"image={ct}&layout=stack&slice=20&window=0,600&look={look}"
        )
        page.page.wait_for_timeout(400)
        page.wait_loaded(ct)
        page.page.wait_for_timeout(1000)
        return page.picture("stack").astype(int)

    plain = shown()
    letters = page.get("views")["stack"]["letters"]
    assert (letters["top"], letters["right"]) == ("A", "L")
    turned = shown(turn={"quarters": 1, "horizontal": False, "vertical": False})
    letters = page.get("views")["stack"]["letters"]
    assert (letters["top"], letters["right"]) == ("R", "A")
    mirrored = shown(turn={"quarters": 0, "horizontal": True, "vertical": False})
    assert page.get("views")["stack"]["letters"]["right"] == "R"
    assert mirrored == pytest.approx(plain[:, ::-1], abs=6)
    y, x = (n // 2 for n in plain.shape[:2])
    assert turned[y, x + 60] == pytest.approx(plain[y - 60, x], abs=6)
    hot = shown(colormap="hot")
    gray = plain[y, x + 80, 0]
    share = gray / 255
    assert hot[y, x + 80, 0] == pytest.approx(255 * min(1, 2 * share), abs=8)
    assert hot[y, x + 80, 1] == pytest.approx(255 * np.interp(share, [0.5, 0.75, 1], [0, 0.5, 1]), abs=8)
    assert page.page.locator("[data-legend=image]").count() == 1
    coarse = shown(smooth=False)
    rows = coarse[y, x - 40 : x + 40, 0]
    assert (np.diff(rows) == 0).mean() > (np.diff(plain[y, x - 40 : x + 40, 0]) == 0).mean()


def test_one_to_one_and_real_size_state_their_scale(page: Viewer) -> None:
    page.open(image(page, "CT now"))
    page.layout("stack")
    page.page.get_by_text("Picture", exact=True).click()
    page.page.get_by_role("button", name="1 : 1 pixels").click()
    page.page.wait_for_timeout(500)
    assert page.get("views")["stack"]["mmPerPixel"] == pytest.approx(2.0, rel=1e-3)
    page.page.get_by_role("button", name="Real size").click()
    page.page.wait_for_timeout(500)
    assert page.get("views")["stack"]["mmPerPixel"] == pytest.approx(25.4 / 96, rel=1e-3)


def test_the_magnifier_shows_what_is_under_the_pointer(page: Viewer) -> None:
    page.open(image(page, "CT now"))
    page.layout("stack")
    width, height = page.size("stack")
    page.page.keyboard.press("Shift+m")
    page.hover("stack", width / 2 + 50, height / 2)
    page.page.wait_for_timeout(400)
    page.hover("stack", width / 2 + 51, height / 2)
    read = """() => { const c = document.querySelector('[data-magnifier]');
        return [...c.getContext('2d').getImageData(95, 95, 1, 1).data]; }"""
    shown = page.page.evaluate(read)[0]
    assert shown == pytest.approx(page.gray("stack", width / 2 + 51, height / 2), abs=6)


def test_the_course_over_time_of_a_sphere_is_that_of_the_file(viewer: Viewer) -> None:
    """The ball of the fake 4D scan brightens by 50 at each time."""
    viewer.open("mr-4d")
    viewer.wait("s.loading.timeFraction >= 1")
    viewer.tool("Probe")
    view = viewer.get("views")["axial"]
    viewer.click("axial", view["cross"][0] + 30 / view["mmPerPixel"], view["cross"][1])
    viewer.wait("s.pinned && s.pinned.source")
    viewer.page.get_by_text("Over time", exact=True).click()
    plot = viewer.page.locator("[data-time-curve]")
    assert json.loads(str(plot.get_attribute("data-time-curve"))) == [300 + 50 * t for t in range(10)]
    box = viewer.page.get_by_role("textbox", name="Radius, mm")
    box.fill("6")
    box.press("Enter")
    viewer.page.wait_for_timeout(300)
    assert int(str(plot.get_attribute("data-voxels"))) > 10
    means = json.loads(str(plot.get_attribute("data-time-curve")))
    assert np.diff(means) == pytest.approx([50] * 9, abs=1)
