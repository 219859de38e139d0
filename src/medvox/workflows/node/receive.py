"""Receiving: what comes by C-STORE goes into the archive."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from medvox.archive.archive import Archive
from medvox.archive.editing.coercion import coerced
from medvox.archive.model import InvalidObjectError, Origin, Received, StorageFullError
from medvox.core.errors import FormatError, MedvoxError
from medvox.network.dimse.commands import Status
from medvox.network.handlers import ReceivedObject
from medvox.workflows.node.settings import Coercion

_LOG = logging.getLogger(__name__)


class ArchiveStorage:
    """Keeps received instances (a `StorageHandler`).

    Parameters
    ----------
    archive
        Where to.
    received
        Told of each instance after it was kept; must not wait.
    coercions
        What is changed in instances of some senders.
    """

    def __init__(
        self,
        archive: Archive,
        received: Callable[[Received, Origin], None] | None = None,
        coercions: Sequence[Coercion] = (),
    ) -> None:
        self._archive = archive
        self._received = received
        self._rules = [coercion.rule() for coercion in coercions]

    def store(self, received: ReceivedObject) -> int:
        """Keep one instance; Success only when it is durable (statuses of PS3.4 B.2.3)."""
        origin = Origin(received.calling_ae, received.peer_address)
        try:
            kept = self._archive.receive(
                self._coerced(received),
                transfer_syntax=received.transfer_syntax,
                sop_class_uid=received.sop_class_uid,
                sop_instance_uid=received.sop_instance_uid,
                origin=origin,
            )
        except InvalidObjectError as error:
            _LOG.warning("refused %s: %s", received.sop_instance_uid, error.what)
            announced = error.what == "the data set is not what was announced"
            return Status.DATA_SET_MISMATCH if announced else Status.CANNOT_UNDERSTAND
        except StorageFullError as error:
            _LOG.error("cannot store %s: %s", received.sop_instance_uid, error.what)
            return Status.OUT_OF_RESOURCES
        except FormatError as error:
            _LOG.warning("cannot change %s: %s", received.sop_instance_uid, error.what)
            return Status.CANNOT_UNDERSTAND
        if self._received is not None:
            try:
                self._received(kept, origin)
            except MedvoxError as error:
                _LOG.error("after %s: %s", received.sop_instance_uid, error.what)
        return Status.SUCCESS

    def _coerced(self, received: ReceivedObject) -> bytes | memoryview:
        """Return the data set as the rules for its sender want it."""
        if not self._rules:
            return received.data
        syntax, caller = received.transfer_syntax, received.calling_ae
        changed = coerced(received.data, syntax, self._rules, caller)
        return received.data if changed is None else changed
