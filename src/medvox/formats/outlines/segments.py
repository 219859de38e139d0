"""Segments in outline files: names, numbers and colors from text."""

from __future__ import annotations

import re

from medvox.core.labels import Segment

COLORS = ((255, 0, 0), (0, 170, 0), (0, 90, 255), (255, 190, 0), (200, 0, 200), (0, 190, 190))
"""Given in turn to segments without a color."""


def hex_color(color: tuple[int, int, int]) -> str:
    """``#rrggbb``."""
    return "#" + "".join(f"{part:02x}" for part in color)


def parse_color(text: str) -> tuple[int, int, int] | None:
    """Red, green, blue of ``#rrggbb``, or None."""
    found = re.fullmatch(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})", text.strip())
    return (int(found[1], 16), int(found[2], 16), int(found[3], 16)) if found else None


def segment_of(name: str, number: str, color: str, place: int) -> Segment:
    """Segment of a file; what is not given is made from its place among the segments, from 1."""
    given = int(number) if number.isdigit() and int(number) > 0 else place
    return Segment(given, name or f"segment {given}", color=parse_color(color) or COLORS[(place - 1) % 6])
