"""Two `medvox serve` with one PostgreSQL database and one bucket are one archive to DICOM programs."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from medvox.cli.main import app
from medvox.testing.postgresql import Server
from network.fakes import free_port, instances, run
from object_server import ObjectServer

pytestmark = [
    pytest.mark.net,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX"),
]


@contextlib.contextmanager
def serving(folder: Path, index: str, objects: str) -> Iterator[int]:
    """Run a node; give its DICOM port."""
    folder.mkdir()
    dicom, http = free_port(), free_port()
    config = folder / "medvox.toml"
    config.write_text(
        f'store = "store"\nindex = "{index}"\nobjects = "{objects}"\naet = "NODE"\n'
        f"dicom_port = {dicom}\nhttp_port = {http}\n"
    )
    command = [sys.executable, "-c", "from medvox.cli.main import main; main()", "serve", "--config", config]
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True, env=os.environ) as node:
        try:
            assert node.stdout.readline().strip()
            yield dicom
        finally:
            node.send_signal(signal.SIGTERM)
            node.wait(30)
    assert node.returncode == 0


def found(port: int, model: str, level: str, *keys: str) -> list[str]:
    """What findscu prints of the values of the last key."""
    words = [part for key in (f"QueryRetrieveLevel={level}", *keys) for part in ("-k", key)]
    told = run("findscu", "-v", model, "-aec", "NODE", *words, "127.0.0.1", port)
    assert told.returncode == 0, told.stderr
    responses = (told.stdout + told.stderr).split("Find Response: ")[1:]
    name = keys[-1].partition("=")[0]
    return [value[1].strip() for one in responses for value in re.finditer(rf"\[(.*?)\].*{name}", one)]


def test_what_one_receives_the_other_finds_and_sends(
    tmp_path: Path, postgresql: Server, object_server: ObjectServer
) -> None:
    index, objects = postgresql.new_database(), object_server.new_bucket()
    files = instances(tmp_path / "in", 6)
    (tmp_path / "out").mkdir()
    with serving(tmp_path / "a", index, objects) as first, serving(tmp_path / "b", index, objects) as second:
        assert run("storescu", "-aec", "NODE", "127.0.0.1", first, *files[:4]).returncode == 0
        (study,) = found(second, "-S", "STUDY", "StudyInstanceUID")
        assert found(second, "-S", "STUDY", f"StudyInstanceUID={study}", "NumberOfStudyRelatedInstances") == [
            "4"
        ]
        assert run("storescu", "-aec", "NODE", "127.0.0.1", second, *files[2:]).returncode == 0
        for port in (first, second):
            assert found(port, "-P", "PATIENT", "PatientName", "NumberOfPatientRelatedInstances") == ["6"]
        got = run(
            *("getscu", "-S", "-aec", "NODE", "-k", "QueryRetrieveLevel=STUDY"),
            *("-k", f"StudyInstanceUID={study}", "-od", tmp_path / "out", "127.0.0.1", first),
        )
        assert got.returncode == 0, got.stderr
        assert len(list((tmp_path / "out").iterdir())) == 6
    told = CliRunner().invoke(
        app, ["serve", "verify", "--config", str(tmp_path / "a" / "medvox.toml"), "--json"]
    )
    assert (told.exit_code, json.loads(told.stdout)) == (0, [])
