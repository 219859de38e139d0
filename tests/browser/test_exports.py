"""Key images, pictures, volumes, movies, keys, colors and names of controls, on the real server."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

import medvox as mv
from browser.conftest import open_folder, opened, stop
from browser.driver import Viewer
from browser.test_notes import choose, saved
from medvox.testing import dicom_builder as build

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Download

SHAPE = (12, 64, 64)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CT of a bright ball; the number of a slice is its background."""
    made = tmp_path_factory.mktemp("ball")
    k, j, i = np.indices(SHAPE)
    ball = (j - 31.5) ** 2 + (i - 31.5) ** 2 < 15**2
    pixels = np.where(ball, 1000, 10 * k).astype(np.int16)
    build.save(build.stack(pixels, spacing_mm=(3, 1, 1), modality="CT"), made)
    return made


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user's data folder."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def address(folder: Path, data: Path) -> Iterator[str]:
    """Address of `medvox open` on the folder."""
    with opened(folder, data) as found:
        yield found


@pytest.fixture
def page(chromium: Browser, address: str, data: Path) -> Iterator[Viewer]:
    """The stored slices of that CT, nothing saved yet."""
    for file in data.rglob("*.json"):
        file.unlink()
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, accept_downloads=True)
    viewer = Viewer(context.new_page())
    refused: list[str] = []
    viewer.page.on("console", lambda m: refused.append(m.text) if m.type == "error" else None)
    viewer.page.on("pageerror", lambda error: refused.append(str(error)))
    viewer.page.goto(address)
    viewer.wait_loaded()
    viewer.layout("stack")
    yield viewer
    context.close()
    assert refused == []


def export(page: Viewer, item: str) -> Download:
    """Choose an export and return what comes."""
    page.page.get_by_role("button", name="Key images and export").click()
    with page.page.expect_download() as coming:
        page.page.get_by_role("menuitem", name=item).click()
    return coming.value


def content(download: Download) -> bytes:
    return Path(download.path()).read_bytes()


def test_key_images_are_marked_shown_and_taken_along(page: Viewer, data: Path) -> None:
    choose(page, "Length")
    page.drag("stack", (300, 300), (400, 300))
    page.page.keyboard.press("k")
    page.wheel("stack", 3)
    page.page.keyboard.press("k")
    page.wait("s.measurements.filter(m => m.kind === 'key-image' && m.revision > 0).length === 2")
    assert [n["slice"] for n in saved(data)["notes"] if n["kind"] == "key-image"] == [6, 9]
    page.page.get_by_role("button", name="Key images and export").click()
    page.page.get_by_role("menuitem", name="Key images … (2)").click()
    cards = page.page.locator("[data-key-image]")
    cards.nth(1).locator("img").wait_for()
    length = page.get("results")[0]["length"]
    assert f"{length:.4g} mm" in cards.nth(0).inner_text()
    assert page.page.get_by_role("textbox", name="Note – Slice 7").count() == 1
    button = page.page.get_by_role("button", name="PDF page")
    button.wait_for()
    page.page.wait_for_timeout(600)
    with page.page.expect_download() as coming:
        button.click()
    pdf = content(coming.value)
    assert pdf.startswith(b"%PDF-1.4")
    assert pdf.count(b"/Type /Page ") == 2
    assert f"({length:.4g} mm)".encode() in pdf
    start = int(re.search(rb"startxref\n(\d+)", pdf).group(1))  # type: ignore[union-attr]
    assert pdf[start:].startswith(b"xref\n0 11\n")
    jpeg = pdf[pdf.index(b"\xff\xd8\xff") :]
    shown = np.asarray(Image.open(io.BytesIO(jpeg)).convert("L"))
    assert shown.std() > 20
    with page.page.expect_download() as coming:
        cards.nth(0).get_by_role("button", name="PNG").click()
    assert Image.open(io.BytesIO(content(coming.value))).size[0] > 300
    assert page.get("slice") == 9


def test_a_picture_holds_the_view_and_its_notes(page: Viewer) -> None:
    choose(page, "Rectangle")
    page.drag("stack", (300, 300), (400, 400))
    page.wait("s.results.length === 1")
    picture = np.asarray(Image.open(io.BytesIO(content(export(page, "Save the view as PNG")))).convert("RGB"))
    width, height = page.size("stack")
    scale = picture.shape[1] / width
    middle = picture[int(height * scale / 2), int(width * scale / 2)]
    assert middle.min() > 250
    teal = (np.abs(picture.astype(int) - (0x5E, 0xEA, 0xD4)).max(2) < 60).sum()
    assert teal > 200


def test_a_volume_is_saved_in_another_format(page: Viewer, folder: Path, tmp_path: Path) -> None:
    page.page.get_by_role("button", name="Key images and export").click()
    select = page.page.get_by_role("combobox", name="Save the volume as …")
    page.page.wait_for_timeout(500)
    with page.page.expect_download() as coming:
        select.select_option(".nii.gz")
    target = tmp_path / "out.nii.gz"
    coming.value.save_as(target)
    made, source = mv.read(target), mv.read(folder)
    assert made.grid.is_close(source.grid)
    assert (made.values() == source.values()).all()


