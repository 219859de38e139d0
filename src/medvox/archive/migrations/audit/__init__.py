"""Revisions of the audit database, each a module, the oldest first."""
