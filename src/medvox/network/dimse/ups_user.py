"""Unified procedure steps of another node, as user: make, claim, finish, cancel, follow (PS3.4 CC)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medvox.core.errors import UsageError
from medvox.network.dimse.normalized import NormalizedUser, SopInstance
from medvox.network.dimse.services.ups import UpsAction
from medvox.network.dimse.syntaxes import UPS_PULL, UPS_PUSH, UPS_WATCH

if TYPE_CHECKING:
    from pydicom import Dataset

PRIORITIES = ("LOW", "MEDIUM", "HIGH")
"""Scheduled Procedure Step Priority (0074,1200)."""


@dataclass(frozen=True, slots=True)
class Code:
    """A coded entry (PS3.3 8.8).

    Parameters
    ----------
    value, scheme, meaning
        Code Value, Coding Scheme Designator and Code Meaning.
    """

    value: str
    scheme: str
    meaning: str

    @classmethod
    def parse(cls, text: str) -> Code:
        """Read ``VALUE,SCHEME,MEANING``.

        Raises
        ------
        UsageError
            If it is not written so.
        """
        parts = [part.strip() for part in text.split(",", 2)]
        if len(parts) != 3 or not all(parts):
            raise UsageError(
                "a code is written VALUE,SCHEME,MEANING", got=text, expected="e.g. 110005,DCM,Interpretation"
            )
        return cls(*parts)

    def item(self) -> Dataset:
        """Return it as an item of a code sequence."""
        from pydicom import Dataset

        made = Dataset()
        made.CodeValue, made.CodingSchemeDesignator, made.CodeMeaning = self.value, self.scheme, self.meaning
        return made


INTERPRETATION = Code("110005", "DCM", "Interpretation")
"""Workitem of PS3.16 CID 9231 that reading images is."""
UNSPECIFIED = Code("110513", "DCM", "Discontinued for unspecified reason")
"""Discontinuation reason of PS3.16 CID 9301."""
HERE = Code("MEDVOX", "99MEDVOX", "medvox")
"""Station name where none is said."""


def new_step(label: str, priority: str = "MEDIUM", start: dt.datetime | None = None) -> Dataset:
    """Return the attributes that a new step must have; more may be added (PS3.4 table CC.2.5-3).

    Parameters
    ----------
    label
        Procedure Step Label: what is to be done.
    priority
        One of `PRIORITIES`.
    start
        When; None: now.

    Raises
    ------
    UsageError
        If the priority is unknown.
    """
    from pydicom import Dataset

    if priority not in PRIORITIES:
        raise UsageError("unknown priority", got=priority, expected=PRIORITIES)
    made = Dataset()
    made.SpecificCharacterSet = "ISO_IR 192"
    made.TransactionUID = ""
    made.PatientName = made.PatientID = made.PatientBirthDate = made.PatientSex = ""
    made.AdmissionID = ""
    made.ScheduledProcedureStepStartDateTime = (start or dt.datetime.now()).strftime("%Y%m%d%H%M%S")  # noqa: DTZ005
    made.InputReadinessState = "READY"
    made.ProcedureStepState = "SCHEDULED"
    made.ScheduledProcedureStepPriority = priority
    made.WorklistLabel = ""
    made.ProcedureStepLabel = label
    made.ScheduledStationNameCodeSequence = []
    made.ScheduledWorkitemCodeSequence = []
    made.ReferencedRequestSequence = []
    made.InputInformationSequence = []
    return made


def create(user: NormalizedUser, step: Dataset, uid: str) -> None:
    """Make a step; needs `UPS_PUSH`."""
    user.create(_of(uid, UPS_PUSH), step)


def claim(user: NormalizedUser, uid: str, transaction_uid: str) -> None:
    """Take a step in hand: nobody else can change it without the Transaction UID; needs `UPS_PULL`."""
    _change(user, uid, "IN PROGRESS", transaction_uid)


def finish(
    user: NormalizedUser,
    uid: str,
    transaction_uid: str,
    *,
    workitem: Code = INTERPRETATION,
    station: Code = HERE,
    start: dt.datetime | None = None,
) -> None:
    """Say what was done, and that the step is completed; needs `UPS_PULL`.

    Parameters
    ----------
    workitem, station
        What was done, and where.
    start
        When it was begun; None: now.
    """
    from pydicom import Dataset

    now = dt.datetime.now()  # noqa: DTZ005 (the standard's local time)
    done = Dataset()
    done.PerformedStationNameCodeSequence = [station.item()]
    done.PerformedWorkitemCodeSequence = [workitem.item()]
    done.PerformedProcedureStepStartDateTime = (start or now).strftime("%Y%m%d%H%M%S")
    done.PerformedProcedureStepEndDateTime = now.strftime("%Y%m%d%H%M%S")
    done.OutputInformationSequence = []
    changes = Dataset()
    changes.TransactionUID = transaction_uid
    changes.UnifiedProcedureStepPerformedProcedureSequence = [done]
    user.set(_of(uid, UPS_PULL), changes)
    _change(user, uid, "COMPLETED", transaction_uid)


def cancel(
    user: NormalizedUser, uid: str, transaction_uid: str, reason: str = "", code: Code = UNSPECIFIED
) -> None:
    """Give a step up that was claimed; needs `UPS_PULL`."""
    from pydicom import Dataset

    item = Dataset()
    item.ProcedureStepCancellationDateTime = dt.datetime.now().strftime("%Y%m%d%H%M%S")  # noqa: DTZ005
    if reason:
        item.ReasonForCancellation = reason
    item.ProcedureStepDiscontinuationReasonCodeSequence = [code.item()]
    changes = Dataset()
    changes.SpecificCharacterSet = "ISO_IR 192"
    changes.TransactionUID = transaction_uid
    changes.ProcedureStepProgressInformationSequence = [item]
    user.set(_of(uid, UPS_PULL), changes)
    _change(user, uid, "CANCELED", transaction_uid)


def request_cancel(user: NormalizedUser, uid: str, reason: str = "") -> None:
    """Ask that a step be canceled: a scheduled one is, the performer of one decides; needs `UPS_PUSH`."""
    from pydicom import Dataset

    information = Dataset()
    information.SpecificCharacterSet = "ISO_IR 192"
    information.ReasonForCancellation = reason or "unspecified"
    user.action(_of(uid, UPS_PUSH), UpsAction.REQUEST_CANCEL, information)


def subscribe(user: NormalizedUser, uid: str, receiver: str) -> None:
    """Have an AE told of the events of a step, or of all (`GLOBAL` UID); needs `UPS_WATCH`."""
    from pydicom import Dataset

    information = Dataset()
    information.ReceivingAE = receiver
    information.DeletionLock = "FALSE"
    user.action(_of(uid, UPS_WATCH), UpsAction.SUBSCRIBE, information)


def unsubscribe(user: NormalizedUser, uid: str, receiver: str) -> None:
    """End a subscription; needs `UPS_WATCH`."""
    from pydicom import Dataset

    information = Dataset()
    information.ReceivingAE = receiver
    user.action(_of(uid, UPS_WATCH), UpsAction.UNSUBSCRIBE, information)


def _change(user: NormalizedUser, uid: str, state: str, transaction_uid: str) -> None:
    from pydicom import Dataset

    information = Dataset()
    information.TransactionUID = transaction_uid
    information.ProcedureStepState = state
    user.action(_of(uid, UPS_PULL), UpsAction.CHANGE_STATE, information)


def _of(uid: str, abstract_syntax: str) -> SopInstance:
    return SopInstance(UPS_PUSH, uid, abstract_syntax)
