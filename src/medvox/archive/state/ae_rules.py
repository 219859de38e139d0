"""Rules of remote AEs: who may call for what, and where to send to; and who was refused."""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (  # fmt: skip
    BigInteger,
    Boolean,
    Column,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)

from medvox.archive.entry import is_uid
from medvox.archive.state.database import StateDatabase
from medvox.archive.state.fresh import Fresh
from medvox.core.errors import MissingError, UsageError

METADATA: Final = MetaData()
RULES: Final = Table(
    "ae_rules",
    METADATA,
    Column("title", String(16), primary_key=True),
    Column("host", Text, nullable=False),
    Column("port", Integer),
    Column("services", Text, nullable=False),
    Column("character_set", Text, nullable=False),
    Column("transfer_syntaxes", Text, nullable=False),
    Column("needs_tls", Boolean, nullable=False),
    Column("coercion", Text, nullable=False),
)
REFUSED: Final = Table(
    "refused_callers",
    METADATA,
    Column("title", String(16), primary_key=True),
    Column("address", String(64), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("calls", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
)

MOST_REFUSED: Final = 500
"""Refused callers that are listed; of more, those that called last."""
ANYONE: Final = "*"
"""Title of the rule for callers that have none of their own."""
_TITLE: Final = re.compile(r"(?! )[ -\[\]-~]{1,16}(?<! )")
"""Default repertoire without backslash, control characters and outer spaces (PS3.5 6.2, AE)."""
_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,253}[A-Za-z0-9])?")
_RESOLVED_S: Final = 60


class AeService(StrEnum):
    """What a remote AE may do; Verification is for every AE that has a rule."""

    STORE = "store"
    QUERY = "query"
    RETRIEVE = "retrieve"
    WORKLIST = "worklist"
    MPPS = "mpps"
    COMMITMENT = "commitment"
    UPS = "ups"
    PRINT = "print"


@dataclass(frozen=True, slots=True)
class AeRule:
    """What holds for a remote AE.

    Parameters
    ----------
    title
        AE title, compared letter by letter; `ANYONE` for all that have no rule.
    host
        Where it calls from and is called at: a name, an address or a network (``10.1.0.0/16``); empty: calls
        from anywhere.
    port
        Where it listens, for moves to it; None: it is never called.
    services
        What it may do.
    character_set
        Defined term of (0008,0005) that it is answered in; empty: as stored.
    transfer_syntaxes
        UIDs to take from what it proposes, the preferred first; empty: as the caller orders them.
    needs_tls
        Whether it must use TLS.
    coercion
        Name of the rule by which attributes of what it sends are changed; empty for none.
    """

    title: str
    host: str = ""
    port: int | None = None
    services: frozenset[AeService] = frozenset(AeService)
    character_set: str = ""
    transfer_syntaxes: tuple[str, ...] = ()
    needs_tls: bool = False
    coercion: str = ""

    def __post_init__(self) -> None:
        if not _TITLE.fullmatch(self.title):
            raise UsageError("not an AE title", got=self.title, expected="1 to 16 characters (PS3.5 6.2)")
        if self.host and _network(self.host) is None and not _HOST.fullmatch(self.host):
            raise UsageError("not a host, address or network", where=self.title, got=self.host)
        if self.port is not None and not 0 < self.port < 65536:
            raise UsageError("no such port", where=self.title, got=self.port, expected="1..65535")
        for uid in self.transfer_syntaxes:
            if not is_uid(uid):
                raise UsageError("not a transfer syntax UID", where=self.title, got=uid)

    @property
    def is_destination(self) -> bool:
        """Whether it can be called: its port and the address of one machine are known."""
        return self.port is not None and bool(self.host) and "/" not in self.host

    def matches(self, address: str) -> bool:
        """Tell whether it may call from an IP address."""
        if not self.host:
            return True
        caller = _plain(address)
        if caller is None:
            return False
        network = _network(self.host)
        if network is not None:
            return caller in network
        return str(caller) in _addresses(self.host.lower(), int(time.monotonic() / _RESOLVED_S))


@dataclass(frozen=True, slots=True)
class RefusedCaller:
    """An AE that was refused.

    Parameters
    ----------
    title, address
        As it called itself, and the IP address it called from.
    reason
        Why.
    count, last
        How often, and when last in seconds since 1970, UTC.
    """

    title: str
    address: str
    reason: str
    count: int
    last: int


