"""Modality Worklist: C-FIND of scheduled procedure steps (PS3.4 K)."""

from __future__ import annotations

from medvox.network.dimse.services.query import QueryService
from medvox.network.dimse.syntaxes import MODALITY_WORKLIST
from medvox.network.handlers import QueryHandler


def worklist_service(handler: QueryHandler) -> QueryService:
    """Return the service that answers worklist queries; the handler is given an empty level."""
    return QueryService(handler, (MODALITY_WORKLIST,))
