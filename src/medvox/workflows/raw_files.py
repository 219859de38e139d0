"""Raw files: proposals with pictures, descriptions written beside them, scans of described ones."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import UsageError
from medvox.core.progress import Progress, silent
from medvox.core.study import Scan
from medvox.formats.atomic import atomic_file
from medvox.formats.raw import RawDescription, RawFormat
from medvox.formats.raw.propose import Proposal
from medvox.formats.raw.propose import propose as propose_shapes
from medvox.rendering.annotate import draw_text
from medvox.rendering.picture import Picture
from medvox.rendering.resize import shrink
from medvox.workflows.open_folder import scan

TILE = 320
"""Side of one proposal's picture on the sheet."""
_TEXT = 12
_ACROSS = 4


def propose(
    path: Path, sheet: Path | None = None, most: int = 8, progress: Progress = silent
) -> tuple[Proposal, ...]:
    """Propose sizes and types of a raw file, and draw the middle slice of each.

    Parameters
    ----------
    sheet
        Picture to write (.png), the proposals row by row with their numbers; None: none is written.

    Returns
    -------
    tuple of Proposal
        The likeliest first.
    """
    found = propose_shapes(path, most, progress)
    if sheet is not None and found:
        contact_sheet(path, found).save(sheet, "png")
    return found


def contact_sheet(path: Path, proposals: Sequence[Proposal]) -> Picture:
    """Draw the middle slice of each proposal, numbered from 1."""
    across = min(_ACROSS, len(proposals))
    down = -(-len(proposals) // across)
    height = TILE + 2 * _TEXT + 12
    sheet = np.zeros((down * height, across * TILE), np.uint8)
    for n, proposal in enumerate(proposals):
        top, left = n // across * height, n % across * TILE
        middle = _middle(path, proposal.description)
        larger = max(1, TILE // max(middle.shape))
        picture = shrink(Picture(middle.repeat(larger, 0).repeat(larger, 1)), TILE).pixels
        gray = picture if picture.ndim == 2 else picture.mean(axis=2).astype(np.uint8)
        at = left + (TILE - gray.shape[1]) // 2
        sheet[top : top + gray.shape[0], at : at + gray.shape[1]] = gray
        d = proposal.description
        sizes = " x ".join(str(s) for s in (d.sizes["columns"], d.sizes["rows"], d.sizes["slices"]))
        kind = f"{d.type} {d.byte_order} offset {d.offset_bytes}"
        for line, text in enumerate((f"{n + 1}: {sizes}", kind)):
            draw_text(sheet, text, (left + 4, top + TILE + 4 + line * (_TEXT + 4)), _TEXT)
    return Picture(sheet)


def _middle(path: Path, description: RawDescription) -> NDArray[np.uint8]:
    """Middle slice as gray, black to white over its 1st to 99th percentile."""
    (image,) = RawFormat(description).images(path)
    values = np.asarray(image.open().slice_values(description.shape[0] // 2), np.float64)
    gray = values.mean(axis=0) if values.ndim == 3 else values
    gray = np.nan_to_num(gray, posinf=0, neginf=0)
    low, high = np.percentile(gray, (1, 99))
    scaled = (gray - low) / (high - low if high > low else 1.0)
    pixels: NDArray[np.uint8] = (np.clip(scaled, 0, 1) * 255).astype(np.uint8)
    return pixels


def describe(path: Path, text: str, overwrite: bool = False) -> Path:
    """Write the description of a raw file beside it, as NAME.json, after opening the file with it.

    Parameters
    ----------
    text
        As for ``--raw``.

    Raises
    ------
    UsageError
        If a description is there already, or the text makes none.
    FormatError
        If the file is not as described.
    """
    beside = path.with_name(path.name + ".json")
    if beside.exists() and not overwrite:
        raise UsageError(
            "a description is there already", where=beside, advice="Add --overwrite to replace it"
        )
    description = RawDescription.from_text(text)
    RawFormat(description).images(path)
    with atomic_file(beside) as file:
        said = {"raw_image": 1, "file": path.name, **description.names()}
        file.write(json.dumps(said, indent=1).encode("utf-8"))
    return beside


def scan_described(
    paths: Sequence[str | Path], text: str | None, described: Collection[Path], progress: Progress = silent
) -> Scan:
    """Scan paths; those of `described` are raw files as `text` says, the others whatever they are.

    Raises
    ------
    UsageError
        If the text makes no description.
    """
    if text is None:
        return scan(paths, progress=progress)
    raw = [path for path in map(Path, paths) if path in described]
    others = [path for path in map(Path, paths) if path not in described]
    scans = [scan(others, progress=progress)] if others else []
    scans += [scan(raw, raw=text, progress=progress)] if raw else []
    return Scan(
        roots=tuple(root for one in scans for root in one.roots),
        studies=tuple(study for one in scans for study in one.studies),
        findings=tuple(finding for one in scans for finding in one.findings),
        files=sum(one.files for one in scans),
    )
