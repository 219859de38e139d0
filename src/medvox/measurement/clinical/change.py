"""Change of a measured value between two time points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from medvox.core.errors import UsageError
from medvox.measurement.quantity import Quantity
from medvox.measurement.size.mask import MaskSize


@dataclass(frozen=True, slots=True)
class Change:
    """How a quantity changed.

    Parameters
    ----------
    segment, name, unit
        What was measured.
    before, after
        None where the segment was empty or not there.
    difference, percent
        After less before; per cent of before. Infinite where it was 0 before and is not now.
    discretization_95
        Half-width of the 95 % interval of the difference that sampling on voxels alone makes, or None.
    beyond_discretization
        Whether the difference is larger than that. It may still be repositioning, noise or another outline.
    """

    segment: str
    name: str
    unit: str
    before: float | None
    after: float | None
    difference: float
    percent: float
    discretization_95: float | None
    beyond_discretization: bool


def compare_quantities(segment: str, before: Quantity | None, after: Quantity | None) -> Change:
    """Change of one quantity; a missing one counts as 0.

    Raises
    ------
    UsageError
        If both are missing, or names or units differ.
    """
    known = before or after
    if known is None:
        raise UsageError("nothing to compare", where=segment)
    if before is not None and after is not None and (before.name, before.unit) != (after.name, after.unit):
        raise UsageError("quantities differ", where=segment, got=after.name, expected=before.name)
    first = before.value if before else 0.0
    second = after.value if after else 0.0
    parts = [q.discretization_95 for q in (before, after) if q is not None]
    half = None if any(p is None for p in parts) else math.hypot(*(p for p in parts if p is not None))
    difference = second - first
    percent = (
        100 * difference / first
        if first
        else (0.0 if not difference else math.copysign(math.inf, difference))
    )
    return Change(
        segment,
        known.name,
        known.unit,
        before.value if before else None,
        after.value if after else None,
        difference,
        percent,
        half,
        abs(difference) > (half or 0.0),
    )


def compare_sizes(before: Sequence[MaskSize], after: Sequence[MaskSize]) -> tuple[Change, ...]:
    """Changes of all segments by name; one that is at one time only is listed too."""
    changes = []
    for name in dict.fromkeys(s.name for s in (*before, *after)):
        first = {q.name: q for s in before if s.name == name for q in s.quantities}
        second = {q.name: q for s in after if s.name == name for q in s.quantities}
        names = dict.fromkeys((*first, *second))
        changes += [compare_quantities(name, first.get(q), second.get(q)) for q in names]
    return tuple(changes)


def recist_response(sums_mm: Sequence[float]) -> str:
    """RECIST 1.1 response of the target lesions, from their sums of diameters over time, baseline first.

    ``"CR"``: all gone; ``"PR"``: at least 30 % below baseline; ``"PD"``: at least 20 % and 5 mm above the
    least so far; else ``"SD"`` (Eisenhauer et al., Eur J Cancer 45:228-247, 2009, 4.3.1). Lymph nodes and
    lesions that are not targets are the reader's.

    Raises
    ------
    UsageError
        If there are fewer than two sums, or one is negative or not a number.
    """
    if len(sums_mm) < 2 or not all(s >= 0 for s in sums_mm):
        raise UsageError("a response needs a baseline and a later sum", where="recist", got=list(sums_mm))
    *earlier, now = sums_mm
    least = min(earlier)
    if now == 0:
        return "CR"
    if now - least >= 5 and now >= 1.2 * least:
        return "PD"
    return "PR" if now <= 0.7 * earlier[0] else "SD"


def doubling_time_days(before: float, after: float, days: float) -> float:
    """Days in which a volume doubles at the rate seen; negative for one that shrinks, infinite for none.

    Raises
    ------
    UsageError
        If a volume or the time is not positive.
    """
    if not (before > 0 and after > 0 and days > 0):
        raise UsageError("doubling needs positive volumes and time", got=(before, after, days))
    rate = math.log2(after / before)
    return days / rate if rate else math.inf
