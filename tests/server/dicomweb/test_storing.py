"""Storing under stress: no room, damaged bodies, large instances, clients that leave."""

from __future__ import annotations

import asyncio
import errno
import io
import random
import socket
import tracemalloc

import numpy as np
import pytest
import requests

from archive_data import EXPLICIT, bare, sent
from medvox.archive.archive import Archive
from medvox.archive.model import NOBODY, ArchiveSettings
from medvox.archive.store.disk import Disk
from medvox.core.errors import MedvoxError
from medvox.server.dicomweb import stow
from medvox.server.dicomweb.multipart import Parser
from medvox.testing.dicom_builder import instance, uid
from server.dicomweb.conftest import running

HEAD = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=X'}


def part10(data) -> bytes:
    out = io.BytesIO()
    data.save_as(out, enforce_file_format=True)
    return out.getvalue()


def body_of(*parts: bytes) -> bytes:
    return b"".join(b"--X\r\n\r\n" + part + b"\r\n" for part in parts) + b"--X--"


class FullDisk(Disk):
    """A disk that takes so many bytes and no more."""

    def __init__(self, room: int) -> None:
        self.room = room

    def write(self, descriptor, buffers, offset) -> None:
        self.room -= sum(map(len, buffers))
        if self.room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().write(descriptor, buffers, offset)


def test_no_room_is_507_and_recovers(tmp_path):
    disk = FullDisk(0)
    disk.room = 10_000
    with Archive(ArchiveSettings(tmp_path / "store"), disk) as archive, running(archive) as served:
        disk.room = 0
        url = f"{served.base}/studies"
        answer = requests.post(url, body_of(part10(sent(1))), headers=HEAD, timeout=20)
        assert answer.status_code == 507
        assert answer.json()["00081198"]["Value"][0]["00081197"]["Value"] == [0xA700]
        assert list(archive.instances()) == []
        disk.room = 1 << 20
        assert requests.post(url, body_of(part10(sent(1))), headers=HEAD, timeout=20).status_code == 200
        assert len(list(archive.instances())) == 1


@pytest.fixture
def archive(tmp_path):
    with Archive.open(ArchiveSettings(tmp_path / "store", is_durable=False)) as opened:
        yield opened


def store(archive, body: bytes, size: int = 65_536):
    async def blocks():
        for at in range(0, len(body), size):
            yield body[at : at + size]

    return asyncio.run(stow.Storing(archive, NOBODY).run(blocks(), Parser(b"X")))


def test_damaged_bodies_are_stored_or_refused_and_nothing_else(archive):
    whole = body_of(part10(sent(1)), part10(sent(2)))
    chance = random.Random(4)
    for _ in range(150):
        body = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(body))
            if chance.random() < 0.2:
                del body[at : at + chance.randint(1, 200)]
            else:
                body[at % len(body)] = chance.randrange(256)
        try:
            outcomes = store(archive, bytes(body), chance.randint(1, 3000))
        except MedvoxError:
            continue
        assert len(outcomes.stored) + len(outcomes.failed) <= 3
    for row in archive.instances(is_history=True):
        assert len(archive.read(row)) == row.size
    assert not archive.verify()


def test_large_instances_wait_in_a_file(archive, monkeypatch):
    monkeypatch.setattr(stow, "IN_MEMORY", 10_000)
    data = instance(np.arange(512 * 512, dtype=np.uint16).reshape(512, 512), study="large")
    outcomes = store(archive, body_of(part10(data), part10(sent(1))))
    assert (len(outcomes.stored), outcomes.failed) == (2, [])
    row = next(archive.instances(sop_uid=data.SOPInstanceUID))
    assert archive.read_data_set(row) == bare(data)


def test_memory_does_not_grow_with_the_body(archive):
    one = instance(np.zeros((512, 512), np.uint16))
    store(archive, body_of(part10(sent(1))))

    async def blocks():
        for number in range(80):
            one.InstanceNumber, one.SOPInstanceUID = number, uid(f"many/{number}")
            one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID
            content = b"--X\r\n\r\n" + part10(one) + b"\r\n"
            for at in range(0, len(content), 65_536):
                yield content[at : at + 65_536]
        yield b"--X--"

    tracemalloc.start()
    outcomes = asyncio.run(stow.Storing(archive, NOBODY).run(blocks(), Parser(b"X")))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(outcomes.stored) == 80
    assert most < 25 << 20  # of 42 MB


def test_a_client_that_leaves_does_no_harm(served):
    content = body_of(part10(sent(1)), part10(sent(2)))
    head = (
        "POST /dicomweb/studies HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n"
        f"Content-Type: {HEAD['Content-Type']}\r\n\r\n"
    )
    port = int(served.url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(head.encode() + content[:-100])
    for number in range(3):
        served.archive.receive(
            bare(instance(np.zeros((512, 512), np.uint16), InstanceNumber=number, study="left")),
            transfer_syntax=EXPLICIT,
        )
    study = f"/dicomweb/studies/{uid('left')}"
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(f"GET {study} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert sock.recv(100).startswith(b"HTTP/1.1 200")
    assert requests.get(f"{served.url}{study}/metadata", timeout=20).status_code == 200
