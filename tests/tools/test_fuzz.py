"""The campaign tool finds what is wrong, keeps it, and says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from medvox.core.errors import FormatError
from tools import fuzz


@pytest.mark.parametrize("name", sorted(fuzz.TARGETS))
def test_readers_survive_a_short_campaign(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert fuzz.fuzz(name, 0.01, seed=1) == []


def test_failures_are_found_kept_and_reported(monkeypatch, tmp_path):
    def read(path: Path) -> None:
        if len(path.read_bytes()) > 60:
            raise FormatError("allowed")
        raise KeyError("not allowed")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(fuzz.TARGETS, "bad", fuzz.Target(lambda: [bytes(60)], read))
    assert fuzz.main(["bad", "--minutes", "0.005", "--seed", "3"]) == 1
    kept = sorted(path.suffix for path in (tmp_path / fuzz.KEPT / "bad").iterdir())
    assert kept == ["", ".txt"]


@pytest.mark.skipif(not hasattr(fuzz.signal, "SIGALRM"), reason="the system has no alarm signal")
def test_a_reader_that_hangs_is_stopped_and_reported(monkeypatch, tmp_path):
    def read(path: Path) -> None:
        while True:
            pass

    monkeypatch.setattr(fuzz, "SLOW", 0.05)
    assert "HangError" in fuzz.attempt(fuzz.Target(lambda: [b""], read), b"x", tmp_path)


def test_breaking_depends_on_the_seed_alone():
    first, second = (fuzz.broken(bytes(range(256)), fuzz.random.Random(5)) for _ in range(2))
    assert first == second != bytes(range(256))
