"""Dates and times of DICOM as numbers (PS3.5 6.2, VR DA, TM and DT)."""

from __future__ import annotations

import re

_TIME = re.compile(r"(\d{2}):?(\d{2})?:?(\d{2})?(?:[.,](\d{1,6}))?")


def seconds_of_day(text: str) -> float | None:
    """Seconds after midnight of a TM value, the old form with colons allowed; None if unusable.

    Examples
    --------
    >>> seconds_of_day("135718.843")
    50238.843
    """
    found = _TIME.match(text.strip())
    if not found:
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.group(1, 2, 3))
    if hours > 23 or minutes > 59 or seconds > 60:
        return None
    fraction = found.group(4)
    return hours * 3600 + minutes * 60 + seconds + (int(fraction) / 10 ** len(fraction) if fraction else 0.0)


def seconds_of_date_time(text: str) -> float | None:
    """Seconds after midnight of the time part of a DT value; None if it has none."""
    return seconds_of_day(text[8:]) if len(text) > 8 else None
