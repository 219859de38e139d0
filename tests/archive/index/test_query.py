"""Queries find what a plain reading of PS3.4 C.2.2.2 finds in the same data sets, page by page."""

import random
import re
from collections import defaultdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.datadict import tag_for_keyword

from archive_data import EXPLICIT, bare, sent
from medvox.archive.archive import Archive
from medvox.archive.index import ways
from medvox.archive.model import ArchiveSettings, Level, Query
from medvox.core.errors import UsageError

NAMES = [
    "Smith^John",
    "SMITH^Jane",
    "Smithson^A",
    "Müller^Jürgen",
    "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "",
]
IDS = ["A1", "A2", "a1", "A_1", "A%1", "B12", ""]
DATES = ["20200101", "20200115", "20210304", ""]
TIMES = ["1015", "101530", "101530.25", "235959", ""]
DESCRIPTIONS = ["Head", "head", "Head [1]", "Knee*", "A?b", ""]


def study(rng: random.Random, number: int) -> list:
    values = {
        "SpecificCharacterSet": "ISO_IR 192",
        "PatientName": rng.choice(NAMES),
        "PatientID": rng.choice(IDS),
        "StudyDate": rng.choice(DATES),
        "StudyTime": rng.choice(TIMES),
        "AccessionNumber": rng.choice(IDS),
        "StudyDescription": rng.choice(DESCRIPTIONS),
        "ReferringPhysicianName": rng.choice(NAMES),
    }
    return [
        sent(
            n,
            study=f"study{number}",
            series=f"series{number}.{s}",
            modality=modality,
            SeriesNumber=s,
            SeriesDescription=description,
            **values,
        )
        for s in range(rng.randint(1, 3))
        for modality in [rng.choice(["CT", "MR", "PT"])]
        for description in [rng.choice(DESCRIPTIONS)]
        for n in range(1, rng.randint(2, 4))
    ]


