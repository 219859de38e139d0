"""`medvox serve` and the words that look after its archive."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from typer.testing import CliRunner

from medvox.cli.main import app
from network.fakes import free_port, instances, run


def invoke(*words):
    return CliRunner().invoke(app, ["serve", *map(str, words)])


def test_import_verify_and_reindex(tmp_path):
    instances(tmp_path / "in")
    told = invoke("import", tmp_path / "in", "--store", tmp_path / "a", "--json")
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["counts"] == {"stored": 3, "same": 0, "version": 0}
    for word in ("verify", "reindex"):
        told = invoke(word, "--store", tmp_path / "a", "--json")
        assert (told.exit_code, json.loads(told.stdout)) == (0, [])
    file = next(file for file in (tmp_path / "a" / "files").rglob("*") if file.is_file())
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.unlink()
    file.write_bytes(content)
    told = invoke("verify", "--store", tmp_path / "a", "--json")
    assert told.exit_code == 1
    assert [one["code"] for one in json.loads(told.stdout)] == ["damaged-content"]


@pytest.mark.net
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_node_from_start_to_end(tmp_path):
    files, dicom, http = instances(tmp_path / "in"), free_port(), free_port()
    words = ["--store", tmp_path / "a", "--dicom-port", dicom, "--http-port", http, "--aet", "NODE"]
    command = [sys.executable, "-c", "from medvox.cli.main import main; main()", "serve", *map(str, words)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as server:
        try:
            address = server.stdout.readline().strip()
            assert run("echoscu", "-aec", "NODE", "127.0.0.1", dicom).returncode == 0
            assert run("storescu", "-aec", "NODE", "127.0.0.1", dicom, *files).returncode == 0
            with pytest.raises(urllib.error.HTTPError, match="401"):
                urllib.request.urlopen(f"http://127.0.0.1:{http}/api/v1/session", timeout=10)
            browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
            with browser.open(address, timeout=10) as page:
                assert page.status == 200
            told = invoke("verify", "--store", tmp_path / "a")
            assert told.exit_code == 1  # one process at a time
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(20)
    assert server.returncode == 0
    assert json.loads(invoke("verify", "--store", tmp_path / "a", "--json").stdout) == []
