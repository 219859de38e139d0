"""The servers that are compared: ours, Debian's Orthanc, DCMTK's dcmqrscp and pynetdicom's storescp."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from benchmarks.nodes.server import NO_DELAY, Server, folder, free_port, started

LONG_WAIT = 3600
"""Seconds that an association may be idle."""
LONGEST_PDU = 131072
"""The longest that DCMTK and Orthanc know."""


def ours(store: Path | None = None, config: str = "", http: int = 0) -> Server:
    """Return `medvox serve` as it is: durable, digests, duplicates, validation, HTTP beside DICOM."""
    store, port = store or folder("ours"), free_port()
    settings = store.with_suffix(".toml")
    settings.write_text(f'log_level = "error"\n{config}', encoding="utf-8")
    words = [sys.executable, "-c", "from medvox.cli.main import main; main()", "serve", "--config", settings]
    process = started([*words, "--store", store, "--dicom-port", port, "--http-port", http], port)
    promise = "instance, its names and its index entry"
    web = f"http://127.0.0.1:{http}" if http else ""
    return Server(
        *("ours", version("medvox"), process, port, "MEDVOX", store, promise, lambda: _found(port), web)
    )


def orthanc(*, is_synced: bool = True, **more: object) -> Server:
    """Return Debian's Orthanc, tuned: no delay, 128 KiB PDUs, plain files, waiting for the disk."""
    store, port, http = folder("orthanc"), free_port(), free_port()
    settings = {
        "StorageDirectory": str(store), "IndexDirectory": str(store), "StorageCompression": False,
        "SyncStorageArea": is_synced, "DicomAet": "ORTHANC", "DicomPort": port, "HttpPort": http,
        "HttpServerEnabled": True, "RemoteAccessAllowed": False, "AuthenticationEnabled": False,
        "TcpNoDelay": True, "MaximumPduLength": LONGEST_PDU, "DicomThreadsCount": 4,
        "DicomAlwaysAllowStore": True, "DicomAlwaysAllowFind": True, "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowMove": True, "Plugins": [], "LimitFindResults": 0, "LimitFindInstances": 0,
    }  # fmt: skip
    path = store / "orthanc.json"
    path.write_text(json.dumps(settings | more), encoding="utf-8")
    process = started(["Orthanc", path], port, NO_DELAY)
    said = subprocess.run(["Orthanc", "--version"], capture_output=True, text=True).stdout
    promise = "instance (not its index entry: synchronous=NORMAL)" if is_synced else "nothing"

    def kept() -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{http}/statistics") as answer:
            return int(json.load(answer)["CountInstances"])

    web = f"http://127.0.0.1:{http}"
    return Server("Orthanc", said.split()[1], process, port, "ORTHANC", store, promise, kept, web)


def dcmqrscp(sink: tuple[str, int] = ("SINK", 0)) -> Server:
    """Return DCMTK's dcmqrscp; it waits for no disk."""
    store, port = folder("dcmqrscp"), free_port()
    area = store / "area"
    area.mkdir()
    (store / "dcmqrscp.cfg").write_text(
        f"""NetworkTCPPort = {port}
MaxPDUSize = {LONGEST_PDU}
MaxAssociations = 16
HostTable BEGIN
sink = ({sink[0]}, 127.0.0.1, {sink[1]})
HostTable END
VendorTable BEGIN
VendorTable END
AETable BEGIN
DCMQR {area} RW (100000, 10gb) ANY
AETable END
""",
        encoding="ascii",
    )
    process = started(["dcmqrscp", "-c", store / "dcmqrscp.cfg"], port, NO_DELAY)
    said = subprocess.run(["dcmqrscp", "--version"], capture_output=True, text=True).stdout
    found = re.search(r"v(\d[\d.]*)", said)
    return Server(
        *("dcmqrscp", found[1] if found else "?", process, port, "DCMQR", store),
        *("nothing", lambda: sum(1 for path in area.iterdir() if path.name != "index.dat")),
    )


def pynetdicom() -> Server:
    """Return pynetdicom's storescp; it waits for no disk."""
    store, port = folder("pynetdicom"), free_port()
    out = store / "out"
    out.mkdir()
    words = [sys.executable, "-m", "pynetdicom", "storescp", port, "-q", "-od", out]
    process = started([*words, "--max-pdu", LONGEST_PDU], port)
    kept: Callable[[], int] = lambda: sum(1 for _ in out.iterdir())  # noqa: E731
    name = "pynetdicom"
    return Server(name, version(name), process, port, "STORESCP", store, "nothing", kept)


def available() -> list[Callable[[], Server]]:
    """Return how to start ours, and the peers that this machine has."""
    found: list[Callable[[], Server]] = [ours]
    if shutil.which("Orthanc"):
        found.append(orthanc)
    if shutil.which("dcmqrscp"):
        found.append(dcmqrscp)
    return [*found, pynetdicom]


def _found(port: int) -> int:
    """Count the instances of our node by C-FIND."""
    from medvox.network.dimse.identifiers import identifier
    from medvox.network.dimse.proposals import Proposal
    from medvox.network.dimse.syntaxes import FIND
    from medvox.network.dimse.user import Caller, Peer, connect
    from medvox.network.upper_layer.negotiation import EXPLICIT

    asked = identifier("study", ["NumberOfStudyRelatedInstances="])
    caller = Caller("1.2.826.0.1.3680043.10.54321.8", "BENCH")
    with connect(Peer("127.0.0.1", port), caller, [Proposal(FIND["study"], (EXPLICIT,))]) as client:
        rows = client.find(FIND["study"], asked)
        return sum(int(row.NumberOfStudyRelatedInstances) for row in rows)
