"""Tokens: who may use the node over HTTP, until when, and for what.

A token is 256 random bits, so that its SHA-256 is all that has to be kept: it cannot be guessed back.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import (  # fmt: skip
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    insert,
    select,
    text,
    update,
)

from medvox.archive.access import Action, Principal, Role
from medvox.archive.state.database import StateDatabase
from medvox.archive.state.fresh import Fresh
from medvox.core.errors import MissingError, UsageError, WriteError

METADATA: Final = MetaData()
TOKENS: Final = Table(
    "tokens",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("scopes", Text),
    Column("digest", String(64), nullable=False, unique=True),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger),
    Column("used", BigInteger),
    Column("is_revoked", Boolean, nullable=False),
)
Index(
    "live_token_by_name",
    TOKENS.c.name,
    unique=True,
    sqlite_where=text("is_revoked = 0"),
    postgresql_where=text("NOT is_revoked"),
)

FIRST: Final = "admin"
"""Name of the token that is made at the first start."""
_NAME: Final = re.compile(r"[\w.@-]{1,64}")
_SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Token:
    """What is kept of a token.

    Parameters
    ----------
    name
        Of who has it, as it stands in the audit.
    role, scopes
        What it allows, see `medvox.archive.access.Principal`.
    created, expires, used
        Seconds since 1970, UTC; None for never. `used` is exact to a minute.
    is_revoked
        Whether it was taken back.
    digest
        SHA-256 of the token, hexadecimal.
    """

    name: str
    role: Role
    scopes: frozenset[Action] | None
    created: int
    expires: int | None
    used: int | None
    is_revoked: bool
    digest: str

    @property
    def principal(self) -> Principal:
        """Who has it."""
        return Principal(self.name, self.role, self.scopes)

    def is_live(self, now: float) -> bool:
        """Tell whether it is good at a time, in seconds since 1970."""
        return not self.is_revoked and (self.expires is None or now < self.expires)


class Tokens:
    """Tokens of a node; safe to use from several threads.

    Parameters
    ----------
    database
        Where they are kept.
    """

    def __init__(self, database: StateDatabase) -> None:
        self._database = database
        database.prepare(METADATA)
        self._by_digest = Fresh(self._read)
        self._used: dict[str, int] = {}
        self._lock = threading.Lock()

    def create(
        self,
        name: str,
        role: Role,
        *,
        scopes: Iterable[Action] | None = None,
        days: float | None = None,
    ) -> str:
        """Make a token; return it: it can never be shown again.

        Parameters
        ----------
        name
            Letters, digits, ``._@-``; no two tokens that are not revoked have the same.
        role, scopes
            What it allows.
        days
            After how many it expires; None: never.

        Raises
        ------
        UsageError
            If the name is taken or is none, or the time is not positive.
        """
        if not _NAME.fullmatch(name):
            raise UsageError(
                "not a name for a token", got=name, expected="letters, digits, . _ @ -, up to 64"
            )
        if days is not None and not 0 < days < 36525:
            raise UsageError("a token lasts more than 0 days, and less than 100 years", got=days)
        secret, now = secrets.token_urlsafe(_SECRET_BYTES), int(time.time())
        row = {
            "name": name,
            "role": role.value,
            "scopes": None if scopes is None else " ".join(sorted(scopes)),
            "digest": _digest(secret),
            "created": now,
            "expires": None if days is None else now + max(int(days * 86400), 1),
            "is_revoked": False,
        }
        with self._database.changing() as connection:
            taken = select(TOKENS.c.id).where(TOKENS.c.name == name, TOKENS.c.is_revoked.is_(False))
            if connection.scalar(taken) is not None:
                raise UsageError("there is a token of this name", got=name, advice="Revoke it first.")
            connection.execute(insert(TOKENS).values(row))
        self._by_digest.forget()
        return secret

    def create_first(self) -> str | None:
        """Make a token for an administrator if there was never any token; return it, or None."""
        if self._is_any():
            return None
        try:
            return self.create(FIRST, Role.ADMIN)
        except (UsageError, WriteError):
            if not self._is_any():
                raise
            return None  # another process was faster

    def find(self, secret: str) -> Token | None:
        """Return the token that somebody shows, or None if it is not good (any more).

        Raises
        ------
        AccessError
            If the tokens cannot be read.
        """
        digest = _digest(secret)
        token = self._by_digest().get(digest)
        return self._checked(token, digest)

    def find_digest(self, digest: str) -> Token | None:
        """Return the token of a session that was opened with it, or None if it is not good any more."""
        return self._checked(self._by_digest().get(digest), digest)

    def all(self) -> list[Token]:
        """Return all tokens in the order they were made, revoked ones too."""
        self.flush_uses()
        with self._database.reading() as connection:
            return [_token(row) for row in connection.execute(select(TOKENS).order_by(TOKENS.c.id))]

    def revoke(self, name: str) -> None:
        """Take a token back; another process refuses it after a second.

        Raises
        ------
        MissingError
            If there is none of this name that is not revoked.
        """
        live = (TOKENS.c.name == name) & TOKENS.c.is_revoked.is_(False)
        with self._database.changing() as connection:
            done = connection.execute(update(TOKENS).where(live).values(is_revoked=True)).rowcount
        self._by_digest.forget()
        if not done:
            raise MissingError("there is no such token", got=name)

    def flush_uses(self) -> None:
        """Keep when tokens were last used; a node does so now and then."""
        with self._lock:
            used, self._used = self._used, {}
        if not used:
            return
        with self._database.changing() as connection:
            for digest, when in used.items():
                connection.execute(update(TOKENS).where(TOKENS.c.digest == digest).values(used=when))

    def _is_any(self) -> bool:
        with self._database.reading() as connection:
            return connection.scalar(select(TOKENS.c.id).limit(1)) is not None

    def _checked(self, token: Token | None, digest: str) -> Token | None:
        now = time.time()
        if token is None or not secrets.compare_digest(token.digest, digest) or not token.is_live(now):
            return None
        if token.used is None or now - token.used > 60:
            with self._lock:
                self._used.setdefault(digest, int(now))
        return token

    def _read(self) -> dict[str, Token]:
        with self._database.reading() as connection:
            rows = connection.execute(select(TOKENS).where(TOKENS.c.is_revoked.is_(False))).all()
        return {row.digest: _token(row) for row in rows}


def _token(row: Any) -> Token:
    scopes = None if row.scopes is None else frozenset(Action(word) for word in row.scopes.split())
    return Token(
        row.name, Role(row.role), scopes, row.created, row.expires, row.used, row.is_revoked, row.digest
    )


def _digest(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
