"""OME-TIFF: TIFF with OME-XML in the first ImageDescription (OME-TIFF specification 6)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from medvox.core.axes import CHANNEL, SPATIAL, TIME
from medvox.core.errors import FormatError, MedvoxError, TruncatedError, UnsupportedError
from medvox.core.grid import Space
from medvox.core.progress import Progress, silent
from medvox.core.study import HeaderElement, Image
from medvox.core.volume import Volume
from medvox.formats.base import Head, WriteReport
from medvox.formats.files import reading
from medvox.formats.losses import common_losses, even_step, place_losses
from medvox.formats.ome.xml import OmeImage, parse
from medvox.formats.stored import stored_values
from medvox.formats.tiff import TiffFormat, read
from medvox.formats.tiff.directory import read_directories
from medvox.formats.tiff.format import MAGIC, save
from medvox.formats.tiff.scale import Scale
from medvox.formats.tiff.write import Pages, arranged, is_rgb, letters

_TYPES = frozenset(("u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8"))
_DESCRIPTION = 270
_START = 4096


@dataclass(frozen=True, slots=True)
class OmeTiffFormat(TiffFormat):
    """OME-TIFF in one file; of a pyramid the largest level is read."""

    name: ClassVar[str] = "OME-TIFF"
    suffixes: ClassVar[tuple[str, ...]] = (".ome.tif", ".ome.tiff", ".ome.tf2", ".ome.tf8", ".ome.btf")
    written_suffixes: ClassVar[tuple[str, ...]] = (".ome.tif", ".ome.tiff", ".ome.btf")
    holds: ClassVar[str] = "8 to 32 bits, float; several images, pyramids (level 0); spacing, times, channels"
    lossy: ClassVar[str] = "place in the patient, unit of the values, modality, windows; 64-bit integers"

    def sniff(self, head: Head) -> float:
        """Look for OME-XML in the description of the first page."""
        if not head.first.startswith(MAGIC) or head.gzipped or head.first[128:132] == b"DICM":
            return 0.0
        return 0.95 if _is_ome(_description(head.path, _START)) else 0.0

    def images(self, path: Path) -> tuple[Image, ...]:
        """Read OME-XML and directories; one image for each Image element.

        Raises
        ------
        UnsupportedError
            If the XML or planes are in other files.
        """
        return tuple(content.image() for content in read.contents(path, _describer(path)))

    def header(self, path: Path) -> tuple[HeaderElement, ...]:
        """What OME-XML says of each image, and the tags of its first page."""
        lines = []
        for number, image in enumerate(parse(_description(path), path)):
            lines += [HeaderElement(f"image {number + 1}", "OME-XML", *line) for line in image.lines()]
        return (*lines, *super(OmeTiffFormat, self).header(path))

    def write(self, volume: Volume, path: Path, progress: Progress = silent) -> WriteReport:
        """Write one image with OME-XML; colour as samples, other channels as C, BigTIFF above 4 GB.

        Raises
        ------
        UnsupportedError
            If there are axes but time, channel, k, j and i.
        """
        strange = set(volume.axes) - {TIME, CHANNEL, *SPATIAL}
        if strange:
            raise UnsupportedError(
                "OME-TIFF holds time, channels, slices, rows and columns",
                where=path,
                got=", ".join(sorted(strange)),
                advice="Write one position at a time (volume.at)",
            )
        stored = stored_values(volume, _accepted, progress, keeps_rescale=False)
        rgb = is_rgb(volume, stored.values.dtype)
        order = [name for name in (TIME, CHANNEL) if name in volume.axes and not (rgb and name == CHANNEL)]
        order += [*SPATIAL, *([CHANNEL] if rgb else [])]
        named = letters(volume, rgb)
        metadata = {"axes": "".join(named[name] for name in order), "Name": "medvox", **_facts(volume)}
        options: dict[str, Any] = {
            "ome": True,
            "metadata": metadata,
            "photometric": "rgb" if rgb else "minisblack",
        }
        if rgb:
            options["planarconfig"] = "contig"
        save(Pages(arranged(volume, stored.values, order), options), path, self.compression, progress)
        keeps = ["times"] + (["space"] if volume.grid.space in (Space.LOCAL, Space.PIXEL) else [])
        losses = (*common_losses(volume, keeps), *place_losses(volume.grid), *stored.losses)
        return WriteReport((path,), losses)


def _facts(volume: Volume) -> dict[str, Any]:
    """Physical sizes in mm and times in seconds, as tifffile takes them."""
    facts: dict[str, Any] = {}
    if volume.grid.space is not Space.PIXEL:
        for letter, spacing in zip("ZYX", volume.grid.spacing_mm, strict=True):
            facts |= {f"PhysicalSize{letter}": spacing, f"PhysicalSize{letter}Unit": "mm"}
    even = even_step(volume)
    if even is not None and even[0] == 0:
        return facts | {"TimeIncrement": even[1], "TimeIncrementUnit": "s"}
    times = volume.coordinates.get(TIME)
    if times:
        rgb = is_rgb(volume, volume.dtype)
        planes = volume.grid.shape[0] * (1 if rgb else volume.channels)
        facts["Plane"] = {
            "DeltaT": np.repeat(times, planes).tolist(),
            "DeltaTUnit": ["s"] * planes * len(times),
        }
    return facts


def _accepted(dtype: np.dtype[Any]) -> np.dtype[Any] | None:
    return dtype.newbyteorder("=") if dtype.str[1:] in _TYPES else None


# -- reading ------------------------------------------------------------------------------------


def _description(path: Path, most: int | None = None) -> str:
    """ImageDescription of the first page, at most so many bytes; empty where there is none."""
    try:
        directories, size = read_directories(path, most=1)
        kind, count, field = (
            directories[0].entries.get(_DESCRIPTION, (0, 0, b"")) if directories else (0, 0, b"")
        )
        if kind not in (1, 2, 7) or count <= len(field):
            return ""
        with reading(path) as file:
            file.seek(min(int.from_bytes(field, "little" if directories[0].order == "<" else "big"), size))
            raw = file.read(min(count, most or count, size))
    except MedvoxError:
        return ""
    return raw.decode("utf-8", "replace").strip("\0 \r\n\t")


def _is_ome(text: str) -> bool:
    return text.startswith("<") and ("<OME" in text or ":OME" in text)


def _describer(path: Path) -> Callable[[Any, int], Scale]:
    """Return what tells the scale of each series from OME-XML."""
    text = _description(path)
    if not _is_ome(text):
        raise FormatError("there is no OME-XML in the file", where=path)
    images = parse(text, path)

    def describe(tif: Any, number: int) -> Scale:
        series = tif.series[number]
        image = _image_of(images, series, number, path)
        missing = sum(page is None for page in series.pages)
        if missing:
            raise TruncatedError("planes are missing", where=path, got=f"{missing} of {len(series.pages)}")
        facts = [(f"OME {name}", value) for name, value in image.lines()]
        if len(series.levels) > 1:
            facts.append(("OME levels", ", ".join(str(level.shape) for level in series.levels)))
        return Scale(
            image.spacing_mm,
            "OME-XML",
            step_s=image.step_s,
            times_s=image.times_s,
            label=image.name if len(images) > 1 else "",
            facts=tuple(facts),
        )

    return describe


def _image_of(images: list[OmeImage], series: Any, number: int, path: Path) -> OmeImage:
    """Image element of a series: that of its number, whose sizes must be those of the pages."""
    if number >= len(images) or series.kind != "ome":
        raise FormatError("pages and OME-XML do not fit together", where=path, got=f"series {number + 1}")
    sizes = dict(zip(series.axes, (int(n) for n in series.shape), strict=True))
    said = images[number].sizes
    differ = [letter for letter in "XYZT" if sizes.get(letter, 1) != said[letter]]
    if set(sizes) - set("XYZCTS"):  # axes within axes (Modulo annotations): as many planes, otherwise named
        differ = []
    if differ or math.prod(sizes.values()) != math.prod(said.values()):
        text = "the sizes in OME-XML are not those of the pages"
        raise FormatError(text, where=path, got=sizes, expected=dict(said))
    return images[number]
