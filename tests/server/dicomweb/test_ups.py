"""UPS-RS by httpx and by the websockets client, on a server over real sockets."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager
from types import SimpleNamespace

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from medvox.archive.access import Principal, Role
from medvox.archive.state.database import StateDatabase
from medvox.archive.state.ups import UnifiedSteps
from medvox.archive.state.ups_events import FILTERED, GLOBAL
from medvox.network.dimse import ups_user
from medvox.server import errors
from medvox.server.dicomweb.resources import PREFIX
from medvox.server.dicomweb.ups import router

pytestmark = pytest.mark.net
OURS, THEIRS = "1.2.100", "1.2.200"


class Known:
    """Stands for the guard: says who asks."""

    def __init__(self, app, who) -> None:
        self.app, self.who = app, who

    async def __call__(self, scope, receive, send) -> None:
        scope.setdefault("state", {})["principal"] = self.who[0]
        await self.app(scope, receive, send)


@contextmanager
def serving(steps, who):
    app = FastAPI()
    app.state.node = SimpleNamespace(unified=SimpleNamespace(steps=steps))
    errors.install(app)
    app.include_router(router, prefix=PREFIX)
    app.add_middleware(Known, who=who)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        config = uvicorn.Config(app, log_level="warning", lifespan="off", ws="websockets-sansio")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield f"127.0.0.1:{port}{PREFIX}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def node(tmp_path):
    database = StateDatabase(tmp_path / "state.sqlite")
    who = [Principal("tester", Role.CURATOR)]
    steps = UnifiedSteps(database)
    with serving(steps, who) as place, httpx.Client(base_url=f"http://{place}") as client:
        yield SimpleNamespace(steps=steps, client=client, place=place, who=who)
    database.close()


def new(label="Read", **more):
    made = ups_user.new_step(label)
    for keyword, value in more.items():
        setattr(made, keyword, value)
    return [json.loads(made.to_json())]


def state(value, transaction=OURS):
    return {"00741000": {"vr": "CS", "Value": [value]}, "00081195": {"vr": "UI", "Value": [transaction]}}


def test_a_work_item_from_making_to_finishing(node):
    client = node.client
    made = client.post("/workitems?1.2.3", json=new(PatientID="17"))
    assert made.status_code == 201
    assert made.headers["location"].endswith("/dicomweb/workitems/1.2.3")
    assert client.post("/workitems?workitem=1.2.3", json=new()).status_code == 409
    assert (
        client.post("/workitems", json=[{"00741000": {"vr": "CS", "Value": ["SCHEDULED"]}}]).status_code
        == 400
    )
    assert client.get("/workitems/1.2.4").status_code == 404
    assert client.put("/workitems/1.2.3/state", json=state("COMPLETED")).status_code == 409
    assert client.put("/workitems/1.2.3/state", json=[state("IN PROGRESS")]).status_code == 200
    assert client.put("/workitems/1.2.3/state", json=state("COMPLETED", THEIRS)).status_code == 409
    assert client.put("/workitems/1.2.3/state", json=state("COMPLETED", "")).status_code == 400
    code = {"vr": "SQ", "Value": [{"00080100": {"vr": "SH", "Value": ["X"]}}]}
    done = {
        "00404028": code, "00404019": code, "00404033": {"vr": "SQ"},
        "00404050": {"vr": "DT", "Value": ["20261122"]}, "00404051": {"vr": "DT", "Value": ["20261122"]},
    }  # fmt: skip
    changes = {"00741216": {"vr": "SQ", "Value": [done]}}
    assert client.post(f"/workitems/1.2.3?transaction-uid={THEIRS}", json=changes).status_code == 409
    assert client.post(f"/workitems/1.2.3?transaction-uid={OURS}", json=changes).status_code == 200
    assert client.put("/workitems/1.2.3/state", json=state("COMPLETED")).status_code == 200
    again = client.put("/workitems/1.2.3/state", json=state("COMPLETED"))
    assert again.status_code == 200
    assert "already in the requested state" in again.headers["warning"]
    assert client.post("/workitems/1.2.3/cancelrequest").status_code == 409
    (got,) = client.get("/workitems/1.2.3").json()
    assert got["00741000"]["Value"] == ["COMPLETED"]
    assert "00081195" not in got


def test_search_matches_and_pages(node):
    for k in range(5):
        made = new("Read" if k % 2 else "Report", PatientID=str(k), PatientName="Müller^Eva")
        assert node.client.post(f"/workitems?workitem=1.2.{k}", json=made).status_code == 201
    node.client.post("/workitems/1.2.1/cancelrequest", json=[{"00741238": {"vr": "LT", "Value": ["moved"]}}])

    def found(query):
        answer = node.client.get(f"/workitems?{query}")
        return [] if answer.status_code == 204 else [row["00080018"]["Value"][0] for row in answer.json()]

    assert found("") == [f"1.2.{k}" for k in range(5)]
    assert found("limit=2&offset=1") == ["1.2.1", "1.2.2"]
    assert found("ProcedureStepState=SCHEDULED&ProcedureStepLabel=Rea*") == ["1.2.3"]
    assert found("00741000=CANCELED") == ["1.2.1"]
    assert found("PatientName=m%C3%BCll*&PatientID=2") == ["1.2.2"]
    assert found("SOPInstanceUID=1.2.0,1.2.4") == ["1.2.0", "1.2.4"]
    assert found("PatientID=9") == []
    assert node.client.get("/workitems?NoSuchThing=1").status_code == 400
    assert node.client.get("/workitems?limit=x").status_code == 400


@pytest.mark.parametrize("body", ["", "x", "[]", "[1]", '{"0008": {}}', '[{"00080018": 3}]', "[" * 100000,
                                  '{"00400100": {"vr": "SQ", "Value": [3]}}'])  # fmt: skip
def test_bodies_that_are_no_data_set_are_refused(node, body):
    assert node.client.post("/workitems", content=body).status_code == 400
    assert node.client.post("/workitems/..%2Fx/cancelrequest").status_code in (400, 404)


def test_events_come_over_a_web_socket_also_those_of_before(node):
    client = node.client
    client.post("/workitems?workitem=1.2.3", json=new())
    answer = client.post(f"/workitems/{GLOBAL}/subscribers/EYE")
    assert answer.status_code == 201
    assert client.post("/workitems/1.2.9/subscribers/EYE").status_code == 404
    client.put("/workitems/1.2.3/state", json=state("IN PROGRESS"))
    address = answer.headers["content-location"]
    assert address == f"ws://{node.place}/ws/subscribers/EYE"
    with connect(address) as stream:
        before = [json.loads(stream.recv(5)) for _ in range(2)]
        assert [each["00741000"]["Value"] for each in before] == [["SCHEDULED"], ["IN PROGRESS"]]
        client.post("/workitems/1.2.3/cancelrequest", json={"00741238": {"vr": "LT", "Value": ["moved"]}})
        event = json.loads(stream.recv(5))
        assert event["00001000"]["Value"] == ["1.2.3"]
        assert event["00001002"]["Value"] == [2]
        assert event["00741238"]["Value"] == ["moved"]
        assert client.post(f"/workitems/{GLOBAL}/subscribers/EYE/suspend").status_code == 200
        client.post("/workitems?workitem=1.2.4", json=new())
        assert client.delete(f"/workitems/{GLOBAL}/subscribers/EYE").status_code == 200
        with pytest.raises(TimeoutError):
            stream.recv(0.3)
    deadline = time.monotonic() + 5
    while node.steps.listeners and time.monotonic() < deadline:
        time.sleep(0.02)
    assert node.steps.listeners == []
    assert node.steps.subscriptions.waiting() == []


def test_a_filter_chooses_what_is_followed(node):
    assert node.client.post(f"/workitems/{FILTERED}/subscribers/EYE?filter=PatientID=17").status_code == 201
    for k, patient in enumerate(("16", "17")):
        node.client.post(f"/workitems?workitem=1.2.{k}", json=new(PatientID=patient))
    assert [each.uid for each in node.steps.subscriptions.waiting()] == ["1.2.1"]


def test_who_may_not_is_refused(node):
    node.who[0] = Principal("looker", Role.VIEWER)
    assert node.client.get("/workitems").status_code == 204
    assert node.client.post("/workitems?1.2.3", json=new()).status_code == 403
    node.who[0] = None
    assert node.client.get("/workitems").status_code == 401
    with pytest.raises(InvalidStatus), connect(f"ws://{node.place}/ws/subscribers/EYE"):
        pass
