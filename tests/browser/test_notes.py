"""Measurements on the real server: values beside numpy on the files, saved, back after a reload."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import medvox as mv
from browser.conftest import opened
from browser.driver import Viewer
from medvox.testing import dicom_builder as build

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

SHAPE = (24, 96, 80)
SPACING = (2.5, 0.8, 1.1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CT whose every voxel differs from its neighbours; spacing differs along all axes."""
    made = tmp_path_factory.mktemp("ct")
    pixels = np.random.default_rng(5).integers(0, 3000, SHAPE).astype(np.int16)
    facts = {"modality": "CT", "RescaleSlope": 1, "RescaleIntercept": -1024}
    origin = (-40.0, -35.0, 100.0)
    build.save(build.stack(pixels, origin_mm=origin, spacing_mm=SPACING, **facts), made)
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
    """The stored slices of that CT, nothing measured yet."""
    for file in data.rglob("*.json"):
        file.unlink()
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
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


def choose(page: Viewer, label: str) -> None:
    """Choose a tool out of the menu of measuring tools."""
    page.page.get_by_role("button", name="Measuring tools").click()
    page.page.get_by_role("menuitem", name=label).first.click()


def saved(data: Path) -> dict[str, Any]:
    """The only document of the data folder."""
    (file,) = (data / "notes").glob("*.json")
    return json.loads(file.read_text("utf-8"))


def wait_saved(page: Viewer, count: int) -> list[dict[str, Any]]:
    """Wait until so many notes are measured and saved; return them."""
    page.wait(f"s.measurements.length === {count} && s.measurements.every(m => m.revision > 0)")
    return page.get("measurements")


def results(note: dict[str, Any]) -> dict[str, float]:
    return {r["name"]: r["value"] for r in note["results"]}


def units(note: dict[str, Any]) -> dict[str, str]:
    return {r["name"]: r["unit"] for r in note["results"]}


def inside_ellipse(volume: mv.Volume, k: int, points: np.ndarray) -> np.ndarray:
    """Values of slice `k` whose voxel centers lie in an ellipse given by the ends of its axes."""
    a, b, c, d = points
    center, first, second = (a + b) / 2, (b - a) / 2, (d - c) / 2
    rows, columns = volume.shape[-2:]
    kji = np.stack(np.broadcast_arrays(k, *np.mgrid[:rows, :columns]), -1).reshape(-1, 3)
    away = volume.grid.to_patient(kji) - center
    u, v = away @ first / (first @ first), away @ second / (second @ second)
    return np.asarray(volume.data)[tuple(kji[u**2 + v**2 <= 1].T)]


def test_a_recist_pair_and_an_ellipse_equal_numpy_and_are_back_after_reload(
    page: Viewer, folder: Path, data: Path
) -> None:
    choose(page, "Bidirectional")
    page.drag("stack", (250, 250), (390, 330))
    choose(page, "Ellipse")
    page.drag("stack", (300, 380), (470, 480))
    pair, ellipse = wait_saved(page, 2)
    volume = mv.read(folder)
    a, b, c, d = np.asarray(pair["points"])
    assert results(pair) == pytest.approx(
        {"long_axis": np.linalg.norm(b - a), "short_axis": np.linalg.norm(d - c)}, abs=1e-9
    )
    assert (b - a) @ (d - c) == pytest.approx(0, abs=1e-6)
    points = np.asarray(ellipse["points"])
    values = inside_ellipse(volume, ellipse["slice"], points)
    area = np.pi * np.linalg.norm(points[1] - points[0]) * np.linalg.norm(points[3] - points[2]) / 4
    truth = {
        "mean": values.mean(), "sd": values.std(), "min": values.min(), "max": values.max(),
        "count": values.size, "area": area,
    }  # fmt: skip
    found = results(ellipse)
    del found["perimeter"]
    assert values.size > 200
    assert found == pytest.approx(truth, rel=1e-12)
    assert units(ellipse)["mean"] == "HU"
    assert units(ellipse)["area"] == "mm2"
    # the place: points, voxels and source say the same
    k = ellipse["slice"]
    assert np.allclose(volume.grid.to_patient(np.asarray(ellipse["voxels"])), points, atol=1e-6)
    assert ellipse["source"]["sop_instance_uid"] == volume.source_of((k, 0, 0)).sop_instance_uid
    assert (ellipse["space"], ellipse["in_slice"]) == ("patient", True)
    before = page.get("measurements")
    page.page.reload()
    page.wait_loaded()
    page.wait("s.measurements.length === 2")
    assert page.get("measurements") == before
    assert [n["kind"] for n in saved(data)["notes"]] == ["bidirectional", "ellipse"]
    texts = page.view("stack").locator(".note-text").all_inner_texts()
    assert any(f"{found['mean']:.4g}" in text for text in texts)