def test_a_movie_shows_all_slices_in_the_window_of_the_view(page: Viewer) -> None:
    for label, number in [("Width", "200"), ("Center", "100")]:
        box = page.page.get_by_role("textbox", name=label, exact=True)
        box.fill(number)
        box.press("Enter")
    movie = Image.open(io.BytesIO(content(export(page, "Save the cine as GIF"))))
    assert movie.n_frames == SHAPE[0]
    for k in range(SHAPE[0]):
        movie.seek(k)
        pixels = np.asarray(movie.convert("L"))
        # PS3.3 C.11.2.1.2.1: ((x - (c - .5)) / (w - 1) + .5) of 255
        assert pixels[2, 2] == pytest.approx(((10 * k - 99.5) / 199 + 0.5) * 255, abs=1.5)
        assert pixels[32, 32] == 255


def test_tables_are_copied_and_saved(page: Viewer) -> None:
    choose(page, "Ellipse")
    page.drag("stack", (300, 300), (400, 400))
    page.wait("s.results.length === 1 && s.measurements[0].revision > 0")
    with page.page.expect_download() as coming:
        page.page.get_by_role("button", name="Save as CSV").click()
    rows = content(coming.value).decode().split("\r\n")
    named = {row.split(",")[2]: float(row.split(",")[3]) for row in rows[1:]}
    assert rows[0].startswith("name,kind,quantity,value,unit,calibration")
    assert named == page.get("results")[0]
    with page.page.expect_download() as coming:
        page.page.get_by_role("button", name="Save as JSON").click()
    assert json.loads(content(coming.value))["notes"] == page.get("measurements")
    page.page.get_by_role("button", name="Copy as table").click()
    page.page.get_by_role("button", name="Copied").wait_for()


def test_keys_are_changed_and_stay_changed(page: Viewer, data: Path) -> None:
    page.page.keyboard.press("?")
    row = page.page.locator('[data-command="invert"]')
    row.click()
    page.page.keyboard.press("x")
    page.page.get_by_role("button", name="Close help").click()
    page.page.wait_for_timeout(300)
    assert json.loads((data / "preferences.json").read_text("utf-8"))["keys"] == {
        "invert": "x", "straighten": ""  # a key belongs to one command
    }  # fmt: skip
    page.page.reload()
    page.wait_loaded()
    page.wait("s.preferences.keys.invert === 'x'")
    page.page.keyboard.press("i")
    assert page.get("invert") is False
    page.page.keyboard.press("x")
    assert page.get("invert") is True


NAMELESS = """() => [...document.querySelectorAll('button, input, select, textarea, a[href], [role=slider]')]
  .filter(e => e.offsetParent !== null && !(e.getAttribute('aria-label') || e.labels?.length || e.title
    || e.innerText?.trim() || e.getAttribute('aria-labelledby') || e.placeholder))
  .map(e => e.outerHTML.slice(0, 200))"""
CONTRASTS = """() => { const lum = c => { const f = c.map(v => { v /= 255;
    return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4 });
    return .2126*f[0] + .7152*f[1] + .0722*f[2] };
  const rgb = t => (t.match(/[\\d.]+/g) || []).map(Number);
  const ground = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
    if (c.length === 3 || c[3] > .99) return c.slice(0, 3) } return [0, 0, 0] };
  const out = [];
  for (const e of document.querySelectorAll('.panel *, .list *, .foot *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || e.offsetParent === null || e.closest(':disabled') || e.tagName === 'OPTION') continue;
    const [a, b] = [lum(rgb(getComputedStyle(e).color).slice(0, 3)), lum(ground(e))];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    out.push([ratio, e.innerText.slice(0, 40)]) }
  return out.sort((x, y) => x[0] - y[0]).slice(0, 8) }"""


@pytest.mark.parametrize("colors", ["dark", "light"])
def test_every_control_has_a_name_and_texts_stand_out(page: Viewer, colors: str) -> None:
    choose(page, "Ellipse")
    page.drag("stack", (300, 300), (400, 400))
    page.wait("s.results.length === 1")
    page.page.keyboard.press("?")
    page.page.get_by_label("Colors").select_option(colors)
    assert page.page.evaluate(NAMELESS) == []
    page.page.get_by_role("button", name="Close help").click()
    page.page.wait_for_timeout(400)
    worst = page.page.evaluate(CONTRASTS)
    assert worst[0][0] >= 4.5, worst
    ground = page.page.evaluate("getComputedStyle(document.querySelector('.panel')).backgroundColor")
    bright = sum(map(int, re.findall(r"\d+", ground)[:3])) > 382
    assert bright is (colors == "light")


def test_nothing_is_lost_while_the_server_is_gone(chromium: Browser, folder: Path, tmp_path: Path) -> None:
    process, address = open_folder(folder, tmp_path)
    port = int(re.search(r":(\d+)/", address).group(1))  # type: ignore[union-attr]
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    page = Viewer(context.new_page())
    page.page.goto(address)
    page.wait_loaded()
    page.layout("stack")
    choose(page, "Length")
    stop(process)
    page.drag("stack", (300, 300), (400, 300))
    page.wait("s.notes.saving.state === 'waiting'")
    told = page.page.locator("[data-saving=waiting]")
    assert "1 not saved: The server does not answer" in told.inner_text()
    assert "Do not close this page" in told.inner_text()
    page.drag("stack", (300, 400), (400, 400))
    process, address = open_folder(folder, tmp_path, port)
    other = context.new_page()
    other.goto(address)  # the new token, as the user opens the new address
    page.page.get_by_role("button", name="Try now").click()
    page.wait("s.notes.saving.state === 'saved' && s.measurements.every(m => m.revision > 0)")
    assert len(saved(tmp_path)["notes"]) == 2
    context.close()
    stop(process)
