"""Everything that the viewer asks of one session."""

from __future__ import annotations

from medvox.server.routes import chunks, hanging, images, presets, series, session

PARTS = (session.router, series.router, images.router, chunks.router, presets.router, hanging.router)
"""Routes of one session."""
