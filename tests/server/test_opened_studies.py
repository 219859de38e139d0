"""Studies of an archive that are being looked at: their sessions and files."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from medvox.core.errors import MissingError
from medvox.core.progress import silent
from medvox.server.archive_viewer.files import StudyFiles
from medvox.server.archive_viewer.sessions import OpenedStudies
from server.archive_node import filled


def until(check: Callable[[], bool], patience_s: float = 20) -> None:
    end = time.monotonic() + patience_s
    while not check():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def test_a_study_that_nobody_looks_at_is_closed_and_opens_again_with_the_same_ids(tmp_path: Path) -> None:
    with filled(tmp_path) as archive:
        opened = OpenedStudies(archive, tmp_path / "files", idle_s=0.2)
        session = opened.session("1.2.3.1")
        assert session.wait(30)
        ids = list(session.catalog.images)
        until(lambda: opened.count == 0)
        assert session.store.cache.nbytes == 0
        again = opened.session("1.2.3.1")
        assert again is not session
        assert again.wait(30)
        assert list(again.catalog.images) == ids
        opened.close()


def test_of_many_studies_those_used_last_stay_open(tmp_path: Path) -> None:
    with (
        filled(tmp_path) as archive,
        contextlib.closing(OpenedStudies(archive, tmp_path / "files", most=2)) as opened,
    ):
        for uid in ("1.2.3.1", "1.2.3.2", "1.2.3.1", "1.2.3.3"):
            assert opened.session(uid).wait(30)
        assert opened.count == 2
        assert [opened.is_open(f"1.2.3.{n}") for n in (1, 2, 3)] == [True, False, True]


def test_files_of_studies_are_private_and_bounded(tmp_path: Path) -> None:
    with filled(tmp_path) as archive:
        looked_at = {"1.2.3.2"}
        size = sum(row.size for row in archive.instances("1.2.3.1"))
        files = StudyFiles(archive, tmp_path / "files", size + 100, looked_at.__contains__)
        for uid in ("1.2.3.2", "1.2.3.3", "1.2.3.1"):
            files.fill(uid, silent)
        held = {folder.name: len(list(folder.iterdir())) for folder in (tmp_path / "files").iterdir()}
        assert held == {"1.2.3.1": 13, "1.2.3.2": 1}
        for path in (tmp_path / "files").rglob("*"):
            assert path.stat().st_mode & 0o077 == 0
        row = next(archive.instances("1.2.3.2"))
        assert next((tmp_path / "files/1.2.3.2").iterdir()).read_bytes() == archive.read(row)
        with pytest.raises(MissingError):
            files.fill("1.9", silent)
