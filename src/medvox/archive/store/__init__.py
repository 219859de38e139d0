"""Stores: where the bytes of instances are kept, so that what was promised survives a loss of power."""
