"""Modality Worklist: C-FIND of scheduled procedure steps (PS3.4 K)."""

from __future__ import annotations

from medvox.network.dimse.services.query import QueryService
from medvox.network.dimse.syntaxes import MODALITY_WORKLIST
from medvox.network.handlers import QueryHandler


class WorklistService(QueryService):
    """Answers worklist queries with what a handler finds; it is given an empty level."""

    def __init__(self, handler: QueryHandler) -> None:
        super().__init__(handler, (MODALITY_WORKLIST,))
