"""Worklist queries, answered from the scheduled steps of a node."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from medvox.archive.state.ae_rules import AeService
from medvox.archive.state.attribute_matching import returned
from medvox.archive.state.worklist import Worklist
from medvox.core.errors import AccessError, UsageError
from medvox.network.dimse.commands import Status
from medvox.network.dimse.datasets import quiet, with_character_set
from medvox.network.handlers import RefusedError
from medvox.workflows.node.policy import Gate

if TYPE_CHECKING:
    from pydicom import Dataset


class WorklistQueries:
    """Finds scheduled steps (a `medvox.network.handlers.QueryHandler`).

    Parameters
    ----------
    worklist
        The scheduled steps.
    gate
        What a request passes; None: nothing.
    character_set
        Returns the character set that an AE title is always answered in, None for that of its question.
    """

    def __init__(
        self,
        worklist: Worklist,
        gate: Gate | None = None,
        character_set: Callable[[str], str | None] = lambda _title: None,
    ) -> None:
        self._worklist = worklist
        self._gate = gate
        self._character_set = character_set

    def find(self, model: str, level: str, identifier: Dataset, calling_ae: str) -> Iterator[Dataset]:
        """Yield what matches, in the character set of who asks where that holds it, else in UTF-8.

        Raises
        ------
        UsageError
            If a key is no value of its VR (A900H).
        """
        enter(self._gate, calling_ae, AeService.WORKLIST)
        keys = json_of(identifier)
        count = 0
        character_set = self._character_set(calling_ae) or identifier.get("SpecificCharacterSet")
        try:
            for item in self._worklist.find(keys):
                count += 1
                yield with_character_set(dataset_of(returned(item.data, keys)), character_set)
        finally:
            if self._gate is not None:
                self._gate.note(calling_ae, AeService.WORKLIST, detail=f"{count} items")


def enter(gate: Gate | None, calling_ae: str, service: AeService, study_uid: str = "") -> None:
    """Let an AE use a service.

    Raises
    ------
    RefusedError
        If it may not (0124H).
    """
    try:
        if gate is not None:
            gate.enter(calling_ae, service, study_uid)
    except AccessError as error:
        raise RefusedError(Status.NOT_AUTHORIZED, error.what) from None


def json_of(dataset: Dataset) -> dict[str, Any]:
    """Return a data set in the JSON model (PS3.18 F.2).

    Raises
    ------
    UsageError
        If a value cannot be read.
    """
    with quiet():
        try:
            found: dict[str, Any] = dataset.to_json_dict()
        except Exception as error:
            raise UsageError("a value of the data set cannot be read", got=type(error).__name__) from None
    return found


def dataset_of(data: dict[str, Any]) -> Dataset:
    """Return a data set of the JSON model."""
    from pydicom import Dataset

    with quiet():
        return Dataset.from_json(data)
