"""The archive's studies as a list, and each opened with a session of its own."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from medvox.archive.access import Action, Principal, Role
from medvox.archive.archive import Archive
from medvox.archive.state.database import StateDatabase
from medvox.archive.state.scheduling import scheduled
from medvox.core.errors import MissingError
from medvox.core.study import Scan
from medvox.dicom.writing.files.encode import IMPLEMENTATION_UID
from medvox.network.dimse.user import Caller
from medvox.server.access.rights import Note
from medvox.server.app import create_app
from medvox.server.archive_viewer.sessions import OpenedStudies
from medvox.server.auth import OWNER
from medvox.server.routes.node import Shown, routers, shown
from medvox.server.run import ViewerServer, bind
from medvox.server.session import ViewerSession
from medvox.testing.fake_node import FakeRemote, FakeStatus
from medvox.workflows.node.monitoring.queues import CommitmentQueue
from medvox.workflows.node.procedures.procedures import Procedures
from medvox.workflows.node.remote import RemoteStudy
from server.archive_node import data_set, filled, keep, part10

TOKEN = "token-of-the-tests"
OPENED = "/api/v1/opened/1.2.3.1"


@dataclass
class Live:
    archive: Archive
    client: httpx.Client
    opened: OpenedStudies
    status: FakeStatus
    remote: FakeRemote
    who: dict[str, Principal]
    notes: list[Note]
    procedures: Procedures

    @property
    def noted(self) -> Note:
        """What the audit would say of the last request."""
        return self.notes[-1]

    def get(self, path: str, **query: Any) -> Any:
        answer = self.client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def studies(self, **query: Any) -> list[str]:
        found = self.get("/api/v1/archive/studies", **query)["studies"]
        return [one["study_uid"] for one in found]

    def open(self, uid: str = "1.2.3.1") -> Any:
        answer = self.client.post(f"/api/v1/archive/studies/{uid}/open")
        assert answer.status_code == 200, answer.text
        assert self.opened.session(uid).wait(30)
        return self.get(f"/api/v1/opened/{uid}/studies")


class Identified:
    """Stands behind the guard: says who asks, and keeps what is to be audited."""

    def __init__(self, app: ASGIApp, who: dict[str, Principal], notes: list[Note]) -> None:
        self.app, self.who, self.notes = app, who, notes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"]["principal"] = self.who["principal"]
        scope["state"]["note"] = Note()
        self.notes.append(scope["state"]["note"])
        await self.app(scope, receive, send)


@pytest.fixture
def live(tmp_path: Path, static: Path) -> Iterator[Live]:
    session = ViewerSession(lambda paths, progress: Scan((), ()))
    sock = bind(0)
    port = sock.getsockname()[1]
    app = create_app(session, TOKEN, port, static, more=routers(), node="MEDVOX")
    status, remote = FakeStatus(), FakeRemote()
    who, notes = {"principal": OWNER}, []
    app.user_middleware.append(Middleware(Identified, who=who, notes=notes))
    with contextlib.ExitStack() as stack:
        archive = stack.enter_context(filled(tmp_path))
        state = stack.enter_context(contextlib.closing(StateDatabase(tmp_path / "state.sqlite")))
        procedures = Procedures(archive, state, lambda *_: None, Caller(IMPLEMENTATION_UID))
        pages = Shown(archive, tmp_path / "files", status, remote, procedures)
        opened = stack.enter_context(shown(app, pages))
        server = ViewerServer(app, session)
        ready = threading.Event()
        server.on_started, server.on_stopping = ready.set, opened.end_streams
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
        thread.start()
        try:
            assert ready.wait(10)
            headers = {"Authorization": f"Bearer {TOKEN}"}
            base = f"http://127.0.0.1:{port}"
            with httpx.Client(base_url=base, headers=headers, timeout=60) as client:
                yield Live(archive, client, opened, status, remote, who, notes, procedures)
        finally:
            server.handle_exit(signal.SIGINT, None)
            thread.join(10)
            sock.close()
    assert not thread.is_alive()
    assert not (tmp_path / "files").exists()


def until(check: Callable[[], bool], patience_s: float = 20) -> None:
    end = time.monotonic() + patience_s
    while not check():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def test_the_list_has_what_a_reader_looks_for(live: Live) -> None:
    page = live.get("/api/v1/archive/studies")
    assert page["next"] is None
    assert [one["study_uid"] for one in page["studies"]] == ["1.2.3.3", "1.2.3.1", "1.2.3.2"]
    assert page["studies"][1] == {
        "study_uid": "1.2.3.1",
        "patient_name": "Doe^Jane",
        "patient_id": "P-1",
        "birth_date": "19600101",
        "sex": "F",
        "date": "20260102",
        "time": "101500",
        "description": "Head",
        "accession": "A-1",
        "modalities": ["CT"],
        "series": 2,
        "instances": 13,
    }
    assert live.get("/api/v1/archive/studies/1.2.3.1") == page["studies"][1]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ({"patient_name": "doe"}, ["1.2.3.1", "1.2.3.2"]),
        ({"patient_name": "jan"}, ["1.2.3.1", "1.2.3.2"]),
        ({"patient_name": "ane"}, []),
        ({"patient_name": "muller pet"}, ["1.2.3.3"]),
        ({"patient_id": "77"}, ["1.2.3.3"]),
        ({"patient_id": "q-7?"}, ["1.2.3.3"]),
        ({"patient_id": "%"}, []),
        ({"description": "HEA"}, ["1.2.3.1"]),
        ({"description": "Head\\Abdomen"}, []),
        ({"accession": "B-9"}, ["1.2.3.3"]),
        ({"modality": "mr"}, ["1.2.3.2"]),
        ({"first_date": "2026-01-01"}, ["1.2.3.3", "1.2.3.1"]),
        ({"last_date": "2026-01-02"}, ["1.2.3.1", "1.2.3.2"]),
        ({"first_date": "2026-01-02", "last_date": "2026-01-02"}, ["1.2.3.1"]),
        ({"patient_name": "doe", "modality": "CT"}, ["1.2.3.1"]),
    ],
)
def test_search_finds_what_matches_all_fields(live: Live, search: dict[str, str], found: list[str]) -> None:
    assert live.studies(**search) == found


def test_pages_follow_each_other_by_key(live: Live) -> None:
    first = live.get("/api/v1/archive/studies", limit=2)
    second = live.get("/api/v1/archive/studies", limit=2, after=first["next"])
    assert len(first["studies"]) == 2
    assert [one["study_uid"] for one in second["studies"]] == ["1.2.3.2"]
    assert second["next"] is None


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 501}, {"first_date": "yesterday"}, {"after": "?"}, {"colour": "red"}]
)
def test_a_senseless_search_is_refused(live: Live, query: dict[str, Any]) -> None:
    answer = live.client.get("/api/v1/archive/studies", params=query)
    assert answer.status_code == 400
    assert answer.json()["error"]["what"]


def test_series_of_a_study(live: Live) -> None:
    found = live.get("/api/v1/archive/studies/1.2.3.1/series")
    assert [(one["series_uid"], one["instances"]) for one in found] == [("1.2.3.1.1", 12), ("1.2.3.1.2", 1)]
    assert found[0] | {"series_uid": "", "instances": 0} == {
        "series_uid": "", "number": 2, "modality": "CT", "description": "Head axial", "body_part": "HEAD",
        "instances": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    "path",
    [
        "archive/studies/1.9.9",
        "archive/studies/1.9.9/series",
        "opened/1.9.9/session",
        "opened/..%2f..%2fetc/session",
        "opened/1.9.9/images/x",
    ],
)
def test_a_study_that_is_not_there_is_404(live: Live, path: str) -> None:
    assert live.client.get(f"/api/v1/{path}").status_code == 404


def test_an_opened_study_is_shown_alone_and_its_values_are_right(live: Live) -> None:
    found = live.open()
    assert [one["study_uid"] for one in found["studies"]] == ["1.2.3.1"]
    image = next(
        image
        for series in found["studies"][0]["series"]
        for image in series["images"]
        if image["kind"] == "volume"
    )
    assert image["thumbnail_url"].startswith(f"{OPENED}/images/")
    assert live.client.get(image["thumbnail_url"]).content[:4] == b"\x89PNG"
    info = live.get(f"{OPENED}/images/{image['id']}")
    assert info["grids"]["stored"]["shape"] == [12, 32, 32]
    assert info["grids"]["stored"]["chunk_url"].startswith(f"{OPENED}/images/")
    chunk = info["grids"]["stored"]["chunk_url"].format(t=0, c=0)
    assert live.client.get(chunk).status_code == 200
    probe = live.get(f"{OPENED}/images/{image['id']}/probe", k=8, j=16, i=16)
    assert probe["value"] == 68
    assert "/" not in probe["source"]["file"]
    assert live.get(f"{OPENED}/presets")["windows"]


def test_two_studies_are_open_side_by_side(live: Live) -> None:
    first, second = live.open(), live.open("1.2.3.3")
    assert first["studies"][0]["patient"]["id"] == "P-1"
    assert second["studies"][0]["patient"]["id"] == "Q-77"
    assert live.opened.count == 2
    assert live.get("/api/v1/studies")["studies"] == []


def test_instances_that_come_later_are_there_when_the_study_is_opened_again(live: Live) -> None:
    before = live.open()
    keep(live.archive, data_set("1.2.3.1", 12))
    assert live.get(f"{OPENED}/studies") == before
    after = live.open()
    assert after["revision"] > before["revision"]
    assert sum(series["instance_count"] for series in after["studies"][0]["series"]) == 14


def test_a_node_opens_no_paths_and_says_that_it_is_one(live: Live) -> None:
    assert live.client.post("/api/v1/open", json={"paths": ["/etc"]}).status_code in (404, 405)
    assert live.client.post(f"{OPENED}/open", json={"paths": ["/etc"]}).status_code in (404, 405)
    assert '"node":"MEDVOX"' in live.client.get("/").text


def test_a_stranger_gets_nothing(live: Live) -> None:
    with httpx.Client(base_url=live.client.base_url) as stranger:
        for path in ("archive/studies", "opened/1.2.3.1/session", "status", "remote/nodes"):
            assert stranger.get(f"/api/v1/{path}").status_code == 401


@pytest.mark.parametrize(
    ("role", "refused"),
    [
        (Role.VIEWER, ["add", "retry", "accept", "transfer"]),
        (Role.UPLOADER, ["list", "open", "opened", "retry", "accept", "search", "transfer"]),
        (Role.CURATOR, ["retry", "accept"]),
        (Role.ADMIN, []),
    ],
)
def test_each_role_may_do_its_part(live: Live, role: Role, refused: list[str]) -> None:
    body = {"kind": "send", "node": "PACS", "study_uid": "1.2.3.1"}
    asked = {
        "list": ("GET", "archive/studies", None),
        "open": ("POST", "archive/studies/1.2.3.1/open", None),
        "opened": ("GET", "opened/1.2.3.1/studies", None),
        "add": ("POST", "archive/files", None),
        "status": ("GET", "status", None),
        "retry": ("POST", "status/failures/0/retry", None),
        "accept": ("POST", "status/refused/0/accept", None),
        "search": ("GET", "remote/nodes/PACS/studies", None),
        "transfer": ("POST", "remote/transfers", body),
    }
    live.who["principal"] = Principal("somebody", role)
    answers = {
        name: live.client.request(method, f"/api/v1/{path}", json=json).status_code
        for name, (method, path, json) in asked.items()
    }
    assert [name for name, status in answers.items() if status == 403] == refused


def test_that_somebody_looks_at_a_study_is_noted_once(live: Live) -> None:
    live.open()
    noted = [live.noted.action for _ in range(3) if live.get(f"{OPENED}/studies")]
    assert noted[1:] == [None, None]
    live.who["principal"] = Principal("another", Role.VIEWER)
    live.get(f"{OPENED}/studies")
    assert (live.noted.action, live.noted.studies) == (Action.RETRIEVE, ["1.2.3.1"])


def test_files_are_added_to_the_archive(live: Live) -> None:
    files = [("files", ("a/b.dcm", part10(data_set("1.2.3.4"))))]
    answer = live.client.post("/api/v1/archive/files", files=files)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"stored": 1, "same": 0, "versions": 0, "refused": []}
    assert "1.2.3.4" in live.studies()
    again = live.client.post("/api/v1/archive/files", files=[*files, ("files", ("c.txt", b"text"))])
    assert again.json() == {"stored": 0, "same": 1, "versions": 0, "refused": []}


def test_a_deleted_study_cannot_be_opened(live: Live) -> None:
    live.open()
    live.archive.delete("1.2.3.1", reason="test", who="test")
    assert live.studies() == ["1.2.3.3", "1.2.3.2"]
    assert live.client.post("/api/v1/archive/studies/1.2.3.1/open").status_code == 404


# -- status and remote nodes -------------------------------------------------------------------------


def test_status_says_what_the_node_says(live: Live) -> None:
    found = live.get("/api/v1/status")
    assert found["node"]["aet"] == "MEDVOX"
    assert found["storage"]["instances"] == 120
    assert found["queues"][0] == {"name": "forward", "waiting": 4, "running": 1, "failed": 1}
    assert found["failures"][0]["id"] == "17"
    assert found["refused"][0]["ae_title"] == "CT_ROOM_2"


def test_failed_tasks_are_retried_and_callers_accepted(live: Live) -> None:
    assert live.client.post("/api/v1/status/failures/17/retry").status_code == 204
    assert live.client.post("/api/v1/status/failures/17/retry").status_code == 404
    assert live.client.post("/api/v1/status/refused/4/accept").status_code == 204
    assert (live.status.retried, live.status.accepted) == (["17"], ["4"])
    assert live.get("/api/v1/status")["failures"] == []


def test_remote_nodes_are_listed_called_and_searched(live: Live) -> None:
    live.remote.studies = [
        RemoteStudy("1.2.3.1", "Doe^Jane", "P-1", "", "20260102", "", "Head", "A-1", ("CT",), 13),
        RemoteStudy("1.2.8", "Roe^Rick", "R", "", "", "", "", "", (), None),
    ]
    assert [one["name"] for one in live.get("/api/v1/remote/nodes")] == ["PACS", "gone"]
    assert live.client.post("/api/v1/remote/nodes/PACS/echo").json() == {"seconds": 0.012}
    gone = live.client.post("/api/v1/remote/nodes/gone/echo")
    assert gone.status_code == 502
    assert "cannot be reached" in gone.json()["error"]["what"]
    found = live.get(
        "/api/v1/remote/nodes/PACS/studies", patient_name="Doe, Ja", modality="CT", first_date="2026-01-01"
    )
    assert [(one["study_uid"], one["held"]) for one in found["studies"]] == [("1.2.3.1", 13), ("1.2.8", 0)]
    assert found["is_cut"] is False
    assert set(live.remote.asked[0]) == {"PatientName=Doe^Ja*", "ModalitiesInStudy=CT", "StudyDate=20260101-"}


def test_a_transfer_tells_its_progress_and_ends(live: Live) -> None:
    live.remote.step = threading.Semaphore(0)
    body = {"kind": "retrieve", "node": "PACS", "study_uid": "1.2.8"}
    begun = live.client.post("/api/v1/remote/transfers", json=body)
    assert begun.status_code == 201
    assert live.client.post("/api/v1/remote/transfers", json=body).json()["id"] == begun.json()["id"]
    live.remote.step.release(2)
    until(lambda: live.get("/api/v1/remote/transfers")[0]["done"] == 2)
    running = live.get("/api/v1/remote/transfers")[0]
    assert (running["state"], running["total"], running["error"]) == ("running", 4, None)
    live.remote.step.release(2)
    until(lambda: live.get("/api/v1/remote/transfers")[0]["state"] == "done")


def test_a_transfer_that_fails_in_part_says_so(live: Live) -> None:
    body = {"kind": "send", "node": "PACS", "study_uid": "1.2.3.1"}
    assert live.client.post("/api/v1/remote/transfers", json=body).status_code == 201
    until(lambda: live.get("/api/v1/remote/transfers")[0]["state"] == "failed")
    found = live.get("/api/v1/remote/transfers")[0]
    assert (found["done"], found["failed"], found["error"]["what"]) == (4, 1, "status A700H")


def test_a_transfer_can_be_cancelled_and_removed(live: Live) -> None:
    live.remote.step = threading.Semaphore(1)
    body = {"kind": "retrieve", "node": "PACS", "study_uid": "1.2.8"}
    path = "/api/v1/remote/transfers/" + live.client.post("/api/v1/remote/transfers", json=body).json()["id"]
    until(lambda: live.get("/api/v1/remote/transfers")[0]["done"] == 1)
    assert live.client.delete(path).status_code == 204
    live.remote.step.release(4)
    until(lambda: live.get("/api/v1/remote/transfers")[0]["state"] == "cancelled")
    assert live.client.delete(path).status_code == 204
    assert live.get("/api/v1/remote/transfers") == []
    assert live.client.delete(path).status_code == 404


@pytest.mark.parametrize(
    ("change", "status"), [({"node": "nobody"}, 404), ({"study_uid": "../x"}, 400), ({"kind": "steal"}, 422)]
)
def test_a_wrong_transfer_is_refused(live: Live, change: dict[str, str], status: int) -> None:
    body = {"kind": "send", "node": "PACS", "study_uid": "1.2.3.1"} | change
    assert live.client.post("/api/v1/remote/transfers", json=body).status_code == status


# -- procedures --------------------------------------------------------------------------------------

STEP = {
    "PatientName": "Müller^Eva", "PatientID": "1", "Modality": "CT", "ScheduledStationAETitle": "CT1",
    "ScheduledProcedureStepStartDate": "20261122", "ScheduledProcedureStepStartTime": "0930",
    "ScheduledProcedureStepDescription": "Head", "AccessionNumber": "A1", "StudyInstanceUID": "1.2.3.1",
}  # fmt: skip


def test_the_worklist_is_shown_and_steps_change_their_status(live: Live) -> None:
    item = live.procedures.worklist.add(scheduled(STEP))
    (step,) = live.get("/api/v1/procedures")["scheduled"]
    assert step == {
        "id": item.id,
        "study_uid": "1.2.3.1",
        "patient_name": "Müller^Eva",
        "patient_id": "1",
        "date": "20261122",
        "time": step["time"],
        "modality": "CT",
        "station": "CT1",
        "description": "Head",
        "accession": "A1",
        "status": "SCHEDULED",
        "images": 13,
    }
    assert step["time"].startswith("0930")
    path = f"/api/v1/procedures/scheduled/{item.id}/status"
    assert live.client.post(path, json={"status": "ARRIVED"}).json()["status"] == "ARRIVED"
    assert live.noted.studies == ["1.2.3.1"]
    assert live.client.post(path, json={"status": "DISCONTINUED"}).status_code == 200
    assert live.get("/api/v1/procedures")["scheduled"] == []
    (ended,) = live.get("/api/v1/procedures", ended=True)["scheduled"]
    assert ended["status"] == "DISCONTINUED"
    assert live.client.post(path, json={"status": "LOST"}).status_code == 422
    assert live.client.post(path.replace(f"/{item.id}/", "/99/"), json={"status": "READY"}).status_code == 404


def test_a_performed_step_is_shown(live: Live) -> None:
    data = scheduled(STEP)
    begun = {key: data[key] for key in ("00100010", "00100020")} | {
        "00080060": {"vr": "CS", "Value": ["CT"]},
        "00400241": {"vr": "AE", "Value": ["CT1"]},
        "00400244": {"vr": "DA", "Value": ["20261122"]},
        "00400245": {"vr": "TM", "Value": ["101500"]},
        "00400252": {"vr": "CS", "Value": ["IN PROGRESS"]},
        "00400254": {"vr": "LO", "Value": ["Head"]},
    }
    live.procedures.performed.add("1.2.77", begun, "CT1")
    (step,) = live.get("/api/v1/procedures")["performed"]
    assert (step["uid"], step["status"], step["station"]) == ("1.2.77", "IN PROGRESS", "CT1")
    assert (step["patient_name"], step["date"]) == ("Müller^Eva", "20261122")


def test_reports_of_commitment_that_were_given_up_can_be_retried(live: Live) -> None:
    commitments, queue = live.procedures.commitments, CommitmentQueue(live.procedures)
    one = commitments.add("CT1", "1.2.9", [("1.2", "1.3")])
    assert (queue.facts().waiting, queue.facts().failed) == (1, 0)
    commitments.give_up(one.id, "cannot be reached")
    (failed,) = queue.failures(5)
    assert (failed.reason, failed.what) == ("cannot be reached", "report to CT1")
    queue.retry(failed.id)
    assert (queue.facts().waiting, queue.facts().failed) == (1, 0)
    with pytest.raises(MissingError):
        queue.retry("storage commitment:x")
