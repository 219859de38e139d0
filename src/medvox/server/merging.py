"""Adding one scan to another, and finding something to show while a long scan runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from medvox.core.study import Scan, Study

EARLY_FILES = 2000
"""A folder of more files than this is not scanned ahead: it would be the long scan itself."""
EARLY_FOLDERS = 200
"""Folders looked into for the first one that holds files."""


def merge(known: Scan, found: Scan, rescan: Callable[[Sequence[Path]], Scan]) -> Scan:
    """Add a scan to what is known.

    Parameters
    ----------
    rescan
        Scans all roots together; called only when both hold parts of the same series, which must be
        grouped and sorted as one.
    """
    if not known.studies:
        return replace(found, roots=_all_roots(known, found))
    uids = {s.uid for s in known.series() if s.uid is not None}
    within = [
        r
        for r in found.roots
        if any(Path(r).is_relative_to(k) or Path(k).is_relative_to(r) for k in known.roots)
    ]
    if within or any(s.uid in uids for s in found.series()):
        return rescan(outermost([Path(r) for r in (*known.roots, *found.roots)]))
    studies = list(known.studies)
    for study in found.studies:
        _add(studies, study)
    return Scan(
        _all_roots(known, found),
        tuple(studies),
        (*known.findings, *found.findings),
        known.files + found.files,
    )


def _add(studies: list[Study], study: Study) -> None:
    for n, other in enumerate(studies):
        if study.uid is not None and (other.uid, other.patient.id) == (study.uid, study.patient.id):
            studies[n] = replace(other, series=(*other.series, *study.series))
            return
    studies.append(study)


def _all_roots(known: Scan, found: Scan) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*known.roots, *found.roots)))


def outermost(paths: Iterable[Path]) -> list[Path]:
    """Drop paths that lie within others, and repeats; the order is kept."""
    unique = list(dict.fromkeys(paths))
    return [p for p in unique if not any(q != p and p.is_relative_to(q) for q in unique)]


def first_folder(paths: Sequence[Path]) -> Path | None:
    """Find a part of what is to be scanned that is worth showing before the rest.

    Returns
    -------
    Path or None
        The first folder that holds files of its own; None where that is everything, or too much.
    """
    if not paths:
        return None
    root = paths[0]
    if not root.is_dir():
        return root if len(paths) > 1 else None
    for n, (folder, folders, files) in enumerate(os.walk(root)):
        folders.sort()
        if files and Path(folder) != root:
            return Path(folder) if len(files) <= EARLY_FILES else None
        if n >= EARLY_FOLDERS:
            break
    return None