class Known:
    def __init__(self, archive: Archive, data: list) -> None:
        self.archive, self.data = archive, data


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def known(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    rng = random.Random(4)
    data = [one for number in range(40) for one in study(rng, number)]
    index = None if request.param == "sqlite" else request.getfixturevalue("postgresql").new_database()
    folder = tmp_path_factory.mktemp("store")
    with Archive.open(ArchiveSettings(folder, is_durable=False, index=index)) as archive:
        for one in data:
            archive.receive(bare(one), transfer_syntax=EXPLICIT)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(ways, "_LEAST", 0)  # so that both ways are gone in so small an archive
            yield Known(archive, data)


def wild(pattern: str, text: str) -> bool:
    parts = [".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern]
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


def matches(keyword: str, value: str, data) -> bool:
    """Plain reading of PS3.4 C.2.2.2 for one instance."""
    if not value.strip("*"):
        return True
    text = str(data.get("Modality" if keyword == "ModalitiesInStudy" else keyword, ""))
    if keyword.endswith("UID"):
        return text in value.split("\\")
    if keyword.endswith("Name"):
        plain = str.maketrans("üÜ", "uu")
        groups = [group.casefold().translate(plain) for group in text.split("=")]
        keys = [group.casefold().translate(plain) for group in value.split("=")]
        return (
            any(wild(keys[0], group) for group in groups)
            if len(keys) == 1
            else all(
                not key.strip("*") or wild(key, group)
                for key, group in zip(keys, [*groups, "", ""], strict=False)
            )
        )
    if keyword.endswith(("Date", "Time")):
        first, dash, last = value.partition("-")
        if not dash:
            return bool(text) and (text == value if keyword.endswith("Date") else text.startswith(value))
        return bool(text) and (not first or text >= first) and (not last or text[: len(last)] <= last)
    is_number = keyword in ("SeriesNumber", "InstanceNumber")
    return text == value if is_number else wild(value, text)


STUDY_FILTERS = {
    "PatientName": [
        "smith^john",
        "SMITH*",
        "*son*",
        "müller*",
        "MULLER^J?RGEN",
        "山田*",
        "yamada*=山田*",
        "*=*=やまだ*",
    ],
    "PatientID": ["A1", "a1", "A?", "A*", "A_1", "A%1", "?_*", "*2"],
    "StudyDate": ["20200101", "20200101-20200131", "-20200115", "20200102-", "19990101-19991231"],
    "StudyTime": ["1015", "101530", "1000-1015", "1016-", "-101530"],
    "AccessionNumber": ["A1", "B*", "*"],
    "StudyDescription": ["Head", "head*", "Head [1]", "Knee*", "A?b", "[H]ead"],
    "ReferringPhysicianName": ["smith*", "山田^太郎"],
}
SERIES_FILTERS = {
    "ModalitiesInStudy": ["CT", "M*", "US"],
    "SeriesNumber": ["0", "2", "9"],
    "SeriesDescription": ["Head*", "?ee*", "nothing"],
}
INSTANCE_FILTERS = {"InstanceNumber": ["1", "3"]}
FILTERS = STUDY_FILTERS | SERIES_FILTERS | INSTANCE_FILTERS
KEYS = {
    Level.PATIENT: "PatientID",
    Level.STUDY: "StudyInstanceUID",
    Level.SERIES: "SeriesInstanceUID",
    Level.INSTANCE: "SOPInstanceUID",
}


def all_pages(archive: Archive, level: Level, filters: dict[int, str], limit: int) -> list[dict]:
    rows, after = [], None
    while True:
        page = archive.find(Query(level, filters, limit=limit, after=after))
        assert len(page.rows) <= limit
        rows += page.rows
        if page.next is None:
            return rows
        assert len(page.rows) == limit
        after = page.next


@given(
    level=st.sampled_from([Level.STUDY, Level.SERIES, Level.INSTANCE]),
    chosen=st.dictionaries(st.sampled_from(sorted(FILTERS)), st.integers(0, 7), max_size=3),
    limit=st.integers(1, 60),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pages_hold_what_a_plain_matcher_finds(known, level: Level, chosen, limit: int) -> None:
    archive, data = known.archive, known.data
    filters = {keyword: FILTERS[keyword][n % len(FILTERS[keyword])] for keyword, n in chosen.items()}
    by_series = defaultdict(list)
    for one in data:
        by_series[one.SeriesInstanceUID].append(one)
    truth = {
        one[KEYS[level]].value
        for one in data
        if all(matches(keyword, value, one) for keyword, value in filters.items())
    }
    rows = all_pages(archive, level, {tag_for_keyword(k): v for k, v in filters.items()}, limit)
    uids = [row[f"{tag_for_keyword(KEYS[level]):08X}"]["Value"][0] for row in rows]
    assert len(uids) == len(set(uids))
    assert set(uids) == truth


@given(
    chosen=st.dictionaries(st.sampled_from(sorted(FILTERS)), st.integers(0, 7), max_size=2),
    limit=st.integers(1, 8),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_patients_are_those_of_the_studies_that_match(known, chosen, limit: int) -> None:
    filters = {keyword: FILTERS[keyword][n % len(FILTERS[keyword])] for keyword, n in chosen.items()}
    asked = {tag_for_keyword(k): v for k, v in filters.items()}
    truth = {
        one.PatientID for one in known.data if all(matches(keyword, v, one) for keyword, v in filters.items())
    }
    rows = all_pages(known.archive, Level.PATIENT, asked, limit)
    ids = [row["00100020"].get("Value", [""])[0] for row in rows]
    assert ids == sorted(truth)
    for number, row in zip(ids, rows, strict=True):
        own = [one for one in known.data if one.PatientID == number]
        assert row["00201200"]["Value"] == [len({one.StudyInstanceUID for one in own})]
        assert row["00201202"]["Value"] == [len({one.SeriesInstanceUID for one in own})]
        assert row["00201204"]["Value"] == [len(own)]
        assert ("00100010" in row) == bool(number)
    brief = known.archive.find(Query(Level.PATIENT, asked, frozenset({0x00100020}), limit=500)).rows
    assert brief == [{"00100020": row["00100020"]} for row in rows]


def test_counts_and_order_of_studies(known) -> None:
    archive, data = known.archive, known.data
    rows = all_pages(archive, Level.STUDY, {}, 7)
    dates = [row["00080020"].get("Value", [""])[0] for row in rows]
    assert dates == sorted(dates, reverse=True)
    for row in rows:
        of_study = [one for one in data if [one.StudyInstanceUID] == row["0020000D"]["Value"]]
        assert row["00201208"]["Value"] == [len(of_study)]
        assert row["00201206"]["Value"] == [len({one.SeriesInstanceUID for one in of_study})]
        assert row["00080061"]["Value"] == sorted({one.Modality for one in of_study})
    (series,) = archive.find(Query(Level.SERIES, {0x0020000E: data[0].SeriesInstanceUID})).rows
    assert series["00201209"]["Value"] == [
        sum(one.SeriesInstanceUID == data[0].SeriesInstanceUID for one in data)
    ]


def test_lists_of_uids_fuzzy_names_and_filters_that_cannot_be_matched(known) -> None:
    archive, data = known.archive, known.data
    uids = {data[0].StudyInstanceUID, data[-1].StudyInstanceUID}
    listed = archive.find(Query(filters={0x0020000D: "\\".join([*uids, "1.2.3"])}))
    assert {row["0020000D"]["Value"][0] for row in listed.rows} == uids
    fuzzy = archive.find(Query(filters={0x00100010: "joh smi"}, fuzzy=True, limit=100))
    assert {row["00100010"]["Value"][0]["Alphabetic"] for row in fuzzy.rows} == {"Smith^John"}
    other = archive.find(Query(filters={0x00101010: "030Y", 0x00080005: "ISO_IR 100"}, limit=3))
    assert other.ignored == (0x00101010,)
    assert len(other.rows) == 3
    for wrong in (
        Query(limit=0),
        Query(after="x"),
        Query(Level.PATIENT, after="x"),
        Query(Level.SERIES, after="1,2"),
    ):
        with pytest.raises(UsageError):
            archive.find(wrong)
