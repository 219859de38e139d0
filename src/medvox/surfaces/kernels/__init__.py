"""Compiled loops of surfaces."""
