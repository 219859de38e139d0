"""`medvox serve token`, `ae` and `audit`, also while the databases are open elsewhere."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from medvox.archive.access import Action, Role
from medvox.archive.audit import Audit, Event
from medvox.archive.state.database import StateDatabase
from medvox.cli.main import app
from medvox.core.errors import FormatError, MissingError, UsageError
from medvox.workflows.node.access import NodeAccess


class Running:
    """What a node holds open, and the command line beside it."""

    def __init__(self, store: Path) -> None:
        self.store = store
        self.audit = Audit(store / "audit.sqlite")
        self.state = StateDatabase(store / "state.sqlite")
        self.access = NodeAccess(self.audit, self.state, trusts_loopback=False)

    def __call__(self, *words: object) -> str:
        told = CliRunner().invoke(
            app, ["serve", *map(str, words), "--store", str(self.store)], catch_exceptions=False
        )
        assert told.exit_code == 0
        return told.stdout

    def json(self, *words: object) -> Any:
        return json.loads(self(*words, "--json"))

    def refused(self, *words: object) -> str:
        told = CliRunner().invoke(app, ["serve", *map(str, words), "--store", str(self.store)])
        assert told.exit_code != 0
        return str(told.exception)


@pytest.fixture
def node(tmp_path: Path):
    running = Running(tmp_path)
    yield running
    running.access.close()
    running.state.close()
    running.audit.close()


def test_tokens(node: Running) -> None:
    secret = node("token", "create", "ann", "--role", "curator", "--scope", "query", "--days", "30").strip()
    token = node.access.tokens.find(secret)
    assert token is not None
    assert (token.name, token.role, token.scopes) == ("ann", Role.CURATOR, {Action.QUERY})
    (listed,) = node.json("token", "list")
    assert (listed["name"], listed["role"], listed["scopes"]) == ("ann", "curator", ["query"])
    assert secret not in json.dumps(listed)
    assert "of this name" in node.refused("token", "create", "ann")
    node("token", "revoke", "ann")
    assert node.json("token", "list")[0]["is_revoked"]
    assert "no such token" in node.refused("token", "revoke", "ann")
    events = [row["detail"] for row in node.json("audit", "--action", "manage")]
    assert events == ["token revoke ann", "token create ann (curator)"]
    assert secret not in "".join(events)


def test_rules_of_aes(node: Running) -> None:
    node("ae", "add", "CT 1", "--host", "10.0.0.7", "--port", 104, "--service", "store", "--tls")
    (rule,) = node.json("ae", "list")
    assert (rule["title"], rule["port"], rule["services"], rule["needs_tls"]) == (
        "CT 1",
        104,
        ["store"],
        True,
    )
    assert "no such service" in node.refused("ae", "add", "X", "--service", "fly")
    node("ae", "remove", "CT 1")
    assert node.json("ae", "list") == []


def test_a_refused_caller_is_accepted_with_one_command(node: Running) -> None:
    node.access.refused.note("MR1", "10.0.0.7", "unknown AE title")
    node.access.refused.flush()
    (caller,) = node.json("ae", "refused")
    assert (caller["title"], caller["address"], caller["count"]) == ("MR1", "10.0.0.7", 1)
    assert "MR1 from 10.0.0.7 may" in node("ae", "accept", "MR1")
    assert node.json("ae", "refused") == []
    rule = node.access.rules.get("MR1")
    assert rule is not None
    assert rule.host == "10.0.0.7"


def test_the_audit_is_searched_and_verified_while_the_node_writes(node: Running) -> None:
    node.audit.append(Event("ann", "retrieve", "1.2.3"), Event("bob", "delete", "1.2.4", detail="wrong"))
    assert [row["who"] for row in node.json("audit", "--study", "1.2.3")] == ["ann"]
    assert [row["detail"] for row in node.json("audit", "--who", "bob", "--action", "delete")] == ["wrong"]
    assert len(node.json("audit", "--since", "2020-01-01")) == 2
    assert node.json("audit", "--since", "2999-01-01T00:00") == []
    verified = node.json("audit", "--verify", "--limit", 1)
    assert (verified["verified"], len(verified["events"])) == (2, 1)
    assert verified["head"] == node.audit.head
    assert "none of them changed" in node("audit", "--verify")
    assert "not a date" in node.refused("audit", "--since", "yesterday")


def test_a_changed_audit_is_found_out(node: Running) -> None:
    node.audit.append(Event("ann", "retrieve", "1.2.3"), Event("bob", "delete", "1.2.4"))
    with sqlite3.connect(node.store / "audit.sqlite") as other:
        other.execute("UPDATE audit SET who = 'eve' WHERE id = 1")
    other.close()
    told = CliRunner().invoke(app, ["serve", "audit", "--verify", "--store", str(node.store)])
    assert isinstance(told.exception, FormatError)


def test_many_events_are_paged(node: Running) -> None:
    node.audit.append(*(Event("ann", "retrieve", f"1.{n}") for n in range(2500)))
    found = node.json("audit", "--limit", 2300)
    assert [row["number"] for row in found] == list(range(2500, 200, -1))


@pytest.mark.parametrize("words", [["token", "list"], ["ae", "list"], ["audit"]])
def test_where_there_is_no_archive_none_is_made(words: list[str], tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["serve", *words, "--store", str(tmp_path)])
    assert isinstance(told.exception, MissingError | UsageError)
    assert list(tmp_path.iterdir()) == []
