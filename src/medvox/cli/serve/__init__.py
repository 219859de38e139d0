"""`medvox serve`: every word for running and managing the archive node, put together."""

from __future__ import annotations

from medvox.cli.serve import access, commitment, manage, worklist
from medvox.cli.serve.commands import app

access.register(app)
manage.register(app)
worklist.register(app)
commitment.register(app)

__all__ = ["app"]