class AeRules:
    """Rules of a node; safe to use from several threads.

    Parameters
    ----------
    database
        Where they are kept.
    """

    def __init__(self, database: StateDatabase) -> None:
        self._database = database
        database.prepare(METADATA)
        self._rules = Fresh(self._read)

    def get(self, title: str) -> AeRule | None:
        """Return the rule of an AE, or the one of `ANYONE`, or None.

        Raises
        ------
        AccessError
            If the rules cannot be read.
        """
        rules = self._rules()
        return rules.get(title) or rules.get(ANYONE)

    def all(self) -> list[AeRule]:
        """Return all rules by title."""
        with self._database.reading() as connection:
            return [_rule(row) for row in connection.execute(select(RULES).order_by(RULES.c.title))]

    def put(self, rule: AeRule) -> None:
        """Keep a rule, in place of the one with its title."""
        row = {
            "title": rule.title,
            "host": rule.host,
            "port": rule.port,
            "services": " ".join(sorted(rule.services)),
            "character_set": rule.character_set,
            "transfer_syntaxes": " ".join(rule.transfer_syntaxes),
            "needs_tls": rule.needs_tls,
            "coercion": rule.coercion,
        }
        with self._database.changing() as connection:
            connection.execute(delete(RULES).where(RULES.c.title == rule.title))
            connection.execute(insert(RULES).values(row))
            connection.execute(delete(REFUSED).where(REFUSED.c.title == rule.title))
        self._rules.forget()

    def remove(self, title: str) -> None:
        """Remove a rule.

        Raises
        ------
        MissingError
            If there is none of this title.
        """
        with self._database.changing() as connection:
            done = connection.execute(delete(RULES).where(RULES.c.title == title)).rowcount
        self._rules.forget()
        if not done:
            raise MissingError("there is no rule for this AE", got=title)

    def _read(self) -> dict[str, AeRule]:
        return {rule.title: rule for rule in self.all()}


class RefusedCallers:
    """Callers that were refused; safe to use from several threads.

    They are counted in memory and kept by `flush`, so that nobody can wear the disk out by calling.

    Parameters
    ----------
    database
        Where they are kept.
    """

    def __init__(self, database: StateDatabase) -> None:
        self._database = database
        database.prepare(METADATA)
        self._lock = threading.Lock()
        self._new: dict[tuple[str, str], RefusedCaller] = {}

    def note(self, title: str, address: str, reason: str) -> None:
        """Count a refusal; of too many callers between two flushes the first are kept."""
        title = "".join(c if " " <= c <= "~" else "?" for c in title)[:16]
        with self._lock:
            known = self._new.get((title, address))
            if known is None and len(self._new) >= MOST_REFUSED:
                return
            count = known.count + 1 if known else 1
            self._new[title, address] = RefusedCaller(title, address, reason, count, int(time.time()))

    def flush(self) -> None:
        """Keep what was counted; a node does so now and then.

        Raises
        ------
        WriteError
            If it cannot be kept.
        """
        with self._lock:
            new, self._new = self._new, {}
        if not new:
            return
        with self._database.changing() as connection:
            for one in new.values():
                same = (REFUSED.c.title == one.title) & (REFUSED.c.address == one.address)
                values = {"reason": one.reason, "last": one.last}
                change = update(REFUSED).where(same).values(calls=REFUSED.c.calls + one.count, **values)
                if not connection.execute(change).rowcount:
                    row = {"title": one.title, "address": one.address, "calls": one.count, **values}
                    connection.execute(insert(REFUSED).values(row))
            oldest = select(REFUSED.c.last).order_by(REFUSED.c.last.desc()).offset(MOST_REFUSED).limit(1)
            limit = connection.scalar(oldest)
            if limit is not None:
                connection.execute(delete(REFUSED).where(REFUSED.c.last <= limit))

    def all(self) -> list[RefusedCaller]:
        """Return the callers, who called last first."""
        self.flush()
        with self._database.reading() as connection:
            rows = connection.execute(select(REFUSED).order_by(REFUSED.c.last.desc(), REFUSED.c.title))
            return [RefusedCaller(r.title, r.address, r.reason, r.calls, r.last) for r in rows]


def accept(
    rules: AeRules,
    refused: RefusedCallers,
    title: str,
    address: str | None = None,
    services: Iterable[AeService] = tuple(AeService),
) -> AeRule:
    """Make a rule for a caller that was refused, from where it called.

    Parameters
    ----------
    title
        Its AE title.
    address
        From where, where it called from several places.
    services
        What it may do.

    Raises
    ------
    MissingError
        If it was not refused.
    UsageError
        If it called from several places and none is named.
    """
    places = sorted({one.address for one in refused.all() if one.title == title})
    if not places or (address is not None and address not in places):
        raise MissingError("no such caller was refused", got=title if address is None else address)
    if address is None and len(places) > 1:
        raise UsageError("this AE called from several places", got=title, expected=places)
    before = next((rule for rule in rules.all() if rule.title == title), AeRule(title))
    rule = replace(before, host=address or places[0], services=frozenset(services))
    rules.put(rule)
    return rule


def is_loopback(address: str) -> bool:
    """Tell whether a caller is on this machine."""
    found = _plain(address)
    return found is not None and found.is_loopback


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _plain(address: str) -> _Address | None:
    """Return an IP address, an IPv4 one that is wrapped into IPv6 as itself."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _network(host: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(host, strict=False)
    except ValueError:
        return None


@lru_cache(maxsize=256)
def _addresses(host: str, _minute: int) -> frozenset[str]:
    """Return the addresses of a name, asked for once in a minute."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return frozenset()
    return frozenset(str(_plain(str(entry[4][0]))) for entry in found)


def _rule(row: Any) -> AeRule:
    return AeRule(
        title=row.title,
        host=row.host,
        port=row.port,
        services=frozenset(AeService(word) for word in row.services.split()),
        character_set=row.character_set,
        transfer_syntaxes=tuple(row.transfer_syntaxes.split()),
        needs_tls=row.needs_tls,
        coercion=row.coercion,
    )
