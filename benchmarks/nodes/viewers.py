"""Viewers that are compared: ours before our archive, OHIF before Orthanc and before our archive."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.nodes import browser, ohif, phantom
from benchmarks.nodes.server import NO_DELAY, Server, folder, free_port
from benchmarks.nodes.servers import orthanc, ours
from medvox.testing.dicom_builder import uid

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
STATIC = Path(__file__).resolve().parents[2] / "src/medvox/server/static/index.html"
CLI = [sys.executable, "-c", "from medvox.cli.main import main; main()"]
SLICES = 300
STUDY = str(uid(phantom.STUDY))


@dataclass(frozen=True, slots=True)
class Viewers:
    """Addresses of one study.

    Parameters
    ----------
    ours
        Of our viewer; takes a layout.
    ohif
        Of OHIF in front of a DICOMweb, by its name; takes a hanging protocol, empty for the usual one.
    """

    ours: Callable[[str], str]
    ohif: dict[str, Callable[[str], str]]


def missing() -> str | None:
    """Return what this machine lacks, None if nothing."""
    if not browser.is_there():
        return "Chromium is not installed: type ./dev system"
    if not STATIC.is_file():
        return "the web client is not built: type ./dev web"
    return None if ohif.package() else ohif.ABSENT


@cache
def series(slices: int) -> Path:
    """Folder of a CT series."""
    made = folder("phantom")
    phantom.write(made, slices)
    return made


def node(slices: int = SLICES, site: str = "") -> tuple[Server, str]:
    """Start our archive with one study; return it with a token."""
    store = folder("archive")
    subprocess.run(
        [*CLI, "serve", "import", series(slices), "--store", store], check=True, capture_output=True
    )
    words = [*CLI, "serve", "token", "create", "bench", "--role", "admin", "--store", store]
    token = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()[-1]
    config = f'http_origins = "{site}"\n' if site else ""
    return ours(store, config, free_port()), token


def viewers(*, is_orthanc_wanted: bool = True) -> Viewers:
    """Start all of them; they end with this process."""
    stack = ExitStack()
    atexit.register(stack.close)
    site, place = stack.enter_context(ohif.served())
    server, token = node(site=site)
    stack.callback(server.stop)
    nodes = {f"OHIF {ohif.version()} + our DICOMweb": (f"{server.web}/dicomweb", f"&token={token}")}
    if is_orthanc_wanted and shutil.which("Orthanc") and PLUGIN.exists():
        peer = _filled_orthanc()
        stack.callback(peer.stop)
        nodes = {f"OHIF {ohif.version()} + Orthanc {peer.version}": (f"{peer.web}/dicom-web", "")} | nodes

    def address(root: str, more: str) -> Callable[[str], str]:
        def of(protocol: str) -> str:
            place["root"] = place["wado"] = root
            chosen = f"&hangingprotocolId={protocol}" if protocol else ""
            return f"{site}/viewer?StudyInstanceUIDs={STUDY}{chosen}{more}"

        return of

    return Viewers(
        lambda layout: f"{server.web}/?token={token}#study={STUDY}&layout={layout}",
        {name: address(*where) for name, where in nodes.items()},
    )


def _filled_orthanc() -> Server:
    dicomweb = {"Enable": True, "Root": "/dicom-web/"}
    server = orthanc(Plugins=[str(PLUGIN)], DicomWeb=dicomweb, KeepAlive=True)
    words = ["/usr/bin/storescu", "+sd", "127.0.0.1", server.port, series(SLICES)]
    subprocess.run(list(map(str, words)), check=True, env=os.environ | NO_DELAY)
    return server
