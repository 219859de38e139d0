"""File formats: one class each, found by content."""
