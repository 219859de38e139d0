"""Associations over loopback: order, aborts, collisions, and peers that misbehave."""

from __future__ import annotations

import socket
import struct
import threading
import time

import pytest

from medvox.core.errors import NetworkError, NetworkTimeoutError
from medvox.network.upper_layer.acceptor import Listening
from medvox.network.upper_layer.association import Association, request
from medvox.network.upper_layer.channel import Channel, Timeouts
from medvox.network.upper_layer.items import ProposedContext, UserIdentity, UserInformation
from medvox.network.upper_layer.negotiation import Admission, Context, Refusal
from medvox.network.upper_layer.pdu import AssociateAccept, AssociateRequest, decode, encode, fragment_header
from medvox.network.upper_layer.state_machine import State
from network.fakes import QUICK, Kept, storage_node

pytestmark = pytest.mark.net
VERIFY, IMPLICIT = "1.2.840.10008.1.1", "1.2.840.10008.1.2"
WANTED = AssociateRequest(
    "NODE", "TEST", (ProposedContext(1, VERIFY, (IMPLICIT,)),), UserInformation(16384, "1.2.3")
)


def raw(port: int) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), 5)
    sock.settimeout(10)
    return sock


def read_pdu(sock: socket.socket) -> tuple[int, bytes]:
    """One PDU; type 0 at the end of the connection."""
    head = b""
    while len(head) < 6:
        piece = sock.recv(6 - len(head))
        if not piece:
            return 0, b""
        head += piece
    (length,) = struct.unpack_from(">I", head, 2)
    body = b""
    while len(body) < length:
        body += sock.recv(length - len(body))
    return head[0], body


def opened(port: int, wanted: AssociateRequest = WANTED) -> socket.socket:
    sock = raw(port)
    sock.sendall(encode(wanted))
    kind, body = read_pdu(sock)
    assert kind == 2
    assert isinstance(decode(kind, body), AssociateAccept)
    return sock


def test_release_in_order():
    with storage_node() as node:
        association = request(("127.0.0.1", node.port), WANTED, QUICK)
        assert association.contexts[1].abstract_syntax == VERIFY
        association.release()
        assert not association.established
        with pytest.raises(NetworkError, match="not possible"):
            association.send(association.contexts.get(1) or Context(1, VERIFY, IMPLICIT), b"")


@pytest.mark.parametrize("refusal", list(Refusal))
def test_a_refused_caller_learns_why(refusal):
    class Refuse:
        def admit(self, asked):
            assert asked.calling_ae == "TEST"
            assert asked.peer_address == "127.0.0.1"
            return Admission(refusal)

    with storage_node(policy=Refuse()) as node, pytest.raises(NetworkError, match="refused"):
        request(("127.0.0.1", node.port), WANTED, QUICK)


def test_a_wrong_title_is_refused_and_the_identity_reaches_the_policy():
    seen = []

    class Look:
        def admit(self, asked):
            seen.append(asked.identity)
            return Admission(identity_reply=b"welcome")

    who = UserIdentity(1, wants_reply=True, primary=b"someone")
    user = UserInformation(16384, "1.2.3", identity=who)
    with storage_node(policy=Look(), ae_title="NODE") as node:
        sock = raw(node.port)
        sock.sendall(encode(AssociateRequest("NODE", "TEST", WANTED.contexts, user)))
        accept = decode(*read_pdu(sock))
        assert accept.user.identity_reply == b"welcome"
        sock.close()
        with pytest.raises(NetworkError, match="called AE"):
            request(("127.0.0.1", node.port), AssociateRequest("OTHER", "TEST", WANTED.contexts, user), QUICK)
    assert seen == [who]


def test_unsupported_syntaxes_are_answered_context_by_context():
    contexts = (
        ProposedContext(1, VERIFY, ("1.2.840.10008.1.2.4.50",)),
        ProposedContext(3, "1.2.840.10008.5.1.1.9", (IMPLICIT,)),
        ProposedContext(5, "1.2.999.1", (IMPLICIT, "1.2.840.10008.1.2.4.70")),
    )
    with storage_node() as node:
        sock = raw(node.port)
        sock.sendall(encode(AssociateRequest("NODE", "TEST", contexts, WANTED.user)))
        accept = decode(*read_pdu(sock))
        sock.close()
    assert [result.result for result in accept.contexts] == [4, 3, 0]
    assert accept.contexts[2].transfer_syntax == "1.2.840.10008.1.2.4.70"


BAD = {
    "unknown PDU": b"\x09\0\0\0\0\4\0\0\0\0",
    "too long": b"\x04\0\xff\xff\xff\xff",
    "too short": b"\x04\0\0\0\0\1\0",
    "long release": b"\x05\0\0\1\0\0",
    "request again": encode(WANTED),
    "release reply": b"\x06\0\0\0\0\4\0\0\0\0",
    "context not agreed": fragment_header(9, 3, 4) + b"abcd",
    "fragment beyond its PDU": b"\x04\0\0\0\0\x08\0\0\0\xff\x01\x03ab",
    "no command": fragment_header(1, 3, 4) + b"abcd",
    "data before command": fragment_header(1, 2, 4) + b"abcd",
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD.keys())
def test_a_peer_that_breaks_the_rules_is_aborted_and_the_node_goes_on(data):
    with storage_node() as node:
        sock = opened(node.port)
        sock.sendall(data)
        assert read_pdu(sock)[0] == 7
        sock.close()
        opened(node.port).close()


