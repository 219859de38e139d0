"""Health for everybody, metrics for whoever has a token; neither tells of patients."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from starlette.middleware import Middleware

from medvox.archive.access import Role
from medvox.archive.audit import Audit
from medvox.archive.state.database import StateDatabase
from medvox.server import health, metrics
from medvox.server.access.door import Door
from medvox.server.access.guard import HttpAccess, NodeGuard
from medvox.server.run import bind
from medvox.workflows.node.access import NodeAccess
from medvox.workflows.node.monitoring.metrics import Metrics
from medvox.workflows.node.node import Node
from medvox.workflows.node.settings import NodeSettings
from server.access.conftest import ROUTES, running
from server.access.routes import unguarded


@pytest.fixture
def monitored(tmp_path: Path) -> Iterator[tuple[httpx.Client, str, dict[str, bool], FastAPI]]:
    database, audit = StateDatabase(tmp_path / "state.sqlite"), Audit(tmp_path / "audit.sqlite")
    node = NodeAccess(audit, database)
    secret = node.tokens.create("prometheus", Role.UPLOADER)
    sock = bind(0)
    port = sock.getsockname()[1]
    kept, checks = Metrics(), {"storage": True}
    access = HttpAccess.to(node, Door(port))
    guards = [Middleware(metrics.Measured, metrics=kept), Middleware(NodeGuard, access=access)]
    app = FastAPI(middleware=guards, openapi_url=None, docs_url=None, redoc_url=None)
    app.state.metrics = kept
    app.state.readiness = health.Readiness({"storage": lambda: checks["storage"], "fine": lambda: True})
    for router in (ROUTES, health.router, metrics.router):
        app.include_router(router)
    with running(app, sock), httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        yield client, secret, checks, app
    node.close()
    audit.close()
    database.close()


def test_health_readiness_and_metrics(monitored: tuple[httpx.Client, str, dict[str, bool], FastAPI]) -> None:
    client, secret, checks, app = monitored
    assert client.get("/healthz").json() == {"alive": True}
    assert client.get("/readyz").json() == {"ready": True, "checks": {"storage": True, "fine": True}}
    checks["storage"] = False
    assert client.get("/readyz").status_code == 200  # asked a moment ago
    app.state.readiness = health.Readiness({"storage": lambda: checks["missing"]})
    assert client.get("/readyz").status_code == 503
    assert client.get("/metrics").status_code == 401
    known = {"Authorization": f"Bearer {secret}"}
    for _ in range(3):
        assert client.get("/studies/DOE^JANE", headers=known).status_code == 403
    client.request("DOE", "/studies/1.2.3")
    answer = client.get("/metrics", headers=known)
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "DOE" not in answer.text
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert found[("medvox_http_requests_total", "retrieve", "GET", "403")] == 3
    assert found[("medvox_http_requests_total", "other", "GET", "401")] == 1
    assert found[("medvox_http_requests_total", "other", "other", "401")] == 1
    assert found[("medvox_http_seconds_count", "retrieve")] == 3
    assert found[("medvox_http_sent_bytes_total", "other")] > 0


def test_only_health_is_open(monitored: tuple[httpx.Client, str, dict[str, bool], FastAPI]) -> None:
    assert unguarded(monitored[3]) == {"/healthz", "/readyz"}


def test_a_node_is_ready_while_it_listens(tmp_path: Path) -> None:
    node = Node(NodeSettings(store=tmp_path, dicom_port=0, stop_s=0))
    assert health.Readiness.of(node)() == {"dicom": False, "index": True, "state": True, "storage": True}
    with node:
        assert all(health.Readiness.of(node)().values())
