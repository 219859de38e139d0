"""`medvox serve` over TLS: DCMTK stores; a step made over HTTP is claimed over DICOM and reported back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from typer.testing import CliRunner
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from medvox.archive.state.ups_events import GLOBAL
from medvox.cli.main import app
from medvox.network.dimse import ups_user
from network.certificates import Authority
from network.fakes import free_port, instances, run

pytestmark = [
    pytest.mark.net,
    pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX"),
]


@pytest.fixture
def files(tmp_path):
    authority = Authority(tmp_path)
    return authority.certificate, authority.sign("node"), authority.sign("ct1")


@pytest.fixture
def node(tmp_path, files):
    """Ports, and the first token, of a node that talks DICOM over TLS alone."""
    dicom, http = free_port(), free_port()
    ca, (certificate, key), _ = files
    settings = tmp_path / "medvox.toml"
    settings.write_text(
        f'store = "archive"\ndicom_port = {dicom}\nhttp_port = {http}\ndicom_certificate = "{certificate}"\n'
        f'dicom_key = "{key}"\ndicom_authorities = "{ca}"\n'
    )
    command = [
        sys.executable,
        "-c",
        "from medvox.cli.main import main; main()",
        "serve",
        "--config",
        settings,
    ]
    with subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, text=True, env=os.environ
    ) as server:
        try:
            address = server.stdout.readline().strip()
            yield dicom, http, parse_qs(urlsplit(address).query)["token"][0]
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(20)
    assert server.returncode == 0


def test_dcmtk_stores_and_work_goes_from_http_to_dicom_and_back(node, files, tmp_path):
    dicom, http, token = node
    ca, _, (certificate, key) = files
    sent = instances(tmp_path / "in")
    tls = ("+tls", key, certificate, "+cf", ca)
    assert run("storescu", *tls, "127.0.0.1", dicom, *sent).returncode == 0
    assert run("storescu", "127.0.0.1", dicom, *sent).returncode != 0
    base, headers = f"127.0.0.1:{http}/dicomweb", {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=f"http://{base}", headers=headers) as client:
        made = client.post("/workitems?1.2.3", json=[json.loads(ups_user.new_step("Read").to_json())])
        assert made.status_code == 201, made.text
        place = client.post(f"/workitems/{GLOBAL}/subscribers/EYE").headers["content-location"]
        assert httpx.get(f"http://{base}/workitems").status_code == 401
        with pytest.raises(InvalidStatus):
            connect(place).__enter__()
        with connect(place, additional_headers=headers) as stream:
            assert json.loads(stream.recv(10))["00741000"]["Value"] == ["SCHEDULED"]
            words = ["--tls", "--tls-ca", ca, "--tls-cert", certificate, "--tls-key", key]
            claim = ["net", "ups", "claim", f"127.0.0.1:{dicom}", "1.2.3", *words]
            told = CliRunner().invoke(app, list(map(str, claim)))
            assert told.exit_code == 0, told.output
            assert json.loads(stream.recv(10))["00741000"]["Value"] == ["IN PROGRESS"]
        (found,) = client.get("/workitems?ProcedureStepState=IN PROGRESS").json()
        assert found["00080018"]["Value"] == ["1.2.3"]
