"""`medvox open` on DICOM files, in Chromium: planes, 3D, and values checked against the headers."""

from __future__ import annotations

import re
import subprocess
import sys
import urllib.error
import urllib.request
from json import loads
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest

from browser.driver import Viewer
from data import data_root
from medvox.testing import dicom_builder as build

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser


def tilted_head(folder: Path) -> Path:
    """The twin of a tilted, unevenly spaced CT head: a bright shell around a soft ball."""
    depths = np.array([0, 5, 10, 15, 20, 27, 34, 41, 48, 55], float)
    j, i = np.indices((96, 96)) - 47.5
    slices = []
    for depth in depths:
        radius = np.sqrt(j**2 + i**2 + (depth - 27) ** 2)
        values = np.select([radius < 32, radius < 38], [40 + j, 900], -1000)
        slices.append(values.astype(np.int16))
    places = [(-47.5, -47.5 - 0.33 * z, z) for z in depths]
    data = build.stack(np.stack(slices), positions_mm=places, modality="CT")
    build.save(data, folder)
    return folder


@pytest.fixture(scope="module", params=["built", "ct_head_ge_tilt"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tilted CT: one built here, one real."""
    if request.param == "built":
        return tilted_head(tmp_path_factory.mktemp("head"))
    root = data_root()
    if root is None or not (root / request.param).is_dir():
        pytest.skip(f"data set {request.param} is not there (set MEDVOX_TEST_DATA)")
    return root / request.param


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    """Address that the command prints."""
    script = "from medvox.cli.main import main; main()"
    command = [sys.executable, "-c", script, "open", "--no-browser", "--port", "0", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout
        found = next((m for line in process.stdout if (m := re.search(r"http://\S+", line))), None)
        assert found
        yield found[0]
        process.terminate()


@pytest.fixture
def page(chromium: Browser, url: str) -> Iterator[Viewer]:
    """The page, its image loaded."""
    context = chromium.new_context(viewport={"width": 1200, "height": 800})
    viewer = Viewer(context.new_page())
    viewer.page.goto(url)
    viewer.wait("true")
    viewer.wait_loaded()
    viewer.settle()
    yield viewer
    context.close()


def headers(folder: Path) -> dict[str, pydicom.Dataset]:
    """Every instance by SOP Instance UID."""
    found = {}
    for path in folder.rglob("*.dcm"):
        data = pydicom.dcmread(path)
        found[str(data.SOPInstanceUID)] = data
    return found


def truth(data: pydicom.Dataset, j: int, i: int) -> tuple[float, np.ndarray]:
    """Value and LPS position of a pixel by its header (PS3.3 C.11.1.1.2, C.7.6.2.1-1)."""
    value = data.pixel_array[j, i] * float(data.get("RescaleSlope", 1)) + float(
        data.get("RescaleIntercept", 0)
    )
    row, column = np.array(data.ImageOrientationPatient[:3]), np.array(data.ImageOrientationPatient[3:])
    place = (
        np.array(data.ImagePositionPatient, float)
        + row * float(data.PixelSpacing[1]) * i
        + column * float(data.PixelSpacing[0]) * j
    )
    return float(value), place


def test_probes_on_stored_slices_equal_the_headers(page: Viewer, folder: Path) -> None:
    page.layout("stack")
    page.tool("Probe")
    known = headers(folder)
    width, height = page.size("stack")
    read = set()
    for steps, x, y in [(0, 0.5, 0.5), (2, 0.45, 0.4), (-5, 0.55, 0.6), (1, 0.5, 0.35)]:
        page.wheel("stack", steps)
        page.click("stack", x * width, y * height)
        page.wait("s.pinned && s.pinned.source")
        pinned: dict[str, Any] = page.get("pinned")
        _, j, i = pinned["voxel"]
        data = known[pinned["source"]["sopInstanceUid"]]
        value, place = truth(data, j, i)
        assert pinned["value"] == value
        assert np.allclose(pinned["patientMm"], place, atol=1e-3)
        read.add(str(data.SOPInstanceUID))
    assert len(read) >= 3


def test_a_tilted_uneven_stack_says_why_a_regular_copy_is_shown(page: Viewer) -> None:
    assert page.get("layout") == "mpr"
    assert "tilt" in page.page.locator("body").inner_text().lower()
    codes = {finding["code"] for finding in page.get("info")["findings"]}
    assert {"gantry-tilt", "uneven-spacing"} <= codes


def test_planes_and_3d_show_the_head_and_3d_turns(page: Viewer) -> None:
    for view in ("axial", "coronal", "sagittal"):
        assert page.picture(view).mean() > 5, view
    before = page.picture("volume").astype(float)
    assert before.std() > 10
    width, height = page.size("volume")
    page.drag("volume", (0.4 * width, 0.5 * height), (0.7 * width, 0.5 * height))
    page.page.wait_for_timeout(1500)
    assert np.abs(page.picture("volume").astype(float) - before).mean() > 1


def test_a_request_without_the_token_is_refused(url: str) -> None:
    address = url.split("?", maxsplit=1)[0] + "api/v1/studies"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(address, timeout=20)
    assert refused.value.code == 401
    assert set(loads(refused.value.read())["error"]) >= {"what", "advice"}
