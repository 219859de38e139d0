"""Access: who may do what with an archive, the same for HTTP and for DICOM.

`allowed` is the only place that decides. Rights of single studies are not told apart yet: they will be
decided here, which is why a decision is asked for with the study where it is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Action(StrEnum):
    """What is done; also the scopes of a token and the actions in the audit."""

    QUERY = "query"
    """Find patients, studies, series, instances, worklist items."""
    RETRIEVE = "retrieve"
    """Read instances or pictures of them."""
    STORE = "store"
    """Add instances."""
    WORK = "work"
    """Schedule, claim and finish procedure steps, print, commit."""
    SEND = "send"
    """Have studies sent to another node."""
    EDIT = "edit"
    """Correct, merge, split, move, protect, compress, restore from the bin."""
    DELETE = "delete"
    """Put studies into the bin, empty it."""
    MONITOR = "monitor"
    """See how the node is: queues, failures, storage, metrics."""
    MANAGE = "manage"
    """Change tokens, rules, nodes and tasks."""
    AUDIT = "audit"
    """Search the audit."""


class Role(StrEnum):
    """What somebody is to an archive."""

    VIEWER = "viewer"
    UPLOADER = "uploader"
    CURATOR = "curator"
    ADMIN = "admin"


_READERS: Final = frozenset({Role.VIEWER, Role.CURATOR, Role.ADMIN})
_CHANGERS: Final = frozenset({Role.CURATOR, Role.ADMIN})
_ADMINS: Final = frozenset({Role.ADMIN})

RIGHTS: Final[Mapping[Action, frozenset[Role]]] = MappingProxyType(
    {
        Action.QUERY: _READERS,
        Action.RETRIEVE: _READERS,
        Action.STORE: frozenset({Role.UPLOADER, Role.CURATOR, Role.ADMIN}),
        Action.WORK: _CHANGERS,
        Action.SEND: _CHANGERS,
        Action.EDIT: _CHANGERS,
        Action.DELETE: _ADMINS,
        Action.MONITOR: frozenset(Role),
        Action.MANAGE: _ADMINS,
        Action.AUDIT: _ADMINS,
    }
)
"""Which roles may do what."""

CHANGES: Final = frozenset({Action.WORK, Action.SEND, Action.EDIT, Action.DELETE, Action.MANAGE})
"""Actions that are answered only when they are in the audit.

Storing is not among them: the record of an instance names its sender and is as durable as the instance.
"""

UNAUDITED: Final = frozenset({Action.MONITOR})
"""Actions that touch no patient data: only their refusals are audited."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks.

    Parameters
    ----------
    name
        As it stands in the audit.
    role
        What it is to the archive.
    scopes
        The only actions that it may do, of those of its role; None: all of them.
    """

    name: str
    role: Role = Role.VIEWER
    scopes: frozenset[Action] | None = None


def allowed(principal: Principal, action: Action, study_uid: str = "") -> bool:
    """Decide whether somebody may do something.

    Parameters
    ----------
    principal
        Who asks.
    action
        What is to be done.
    study_uid
        To which study, where one is named. All studies are alike for now.
    """
    if principal.scopes is not None and action not in principal.scopes:
        return False
    return principal.role in RIGHTS[action]
