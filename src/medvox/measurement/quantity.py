"""A measured value with its unit and its discretization uncertainty."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Quantity:
    """A measured value.

    Parameters
    ----------
    name
        What was measured, e.g. ``"volume"``.
    value
        In `unit`.
    unit
        UCUM code: ``"mL"``, ``"mm"``, ``"mm2"``, ``"1"``.
    discretization_95
        Half-width of the nominal 95 % interval of the error that sampling on voxels alone makes, or None
        where none is stated. It says nothing about how well the outline was drawn, nor about blur, noise
        or motion.
    """

    name: str
    value: float
    unit: str
    discretization_95: float | None = None

    def __str__(self) -> str:
        unit = "" if self.unit == "1" else f" {self.unit}"
        if self.discretization_95 is None or not math.isfinite(self.discretization_95):
            return f"{self.value:.6g}{unit}"
        digits = decimals(self.discretization_95)
        return f"{self.value:.{digits}f} ± {self.discretization_95:.{digits}f}{unit}"

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values; what is not finite is None."""
        return {
            "name": self.name,
            "value": self.value if math.isfinite(self.value) else None,
            "unit": self.unit,
            "discretization_95": self.discretization_95,
        }


def decimals(uncertainty: float) -> int:
    """Decimals that show an uncertainty with two significant digits."""
    return max(0, 1 - math.floor(math.log10(uncertainty))) if uncertainty > 0 else 3
