"""DICOMweb beside Debian's Orthanc with its DICOMweb plugin: searches, retrieval, storing.

Both are processes of their own on this machine and keep what they acknowledge through a loss of power
(Orthanc: SyncStorageArea). One client on one kept connection asks both.
"""

from __future__ import annotations

import atexit
import hashlib
import io
import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset, dcmread

from benchmarks.harness import Case
from medvox.testing.dicom_builder import instance, uid

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
SLICES, SIDE, STUDIES, STORED = 300, 512, 1000, 20
PEER = "Orthanc"
Body = bytes | bytearray
STUDY_UID = "0020000D"


class Node:
    """A server that is asked over one connection, by a client that takes next to no time of its own."""

    def __init__(self, port: int, prefix: str) -> None:
        self.port, self.prefix, self.host = port, prefix, f"127.0.0.1:{port}"
        self._connect()

    def _connect(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self.port), 300)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, path: str, accept: str = "application/dicom+json") -> Body:
        """Get a resource; return the body of the answer."""
        self.socket.sendall(
            f"GET {self.prefix}{path} HTTP/1.1\r\nHost: {self.host}\r\nAccept: {accept}\r\n\r\n".encode()
        )
        return self._answer()

    def store(self, body: bytes) -> Body:
        """Store the instances of a multipart body."""
        kind = 'multipart/related; type="application/dicom"; boundary=B'
        head = (
            f"POST {self.prefix}/studies HTTP/1.1\r\nHost: {self.host}\r\nAccept: application/dicom+json\r\n"
        )
        self.socket.sendall(
            f"{head}Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        )
        return self._answer()

    def _answer(self) -> Body:
        got = bytearray()
        while (end := got.find(b"\r\n\r\n")) < 0:
            got += self._received(65536)
        head = bytes(got[:end]).lower()
        assert head.split(b" ", 2)[1] == b"200", bytes(got[:500])
        stated = re.search(rb"content-length: *(\d+)", head)
        if stated is None:
            return self._chunks(got[end + 4 :]) if b"chunked" in head else self._rest(got[end + 4 :])
        body = bytearray(int(stated[1]))
        at = len(got) - end - 4
        body[:at] = got[end + 4 :]
        view = memoryview(body)
        while at < len(body):
            at += self.socket.recv_into(view[at:])
        return body

    def _rest(self, got: bytearray) -> Body:
        """Read an answer that ends with its connection; the next request needs a new one."""
        while part := self.socket.recv(1 << 20):
            got += part
        self.socket.close()
        self._connect()
        return got

    def _chunks(self, got: bytearray) -> Body:
        parts, at = [], 0
        while True:
            while (line := got.find(b"\r\n", at)) < 0:
                got += self._received(1 << 20)
            length = int(got[at:line].split(b";")[0], 16)
            while len(got) < line + length + 4:
                got += self._received(1 << 20)
            if not length:
                return b"".join(parts)
            parts.append(bytes(got[line + 2 : line + 2 + length]))
            at = line + length + 4

    def _received(self, most: int) -> bytes:
        found = self.socket.recv(most)
        assert found, "the connection was closed"
        return found


def serve(store: str, port: int) -> None:
    """Be our server."""
    import uvicorn
    from fastapi import FastAPI

    from medvox.archive.access import Principal, Role
    from medvox.archive.archive import Archive
    from medvox.archive.model import ArchiveSettings
    from medvox.server.dicomweb.routers import ROUTERS

    app = FastAPI()
    app.state.archive = Archive.open(ArchiveSettings(Path(store)))
    for router in ROUTERS:
        app.include_router(router)

    async def known(scope: Any, receive: Any, send: Any) -> None:
        scope.setdefault("state", {})["principal"] = Principal("benchmark", Role.ADMIN)
        await app(scope, receive, send)

    uvicorn.run(known, host="127.0.0.1", port=port, log_level="warning", lifespan="off", access_log=False)


def _started(command: list[str], port: int) -> None:
    # the processes are ended by their own handles when this one ends
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    atexit.register(process.wait)
    atexit.register(process.terminate)
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert process.poll() is None, f"{command[0]} has ended"
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"{command[0]} does not listen")


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def _ours(folder: Path) -> Node:
    port = _free_port()
    code = f"from benchmarks.web import serve; serve({str(folder / 'ours')!r}, {port})"
    _started([sys.executable, "-c", code], port)
    return Node(port, "/dicomweb")


def _orthanc(folder: Path) -> Node:
    port, store = _free_port(), folder / "orthanc"
    store.mkdir()
    settings = {
        "StorageDirectory": str(store), "IndexDirectory": str(store), "HttpPort": port,
        "RemoteAccessAllowed": False,
        "DicomServerEnabled": False, "SyncStorageArea": True, "StorageCompression": False, "KeepAlive": True,
        "TcpNoDelay": True, "LimitFindResults": 0, "OverwriteInstances": False, "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "StudiesMetadata": "MainDicomTags"},
    }  # fmt: skip
    (folder / "orthanc.json").write_text(json.dumps(settings))
    _started(["Orthanc", str(folder / "orthanc.json")], port)
    return Node(port, "/dicom-web")


