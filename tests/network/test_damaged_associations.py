"""Whole associations with damaged bytes: the node answers or ends them, and goes on."""

from __future__ import annotations

import random
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medvox.core.errors import FormatError
from medvox.network.dimse.commands import Command, Operation, decode_command, encode_command
from medvox.network.dimse.user import Caller, Peer, connect
from medvox.network.upper_layer.acceptor import Listening
from medvox.network.upper_layer.channel import Timeouts
from medvox.network.upper_layer.items import ProposedContext, UserInformation
from medvox.network.upper_layer.pdu import AssociateRequest, ReleaseRequest, encode, fragment_header
from network.fakes import QUICK, UID, Kept, storage_node

CT, IMPLICIT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2"


def recorded() -> bytes:
    """What a requestor sends to store one small instance."""
    contexts = (ProposedContext(1, CT, (IMPLICIT,)),)
    request = encode(AssociateRequest("NODE", "TEST", contexts, UserInformation(16384, "1.2.3")))
    command = encode_command(
        Command(Operation.C_STORE, 1, sop_class_uid=CT, sop_instance_uid="1.2.3", data_set_type=0, priority=0)
    )
    data = b"\x08\0\x18\0\6\0\0\x001.2.3\0"
    stored = fragment_header(1, 3, len(command)) + command + fragment_header(1, 2, len(data)) + data
    return request + stored + encode(ReleaseRequest())


@pytest.mark.net
def test_damaged_associations_do_no_harm():
    kept, whole, chance = Kept(), recorded(), random.Random(4)
    listening = Listening(timeouts=Timeouts(artim=0.5, pdu=0.5, idle=0.5, response=1))
    with storage_node(kept, listening=listening, max_data=1 << 20) as node:
        exchange(node.port, whole)
        assert len(kept.objects) == 1
        for _ in range(150):
            damaged = bytearray(whole)
            for _ in range(chance.randint(1, 4)):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            exchange(
                node.port, bytes(damaged[: chance.choice((len(damaged), chance.randrange(len(damaged))))])
            )
        with connect(Peer("127.0.0.1", node.port), Caller(UID, timeouts=QUICK)) as client:
            assert client.echo() == 0
    assert all(len(data) <= 1 << 20 for _, data in kept.objects)


def exchange(port: int, data: bytes) -> None:
    """Send bytes, then read until the node ends the connection."""
    with socket.create_connection(("127.0.0.1", port), 5) as sock:
        sock.settimeout(5)
        try:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(4096):
                pass
        except ConnectionError:
            return


@given(st.binary(max_size=300))
def test_any_bytes_are_a_command_or_a_format_error(data):
    try:
        command = decode_command(data)
    except FormatError:
        return
    assert isinstance(command.command_field, int)


@given(
    st.builds(
        Command,
        st.sampled_from(Operation),
        message_id=st.integers(0, 65535),
        sop_class_uid=st.none() | st.just(CT),
        sop_instance_uid=st.none() | st.sampled_from(["1.2.3", "1.2.34"]),
        move_destination=st.none() | st.just("STORE"),
        status=st.none() | st.integers(0, 65535),
        remaining=st.none() | st.integers(0, 65535),
    )
)
def test_commands_survive_and_pydicom_reads_them(command):
    from pydicom.filebase import DicomBytesIO
    from pydicom.filereader import read_dataset

    data = encode_command(command)
    assert decode_command(data) == command
    theirs = read_dataset(DicomBytesIO(data), is_implicit_VR=True, is_little_endian=True)
    assert theirs.CommandField == command.command_field
    assert theirs.CommandGroupLength == len(data) - 12
    assert theirs.get("MoveDestination") == command.move_destination
