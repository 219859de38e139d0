"""Retention and export."""

import time
from pathlib import Path

import pytest
from pydicom import dcmread

from archive_data import EXPLICIT, bare, sent
from medvox.archive.archive import Archive
from medvox.archive.exporting import export_media
from medvox.archive.model import ArchiveSettings
from medvox.archive.retention import RetentionRule, carry_out, plan_retention
from medvox.core.errors import MissingError, UsageError, WriteError

DAY = 86_400 * 10**9


@pytest.fixture
def archive(tmp_path: Path):
    with Archive.open(ArchiveSettings(tmp_path / "store")) as opened:
        yield opened


def filled(archive: Archive, count: int = 6) -> list[str]:
    """Studies of three patients, received one after another."""
    uids = []
    for number in range(count):
        data = [sent(n, study=f"t{number}", PatientID=f"P{number % 3}") for n in range(2)]
        for one in data:
            archive.receive(bare(one), transfer_syntax=EXPLICIT)
        uids.append(str(data[0].StudyInstanceUID))
    return uids


def gone(plan) -> list[str]:
    return [expired.study_uid for expired in plan.expired]


def test_old_studies_go_but_protected_ones_stay(archive: Archive) -> None:
    uids = filled(archive)
    archive.protect(uids[1], who="me")
    later = time.time_ns() + 31 * DAY
    assert gone(plan_retention(archive, RetentionRule(days=30))) == []
    plan = plan_retention(archive, RetentionRule(days=30), later)
    assert gone(plan) == [uid for uid in uids if uid != uids[1]]
    assert plan.protected == (uids[1],)
    assert len(list(archive.instances())) == 12  # a plan changes nothing
    archive.receive(bare(sent(9, study="t2", PatientID="P2")), transfer_syntax=EXPLICIT)
    archive.protect(uids[3], who="me")
    assert carry_out(archive, plan) == 3
    assert {row.study_uid for row in archive.instances()} == {uids[1], uids[2], uids[3]}
    (event, *_) = archive.audit.search(action="delete")
    assert (event.event.who, event.event.detail) == ("retention", "retention: age")
    archive.restore(uids[0], who="me")


def test_the_oldest_go_until_the_rest_fits(archive: Archive) -> None:
    uids = filled(archive)
    size = sum(row.size for row in archive.instances()) // 6
    plan = plan_retention(archive, RetentionRule(size=int(4.5 * size)))
    assert gone(plan) == uids[:2]
    assert plan.kept <= 4.5 * size
    archive.protect(uids[0], who="me")
    assert gone(plan_retention(archive, RetentionRule(size=int(4.5 * size)))) == uids[1:3]
    assert gone(plan_retention(archive, RetentionRule(size=100 * size))) == []


def test_patients_go_with_all_their_studies(archive: Archive) -> None:
    uids = filled(archive)
    assert gone(plan_retention(archive, RetentionRule(patients=2))) == [uids[0], uids[3]]
    archive.protect(uids[3], who="me")
    assert gone(plan_retention(archive, RetentionRule(patients=2))) == [uids[1], uids[4]]
    assert gone(plan_retention(archive, RetentionRule(patients=3))) == []
    assert gone(plan_retention(archive, RetentionRule(patients=0))) == [uids[1], uids[2], uids[4], uids[5]]
    with pytest.raises(UsageError):
        RetentionRule(days=-1)


def test_studies_are_exported_to_media(archive: Archive, tmp_path: Path) -> None:
    uids = filled(archive)
    report = export_media(archive, uids[:2], tmp_path / "medium", who="me")
    directory = dcmread(tmp_path / "medium" / "DICOMDIR")
    images = [one for one in directory.DirectoryRecordSequence if one.DirectoryRecordType == "IMAGE"]
    found = {
        dcmread((tmp_path / "medium").joinpath(*one.ReferencedFileID)).StudyInstanceUID for one in images
    }
    assert len(images) == 4
    assert len(report.files) == 5
    assert found == set(uids[:2])
    assert {path.name for path in tmp_path.iterdir()} == {"store", "medium"}
    assert len(archive.audit.search(action="export")) == 2
    with pytest.raises(MissingError):
        export_media(archive, ["1.2.3"], tmp_path / "other", who="me")
    with pytest.raises(WriteError):
        export_media(archive, uids[:1], tmp_path / "medium", who="me")
