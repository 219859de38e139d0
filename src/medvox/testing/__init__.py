"""Builders, strategies and contract tests; imported by tests only."""
