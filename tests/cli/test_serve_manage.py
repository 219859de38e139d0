"""The commands that look after an archive, from the terminal."""

import json
from pathlib import Path

import pytest
import typer
from pydicom import dcmread
from typer.testing import CliRunner

from archive_data import EXPLICIT, bare, sent
from medvox.archive.archive import Archive
from medvox.archive.model import ArchiveSettings
from medvox.archive.state.database import StateDatabase
from medvox.cli.serve.manage import register
from medvox.core.errors import AccessError, MedvoxError, NetworkError
from medvox.jobs.queue import Backoff, JobQueue

A, B = (str(sent(study=name).StudyInstanceUID) for name in "ab")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    with Archive.open(ArchiveSettings(folder)) as archive:
        for number in range(4):
            data = sent(
                number, study="ab"[number % 2], series=f"s{number}", PatientID=f"P{number % 2}", size=64
            )
            archive.receive(bare(data), transfer_syntax=EXPLICIT)
    return folder


def run(store: Path, *words: str) -> str:
    app = typer.Typer()
    register(app)
    result = CliRunner().invoke(app, [*words, "--store", str(store)])
    if isinstance(result.exception, MedvoxError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def patients(store: Path) -> set[tuple[str, str, str]]:
    with Archive.open(ArchiveSettings(store)) as archive:
        return {
            (
                row["00100020"]["Value"][0],
                row["00100010"]["Value"][0]["Alphabetic"],
                row["0020000D"]["Value"][0],
            )
            for row in archive.find(_all()).rows
        }


def _all():
    from medvox.archive.model import Query

    return Query()


def test_studies_are_corrected_merged_moved_and_split(store: Path) -> None:
    run(store, "correct", "--study", A, "--set", "PatientName=Doe^Jane", "--reason", "typo")
    assert ("P0", "Doe^Jane", A) in patients(store)
    (edit,) = json.loads(run(store, "edits", "--json"))
    assert (edit["kind"], edit["reason"], edit["instances"]) == ("correct", "typo", 2)
    assert "2 instances" in run(store, "undo", edit["edit"], "--reason", "right before")
    assert ("P0", "Test^Builder", A) in patients(store)
    run(store, "merge", "P0", "P1", "--patients", "--reason", "same person")
    assert {patient for patient, *_ in patients(store)} == {"P1"}
    run(store, "correct", "--patient", "P1", "--set", "PatientID=P9", "--reason", "typo")
    series = str(sent(0, study="a", series="s0").SeriesInstanceUID)
    new = run(store, "split", A, "--series", series, "--reason", "neck").split()[-1]
    assert {study for *_, study in patients(store)} == {A, B, new}
    run(store, "merge", new, A, "--reason", "no")
    assert {study for *_, study in patients(store)} == {A, B}
    with pytest.raises(MedvoxError, match="--study or --patient"):
        run(store, "correct", "--set", "PatientID=1", "--reason", "x")


def test_the_bin_is_listed_and_emptied_when_told_so(store: Path) -> None:
    run(store, "protect", B)
    shown = json.loads(run(store, "retention", "--patients", "0", "--json"))
    assert [one["study"] for one in shown] == [A]
    assert len(patients(store)) == 2
    run(store, "retention", "--patients", "0", "--yes")
    assert {study for *_, study in patients(store)} == {B}
    (binned,) = json.loads(run(store, "bin", "list", "--json"))
    assert (binned["study"], binned["deleted"]) == (A, 2)
    assert "nothing was done" in run(store, "bin", "empty", "--reason", "x")
    assert "2 instances removed" in run(store, "bin", "empty", "--reason", "x", "--yes")
    assert run(store, "bin", "list") == "none\n"
    run(store, "protect", B, "--off")
    assert len(json.loads(run(store, "retention", "--patients", "0", "--json"))) == 1


def test_studies_are_compressed_and_exported(store: Path, tmp_path: Path) -> None:
    assert run(store, "compress", "jpeg-ls", "--study", A).startswith("2 compressed")
    run(store, "export", str(tmp_path / "disc"), "--study", A)
    files = list((tmp_path / "disc").rglob("IM*"))
    assert len(files) == 2
    assert {dcmread(path).StudyInstanceUID for path in files} == {A}


def test_failed_jobs_are_listed_and_tried_again(store: Path) -> None:
    state = StateDatabase(store / "state.sqlite")
    queue = JobQueue(state, Backoff(attempts=1))
    queue.add("forward", {"to": "PACS", "versions": []})
    job = queue.claim("a", ["forward"])
    assert job is not None
    queue.fail(job, NetworkError("the peer refuses"))
    (shown,) = json.loads(run(store, "queue", "list", "--state", "failed", "--json"))
    assert (shown["to"], shown["error"]) == ("PACS", "NetworkError: the peer refuses")
    with Archive.open(ArchiveSettings(store)):  # as a node that runs
        assert "1 jobs" in run(store, "queue", "retry")
        with pytest.raises(AccessError):
            run(store, "bin", "list")
    assert queue.jobs(state="waiting")
    state.close()
