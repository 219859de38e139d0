import re
from dataclasses import fields
from pathlib import Path

import pytest

from medvox.core.errors import FormatError, MissingError, UsageError
from medvox.workflows.node.settings import NodeSettings, RemoteNode

WHOLE = """\
aet = "ARCHIVE"
store = "images"
dicom_port = 104
idle_s = 60

[[nodes]]
name = "workstation"
ae_title = "WS1"
host = "10.0.0.7"
port = 11112
"""


def load(tmp_path, text):
    (tmp_path / "medvox.toml").write_text(text)
    return NodeSettings.load(tmp_path / "medvox.toml")


def test_a_whole_file(tmp_path):
    found = load(tmp_path, WHOLE)
    assert (found.aet, found.dicom_port, found.idle_s) == ("ARCHIVE", 104, 60)
    assert found.store == tmp_path / "images"
    assert found.node("WS1 ") == RemoteNode("workstation", "WS1", "10.0.0.7", 11112)
    assert found.node("WS2") is None


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('aet = "A"\ndicom_prot = 104\n', "line 2", "dicom_prot"),
        ('\n\ndicom_port = "104"\n', "line 3", "wrong type"),
        ("http_port = true\n", "line 1", "wrong type"),
        (WHOLE.replace("port = 11112", "prot = 11112"), "line 10", "prot"),
        ("aet = \n", "line 1", "TOML"),
        ('nodes = "x"\n', "line 1", "[[nodes]]"),
        (WHOLE.replace('host = "10.0.0.7"\n', ""), "line 6", "host"),
    ],
)
def test_faults_are_told_with_their_line(tmp_path, text, line, words):
    with pytest.raises(FormatError) as told:
        load(tmp_path, text)
    assert line in str(told.value)
    assert words in str(told.value)


@pytest.mark.parametrize("change", [{"aet": ""}, {"aet": "A" * 17}, {"dicom_port": 70000}])
def test_values_that_cannot_be(tmp_path, change):
    with pytest.raises(UsageError):
        NodeSettings(store=tmp_path).changed(**change)


def test_a_missing_file(tmp_path):
    with pytest.raises(MissingError):
        NodeSettings.load(tmp_path / "medvox.toml")


def test_every_setting_is_documented():
    page = (Path(__file__).parents[3] / "docs" / "how-to" / "run-a-node.md").read_text(encoding="utf-8")
    table = page.partition("| setting |")[2].partition("\n\n")[0]
    documented = {name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert documented == {one.name for one in fields(NodeSettings)} - {"nodes"}
