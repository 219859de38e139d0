"""OHIF, as npm has it, on a site of its own before `medvox serve`: it lists and shows a study."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pytest
from benchmarks.nodes import ohif, phantom
from benchmarks.nodes.browser import PROBE, wait_until_still
from benchmarks.nodes.server import free_port
from benchmarks.nodes.servers import ours
from benchmarks.nodes.viewers import CLI

from medvox.testing.dicom_builder import uid

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

STUDY = str(uid(phantom.STUDY))
SLICES, SIDE = 40, 128


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, str]]:
    """OHIF's address, the node's, and a token that may read."""
    if ohif.package() is None:
        pytest.skip(ohif.ABSENT)
    folder = tmp_path_factory.mktemp("ohif")
    files, store = folder / "files", folder / "store"
    files.mkdir()
    phantom.write(files, SLICES, SIDE, 2.24)  # as long as wide
    subprocess.run([*CLI, "serve", "import", files, "--store", store], check=True, capture_output=True)
    words = [*CLI, "serve", "token", "create", "ohif", "--store", store]
    token = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()[-1]
    with ohif.served() as (address, place):
        server = ours(store, f'http_origins = "{address}"\n', free_port())
        place["root"] = f"{server.web}/dicomweb"
        place["wado"] = f"{server.web}/dicomweb/wado"
        yield address, server.web, token
        server.stop()


@contextmanager
def opened(chromium: Browser, node: str, address: str) -> Iterator[Page]:
    """A page of OHIF; at the end nothing that it asked of the node may have been refused."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.add_init_script(PROBE)
    refused: list[str] = []
    asked: list[str] = []
    page.on("response", lambda one: asked.append(one.url) if one.url.startswith(node) else None)
    page.on(
        "response",
        lambda one: (
            refused.append(f"{one.status} {one.url}")
            if one.url.startswith(node) and one.status >= 400
            else None
        ),
    )
    page.on(
        "requestfailed",
        lambda one: (
            refused.append(f"{one.failure} {one.url}")
            if one.url.startswith(node) and "ERR_ABORTED" not in (one.failure or "")
            else None
        ),
    )
    page.goto(address)
    yield page
    context.close()
    assert asked
    assert refused == []


READ = """(number) => {
  const canvas = document.querySelectorAll('canvas.cornerstone-canvas')[number];
  const { width, height } = canvas;
  const copy = new OffscreenCanvas(width, height).getContext('2d');
  copy.drawImage(canvas, 0, 0);
  const at = [0.3 * width, 0.4 * height, 0.4 * width, 0.2 * height].map(Math.round);
  return [...copy.getImageData(...at).data].filter((_, n) => n % 4 === 0);
}"""


def canvas(page: Page, number: int = 0) -> np.ndarray:
    """Gray levels of the middle of a canvas."""
    return np.asarray(page.evaluate(READ, number), float)


def test_the_list_has_the_study(chromium: Browser, site: tuple[str, str, str]) -> None:
    address, node, token = site
    with opened(chromium, node, f"{address}/?token={token}") as page:
        row = page.get_by_text("Bench, Viewer").first
        row.wait_for(timeout=60_000)
        text = page.locator("body").inner_text()
        assert "Checkerboard" in text
        assert token not in page.url


def test_the_study_is_shown_with_its_values(chromium: Browser, site: tuple[str, str, str]) -> None:
    address, node, token = site
    with opened(chromium, node, f"{address}/viewer?StudyInstanceUIDs={STUDY}&token={token}") as page:
        wait_until_still(page, 1)
        levels = canvas(page)
        # window 40/400: -60 HU is a quarter of white, 140 HU three quarters; the noise is 12 HU
        for value in (-60, 140):
            expected = (value - 40 + 200) / 400 * 255
            near = np.abs(levels - expected) < 25
            assert 0.25 < near.mean() < 0.75
            assert np.median(levels[near]) == pytest.approx(expected, abs=6)


def test_planes_are_shown(chromium: Browser, site: tuple[str, str, str]) -> None:
    address, node, token = site
    mpr = f"{address}/viewer?StudyInstanceUIDs={STUDY}&hangingprotocolId=mpr&token={token}"
    with opened(chromium, node, mpr) as page:
        wait_until_still(page, 3)
        for number in range(3):
            levels = canvas(page, number)
            assert (np.abs(levels - 64) < 40).mean() > 0.1
            assert (np.abs(levels - 191) < 40).mean() > 0.1


def test_without_a_token_nothing_is_shown(chromium: Browser, site: tuple[str, str, str]) -> None:
    address, node, _ = site
    context = chromium.new_context()
    page = context.new_page()
    with page.expect_response(lambda one: one.url.startswith(f"{node}/dicomweb/studies")) as answer:
        page.goto(address)
    assert answer.value.status == 401
    page.wait_for_timeout(1000)
    assert "Bench, Viewer" not in page.locator("body").inner_text()
    context.close()
