"""The session: scanning in the background, progress to listeners, opening and uploading more, the end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from medvox.core.errors import AccessError, UsageError
from medvox.core.progress import Progress
from medvox.core.study import Instance, Patient, Scan, Study
from medvox.core.volume import Volume
from medvox.server.run import bind
from medvox.server.session import ViewerSession
from server.conftest import Live
from server.synthetic_scan import NAME, axial_grid, image, series

pytestmark = pytest.mark.net
Serve = Callable[[ViewerSession], Live]


def raw_scanner(paths: Sequence[Path], progress: Progress) -> Scan:
    """Scans files of 4x4x4 bytes: one study a folder, one series a file."""
    files = sorted(f for p in paths for f in ([p] if p.is_file() else p.rglob("*")) if f.is_file())
    studies: dict[str, list[Any]] = {}
    for n, file in enumerate(files):
        progress(n, len(files), "Reading")
        data = np.frombuffer(file.read_bytes(), np.uint8).reshape(4, 4, 4)
        one = image(Volume(data, axial_grid((4, 4, 4)), label=file.name))
        held = (Instance(str(file)),)
        made = series(n, replace(one, instances=held), uid=f"1.{file.name}", instances=held)
        studies.setdefault(str(file.parent), []).append(made)
    found = tuple(Study(None, Patient(), Path(f).name, tuple(s)) for f, s in studies.items())
    return Scan(tuple(map(str, paths)), found, (), len(files))


def write_raw(folder: Path, name: str, seed: int = 0) -> bytes:
    content = np.random.default_rng(seed).integers(0, 256, 64, np.uint8).tobytes()
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return content


def told(live: Live, count: int) -> list[Any]:
    """The next session events."""
    events: list[Any] = []
    with live.client.stream("GET", "/api/v1/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if line.startswith("data: "):
                events.append(json.loads(line[6:]))
            if len(events) == count:
                return events
    return events


class Stepwise:
    """A scanner that goes on when told to."""

    def __init__(self) -> None:
        self.calls: list[list[Path]] = []
        self.step = threading.Semaphore(0)

    def __call__(self, paths: Sequence[Path], progress: Progress) -> Scan:
        self.calls.append(list(paths))
        progress(0, 100, "Reading headers")
        assert self.step.acquire(timeout=20)
        progress(100, 100, "Reading headers")
        return raw_scanner(paths, lambda *_: None)


def test_events_tell_progress_and_the_end(serve: Serve, tmp_path: Path) -> None:
    write_raw(tmp_path, "one")
    scanner = Stepwise()
    live = serve(ViewerSession(scanner, [tmp_path]))
    heard: list[Any] = []
    listener = threading.Thread(target=lambda: heard.extend(told(live, 2)))
    listener.start()
    while live.session.feed.listeners == 0:
        time.sleep(0.01)
    time.sleep(0.2)
    scanner.step.release()
    listener.join(20)
    assert heard[0]["state"] == "scanning"
    assert heard[0]["progress"] == {"done": 0, "total": 100, "text": "Reading headers"}
    assert heard[-1]["revision"] >= heard[0]["revision"]
    assert live.session.wait(20)
    final = live.json("/session")
    assert (final["state"], final["revision"], final["progress"], final["error"]) == ("ready", 1, None, None)
    assert final["notice"] == "Research use, not for diagnosis"


def test_a_first_folder_is_shown_while_the_rest_is_scanned(serve: Serve, tmp_path: Path) -> None:
    write_raw(tmp_path / "a", "one", 1)
    write_raw(tmp_path / "b", "two", 2)
    scanner = Stepwise()
    scanner.step.release()
    live = serve(ViewerSession(scanner, [tmp_path]))
    until(lambda: live.json("/session")["revision"] == 1)
    early = live.json("/studies")["studies"]
    assert [s["description"] for s in early] == ["a"]
    assert live.json("/session")["state"] == "scanning"
    assert live.info("one")["grids"]["stored"]["shape"] == [4, 4, 4]
    scanner.step.release()
    assert live.session.wait(20)
    both = live.json("/studies")["studies"]
    assert [s["description"] for s in both] == ["a", "b"]
    assert both[0]["series"][0]["images"] == early[0]["series"][0]["images"]
    assert scanner.calls == [[tmp_path / "a"], [tmp_path]]


def until(check: Callable[[], bool], patience_s: float = 20) -> None:
    end = time.monotonic() + patience_s
    while not check():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def test_opening_more_adds_to_what_is_there(serve: Serve, tmp_path: Path) -> None:
    write_raw(tmp_path / "a", "one", 1)
    write_raw(tmp_path / "b", "two", 2)
    live = serve(ViewerSession(raw_scanner, [tmp_path / "a"]))
    assert live.session.wait(20)
    answer = live.client.post("/api/v1/open", json={"paths": [str(tmp_path / "b")]})
    assert (answer.status_code, answer.json()["state"]) == (200, "scanning")
    assert live.session.wait(20)
    studies = live.json("/studies")
    assert [s["description"] for s in studies["studies"]] == ["a", "b"]
    assert studies["revision"] == 2


def test_a_series_in_two_places_is_scanned_as_one(serve: Serve, tmp_path: Path) -> None:
    write_raw(tmp_path / "a", "same", 1)
    write_raw(tmp_path / "b", "same", 2)
    calls: list[list[Path]] = []

    def scanner(paths: Sequence[Path], progress: Progress) -> Scan:
        calls.append(list(paths))
        return raw_scanner(paths, progress)

    session = ViewerSession(scanner, [tmp_path / "a"])
    assert session.wait(20)
    session.open([tmp_path / "b"])
    assert session.wait(20)
    assert calls[-1] == [tmp_path / "a", tmp_path / "b"]
    session.open([tmp_path])
    assert session.wait(20)
    assert calls[-1] == [tmp_path]
    session.close()


def test_opening_what_is_not_there_changes_nothing(serve: Serve, tmp_path: Path) -> None:
    live = serve(ViewerSession(raw_scanner))
    answer = live.client.post("/api/v1/open", json={"paths": [str(tmp_path / "none")]})
    assert answer.status_code == 404
    assert answer.json()["error"]["where"] == "none"
    assert live.json("/session")["state"] == "ready"
    assert live.client.post("/api/v1/open", json={"wrong": 1}).status_code == 422


@pytest.mark.parametrize("error", [AccessError("the folder may not be read", where="x"), ValueError(NAME)])
def test_a_scan_that_fails_says_so_and_the_next_one_works(
    serve: Serve, tmp_path: Path, error: Exception
) -> None:
    def scanner(paths: Sequence[Path], progress: Progress) -> Scan:
        if paths[0].name == "bad":
            raise error
        return raw_scanner(paths, progress)

    (tmp_path / "bad").mkdir()
    write_raw(tmp_path / "good", "one")
    live = serve(ViewerSession(scanner, [tmp_path / "bad"]))
    until(lambda: live.json("/session")["state"] == "failed")
    failed = live.json("/session")
    assert failed["error"]["what"]
    assert NAME not in json.dumps(failed)
    live.session.open([tmp_path / "good"])
    assert live.session.wait(20)
    assert (live.json("/session")["state"], live.json("/session")["error"]) == ("ready", None)


def test_files_that_change_get_another_etag(serve: Serve, tmp_path: Path) -> None:
    write_raw(tmp_path, "one", 1)
    live = serve(ViewerSession(raw_scanner, [tmp_path]))
    assert live.session.wait(20)
    before = live.info("one")["grids"]["stored"]
    content = write_raw(tmp_path, "one", 2)
    os.utime(tmp_path / "one", (1, 1))
    live.session.open([tmp_path])
    assert live.session.wait(20)
    after = live.info("one")["grids"]["stored"]
    assert after["etag"] != before["etag"]
    gone = live.client.get(before["chunk_url"].format(t=0, c=0))
    assert (gone.status_code, gone.json()["error"]["advice"]) == (404, "Reload the image")
    assert live.client.get(after["chunk_url"].format(t=0, c=0)).content == content


# -- uploads ------------------------------------------------------------------------------------


def test_dropped_files_are_scanned_and_removed_at_the_end(serve: Serve, tmp_path: Path) -> None:
    contents = {f"drop/{n}/IM{n}": write_raw(tmp_path, f"{n}", n) for n in range(3)}
    live = serve(ViewerSession(raw_scanner))
    files = [("files", (name, content)) for name, content in contents.items()]
    answer = live.client.post("/api/v1/upload", files=files)
    assert (answer.status_code, answer.json()["state"]) == (200, "scanning")
    assert live.session.wait(20)
    studies = live.json("/studies")["studies"]
    assert [s["description"] for s in studies] == ["0", "1", "2"]
    for n in range(3):
        url = live.info(f"IM{n}")["grids"]["stored"]["chunk_url"].format(t=0, c=0)
        assert live.client.get(url).content == contents[f"drop/{n}/IM{n}"]
        where = live.json(f"/images/{live.image_id(f'IM{n}')}/header")["title"]
        assert where == f"drop/{n}/IM{n}"
    (kept,) = live.session.catalog.scan.roots
    live.session.close()
    assert not Path(kept).parent.exists()


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "a/../../evil",
        "/etc/evil",
        "C:\\evil",
        "c:evil",
        "\\\\host\\share\\evil",
        "..",
        "a//b",
        "a/",
        "x\x01y",
    ],
)
def test_names_that_lead_out_are_refused(serve: Serve, tmp_path: Path, name: str) -> None:
    live = serve(ViewerSession(raw_scanner))
    escaped = name.replace("\\", "\\\\")
    body = (
        b'--B\r\nContent-Disposition: form-data; name="files"; filename="fine"\r\n\r\nfirst\r\n'
        b'--B\r\nContent-Disposition: form-data; name="files"; filename="%s"\r\n\r\nsecond\r\n--B--\r\n'
    ) % escaped.encode()
    headers = {"Content-Type": "multipart/form-data; boundary=B"}
    answer = live.client.post("/api/v1/upload", content=body, headers=headers)
    written = [f for f in live.session.upload_folder().parent.rglob("*") if f.is_file()]
    if name in ("C:\\evil", "\\\\host\\share\\evil"):  # the parser keeps the last part, which is harmless
        assert (answer.status_code, sorted(f.name for f in written)) == (200, ["evil", "fine"])
        live.session.wait(20)
    else:
        assert answer.status_code == 400
        assert written == []
    assert not (tmp_path.parent / "evil").exists()


@pytest.mark.parametrize("told_size", [True, False])
def test_uploads_are_bounded(serve: Serve, told_size: bool) -> None:
    live = serve(ViewerSession(raw_scanner, upload_bytes=100_000))

    def body() -> Iterator[bytes]:
        yield b'--B\r\nContent-Disposition: form-data; name="files"; filename="big"\r\n\r\n'
        for _ in range(20):
            yield b"x" * 10_000
        yield b"\r\n--B--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=B"}
    content: Any = b"".join(body()) if told_size else body()
    answer = live.client.post("/api/v1/upload", content=content, headers=headers)
    assert answer.status_code == 413
    assert "medvox open" in answer.json()["error"]["advice"]
    assert [f for f in live.session.upload_folder().parent.rglob("*") if f.is_file()] == []


PART = b"--B\r\nContent-Disposition: form-data; "


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=B", b""),
        ("multipart/form-data; boundary=B", b"nonsense"),
        ("multipart/form-data; boundary=B", PART + b'name="files"; filename="a"\r\n\r\nhalf'),
        ("multipart/form-data; boundary=B", PART + b'name="x"\r\n\r\nfield\r\n--B--\r\n'),
        ("multipart/form-data; boundary=" + "B" * 300, b""),
    ],
)
def test_malformed_uploads_are_refused(serve: Serve, kind: str, body: bytes) -> None:
    live = serve(ViewerSession(raw_scanner))
    answer = live.client.post("/api/v1/upload", content=body, headers={"Content-Type": kind})
    assert (answer.status_code, bool(answer.json()["error"]["what"])) == (400, True)
    assert live.json("/session")["state"] == "ready"


# -- the program --------------------------------------------------------------------------------

PROGRAM = """
import sys
sys.path.insert(0, sys.argv[2])
from server.synthetic_scan import everything, scanner_of
from medvox.server.run import serve_viewer
serve_viewer([sys.argv[1]], open_browser=False, scanner=scanner_of(everything()))
print("ended", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_program_prints_its_address_and_ends_cleanly(tmp_path: Path, number: int) -> None:
    tests = str(Path(__file__).parents[1])
    command = [sys.executable, "-c", PROGRAM, str(tmp_path), tests]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    with httpx.Client(follow_redirects=True, timeout=30) as browser:
        assert browser.get(address).status_code == 200
        base = address.split("?", maxsplit=1)[0]
        with browser.stream("GET", base + "api/v1/events") as events:
            assert next(events.iter_lines()) == "event: session"
            process.send_signal(number)
            out, errors = process.communicate(timeout=20)
    assert (process.returncode, out, errors) == (0, "ended\n", "")


def test_answers_are_sent_at_once() -> None:
    """Asyncio sets TCP_NODELAY only on connections of sockets that name TCP: else 40 ms an answer."""
    with bind(0) as sock:
        assert sock.proto == socket.IPPROTO_TCP


def test_a_taken_port_is_named() -> None:
    with bind(0) as sock:
        sock.listen()
        port = sock.getsockname()[1]
        with pytest.raises(UsageError, match=f"taken .got {port}"):
            bind(port)
    with pytest.raises(UsageError):
        bind(70000)


def test_the_openapi_document_is_stable_and_complete() -> None:
    command = [sys.executable, "-m", "medvox.server.openapi"]
    texts = {subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(2)}
    assert len(texts) == 1
    document = json.loads(texts.pop())
    paths = {p.removeprefix("/api/v1") for p in document["paths"]}
    contract = (Path(__file__).parents[2] / "docs/reference/viewer-api.md").read_text()
    assert "/images/{id}/{grid}/{etag}/chunks/{t}/{c}" in paths
    for path in paths:
        assert path in contract, path
    types = document["components"]["schemas"]
    assert types["Session"]["properties"]["state"]["enum"] == ["scanning", "ready", "failed"]
    operations = [o["operationId"] for methods in document["paths"].values() for o in methods.values()]
    assert len(set(operations)) == len(operations)


def test_the_api_page_needs_no_script_and_no_other_site(live: Live) -> None:
    answer = live.client.get("/api/v1/docs")
    assert answer.status_code == 200
    assert "ImageInfo" in answer.text
    assert "<script" not in answer.text
    assert "https:" not in answer.text
