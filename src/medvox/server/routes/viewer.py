"""Everything that the viewer asks of one session."""

from __future__ import annotations

from medvox.server.routes import chunks, images, notes, preferences, presets, series, session

PARTS = (
    session.router,
    series.router,
    images.router,
    chunks.router,
    presets.router,
    notes.router,
    preferences.router,
)
"""Routes of one session."""
