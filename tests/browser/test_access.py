"""Keyboard, names of controls, help, browsers without WebGL2."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from browser.conftest import CHROMIUM, FLAGS
from browser.driver import Viewer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Playwright

NAMELESS = """() => [...document.querySelectorAll('button, input, select, [role=slider]')]
  .filter(e => e.offsetParent && !(e.getAttribute('aria-label') || e.textContent.trim()
    || e.title || e.labels?.length || e.getAttribute('aria-labelledby')))
  .map(e => e.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("image", ["ct-head", "us-cine"])
def test_every_control_has_a_name(viewer: Viewer, image: str) -> None:
    viewer.open(image)
    assert viewer.page.locator("button").count() > 15
    assert viewer.page.evaluate(NAMELESS) == []


def test_tab_reaches_list_tools_and_views(viewer: Viewer) -> None:
    viewer.wait_loaded("ct-head")
    reached = set()
    for _ in range(60):
        viewer.page.keyboard.press("Tab")
        reached.add(
            viewer.page.evaluate(
                "document.activeElement.getAttribute('aria-label') || document.activeElement.textContent"
            )
        )
    for name in ("Length", "Invert", "Axial plane", "3D view", "Width", "Path on the server to open"):
        assert name in reached or any(name in str(text) for text in reached), name


def test_keys_choose_tools_layouts_and_help(viewer: Viewer) -> None:
    viewer.wait_loaded("ct-head")
    for key, tool in [
        ("c", "crosshair"),
        ("l", "length"),
        ("t", "rectangle"),
        ("p", "probe"),
        ("w", "window"),
    ]:
        viewer.page.keyboard.press(key)
        assert viewer.get("tool") == tool
    viewer.page.keyboard.press("?")
    viewer.page.get_by_role("dialog").get_by_text("hide patient data").wait_for()
    viewer.page.keyboard.press("Escape")
    viewer.page.get_by_role("dialog").wait_for(state="hidden")
    viewer.page.keyboard.press("1")
    viewer.wait("s.layout === 'stack' && s.shown")
    viewer.page.keyboard.press("+")
    viewer.settle()
    assert viewer.get("views")["stack"]["zoom"] == pytest.approx(1.25, rel=1e-3)


def test_typing_into_a_field_is_no_command(viewer: Viewer) -> None:
    viewer.wait_loaded("ct-head")
    viewer.page.get_by_label("Path on the server to open").press_sequentially("/hi")
    assert viewer.get("hidePatient") is False
    assert viewer.get("invert") is False


def test_the_header_stands_beside_the_image_and_follows_the_slice(viewer: Viewer) -> None:
    viewer.wait_loaded("ct-head")
    viewer.layout("stack")
    viewer.page.keyboard.press("d")
    panel = viewer.page.get_by_label("Header", exact=True)
    number = panel.locator('tr[data-tag="(0020,0013)"] td').nth(1)
    number.get_by_text(str(viewer.get("slice") + 1), exact=True).wait_for()
    viewer.page.keyboard.press("Home")
    number.get_by_text("1", exact=True).wait_for()
    assert panel.locator("[data-header-file]").inner_text().endswith("IM0001")
    panel.get_by_label("Close the header").click()
    assert viewer.get("header") is False


def test_the_header_is_searched_folded_marked_and_hidden(viewer: Viewer) -> None:
    viewer.wait_loaded("ct-head")
    viewer.page.get_by_role("button", name="Header", exact=True).click()
    panel = viewer.page.get_by_label("Header", exact=True)
    rows = panel.locator("tbody tr")
    panel.get_by_text("DOE^JANE").wait_for()
    assert rows.count() == 8
    panel.get_by_label("Fold Other Patient IDs Sequence").click()
    assert rows.count() == 6
    panel.get_by_label("Search the header").fill("mv-0002")
    assert rows.count() == 3  # with the sequence and the item that it lies in
    panel.get_by_label("Search the header").fill("")
    panel.get_by_label("Which elements").select_option("private")
    assert rows.all_inner_texts()[0].split() == [
        "Private",
        "Creator",
        "(0043,0010)",
        "LO",
        "GEMS_PARM_01",
        "GE:",
        "parameters",
    ]
    panel.get_by_label("Which elements").select_option("identifying")
    assert panel.locator(".chip.identifying").count() == 3
    viewer.page.get_by_role("button", name="Hide patient data").click()
    panel.get_by_text("hidden").first.wait_for()
    assert "DOE" not in panel.inner_text()


@pytest.fixture
def without_webgl(playwright: Playwright, viewer_url: str) -> Iterator[Viewer]:
    """Chromium with WebGL turned off."""
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, "--disable-3d-apis"])
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(viewer_url)
    viewer = Viewer(page)
    viewer.wait("true")
    yield viewer
    browser.close()


def test_without_webgl_the_page_says_so_and_the_server_renders(without_webgl: Viewer) -> None:
    viewer = without_webgl
    viewer.page.locator('[data-notice="webgl2"]').wait_for()
    picture = viewer.page.locator(".server-render img")
    assert picture.evaluate("e => e.decode().then(() => e.naturalWidth)") > 0
    before = picture.get_attribute("src")
    viewer.page.get_by_role("button", name="Turn left").click()
    assert picture.get_attribute("src") != before


def test_without_webgl_stored_slices_still_work(without_webgl: Viewer) -> None:
    viewer = without_webgl
    viewer.wait("s.info !== null")
    viewer.page.get_by_role("button", name="Stored slices", exact=True).click()
    viewer.wait("s.layout === 'stack' && s.shown && s.loading.fraction >= 1")
    viewer.settle()
    width, height = viewer.size("stack")
    probe = viewer.hover("stack", width * 0.4, height * 0.6)
    assert probe["value"] > 0
    assert viewer.gray("stack", width * 0.4, height * 0.6) == pytest.approx(probe["value"] / 80 * 255, abs=5)
    viewer.wheel("stack", 2)
    assert viewer.get("slice") == 32
