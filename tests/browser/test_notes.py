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
SAVED = "Object.values(s.notes.series).every(n => n.unsaved.length === 0)"


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
    return volume.values()[tuple(kji[u**2 + v**2 <= 1].T)]


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
    page.settle()
    texts = page.view("stack").locator(".note-text").all_text_contents()
    assert any(f"{found['mean']:.4g}" in text for text in texts)


def test_lengths_angles_and_outlines_follow_from_their_points(page: Viewer) -> None:
    drawn = {
        "Length": [(250, 250), (390, 330)],
        "Angle": [(300, 300), (400, 300), (400, 380)],
        "Cobb angle": [(250, 200), (400, 220), (260, 400), (410, 330)],
    }
    for label, places in drawn.items():
        choose(page, label)
        for place in places:
            page.click("stack", *place)
    choose(page, "Polyline")
    for place in [(220, 500), (320, 520), (420, 480)]:
        page.click("stack", *place)
    page.page.keyboard.press("Enter")
    choose(page, "Spline area")
    for place in [(500, 200), (600, 220), (580, 330), (480, 310)]:
        page.click("stack", *place)
    page.page.keyboard.press("Enter")
    notes = {n["kind"]: n for n in wait_saved(page, 5)}
    points = {kind: np.asarray(n["points"]) for kind, n in notes.items()}

    def angle(u: np.ndarray, v: np.ndarray) -> float:
        return float(np.degrees(np.arccos(u @ v / np.linalg.norm(u) / np.linalg.norm(v))))

    a, b = points["length"]
    assert results(notes["length"])["length"] == pytest.approx(np.linalg.norm(b - a))
    a, b, c = points["angle"]
    assert results(notes["angle"])["angle"] == pytest.approx(angle(a - b, c - b))
    a, b, c, d = points["cobb"]
    between = angle(b - a, d - c)
    assert results(notes["cobb"])["angle"] == pytest.approx(min(between, 180 - between))
    steps = np.diff(points["polyline"], axis=0)
    assert results(notes["polyline"])["length"] == pytest.approx(np.linalg.norm(steps, axis=1).sum())
    x, y = np.asarray(notes["spline"]["outline"])[:, :2].T
    shoelace = abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2
    assert results(notes["spline"])["area"] == pytest.approx(shoelace)
    assert len(points["spline"]) == 4


def test_outlines_measure_the_voxels_inside_as_matplotlib_counts_them(page: Viewer, folder: Path) -> None:
    contains = pytest.importorskip("matplotlib.path").Path
    choose(page, "Freehand area")
    box = [page.point("stack", x, y) for x, y in [(300, 250), (420, 270), (460, 380), (330, 400)]]
    page.page.mouse.move(*box[0])
    page.page.mouse.down()
    for place in [*box[1:], box[0]]:
        page.page.mouse.move(*place, steps=12)
    page.page.mouse.up()
    choose(page, "Rectangle")
    page.drag("stack", (500, 300), (620, 420))
    volume = mv.read(folder)
    for note in wait_saved(page, 2):
        k = note["slice"]
        outline = np.asarray(note["voxels"])[:, 1:]
        j, i = np.mgrid[: SHAPE[1], : SHAPE[2]]
        inside = contains(outline).contains_points(np.stack([j, i], -1).reshape(-1, 2)).reshape(j.shape)
        values = volume.slice_values(k)[inside]
        found = results(note)
        assert found["count"] == values.size > 100
        assert found["mean"] == pytest.approx(values.mean(), rel=1e-12)
        assert found["sd"] == pytest.approx(values.std(), rel=1e-12)
        assert (found["min"], found["max"]) == (values.min(), values.max())


def test_a_sphere_counts_what_is_high_enough(page: Viewer, folder: Path) -> None:
    choose(page, "Threshold sphere")
    page.drag("stack", (400, 350), (460, 380))
    (note,) = wait_saved(page, 1)
    volume = mv.read(folder)
    center, edge = np.asarray(note["points"])
    kji = np.stack(np.indices(SHAPE), -1).reshape(-1, 3)
    inside = np.linalg.norm(volume.grid.to_patient(kji) - center, axis=1) <= np.linalg.norm(edge - center)
    values = volume.values().reshape(-1)[inside]
    kept = values[values >= 0.41 * values.max()]
    found = results(note)
    assert found["count"] == kept.size > 50
    assert found["volume"] == pytest.approx(kept.size * np.prod(SPACING) / 1000)
    assert found["mean"] == pytest.approx(kept.mean())
    assert units(note)["volume"] == "ml"
    select = page.page.get_by_role("combobox", name="Threshold")
    select.select_option("absolute")
    page.page.get_by_role("textbox", name="Threshold – value").fill("1500")
    page.wait("s.results[0].threshold === 1500")
    assert page.get("results")[0]["count"] == (values >= 1500).sum()


