"""The user's preferences."""

from __future__ import annotations

from fastapi import APIRouter

from medvox.archive.access import Action
from medvox.server.access.rights import requires
from medvox.workflows.preferences import Preferences, read_preferences, write_preferences

router = APIRouter(prefix="/preferences", tags=["preferences"])


@router.get("", operation_id="preferences")
def preferences() -> Preferences:
    """Return keys and theme that the user has set."""
    return read_preferences()


@router.put("", operation_id="setPreferences", dependencies=[requires(Action.WORK)])
def set_preferences(preferred: Preferences) -> Preferences:
    """Save keys and theme."""
    write_preferences(preferred)
    return preferred
