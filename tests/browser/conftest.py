"""A viewer in headless Chromium, before the fake server or, with MEDVOX_VIEWER_URL, before another."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from browser.driver import Viewer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Playwright

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "src/medvox/server/static"
FAKE = ROOT / "web/fake"
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--headless", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
SOFTWARE_GL = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]

sys.path.insert(0, str(FAKE))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.slow)


def serve(*options: str) -> tuple[subprocess.Popen[str], str]:
    """Start the fake server and return it with its address."""
    command = [sys.executable, str(FAKE / "fake_server.py"), "--static", str(STATIC), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    return process, process.stdout.readline().strip()


def stop(process: subprocess.Popen[str]) -> None:
    """End a server that `serve` started."""
    process.terminate()
    process.communicate(timeout=20)


@contextmanager
def opened(folder: Path, data: Path | None = None, port: int = 0) -> Iterator[str]:
    """Address of `medvox open` on a folder; what is saved goes to `data`, or away at the end."""
    with tempfile.TemporaryDirectory() as passing:
        process, address = open_folder(folder, data or Path(passing), port)
        try:
            yield address
        finally:
            stop(process)


def open_folder(folder: Path, data: Path, port: int = 0) -> tuple[subprocess.Popen[str], str]:
    """Start `medvox open` and return it with its address."""
    start = "from medvox.cli.main import main; main()"
    command = [sys.executable, "-c", start, "open", "--no-browser", str(folder)]
    command += ["--port", str(port)] if port else []
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONUNBUFFERED": "1"}
    environment["MEDVOX_DATA_FOLDER"] = str(data)
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )
    assert process.stdout
    lines = iter(process.stdout.readline, "")
    found = next((m for line in lines if (m := re.search(r"http://\S+", line))), None)
    assert found, "medvox open printed no address"
    return process, found.group(0)


@pytest.fixture(scope="session")
def viewer_url() -> Iterator[str]:
    """Address of the server under test, with its token."""
    if url := os.environ.get("MEDVOX_VIEWER_URL"):
        yield url
        return
    if not (STATIC / "index.html").is_file():
        pytest.skip("the web client is not built: type ./dev web")
    process, url = serve()
    yield url
    stop(process)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Playwright's driver."""
    if not shutil.which(CHROMIUM):
        pytest.skip("Chromium is not installed: type ./dev system")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """Chromium with software WebGL2."""
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *SOFTWARE_GL])
    yield browser
    browser.close()


@pytest.fixture
def viewer(chromium: Browser, viewer_url: str) -> Iterator[Viewer]:
    """A fresh page of the viewer; fails the test on any script error."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(viewer_url)
    viewer = Viewer(page)
    viewer.wait("true")
    yield viewer
    context.close()
    assert errors == []
