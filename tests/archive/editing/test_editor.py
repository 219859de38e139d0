"""Editing: what is served is changed, the pixels are not, the originals stay, and all of it can be undone."""

import io
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pydicom import Dataset, Sequence, dcmread
from pydicom.datadict import keyword_for_tag

from archive_data import EXPLICIT, bare, sent
from medvox.archive.archive import Archive
from medvox.archive.editing.editor import Editor
from medvox.archive.editing.intents import Author
from medvox.archive.editing.patients import PatientKey
from medvox.archive.model import ArchiveSettings, Level, Outcome, Query
from medvox.archive.state.database import StateDatabase
from medvox.core.errors import MissingError, UnsupportedError, UsageError

ME = Author("curator", "wrong name at the scanner")
NAME, ID = "00100010", "00100020"


@pytest.fixture
def state(tmp_path: Path):
    database = StateDatabase(tmp_path / "state.sqlite")
    yield database
    database.close()


@pytest.fixture
def archive(tmp_path: Path):
    with Archive.open(ArchiveSettings(tmp_path / "store")) as opened:
        yield opened


@pytest.fixture
def editor(archive: Archive, state: StateDatabase) -> Editor:
    return Editor(archive, state)


def receive(archive: Archive, *datasets: Dataset) -> None:
    for data in datasets:
        archive.receive(bare(data), transfer_syntax=EXPLICIT)


def served(archive: Archive) -> dict[str, Dataset]:
    return {row.sop_uid: dcmread(io.BytesIO(archive.read(row))) for row in archive.instances()}


def shown(archive: Archive) -> dict[str, object]:
    rows = {level: archive.find(Query(level, limit=5000)).rows for level in Level}
    for row in rows[Level.STUDY]:
        row.pop("00080005", None)
    return rows | {"instances": sorted((r.sop_uid, r.digest, r.study_uid) for r in archive.instances())}


def test_a_corrected_patient_is_served_and_the_original_stays(archive: Archive, editor: Editor) -> None:
    data = [sent(n, SpecificCharacterSet="ISO_IR 100", PatientName="Mül^A", PatientID="1") for n in (1, 2)]
    receive(archive, *data, sent(3, study="other", PatientID="2"))
    before = shown(archive)
    edit = editor.correct_patient(PatientKey("1"), {"PatientName": "Müller^Anna", "PatientSex": "F"}, ME)
    assert (edit.state, edit.instances) == ("done", 2)
    (study,) = archive.find(Query(filters={0x00100020: "1"})).rows
    assert study[NAME]["Value"] == [{"Alphabetic": "Müller^Anna"}]
    assert archive.find(Query(filters={0x00100010: "Mül^A"})).rows == []
    for original in data:
        found = served(archive)[original.SOPInstanceUID]
        assert (found.PatientName, found.PatientSex) == ("Müller^Anna", "F")
        assert found.PixelData == original.PixelData
        (item,) = found.OriginalAttributesSequence
        assert item.ReasonForTheAttributeModification == "CORRECT"
        (modified,) = item.ModifiedAttributesSequence
        assert {keyword_for_tag(tag): modified[tag].value for tag in modified.keys()} == {  # noqa: SIM118
            "PatientName": "Mül^A"
        }
        for tag in original.keys():  # noqa: SIM118
            if keyword_for_tag(tag) != "PatientName":
                assert found[tag] == original[tag]
        versions = list(archive.instances(sop_uid=str(original.SOPInstanceUID), is_history=True))
        assert [row.version for row in versions] == [1, 2]
        assert archive.read_data_set(versions[0]) == bare(original)
    (event,) = archive.audit.search(action="correct")
    assert event.event.who == "curator"
    assert ME.reason in event.event.detail
    receive(archive, *data)  # the scanner sends again what it has sent
    assert served(archive)[data[0].SOPInstanceUID].PatientName == "Müller^Anna"
    assert editor.undo(edit.key, ME) == 2
    assert shown(archive) == before
    assert archive.reindex() == ()
    assert shown(archive) == before
    with pytest.raises(UsageError, match="done"):
        editor.undo(edit.key, ME)


def test_names_that_the_character_set_lacks_make_the_text_unicode(archive: Archive, editor: Editor) -> None:
    data = sent(
        SpecificCharacterSet="ISO_IR 100",
        PatientName="Yamada^Tarou",
        StudyDescription="Schädel",
        RequestAttributesSequence=Sequence([Dataset()]),
    )
    data.RequestAttributesSequence[0].ScheduledProcedureStepDescription = "Kopf für Übersicht"
    receive(archive, data)
    editor.correct_study(str(data.StudyInstanceUID), {"PatientName": "Yamada^Tarou=山田^太郎"}, ME)
    (found,) = served(archive).values()
    assert found.SpecificCharacterSet == "ISO_IR 192"
    assert found.PatientName == "Yamada^Tarou=山田^太郎"
    assert found.StudyDescription == "Schädel"
    item = found.RequestAttributesSequence[0]
    assert item.ScheduledProcedureStepDescription == "Kopf für Übersicht"
    (study,) = archive.find(Query()).rows
    assert study[NAME]["Value"] == [{"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎"}]


