"""A DICOM node: an archive that speaks DICOM."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Self

from medvox.archive.archive import Archive, warm_up
from medvox.archive.model import Origin, Received
from medvox.archive.state.database import StateDatabase
from medvox.archive.state.print_jobs import PrintJobs
from medvox.dicom.writing.files.encode import IMPLEMENTATION_UID
from medvox.network.dimse.provider import ProviderSettings, Services, provider
from medvox.network.dimse.user import Caller
from medvox.network.handlers import Destination
from medvox.network.upper_layer.acceptor import Acceptor, Listening
from medvox.network.upper_layer.channel import Timeouts
from medvox.network.upper_layer.tls import ClientCertificates, TlsFiles, acceptor_context, requestor_context
from medvox.workflows.node.access import NodeAccess
from medvox.workflows.node.background import jobs_of
from medvox.workflows.node.gated import StoreNotes
from medvox.workflows.node.monitoring.measures import Measures
from medvox.workflows.node.monitoring.metrics import Metrics
from medvox.workflows.node.procedures.procedures import Procedures
from medvox.workflows.node.procedures.ups import UnifiedWork
from medvox.workflows.node.services import services_of
from medvox.workflows.node.settings import NodeSettings

Listener = Callable[[Received, Origin], None]


class Node:
    """An archive, its state, and the listener for associations; `start` it, and `stop` it.

    Parameters
    ----------
    settings
        How it works.
    archive
        Instances.
    state
        What is kept beside them.
    caller
        Who the node is when it calls others.
    access
        Who may do what, and the way into the audit.
    measures
        What it counts of itself.
    jobs
        Hooks and forwarding.
    procedures
        Worklist, performed steps and storage commitment.
    unified
        Unified procedure steps and their subscribers.
    prints
        Print jobs; what they became is in the folder ``spool`` of the store.
    listeners
        Told of each instance after it was kept; they must not wait.
    started_s
        When it was started, seconds since 1970.
    """

    def __init__(self, settings: NodeSettings) -> None:
        self.settings = settings.checked()
        self.archive = Archive.open(settings.archive)
        try:
            self.state = StateDatabase(settings.state)
        except BaseException:
            self.archive.close()
            raise
        self.caller = Caller(IMPLEMENTATION_UID, settings.aet)
        self.access = NodeAccess(self.archive.audit, self.state, trusts_loopback=settings.trust_loopback)
        self.jobs = jobs_of(settings, self.archive, self.state, self.caller)
        gate = self.access.gate
        self.procedures = Procedures(
            self.archive, self.state, self.destination, self.caller, gate, self._character_set
        )
        self.unified = UnifiedWork(self.state, self.destination, self.caller, gate)
        self.prints = PrintJobs(self.state)
        self.measures = Measures(Metrics())
        self.measures.watch(self, settings.store)
        self.listeners: list[Listener] = [self.measures.received, StoreNotes(self.access.gate)]
        self.started_s = 0.0
        self._acceptor: Acceptor | None = None
        self._stopping = threading.Lock()
        self._is_stopped = False

    @property
    def dicom_port(self) -> int:
        """Port of the listener; 0 while there is none."""
        return 0 if self._acceptor is None else self._acceptor.port

    @property
    def associations(self) -> int:
        """Associations open now."""
        return 0 if self._acceptor is None else self._acceptor.associations

    def start(self) -> None:
        """Listen for associations.

        Raises
        ------
        UsageError
            If the address cannot be used.
        """
        settings = self.settings
        warm_up()
        listening = Listening(
            settings.dicom_host,
            settings.dicom_port,
            settings.max_associations,
            Timeouts(idle=settings.idle_s),
            tls=_tls(settings),
        )
        offered = ProviderSettings(
            IMPLEMENTATION_UID,
            None if settings.any_called_ae else settings.aet,
            listening=listening,
            observer=self.measures,
        )
        policy = self.measures.counted(self.access.policy)
        acceptor = provider(Services(services_of(self), sends=True), policy, offered)
        acceptor.start()
        self._acceptor = acceptor
        self.procedures.start()
        self.unified.start()
        self.jobs.start()
        self.started_s = time.time()

    def stop(self) -> None:
        """Let associations end, then close everything; may be called again."""
        with self._stopping:
            if self._is_stopped:
                return
            self._is_stopped = True
            if self._acceptor is not None:
                self._acceptor.stop(self.settings.stop_s)
            self.procedures.stop()
            self.unified.stop()
            self.jobs.stop(self.settings.stop_s)
            self.access.close()
            self.state.close()
            self.archive.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def received(self, kept: Received, origin: Origin) -> None:
        """Tell the listeners of an instance."""
        for listener in self.listeners:
            listener(kept, origin)

    def _character_set(self, calling_ae: str) -> str | None:
        """Specific Character Set of answers to an AE, where its rule names one."""
        rule = self.access.policy.rule(calling_ae)
        return rule.character_set or None if rule is not None else None

    def destination(self, ae_title: str, calling_ae: str) -> Destination | None:
        """Return where a node is that instances may be sent to."""
        known = self.settings.node(ae_title)
        if known is not None:
            found: Destination | None = Destination(known.host, known.port, known.ae_title)
        else:
            found = self.access.policy.destination(ae_title)
        rule = self.access.policy.rule(ae_title)
        if found is None or rule is None or not rule.needs_tls:
            return found
        return replace(found, tls=_calling_tls(self.settings))


def _calling_tls(settings: NodeSettings) -> ssl.SSLContext:
    """TLS for nodes whose rule asks for it: the certificate of the node, and whom it trusts."""
    files = TlsFiles(settings.dicom_certificate, settings.dicom_key, settings.dicom_authorities)
    return requestor_context(files)


def _tls(settings: NodeSettings) -> ssl.SSLContext | None:
    """TLS of the DICOM listener; None without a certificate."""
    if settings.dicom_certificate is None:
        return None
    files = TlsFiles(settings.dicom_certificate, settings.dicom_key, settings.dicom_authorities)
    asks = ClientCertificates.NONE if settings.dicom_authorities is None else ClientCertificates.REQUIRED
    return acceptor_context(files, asks)
