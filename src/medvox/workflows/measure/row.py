"""One measured figure as a line of a table, whatever it is."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from medvox.measurement.quantity import Quantity, decimals

COLUMNS = ("segment", "quantity", "value", "discretization_95", "unit", "note")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure.

    Parameters
    ----------
    segment
        What it belongs to; empty for the whole image.
    quantity
        Its name.
    value
        A number (infinite or not a number where that is the answer), or a word.
    discretization_95
        Half-width of the 95 % interval that sampling on voxels alone gives, or None.
    note
        What a reader must know.
    """

    segment: str
    quantity: str
    value: float | str
    unit: str = "1"
    discretization_95: float | None = None
    note: str = ""

    @classmethod
    def of(cls, segment: str, quantity: Quantity, note: str = "") -> Row:
        """Make a row of a quantity."""
        return cls(segment, quantity.name, quantity.value, quantity.unit, quantity.discretization_95, note)

    @property
    def text(self) -> tuple[str, str]:
        """Value and uncertainty as they are printed, to digits that fit each other."""
        if isinstance(self.value, str):
            return self.value, ""
        half = self.discretization_95
        if half is None or not math.isfinite(half) or not math.isfinite(self.value):
            return f"{self.value:.6g}", ""
        digits = decimals(half)
        return f"{self.value:.{digits}f}", f"± {half:.{digits}f}"

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values; infinity as a word, not a number as null."""
        value: Any = self.value
        if isinstance(value, float) and not math.isfinite(value):
            value = None if math.isnan(value) else ("infinity" if value > 0 else "-infinity")
        return {
            "segment": self.segment,
            "quantity": self.quantity,
            "value": value,
            "discretization_95": self.discretization_95,
            "unit": self.unit,
            "note": self.note,
        }


def as_csv(rows: Iterable[Row]) -> str:
    """CSV (RFC 4180) with a header line; numbers with all their digits."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in rows:
        half = "" if row.discretization_95 is None else repr(row.discretization_95)
        value = row.value if isinstance(row.value, str) else repr(float(row.value))
        writer.writerow((row.segment, row.quantity, value, half, row.unit, row.note))
    return text.getvalue()


def segments_of(rows: Sequence[Row]) -> tuple[str, ...]:
    """Names of segments in the order of the rows."""
    return tuple(dict.fromkeys(r.segment for r in rows))
