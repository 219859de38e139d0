"""The DICOM services of a node."""

from __future__ import annotations

from typing import Protocol

from medvox.archive.archive import Archive
from medvox.archive.model import Origin, Received
from medvox.archive.state.database import StateDatabase
from medvox.archive.state.print_jobs import PrintJobs
from medvox.network.dimse.provider import Service
from medvox.network.dimse.services.print_management import PrintService
from medvox.network.dimse.services.query import QueryService
from medvox.network.dimse.services.retrieve import RetrieveService
from medvox.network.dimse.services.verification import VerificationService
from medvox.network.dimse.storage import StorageService
from medvox.network.dimse.user import Caller
from medvox.network.handlers import Destination
from medvox.workflows.node.access import NodeAccess
from medvox.workflows.node.gated import GatedQuery, GatedRetrieve, GatedStorage
from medvox.workflows.node.printing.spool import FilmSpool
from medvox.workflows.node.procedures.procedures import Procedures
from medvox.workflows.node.procedures.ups import UnifiedWork
from medvox.workflows.node.query import ArchiveQuery
from medvox.workflows.node.receive import ArchiveStorage
from medvox.workflows.node.retrieve import ArchiveRetrieve
from medvox.workflows.node.settings import NodeSettings


class NodeParts(Protocol):
    """What services need of a node."""

    settings: NodeSettings
    archive: Archive
    state: StateDatabase
    caller: Caller
    procedures: Procedures
    access: NodeAccess
    unified: UnifiedWork
    prints: PrintJobs

    def received(self, kept: Received, origin: Origin) -> None:
        """Tell who listens of an instance."""

    def destination(self, ae_title: str, calling_ae: str) -> Destination | None:
        """Return where a node is that instances may be sent to."""


def services_of(node: NodeParts) -> list[Service]:
    """Return the services of a node; Storage, which takes any class that is not known, is the last."""
    archive, gate = node.archive, node.access.gate
    return [
        VerificationService(),
        QueryService(GatedQuery(ArchiveQuery(archive, node.settings.aet), gate)),
        *node.procedures.services(),
        *node.unified.services(),
        RetrieveService(GatedRetrieve(ArchiveRetrieve(archive, node.destination), gate), node.caller),
        PrintService(FilmSpool(node.settings.store / "spool", node.prints, gate=gate)),
        StorageService(GatedStorage(ArchiveStorage(archive, node.received, node.settings.coerce), gate)),
    ]
