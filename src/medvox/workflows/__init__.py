"""The only place where input/output meets algorithms."""
