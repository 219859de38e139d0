"""Nothing yet: each kind of state makes the tables that are missing by itself.

A revision of this lineage changes a table only if it is there; one that is not is made as it is by now.
"""

from __future__ import annotations

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Change nothing."""
