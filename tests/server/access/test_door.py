"""Door: which names a node answers to, and pages of which sites may ask."""

from __future__ import annotations

import pytest
from starlette.requests import HTTPConnection

from medvox.server.access.door import Door

OPEN = Door(8042, is_loopback=False)
NAMED = Door(
    8042, is_loopback=False, hosts=frozenset({"pacs.example"}), origins=frozenset({"https://v.example"})
)
SECURE = Door(443, is_secure=True)


def asked(*headers: tuple[str, str]) -> HTTPConnection:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    return HTTPConnection({"type": "http", "headers": raw})


@pytest.mark.parametrize(
    ("door", "host", "origin", "expected"),
    [
        (Door(8042), "127.0.0.1:8042", None, True),
        (Door(8042), "LOCALHOST:8042", "http://127.0.0.1:8042", True),
        (Door(8042), "127.0.0.1:8043", None, False),
        (Door(8042), "10.0.0.1:8042", None, False),
        (Door(8042), "127.0.0.1", None, True),
        (Door(8042), "127.0.0.1", "http://127.0.0.1", False),
        (Door(8042), "127.0.0.1:80", "http://127.0.0.1:80", False),
        (Door(8042), "evil.example", None, False),
        (NAMED, "pacs.example", None, False),
        (Door(80), "localhost", "http://localhost", True),
        (OPEN, "10.0.0.1:8042", "http://10.0.0.1:8042", True),
        (OPEN, "10.0.0.1:8042", "http://evil.example", False),
        (OPEN, "10.0.0.1:8042", "https://10.0.0.1:8042", False),
        (NAMED, "pacs.example:8042", "http://pacs.example:8042", True),
        (NAMED, "pacs.example:8042", "https://v.example", True),
        (NAMED, "127.0.0.1:8042", None, True),
        (NAMED, "10.0.0.1:8042", None, False),
        (SECURE, "localhost", "https://localhost", True),
        (SECURE, "localhost:443", "http://localhost:443", False),
        (OPEN, None, None, False),
    ],
)
def test_hosts_and_origins(door: Door, host: str | None, origin: str | None, expected: bool) -> None:
    headers = [("host", host)] if host else []
    headers += [("origin", origin)] if origin is not None else []
    assert door.is_own(asked(*headers)) is expected


def test_each_may_be_sent_once() -> None:
    assert not OPEN.is_own(asked(("host", "a"), ("host", "a")))
    assert not OPEN.is_own(asked(("host", "a"), ("origin", "http://a"), ("origin", "http://a")))
