"""Measures: what a node counts of itself, see `medvox.workflows.node.monitoring.metrics`."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final, Protocol

from medvox.archive.model import Origin, Received
from medvox.network.dimse.messages import Message
from medvox.network.upper_layer.negotiation import Admission, AssociationRequest, CallerPolicy, Refusal
from medvox.workflows.node.monitoring.metrics import Counter, Histogram, Metrics
from medvox.workflows.node.policy import service_of

_OUTCOMES: Final = {None: "accepted", Refusal.CALLING_AE: "refused", Refusal.LOCAL_LIMIT: "full"}


class NodeLike(Protocol):
    """What is measured of a node."""

    @property
    def associations(self) -> int:
        """Associations open now."""


class Measures:
    """Metrics of the DICOM side of a node; the HTTP side adds its own to `metrics`.

    It is a listener of received instances (`received`), an observer of the provider (`message`,
    `association`) and wraps the policy (`counted`).

    Parameters
    ----------
    metrics
        Where they are kept.
    """

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        self._stored: Counter = metrics.counter(
            "medvox_instances_received_total", "Instances that were received and are durable.", "outcome"
        )
        self._bytes: Counter = metrics.counter(
            "medvox_dimse_received_bytes_total", "Bytes of data sets that came by DIMSE.", "service"
        )
        self._messages: Histogram = metrics.histogram(
            "medvox_dimse_seconds", "Time to answer a DIMSE request.", "service"
        )
        self._associations: Histogram = metrics.histogram(
            "medvox_association_seconds", "How long associations were open."
        )
        self._asked: Counter = metrics.counter(
            "medvox_associations_total", "Associations that were asked for.", "outcome"
        )

    def watch(self, node: NodeLike, store: Path) -> None:
        """Add what is read of a node when it is asked for."""
        self.metrics.gauge("medvox_associations_open", "Associations open now.", lambda: node.associations)
        self.metrics.gauge(
            "medvox_storage_free_bytes",
            "Bytes free where the archive is.",
            lambda: shutil.disk_usage(store).free,
        )

    def received(self, kept: Received, origin: Origin) -> None:
        """Count an instance, as a listener of a node."""
        self._stored.add(kept.outcome.value)

    def message(self, message: Message, seconds: float) -> None:
        """Count a request that was answered, as an observer of a provider."""
        service = service_of(message.context.abstract_syntax) or "other"
        self._messages.add(seconds, service)
        if message.data is not None:
            self._bytes.add(service, by=message.data.nbytes)

    def association(self, seconds: float) -> None:
        """Count an association that ended, as an observer of a provider."""
        self._associations.add(seconds)

    def counted(self, policy: CallerPolicy) -> CallerPolicy:
        """Return a policy whose answers are counted."""
        return _Counted(policy, self._asked)


class _Counted:
    def __init__(self, policy: CallerPolicy, asked: Counter) -> None:
        self._policy = policy
        self._asked = asked

    def admit(self, request: AssociationRequest) -> Admission:
        """Admit or refuse, and count it."""
        admission = self._policy.admit(request)
        self._asked.add(_OUTCOMES.get(admission.refusal, "refused"))
        return admission
