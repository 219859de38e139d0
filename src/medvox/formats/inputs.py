"""Inputs: the real local files under the paths that a user names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medvox.core.errors import MissingError
from medvox.core.finding import Finding
from medvox.core.progress import Progress, silent


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file to look at.

    Parameters
    ----------
    path
        Where it is on disk.
    name
        What people call it: relative to the opened root, ``"a.zip!/inner/x.dcm"`` for members of archives.
    size
        Bytes.
    """

    path: Path
    name: str
    size: int


def find_inputs(roots: Sequence[Path], progress: Progress = silent) -> tuple[list[InputFile], list[Finding]]:
    """Find all files under `roots`."""
    files = []
    for root in roots:
        if not root.exists():
            raise MissingError("no such file or folder", where=root)
        for path in [root] if root.is_file() else sorted(p for p in root.rglob("*") if p.is_file()):
            name = path.name if path == root else str(path.relative_to(root))
            files.append(InputFile(path, name, path.stat().st_size))
    return files, []
