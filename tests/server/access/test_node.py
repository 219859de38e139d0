"""The whole application of a node over real HTTP and DICOM: no route without a right, nothing unaudited."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pynetdicom
import pytest
from fastapi import FastAPI
from pydicom import Dataset

from medvox.archive.access import Role
from medvox.archive.audit import Event
from medvox.archive.state.ae_rules import AeRule, AeService
from medvox.server.access.door import Door
from medvox.server.node_app import node_app
from medvox.server.run import bind
from medvox.workflows.node.node import Node
from medvox.workflows.node.settings import NodeSettings
from server.access.conftest import running
from server.access.routes import unguarded
from server.archive_node import fill

FIND = "1.2.840.10008.5.1.4.1.2.2.1"
OPEN = {
    "/healthz",
    "/readyz",
    "/",  # the page, its files and descriptions: for whom the guard knows, without data of the archive
    "/{path:path}",
    "/help/findings",
    "/api/v1/docs",
    "/api/v1/openapi.json",
}


@dataclass
class Served:
    """A node, its application, and a token for each role."""

    node: Node
    app: FastAPI
    http: httpx.Client
    headers: dict[Role, dict[str, str]]

    def events(self, is_there: Callable[[list[Event]], bool]) -> list[Event]:
        """Events of the audit, as soon as what is waited for is among them."""
        for _ in range(100):
            found = [row.event for row in self.node.archive.audit.search(limit=1000)]
            if is_there(found):
                break
            time.sleep(0.05)
        return found


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with ExitStack() as stack:
        settings = NodeSettings(store=tmp_path / "a", dicom_port=0, stop_s=1, trust_loopback=False)
        node = stack.enter_context(Node(settings))
        sock = bind(0)
        port = sock.getsockname()[1]
        app = stack.enter_context(node_app(node, Door(port))).app
        tokens = {role: node.access.tokens.create(f"the-{role}", role) for role in Role}
        stack.enter_context(running(app, sock))
        http = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60))
        fill(node.archive, slices=2)
        headers = {role: {"Authorization": f"Bearer {token}"} for role, token in tokens.items()}
        yield Served(node, app, http, headers)


def test_no_route_is_without_a_right(served: Served) -> None:
    assert unguarded(served.app) - OPEN == set()


READERS = {Role.VIEWER, Role.CURATOR, Role.ADMIN}


def test_roles_decide_and_strangers_get_nothing(served: Served) -> None:
    asked: list[tuple[str, str, set[Role]]] = [
        ("GET", "/dicomweb/studies", READERS),
        ("GET", "/dicomweb/studies/1.2.3.2/metadata", READERS),
        ("GET", "/api/v1/archive/studies", READERS),
        ("POST", "/api/v1/archive/studies/1.2.3.2/open", READERS),
        ("GET", "/api/v1/opened/1.2.3.2/session", READERS),
        ("POST", "/dicomweb/studies", {Role.UPLOADER, Role.CURATOR, Role.ADMIN}),
        ("POST", "/api/v1/status/refused/x@10.0.0.7/accept", {Role.ADMIN}),
        ("GET", "/metrics", set(Role)),
        ("GET", "/api/v1/status", set(Role)),
    ]
    for method, path, roles in asked:
        assert served.http.request(method, path).status_code == 401
        for role in Role:
            status = served.http.request(method, path, headers=served.headers[role]).status_code
            assert (status not in (401, 403)) is (role in roles), (path, role, status)
    for path in ("/healthz", "/readyz"):
        assert served.http.get(path).status_code == 200


def test_the_audit_tells_of_http_and_dicom(served: Served) -> None:
    path = "/dicomweb/studies/1.2.3.2/metadata"
    assert served.http.get(path, headers=served.headers[Role.VIEWER]).status_code == 200
    found = served.http.get("/dicomweb/studies?PatientName=Doe*", headers=served.headers[Role.VIEWER])
    assert found.status_code == 200
    assert served.http.get(path, headers=served.headers[Role.UPLOADER]).status_code == 403
    assert served.http.get(path).status_code == 401
    served.node.access.rules.put(AeRule("FRIEND", services=frozenset({AeService.QUERY})))
    for title in ("FRIEND", "STRANGER"):
        peer = pynetdicom.AE(title)
        peer.add_requested_context(FIND)
        association = peer.associate("127.0.0.1", served.node.dicom_port)
        assert association.is_established is (title == "FRIEND")
        if association.is_established:
            asked = Dataset()
            asked.QueryRetrieveLevel, asked.StudyInstanceUID, asked.PatientName = "STUDY", "1.2.3.2", "Doe*"
            assert [status.Status for status, _ in association.send_c_find(asked, FIND)] == [0xFF00, 0]
            association.release()
    expected = {
        ("the-viewer", "retrieve", "1.2.3.2", "success"),
        ("the-viewer", "query", "", "success"),
        ("the-uploader", "retrieve", "1.2.3.2", "refused"),
        ("127.0.0.1", "request", "", "refused"),
        ("FRIEND", "query", "1.2.3.2", "success"),
        ("STRANGER@127.0.0.1", "associate", "", "refused"),
    }
    rows = served.events(lambda events: len(events) >= len(expected))
    assert {(row.who, row.action, row.target, row.outcome) for row in rows} == expected
    files = served.node.settings.store.glob("audit.sqlite*")
    assert b"Doe" not in b"".join(file.read_bytes() for file in files)
    assert served.node.archive.audit.verify() == len(rows)


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root may be another account")
def test_another_account_gets_nothing_and_a_row(served: Served) -> None:
    port = served.http.base_url.port
    ask = f"""
import http.client
line = http.client.HTTPConnection("127.0.0.1", {port})
line.request("GET", "/dicomweb/studies")
print(line.getresponse().status)
"""
    nobody = pwd.getpwnam("nobody")
    command = ["/usr/bin/env", "python3", "-I", "-c", ask]
    told = subprocess.run(
        command, capture_output=True, text=True, check=True, user=nobody.pw_uid, group=nobody.pw_gid, cwd="/"
    )
    assert told.stdout.strip() == "401"
    assert [(e.who, e.outcome) for e in served.events(bool)] == [("127.0.0.1", "refused")]
