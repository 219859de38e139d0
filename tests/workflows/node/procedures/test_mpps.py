"""Performed steps by pynetdicom, and the rules of their states by any sequence of requests."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from pydicom import Dataset
from pynetdicom import AE

from medvox.archive.archive import Archive
from medvox.archive.model import ArchiveSettings
from medvox.archive.state.database import StateDatabase
from medvox.archive.state.mpps import PerformedStatus, PerformedSteps
from medvox.archive.state.scheduling import scheduled
from medvox.archive.state.worklist import StepStatus, Worklist
from medvox.core.errors import MissingError
from medvox.network.dimse.datasets import encode_dataset
from medvox.network.dimse.services.mpps import PerformedStepService
from medvox.network.dimse.syntaxes import MPPS, MPPS_RETRIEVE
from medvox.network.handlers import RefusedError
from medvox.testing import dicom_builder
from medvox.workflows.node.procedures.mpps import PerformedStepRules, series_of
from network.fakes import storage_node

ITEM = {
    "PatientName": "Müller^Eva", "PatientID": "1", "Modality": "CT", "ScheduledStationAETitle": "CT1",
    "ScheduledProcedureStepStartDate": "20261122", "AccessionNumber": "A1",
}  # fmt: skip
EXPLICIT = "1.2.840.10008.1.2.1"


@contextmanager
def state(folder):
    database = StateDatabase(folder / "state.sqlite")
    worklist = Worklist(database)
    yield worklist, PerformedSteps(database, worklist)
    database.close()


def begun(item=None, **changes):
    """Attributes of N-CREATE."""
    data = Dataset()
    data.SpecificCharacterSet = "ISO_IR 100"
    data.ScheduledStepAttributesSequence = [Dataset()]
    part = data.ScheduledStepAttributesSequence[0]
    part.StudyInstanceUID = item.study_uid if item else "1.2.3"
    part.ScheduledProcedureStepID = item.step_id if item else None
    data.PatientName, data.PatientID = "Müller^Eva", "1"
    data.PerformedProcedureStepID, data.PerformedStationAETitle, data.Modality = "P1", "CT1", "CT"
    data.PerformedProcedureStepStartDate, data.PerformedProcedureStepStartTime = "20261122", "101500"
    data.PerformedProcedureStepStatus = "IN PROGRESS"
    data.PerformedSeriesSequence = []
    for keyword, value in changes.items():
        if value is None:
            delattr(data, keyword)
        else:
            setattr(data, keyword, value)
    return data


def ended(status="COMPLETED", series="1.2.3.4", images=(), **changes):
    """Modifications of the last N-SET."""
    data = Dataset()
    data.PerformedProcedureStepStatus = status
    data.PerformedProcedureStepEndDate, data.PerformedProcedureStepEndTime = "20261122", "103000"
    part = Dataset()
    part.SeriesInstanceUID, part.ProtocolName = series, "Head"
    part.ReferencedImageSequence = []
    for uid in images:
        image = Dataset()
        image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", uid
        part.ReferencedImageSequence.append(image)
    data.PerformedSeriesSequence = [part]
    for keyword, value in changes.items():
        if value is None:
            delattr(data, keyword)
        else:
            setattr(data, keyword, value)
    return data


@contextmanager
def user_of(steps):
    with storage_node(more=(PerformedStepService(PerformedStepRules(steps)),)) as node:
        ae = AE("CT1")
        for uid in (MPPS, MPPS_RETRIEVE):
            ae.add_requested_context(uid)
        user = ae.associate("127.0.0.1", node.port)
        assert user.is_established
        yield user
        user.release()


@pytest.mark.net
def test_a_modality_follows_its_procedure(tmp_path):
    with state(tmp_path) as (worklist, steps), user_of(steps) as user:
        item = worklist.add(scheduled(ITEM))
        assert user.send_n_create(begun(item), MPPS, "1.2.9")[0].Status == 0
        assert worklist.get(item.id).status is StepStatus.STARTED
        assert steps.items_of("1.2.9") == [item.id]
        comment = Dataset()
        comment.PerformedProcedureStepDescription = "Head without contrast"
        assert user.send_n_set(comment, MPPS, "1.2.9")[0].Status == 0
        assert user.send_n_set(ended(), MPPS, "1.2.9")[0].Status == 0
        assert worklist.get(item.id).status is StepStatus.COMPLETED
        assert list(worklist.find({})) == []
        status, _ = user.send_n_set(comment, MPPS, "1.2.9")
        assert (status.Status, status.ErrorID) == (0x0110, 0xA710)
        status, found = user.send_n_get([0x00100010, 0x00400252, 0x00400254], MPPS_RETRIEVE, "1.2.9")
        assert status.Status == 0
        assert (str(found.PatientName), found.PerformedProcedureStepStatus) == ("Müller^Eva", "COMPLETED")
        assert found.PerformedProcedureStepDescription == "Head without contrast"
        assert user.send_n_get([0x00100010, 0x00104000], MPPS_RETRIEVE, "1.2.9")[0].Status == 0x0001
        assert steps.of_item(item.id)[0].caller == "CT1"
    with state(tmp_path) as (_, steps):
        assert [step.uid for step in steps.newest()] == ["1.2.9"]
        assert steps.get("1.2.9").status is PerformedStatus.COMPLETED


@pytest.mark.net
@pytest.mark.parametrize(
    ("changes", "status", "tag"),
    [
        ({"PerformedProcedureStepStatus": "COMPLETED"}, 0x0106, 0x00400252),
        ({"PerformedProcedureStepStatus": None}, 0x0120, 0x00400252),
        ({"Modality": ""}, 0x0121, 0x00080060),
        ({"ScheduledStepAttributesSequence": []}, 0x0121, 0x00400270),
        ({"ScheduledStepAttributesSequence": [Dataset()]}, 0x0121, 0x00400270),
        ({"PerformedProcedureStepID": None}, 0x0120, 0x00400253),
    ],
)
def test_a_step_that_may_not_begin_is_refused(tmp_path, changes, status, tag):
    with state(tmp_path) as (_, steps), user_of(steps) as user:
        answer, _ = user.send_n_create(begun(**changes), MPPS, "1.2.9")
        assert answer.Status == status
        with pytest.raises(RefusedError) as refused:
            PerformedStepRules(steps).create("1.2.9", begun(**changes), "CT1")
        assert refused.value.attributes == (tag,)
        assert steps.newest() == []


@pytest.mark.net
def test_wrong_requests_are_refused_and_change_nothing(tmp_path):
    with state(tmp_path) as (worklist, steps), user_of(steps) as user:
        item = worklist.add(scheduled(ITEM))
        assert user.send_n_set(ended(), MPPS, "1.2.9")[0].Status == 0x0112
        assert user.send_n_get([], MPPS_RETRIEVE, "1.2.9")[0].Status == 0x0112
        assert user.send_n_create(begun(item), MPPS, "1.2.9")[0].Status == 0
        assert user.send_n_create(begun(item), MPPS, "1.2.9")[0].Status == 0x0111
        for change, status in (
            ({"PatientName": "Doe^Jane"}, 0x0105),
            ({"PerformedProcedureStepStatus": "PAUSED"}, 0x0106),
            ({"PerformedProcedureStepEndDate": None}, 0x0120),
            ({"PerformedProcedureStepEndTime": ""}, 0x0121),
            ({"PerformedSeriesSequence": []}, 0x0121),
        ):
            assert user.send_n_set(ended(**change), MPPS, "1.2.9")[0].Status == status
        assert user.send_n_get([], MPPS, "1.2.9")[0].Status == 0x0211
        assert steps.get("1.2.9").status is PerformedStatus.IN_PROGRESS
        assert worklist.get(item.id).status is StepStatus.STARTED
        discontinued = ended("DISCONTINUED", PerformedSeriesSequence=[], PatientID="1")
        assert user.send_n_set(discontinued, MPPS, "1.2.9")[0].Status == 0
        assert worklist.get(item.id).status is StepStatus.DISCONTINUED


def test_the_series_of_a_step_are_compared_with_what_is_stored(tmp_path):
    series = dicom_builder.stack(np.zeros((3, 8, 8), np.int16), modality="CT")
    uids = [each.SOPInstanceUID for each in series]
    with Archive.open(ArchiveSettings(tmp_path / "store")) as archive, state(tmp_path) as (_, steps):
        for each in series[:2]:
            archive.receive(encode_dataset(each, EXPLICIT), transfer_syntax=EXPLICIT)
        rules = PerformedStepRules(steps)
        uid = rules.create("", begun(), "CT1")
        rules.update(uid, ended(series=series[0].SeriesInstanceUID, images=uids), "CT1")
        (found,) = series_of(archive, steps.get(uid))
    assert found.series_uid == series[0].SeriesInstanceUID
    assert (found.announced, found.stored, found.missing) == (tuple(uids), 2, (uids[2],))


class States(RuleBasedStateMachine):
    """Any requests, against a model of three states."""

    uids = st.sampled_from(["1.2.1", "1.2.2"])

    @initialize()
    def start(self):
        import tempfile
        from pathlib import Path

        self.folder = tempfile.TemporaryDirectory()
        self.open = state(Path(self.folder.name))
        self.worklist, self.steps = self.open.__enter__()
        self.rules = PerformedStepRules(self.steps)
        self.item = self.worklist.add(scheduled(ITEM))
        self.model = {}

    def teardown(self):
        self.open.__exit__(None, None, None)
        self.folder.cleanup()

    def status_of(self, call):
        try:
            call()
        except RefusedError as refused:
            return refused.status
        return 0

    @rule(uid=uids, status=st.sampled_from(["IN PROGRESS", "COMPLETED", "DISCONTINUED", "X"]))
    def create(self, uid, status):
        data = begun(self.item, PerformedProcedureStepStatus=status)
        told = self.status_of(lambda: self.rules.create(uid, data, "CT1"))
        if status != "IN PROGRESS":
            assert told == 0x0106
        else:
            assert told == (0x0111 if uid in self.model else 0)
            self.model.setdefault(uid, "IN PROGRESS")

    @rule(
        uid=uids,
        status=st.sampled_from(["IN PROGRESS", "COMPLETED", "DISCONTINUED", "X"]),
        whole=st.booleans(),
    )
    def change(self, uid, status, whole):
        data = ended(status) if whole else ended(status, PerformedProcedureStepEndTime=None)
        told = self.status_of(lambda: self.rules.update(uid, data, "CT1"))
        if uid not in self.model:
            assert told == 0x0112
        elif self.model[uid] != "IN PROGRESS":
            assert told == 0x0110
        elif status == "X":
            assert told == 0x0106
        elif told == 0x0120:
            assert not whole
            assert status != "IN PROGRESS"
        else:
            assert told == 0
            self.model[uid] = status

    @invariant()
    def state_is_the_model(self):
        for uid in ("1.2.1", "1.2.2"):
            if uid in self.model:
                assert self.steps.get(uid).status == self.model[uid]
            else:
                with pytest.raises(MissingError):
                    self.steps.get(uid)
        states = set(self.model.values())
        expected = (
            "SCHEDULED" if not states
            else "STARTED" if "IN PROGRESS" in states
            else "COMPLETED" if "COMPLETED" in states
            else "DISCONTINUED"
        )  # fmt: skip
        assert self.worklist.get(self.item.id).status == expected


TestStates = States.TestCase
TestStates.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)
