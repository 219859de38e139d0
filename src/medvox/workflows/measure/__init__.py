"""Read images and segments, measure them, write tables and reports."""