def test_merged_patients_are_one(archive: Archive, editor: Editor) -> None:
    wrong = sent(1, study="a", PatientID="77", PatientName="Doe^J", PatientBirthDate="19000101")
    right = sent(1, study="b", PatientID="7", PatientName="Doe^Jane", PatientBirthDate="19700101")
    receive(archive, wrong, right)
    before = shown(archive)
    edit = editor.merge_patients(PatientKey("77"), PatientKey("7"), ME)
    studies = archive.find(Query(filters={0x00100020: "7"})).rows
    assert {row["0020000D"]["Value"][0] for row in studies} == {
        wrong.StudyInstanceUID,
        right.StudyInstanceUID,
    }
    found = served(archive)[wrong.SOPInstanceUID]
    assert (found.PatientName, found.PatientBirthDate) == ("Doe^Jane", "19700101")
    with pytest.raises(MissingError, match="patient"):
        editor.merge_patients(PatientKey("77"), PatientKey("7"), ME)
    editor.undo(edit.key, ME)
    assert shown(archive) == before


def test_merged_studies_are_one_and_their_references_follow(archive: Archive, editor: Editor) -> None:
    source = [sent(n, study="a", series=f"s{n}", AccessionNumber="A1") for n in (1, 2)]
    evidence = Dataset()
    evidence.StudyInstanceUID = source[0].StudyInstanceUID
    source[1].CurrentRequestedProcedureEvidenceSequence = Sequence([evidence])
    into = sent(1, study="b", AccessionNumber="B2", StudyDescription="Thorax")
    receive(archive, *source, into)
    before = shown(archive)
    edit = editor.merge_studies(str(source[0].StudyInstanceUID), str(into.StudyInstanceUID), ME)
    (study,) = archive.find(Query()).rows
    assert study["0020000D"]["Value"] == [into.StudyInstanceUID]
    assert (study["00201206"]["Value"], study["00201208"]["Value"]) == ([3], [3])
    found = served(archive)[source[1].SOPInstanceUID]
    assert (found.AccessionNumber, found.StudyDescription) == ("B2", "Thorax")
    assert found.SeriesInstanceUID == source[1].SeriesInstanceUID
    nested = found.CurrentRequestedProcedureEvidenceSequence[0]
    assert nested.StudyInstanceUID == into.StudyInstanceUID
    original = found.OriginalAttributesSequence[0].ModifiedAttributesSequence[0]
    assert original.StudyInstanceUID == source[0].StudyInstanceUID
    archive.delete(str(into.StudyInstanceUID), reason="test", who="me")  # nothing comes back to the old study
    assert archive.find(Query()).rows == []
    archive.restore(str(into.StudyInstanceUID), who="me")
    editor.undo(edit.key, ME)
    assert shown(archive) == before


def test_split_series_are_a_study_of_their_own(archive: Archive, editor: Editor) -> None:
    data = [sent(n, series=f"s{n % 3}") for n in range(6)]
    receive(archive, *data)
    study = str(data[0].StudyInstanceUID)
    taken = str(data[1].SeriesInstanceUID)
    before = shown(archive)
    edit = editor.split_series(study, [taken], ME, {"StudyDescription": "Neck"})
    new = edit.studies[-1]
    assert {row.sop_uid for row in archive.instances(study_uid=new)} == {
        str(one.SOPInstanceUID) for one in data if one.SeriesInstanceUID == taken
    }
    assert len(list(archive.instances(study_uid=study))) == 4
    (row,) = archive.find(Query(filters={0x00081030: "Neck"})).rows
    assert row["0020000D"]["Value"] == [new]
    editor.undo(edit.key, ME)
    assert shown(archive) == before
    for asked in ([], ["1.2.3"], [str(one.SeriesInstanceUID) for one in data]):
        with pytest.raises((UsageError, MissingError)):
            editor.split_series(study, asked, ME)


def test_moved_studies_have_another_patient(archive: Archive, editor: Editor) -> None:
    data, other = sent(study="a", PatientID="1"), sent(study="b", PatientID="2", PatientName="Right^One")
    receive(archive, data, other)
    editor.move_study(str(data.StudyInstanceUID), PatientKey("2"), ME)
    assert {str(found.PatientName) for found in served(archive).values()} == {"Right^One"}
    assert len(archive.find(Query(filters={0x00100020: "2"})).rows) == 2


