"""Dates and times of DICOM as numbers (PS3.5 6.2, VR DA, TM and DT)."""

from __future__ import annotations

import re
from datetime import date

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


def seconds_of_date_time(text: str, first_date: str = "") -> float | None:
    """Seconds after midnight of the time part of a DT value; None if it has none.

    Parameters
    ----------
    first_date
        DA value of the day that is counted from; without it the day of the value.

    Examples
    --------
    >>> seconds_of_date_time("20260102000001", "20260101")
    86401.0
    """
    seconds = seconds_of_day(text[8:]) if len(text) > 8 else None
    return None if seconds is None else seconds + 86_400 * (days_between(first_date, text[:8]) or 0)


def days_between(first: str, second: str) -> int | None:
    """Days from one DA value to another; None if either is no date.

    Examples
    --------
    >>> days_between("20251231", "20260101")
    1
    """
    try:
        start, end = (date(int(d[:4]), int(d[4:6]), int(d[6:8])) for d in (_digits(first), _digits(second)))
    except ValueError:
        return None
    return (end - start).days


def _digits(text: str) -> str:
    """A DA value without the points of its old form (PS3.5 6.2, note)."""
    return text.strip().replace(".", "")
