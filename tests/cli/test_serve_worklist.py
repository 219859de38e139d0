"""`medvox serve worklist`, and a node that answers from it while it runs."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from medvox.archive.state.commitments import Commitments
from medvox.archive.state.database import StateDatabase
from medvox.archive.state.mpps import PerformedSteps
from medvox.archive.state.worklist import Worklist
from medvox.cli import serve
from medvox.cli.serve import commitment, worklist
from medvox.core.errors import MissingError, UsageError
from medvox.workflows.node.node import Node
from medvox.workflows.node.settings import NodeSettings
from network.fakes import run

app = typer.Typer()
serving = typer.Typer()
commitment.register(serving)
app.add_typer(worklist.app, name="worklist")
STEP = ("PatientName=Doe^Jane", "PatientID=7", "Modality=CT", "ScheduledStationAETitle=CT1",
        "ScheduledProcedureStepStartDate=2026-11-22", "ScheduledProcedureStepStartTime=10:15")  # fmt: skip


def invoke(store, *words, fails=None):
    told = CliRunner().invoke(app, ["worklist", *map(str, words), "--store", str(store)])
    assert isinstance(told.exception, fails) if fails else told.exit_code == 0, told.output
    return told.stdout


@pytest.mark.net
def test_a_step_is_scheduled_asked_for_and_ended_while_the_node_runs(tmp_path):
    with Node(NodeSettings(store=tmp_path, dicom_port=0, stop_s=1)) as node:
        (item,) = json.loads(invoke(tmp_path, "add", *STEP, "--json"))
        words = ("findscu", "-W", "-k", "PatientName", "-k", "(0040,0100)[0].Modality=CT", "127.0.0.1",
                 node.dicom_port)  # fmt: skip
        told = run(*words)
        assert "[Doe^Jane]" in told.stdout + told.stderr
        invoke(tmp_path, "status", item["id"], "completed")
        told = run(*words)
        assert "[Doe^Jane]" not in told.stdout + told.stderr
    assert json.loads(invoke(tmp_path, "list", "--json")) == []
    assert (
        json.loads(invoke(tmp_path, "list", "--all", "-k", "Modality=C*", "--json"))[0]["status"]
        == "COMPLETED"
    )


def test_a_csv_file_is_imported_listed_and_taken_out(tmp_path):
    path = tmp_path / "list.csv"
    names, values = zip(*(word.split("=") for word in STEP), strict=True)
    path.write_text(",".join(names) + "\n" + ",".join(values) + "\n", encoding="utf-8")
    assert "1 steps scheduled" in invoke(tmp_path / "a", "import", path)
    shown = invoke(tmp_path / "a", "list")
    assert "20261122 101500" in shown or "20261122 1015" in shown
    assert "Doe^Jane" in shown
    invoke(tmp_path / "a", "delete", 1)
    assert "0 steps" in invoke(tmp_path / "a", "list")
    invoke(tmp_path / "a", "delete", 1, fails=MissingError)
    invoke(tmp_path / "a", "status", 1, "later", fails=UsageError)
    invoke(tmp_path / "a", "add", "PatientName", fails=UsageError)


def test_what_was_reported_and_asked_is_listed_and_reported_again(tmp_path):
    database = StateDatabase(tmp_path / "state.sqlite")
    PerformedSteps(database, Worklist(database)).add(
        "1.2.9", {"00080060": {"vr": "CS", "Value": ["CT"]}}, "CT1"
    )
    requests = Commitments(database)
    made = requests.add("CT1", "1.2.3.4", [("1.2", "1.2.99")])
    requests.give_up(made.id, "nobody there")
    words = ("--store", str(tmp_path))
    for word, expected in (("performed", "1.2.9"), ("commitment list", "nobody there")):
        shown = CliRunner().invoke(serving, [*word.split(), *words])
        assert expected in shown.stdout, shown.output
    told = json.loads(CliRunner().invoke(serving, ["performed", "--json", *words]).stdout)
    assert [(each["uid"], each["status"]) for each in told] == [("1.2.9", "IN PROGRESS")]
    assert CliRunner().invoke(serving, ["commitment", "retry", str(made.id), *words]).exit_code == 0
    (told,) = json.loads(CliRunner().invoke(serving, ["commitment", "list", "--json", *words]).stdout)
    assert (told["state"], told["attempts"], told["instances"]) == ("waiting", 0, 1)
    database.close()


def test_the_words_are_registered():
    worklist.register(parent := typer.Typer())
    assert [group.name for group in parent.registered_groups] == ["worklist"]
    assert serve.app is not parent
