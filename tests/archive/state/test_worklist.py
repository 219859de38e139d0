"""The worklist of a node: schedule, find, change, import."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset

from medvox.archive.state.attribute_matching import matches
from medvox.archive.state.database import StateDatabase
from medvox.archive.state.scheduling import import_csv, read_csv, scheduled
from medvox.archive.state.worklist import StepStatus, Worklist
from medvox.core.errors import FormatError, MissingError, UsageError

PLAIN = {
    "PatientName": "Doe^Jane", "PatientID": "1", "Modality": "CT", "ScheduledStationAETitle": "CT1",
    "ScheduledProcedureStepStartDate": "2026-11-22", "AccessionNumber": "A1",
    "ScheduledProcedureStepDescription": "Head",
}  # fmt: skip


@pytest.fixture
def worklist(tmp_path):
    database = StateDatabase(tmp_path / "state.sqlite")
    yield Worklist(database)
    database.close()


def keys(**values):
    found = Dataset()
    found.ScheduledProcedureStepSequence = [Dataset()]
    for keyword, value in values.items():
        where = found if keyword in ("PatientID", "PatientName") else found.ScheduledProcedureStepSequence[0]
        setattr(where, keyword, value)
    return found.to_json_dict()


def ids(worklist, **values):
    return [item.id for item in worklist.find(keys(**values))]


def test_steps_are_added_found_changed_and_taken_out(worklist):
    first = worklist.add(scheduled(PLAIN))
    other = PLAIN | {"Modality": "MR", "ScheduledProcedureStepID": "2", "ScheduledStationAETitle": "MR1\\MR2",
                     "ScheduledProcedureStepStartDate": "20261121"}  # fmt: skip
    second = worklist.add(scheduled(other))
    assert first.study_uid == second.study_uid
    assert ids(worklist) == [second.id, first.id]
    assert ids(worklist, Modality="CT") == [first.id]
    assert ids(worklist, ScheduledStationAETitle="MR2") == [second.id]
    assert ids(worklist, ScheduledStationAETitle="MR") == []
    assert ids(worklist, ScheduledStationAETitle="?R1") == [second.id]
    assert ids(worklist, ScheduledProcedureStepStartDate="20261122") == [first.id]
    assert ids(worklist, ScheduledProcedureStepStartDate="-20261121") == [second.id]
    assert ids(worklist, PatientID="2") == []
    with pytest.raises(UsageError, match="scheduled already"):
        worklist.add(scheduled(PLAIN))
    worklist.set_status(first.id, StepStatus.COMPLETED)
    assert ids(worklist) == [second.id]
    assert ids(worklist, ScheduledProcedureStepStatus="COMPLETED") == [first.id]
    changed = worklist.update(second.id, scheduled(other | {"PatientName": "Roe^Jane"}))
    assert changed.data["00100010"]["Value"] == [{"Alphabetic": "Roe^Jane"}]
    with pytest.raises(UsageError, match="another item"):
        worklist.update(second.id, scheduled(PLAIN))
    worklist.delete(second.id)
    for call in (worklist.delete, worklist.get):
        with pytest.raises(MissingError):
            call(second.id)
    assert worklist.of_step(first.study_uid, "1").status is StepStatus.COMPLETED


def test_long_worklists_are_read_in_order_by_pages(worklist):
    items = [
        PLAIN | {"ScheduledProcedureStepID": str(k), "ScheduledProcedureStepStartTime": f"{k % 24:02}00"}
        for k in range(450)
    ]
    worklist.put_all(map(scheduled, items))
    found = list(worklist.find({}))
    assert len({item.id for item in found}) == 450
    starts = [item.step["00400003"]["Value"][0] for item in found]
    assert starts == sorted(starts)


STEPS = st.fixed_dictionaries(
    {
        "PatientID": st.sampled_from(["1", "2", "1 2"]),
        "PatientName": st.sampled_from(["Doe^Jane", "doe^john", "Müller^Eva"]),
        "AccessionNumber": st.sampled_from(["A", "B%", "B_"]),
        "Modality": st.sampled_from(["CT", "MR"]),
        "ScheduledStationAETitle": st.sampled_from(["CT1", "CT1\\CT2", "C%"]),
        "ScheduledProcedureStepStartDate": st.sampled_from(["20261121", "20261122", "20261201"]),
        "ScheduledProcedureStepStartTime": st.sampled_from(["0900", "101500", "23"]),
    }
)
KEYS = st.fixed_dictionaries(
    {},
    optional={
        "PatientID": st.sampled_from(["1", "1*", "?", "1 "]),
        "PatientName": st.sampled_from(["DOE*", "muller^eva", ""]),
        "Modality": st.sampled_from(["CT", "?R", "*"]),
        "ScheduledStationAETitle": st.sampled_from(["CT1", "CT2", "C%", "C*", "C"]),
        "ScheduledProcedureStepStartDate": st.sampled_from(
            ["20261121-", "-20261122", "2026.11.22", "20261121-20261122"]
        ),
        "ScheduledProcedureStepStartTime": st.sampled_from(["0900-1015", "-10", "2300"]),
        "ScheduledProcedureStepStatus": st.sampled_from(["", "SCHEDULED", "COMPLETED"]),
    },
)


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(STEPS, max_size=6), asked=KEYS)
def test_columns_leave_no_match_out(steps, asked):
    """Conditions on columns only narrow: what is found is what matches, item by item."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        database = StateDatabase(Path(folder) / "state.sqlite")
        worklist = Worklist(database)
        items = [
            worklist.add(scheduled(step | {"ScheduledProcedureStepID": str(k)}))
            for k, step in enumerate(steps)
        ]
        wanted = keys(**asked)
        expected = {item.id for item in items if matches(item.data, wanted)}
        assert {item.id for item in worklist.find(wanted)} == expected
        database.close()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"PatientName": ""}, "PatientName"),
        ({"ScheduledProcedureStepStartDate": ""}, "StartDate"),
        ({"ScheduledProcedureStepStatus": "LATER"}, "unknown status"),
        ({"Nonsense": "x"}, "unknown column"),
        ({"ScheduledProcedureStepStartDate": "tomorrow"}, "does not fit"),
        ({"PatientWeight": "heavy"}, "does not fit"),
        ({"StudyInstanceUID": "abc"}, "fit"),
    ],
)
def test_what_is_wrong_is_told_without_values_of_the_patient(worklist, change, text):
    with pytest.raises(UsageError, match=text) as told:
        worklist.add(scheduled(PLAIN | change))
    assert "heavy" not in str(told.value)
    assert "Doe" not in str(told.value)


