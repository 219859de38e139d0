"""What `convert` did: for people as a table, for programs as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medvox.core.finding import Finding


@dataclass(frozen=True, slots=True)
class Converted:
    """One converted image.

    Parameters
    ----------
    label
        What it is called.
    source
        Name of the file it came from, the first of several.
    files
        Files written: the first holds the values.
    losses
        One sentence for each thing that the format cannot hold.
    findings
        Oddities of the source.
    notes
        One sentence for each thing that the format requires and nobody told: what stands for it.
    """

    label: str
    source: str
    files: tuple[Path, ...]
    losses: tuple[str, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """One image whose file was there already and stays."""

    label: str
    file: Path


@dataclass(frozen=True, slots=True)
class Skipped:
    """One image that was not converted, and why."""

    label: str
    reason: str


@dataclass(frozen=True, slots=True)
class ConvertReport:
    """What `convert` did.

    Parameters
    ----------
    converted, kept, skipped
        Images that were converted, that were there already, and that failed.
    findings
        Of the scan.
    unmatched
        Images that a BIDS tree has no place for.
    """

    converted: tuple[Converted, ...]
    skipped: tuple[Skipped, ...]
    findings: tuple[Finding, ...]
    kept: tuple[Kept, ...] = ()
    unmatched: tuple[Skipped, ...] = ()

    def as_json(self, folder: Path | None = None) -> dict[str, Any]:
        """Return the report as plain values.

        Parameters
        ----------
        folder
            Paths are given relative to it, and sources are left out: they may name the patient.
        """

        def name(path: Path) -> str:
            return path.relative_to(folder).as_posix() if folder else str(path)

        return {
            "converted": [
                {
                    "label": done.label,
                    **({} if folder else {"source": done.source}),
                    "files": [name(path) for path in done.files],
                    "losses": list(done.losses),
                    "notes": list(done.notes),
                    "findings": [
                        {"code": f.code, "level": str(f.level), "text": f.text} for f in done.findings
                    ],
                }
                for done in self.converted
            ],
            "kept": [{"label": kept.label, "file": name(kept.file)} for kept in self.kept],
            "skipped": [{"label": s.label, "reason": s.reason} for s in self.skipped],
            "unmatched": [{"label": s.label, "reason": s.reason} for s in self.unmatched],
        }