def test_notes_in_planes_lie_on_voxels_of_that_plane(page: Viewer, folder: Path) -> None:
    page.layout("mpr")
    choose(page, "Ellipse")
    volume = mv.read(folder)
    for n, (view, axis) in enumerate([("axial", 0), ("coronal", 1), ("sagittal", 2)]):
        width, height = page.size(view)
        page.drag(view, (width * 0.4, height * 0.35), (width * 0.6, height * 0.6))
        note = wait_saved(page, n + 1)[-1]
        points = np.asarray(note["points"])
        a, b, c, d = points
        at = round(np.asarray(note["voxels"])[0, axis])
        kji = np.stack(np.indices(SHAPE), -1).reshape(-1, 3)
        kji = kji[kji[:, axis] == at]
        away = volume.grid.to_patient(kji) - (a + b) / 2
        u, v = (away @ (e - s) / ((e - s) @ (e - s)) * 2 for s, e in ((a, b), (c, d)))
        values = volume.values()[tuple(kji[u**2 + v**2 <= 1].T)]
        found = results(note)
        assert found["count"] == values.size > 20
        assert found["mean"] == pytest.approx(values.mean(), rel=1e-12)
        assert found["sd"] == pytest.approx(values.std(), rel=1e-12)
        assert note["view"] == view
        assert note["in_slice"] is (view == "axial")


def test_points_are_moved_and_every_change_is_undone_and_redone(page: Viewer, data: Path) -> None:
    choose(page, "Length")
    page.drag("stack", (300, 300), (400, 300))
    (drawn,) = wait_saved(page, 1)
    page.drag("stack", (400, 300), (460, 360))
    page.wait("s.measurements[0].revision === 2")
    moved = page.get("measurements")[0]
    assert moved["points"][0] == drawn["points"][0]
    longer = repr(results(moved)["length"])
    assert results(moved)["length"] > results(drawn)["length"]
    page.page.keyboard.press("Control+z")
    page.wait("s.measurements[0].revision === 3")
    assert page.get("measurements")[0]["points"] == drawn["points"]
    page.page.keyboard.press("Control+z")
    page.wait("s.measurements.length === 0 && s.notes.saving.state === 'saved'")
    page.page.keyboard.press("Control+Shift+z")
    page.page.get_by_role("button", name="Redo").click()
    page.wait("s.measurements.length === 1 && s.results[0].length === " + longer + " && " + SAVED)
    assert page.get("measurements")[0]["points"] == moved["points"]
    assert saved(data)["notes"][0]["points"] == moved["points"]


def test_list_names_colors_hides_locks_jumps_and_removes(page: Viewer) -> None:
    choose(page, "Length")
    page.drag("stack", (300, 300), (400, 300))
    wait_saved(page, 1)
    field = page.page.get_by_role("textbox", name="Name – Length")
    field.fill("target 1")
    field.press("Enter")
    page.page.get_by_label("Color – target 1").fill("#ff8800")
    page.wait("s.measurements[0].color === '#ff8800' && s.measurements[0].name === 'target 1'")
    page.settle()
    line = page.view("stack").locator("[data-note]")
    assert line.get_attribute("stroke") == "#ff8800"
    assert "target 1" in (line.text_content() or "")
    page.page.get_by_role("button", name="Hide – target 1").click()
    page.settle()
    assert line.count() == 0
    page.page.get_by_role("button", name="Show – target 1").click()
    page.page.get_by_role("button", name="Lock – target 1", exact=True).click()
    page.wait("s.measurements[0].locked")
    before = page.get("measurements")[0]["points"]
    page.drag("stack", (400, 300), (460, 360))
    assert page.get("measurements")[0]["points"] == before
    assert page.page.get_by_role("button", name="Remove measurement").is_disabled()
    page.page.get_by_role("button", name="Unlock – target 1").click()
    page.wheel("stack", 4)
    assert line.count() == 0
    page.page.get_by_role("button", name="Go to target 1").click()
    page.wait("s.slice === s.measurements[0].slice")
    page.settle()
    assert line.count() == 1
    page.page.get_by_role("button", name="Remove measurement").click()
    page.wait("s.measurements.length === 0")