def test_a_csv_file_is_taken_whole_or_not_at_all(worklist, tmp_path):
    names = (
        "PatientName,PatientID,AccessionNumber,Modality,ScheduledStationAETitle,"
        "ScheduledProcedureStepStartDate"
    )
    path = tmp_path / "list.csv"
    lines = [
        names,
        "Müller^Eva,1,A1,CT,CT1,20261122",
        "Müller^Eva,1,A1,CT,CT1,20261123",
        "Doe^J,2,A2,MR,MR1,20261124",
    ]
    path.write_text("\n".join(lines), encoding="utf-8-sig")
    items = import_csv(worklist, path)
    assert [item.step_id for item in items] == ["1", "2", "1"]
    assert items[0].study_uid == items[1].study_uid != items[2].study_uid
    worklist.set_status(items[0].id, StepStatus.STARTED)
    path.write_text("\n".join(lines).replace(",", ";").replace("CT1", "CT9"), encoding="utf-8")
    again = import_csv(worklist, path)
    assert [item.id for item in again] == [item.id for item in items]
    assert again[0].status is StepStatus.STARTED
    assert ids(worklist, ScheduledStationAETitle="CT9") == [items[0].id, items[1].id]
    for bad in ("Roe^X,3,A3,CT,CT1,no date", "Roe^X,3"):
        path.write_text("\n".join([names, "Ok^X,7,A7,CT,CT1,20261122", bad]))
        with pytest.raises(FormatError, match="line 3") as told:
            import_csv(worklist, path)
        assert "Roe" not in str(told.value)
    assert len(list(worklist.find({}))) == 3


def test_files_that_are_no_csv_are_told(tmp_path):
    with pytest.raises(MissingError):
        read_csv(tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes("PatientName\nMüller".encode("latin-1"))
    with pytest.raises(FormatError, match="UTF-8"):
        read_csv(tmp_path / "latin.csv")
