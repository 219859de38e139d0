"""Data elements: their encoding (PS3.5), the walk over them, and which of them are wanted."""