def test_undoing_in_the_wrong_order_is_refused(archive: Archive, editor: Editor) -> None:
    data = sent()
    receive(archive, data)
    uid = str(data.StudyInstanceUID)
    first = editor.correct_study(uid, {"PatientName": "One"}, ME)
    between = shown(archive)
    second = editor.correct_study(uid, {"PatientName": "Two"}, ME)
    found = served(archive)[data.SOPInstanceUID]
    names = [i.ModifiedAttributesSequence[0].PatientName for i in found.OriginalAttributesSequence]
    assert names == ["Test^Builder", "One"]
    with pytest.raises(UsageError, match="on top"):
        editor.undo(first.key, ME)
    editor.undo(second.key, ME)
    assert shown(archive) == between
    editor.undo(first.key, ME)


@pytest.mark.parametrize(
    "values",
    [
        {"NoSuchKeyword": "1"},
        {"PixelData": "1"},
        {"SOPInstanceUID": "1.2"},
        {"SpecificCharacterSet": "ISO_IR 192"},
        {"PatientBirthDate": "yesterday"},
        {"PatientID": "1\x00"},
        {"PatientName": "A\\B"},
    ],
)
def test_values_that_are_not_possible_are_refused(archive: Archive, editor: Editor, values) -> None:
    data = sent()
    receive(archive, data)
    with pytest.raises(UsageError) as caught:
        editor.correct_study(str(data.StudyInstanceUID), values, ME)
    assert "yesterday" not in str(caught.value)
    assert served(archive)[data.SOPInstanceUID] == data
    with pytest.raises(UsageError, match="reason"):
        editor.correct_study(str(data.StudyInstanceUID), {"PatientID": "2"}, Author("me", " "))


def test_nothing_of_an_edit_that_fails_is_served(
    archive: Archive, editor: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = [sent(n) for n in range(1, 9)]
    receive(archive, *data)
    before = shown(archive)
    kept = archive.receive
    count = [0]

    def refuses(*args, **more):
        count[0] += 1
        if count[0] == 5:
            raise UnsupportedError("a value cannot be written")
        return kept(*args, **more)

    monkeypatch.setattr(archive, "receive", refuses)
    with pytest.raises(UnsupportedError):
        editor.correct_study(str(data[0].StudyInstanceUID), {"PatientName": "New"}, ME)
    assert shown(archive) == before
    assert editor.edits()[0].state == "failed"
    assert archive.audit.search(action="correct")[0].event.outcome == "failure"


EDITING = """
import sys
from pathlib import Path
from medvox.archive.archive import Archive
from medvox.archive.editing.editor import Editor
from medvox.archive.editing.intents import Author
from medvox.archive.model import ArchiveSettings
from medvox.archive.state.database import StateDatabase

folder = Path(sys.argv[1])
archive = Archive.open(ArchiveSettings(folder / "store"))
editor = Editor(archive, StateDatabase(folder / "state.sqlite"))
print("begun", flush=True)
editor.correct_study(sys.argv[2], {"PatientName": sys.argv[3]}, Author("me", "test"))
print("done", flush=True)
"""


@pytest.mark.slow
def test_an_edit_that_was_killed_is_finished_at_the_next_start(tmp_path: Path) -> None:
    data = [sent(n) for n in range(1, 61)]
    study = str(data[0].StudyInstanceUID)
    with Archive.open(ArchiveSettings(tmp_path / "store")) as archive:
        receive(archive, *data)
    unfinished = 0
    for turn, seconds in enumerate((0.02, 0.08, 0.15)):
        name = f"Name^{turn}"
        process = subprocess.Popen(
            [sys.executable, "-c", EDITING, str(tmp_path), study, name], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout.readline() == "begun\n"
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        state = StateDatabase(tmp_path / "state.sqlite")
        with Archive.open(ArchiveSettings(tmp_path / "store")) as archive:
            edits = Editor(archive, state).edits()
            unfinished += len(archive.audit.search(action="correct", target=study))
            names = {str(found.PatientName) for found in served(archive).values()}
            begun = [edit for edit in edits if edit.steps[0].rewrite.values[0x00100010] == name]
            assert all(edit.state == "done" for edit in edits)
            if begun:
                assert names == {name}
            assert len(names) == 1
            history = list(archive.instances(is_history=True))
            assert len(history) == 60 * (1 + len(edits))
        state.close()
    assert unfinished


def test_the_same_received_twice_is_no_version_after_an_edit(archive: Archive, editor: Editor) -> None:
    data = sent()
    receive(archive, data)
    editor.correct_study(str(data.StudyInstanceUID), {"PatientID": "9"}, ME)
    assert archive.receive(bare(data), transfer_syntax=EXPLICIT).outcome is Outcome.SAME
