"""Proposals of reconciliation: what differs, and which step belongs to a study."""

from __future__ import annotations

import numpy as np
import pytest

from medvox.archive.archive import Archive
from medvox.archive.model import ArchiveSettings
from medvox.archive.state.database import StateDatabase
from medvox.archive.state.scheduling import scheduled
from medvox.archive.state.worklist import StepStatus, Worklist
from medvox.core.errors import MissingError
from medvox.network.dimse.datasets import encode_dataset
from medvox.testing import dicom_builder
from medvox.workflows.node.procedures.reconciliation import (
    Difference,
    Evidence,
    candidates,
    reconcile,
    study_of,
)

EXPLICIT = "1.2.840.10008.1.2.1"
STORED = {
    "PatientName": "MUELLER^EVA", "PatientID": "EMERGENCY1", "PatientBirthDate": "", "AccessionNumber": "A7",
    "StudyDate": "20261122", "StudyDescription": "Head", "PatientSex": "F",
}  # fmt: skip
ITEM = {
    "PatientName": "Mueller^Eva^", "PatientID": "7", "PatientBirthDate": "19700101", "AccessionNumber": "A7",
    "RequestedProcedureID": "R1", "Modality": "CT", "ScheduledStationAETitle": "CT1",
    "ScheduledProcedureStepStartDate": "20261122", "ScheduledProcedureStepDescription": "Head",
}  # fmt: skip


@pytest.fixture
def study(tmp_path):
    (each,) = dicom_builder.stack(np.zeros((1, 8, 8), np.int16), modality="CT", **STORED)
    each.StudyID = ""
    with Archive.open(ArchiveSettings(tmp_path / "store")) as archive:
        archive.receive(encode_dataset(each, EXPLICIT), transfer_syntax=EXPLICIT)
        with pytest.raises(MissingError):
            study_of(archive, "1.2.3")
        yield study_of(archive, str(each.StudyInstanceUID))


@pytest.fixture
def worklist(tmp_path):
    database = StateDatabase(tmp_path / "state.sqlite")
    yield Worklist(database)
    database.close()


def test_what_differs_is_proposed_and_nothing_else(study, worklist):
    item = worklist.add(scheduled(ITEM))
    found = reconcile(study, item)
    assert found.differences == (
        Difference("PatientName", "MUELLER^EVA", "Mueller^Eva^", is_spelling=True),
        Difference("PatientID", "EMERGENCY1", "7"),
        Difference("PatientBirthDate", "", "19700101"),
        Difference("StudyID", "", "R1"),
    )
    assert found.values["PatientID"] == "7"
    assert found.scheduled_study_uid == item.study_uid != found.study_uid
    own = ITEM | {"StudyInstanceUID": found.study_uid, "ScheduledProcedureStepID": "2"}
    assert reconcile(study, worklist.add(scheduled(own))).scheduled_study_uid == ""


def test_steps_that_may_belong_to_a_study_are_found_by_evidence(study, worklist):
    uid = study["0020000D"]["Value"][0]
    day = worklist.add(scheduled(ITEM | {"AccessionNumber": "A8", "PatientID": "EMERGENCY1"}))
    accession = worklist.add(scheduled(ITEM))
    same = worklist.add(scheduled(ITEM | {"AccessionNumber": "A9", "StudyInstanceUID": uid}))
    worklist.add(scheduled(ITEM | {"AccessionNumber": "A10", "ScheduledProcedureStepStartDate": "20261123"}))
    worklist.set_status(accession.id, StepStatus.COMPLETED)
    assert [(item.id, evidence) for item, evidence in candidates(worklist, study)] == [
        (same.id, Evidence.STUDY_UID),
        (accession.id, Evidence.ACCESSION),
        (day.id, Evidence.PATIENT_AND_DAY),
    ]
