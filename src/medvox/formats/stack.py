"""Numbered picture files of one folder as one stack: ``slice_001.png`` and so on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from medvox.core import affine as aff
from medvox.core import settings
from medvox.core.axes import CHANNEL, SPATIAL
from medvox.core.errors import MedvoxError, UsageError
from medvox.core.finding import Finding, Level
from medvox.core.grid import Grid, Space
from medvox.core.lazy import FrameArray
from medvox.core.progress import Progress, silent, track
from medvox.core.study import Image
from medvox.formats.content import Content
from medvox.formats.inputs import natural_key
from medvox.formats.picture.facts import SLICE_DISTANCE
from medvox.formats.picture.png_stack import MANY_BYTES, PngStack
from medvox.formats.registry import detect

AnyArray = NDArray[Any]
SpacingMm = tuple[float, float, float]

PICTURE_FORMATS = frozenset(("PNG", "JPEG", "JPEG 2000", "BMP", "GIF", "PNM", "WebP", "TIFF"))
"""Names of the formats whose files may be slices of a stack."""
_DIRECTION = np.eye(3)[:, ::-1]


@dataclass(frozen=True, slots=True)
class _Member:
    """One numbered file."""

    path: Path
    number: int


class Stacks(NamedTuple):
    """What became of some files.

    Parameters
    ----------
    images
        The stacks; their `instances` name the files in slice order.
    left
        Files that belong to no stack, in natural order, to be opened as themselves.
    findings
        Why numbered files were not joined, or could not be read.
    """

    images: tuple[Image, ...]
    left: Sequence[Path]
    findings: tuple[Finding, ...]


def stack_images(files: Sequence[Path], spacing_mm: SpacingMm | None = None) -> Stacks:
    """Join numbered files to stacks.

    Files belong together when they lie in one folder, their names differ in the last number only, and they
    are of one format, size and colour. A gap in the numbering is a Finding; nothing is put in its place.

    Parameters
    ----------
    files
        Files of `PICTURE_FORMATS`; those with several slices or images are left.
    spacing_mm
        Distances along (k, j, i) of the stacks; without them a stack is in pixels, and a Finding asks for
        them.

    Raises
    ------
    UsageError
        If the spacing is not three positive numbers.
    """
    spacing = None if spacing_mm is None else _checked(spacing_mm)
    groups: dict[tuple[str, str, str, str], list[_Member]] = {}
    left: list[Path] = []
    for path in files:
        match = re.search(r"(\d+)(\D*)$", path.stem)
        if match is None:
            left.append(path)
            continue
        key = (str(path.parent), path.stem[: match.start()], match.group(2), path.suffix.lower())
        groups.setdefault(key, []).append(_Member(path, int(match.group(1))))
    images, findings = [], []
    for members in groups.values():
        stack, notes = _join(sorted(members, key=lambda m: (m.number, m.path.name)), spacing)
        images += [stack] if stack else []
        left += [] if stack else [m.path for m in members]
        findings += notes
    in_order = sorted(left, key=lambda path: natural_key(str(path)))
    return Stacks(tuple(images), tuple(in_order), tuple(findings))


def _checked(spacing_mm: SpacingMm) -> SpacingMm:
    values = np.asarray(spacing_mm, dtype=float)
    if values.shape != (3,) or not np.isfinite(values).all() or (values <= 0).any():
        raise UsageError(
            "the spacing of a stack is not usable",
            got=spacing_mm,
            expected="three positive numbers in mm: slice distance, row distance, column distance",
        )
    return float(values[0]), float(values[1]), float(values[2])


def _join(members: list[_Member], spacing: SpacingMm | None) -> tuple[Image | None, list[Finding]]:
    if len(members) == 1:
        return None, []
    where = str(members[0].path.parent)
    try:
        form = detect(members[0].path)
        found = [form.images(m.path) for m in members]
    except MedvoxError as error:
        text = f"one of {len(members)} numbered files cannot be read, they are not joined: {error.what}"
        return None, [Finding("irregular-stack", Level.WARNING, str(error.where or where), text)]
    if any(len(images) != 1 or images[0].grid.shape[0] != 1 or _over_time(images[0]) for images in found):
        return None, []
    singles = [images[0] for images in found]
    numbers = [m.number for m in members]
    if len({(image.shape, image.axes) for image in singles}) > 1 or len(set(numbers)) < len(numbers):
        why = "nothing but leading zeros" if len(set(numbers)) < len(numbers) else "size or colour"
        text = f"{len(members)} numbered files differ in {why}: they are not joined"
        return None, [Finding("irregular-stack", Level.WARNING, where, text)]
    return _stack(members, singles, spacing, form.name), []


def _over_time(image: Image) -> bool:
    return bool(set(image.axes[:-3]) - {CHANNEL})


def _stack(
    members: list[_Member], singles: list[Image], spacing: SpacingMm | None, format_name: str
) -> Image:
    first, example = members[0], singles[0]
    rows, columns = example.grid.shape[1:]
    shape = (len(members), rows, columns)
    where = str(first.path.parent)
    findings = _gaps([m.number for m in members], where)
    told = None if spacing else _told_spacing(singles)
    if told is not None:
        text = "spacing taken from a text in the files; the place in the patient is not known"
        findings.append(Finding("spacing-assumed", Level.INFO, where, text))
    if spacing is None and told is None:
        grid = Grid.pixels(shape)
        text = "pictures have no spacing: state slice, row and column distance in mm to measure in this stack"
        findings.append(Finding("no-spacing", Level.WARNING, where, text))
    else:
        grid = Grid(shape, aff.compose(spacing or told or (), _DIRECTION, (0, 0, 0)), space=Space.LOCAL)
    known = {note.code for note in findings} | {"no-spacing", "spacing-assumed"}
    findings += [note for note in example.findings if note.code not in known]
    colour = CHANNEL in example.axes
    channels = example.shape[:1] if colour else ()
    dtype = example.open().dtype
    reader = _Files(tuple(singles), format_name)
    frame = (rows, columns, *channels)
    name = f"{first.path.name} to {members[-1].path.name}"
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


def _told_spacing(singles: list[Image]) -> SpacingMm | None:
    """Spacing that every file tells, the slice distance too; None where one does not or they differ."""
    told = {image.grid.spacing_mm for image in singles if SLICE_DISTANCE in dict(image.facts)}
    known = len(told) == 1 and all(SLICE_DISTANCE in dict(image.facts) for image in singles)
    return told.pop() if known else None


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

    def __init__(self, images: tuple[Image, ...], format_name: str) -> None:
        self.images, self.format_name = images, format_name

    def __call__(self, frames: Sequence[int], out: AnyArray, progress: Progress = silent) -> None:
        """Read frames in threads."""
        pngs = PngStack() if self.format_name == "PNG" and out.nbytes >= MANY_BYTES else None

        def read(n: int) -> None:
            image = self.images[frames[n]]
            if pngs is not None and pngs.read_into(Path(image.instances[0].file), out[n]):
                return
            values = np.asarray(image.open().data)
            out[n] = values[0] if values.ndim == 3 else np.moveaxis(values[:, 0], 0, -1)

        with ThreadPoolExecutor(settings.current().threads) as pool:
            for _ in track(pool.map(read, range(len(frames))), progress, "Reading", len(frames)):
                pass
