"""Policy of a node: who may associate, for what, and what is kept of whom was refused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pynetdicom
import pytest

from medvox.archive.audit import Audit
from medvox.archive.recording import Recorder
from medvox.archive.state.ae_rules import AeRule, AeRules, AeService, RefusedCallers
from medvox.archive.state.database import StateDatabase
from medvox.core.errors import AccessError, MissingError
from medvox.network.dimse.provider import ProviderSettings, Services, provider
from medvox.network.dimse.services.verification import VerificationService
from medvox.network.dimse.syntaxes import FIND, VERIFICATION
from medvox.network.handlers import Destination
from medvox.network.upper_layer.negotiation import AssociationRequest, Refusal
from medvox.workflows.node.access import NodeAccess
from medvox.workflows.node.policy import Gate, NodePolicy, service_of

CT = "1.2.840.10008.5.1.4.1.1.2"
ASKED = AssociationRequest("MR1", "MEDVOX", "10.0.0.7", ())


@dataclass
class Kept:
    rules: AeRules
    refused: RefusedCallers
    audit: Audit
    recorder: Recorder

    def policy(self, **changes: bool) -> NodePolicy:
        return NodePolicy(self.rules, self.refused, self.recorder, **changes)


@pytest.fixture
def kept(tmp_path: Path):
    database, audit = StateDatabase(tmp_path / "state.sqlite"), Audit(tmp_path / "audit.sqlite")
    with Recorder(audit) as recorder:
        yield Kept(AeRules(database), RefusedCallers(database), audit, recorder)
    audit.close()
    database.close()


def test_unknown_callers_are_refused_listed_and_audited(kept: Kept) -> None:
    policy = kept.policy()
    assert policy.admit(ASKED).refusal is Refusal.CALLING_AE
    (one,) = kept.refused.all()
    assert (one.title, one.address, one.reason) == ("MR1", "10.0.0.7", "unknown AE title")
    (row,) = kept.audit.search()
    assert (row.event.who, row.event.action, row.event.outcome) == ("MR1@10.0.0.7", "associate", "refused")


def test_loopback_needs_no_rule_unless_told(kept: Kept) -> None:
    near = replace(ASKED, peer_address="127.0.0.1")
    assert kept.policy().admit(near).refusal is None
    assert kept.policy().may("MR1", AeService.RETRIEVE)
    assert kept.policy(trusts_loopback=False).admit(near).refusal is Refusal.CALLING_AE
    assert not kept.policy(trusts_loopback=False).may("MR1", AeService.RETRIEVE)


def test_a_rule_says_from_where_how_and_what_for(kept: Kept) -> None:
    policy = kept.policy()
    kept.rules.put(AeRule("MR1", "10.0.0.7", 104, frozenset({AeService.STORE}), needs_tls=True))
    assert policy.admit(ASKED).refusal is Refusal.CALLING_AE
    secure = replace(ASKED, is_secure=True)
    assert policy.admit(replace(secure, peer_address="10.0.0.8")).refusal is Refusal.CALLING_AE
    assert {one.reason for one in kept.refused.all()} == {"calls from another host", "does not use TLS"}
    admission = policy.admit(secure)
    assert admission.refusal is None
    assert admission.allows is not None
    assert [admission.allows(uid) for uid in (VERIFICATION, CT, FIND["study"])] == [True, True, False]
    assert policy.may("MR1", AeService.STORE)
    assert not policy.may("MR1", AeService.QUERY)
    assert policy.destination("MR1") == Destination("10.0.0.7", 104, "MR1")
    assert policy.destination("MR2") is None


def test_the_gate_refuses_and_notes(kept: Kept) -> None:
    kept.rules.put(AeRule("MR1", services=frozenset({AeService.STORE})))
    gate = Gate(kept.policy(), kept.recorder)
    gate.enter("MR1", AeService.STORE)
    gate.note("MR1", AeService.STORE, "1.2.3", "1.2.4")
    with pytest.raises(AccessError):
        gate.enter("MR1", AeService.RETRIEVE, "1.2.3")
    kept.recorder.flush()
    rows = [(r.event.action, r.event.target, r.event.outcome) for r in reversed(kept.audit.search())]
    assert rows == [
        ("retrieve", "1.2.3", "refused"),
        ("store", "1.2.3", "success"),
        ("store", "1.2.4", "success"),
    ]


@pytest.mark.parametrize(
    ("uid", "service"),
    [
        (VERIFICATION, None),
        (CT, "store"),
        ("1.3.12.2.1107.5.9.1", "store"),  # private
        ("1.2.840.10008.5.1.4.1.2.2.1", "query"),
        ("1.2.840.10008.5.1.4.1.2.1.3", "retrieve"),
        ("1.2.840.10008.5.1.4.31", "worklist"),
        ("1.2.840.10008.3.1.2.3.3", "mpps"),
        ("1.2.840.10008.1.20.1", "commitment"),
        ("1.2.840.10008.5.1.4.34.6.1", "ups"),
        ("1.2.840.10008.5.1.1.9", "print"),
        ("1.2.840.10008.5.1.1.16", "print"),
        ("1.2.840.10008.5.1.1.27", "store"),  # Stored Print Storage
        ("1.2.840.10008.1.40", None),
    ],
)
def test_sop_classes_belong_to_services(uid: str, service: str | None) -> None:
    assert service_of(uid) == service


def test_refused_callers_are_accepted_with_one_click(tmp_path: Path) -> None:
    database, audit = StateDatabase(tmp_path / "state.sqlite"), Audit(tmp_path / "audit.sqlite")
    access = NodeAccess(audit, database)
    for address in ("10.0.0.7", "10.0.0.8"):
        access.policy.admit(replace(ASKED, peer_address=address))
    assert [one.times for one in access.refused_callers(10)] == [1, 1]
    assert len(access.refused_callers(1)) == 1
    caller = next(one for one in access.refused_callers(10) if one.address == "10.0.0.8")
    assert access.accept_caller(caller.id).host == "10.0.0.8"
    assert access.refused_callers(10) == []
    with pytest.raises(MissingError):
        access.accept_caller(caller.id)
    assert access.policy.admit(replace(ASKED, peer_address="10.0.0.8")).refusal is None
    assert access.policy.admit(ASKED).refusal is Refusal.CALLING_AE
    access.close()
    audit.close()
    database.close()


@pytest.mark.net
def test_a_peer_is_refused_and_then_accepted(kept: Kept) -> None:
    policy = kept.policy(trusts_loopback=False)
    services = Services([VerificationService()])
    peer = pynetdicom.AE("MR1")
    peer.add_requested_context(VERIFICATION, ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"])
    with provider(services, policy, ProviderSettings("1.2.3")) as acceptor:
        refused = peer.associate("127.0.0.1", acceptor.port)
        assert refused.is_rejected
        assert refused.acceptor.primitive.result_str == "Rejected Permanent"
        assert [one.address for one in kept.refused.all()] == ["127.0.0.1"]
        kept.rules.put(AeRule("MR1", "127.0.0.1", transfer_syntaxes=("1.2.840.10008.1.2",)))
        accepted = peer.associate("127.0.0.1", acceptor.port)
        assert accepted.is_established
        assert accepted.accepted_contexts[0].transfer_syntax == ["1.2.840.10008.1.2"]  # the preferred one
        assert accepted.send_c_echo().Status == 0
        accepted.release()
    assert kept.refused.all() == []
