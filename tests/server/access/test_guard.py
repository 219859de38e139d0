"""Guard of a node, over real HTTP: who gets through, who does not, and what the audit says of both."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import pytest

from medvox.archive.access import Role
from medvox.archive.audit import Event
from medvox.archive.recording import MOST_KINDS
from server.access.conftest import Guarded, application

WRONG = {"Authorization": "Bearer wrong"}


@pytest.mark.parametrize("headers", [{}, WRONG, {"Authorization": "Basic eA=="}, {"Cookie": "medvox=1"}])
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/studies/1.2.3"), ("DELETE", "/studies/1.2.3"), ("GET", "/x")]
)
def test_strangers_get_401_and_a_row(
    guarded: Guarded, http: httpx.Client, method: str, path: str, headers: dict[str, str]
) -> None:
    answer = http.request(method, guarded.base + path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert guarded.audit.search()[0].event == Event(
        "127.0.0.1", "request", "", "refused", "HTTP 401, from 127.0.0.1"
    )


ASKED = {
    "query": ("GET", "/studies"),
    "retrieve": ("GET", "/studies/1.2.3"),
    "store": ("POST", "/studies"),
    "delete": ("DELETE", "/studies/1.2.3"),
}
MAY = {
    Role.VIEWER: {"query", "retrieve"},
    Role.UPLOADER: {"store"},
    Role.CURATOR: {"query", "retrieve", "store"},
    Role.ADMIN: {"query", "retrieve", "store", "delete"},
}


@pytest.mark.parametrize("role", Role)
def test_roles_decide(guarded: Guarded, http: httpx.Client, role: Role) -> None:
    for action, (method, path) in ASKED.items():
        answer = http.request(method, guarded.base + path, headers=guarded.as_(role))
        assert answer.status_code == (200 if action in MAY[role] else 403), action
        row = guarded.rows(who=f"the-{role}", action=action)[-1]
        assert row.outcome == ("success" if action in MAY[role] else "refused")


def test_the_audit_says_which_studies_and_why(guarded: Guarded, http: httpx.Client) -> None:
    admin = guarded.as_(Role.ADMIN)
    http.delete(f"{guarded.base}/studies/1.2.3", headers=admin)
    assert guarded.audit.search()[0].event == Event(
        "the-admin", "delete", "1.2.3", "success", "wrong patient; from 127.0.0.1"
    )  # there before the answer
    http.post(f"{guarded.base}/studies", headers=admin)
    assert [row.target for row in guarded.rows(action="store")] == ["1.2.7", "1.2.8"]
    assert http.get(f"{guarded.base}/studies/9.9/broken", headers=admin).status_code == 500
    assert guarded.rows(target="9.9")[-1].outcome == "failure"
    assert http.get(f"{guarded.base}/studies/DOE^JANE", headers=admin).status_code == 200
    assert guarded.rows(action="retrieve")[-1].target == ""  # not a UID: not in the audit
    assert not any("DOE" in str(row) for row in guarded.rows())
    assert guarded.audit.verify() == len(guarded.rows())


def test_a_revoked_token_is_refused(guarded: Guarded, http: httpx.Client) -> None:
    viewer = guarded.as_(Role.VIEWER)
    assert http.get(f"{guarded.base}/studies", headers=viewer).text == '"the-viewer"'
    guarded.tokens.revoke("the-viewer")
    assert http.get(f"{guarded.base}/studies", headers=viewer).status_code == 401


def test_knocking_is_counted_and_reads_wait_for_no_row(guarded: Guarded, http: httpx.Client) -> None:
    for _ in range(50):
        assert http.get(f"{guarded.base}/studies", headers=WRONG).status_code == 401
    assert len(guarded.audit.search()) == 1
    for _ in range(50):
        assert http.get(f"{guarded.base}/studies/1.2.3", headers=guarded.as_(Role.VIEWER)).status_code == 200
    rows = guarded.rows()
    assert len(rows) < 10 < MOST_KINDS
    assert [row.detail for row in rows if row.outcome == "refused"][-1].endswith("(49 more)")


def test_only_health_is_for_everybody(guarded: Guarded, http: httpx.Client) -> None:
    assert http.get(f"{guarded.base}/healthz").text == '"alive"'
    assert http.post(f"{guarded.base}/healthz").status_code == 401
    assert http.get(f"{guarded.base}/healthz/").status_code == 401


# -- other sites and hosts ---------------------------------------------------------------------


def test_a_client_may_leave_the_port_out_but_not_the_token(guarded: Guarded, http: httpx.Client) -> None:
    host = {"Host": "127.0.0.1"}
    assert http.get(guarded.base + "/studies", headers=host).status_code == 401
    assert http.get(guarded.base + "/studies", headers=guarded.as_(Role.ADMIN) | host).status_code == 200
    page = host | {"Origin": "http://127.0.0.1"}
    assert http.get(guarded.base + "/studies", headers=guarded.as_(Role.ADMIN) | page).status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1:1"])
def test_other_hosts_are_refused(guarded: Guarded, http: httpx.Client, host: str) -> None:
    headers = guarded.as_(Role.ADMIN) | {"Host": host.format(port=guarded.port)}
    for path in ("/studies", "/healthz", "/"):
        assert http.get(guarded.base + path, headers=headers).status_code == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "https://127.0.0.1:{port}", "null", ""])
def test_other_origins_are_refused(guarded: Guarded, http: httpx.Client, origin: str) -> None:
    headers = guarded.as_(Role.ADMIN) | {"Origin": origin.format(port=guarded.port)}
    assert http.get(guarded.base + "/studies", headers=headers).status_code == 403
    assert guarded.rows()[-1].outcome == "refused"


# -- the browser -------------------------------------------------------------------------------


def opened(guarded: Guarded, http: httpx.Client, role: Role) -> None:
    answer = http.get(f"{guarded.base}/?token={guarded.secrets[role]}&view=3d")
    assert (answer.status_code, answer.headers["location"]) == (303, "/?view=3d")


def test_a_browser_gets_a_session_that_is_not_the_token(guarded: Guarded, http: httpx.Client) -> None:
    opened(guarded, http, Role.VIEWER)
    (value,) = http.cookies.values()
    assert guarded.secrets[Role.VIEWER] not in value
    assert http.get(guarded.base + "/studies").text == '"the-viewer"'
    assert guarded.rows(action="query")[-1].who == "the-viewer"
    guarded.tokens.revoke("the-viewer")
    assert http.get(guarded.base + "/studies").status_code == 401


def test_the_cookie_is_kept_from_scripts_and_other_sites(guarded: Guarded, http: httpx.Client) -> None:
    answer = http.get(f"{guarded.base}/?token={guarded.secrets[Role.VIEWER]}")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert cookie.startswith(f"medvox_session_{guarded.port}=")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_changes_by_cookie_must_name_their_page(guarded: Guarded, http: httpx.Client) -> None:
    opened(guarded, http, Role.ADMIN)
    path = f"{guarded.base}/studies/1.2.3"
    assert http.delete(path).status_code == 403
    assert http.delete(path, headers={"Origin": "http://evil.example"}).status_code == 403
    assert http.delete(path, headers={"Origin": guarded.base}).status_code == 200
    assert http.delete(path, headers=guarded.as_(Role.ADMIN)).status_code == 200  # no browser


def test_the_form_and_the_end_of_a_session(guarded: Guarded, http: httpx.Client) -> None:
    own = {"Origin": guarded.base}
    page = http.get(guarded.base + "/")
    assert page.status_code == 401
    assert 'action="/session"' in page.text
    assert http.post(f"{guarded.base}/session", data={"token": "wrong"}, headers=own).status_code == 401
    assert http.post(f"{guarded.base}/session", content=b"x" * 100_000, headers=own).status_code == 401
    answer = http.post(f"{guarded.base}/session", data={"token": guarded.secrets[Role.VIEWER]}, headers=own)
    assert answer.status_code == 303
    assert http.get(guarded.base + "/").text == '"page"'
    kept = {"Cookie": "; ".join(f"{name}={value}" for name, value in http.cookies.items())}
    assert httpx.get(guarded.base + "/studies", headers=kept).status_code == 200
    assert http.post(f"{guarded.base}/session/end", headers=own).status_code == 303
    assert not http.cookies
    assert httpx.get(guarded.base + "/studies", headers=kept).status_code == 401


def test_a_wrong_token_in_the_address_opens_nothing(guarded: Guarded, http: httpx.Client) -> None:
    assert http.get(guarded.base + "/?token=wrong").status_code == 401
    right = guarded.secrets[Role.VIEWER]
    assert http.get(f"{guarded.base}/studies?token={right}").status_code == 401
    assert http.get(f"{guarded.base}/?token=", headers=guarded.as_(Role.VIEWER)).status_code == 401
    assert not http.cookies


@pytest.mark.parametrize(
    ("role", "headers", "is_open"),
    [
        (None, {}, False),
        (Role.VIEWER, {}, False),
        (Role.CURATOR, {}, True),
        (Role.CURATOR, {"Origin": "http://evil.example"}, False),
    ],
)
def test_web_sockets(guarded: Guarded, role: Role | None, headers: dict[str, str], is_open: bool) -> None:
    headers = {"Host": f"127.0.0.1:{guarded.port}", **(guarded.as_(role) if role else {}), **headers}
    scope = {
        "type": "websocket",
        "path": "/studies/events",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
    }
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(application(guarded.access)(scope, receive, send))
    if is_open:
        assert [one["type"] for one in sent] == ["websocket.accept", "websocket.send", "websocket.close"]
        assert sent[1]["text"] == "the-curator"
    else:
        assert [(one["type"], one["code"]) for one in sent] == [("websocket.close", 1008)]
    assert guarded.rows()[-1].outcome == ("success" if is_open else "refused")


# -- when the disk takes nothing ---------------------------------------------------------------


def test_a_change_that_cannot_be_audited_is_told(
    guarded: Guarded, http: httpx.Client, tmp_path: Path
) -> None:
    with sqlite3.connect(tmp_path / "audit.sqlite") as other:
        other.execute("ALTER TABLE audit RENAME TO hidden")
        other.commit()
        answer = http.delete(f"{guarded.base}/studies/1.2.3", headers=guarded.as_(Role.ADMIN))
        stranger = http.delete(f"{guarded.base}/studies/1.2.3")
        other.execute("ALTER TABLE hidden RENAME TO audit")
    other.close()
    assert answer.status_code == 507
    assert "audit" in answer.json()["error"]["what"]
    assert stranger.status_code == 401
