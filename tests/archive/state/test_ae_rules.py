"""Rules of remote AEs: kept, matched by address, and made of callers that were refused."""

from __future__ import annotations

import pytest

from medvox.archive.state import ae_rules as module
from medvox.archive.state.ae_rules import (
    ANYONE,
    MOST_REFUSED,
    AeRule,
    AeRules,
    AeService,
    RefusedCallers,
    accept,
    is_loopback,
)
from medvox.archive.state.database import StateDatabase
from medvox.core.errors import MissingError, UsageError


@pytest.fixture
def database(tmp_path):
    opened = StateDatabase(tmp_path / "state.sqlite")
    yield opened
    opened.close()


CT = AeRule(
    "CT 1", "10.1.2.3", 104, frozenset({AeService.STORE, AeService.MPPS}), "ISO_IR 100",
    ("1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.1"), needs_tls=True, coercion="site",
)  # fmt: skip


def test_rules_are_kept(database):
    rules = AeRules(database)
    rules.put(CT)
    rules.put(AeRule("WS"))
    assert AeRules(database).all() == [CT, AeRule("WS")]
    assert rules.get("CT 1") == CT
    assert rules.get("ct 1") is None
    rules.put(AeRule("WS", port=11112))
    assert rules.get("WS") == AeRule("WS", port=11112)
    rules.put(AeRule(ANYONE, services=frozenset({AeService.STORE})))
    assert rules.get("ct 1").services == {AeService.STORE}
    rules.remove("CT 1")
    assert rules.get("CT 1").title == ANYONE
    with pytest.raises(MissingError):
        rules.remove("CT 1")


@pytest.mark.parametrize(
    ("host", "address", "expected"),
    [
        ("", "8.8.8.8", True),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3", "::ffff:10.1.2.3", True),
        ("10.1.2.3", "10.1.2.30", False),
        ("10.1.0.0/16", "10.1.200.1", True),
        ("10.1.0.0/16", "10.2.0.1", False),
        ("fd00::/8", "fd12::1", True),
        ("fd00::/8", "10.1.0.1", False),
        ("localhost", "127.0.0.1", True),
        ("localhost", "10.0.0.1", False),
        ("nowhere.invalid", "10.0.0.1", False),
        ("10.1.2.3", "not an address", False),
    ],
)
def test_hosts(host, address, expected):
    assert AeRule("A", host).matches(address) is expected


def test_destinations_have_a_port_and_one_machine():
    assert AeRule("A", "pacs.example", 104).is_destination
    assert not AeRule("A", "pacs.example").is_destination
    assert not AeRule("A", "", 104).is_destination
    assert not AeRule("A", "10.0.0.0/8", 104).is_destination


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": ""},
        {"title": "x" * 17},
        {"title": " A"},
        {"title": "A\\B"},
        {"title": "A\n"},
        {"host": "a b"},
        {"host": "-x"},
        {"port": 0},
        {"port": 65536},
        {"transfer_syntaxes": ("ImplicitVR",)},
    ],
)
def test_nonsense_is_refused(wrong):
    with pytest.raises(UsageError):
        AeRule(**({"title": "A"} | wrong))


def test_a_refused_caller_is_accepted_from_where_it_called(database):
    rules, refused = AeRules(database), RefusedCallers(database)
    for _ in range(3):
        refused.note("MR1", "10.0.0.7", "unknown AE title")
    refused.flush()
    refused.note("MR1", "10.0.0.7", "unknown AE title")
    (one,) = refused.all()
    assert (one.title, one.address, one.reason, one.count) == ("MR1", "10.0.0.7", "unknown AE title", 4)
    with pytest.raises(MissingError):
        accept(rules, refused, "MR2")
    with pytest.raises(MissingError):
        accept(rules, refused, "MR1", "10.0.0.8")
    rule = accept(rules, refused, "MR1", services=[AeService.STORE])
    assert rules.get("MR1") == rule == AeRule("MR1", "10.0.0.7", services=frozenset({AeService.STORE}))
    assert refused.all() == []


def test_a_title_from_two_places_must_be_told_apart(database):
    rules, refused = AeRules(database), RefusedCallers(database)
    refused.note("MR1", "10.0.0.7", "unknown AE title")
    refused.note("MR1", "10.0.0.9", "unknown AE title")
    with pytest.raises(UsageError, match="several places"):
        accept(rules, refused, "MR1")
    assert accept(rules, refused, "MR1", "10.0.0.9").host == "10.0.0.9"


def test_the_list_of_refused_callers_is_bounded(database, monkeypatch):
    refused = RefusedCallers(database)
    now = [1000]
    monkeypatch.setattr(module.time, "time", lambda: now[0])
    for n in range(2 * MOST_REFUSED):
        refused.note(f"A{n}", "10.0.0.7", "x")
    assert len(refused.all()) == MOST_REFUSED
    now[0] += 10
    refused.note("NEW\x1b[2J", "10.0.0.7", "x")
    listed = refused.all()
    assert listed[0].title == "NEW?[2J"
    assert len(listed) <= MOST_REFUSED


def test_loopback():
    assert all(map(is_loopback, ("127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1")))
    assert not any(map(is_loopback, ("10.0.0.1", "::2", "", "localhost")))
