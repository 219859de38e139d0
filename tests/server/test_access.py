"""Who is let in, and what a browser is told to refuse."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
from pathlib import Path

import httpx
import pytest

from server.conftest import SCRIPT, TOKEN, Live

pytestmark = pytest.mark.net

PATHS = [
    "/",
    "/api/v1/session",
    "/api/v1/docs",
    "/api/v1/openapi.json",
    "/assets/index-B1a2C3d4.js",
    "/nowhere",
]
RIGHT = {"Authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer ünïcode".encode("latin-1")},
        {"Cookie": "medvox_token_1=" + TOKEN},
    ],
)
def test_strangers_get_nothing(live: Live, path: str, headers: dict[str, str | bytes]) -> None:
    answer = httpx.get(live.base + path, headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 401
    assert TOKEN not in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_no_method_goes_round_the_token(live: Live, method: str) -> None:
    assert httpx.request(method, live.base + "/api/v1/open", json={"paths": []}).status_code == 401


def test_the_token_in_the_address_becomes_a_cookie(live: Live) -> None:
    with httpx.Client(base_url=live.base) as browser:
        first = browser.get(f"/?view=axial&token={TOKEN}")
        assert (first.status_code, first.headers["location"]) == (303, "/?view=axial")
        cookie = first.headers["set-cookie"]
        assert cookie.startswith(f"medvox_token_{live.port}={TOKEN};")
        for word in ("HttpOnly", "SameSite=strict", "Path=/"):
            assert word in cookie
        assert browser.get("/api/v1/session").status_code == 200
        assert browser.get("/").status_code == 200


def test_a_wrong_token_in_the_address_is_refused_with_or_without_cookie(live: Live) -> None:
    assert httpx.get(live.base + "/?token=wrong").status_code == 401
    cookie = {f"medvox_token_{live.port}": TOKEN}
    assert httpx.get(live.base + "/?token=", cookies=cookie).status_code == 401


def test_the_token_in_the_address_opens_the_page_only(live: Live) -> None:
    assert httpx.get(f"{live.base}/api/v1/session?token={TOKEN}").status_code == 401


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "[::1]:{port}", "LOCALHOST:{port}"])
def test_loopback_hosts_are_answered(live: Live, host: str) -> None:
    headers = RIGHT | {"Host": host.format(port=live.port)}
    assert httpx.get(live.base + "/api/v1/session", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:{port}", ""],
)
def test_other_hosts_are_refused_even_with_the_token(live: Live, host: str) -> None:
    headers = RIGHT | {"Host": host.format(port=live.port)}
    for path in PATHS:
        assert httpx.get(live.base + path, headers=headers).status_code in (400, 403)


def test_two_host_headers_are_refused(live: Live) -> None:
    hosts = f"Host: 127.0.0.1:{live.port}\r\nHost: evil"
    lines = f"GET /api/v1/session HTTP/1.1\r\n{hosts}\r\nAuthorization: Bearer {TOKEN}"
    with socket.create_connection(("127.0.0.1", live.port)) as line:
        line.sendall(f"{lines}\r\nConnection: close\r\n\r\n".encode())
        assert line.recv(4096).split(b" ")[1] in (b"400", b"403")


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:{port}", 200),
        ("http://localhost:{port}", 200),
        ("http://[::1]:{port}", 200),
        ("https://127.0.0.1:{port}", 403),
        ("http://127.0.0.1:1", 403),
        ("http://evil.example", 403),
        ("null", 403),
        ("", 403),
    ],
)
def test_origin_must_be_the_server(live: Live, origin: str, status: int) -> None:
    headers = RIGHT | {"Origin": origin.format(port=live.port)}
    answer = httpx.get(live.base + "/api/v1/session", headers=headers)
    assert answer.status_code == status
    assert "access-control-allow-origin" not in answer.headers


def test_web_sockets_are_refused(live: Live) -> None:
    upgrade = (
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA=="
    )
    with socket.create_connection(("127.0.0.1", live.port)) as line:
        line.sendall(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{live.port}\r\n{upgrade}\r\n\r\n".encode())
        assert int(line.recv(4096).split(b" ")[1]) >= 400


@pytest.mark.parametrize("path", [*PATHS, "/api/v1/images/none"])
@pytest.mark.parametrize("headers", [RIGHT, {}])
def test_every_answer_carries_the_security_headers(live: Live, path: str, headers: dict[str, str]) -> None:
    answer = httpx.get(live.base + path, headers=headers)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "'unsafe-eval'" not in policy.replace("'wasm-unsafe-eval'", "")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    if answer.status_code != 200 or "/api/" in path:
        assert answer.headers["cache-control"] == "no-store"
    assert "server" not in answer.headers


# -- the page ---------------------------------------------------------------------------------


def boot_of(text: str) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="medvox-boot">(.*?)</script>', text, re.DOTALL)
    assert found
    loaded: dict[str, object] = json.loads(found[1])
    return loaded


def test_the_page_carries_session_and_first_picture(live: Live) -> None:
    answer = live.client.get("/")
    boot = boot_of(answer.text)
    assert boot["session"] == live.json("/session")
    preview = boot["preview"]
    assert isinstance(preview, dict)
    assert (preview["image_id"], preview["label"]) == (live.image_id("Huge"), "Huge")
    assert preview["data_url"].startswith("data:image/png;base64,iVBOR")
    assert answer.text.index("medvox-boot") < answer.text.index("</head>")
    assert answer.headers["cache-control"] == "no-store"


def test_only_the_inline_scripts_of_the_built_page_may_run(live: Live) -> None:
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    policy = live.client.get("/").headers.get_list("content-security-policy")
    assert len(policy) == 1
    script = next(part for part in policy[0].split("; ") if part.startswith("script-src"))
    assert script == f"script-src 'self' 'wasm-unsafe-eval' 'sha256-{digest}'"
    assert "sha256" not in live.client.get("/robots.txt").headers["content-security-policy"]


def test_no_value_can_end_the_boot_block(static: Path) -> None:
    from medvox.server.page import page
    from medvox.server.types import Boot, Preview, Session

    session = Session(
        version="1",
        title="</script><script>x",
        state="ready",
        revision=1,
        progress=None,
        notice="",
        error=None,
    )
    text = page(
        Boot(session=session, preview=Preview(image_id="a", data_url="b", label="<!--\u2028")), static
    )
    assert text.count("<script") == 2
    assert boot_of(text)["session"]["title"] == "</script><script>x"  # type: ignore[index]


def test_a_missing_client_says_how_to_build_it(tmp_path: Path) -> None:
    from medvox.server.page import page
    from medvox.server.types import Boot, Session

    session = Session(version="1", title="", state="ready", revision=1, progress=None, notice="", error=None)
    assert "./dev web" in page(Boot(session=session, preview=None), tmp_path)


@pytest.mark.parametrize(
    ("path", "kind", "cache"),
    [
        (
            "/assets/index-B1a2C3d4.js",
            "text/javascript; charset=utf-8",
            "private, max-age=31536000, immutable",
        ),
        ("/assets/codec-Zz_9-aBc.wasm", "application/wasm", "private, max-age=31536000, immutable"),
        ("/robots.txt", "text/plain; charset=utf-8", "no-cache"),
    ],
)
def test_files_of_the_client(live: Live, path: str, kind: str, cache: str) -> None:
    answer = live.client.get(path)
    assert (answer.status_code, answer.headers["content-type"], answer.headers["cache-control"]) == (
        200,
        kind,
        cache,
    )


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/assets/../../secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e/secret.txt",
        "/assets/..%5c..%5csecret.txt",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/secret.txt%00.js",
        "/assets",
        "/",
    ],
)
def test_nothing_outside_the_client_is_served(live: Live, path: str) -> None:
    with socket.create_connection(("127.0.0.1", live.port)) as line:
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{live.port}\r\nAuthorization: Bearer {TOKEN}"
        line.sendall(f"{head}\r\nConnection: close\r\n\r\n".encode())
        data = b"".join(iter(lambda: line.recv(65536), b""))
    assert b"CONTENT" not in data
    assert b"root:" not in data
    assert data.split(b" ")[1] == (b"200" if path == "/" else b"404")
