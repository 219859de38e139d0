"""Tokens: only who has one is known, nothing that is kept tells it, and it ends when it should."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest

from medvox.archive.access import Action, Principal, Role
from medvox.archive.state import tokens as module
from medvox.archive.state.database import StateDatabase
from medvox.archive.state.tokens import Tokens
from medvox.core.errors import MissingError, UsageError


@pytest.fixture
def tokens(tmp_path: Path):
    database = StateDatabase(tmp_path / "state.sqlite")
    yield Tokens(database)
    database.close()


def test_a_token_is_known_by_its_secret_alone(tokens: Tokens, tmp_path: Path) -> None:
    secret = tokens.create("ann", Role.VIEWER, scopes=[Action.QUERY])
    found = tokens.find(secret)
    assert found is not None
    assert found.principal == Principal("ann", Role.VIEWER, frozenset({Action.QUERY}))
    for wrong in ("", secret[:-1], secret + "x", secret.upper(), found.digest, "ann", "\udc80"):
        assert tokens.find(wrong) is None
    assert len(secret) >= 43  # 256 bits in base 64
    files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert secret.encode() not in files


def test_the_first_token_is_made_once(tokens: Tokens) -> None:
    secret = tokens.create_first()
    assert secret is not None
    found = tokens.find(secret)
    assert found is not None
    assert (found.name, found.role, found.scopes) == ("admin", Role.ADMIN, None)
    assert tokens.create_first() is None
    tokens.revoke("admin")
    assert tokens.create_first() is None


def test_a_revoked_token_is_refused_at_once_and_its_name_is_free(tokens: Tokens) -> None:
    first = tokens.create("ann", Role.VIEWER)
    with pytest.raises(UsageError, match="of this name"):
        tokens.create("ann", Role.ADMIN)
    tokens.revoke("ann")
    assert tokens.find(first) is None
    second = tokens.create("ann", Role.CURATOR)
    assert tokens.find(second) is not None
    assert [token.is_revoked for token in tokens.all()] == [True, False]
    with pytest.raises(MissingError):
        tokens.revoke("bob")


def test_what_another_process_does_is_seen_after_a_second(tokens: Tokens, tmp_path: Path) -> None:
    secret = tokens.create("ann", Role.VIEWER)
    assert tokens.find(secret) is not None
    other = StateDatabase(tmp_path / "state.sqlite")
    theirs = Tokens(other)
    new = theirs.create("bob", Role.VIEWER)
    theirs.revoke("ann")
    other.close()
    time.sleep(1.1)
    assert tokens.find(secret) is None
    assert tokens.find(new) is not None


def test_a_token_expires(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tokens.create("ann", Role.VIEWER, days=1)
    assert tokens.find(secret) is not None
    later = time.time() + 86401
    monkeypatch.setattr(module.time, "time", lambda: later)
    assert tokens.find(secret) is None
    monkeypatch.undo()
    for days in (0, -1, float("nan"), 1e9):
        with pytest.raises(UsageError):
            tokens.create("late", Role.VIEWER, days=days)


def test_the_last_use_is_kept(tokens: Tokens, tmp_path: Path) -> None:
    secret = tokens.create("ann", Role.VIEWER)
    assert tokens.all()[0].used is None
    tokens.find(secret)
    tokens.flush_uses()
    with sqlite3.connect(tmp_path / "state.sqlite") as connection:
        (used,) = connection.execute("SELECT used FROM tokens").fetchone()
    connection.close()
    assert abs(used - time.time()) < 5


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "a\nb", "<b>"])
def test_names_are_plain(tokens: Tokens, name: str) -> None:
    with pytest.raises(UsageError):
        tokens.create(name, Role.VIEWER)
