"""Peers that do harm: recorded associations with damaged bytes, against a server that must not mind."""

from __future__ import annotations

import random
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from faults.running import Running, answers
from medvox.archive.archive import Archive
from medvox.archive.model import ArchiveSettings
from medvox.network.upper_layer.pdu import HEADER, Kind
from medvox.testing import dicom_builder

MOST_GROWTH = 64 << 20
"""Bytes that a server may grow by under attack."""
INTERESTING = (0, 1, 2, 3, 0x7F, 0x80, 0xFE, 0xFF)


@dataclass(slots=True)
class Tally:
    """What was tried and what went wrong.

    Parameters
    ----------
    associations
        Damaged ones that were played.
    growth_bytes
        By how much the server grew.
    faults
        What is wrong, in words.
    """

    associations: int = 0
    growth_bytes: int = 0
    faults: list[str] = field(default_factory=list)


def campaign(associations: int, seed: int, until: float = float("inf")) -> Tally:
    """Play damaged associations to a server.

    Parameters
    ----------
    associations
        How many at most.
    seed
        Of the damage.
    until
        `time.monotonic` at which no more is played.
    """
    tally, rng = Tally(), random.Random(seed)
    store = Path(tempfile.mkdtemp(prefix="medvox-hostile-"))
    try:
        with Running(store, "--patience", 1) as node:
            whole = list(recordings(node, store))
            before = node.resident_bytes()
            while tally.associations < associations:
                if tally.associations and time.monotonic() > until:
                    break
                play(node.port, damaged(rng.choice(whole), rng))
                tally.associations += 1
            tally.growth_bytes = node.resident_bytes() - before
            if not answers(node):
                tally.faults.append("the server does not answer C-ECHO any more")
            if node.process.poll() is not None:
                tally.faults.append("the server has died")
            said = node.stop()
        if tally.growth_bytes > MOST_GROWTH:
            tally.faults.append(f"the server grew by {tally.growth_bytes >> 20} MB")
        if "Traceback" in said:
            tally.faults.append(f"the server failed: {said[-1500:]}")
        with Archive.open(ArchiveSettings(store)) as archive:
            tally.faults += [finding.text for finding in (*archive.findings, *archive.verify())]
    finally:
        shutil.rmtree(store, ignore_errors=True)
    return tally


def recordings(node: Running, folder: Path) -> Iterator[bytes]:
    """Yield what DCMTK's storescu, findscu and echoscu send to a server."""
    if shutil.which("storescu") is None:
        pytest.skip("storescu is not installed (apt install dcmtk)")
    sent = folder.with_name(folder.name + "-sent")
    made = dicom_builder.stack(np.zeros((2, 24, 24), np.int16), modality="CT")
    paths = [str(path) for path in dicom_builder.save(made, sent)]
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID", "-k", "PatientName=*"]
    for word, options, files in (
        ("storescu", [], paths),
        ("findscu", ["-S", *keys], []),
        ("echoscu", [], []),
    ):
        with recorder(node.port) as (port, said):
            words = [word, *options, "127.0.0.1", str(port), *files]
            subprocess.run(words, check=True, capture_output=True, timeout=30)
        yield bytes(said)
    shutil.rmtree(sent)


@contextmanager
def recorder(port: int) -> Iterator[tuple[int, bytearray]]:
    """Listen on a port and pass one connection on to a server, keeping what the client sends."""
    said = bytearray()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def carry(source: socket.socket, target: socket.socket, keep: Callable[[bytes], object]) -> None:
            with suppress(OSError):
                while data := source.recv(1 << 16):
                    keep(data)
                    target.sendall(data)
                target.shutdown(socket.SHUT_WR)

        def serve() -> None:
            client = listener.accept()[0]
            with client, socket.create_connection(("127.0.0.1", port)) as server:
                back = threading.Thread(target=carry, args=(server, client, len))
                back.start()
                carry(client, server, said.extend)
                back.join()

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1], said
        thread.join()


def damaged(whole: bytes, rng: random.Random) -> bytes:
    """Change a recorded association: bytes, lengths, the order and number of its PDUs, its end."""
    pdus = split(whole)
    for _ in range(rng.randint(1, 4)):
        what = rng.randrange(7)
        at = rng.randrange(len(pdus))
        one = bytearray(pdus[at])
        if what <= 2:
            one[rng.randrange(len(one))] = rng.choice((*INTERESTING, rng.randrange(256)))
        elif what == 3:
            one[2:6] = rng.choice((0, 1, 5, 0xFFFF, 1 << 24, 0xFFFFFFFF, rng.randrange(1 << 32))).to_bytes(4)
        elif what == 4:
            start = rng.randrange(len(one))
            one[start : start + rng.randrange(8)] = rng.randbytes(rng.randrange(12))
        elif what == 5:
            pdus.insert(rng.randrange(len(pdus) + 1), bytes(one))
        else:
            pdus[at], other = pdus[rng.randrange(len(pdus))], pdus[at]
            pdus[rng.randrange(len(pdus))] = other
            continue
        pdus[at] = bytes(one) or b"\0"
    broken = b"".join(pdus)
    return broken[: rng.randrange(len(broken))] if rng.random() < 0.2 else broken


def split(whole: bytes) -> list[bytes]:
    """Cut a stream into its PDUs."""
    found, at = [], 0
    while at < len(whole):
        kind, length = HEADER.unpack_from(whole, at)
        Kind(kind)
        found.append(whole[at : at + HEADER.size + length])
        at += HEADER.size + length
    return found


def play(port: int, data: bytes) -> bytes:
    """Send bytes and close our direction; return what comes until the server closes."""
    said = b""
    with suppress(ConnectionError), socket.create_connection(("127.0.0.1", port), 10) as sock:
        sock.settimeout(10)
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        while part := sock.recv(1 << 16):
            said += part
    return said
