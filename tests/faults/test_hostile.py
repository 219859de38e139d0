"""Slow, greedy, idle and broken peers: refused or ended, in bounded memory, while others are served."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faults import hostile
from faults.running import CALLER, CT, Maker, Running, answers, sent, storing
from medvox.core.errors import NetworkError
from medvox.network.dimse.user import connect
from medvox.network.upper_layer.items import ProposedContext, UserInformation
from medvox.network.upper_layer.pdu import HEADER, AssociateRequest, Kind, encode, fragment_header

pytestmark = [pytest.mark.net, pytest.mark.slow]
PATIENCE_S = 2
REQUEST = encode(
    AssociateRequest(
        "MEDVOX", "HOSTILE", (ProposedContext(1, CT, ("1.2.840.10008.1.2.1",)),), UserInformation(0, "1.2.3")
    )
)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("store"), "--patience", PATIENCE_S) as running:
        assert sent(running, [Maker("1.2.3").make(1, 1)]) == [0]
        yield running


def opened(node: Running) -> socket.socket:
    """A socket with an open association."""
    sock = socket.create_connection(("127.0.0.1", node.port), 5)
    sock.settimeout(10)
    sock.sendall(REQUEST)
    kind, length = HEADER.unpack(sock.recv(HEADER.size, socket.MSG_WAITALL))
    assert kind == Kind.ASSOCIATE_AC
    sock.recv(length, socket.MSG_WAITALL)
    return sock


def open_more(node: Running, stack: ExitStack) -> None:
    """Open as many as reach the limit, whether or not those that have just ended still count."""
    for _ in range(6):
        stack.enter_context(connect(node.peer, CALLER))


def ended(sock: socket.socket) -> bytes:
    """Read until the server closes; what it said."""
    said = b""
    with suppress(ConnectionError):
        while part := sock.recv(4096):
            said += part
    return said


def test_peers_that_send_a_byte_a_second_are_ended_and_others_are_served(node: Running) -> None:
    before = node.resident_bytes()
    with ExitStack() as stack:
        asking = [socket.create_connection(("127.0.0.1", node.port), 5) for _ in range(30)]
        sending = [opened(node) for _ in range(10)]
        for sock in (*asking, *sending):
            stack.enter_context(sock)
        began = time.monotonic()
        data = fragment_header(1, 3, 100)
        for second in range(2 * PATIENCE_S + 1):
            for sock, text in (*((s, REQUEST) for s in asking), *((s, data) for s in sending)):
                with suppress(OSError):
                    sock.send(text[second : second + 1])
            assert answers(node)
            time.sleep(1)
        for sock in (*asking, *sending):
            sock.settimeout(PATIENCE_S + 3)
            ended(sock)
        assert time.monotonic() - began < 4 * PATIENCE_S + 8
    assert node.resident_bytes() - before < hostile.MOST_GROWTH


@pytest.mark.parametrize("length", [5, 0xFFFF_FFFF, 1 << 30, (1 << 18) + 1])
def test_pdus_that_are_too_long_are_refused_before_they_are_read(node: Running, length: int) -> None:
    before = node.resident_bytes()
    with opened(node) as sock:
        sock.sendall(struct.pack(">BBI", Kind.P_DATA, 0, length) + bytes(32))
        assert ended(sock)[:1] == bytes([Kind.ABORT])
    with socket.create_connection(("127.0.0.1", node.port), 5) as sock:
        sock.settimeout(10)
        sock.sendall(struct.pack(">BBI", Kind.ASSOCIATE_RQ, 0, length) + bytes(64))
        assert ended(sock)[:1] in (bytes([Kind.ABORT]), b"")
    assert node.resident_bytes() - before < hostile.MOST_GROWTH
    assert answers(node)


def test_two_hundred_idle_associations_cost_little_and_more_are_refused_clearly(tmp_path: Path) -> None:
    with Running(tmp_path, "--associations", 204) as node, ExitStack() as stack:
        assert answers(node)
        before = node.resident_bytes()
        for _ in range(200):
            stack.enter_context(storing(node))
        assert node.resident_bytes() - before < hostile.MOST_GROWTH
        assert answers(node)
        with pytest.raises(NetworkError, match=r"refused.*limit"):
            open_more(node, stack)
        stack.pop_all().close()
        end = time.monotonic() + 10
        while not answers(node):
            assert time.monotonic() < end


def test_damaged_associations_of_dcmtk_do_no_harm() -> None:
    tally = hostile.campaign(associations=150, seed=5)
    assert tally.faults == []
    assert tally.associations == 150


PDUS = st.builds(
    lambda kind, stated, body: struct.pack(">BBI", kind, 0, len(body) if stated is None else stated) + body,
    st.sampled_from([*Kind, 0, 8, 255]),
    st.none() | st.integers(0, (1 << 32) - 1),
    st.binary(max_size=200)
    | st.builds(
        lambda context, control, data: fragment_header(context, control, len(data))[6:] + data,
        st.sampled_from([1, 3, 0]),
        st.integers(0, 3),
        st.binary(max_size=120),
    ),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PDUS, max_size=5))
def test_any_pdus_after_an_association_end_in_an_answer_or_an_abort(node: Running, pdus: list[bytes]) -> None:
    said = hostile.split(hostile.play(node.port, REQUEST + b"".join(pdus)))
    assert said[0][0] == Kind.ASSOCIATE_AC
    assert all(one[0] in (Kind.P_DATA, Kind.RELEASE_RP, Kind.ABORT) for one in said[1:])
    assert answers(node)
