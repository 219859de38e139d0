"""Findings that many files share, told once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from medvox.core.finding import Finding


def joined_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Join findings that say the same of several files: where is then the first file and how many more."""
    groups: dict[Finding, list[str]] = {}
    for finding in findings:
        groups.setdefault(replace(finding, where=""), []).append(finding.where)
    joined = []
    for finding, places in groups.items():
        others = len(set(places)) - 1
        where = places[0] if not others else f"{places[0]} and {others} more"
        joined.append(replace(finding, where=where))
    return tuple(joined)
