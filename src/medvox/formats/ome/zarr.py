"""OME-Zarr (NGFF 0.4 on Zarr 2, 0.5 on Zarr 3): a folder, read chunk by chunk, written with a pyramid."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from medvox.core.axes import SPATIAL, TIME
from medvox.core.errors import FormatError, MedvoxError
from medvox.core.finding import Finding, Level
from medvox.core.grid import Grid
from medvox.core.progress import Progress, silent
from medvox.core.study import HeaderElement, Image
from medvox.core.volume import Volume
from medvox.formats.base import Format, Head, WriteReport
from medvox.formats.content import Content
from medvox.formats.files import check_claim
from medvox.formats.ome.array import ShownArray, open_array
from medvox.formats.ome.ngff import SPACE, Multiscale, affine_mm, attributes, multiscales
from medvox.formats.ome.zarr_write import write_image
from medvox.formats.text_header import grid_or_pixels


@dataclass(frozen=True, slots=True)
class OmeZarrFormat(Format):
    """OME-Zarr; of a pyramid the largest level is read, labels are images of their own.

    Parameters
    ----------
    version
        NGFF that is written: ``"0.5"`` on Zarr 3, or ``"0.4"`` on Zarr 2, which older programs read.
    """

    name: ClassVar[str] = "OME-Zarr"
    suffixes: ClassVar[tuple[str, ...]] = (".ome.zarr", ".zarr")
    writes: ClassVar[bool] = True
    holds: ClassVar[str] = "NGFF 0.1 to 0.5, labels; chunks, shards; all types; spacing, translation, times"
    lossy: ClassVar[str] = "orientation, place in the patient, unit of the values, modality, windows"

    version: Literal["0.4", "0.5"] = "0.5"

    def sniff(self, head: Head) -> float:
        """Look for the attributes of OME in a folder."""
        if not head.folder:
            return 0.0
        try:
            said = attributes(head.path)
        except MedvoxError:
            return 0.4
        known = any(name in said for name in ("multiscales", "bioformats2raw.layout", "plate", "well"))
        return 1.0 if known else 0.0

    def images(self, path: Path) -> tuple[Image, ...]:
        """Read the metadata; chunks are read when values are asked for."""
        found = multiscales(path)
        if not found:
            raise FormatError("there is no image in the folder", where=path, expected="multiscales")
        return tuple(_content(path, image, len(found)).image() for image in found)

    def header(self, path: Path) -> tuple[HeaderElement, ...]:
        """Version, axes, scale and levels of each image."""
        lines = []
        for number, image in enumerate(multiscales(path), start=1):
            level = open_array(image.paths[0])
            facts = {
                "version": image.version,
                "name": image.name,
                "axes": ", ".join(axis.name for axis in image.axes),
                "scale": ", ".join(f"{v:g}" for v in image.scale),
                "translation": ", ".join(f"{v:g}" for v in image.translation),
                "levels": ", ".join(folder.name for folder in image.paths),
                "shape": str(level.shape),
                "chunks": str(level.chunk),
                "type": str(level.dtype),
            }
            lines += [HeaderElement(f"image {number}", "NGFF", name, text) for name, text in facts.items()]
        return tuple(lines)

    def write(self, volume: Volume, path: Path, progress: Progress = silent) -> WriteReport:
        """Write a folder with the values and smaller levels, each half as fine; complete or not at all.

        Raises
        ------
        UnsupportedError
            If there are more axes than time, one other, k, j and i.
        """
        return WriteReport((path,), tuple(write_image(volume, path, self.version, progress)))


def _content(path: Path, image: Multiscale, count: int) -> Content:
    level = open_array(image.paths[0])
    if len(level.shape) != len(image.axes):
        raise FormatError("axes do not fit the array", where=image.folder, got=len(level.shape))
    check_claim(image.paths[0], level.nbytes, None, "the shape of the array")
    places = {axis.name: n for n, axis in enumerate(image.axes)}
    lead = [axis.name for axis in image.axes if axis.name not in SPATIAL]
    shown = ShownArray(level, tuple(places.get(name) for name in (*lead, *SPATIAL)))
    grid, findings = _grid(image, (shown.shape[-3], shown.shape[-2], shown.shape[-1]))
    inner = image.folder.relative_to(path) if image.folder != path else Path()
    label = " ".join(text for text in (path.name, str(inner) if inner.parts else "") if text)
    return Content(
        path=path,
        grid=grid,
        array=lambda: shown,
        axes=(*lead, *SPATIAL),
        lead_shape=shown.shape[:-3],
        label=label if count > 1 else "",
        coordinates=_times(image, level.shape),
        findings=findings,
        facts=(("NGFF version", image.version), ("levels", str(len(image.paths)))),
    )


def _grid(image: Multiscale, shape: tuple[int, int, int]) -> tuple[Grid, tuple[Finding, ...]]:
    matrix = affine_mm(image)
    where = str(image.folder)
    if matrix is None:
        text = "the axes have no unit of length: distances are in pixels"
        return Grid.pixels(shape), (Finding("no-spacing", Level.WARNING, where, text),)
    grid, findings = grid_or_pixels(shape, matrix, SPACE, image.folder)
    text = "spacing taken from the scale of the axes; the place in the patient is not known"
    return grid, (*findings, Finding("spacing-assumed", Level.INFO, where, text))


def _times(image: Multiscale, shape: tuple[int, ...]) -> dict[str, tuple[float, ...]]:
    for n, axis in enumerate(image.axes):
        if axis.name == TIME and axis.unit is not None and image.scale[n] > 0:
            start, step = image.translation[n] * axis.unit, image.scale[n] * axis.unit
            return {TIME: tuple(start + step * at for at in range(shape[n]))}
    return {}