def test_first_pdus_that_are_no_request_are_refused():
    with storage_node() as node:
        for first in (b"GET / HTTP/1.1\r\n\r\n", b"\x01\0\xff\xff\xff\xff", BAD["release reply"]):
            sock = raw(node.port)
            sock.sendall(first)
            assert read_pdu(sock)[0] == 7
            sock.close()


def test_slow_senders_are_cut_off():
    slow = Timeouts(artim=1, pdu=0.6, idle=1, response=2)
    with storage_node(listening=Listening(timeouts=slow)) as node:
        sock = raw(node.port)
        begun = time.monotonic()
        try:
            for byte in encode(WANTED):
                sock.sendall(bytes((byte,)))
                time.sleep(0.05)
        except OSError:
            pass
        assert time.monotonic() - begun < 5
        sock.close()
        silent = raw(node.port)
        assert read_pdu(silent)[0] in (0, 7)
        silent.close()
        idle = opened(node.port)
        assert read_pdu(idle)[0] == 7
        idle.close()


def test_above_the_limit_callers_are_refused_for_now_and_later_admitted():
    listening = Listening(max_associations=2, timeouts=QUICK)
    with storage_node(listening=listening) as node:
        first, second = opened(node.port), opened(node.port)
        with pytest.raises(NetworkError, match=r"local limit \(for now\)"):
            request(("127.0.0.1", node.port), WANTED, QUICK)
        first.close()
        second.close()
        waited(lambda: node.associations == 0)
        request(("127.0.0.1", node.port), WANTED, QUICK).release()


def test_two_hundred_idle_associations_leave_room_for_work():
    with storage_node() as node:
        idle = [opened(node.port) for _ in range(200)]
        request(("127.0.0.1", node.port), WANTED, QUICK).release()
        for sock in idle:
            sock.close()
        waited(lambda: node.associations == 0)


def test_stop_aborts_what_does_not_end():
    with storage_node() as node:
        sock = opened(node.port)
        node.stop(grace=0.2)
        assert read_pdu(sock)[0] == 7
        sock.close()
        assert node.associations == 0


def waited(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def pair() -> tuple[Association, Association]:
    """Two open associations over a socket pair, requestor first."""
    ends = [
        Association(Channel(sock, QUICK), "", 16384, bool(k)) for k, sock in enumerate(socket.socketpair())
    ]
    for end in ends:
        end._machine.state = State.ESTABLISHED
        end.contexts[1] = Context(1, VERIFY, IMPLICIT)
    return ends[1], ends[0]


def test_a_collision_of_releases_ends_both_sides():
    requestor, acceptor = pair()
    start = threading.Barrier(2)
    faults = []

    def release(side, other_first):
        # Both send A-RELEASE-RQ before either reads.
        channel, send = side._channel, side._channel.send

        def both(parts):
            send(parts)
            if parts[0][0] == 5:
                start.wait(5)

        channel.send = both
        try:
            side.release()
        except NetworkError as error:
            faults.append(error)

    threads = [threading.Thread(target=release, args=(side, None)) for side in (requestor, acceptor)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert faults == []
    assert requestor._machine.state is State.IDLE
    assert acceptor._machine.state is State.IDLE


def test_data_after_a_release_request_are_dropped():
    requestor, acceptor = pair()
    acceptor.send(acceptor.contexts[1], b"late data")
    thread = threading.Thread(target=requestor.release)
    thread.start()
    fragment = acceptor.next_fragment()
    thread.join(10)
    assert fragment is None
    assert requestor._machine.state is State.IDLE


@pytest.mark.parametrize("limit", [16, 17, 100, 16384])
def test_no_pdu_is_longer_than_the_peer_takes(limit):
    requestor, acceptor = pair()
    requestor._agreed(limit)
    acceptor._max_length = limit
    data = bytes(range(256)) * 20
    sender = threading.Thread(target=requestor.send, args=(requestor.contexts[1], b"command!", data))
    sender.start()
    got = {True: b"", False: b""}
    lasts = 0
    while lasts < 2:
        fragment = acceptor.next_fragment()
        assert fragment.length + 6 <= limit
        piece = bytearray(fragment.length)
        acceptor.read(memoryview(piece))
        got[fragment.command] += piece
        lasts += fragment.last
    sender.join(5)
    assert got == {True: b"command!", False: data}
    requestor._channel.close()
    acceptor._channel.close()


def test_an_abort_reaches_the_peer_and_nobody_listening_is_said():
    requestor, acceptor = pair()
    threading.Thread(target=requestor.abort).start()
    with pytest.raises(NetworkError, match="aborted"):
        acceptor.next_fragment()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(NetworkError, match="cannot connect"):
            request(("127.0.0.1", free.getsockname()[1]), WANTED, QUICK)


def test_a_peer_that_never_answers():
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        with pytest.raises(NetworkTimeoutError):
            request(("127.0.0.1", mute.getsockname()[1]), WANTED, Timeouts(response=0.3, artim=0.3))


def test_a_data_set_longer_than_the_limit_is_refused_with_bounded_memory():
    kept = Kept()
    with storage_node(kept, max_data=1000) as node:
        contexts = (ProposedContext(1, "1.2.840.10008.5.1.4.1.1.2", (IMPLICIT,)),)
        sock = opened(node.port, AssociateRequest("NODE", "TEST", contexts, WANTED.user))
        from medvox.network.dimse.commands import Command, Operation, encode_command

        command = encode_command(Command(Operation.C_STORE, 1, data_set_type=0))
        sock.sendall(fragment_header(1, 3, len(command)) + command)
        sock.sendall(fragment_header(1, 0, 2000) + bytes(2000))
        assert read_pdu(sock)[0] == 7
        sock.close()
    assert kept.objects == []
