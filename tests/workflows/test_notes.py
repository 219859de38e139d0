"""Saved notes: nothing is lost by several windows, processes, retries, damaged files or power."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medvox.core.errors import FormatError, LimitError, UnsupportedError, UsageError
from medvox.core.study import Instance, Series
from medvox.workflows.notes.document import from_json, to_json
from medvox.workflows.notes.folder import MOST_POINTS, NoteFolder, SeriesOfNotes
from medvox.workflows.notes.merging import COPY, merged
from medvox.workflows.notes.model import (
    SCHEMA,
    Note,
    NoteDocument,
    NoteKind,
    NoteSource,
    NoteSpace,
    Quantity,
    Threshold,
)
from medvox.workflows.preferences import Preferences, read_preferences, write_preferences

WHOSE = SeriesOfNotes("uid-1.2.3", "1.2", "1.2.3", "CT")
EMPTY = NoteDocument(SCHEMA, WHOSE.key, 0, "1.2", "1.2.3", "CT")


def note(n: int = 1, **changes: object) -> Note:
    made = Note(
        id=f"{n:032x}", kind=NoteKind.SPHERE, image_id="i", space=NoteSpace.PATIENT,
        points=((1.0, 2.0, 3.5), (4.0, 5.0, 6.0)), outline=(), voxels=((0.0, 1.0, 2.0), (0.0, 2.5, 2.0)),
        grid="stored", normal=(0.0, 0.0, 1.0), view="stack", slice=3, in_slice=True, time=0,
        source=NoteSource("1.2.3.4", "1.2.840.10008.5.1.4.1.1.2", 1, "a/IM1"), frame_of_reference="1.9",
        name="target", text="", color="", hidden=False, locked=False, threshold=Threshold("share", 0.41),
        results=(Quantity("volume", 1.25, "ml"),), sampling="voxels", calibration="patient", link="",
        created="", modified="", author="", revision=0, deleted=False,
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_document_comes_back_as_it_was() -> None:
    document = replace(EMPTY, version=3, notes=(note(1), note(2, normal=None, threshold=None, source=None)))
    assert from_json(to_json(document)) == document
    assert note(255).tracking_uid == "2.25.255"


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"schema": 1}', b'{"schema": 1, "notes": [{}]}'])
def test_damaged_files_are_told_and_left_as_they_are(tmp_path: Path, damage: bytes) -> None:
    file = tmp_path / f"{WHOSE.key}.json"
    file.write_bytes(damage)
    folder = NoteFolder(tmp_path)
    with pytest.raises(FormatError, match="damaged"):
        folder.read(WHOSE)
    with pytest.raises(FormatError):
        folder.save(WHOSE, [note()], "me")
    assert file.read_bytes() == damage


def test_files_of_later_versions_are_never_overwritten(tmp_path: Path) -> None:
    later = json.loads(to_json(EMPTY)) | {"schema": SCHEMA + 1}
    file = tmp_path / f"{WHOSE.key}.json"
    file.write_text(json.dumps(later), "utf-8")
    with pytest.raises(UnsupportedError, match="later version"):
        NoteFolder(tmp_path).save(WHOSE, [note()], "me")
    assert json.loads(file.read_text("utf-8")) == later


def test_changes_of_two_windows_are_both_kept() -> None:
    first, _ = merged(EMPTY, [note()], "me", "t1")
    assert (first.version, first.notes[0].revision, first.notes[0].author) == (1, 1, "me")
    known = first.notes[0]
    here, _ = merged(first, [replace(known, name="here")], "me", "t2")
    both, copies = merged(here, [replace(known, name="there")], "you", "t3")
    assert [n.name for n in both.notes] == ["here", f"there{COPY}"]
    assert copies == (both.notes[1].id,)
    again, none = merged(both, [replace(known, name="there")], "you", "t4")
    assert (again, none) == (both, ())


def test_a_removal_gives_way_to_a_change_and_undo_brings_back() -> None:
    first, _ = merged(EMPTY, [note()], "me", "t1")
    known = first.notes[0]
    changed, _ = merged(first, [replace(known, name="kept")], "me", "t2")
    still, _ = merged(changed, [replace(known, deleted=True)], "you", "t3")
    assert [(n.name, n.deleted) for n in still.notes] == [("kept", False)]
    gone, _ = merged(first, [replace(known, deleted=True)], "me", "t2")
    back, _ = merged(gone, [replace(known, name="changed meanwhile")], "you", "t3")
    assert [(n.name, n.deleted) for n in back.notes] == [("changed meanwhile", False)]


def test_saying_the_same_twice_changes_nothing() -> None:
    first, _ = merged(EMPTY, [note()], "me", "t1")
    assert merged(first, [note()], "me", "t2") == (first, ())


SAVE = """
import sys
from pathlib import Path
sys.path[:0] = [{src!r}, {tests!r}]
from workflows.test_notes import WHOSE, note
from medvox.workflows.notes.folder import NoteFolder
start = int(sys.argv[1])
for n in range(start, start + 20):
    NoteFolder(Path(sys.argv[2])).save(WHOSE, [note(n)], "me")
"""


def test_threads_and_processes_that_save_at_once_lose_nothing(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    code = SAVE.format(src=str(root / "src"), tests=str(root / "tests"))
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(start), str(tmp_path)]) for start in (1000, 2000)
    ]
    folder = NoteFolder(tmp_path)

    def save(start: int) -> None:
        for n in range(start, start + 20):
            folder.save(WHOSE, [note(n)], "me")

    threads = [threading.Thread(target=save, args=(start,)) for start in (1, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [process.wait(120) for process in running] == [0, 0]
    found = folder.read(WHOSE)
    assert len(found.notes) == found.version == 80


def test_series_are_known_by_uid_or_by_content(tmp_path: Path) -> None:
    def series(name: str, content: bytes, uid: str | None = None) -> Series:
        file = tmp_path / name
        file.write_bytes(content)
        held = (Instance(str(file)),)
        return Series(
            uid=uid,
            number=1,
            description="",
            modality="CT",
            body_part="",
            format="x",
            images=(),
            instances=held,
        )

    content = np.random.default_rng(1).bytes(1000)
    assert SeriesOfNotes.of(series("a", content, "1.2.3")).key == "uid-1.2.3"
    one = SeriesOfNotes.of(series("a", content)).key
    assert one.startswith("sha256-")
    assert SeriesOfNotes.of(series("moved", content)).key == one
    assert SeriesOfNotes.of(series("other", content[:-1])).key != one
    assert "/" not in SeriesOfNotes.of(series("evil", content, "../../x")).key


def test_what_no_page_can_have_sent_is_refused(tmp_path: Path) -> None:
    folder = NoteFolder(tmp_path)
    with pytest.raises(LimitError):
        folder.save(WHOSE, [note(points=((0.0, 0.0, 0.0),) * (MOST_POINTS + 1))], "me")
    with pytest.raises(UsageError):
        folder.save(WHOSE, [note(id="../x")], "me")
    with pytest.raises(FormatError, match="finite"):
        folder.save(WHOSE, [note(results=(Quantity("mean", float("nan"), "HU"),))], "me")
    assert folder.read(WHOSE).notes == ()


def test_preferences_come_back_and_damaged_ones_are_told(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "preferences.json"
    assert read_preferences(file) == Preferences()
    write_preferences(Preferences({"invert": "x"}, "light"), file)
    assert read_preferences(file) == Preferences({"invert": "x"}, "light")
    file.write_text("{", "utf-8")
    with pytest.raises(FormatError):
        read_preferences(file)
    with pytest.raises(UsageError):
        Preferences({"a" * 65: "x"})
