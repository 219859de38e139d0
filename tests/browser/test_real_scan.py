"""The real server and a tilted head CT, real and built: what the page reads, against headers and pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest

from browser.conftest import opened
from browser.driver import Viewer
from data import data_dir
from medvox.testing import dicom_builder as build

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser


def built_head(folder: Path) -> Path:
    """The twin of the real scan: a bright shell around a soft ball, tilted and unevenly spaced."""
    depths = np.array([0, 5, 10, 15, 20, 27, 34, 41, 48, 55], float)
    j, i = np.indices((96, 96)) - 47.5
    radii = [np.sqrt(j**2 + i**2 + (depth - 27) ** 2) for depth in depths]
    slices = np.stack([np.select([r < 32, r < 38], [40 + j, 900], -1000) for r in radii])
    places = [(-47.5, -47.5 - 0.33 * depth, depth) for depth in depths]
    values = {"modality": "CT", "RescaleSlope": 1, "RescaleIntercept": -24}
    build.save(build.stack(slices.astype(np.int16), positions_mm=places, **values), folder)
    return folder


@pytest.fixture(scope="module", params=["built", "ct_head_ge_tilt"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The twin, and 28 slices of a GE head CT, tilted by 18.5 degrees, unevenly spaced."""
    if request.param == "built":
        return built_head(tmp_path_factory.mktemp("head"))
    return data_dir(request.param)


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """Address of `medvox open` on the folder."""
    with opened(folder) as found:
        yield found


@pytest.fixture
def page(chromium: Browser, address: str) -> Iterator[Viewer]:
    """The page of that server, with the scan opened."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    viewer = Viewer(context.new_page())
    refused: list[str] = []
    viewer.page.on("console", lambda m: refused.append(m.text) if m.type == "error" else None)
    viewer.page.goto(address)
    viewer.wait_loaded()
    yield viewer
    context.close()
    assert refused == []


def test_clicked_values_and_places_are_those_of_the_files(page: Viewer, folder: Path) -> None:
    page.layout("stack")
    page.tool("Probe")
    width, height = page.size("stack")
    for x, y, steps in [(0.5, 0.5, 0), (0.44, 0.4, 3), (0.56, 0.6, -7)]:
        page.wheel("stack", steps)
        page.click("stack", x * width, y * height)
        page.wait("s.pinned && s.pinned.source && s.pinned.voxel[0] === s.slice")
        pinned = page.get("pinned")
        _, j, i = pinned["voxel"]
        dataset = pydicom.dcmread(folder / pinned["source"]["file"])
        assert pinned["source"]["sopInstanceUid"] == dataset.SOPInstanceUID
        stored = int(dataset.pixel_array[j, i])
        assert pinned["storedValue"] == stored
        assert pinned["value"] == stored * dataset.RescaleSlope + dataset.RescaleIntercept
        # PS3.3 C.7.6.2.1.1: position + column index along the row + row index along the column.
        row, column = np.reshape(dataset.ImageOrientationPatient, (2, 3)).astype(float)
        between_rows, between_columns = map(float, dataset.PixelSpacing)
        position = np.asarray(dataset.ImagePositionPatient, float)
        place = position + i * between_columns * row + j * between_rows * column
        assert np.allclose(pinned["patientMm"], place, atol=1e-3)


def test_planes_and_volume_show_a_regular_copy_with_a_badge(page: Viewer) -> None:
    assert page.get("layout") == "mpr"
    badge = page.page.locator("[data-badge]").inner_text().lower()
    assert "tilt" in badge
    assert "regular copy" in badge
    views = page.get("views")
    assert views["axial"]["letters"] == {"left": "R", "right": "L", "top": "A", "bottom": "P"}
    probe = page.hover("axial", *views["axial"]["cross"])
    assert probe["grid"] == "regular"
    assert -50 < probe["value"] < 150
    page.wait("s.views.volume !== undefined")
    page.page.wait_for_timeout(500)
    assert (page.picture("volume").max(axis=2) > 60).mean() > 0.1
    before = page.picture("volume").astype(float)
    width, height = page.size("volume")
    page.drag("volume", (0.4 * width, 0.5 * height), (0.7 * width, 0.4 * height))
    page.page.wait_for_timeout(1500)
    assert np.abs(page.picture("volume") - before).mean() > 1
