"""RAW files: found by their description, or described by the caller; never guessed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from medvox.core.axes import CHANNEL, SPATIAL, reverse_index_order
from medvox.core.errors import FormatError, GeometryError, MedvoxError, UnsupportedError
from medvox.core.finding import Finding, Level
from medvox.core.grid import Grid, Space
from medvox.core.lazy import LazyArray, as_array
from medvox.core.progress import Progress, silent
from medvox.core.rescale import IDENTITY
from medvox.core.study import HeaderElement, Image
from medvox.core.volume import Volume
from medvox.formats.atomic import atomic_file
from medvox.formats.base import Format, Head, WriteReport
from medvox.formats.content import Content
from medvox.formats.files import read_bytes, size_of
from medvox.formats.losses import common_losses
from medvox.formats.raw.description import AXES, SPACES, TYPES, RawDescription, looks_like_description
from medvox.formats.stored import Stored, stored_values
from medvox.formats.text_header import file_beside, grid_or_pixels
from medvox.formats.values.block import Block, kept
from medvox.formats.values.compression import Container

AnyArray = NDArray[Any]
_STEM_SUFFIXES = (".raw", ".bin", ".dat", ".vol", ".img")
"""Files whose description may have their name without the suffix: ``x.raw`` and ``x.json``."""
_KEPT = (
    "unit", "space", "modality", "meaning", "frame_of_reference", "slice_origins", "slice_rescale",
    "axis_names", "times", "windows",
)  # fmt: skip
_HELP = (
    "say what it holds by --raw, put a description beside it (NAME.raw.json), "
    "or let 'medvox raw propose' look for one"
)


@dataclass(frozen=True, slots=True)
class RawFormat(Format):
    """Raw values.

    Parameters
    ----------
    description
        What the files hold; None: each has a description beside it.
    """

    name: ClassVar[str] = "RAW"
    suffixes: ClassVar[tuple[str, ...]] = (".raw", ".raw.json", ".raw.toml")
    writes: ClassVar[bool] = True
    written_suffixes: ClassVar[tuple[str, ...]] = (".raw",)
    holds: ClassVar[str] = (
        "values with a description beside them that says everything else; any axes and types"
    )
    lossy: ClassVar[str] = "which instance each slice came from"

    description: RawDescription | None = None

    def sniff(self, head: Head) -> float:
        """Know a description by its content, and a raw file by the description beside it."""
        if head.folder or head.gzipped:
            return 0.0
        sure = looks_like_description(head.first)
        if sure:
            return sure
        if self.description is not None or _description_beside(head.path) is not None:
            return 0.9
        return 0.2 if head.suffix_text.endswith(".raw") else 0.0

    def images(self, path: Path) -> tuple[Image, ...]:
        """Read the description; one image."""
        return (_content(*self._found(path)),)

    def header(self, path: Path) -> tuple[HeaderElement, ...]:
        """Return the description, name by name."""
        description, values = self._found(path)
        return (
            HeaderElement("file", "text", "", values.name),
            *(HeaderElement(n, "json", "", json.dumps(v)[:4000]) for n, v in description.names().items()),
        )

    def companions(self, path: Path) -> tuple[Path, ...]:
        """Return the raw file of a description."""
        if self.description is not None or not _is_description(path):
            return ()
        return (_described_file(path, RawDescription.from_file(read_bytes(path), path)),)

    def write(self, volume: Volume, path: Path, progress: Progress = silent) -> WriteReport:
        """Write the values in little-endian order, and NAME.json beside them that says the rest."""
        values_path = path.with_suffix("") if path.name.lower().endswith(".raw.json") else path
        keeps = volume.rescale.table is None
        plain = replace(volume, rescale=IDENTITY) if keeps else volume
        stored = (
            Stored(as_array(volume.data, progress))
            if keeps and volume.dtype.name in TYPES
            else stored_values(plain, _accepted, progress)
        )
        names = tuple(name for name in volume.axes if name != CHANNEL)
        order = [*names, CHANNEL] if volume.is_colour else list(names)
        arranged = np.ascontiguousarray(stored.values.transpose([volume.axes.index(n) for n in order]))
        little = arranged.astype(arranged.dtype.newbyteorder("<"), copy=False)
        text = json.dumps(_described(volume, little, values_path.name, keeps), indent=1, ensure_ascii=False)
        beside = values_path.with_name(values_path.name + ".json")
        with atomic_file(values_path) as file, atomic_file(beside) as description:
            file.write(little.reshape(-1).view(np.uint8).data)
            description.write(text.encode("utf-8"))
        losses = [*common_losses(volume, _KEPT), *stored.losses]
        if volume.scalings:
            losses.append(
                f"The file does not hold the other scalings ({', '.join(sorted(volume.scalings))})."
            )
        return WriteReport((values_path, beside), tuple(losses))

    def _found(self, path: Path) -> tuple[RawDescription, Path]:
        """Description and raw file for either of them."""
        if self.description is not None:
            return self.description, path
        if _is_description(path):
            description = RawDescription.from_file(read_bytes(path), path)
            return description, _described_file(path, description)
        beside = _description_beside(path)
        if beside is None:
            raise FormatError(f"a raw file does not say what it holds: {_HELP}", where=path)
        return RawDescription.from_file(read_bytes(beside), beside), path


# -- finding --------------------------------------------------------------------------------------


def _is_description(path: Path) -> bool:
    return looks_like_description(read_bytes(path, 0, 1024)) > 0


def _description_beside(path: Path) -> Path | None:
    """Find the description of a raw file: x.raw.json, x.raw.toml, or x.json for the usual suffixes."""
    try:
        names = [f"{path.name}.json", f"{path.name}.toml"]
        if path.suffix.lower() in _STEM_SUFFIXES:
            names += [f"{path.stem}.json", f"{path.stem}.toml"]
        for name in names:
            beside = path.with_name(name)
            if beside.is_file() and _is_description(beside):
                return beside
    except (OSError, ValueError, MedvoxError):
        pass
    return None


def _described_file(path: Path, description: RawDescription) -> Path:
    """Raw file that a description is about: the one it names, else the one whose name it bears."""
    if description.file:
        return file_beside(path, description.file)
    for name in (path.stem, *(path.stem + suffix for suffix in _STEM_SUFFIXES)):
        found = path.with_name(name)
        if found != path and found.is_file():
            return found
    raise FormatError(
        "the description names no file and none beside it bears its name",
        where=path,
        expected='"file": "x.raw"',
    )


# -- reading --------------------------------------------------------------------------------------


def _content(description: RawDescription, path: Path) -> Image:
    grid, findings = _grid(description, path)
    names = description.stored_axes
    lead = [n for n in names if n not in ("slices", "rows", "columns", "channels")]
    channels = ["channels"] if "channels" in names else []
    sizes = {"slices": 1, **description.sizes}
    content = Content(
        path=path,
        grid=grid,
        array=_array(description, path, findings),
        axes=tuple(AXES.get(n, n) for n in (*lead, *channels)) + SPATIAL,
        lead_shape=tuple(sizes[n] for n in (*lead, *channels)),
        label=description.label,
        unit=description.unit,
        rescale=description.rescale,
        meaning=description.meaning,
        modality=description.modality,
        coordinates=description.positions,
        display=description.display,
        findings=tuple(findings),
    )
    return content.image()


def _grid(description: RawDescription, path: Path) -> tuple[Grid, list[Finding]]:
    shape = description.shape
    if description.affine is None and description.spacing_mm is None:
        text = "no spacing and no affine are described: distances are in pixels"
        return Grid.pixels(shape), [Finding("no-spacing", Level.WARNING, str(path), text)]
    if description.affine is not None:
        space = description.space or Space.PATIENT
        grid, notes = grid_or_pixels(shape, description.affine, space, path)
    else:
        matrix = np.eye(4)
        matrix[:3, :3] = np.eye(3)[:, ::-1] * np.asarray(description.spacing_mm)
        grid, notes = grid_or_pixels(shape, matrix, description.space or Space.LOCAL, path)
    findings = list(notes)
    if grid.space is Space.LOCAL and description.space is None:
        text = "no affine is described: the place in the patient is not known"
        findings.append(Finding("no-geometry", Level.INFO, str(path), text))
    try:
        grid = replace(
            grid,
            frame_of_reference=description.frame_of_reference,
            slice_origins_mm=None if notes else description.slice_origins_mm,
        )
    except GeometryError as error:
        raise FormatError(f"slice_origins_lps_mm: {error.what}", where=path) from error
    return grid, findings


def _array(description: RawDescription, path: Path, findings: list[Finding]) -> Any:
    """Make the maker of the lazy array: frame by frame where rows of columns lie together."""
    names = list(description.stored_axes)
    sizes = {"slices": 1, **description.sizes}
    interleaved = names[-1] == "channels"
    frame = names[-3:] if interleaved else names[-2:]
    planar = frame[:2] == ["rows", "columns"]
    shown = [n for n in names if n not in ("slices", "rows", "columns", "channels")]
    shown += [] if interleaved or "channels" not in names else ["channels"]
    shown += ["slices"]
    container = cast("Container | None", description.compression or None)
    if planar:
        stored = names[: len(names) - len(frame)]
        lead, order = tuple(sizes[n] for n in shown), tuple(shown.index(n) for n in stored)
        shape = tuple(sizes[n] for n in frame)
        block = Block(
            path, description.offset_bytes, lead, shape, description.dtype, container, stored_order=order
        )
    else:  # one long row, put into order once it is read
        count = tuple(sizes[n] for n in names)
        block = Block(
            path,
            description.offset_bytes,
            (1,),
            (1, int(np.prod(count, dtype=object))),
            description.dtype,
            container,
        )
    block.check("the description")
    if container is None:
        findings += _left_over(path, description.offset_bytes + block.nbytes)
    return block.array if planar else lambda: _turned(block, names, sizes)


def _turned(block: Block, names: list[str], sizes: dict[str, int]) -> LazyArray:
    lead = [n for n in names if n not in ("slices", "rows", "columns", "channels")]
    channels = ["channels"] if "channels" in names else []
    order = [*lead, *channels, "slices", "rows", "columns"]
    shape = tuple(sizes[n] for n in order)

    def load() -> AnyArray:
        values = np.asarray(block.array()).reshape([sizes[n] for n in names])
        return values.transpose([names.index(n) for n in order])

    return kept(shape, block.stored.newbyteorder("="), load)


def _left_over(path: Path, used: int) -> Iterator[Finding]:
    rest = size_of(path) - used
    if rest > 0:
        text = f"the file holds {rest} bytes more than the description asks for"
        yield Finding("wrong-pixel-length", Level.WARNING, str(path), text)


# -- writing --------------------------------------------------------------------------------------


def _accepted(dtype: np.dtype[Any]) -> np.dtype[Any] | None:
    return dtype if dtype.name in TYPES else None


def _described(volume: Volume, values: AnyArray, file: str, rescaled: bool) -> dict[str, Any]:
    """Everything that `RawDescription` reads back."""
    plural = {axis: name for name, axis in AXES.items()}
    sizes = {plural.get(n, n): size for n, size in zip(volume.axes, volume.shape, strict=True)}
    reserved = set(AXES) & set(volume.axes)
    if reserved:
        raise UnsupportedError("an axis bears a name that stands for another one", got=sorted(reserved))
    order = [plural.get(n, n) for n in volume.axes if n != CHANNEL] + ["channels"] * volume.is_colour
    grid = volume.grid
    said: dict[str, Any] = {"raw_image": 1, "file": file}
    said |= {name: sizes[name] for name in AXES if name in sizes}
    said |= {"type": values.dtype.name, "byte_order": "little", "offset_bytes": 0}
    others = {name: size for name, size in sizes.items() if name not in AXES}
    said |= {"other_axes": others} if others else {}
    said["stored_axes"] = order
    if grid.space is not Space.PIXEL or not _is_unit(grid):
        said["affine_lps_mm"] = reverse_index_order(grid.affine)[:3].tolist()
        said["space"] = SPACES[grid.space]
    if grid.slice_origins_mm is not None:
        said["slice_origins_lps_mm"] = grid.slice_origins_mm.tolist()
    if rescaled and not volume.rescale.is_identity:
        lead = (*volume.lead_shape, grid.shape[0])
        slope, intercept = volume.rescale.slope, volume.rescale.intercept
        said["slope"] = (np.broadcast_to(slope, lead) if slope.ndim else slope).tolist()
        said["intercept"] = (np.broadcast_to(intercept, lead) if intercept.ndim else intercept).tolist()
    texts = {"unit": volume.unit if volume.unit != "1" else "", "meaning": volume.meaning}
    texts |= {"modality": volume.modality or "", "frame_of_reference": grid.frame_of_reference or ""}
    said |= {name: text for name, text in texts.items() if text}
    if volume.coordinates:
        said["positions"] = {plural.get(n, n): list(v) for n, v in volume.coordinates.items()}
    return said | _shown(volume)


def _shown(volume: Volume) -> dict[str, Any]:
    display = volume.display
    said: dict[str, Any] = {}
    if display.windows:
        said["windows"] = [{"center": w.center, "width": w.width, "name": w.name} for w in display.windows]
    if display.inverted:
        said["inverted"] = True
    if display.voi_table:
        said["voi_table"] = [display.voi_table[0], *display.voi_table[1]]
    if display.frame_rate:
        said["frame_rate"] = display.frame_rate
    return said


def _is_unit(grid: Grid) -> bool:
    return bool(np.array_equal(grid.affine, Grid.pixels(grid.shape).affine))
