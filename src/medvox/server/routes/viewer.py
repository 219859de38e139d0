"""Everything that the viewer asks of one session."""

from __future__ import annotations

from medvox.server.routes import (
    chunks,
    exports,
    hanging,
    images,
    notes,
    preferences,
    presets,
    segments,
    series,
    session,
)

PARTS = (
    session.router,
    series.router,
    images.router,
    chunks.router,
    presets.router,
    hanging.router,
    segments.router,
    notes.router,
    preferences.router,
    exports.router,
)
"""Routes of one session."""
