"""The whole application of a node: each route has a line in the table, and roles decide over real HTTP."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from medvox.archive.access import Action, Role
from medvox.core.study import Scan
from medvox.server import health, metrics, node_pages
from medvox.server.access.actions import PUBLIC, action_of, line_of
from medvox.server.access.door import Door
from medvox.server.access.guard import HttpAccess
from medvox.server.app import create_app
from medvox.server.archive_viewer.sessions import OpenedStudies
from medvox.server.dicomweb.routers import ROUTERS
from medvox.server.run import bind
from medvox.server.session import ViewerSession
from medvox.workflows.node.access import NodeAccess
from medvox.workflows.node.metrics import Metrics
from medvox.workflows.node.node import Node
from medvox.workflows.node.settings import NodeSettings
from server.access.conftest import running
from server.archive_node import fill


def nothing(paths: Any, progress: Any) -> Scan:
    return Scan((), ())


def whole(access: HttpAccess | None, static: Path) -> FastAPI:
    more = [*node_pages.routers(), *ROUTERS, health.router, metrics.router]
    return create_app(ViewerSession(nothing), "", 0, static, more=more, node="MEDVOX", access=access)


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    return whole(HttpAccess(Door(8042), None, [], None), tmp_path)  # type: ignore[arg-type]


def test_every_route_has_a_line(app: FastAPI) -> None:
    asked = [
        (method, re.sub(r"{[^}]*}", "1.2.3", str(route.path)))
        for route in iter_route_contexts(app.routes)
        for method in route.methods or {"GET"}
    ]
    assert len(asked) > 50
    assert [(m, p) for m, p in asked if p not in PUBLIC and line_of(m, p) is None] == []


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("GET", "/dicomweb/studies", Action.QUERY),
        ("GET", "/dicomweb/studies/1.2/series/1.3/instances", Action.QUERY),
        ("GET", "/dicomweb/studies/1.2", Action.RETRIEVE),
        ("HEAD", "/dicomweb/studies/1.2/metadata", Action.RETRIEVE),
        ("GET", "/dicomweb/studies/1.2/series/1.3/instances/1.4/bulkdata/series", Action.RETRIEVE),
        ("GET", "/dicomweb/studies/1.2/series/1.3/instances/1.4/frames/1", Action.RETRIEVE),
        ("POST", "/dicomweb/studies/1.2", Action.STORE),
        ("POST", "/dicomweb/workitems", Action.WORK),
        ("GET", "/dicomweb/ws/subscribers/AE", Action.WORK),
        ("POST", "/api/v1/archive/files", Action.STORE),
        ("POST", "/api/v1/status/refused/x/accept", Action.MANAGE),
        ("GET", "/api/v1/opened/1.2/images/i/probe", Action.RETRIEVE),
        ("GET", "/assets/index.js", None),
        ("GET", "/apiary", None),
    ],
)
def test_lines(method: str, path: str, action: Action | None) -> None:
    line = line_of(method, path)
    assert line is not None
    assert line.action is action


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/dicomweb/studies/1.2"),
        ("GET", "/dicomweb/secret"),
        ("GET", "/api/v1/later"),
        ("PUT", "/api/v1/status"),
        ("POST", "/"),
        ("GET", "/api"),
    ],
)
def test_what_is_not_listed_is_for_administrators(method: str, path: str) -> None:
    assert line_of(method, path) is None
    assert action_of(method, path) is Action.MANAGE


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[httpx.Client, Node, dict[Role, dict[str, str]]]]:
    (tmp_path / "static").mkdir()
    with ExitStack() as stack:
        node = stack.enter_context(Node(NodeSettings(store=tmp_path / "a", dicom_port=0, stop_s=1)))
        access = NodeAccess(node.archive.audit, node.state)
        stack.callback(access.close)
        sock = bind(0)
        port = sock.getsockname()[1]
        app = whole(HttpAccess.to(access, Door(port)), tmp_path / "static")
        app.state.node, app.state.archive = node, node.archive
        app.state.metrics, app.state.readiness = Metrics(), health.Readiness.of(node)
        opened = OpenedStudies(node.archive, tmp_path / "opened")
        stack.callback(opened.close)
        app.state.opened_studies = opened
        headers = {
            role: {"Authorization": f"Bearer {access.tokens.create(f'the-{role}', role)}"} for role in Role
        }
        stack.enter_context(running(app, sock))
        client = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60))
        fill(node.archive, slices=2)
        yield client, node, headers


def test_roles_over_the_whole_application(
    served: tuple[httpx.Client, Node, dict[Role, dict[str, str]]],
) -> None:
    client, _, headers = served
    readers = {Role.VIEWER, Role.CURATOR, Role.ADMIN}
    asked: list[tuple[str, str, set[Role]]] = [
        ("GET", "/dicomweb/studies", readers),
        ("GET", "/dicomweb/studies/1.2.3.2/metadata", readers),
        ("GET", "/api/v1/archive/studies", readers),
        ("POST", "/api/v1/archive/studies/1.2.3.2/open", readers),
        ("POST", "/dicomweb/studies", {Role.UPLOADER, Role.CURATOR, Role.ADMIN}),
        ("POST", "/api/v1/status/refused/x/accept", {Role.ADMIN}),
        ("GET", "/metrics", set(Role)),
        ("GET", "/api/v1/docs", set(Role)),
    ]
    for method, path, roles in asked:
        assert client.request(method, path).status_code == 401
        for role in Role:
            status = client.request(method, path, headers=headers[role]).status_code
            assert (status not in (401, 403)) is (role in roles), (path, role, status)
    for path in ("/healthz", "/readyz"):
        assert client.get(path).status_code == 200


def test_the_audit_tells_what_was_read_and_refused(
    served: tuple[httpx.Client, Node, dict[Role, dict[str, str]]], tmp_path: Path
) -> None:
    client, node, headers = served
    client.get("/dicomweb/studies/1.2.3.2/metadata", headers=headers[Role.VIEWER])
    client.get("/dicomweb/studies?PatientName=Doe*", headers=headers[Role.VIEWER])
    client.get("/dicomweb/studies/1.2.3.2/metadata", headers=headers[Role.UPLOADER])
    client.get("/dicomweb/studies/1.2.3.2/metadata")
    for _ in range(100):
        rows = [row.event for row in node.archive.audit.search()]
        if len(rows) == 4:
            break
        time.sleep(0.05)
    assert {(row.who, row.action, row.target, row.outcome) for row in rows} == {
        ("the-viewer", "retrieve", "1.2.3.2", "success"),
        ("the-viewer", "query", "", "success"),
        ("the-uploader", "retrieve", "1.2.3.2", "refused"),
        ("127.0.0.1", "request", "", "refused"),
    }
    assert b"Doe" not in b"".join(path.read_bytes() for path in node.settings.store.glob("audit.sqlite*"))
