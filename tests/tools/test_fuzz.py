"""The campaign tool finds what is wrong, keeps it, and says so."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tools.fuzz_targets import Target, targets

from medvox.core.errors import FormatError
from medvox.formats.registry import available
from tools import fuzz, fuzz_worker


@pytest.fixture
def campaign(monkeypatch, tmp_path):
    """A function that feeds a target at random for a while; returns the campaign."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fuzz_worker.tempfile, "tempdir", None)

    def run(name: str, target: Target, seconds: float) -> fuzz_worker.Campaign:
        made = fuzz_worker.Campaign(name, target)
        fuzz_worker.at_random(made, seconds, seed=1)
        return made

    yield run
    fuzz_worker.tempfile.tempdir = None


@pytest.mark.parametrize("name", sorted(targets()))
def test_readers_survive_a_short_campaign(name, campaign):
    assert campaign(name, targets()[name], 0.4).wrong == set()


def test_every_registered_format_is_fed():
    names = set(targets())
    for key, _ in available():
        assert any(name == key or name.startswith(f"{key}-") for name in names), key
    assert {"dicom-scan", "dicom-header", "dicom-pixels", "archives", "scan"} <= names
    assert all(target.seeds() for target in targets().values())


def failing(path: Path) -> None:
    size = len(path.read_bytes())
    if size > 64:
        raise FormatError("allowed")
    if size == 60:
        raise KeyError("not allowed")
    (path.parent / "left").write_bytes(b"")


def test_failures_are_found_kept_and_reported(campaign, tmp_path):
    made = campaign("bad", Target(lambda: [bytes(60)], failing), 0.5)
    assert len(made.wrong) == 2
    kept = sorted((tmp_path / fuzz_worker.KEPT / "bad").glob("*.txt"))
    texts = [path.read_text() for path in kept]
    assert any("KeyError" in text for text in texts)
    assert any("files were left: left" in text for text in texts)
    assert all(path.with_suffix("").exists() for path in kept)


@pytest.mark.skipif(not hasattr(fuzz_worker.signal, "SIGALRM"), reason="the system has no alarm signal")
def test_a_reader_that_hangs_is_stopped_and_reported(monkeypatch, tmp_path):
    def read(path: Path) -> None:
        while True:
            pass

    monkeypatch.setattr(fuzz_worker, "SLOW", 0.05)
    assert "HangError" in fuzz_worker.attempt(Target(lambda: [b""], read), b"x", tmp_path)


def test_breaking_depends_on_the_seed_alone():
    first, second = (fuzz_worker.broken(bytes(range(256)), fuzz_worker.random.Random(5)) for _ in range(2))
    assert first == second != bytes(range(256))


@pytest.mark.slow
@pytest.mark.parametrize("words", [["--random"], []], ids=["random", "guided"])
def test_the_command_feeds_a_target_in_a_process_of_its_own(words, monkeypatch, tmp_path, capsys):
    if not words:
        pytest.importorskip("atheris", reason="atheris is not installed")
    monkeypatch.chdir(tmp_path)
    began = time.monotonic()
    assert fuzz.main(["nrrd-nrrd", "--minutes", "0.15", "--seed", "3", *words]) == 0
    assert time.monotonic() - began < 60
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("1 targets, ")
    assert int(last.split()[2]) > 0


def test_a_worker_that_dies_is_a_failure(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fuzz, "freeze", lambda target: b"not a target")
    outcome = fuzz.fuzz("nrrd-nrrd", 1, 1, guided=False)
    assert outcome.failures == 1
    assert "the process ended with" in outcome.trouble
