"""The command line with Debian's Orthanc: echo, send, find, get, move."""

from __future__ import annotations

import json

import pytest
from pydicom import dcmread
from typer.testing import CliRunner

from medvox.cli.main import app
from network.fakes import Kept, free_port, instances, process, storage_node

pytestmark = pytest.mark.net


def test_orthanc(tmp_path):
    files, port, kept = instances(tmp_path / "in"), free_port(), Kept()
    study = dcmread(files[0]).StudyInstanceUID
    with storage_node(kept, ae_title="SINK") as sink:
        settings = {
            "StorageDirectory": str(tmp_path / "db"), "IndexDirectory": str(tmp_path / "db"),
            "DicomPort": port,
            "HttpServerEnabled": False, "DicomAet": "ORTHANC", "DicomAlwaysAllowFind": True,
            "DicomAlwaysAllowGet": True, "DicomAlwaysAllowMove": True, "Plugins": [],
            "DicomModalities": {"sink": ["SINK", "127.0.0.1", sink.port]},
        }  # fmt: skip
        (tmp_path / "orthanc.json").write_text(json.dumps(settings))
        node, key = f"ORTHANC@127.0.0.1:{port}", f"StudyInstanceUID={study}"
        with process(port, "Orthanc", tmp_path / "orthanc.json"):
            for words in (
                ("echo", node),
                ("send", str(tmp_path / "in"), "--to", node),
                ("find", node, "-k", key, "--json"),
                ("get", node, "-k", key, "--out", str(tmp_path / "out")),
                ("move", node, "-k", key, "--to", "SINK"),
            ):
                told = CliRunner().invoke(app, ["net", *words])
                assert told.exit_code == 0, told.output
                if words[0] == "find":
                    assert [match["0020000D"]["Value"] for match in json.loads(told.stdout)] == [[study]]
    uids = {dcmread(file).SOPInstanceUID for file in files}
    assert {dcmread(file).SOPInstanceUID for file in (tmp_path / "out").iterdir()} == uids
    assert {received.sop_instance_uid for received, _ in kept.objects} == uids
