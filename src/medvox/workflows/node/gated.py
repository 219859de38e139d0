"""Gated handlers: each DIMSE service passes the node's gate before it works, and is noted in the audit."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from medvox.archive.model import Origin, Received
from medvox.archive.state.ae_rules import AeService
from medvox.core.errors import AccessError
from medvox.network.dimse.commands import Status
from medvox.network.handlers import (
    Destination,
    ObjectToSend,
    QueryHandler,
    ReceivedObject,
    RetrieveHandler,
    StorageHandler,
)
from medvox.workflows.node.policy import Gate

if TYPE_CHECKING:
    from pydicom import Dataset

    from medvox.network.answers import Answer

NOTED_AGAIN_S: Final = 60.0
"""Instances of one study by one sender are one note in this time."""
_MOST_KNOWN: Final = 10_000


class GatedStorage:
    """A storage handler behind the gate."""

    def __init__(self, handler: StorageHandler, gate: Gate) -> None:
        self._handler, self._gate = handler, gate

    def store(self, received: ReceivedObject) -> int:
        """Keep one instance where the sender may."""
        try:
            self._gate.enter(received.calling_ae, AeService.STORE)
        except AccessError:
            return Status.NOT_AUTHORIZED
        return self._handler.store(received)


class StoreNotes:
    """Notes which studies were received from whom, each once in a while (a listener of a node)."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._lock = threading.Lock()
        self._noted: dict[tuple[str, str], float] = {}

    def __call__(self, kept: Received, origin: Origin) -> None:
        """Note one instance."""
        key, now = (origin.caller, kept.study_uid), time.monotonic()
        with self._lock:
            if now - self._noted.get(key, -NOTED_AGAIN_S) < NOTED_AGAIN_S:
                return
            if len(self._noted) >= _MOST_KNOWN:
                self._noted.clear()
            self._noted[key] = now
        self._gate.note(origin.caller, AeService.STORE, kept.study_uid)


class GatedQuery:
    """A query handler behind the gate.

    Parameters
    ----------
    handler
        What finds.
    gate
        The node's.
    service
        What it is to the rules.
    """

    def __init__(self, handler: QueryHandler, gate: Gate, service: AeService = AeService.QUERY) -> None:
        self._handler, self._gate, self._service = handler, gate, service

    def find(
        self, model: str, level: str, identifier: Dataset, calling_ae: str
    ) -> Iterator[Dataset | Answer]:
        """Find where the caller may; see `medvox.network.handlers.QueryHandler.find`."""
        self._gate.enter(calling_ae, self._service)
        study = identifier.get("StudyInstanceUID", "")
        self._gate.note(calling_ae, self._service, *([study] if isinstance(study, str) and study else []))
        yield from self._handler.find(model, level, identifier, calling_ae)


class GatedRetrieve:
    """A retrieve handler behind the gate."""

    def __init__(self, handler: RetrieveHandler, gate: Gate) -> None:
        self._handler, self._gate = handler, gate

    def retrieve(
        self, model: str, level: str, identifier: Dataset, calling_ae: str
    ) -> Sequence[ObjectToSend]:
        """Find what is to be sent where the caller may."""
        self._gate.enter(calling_ae, AeService.RETRIEVE)
        found = self._handler.retrieve(model, level, identifier, calling_ae)
        studies = dict.fromkeys(uid for one in found if (uid := getattr(one, "study_uid", "")))
        self._gate.note(calling_ae, AeService.RETRIEVE, *studies, detail=f"{len(found)} instances")
        return found

    def destination(self, ae_title: str, calling_ae: str) -> Destination | None:
        """Return where a move destination is."""
        return self._handler.destination(ae_title, calling_ae)