def _slice(number: int, study: str, side: int) -> Dataset:
    at = np.arange(side, dtype=np.int32)
    values = (at[:, None] * 7 + at[None, :] * 3 + number * 11) % 2000 - 1000
    data = instance(values.astype(np.int16), modality="CT", study=study, InstanceNumber=number + 1)
    data.PatientID, data.PatientName = f"P-{study}", f"Bench^{study}"
    data.StudyID = data.AccessionNumber = data.ReferringPhysicianName = data.StudyTime = ""
    data.PatientBirthDate = data.PatientSex = ""
    return data


def _body(instances: list[Dataset]) -> bytes:
    parts = []
    for data in instances:
        out = io.BytesIO()
        data.save_as(out, enforce_file_format=True)
        parts.append(b"--B\r\nContent-Type: application/dicom\r\n\r\n" + out.getvalue() + b"\r\n")
    return b"".join(parts) + b"--B--"


def _fill(nodes: tuple[Node, ...]) -> None:
    for at in range(0, STUDIES, 100):
        body = _body([_slice(0, f"small-{number}", 16) for number in range(at, at + 100)])
        for node in nodes:
            node.store(body)
    for at in range(0, SLICES, 25):
        body = _body([_slice(number, "large", SIDE) for number in range(at, at + 25)])
        for node in nodes:
            node.store(body)


def _same(digest: Callable[[Any], Any]) -> Callable[[Any], bool]:
    return lambda results: len({str(digest(body)) for body in results.values()}) == 1


def _studies(body: Body) -> list[str]:
    return sorted(one[STUDY_UID]["Value"][0] for one in json.loads(body))


def _count(body: Body) -> int:
    return len(json.loads(body))


def _pixels(body: Body) -> list[str]:
    """Digests of the pixels of all instances of a multipart answer."""
    mark = body[body.index(b"--") : body.index(b"\r\n", body.index(b"--"))]
    parts = [part.partition(b"\r\n\r\n")[2] for part in body.split(mark)[1:-1]]
    return sorted(hashlib.sha256(dcmread(io.BytesIO(part)).PixelData).hexdigest() for part in parts)


def _frame(body: Body) -> bytes:
    """Check of the pixels of a frame."""
    at = body.index(b"\r\n\r\n") + 4
    return zlib.crc32(memoryview(body)[at : at + 2 * SIDE * SIDE]).to_bytes(4)


def _stored(body: Body) -> int:
    return len(json.loads(body)["00081199"]["Value"])


def _case(name: str, nodes: tuple[Node, Node], ask: Callable[[Node], Any], goal: float, digest: Any) -> Case:
    ours, peer = nodes
    return Case(name, lambda: ask(ours), {PEER: lambda: ask(peer)}, {PEER: goal}, _same(digest))


def cases() -> list[Case]:
    """Cases of this benchmark; none where Orthanc or its plugin is not installed."""
    if shutil.which("Orthanc") is None or not PLUGIN.exists():
        return []
    folder = Path(tempfile.mkdtemp(prefix="medvox-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    nodes = _ours(folder), _orthanc(folder)
    _fill(nodes)
    study = f"/studies/{uid('large')}"
    series = f"{study}/series/{uid('large/series')}"
    uids = [_slice(number, "large", 16).SOPInstanceUID for number in range(0, SLICES, 3)]
    frames = [f"{series}/instances/{one}/frames/1" for one in uids]
    octets, dicom = (f'multipart/related; type="application/{kind}"' for kind in ("octet-stream", "dicom"))
    rounds = iter(range(10**6))
    fresh: list[bytes] = []

    def renew() -> None:
        name = f"stow-{next(rounds)}"
        fresh[:] = [_body([_slice(number, name, SIDE) for number in range(STORED)])]

    storing = _case(f"STOW {STORED} x {SIDE}", nodes, lambda node: node.store(fresh[0]), 3, _stored)
    return [
        _case("QIDO one patient", nodes, lambda n: n.ask("/studies?PatientID=P-small-500"), 10, _studies),
        _case("QIDO 100 studies", nodes, lambda n: n.ask("/studies?limit=100"), 10, _count),
        _case(
            f"QIDO {STUDIES} studies",
            nodes,
            lambda n: n.ask(f"/studies?limit={2 * STUDIES}&PatientID=P-small*"),
            10,
            _studies,
        ),
        _case(f"WADO study {SLICES} x {SIDE}", nodes, lambda n: n.ask(study, dicom), 3, _pixels),
        _case(
            f"WADO {len(frames)} frames {SIDE}",
            nodes,
            lambda n: b"".join(_frame(n.ask(frame, octets)) for frame in frames),
            10,
            bytes,
        ),
        Case(storing.name, storing.ours, storing.peers, storing.goals, storing.check, before=renew),
    ]
