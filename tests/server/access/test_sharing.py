"""Pages of other sites before the whole node: what browsers let them read, and what they may not learn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from medvox.archive.access import Role
from medvox.core.errors import FormatError, UsageError
from medvox.server.access.door import Door
from medvox.server.node_app import node_app
from medvox.server.run import bind
from medvox.workflows.node.node import Node
from medvox.workflows.node.settings import NodeSettings
from server.access.conftest import running
from server.archive_node import fill

VIEWER, STRANGER = "http://127.0.0.1:3000", "https://evil.example"
STUDIES = "/dicomweb/studies"


@dataclass
class Shared:
    """A node that lets pages of `VIEWER` ask, and one token."""

    node: Node
    http: httpx.Client
    secret: str

    def preflight(self, path: str, origin: str = VIEWER, method: str = "GET", **more: str) -> httpx.Response:
        headers = {
            "Origin": origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "authorization",
        }
        return self.http.options(path, headers=headers | more)

    def get(self, path: str, origin: str, **more: str) -> httpx.Response:
        headers = {"Origin": origin, "Authorization": f"Bearer {self.secret}"}
        return self.http.get(path, headers=headers | more)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    settings = NodeSettings(store=tmp_path_factory.mktemp("sharing"), dicom_port=0)
    with bind(0) as sock, Node(settings) as node:
        port = sock.getsockname()[1]
        fill(node.archive)
        secret = node.access.tokens.create("ohif", Role.VIEWER)
        door = Door(port, viewers=frozenset({VIEWER}))
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)
        with node_app(node, door) as made, running(made.app, sock), client:
            yield Shared(node, client, secret)


def cors(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


def test_a_preflight_needs_no_token(shared: Shared) -> None:
    answer = shared.preflight(STUDIES)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == VIEWER
    assert "Authorization" in answer.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in answer.headers
    assert "origin" in answer.headers["vary"].lower()


def test_a_preflight_tells_nothing_of_what_there_is(shared: Shared) -> None:
    paths = [
        STUDIES,
        f"{STUDIES}/1.2.3.2",
        f"{STUDIES}/9.9.9",
        "/dicomweb/nonsense",
        "/dicomweb/../api/v1/status",
    ]
    answers = [shared.preflight(path, method=method) for path in paths[:4] for method in ("GET", "DELETE")]
    assert len({(one.status_code, str(sorted(cors(one).items()))) for one in answers}) == 1
    assert cors(shared.preflight(paths[4])) == {}


@pytest.mark.parametrize("path", ["/", "/api/v1/status", "/metrics", "/session", "/dicomwebs", "/healthz"])
def test_only_the_dicomweb_is_shared(shared: Shared, path: str) -> None:
    assert shared.preflight(path).status_code == 403
    answer = shared.get(path, VIEWER)
    assert (answer.status_code, cors(answer)) == (403, {})


@pytest.mark.parametrize(
    "origin", [STRANGER, "null", "http://127.0.0.1:3001", "https://127.0.0.1:3000", f"{VIEWER}.evil.example"]
)
def test_other_sites_get_nothing(shared: Shared, origin: str) -> None:
    for answer in (shared.preflight(STUDIES, origin), shared.get(STUDIES, origin)):
        assert (answer.status_code, cors(answer)) == (403, {})


def test_a_name_that_was_rebound_gets_nothing(shared: Shared) -> None:
    for answer in (
        shared.preflight(STUDIES, Host="evil.example"),
        shared.get(STUDIES, VIEWER, Host="evil.example"),
    ):
        assert (answer.status_code, cors(answer)) == (403, {})


def test_a_page_reads_with_a_token(shared: Shared) -> None:
    answer = shared.get(STUDIES, VIEWER)
    assert answer.status_code == 200
    assert len(answer.json()) == 3
    assert answer.headers["access-control-allow-origin"] == VIEWER


def test_a_page_may_read_why_it_is_refused(shared: Shared) -> None:
    answer = shared.http.get(STUDIES, headers={"Origin": VIEWER})
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == VIEWER


def test_a_session_of_the_browser_does_not_count_for_other_pages(shared: Shared) -> None:
    with httpx.Client(base_url=shared.http.base_url) as browser:
        assert browser.get("/", params={"token": shared.secret}).status_code == 303
        assert browser.get(STUDIES).status_code == 200
        assert browser.get(STUDIES, headers={"Origin": VIEWER}).status_code == 401


def test_caches_keep_answers_apart(shared: Shared) -> None:
    answer = shared.http.get(STUDIES, headers={"Authorization": f"Bearer {shared.secret}"})
    assert (answer.headers["vary"], cors(answer)) == ("Origin", {})


def test_nothing_is_shared_by_default() -> None:
    assert NodeSettings().http_origins == ""
    assert not Door(8042).shares_path(STUDIES)


@pytest.mark.parametrize(
    "origin", ["*", "null", "viewer.example", "https://viewer.example/", "HTTPS://V.example"]
)
def test_what_is_no_origin_is_told_with_its_line(tmp_path: Path, origin: str) -> None:
    with pytest.raises(UsageError, match="origin"):
        NodeSettings(http_origins=f"{VIEWER} {origin}").checked()
    path = tmp_path / "medvox.toml"
    path.write_text(f'aet = "A"\nhttp_origins = "{origin}"\n')
    with pytest.raises(FormatError):
        NodeSettings.load(path)
    path.write_text(f'http_origins = "{VIEWER} https://v.example"\n')
    assert NodeSettings.load(path).http_origins.split() == [VIEWER, "https://v.example"]
