"""Vendors' ways of storing, as pure functions: a header in, facts out (see docs/conformance)."""
