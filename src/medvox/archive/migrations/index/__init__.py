"""Revisions of the index database, each a module, the oldest first."""
