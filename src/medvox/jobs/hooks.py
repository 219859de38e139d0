"""Hooks: callables of other packages that are called for what is received.

A package registers them as entry points of the groups ``medvox.on_receive`` and
``medvox.on_stable_study``. They run as jobs: after Success, again when they fail, and perhaps twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any, Final

from medvox.archive.archive import Archive
from medvox.archive.model import InstanceRow

OnReceive = Callable[[Archive, InstanceRow], None]
OnStableStudy = Callable[[Archive, str], None]
RECEIVE_GROUP: Final = "medvox.on_receive"
STABLE_GROUP: Final = "medvox.on_stable_study"
_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Hooks:
    """What is called.

    Parameters
    ----------
    on_receive
        By name: takes the archive and each instance that was received.
    on_stable_study
        By name: takes the archive and the UID of each study of which nothing came for a while.
    """

    on_receive: Mapping[str, OnReceive] = field(default_factory=dict)
    on_stable_study: Mapping[str, OnStableStudy] = field(default_factory=dict)


def registered_hooks() -> Hooks:
    """Return the hooks of all installed packages; one that cannot be imported is logged and left out."""
    return Hooks(_loaded(RECEIVE_GROUP), _loaded(STABLE_GROUP))


def _loaded(group: str) -> dict[str, Any]:
    found = {}
    for point in entry_points(group=group):
        try:
            found[point.name] = point.load()
        except Exception as error:
            _LOG.warning("the hook %s of %s cannot be loaded: %s", point.name, group, type(error).__name__)
    return found