def test_arrow_and_text_keep_their_words(page: Viewer) -> None:
    choose(page, "Arrow")
    page.drag("stack", (300, 300), (360, 260))
    words = page.page.get_by_role("textbox", name="Text of the annotation")
    words.fill("fracture <b>")
    words.press("Enter")
    choose(page, "Text")
    page.click("stack", 450, 420)
    words.fill("scar")
    words.press("Enter")
    notes = wait_saved(page, 2)
    assert [n["text"] for n in notes] == ["fracture <b>", "scar"]
    assert page.view("stack").locator(".note-text").all_text_contents() == ["fracture <b>", "scar"]


def test_profile_and_histogram_are_those_of_numpy(page: Viewer, folder: Path) -> None:
    ndimage = pytest.importorskip("scipy.ndimage")
    choose(page, "Length")
    page.drag("stack", (300, 300), (430, 360))
    choose(page, "Ellipse")
    page.drag("stack", (300, 380), (470, 480))
    length, ellipse = wait_saved(page, 2)
    for name in ("Length", "Ellipse"):
        page.page.get_by_role("button", name=f"Plot – {name}").click()
    line = page.page.locator("[data-plot=profile]")
    histogram = page.page.locator("[data-plot=histogram]")
    volume = mv.read(folder)
    at, values = (np.array(json.loads(line.get_attribute(f"data-{axis}") or "")) for axis in "xy")
    start, end = np.asarray(length["voxels"])
    places = start + (at / at[-1])[:, None] * (end - start)
    truth = ndimage.map_coordinates(volume.values().astype(float), places.T, order=1)
    assert at[-1] == pytest.approx(results(length)["length"])
    assert values == pytest.approx(truth, abs=1e-6)
    edges, counts = (json.loads(histogram.get_attribute(f"data-{axis}") or "") for axis in "xy")
    inside = inside_ellipse(volume, ellipse["slice"], np.asarray(ellipse["points"]))
    assert np.histogram(inside, len(counts))[0].tolist() == counts
    assert (edges[0], edges[-1]) == pytest.approx((inside.min(), inside.max()))


def test_two_windows_do_not_lose_each_others_notes(page: Viewer, address: str, data: Path) -> None:
    other = Viewer(page.page.context.new_page())
    other.page.goto(address.split("?", maxsplit=1)[0])
    other.wait_loaded()
    other.layout("stack")
    choose(page, "Length")
    choose(other, "Length")
    page.drag("stack", (300, 300), (400, 300))
    other.drag("stack", (300, 400), (400, 400))
    for window in (page, other):
        window.wait("s.measurements.length === 2 && s.measurements.every(m => m.revision > 0)")
    assert len(saved(data)["notes"]) == 2


def test_two_changes_of_the_same_note_are_both_kept(page: Viewer, address: str, data: Path) -> None:
    choose(page, "Length")
    page.drag("stack", (300, 300), (400, 300))
    (note,) = wait_saved(page, 1)
    request = page.page.request
    image = f"{address.split('/?', maxsplit=1)[0]}/api/v1/images/{note['image_id']}/notes"
    changed = request.post(image, data={"changes": [{**note, "name": "from elsewhere"}]})
    assert changed.ok
    field = page.page.get_by_role("textbox", name="Name – Length")
    field.fill("from here")
    field.press("Enter")
    page.wait("s.measurements.length === 2 && s.notes.saving.state === 'saved'")
    assert {n["name"] for n in saved(data)["notes"]} == {"from elsewhere", "from here (other window)"}


def test_two_hundred_measurements_are_listed_saved_and_drawn(page: Viewer, data: Path) -> None:
    choose(page, "Length")
    page.drag("stack", (300, 300), (400, 300))
    (note,) = wait_saved(page, 1)
    many = [{**note, "id": f"{n:032x}", "name": f"n{n}", "revision": 0} for n in range(1, 200)]
    for n, one in enumerate(many):
        one["points"] = [[x + (n % 20), y + n // 20, z] for x, y, z in note["points"]]
    url = page.page.url.split("/#")[0]
    answer = page.page.request.post(f"{url}/api/v1/images/{note['image_id']}/notes", data={"changes": many})
    assert answer.ok
    page.page.reload()
    page.wait_loaded()
    page.wait("s.measurements.length === 200")
    page.settle()
    assert page.view("stack").locator("[data-note]").count() == 200
    assert page.page.locator("[data-measurement]").count() == 200
    spent = page.page.evaluate(
        """async () => { const t = performance.now(); for (let n = 0; n < 10; n++) {
        window.dispatchEvent(new KeyboardEvent('keydown', { key: n % 2 ? 'ArrowUp' : 'ArrowDown' }));
        await new Promise(requestAnimationFrame); } return performance.now() - t; }"""
    )
    assert spent < 10_000
    assert len(saved(data)["notes"]) == 200
