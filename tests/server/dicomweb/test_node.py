"""DICOMweb of a whole node: behind its guard, by its token, in its audit."""

from __future__ import annotations

import io
import socket
import threading
import time

import pytest
import requests
import uvicorn
from dicomweb_client.api import DICOMwebClient
from pydicom import dcmread

from archive_data import sent
from medvox.server.access.door import Door
from medvox.server.node_app import node_app
from medvox.testing.dicom_builder import uid
from medvox.workflows.node.node import Node
from medvox.workflows.node.settings import NodeSettings


@pytest.fixture
def node(tmp_path):
    """A node, the address of its DICOMweb and an administrator's token."""
    settings = NodeSettings(store=tmp_path / "store", dicom_port=0)
    with socket.socket() as listening, Node(settings) as one:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        with node_app(one, Door(port)) as made:
            server = uvicorn.Server(uvicorn.Config(made.app, log_level="warning", lifespan="off"))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
            thread.start()
            try:
                while not server.started:
                    time.sleep(0.01)
                yield one, f"http://127.0.0.1:{port}/dicomweb", one.access.tokens.create_first()
            finally:
                server.should_exit = True
                thread.join()


def test_dicomweb_client_stores_finds_and_retrieves(node):
    one, url, token = node
    client = DICOMwebClient(url, headers={"Authorization": f"Bearer {token}"})
    made = []
    for number in (1, 2, 3):
        content = io.BytesIO()
        sent(number).save_as(content, enforce_file_format=True)
        made.append(dcmread(io.BytesIO(content.getvalue())))
    client.store_instances(made)
    assert len(client.search_for_instances(uid("study"))) == 3
    found = client.retrieve_study(uid("study"))
    assert sorted(data.PixelData for data in found) == sorted(data.PixelData for data in made)
    assert len(client.retrieve_study_metadata(uid("study"))) == 3
    expected = {("store", "admin"), ("query", "admin"), ("retrieve", "admin")}
    until = time.monotonic() + 20
    told: set[tuple[str, str]] = set()
    while not expected <= told and time.monotonic() < until:  # what was read is gathered before it is written
        time.sleep(0.05)
        told = {(line.event.action, line.event.who) for line in one.archive.audit.search()}
    assert expected <= told


def test_strangers_and_other_sites_are_refused(node):
    _, url, token = node
    assert requests.get(f"{url}/studies", timeout=20).status_code == 401
    known = {"Authorization": f"Bearer {token}"}
    for header in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
        assert requests.get(f"{url}/studies", headers=known | header, timeout=20).status_code == 403
