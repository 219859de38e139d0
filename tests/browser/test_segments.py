"""Segments over a CT: listed, drawn with their holes on stored slices and planes, jumped to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import medvox as mv
from browser.conftest import opened
from browser.driver import Viewer
from medvox.core.labels import LabelMap, Segment
from medvox.testing import dicom_builder as build
from medvox.workflows.labels import write_labels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

SHAPE = (20, 64, 80)
SPACING = (3.0, 1.0, 0.8)
ORIGIN = (-30.0, -20.0, 50.0)
POINT = """([view, x, y]) => {
  const svg = document.querySelector(`[data-view="${view}"] .segments-layer`);
  const at = new DOMPoint(x, y);
  return [...svg.querySelectorAll('path')].filter((p) => p.isPointInFill(at)).map((p) => p.dataset.segment);
}"""


def voxels() -> np.ndarray:
    """Segment 1 with two holes and an island in one of them; segment 2 apart, on high slices alone."""
    data = np.zeros((1, *SHAPE), np.uint8)
    data[0, 2:12, 8:56, 8:72] = 1
    data[0, 2:12, 12:20, 12:20] = 0
    data[0, 2:12, 26:50, 30:60] = 0
    data[0, 2:12, 34:42, 40:50] = 1
    data[0, 15:18, 4:12, 60:76] = 2
    return data


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of `medvox open` on a CT and a segmentation of it."""
    folder = tmp_path_factory.mktemp("segmented")
    pixels = np.random.default_rng(3).integers(0, 400, SHAPE).astype(np.int16)
    facts = {"modality": "CT", "RescaleSlope": 1, "RescaleIntercept": 0}
    build.save(build.stack(pixels, origin_mm=ORIGIN, spacing_mm=SPACING, **facts), folder / "ct")
    source = mv.read(folder / "ct")
    segments = (Segment(1, "Liver", color=(230, 75, 53)), Segment(2, "Spot", color=(77, 187, 213)))
    write_labels(LabelMap(voxels(), source.grid, segments), folder / "a.seg.dcm", source)
    with opened(folder) as found:
        yield found


@pytest.fixture
def page(chromium: Browser, address: str) -> Iterator[Viewer]:
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    viewer = Viewer(context.new_page())
    refused: list[str] = []
    viewer.page.on("console", lambda m: refused.append(m.text) if m.type == "error" else None)
    viewer.page.on("pageerror", lambda error: refused.append(str(error)))
    viewer.page.goto(address)
    viewer.wait_loaded()
    viewer.wait("s.segments.objects.length === 1")
    yield viewer
    context.close()
    assert refused == []


def rings(page: Viewer, view: str) -> dict[str, int]:
    """Rings of each drawn path by the number of its segment, once they are there."""
    paths = page.view(view).locator(".segments-layer path")
    paths.first.wait_for(state="attached")
    page.settle()
    found = paths.evaluate_all("all => all.map((p) => [p.dataset.segment, p.getAttribute('d')])")
    return {key.rsplit("/", 1)[1]: line.count("M") for key, line in found}


def is_border(voxel: list[int]) -> bool:
    low = [max(0, n - 1) for n in voxel]
    part = voxels()[0][tuple(slice(a, n + 2) for a, n in zip(low, voxel, strict=True))]
    return bool(np.ptp(part))


def agree(page: Viewer, view: str) -> int:
    """Compare what is drawn with the voxels, over a lattice of points away from borders."""
    width, height = page.size(view)
    seen = set()
    for x in np.linspace(width * 0.2, width * 0.8, 6):
        for y in np.linspace(height * 0.2, height * 0.8, 6):
            probe = page.hover(view, x, y)
            if probe is None or is_border(probe["voxel"]):
                continue
            number = int(voxels()[0][tuple(probe["voxel"])])
            drawn = [key.rsplit("/", 1)[1] for key in page.page.evaluate(POINT, [view, x, y])]
            assert drawn == ([str(number - 1)] if number else []), (view, probe["voxel"])
            seen.add(number)
    return len(seen)


def test_segments_are_listed_with_their_volumes(page: Viewer) -> None:
    panel = page.page.locator('[data-panel="segments"]')
    panel.wait_for()
    texts = panel.locator("li").all_inner_texts()
    each = float(np.prod(SPACING)) / 1000
    volumes = [float((voxels() == n).sum()) * each for n in (1, 2)]
    assert [text.split()[0] for text in texts] == ["Liver", "Spot"]
    assert [float(text.split()[1].replace(",", "")) for text in texts] == pytest.approx(volumes, rel=0.01)
    assert all(text.split()[2] == "ml" for text in texts)


def test_stored_slices_show_holes_and_the_island(page: Viewer) -> None:
    page.layout("stack")
    page.page.get_by_role("button", name="Go to Liver").click()
    page.wait("s.slice >= 2 && s.slice < 12")
    assert rings(page, "stack") == {"0": 4}
    assert agree(page, "stack") == 2
    page.page.get_by_role("button", name="Go to Spot").click()
    page.wait("s.slice >= 15 && s.slice < 18")
    page.page.wait_for_timeout(500)
    assert rings(page, "stack") == {"1": 1}


def test_planes_show_what_they_cut(page: Viewer) -> None:
    assert page.get("layout") == "mpr"
    page.page.get_by_role("button", name="Go to Liver").click()
    page.page.wait_for_timeout(500)
    assert rings(page, "axial") == {"0": 4}
    for view in ("axial", "coronal", "sagittal"):
        rings(page, view)
        assert agree(page, view) == 2


def test_segments_can_be_hidden(page: Viewer) -> None:
    page.layout("stack")
    page.page.get_by_role("button", name="Go to Liver").click()
    rings(page, "stack")
    page.page.get_by_role("button", name="Hide – Liver").click()
    page.settle()
    assert page.view("stack").locator(".segments-layer path").count() == 0
    page.page.get_by_role("button", name="Show – Liver").click()
    page.page.get_by_role("slider", name="Opacity of the fill").press("Home")
    path = page.view("stack").locator(".segments-layer path")
    path.wait_for(state="attached")
    page.settle()
    assert path.get_attribute("fill-opacity") == "0"
