"""Answers: pieces of DICOM JSON objects, and lists short enough for one statement."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def element(vr: str, *values: Any) -> dict[str, Any]:
    """Return an element of the JSON model (PS3.18 F.2)."""
    return {"vr": vr, "Value": list(values)} if values else {"vr": vr}


def in_parts(values: list[int]) -> Iterator[list[int]]:
    """Yield 500 values after another."""
    return (values[at : at + 500] for at in range(0, len(values), 500))
