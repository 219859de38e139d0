"""Revisions of the state database, each a module, the oldest first."""
