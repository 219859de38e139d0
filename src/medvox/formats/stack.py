"""Numbered picture files of one folder as one stack: ``slice_001.png`` and so on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core import affine as aff
from medvox.core import settings
from medvox.core.axes import CHANNEL, SPATIAL
from medvox.core.errors import UsageError
from medvox.core.finding import Finding, Level
from medvox.core.grid import Grid, Space
from medvox.core.lazy import FrameArray
from medvox.core.progress import Progress, silent, track
from medvox.core.study import Image
from medvox.formats.content import Content
from medvox.formats.registry import detect

AnyArray = NDArray[Any]
SpacingMm = tuple[float, float, float]

_DIRECTION = np.eye(3)[:, ::-1]


@dataclass(frozen=True, slots=True)
class _Member:
    """One file of a stack: the text around its number, the number, and its only image."""

    path: Path
    key: tuple[str, str, str]
    number: int
    image: Image


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key that takes digits as numbers: slice2 before slice10.

    Examples
    --------
    >>> sorted(["s10.png", "s2.png", "S1.png"], key=natural_key)
    ['S1.png', 's2.png', 's10.png']
    """
    words = re.split(r"(\d+)", name.lower())
    return [(0, int(word), "") if word.isdecimal() else (1, 0, word) for word in words if word]


def stack_images(files: Sequence[Path], spacing_mm: SpacingMm | None = None) -> tuple[Image, ...]:
    """Join numbered files to stacks; files that belong to none remain images of their own.

    Files belong together when they lie in one folder, their names differ in the last number only, and they
    are of one format, size and colour. A gap in the numbering is a Finding; nothing is put in its place.

    Parameters
    ----------
    files
        Files of formats with one picture each; others are opened and passed on as they are.
    spacing_mm
        Distances along (k, j, i) of the stacks; without them a stack is in pixels, and a Finding asks for
        them.

    Raises
    ------
    UsageError
        If the spacing is not three positive numbers.
    MedvoxError
        If a file cannot be read.
    """
    spacing = None if spacing_mm is None else _checked(spacing_mm)
    groups: dict[tuple[str, str, str], list[_Member]] = {}
    alone: list[tuple[Path, Image]] = []
    for path in sorted(files, key=lambda p: natural_key(str(p))):
        form = detect(path)
        images = form.images(path)
        match = re.search(r"(\d+)(\D*)$", path.stem)
        if len(images) == 1 and images[0].grid.shape[0] == 1 and len(images[0].axes) <= 4 and match:
            key = (str(path.parent), f"{path.stem[: match.start()]}|{match.group(2)}", form.name)
            groups.setdefault(key, []).append(_Member(path, key, int(match.group(1)), images[0]))
        else:
            alone += [(path, image) for image in images]
    found: list[tuple[Path, Image]] = alone
    for members in groups.values():
        found += [(members[0].path, image) for image in _join(members, spacing)]
    return tuple(image for _, image in sorted(found, key=lambda pair: natural_key(str(pair[0]))))


def _checked(spacing_mm: SpacingMm) -> SpacingMm:
    values = np.asarray(spacing_mm, dtype=float)
    if values.shape != (3,) or not np.isfinite(values).all() or (values <= 0).any():
        raise UsageError(
            "the spacing of a stack is not usable",
            got=spacing_mm,
            expected="three positive numbers in mm: slice distance, row distance, column distance",
        )
    return float(values[0]), float(values[1]), float(values[2])


def _join(members: list[_Member], spacing: SpacingMm | None) -> list[Image]:
    if len(members) == 1:
        return [members[0].image]
    kinds = {(m.image.shape, m.image.axes) for m in members}
    numbers = [m.number for m in members]
    if len(kinds) > 1 or len(set(numbers)) < len(numbers):
        why = "size or colour" if len(kinds) > 1 else "nothing but leading zeros"
        text = f"{len(members)} numbered files differ in {why}: they are not joined"
        note = Finding("irregular-stack", Level.WARNING, str(members[0].path.parent), text)
        return [replace(m.image, findings=(*m.image.findings, note)) for m in members]
    return [_stack(members, spacing)]


def _stack(members: list[_Member], spacing: SpacingMm | None) -> Image:
    first = members[0]
    rows, columns = first.image.grid.shape[1:]
    shape = (len(members), rows, columns)
    where = str(first.path.parent)
    findings = _gaps([m.number for m in members], where)
    if spacing is None:
        grid = Grid.pixels(shape)
        text = "pictures have no spacing: state slice, row and column distance in mm to measure in this stack"
        findings.append(Finding("no-spacing", Level.WARNING, where, text))
    else:
        grid = Grid(shape, aff.compose(spacing, _DIRECTION, (0, 0, 0)), space=Space.LOCAL)
    known = {note.code for note in findings} | {"no-spacing", "spacing-assumed"}
    findings += [note for note in first.image.findings if note.code not in known]
    colour = CHANNEL in first.image.axes
    channels = first.image.shape[:1] if colour else ()
    dtype = first.image.open().dtype
    reader = _Files(tuple(m.image for m in members))
    frame = (rows, columns, *channels)
    prefix, _, suffix = first.key[1].partition("|")
    name = f"{prefix}{first.number}-{members[-1].number}{suffix}{first.path.suffix}"
    return Content(
        path=first.path,
        grid=grid,
        array=lambda: FrameArray((shape[0],), frame, dtype, reader),
        axes=((CHANNEL,) if colour else ()) + SPATIAL,
        lead_shape=channels,
        label=name,
        findings=tuple(findings),
        files=tuple(m.path for m in members),
    ).image()


def _gaps(numbers: list[int], where: str) -> list[Finding]:
    """Report numbers that are left out, taking the smallest step as the usual one."""
    steps = np.diff(numbers)
    usual = int(steps.min())
    if bool((steps == usual).all()):
        return []
    missing = [
        n
        for low, step in zip(numbers, steps, strict=False)
        for n in range(low + usual, low + int(step), usual)
    ][:1000]
    listed = ", ".join(str(n) for n in missing[:20]) + (" …" if len(missing) > 20 else "")
    text = f"the numbering has gaps ({listed}): the slices that are there are joined without them"
    return [Finding("missing-slice", Level.WARNING, where, text)]


class _Files:
    """Reads one frame from each file; a `FrameReader`."""

    def __init__(self, images: tuple[Image, ...]) -> None:
        self.images = images

    def __call__(self, frames: Sequence[int], out: AnyArray, progress: Progress = silent) -> None:
        def read(n: int) -> None:
            values = np.asarray(self.images[frames[n]].open().data)
            out[n] = values[0] if values.ndim == 3 else np.moveaxis(values[:, 0], 0, -1)

        with ThreadPoolExecutor(settings.current().threads) as pool:
            for _ in track(pool.map(read, range(len(frames))), progress, "Reading", len(frames)):
                pass
