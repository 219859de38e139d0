"""Requests of procedures with damaged data sets: each is answered, and the services go on."""

from __future__ import annotations

import random

import pytest

from medvox.archive.archive import Archive
from medvox.archive.model import ArchiveSettings
from medvox.archive.state.database import StateDatabase
from medvox.archive.state.scheduling import scheduled
from medvox.network.dimse.commands import Command, Operation
from medvox.network.dimse.datasets import encode_dataset
from medvox.network.dimse.identifiers import worklist_identifier
from medvox.network.dimse.normalized import SopInstance, request_of
from medvox.network.dimse.proposals import Proposal
from medvox.network.dimse.services.commitment import COMMITMENT
from medvox.network.dimse.syntaxes import MODALITY_WORKLIST, MPPS, STORAGE_COMMITMENT
from medvox.network.dimse.user import Caller, Peer, connect
from medvox.workflows.node.procedures.procedures import Procedures
from network.fakes import QUICK, UID, storage_node
from workflows.node.procedures.test_commitment import wanted
from workflows.node.procedures.test_mpps import ITEM, begun, ended

pytestmark = pytest.mark.net
CALLER = Caller(UID, "CT1", timeouts=QUICK)
STEP = SopInstance(MPPS, "1.2.9")
EXPLICIT = "1.2.840.10008.1.2.1"
REQUESTS = (
    (MODALITY_WORKLIST, Command(Operation.C_FIND, sop_class_uid=MODALITY_WORKLIST, priority=0),
     worklist_identifier(["PatientName=*", "Modality=CT"])),
    (MPPS, request_of(Operation.N_CREATE, STEP), begun()),
    (MPPS, request_of(Operation.N_SET, STEP), ended()),
    (STORAGE_COMMITMENT, request_of(Operation.N_ACTION, COMMITMENT, 1), wanted(["1.2.99", "1.2.98"])),
)  # fmt: skip


def damaged(data: bytes, chance: random.Random) -> bytes:
    found = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        found[chance.randrange(len(found))] = chance.randrange(256)
    return bytes(found[: chance.choice((len(found), chance.randrange(1, len(found))))])


def test_each_damaged_request_is_answered(tmp_path):
    chance, answers = random.Random(11), []
    database = StateDatabase(tmp_path / "state.sqlite")
    with Archive.open(ArchiveSettings(tmp_path / "store")) as archive:
        made = Procedures(archive, database, lambda _title, _asking: None, CALLER)
        made.worklist.add(scheduled(ITEM))
        with storage_node(more=tuple(made.services())) as node:
            peer = Peer("127.0.0.1", node.port)
            proposals = [Proposal(uid, (EXPLICIT,)) for uid in (MODALITY_WORKLIST, MPPS, STORAGE_COMMITMENT)]
            with connect(peer, CALLER, proposals) as client:
                for turn in range(240):
                    abstract_syntax, command, data = REQUESTS[turn % len(REQUESTS)]
                    context = client.context(abstract_syntax)
                    number = client.send(context, command, damaged(encode_dataset(data, EXPLICIT), chance))
                    answers.append(final_status(client, number))
                assert client.echo() == 0
        assert all(step.status for step in made.performed.newest(1000))
        assert len(list(made.worklist.find({}, is_history=True))) == 1
    database.close()
    assert len(answers) == 240
    assert 0 in answers
    assert any(status not in (0, 0xFF00) for status in answers)


def final_status(client, number):
    """Status of the last response; reports that come in between are not answered."""
    while True:
        message = client.messenger.receive(10)
        assert message is not None
        command = message.command
        if command.is_response and command.responded_to == number and command.status != 0xFF00:
            return command.status
