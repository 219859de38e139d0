"""What scanners and networks do wrong: a picture or a reason, never a blank or dead page."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydicom import Dataset

from browser.conftest import STATIC, opened
from browser.driver import Viewer
from medvox.testing.dicom_builder import instance, stack

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LONGEST_PAUSE_S = 10
"""The goal is 2 s; a busy machine that draws by software needs more, a dead page stays dead."""
BEAT = """
window.__pause = 0; let last = performance.now();
setInterval(() => {
  const now = performance.now(); window.__pause = Math.max(window.__pause, now - last); last = now;
}, 50);
"""


def ramp(slices: int, rows: int, columns: int, offset: int = 0) -> np.ndarray:
    """A gradient in every direction."""
    k, j, i = np.mgrid[:slices, :rows, :columns]
    return (k * 5 + j * 3 + i * 2 + offset).astype(np.int16)


def save(folder: Path, files: list[Dataset]) -> None:
    for number, data in enumerate(files):
        data.save_as(folder / f"{number:05}.dcm", enforce_file_format=True)


@contextmanager
def shown(chromium: Browser, address: str) -> Iterator[Viewer]:
    """The page of an address, watched for script errors and for pauses."""
    context = chromium.new_context(viewport={"width": 1000, "height": 700})
    page = context.new_page()
    page.add_init_script(BEAT)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address)
    viewer = Viewer(page)
    viewer.wait("s.info && s.shown")
    viewer.settle()
    yield viewer
    pause = page.evaluate("window.__pause") / 1000
    context.close()
    assert errors == []
    assert pause < LONGEST_PAUSE_S


def mixed(folder: Path) -> None:
    big = stack(ramp(4, 96, 80), modality="CT", first_number=7, origin_mm=(0, 0, 18))
    save(folder, stack(ramp(6, 64, 64), modality="CT") + big)


def gaps(folder: Path) -> None:
    files = stack(ramp(24, 64, 64), modality="CT")
    save(folder, files[:7] + files[10:])


def placeless(folder: Path) -> None:
    nothing = {"ImagePositionPatient": None, "ImageOrientationPatient": None, "PixelSpacing": None}
    save(
        folder,
        [
            instance(one, modality="CT", InstanceNumber=n + 1, **nothing)
            for n, one in enumerate(ramp(8, 64, 64))
        ],
    )


def long_cine(folder: Path) -> None:
    frames = (np.arange(10_000)[:, None, None] // 50 + ramp(1, 48, 64) // 4).astype(np.uint8)
    save(folder, [instance(frames, modality="US", FrameTime="40")])


def bits(folder: Path) -> None:
    frames = (ramp(1, 64, 64)[0] // 32 % 2).astype(np.uint8)
    data = instance(frames, modality="OT")
    data.BitsAllocated = data.BitsStored = 1
    data.HighBit = 0
    data.PixelData = np.packbits(frames.ravel(), bitorder="little").tobytes()
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7.1"
    data.NumberOfFrames = 1
    save(folder, [data])


def words(folder: Path) -> None:
    save(folder, stack((ramp(8, 64, 64).astype(np.uint32) + 3_000_000_000).astype(np.uint32), modality="PT"))


@pytest.mark.parametrize("make", [mixed, gaps, placeless, long_cine, bits, words])
def test_there_is_a_picture(chromium: Browser, tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path)
    with opened(tmp_path) as address, shown(chromium, address) as viewer:
        view = "stack" if viewer.get("layout") == "stack" else "axial"
        viewer.wait("s.loading.fraction >= 1")
        viewer.settle()
        picture = viewer.picture(view).astype(int)
        assert picture.max() - picture.min() > 60
        assert viewer.get("errors") == []


def test_every_slice_of_mixed_sizes_can_be_shown(chromium: Browser, tmp_path: Path) -> None:
    mixed(tmp_path)
    with opened(tmp_path) as address, shown(chromium, address) as viewer:
        images = viewer.page.locator("[data-image]").evaluate_all("all => all.map(one => one.dataset.image)")
        slices = 0
        for image in images:
            viewer.open(image)
            slices += viewer.get("info")["grids"]["stored"]["shape"][0]
        assert slices == 10


def test_missing_slices_are_told(chromium: Browser, tmp_path: Path) -> None:
    gaps(tmp_path)
    with opened(tmp_path) as address, shown(chromium, address) as viewer:
        info = viewer.get("info")
        assert info["badge"] is not None or info["findings"]


def test_lengths_without_spacing_are_pixels(chromium: Browser, tmp_path: Path) -> None:
    placeless(tmp_path)
    with opened(tmp_path) as address, shown(chromium, address) as viewer:
        assert viewer.get("info")["pixel_spacing"] is None
        assert viewer.page.locator(".scale-bar").count() == 0


def test_the_last_of_10000_frames(chromium: Browser, tmp_path: Path) -> None:
    long_cine(tmp_path)
    with opened(tmp_path) as address, shown(chromium, address) as viewer:
        image, count = viewer.get("info")["id"], viewer.get("info")["time_points"]
        assert count == 10_000
        viewer.go(f"image={image}&time=9999")
        width, height = viewer.size("stack")
        assert viewer.hover("stack", width / 2, height / 2)["value"] >= 199


def test_values_of_32_bits_are_right(chromium: Browser, tmp_path: Path) -> None:
    words(tmp_path)
    with opened(tmp_path) as address, shown(chromium, address) as viewer:
        viewer.layout("stack")
        width, height = viewer.size("stack")
        probe = viewer.hover("stack", width / 2, height / 2)
        k, j, i = probe["voxel"]
        assert probe["value"] == pytest.approx(3_000_000_000 + 5 * k + 3 * j + 2 * i, rel=1e-7)


def server_process(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """`medvox open` that can be ended in the middle."""
    import re
    import sys

    command = [
        sys.executable,
        "-c",
        "from medvox.cli.main import main; main()",
        "open",
        "--no-browser",
        str(folder),
    ]
    environment = {**os.environ, "PYTHONPATH": str(STATIC.parents[2]), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )
    assert process.stdout
    found = next(m for line in iter(process.stdout.readline, "") if (m := re.search(r"http://\S+", line)))
    return process, found.group(0)


def test_a_server_that_goes_in_the_middle_leaves_a_picture_and_a_reason(
    chromium: Browser, tmp_path: Path
) -> None:
    noise = np.random.default_rng(3).integers(-900, 900, (120, 512, 512)).astype(np.int16)
    save(tmp_path, stack(noise, modality="CT"))
    process, address = server_process(tmp_path)
    context = chromium.new_context()
    page = context.new_page()
    page.goto(address)
    viewer = Viewer(page)
    page.locator("canvas[data-first-picture]").wait_for(timeout=60_000)
    process.kill()
    process.communicate()
    viewer.wait("s.errors.length > 0")
    assert "does not answer" in page.locator("main").inner_text()
    assert viewer.get("loading")["fraction"] < 1
    assert page.locator("canvas").count() > 0
    context.close()


def test_two_tabs_of_one_study(chromium: Browser, tmp_path: Path) -> None:
    save(tmp_path, stack(ramp(12, 64, 64), modality="CT"))
    with opened(tmp_path) as address, shown(chromium, address) as first, shown(chromium, address) as second:
        for viewer in (first, second):
            viewer.wait_loaded()
        assert first.get("info")["id"] == second.get("info")["id"]


def test_a_volume_of_5_gb_is_shown_slice_by_slice(chromium: Browser, tmp_path: Path) -> None:
    header = (
        b"NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 1280 1280 1600\n"
        b"space directions: (0.3,0,0) (0,0.3,0) (0,0,0.3)\nspace origin: (0,0,0)\nendian: little\n"
        b"encoding: raw\n\n"
    )
    path = tmp_path / "large.nrrd"
    plane = ramp(1, 1280, 1280)[0]
    with path.open("wb") as file:
        file.write(header)
        for k in (799, 800, 801):
            file.seek(len(header) + k * plane.nbytes)
            file.write(plane.astype("<i2").tobytes())
        file.truncate(len(header) + 1600 * plane.nbytes)  # sparse: it takes no room on the disk
    with opened(path) as address, shown(chromium, address) as viewer:
        assert viewer.get("layout") == "stack"
        width, height = viewer.size("stack")
        probe = viewer.hover("stack", width / 2, height / 2)
        k, j, i = probe["voxel"]
        assert k == 800
        assert probe["value"] == plane[j, i]
        picture = viewer.picture("stack").astype(int)
        assert picture.max() - picture.min() > 60
