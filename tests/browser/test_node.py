"""`medvox serve` in Chromium, beside Debian's Orthanc: search there, retrieve, open, send back."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from browser.conftest import ROOT, STATIC, stop
from browser.driver import Viewer
from medvox.dicom.writing.files.encode import IMPLEMENTATION_UID
from medvox.network.dimse.files import file_to_send
from medvox.network.dimse.identifiers import identifier
from medvox.network.dimse.proposals import Proposal
from medvox.network.dimse.sending import send
from medvox.network.dimse.syntaxes import FIND
from medvox.network.dimse.user import Caller, Peer, connect
from network.fakes import free_port, process
from server.archive_node import data_set, part10

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.net
ME = Caller(IMPLEMENTATION_UID, "TEST")


@contextmanager
def serving(folder: Path, settings: str) -> Iterator[str]:
    """Address of a node with some settings."""
    (folder / "medvox.toml").write_text(settings)
    start = "from medvox.cli.main import main; main()"
    command = [
        sys.executable,
        "-c",
        start,
        "serve",
        "--config",
        str(folder / "medvox.toml"),
        "--http-port",
        "0",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONUNBUFFERED": "1"}
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )
    assert running.stdout
    lines = iter(running.stdout.readline, "")
    found = next((m for line in lines if (m := re.search(r"http://\S+", line))), None)
    assert found, "medvox serve printed no address"
    yield found.group(0)
    stop(running)


@contextmanager
def orthanc(folder: Path, port: int) -> Iterator[Peer]:
    """Debian's Orthanc."""
    folder.mkdir()
    settings = {
        "StorageDirectory": str(folder), "IndexDirectory": str(folder), "DicomPort": port, "Plugins": [],
        "HttpServerEnabled": False, "DicomAet": "ORTHANC", "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowGet": True, "DicomAlwaysAllowStore": True,
    }  # fmt: skip
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with process(port, "Orthanc", folder / "orthanc.json"):
        yield Peer("127.0.0.1", port, "ORTHANC")


def studies(peer: Peer) -> set[str]:
    uid = FIND["study"]
    with connect(peer, ME, [Proposal(uid)]) as client:
        return {str(found.StudyInstanceUID) for found in client.find(uid, identifier("study", []))}


def test_a_study_of_orthanc_is_retrieved_shown_and_sent_back(chromium: Browser, tmp_path: Path) -> None:
    if not (STATIC / "index.html").is_file():
        pytest.skip("the web client is not built: type ./dev web")
    files = tmp_path / "files"
    files.mkdir()
    for number in range(20):
        (files / f"{number}.dcm").write_bytes(part10(data_set("1.2.7.1", number, size=64)))
    port = free_port()
    settings = (
        f'store = "{tmp_path / "store"}"\naet = "WARD"\ndicom_port = 0\n'
        f'[[nodes]]\nname = "orthanc"\nae_title = "ORTHANC"\nhost = "127.0.0.1"\nport = {port}\n'
    )
    with orthanc(tmp_path / "orthanc", port) as peer, serving(tmp_path, settings) as url:
        assert all(sent.stored for sent in send([file_to_send(f) for f in files.iterdir()], peer, ME))
        page = chromium.new_page(viewport={"width": 1280, "height": 800})
        page.goto(url)
        page.get_by_text("The archive is empty").wait_for()
        page.get_by_role("button", name="Remote nodes").click()
        page.get_by_role("button", name="Echo").click()
        page.locator(".remote-nodes").get_by_text(re.compile(r"^\d+ ms$")).wait_for()
        page.get_by_label("Patient name").fill("Doe")
        page.keyboard.press("Enter")
        row = page.locator('tr[data-remote="1.2.7.1"]')
        row.get_by_role("button", name="Retrieve").click()
        row.get_by_role("button", name="Open").click(timeout=60_000)
        viewer = Viewer(page)
        viewer.wait_loaded()
        assert viewer.get("info")["grids"]["stored"]["shape"] == [20, 64, 64]
        page.get_by_role("button", name="Studies", exact=True).click()
        kept = page.locator('tr[data-study="1.2.7.1"]')
        assert "20" in kept.inner_text()
        added = part10(data_set("1.2.7.2", 0, date="20270101"))
        page.locator("body").evaluate(
            """(body, bytes) => { const d = new DataTransfer();
            d.items.add(new File([Uint8Array.from(bytes)], 'a.dcm'));
            body.dispatchEvent(new DragEvent('drop', { dataTransfer: d, bubbles: true })); }""",
            list(added),
        )
        new = page.locator('tr[data-study="1.2.7.2"]')
        new.get_by_role("button", name="Send to a node").click()
        page.get_by_role("menuitem", name="orthanc").click()
        page.get_by_role("button", name="Status").click()
        page.locator("[data-transfer]").filter(has_text="to orthanc").get_by_text("done").wait_for()
        page.get_by_text("WARD on port").wait_for()
        page.get_by_text("Nothing has failed.").wait_for()
        assert studies(peer) == {"1.2.7.1", "1.2.7.2"}
        page.context.close()
