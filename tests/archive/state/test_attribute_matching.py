"""Matching of attributes against the standard's rules, and against a plain reading of wildcards."""

from __future__ import annotations

import datetime as dt
import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset

from medvox.archive.state.attribute_matching import is_universal, matches, returned


def data(**values):
    found = Dataset()
    for keyword, value in values.items():
        setattr(found, keyword, value)
    return found.to_json_dict()


def step(**values):
    inner = Dataset()
    for keyword, value in values.items():
        setattr(inner, keyword, value)
    return data(ScheduledProcedureStepSequence=[inner])


@pytest.mark.parametrize(
    ("item", "key", "expected"),
    [
        ({"PatientID": "12"}, {"PatientID": "12"}, True),
        ({"PatientID": "12"}, {"PatientID": "1"}, False),
        ({"PatientID": "12"}, {"PatientID": "1*"}, True),
        ({"PatientID": "1"}, {"PatientID": "1?"}, False),
        ({"PatientID": "a.c"}, {"PatientID": "a.c"}, True),
        ({"PatientID": "abc"}, {"PatientID": "a.*"}, False),
        ({"PatientID": ""}, {"PatientID": "*"}, True),
        ({"PatientID": ""}, {"PatientID": "?*"}, False),
        ({}, {"PatientID": ""}, True),
        ({}, {"PatientID": "1"}, False),
        ({"PatientID": "ab"}, {"PatientID": "AB"}, False),
        ({"PatientName": "Müller^Eva"}, {"PatientName": "muller*"}, True),
        ({"PatientName": "Müller^Eva"}, {"PatientName": "MÜLLER^EVA"}, True),
        ({"PatientName": "Müller^Eva"}, {"PatientName": "Eva*"}, False),
        ({"PatientName": "Yamada^Tarou=山田^太郎=やまだ^たろう"}, {"PatientName": "山田*"}, True),
        ({"PatientName": "Yamada^Tarou=山田^太郎=やまだ^たろう"}, {"PatientName": "*=山田*"}, True),
        ({"PatientName": "Yamada^Tarou=山田^太郎=やまだ^たろう"}, {"PatientName": "*=鈴木*"}, False),
        ({"StudyDate": "20261122"}, {"StudyDate": "20261101-20261130"}, True),
        ({"StudyDate": "20261122"}, {"StudyDate": "-20261121"}, False),
        ({"StudyDate": "20261122"}, {"StudyDate": "20261122-"}, True),
        ({"StudyDate": "20261122"}, {"StudyDate": "20261122"}, True),
        ({}, {"StudyDate": "-20261121"}, False),
        ({"StudyTime": "101530"}, {"StudyTime": "1000-1015"}, True),
        ({"StudyTime": "101530"}, {"StudyTime": "10"}, True),
        ({"StudyTime": "101530"}, {"StudyTime": "1016-"}, False),
        ({"StudyInstanceUID": "1.2"}, {"StudyInstanceUID": ["1.3", "1.2"]}, True),
        ({"StudyInstanceUID": "1.2"}, {"StudyInstanceUID": "1.*"}, False),
        ({"PregnancyStatus": 4}, {"PregnancyStatus": 4}, True),
        ({"PatientWeight": "70.0"}, {"PatientWeight": "70"}, True),
    ],
)
def test_values_match_as_the_standard_says(item, key, expected):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert matches(data(**item), data(**key)) is expected


@given(st.text("ab*?", max_size=6), st.text("ab", min_size=1, max_size=6))
def test_wildcards_match_as_in_file_names(key, text):
    expected = not key.strip("*") or fnmatch.fnmatchcase(text, key)
    assert matches(data(StudyDescription=text), data(StudyDescription=key)) is expected


def test_sequences_match_by_one_item_that_matches_all_keys():
    item = step(Modality="CT", ScheduledStationAETitle=["CT1", "CT2"])
    assert matches(item, step(Modality="CT", ScheduledStationAETitle="CT2"))
    assert not matches(item, step(Modality="MR", ScheduledStationAETitle="CT2"))
    assert matches(item, step(Modality="", ScheduledStationAETitle="*"))
    assert not matches({}, step(Modality="CT"))
    assert matches({}, step(Modality=""))
    assert is_universal(step(Modality="")["00400100"])
    several = Dataset()
    several.ScheduledProcedureStepSequence = [Dataset(), Dataset()]
    first, second = several.ScheduledProcedureStepSequence
    first.Modality, first.ScheduledProcedureStepID = "CT", "1"
    second.Modality, second.ScheduledProcedureStepID = "MR", "2"
    split = several.to_json_dict()
    assert not matches(split, step(Modality="CT", ScheduledProcedureStepID="2"))
    assert matches(split, step(Modality="MR", ScheduledProcedureStepID="2"))


START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
moments = st.integers(0, 4 * 86400).map(lambda seconds: START + dt.timedelta(seconds=seconds))


@given(moments, moments, moments)
def test_a_range_of_dates_and_one_of_times_are_one_range(first, last, moment):
    """PS3.4 table K.6-1: 5 July to 7 July, 10 h to 18 h is from 5 July 10 h to 7 July 18 h."""
    key = step(
        ScheduledProcedureStepStartDate=f"{first:%Y%m%d}-{last:%Y%m%d}",
        ScheduledProcedureStepStartTime=f"{first:%H%M%S}-{last:%H%M%S}",
    )
    item = step(
        ScheduledProcedureStepStartDate=f"{moment:%Y%m%d}", ScheduledProcedureStepStartTime=f"{moment:%H%M%S}"
    )
    assert matches(item, key) is (first <= moment <= last)


def test_what_is_asked_for_is_returned_and_nothing_else():
    item = data(PatientName="A", PatientID="1", PatientSex="F") | step(
        Modality="CT", ScheduledProcedureStepID="9"
    )
    keys = data(SpecificCharacterSet="ISO_IR 100", PatientName="", AccessionNumber="") | step(Modality="")
    found = Dataset.from_json(returned(item, keys))
    assert (found.PatientName, found.AccessionNumber) == ("A", None) or found.AccessionNumber == ""
    assert "PatientID" not in found
    assert "SpecificCharacterSet" not in found
    assert [each.keyword for each in found.ScheduledProcedureStepSequence[0]] == ["Modality"]
    whole = returned(item, data(ScheduledProcedureStepSequence=[]))
    assert len(whole["00400100"]["Value"][0]) == 2
