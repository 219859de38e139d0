"""TIFF through tifffile: single and multi-page, BigTIFF, ImageJ hyperstacks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from medvox.core.errors import UnsupportedError
from medvox.core.grid import Space
from medvox.core.progress import Progress, silent
from medvox.core.study import HeaderElement, Image
from medvox.core.volume import Volume
from medvox.formats.atomic import atomic_file
from medvox.formats.base import Format, Head, WriteReport, shortened
from medvox.formats.losses import common_losses, place_losses
from medvox.formats.stored import stored_values
from medvox.formats.tiff import read
from medvox.formats.tiff.directory import read_directories
from medvox.formats.tiff.write import Pages, pages

MAGIC = (b"II*\0", b"MM\0*", b"II+\0\x08\0\0\0", b"MM\0+\0\x08\0\0")
_TYPES = frozenset(("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"))
_PACKINGS = {"none": None, "deflate": "adobe_deflate", "zstd": "zstd"}
_PRIVATE = ("Artist", "HostComputer", "ImageDescription", "DocumentName")


@dataclass(frozen=True, slots=True)
class TiffFormat(Format):
    """TIFF; one image for each series of pages that belong together.

    Parameters
    ----------
    compression
        Of written values: ``"none"``, which every program reads and slices can be read from alone;
        ``"deflate"``; ``"zstd"``, which few programs read.
    """

    name: ClassVar[str] = "TIFF"
    suffixes: ClassVar[tuple[str, ...]] = (".tif", ".tiff", ".btf", ".tf8", ".lsm")
    writes: ClassVar[bool] = True
    written_suffixes: ClassVar[tuple[str, ...]] = (".tif", ".tiff", ".btf", ".tf8")
    holds: ClassVar[str] = "pages, BigTIFF, ImageJ hyperstacks; all types, colour, spacing and times"
    lossy: ClassVar[str] = "place in the patient, modality, windows; unit in ImageJ hyperstacks"

    compression: Literal["none", "deflate", "zstd"] = "none"

    def sniff(self, head: Head) -> float:
        """Look for byte order and version; formats built on TIFF may be surer than this."""
        return 0.8 if head.first.startswith(MAGIC) and not head.gzipped else 0.0

    def images(self, path: Path) -> tuple[Image, ...]:
        """Read the directories; values are read page by page."""
        return tuple(content.image() for content in read.contents(path))

    def header(self, path: Path) -> tuple[HeaderElement, ...]:
        """Tags of the first page of each series."""
        lines = []
        read_directories(path)
        with read.opened(path) as tif:
            for number, series in enumerate(tif.series):
                lines.append(
                    HeaderElement(f"series {number + 1}", series.kind, series.axes, str(series.shape))
                )
                for tag in series.keyframe.tags:
                    value = shortened(str(tag.value), 400)
                    private = tag.name in _PRIVATE
                    lines.append(HeaderElement(str(tag.code), tag.dtype_name, tag.name, value, 1, private))
        return tuple(lines)

    def write(self, volume: Volume, path: Path, progress: Progress = silent) -> WriteReport:
        """Write an ImageJ hyperstack where that holds type, axes and size; else pages with a description.

        Values are written as they are, BigTIFF above 4 GB.
        """
        stored = stored_values(volume, _accepted, progress, keeps_rescale=False)
        made = pages(volume, stored.values)
        keeps = ["space"] if volume.grid.space in (Space.LOCAL, Space.PIXEL) else []
        if "imagej" not in made.options:
            keeps += ["times", "unit"]
        elif made.even_times:
            keeps.append("times")
        save(made, path, self.compression, progress)
        losses = (*common_losses(volume, keeps), *place_losses(volume.grid), *stored.losses)
        return WriteReport((path,), losses)


def save(made: Pages, path: Path, compression: str, progress: Progress) -> None:
    """Hand pages to tifffile.

    Raises
    ------
    UnsupportedError
        If tifffile cannot hold them, or there is no such compression.
    """
    import tifffile

    if compression not in _PACKINGS:
        raise UnsupportedError("no such compression of TIFF", got=compression, expected=sorted(_PACKINGS))
    packing: dict[str, Any] = {} if compression == "none" else {"compression": _PACKINGS[compression]}
    progress(0, 1, "Writing")
    with atomic_file(path) as file:
        try:
            tifffile.imwrite(file, made.values, software="medvox", **packing, **made.options)
        except (ValueError, TypeError) as error:
            text = "tifffile cannot write this"
            raise UnsupportedError(text, where=path, got=f"{made.values.dtype}{made.values.shape}") from error
    progress(1, 1, "Writing")


def _accepted(dtype: np.dtype[Any]) -> np.dtype[Any] | None:
    return dtype.newbyteorder("=") if dtype.str[1:] in _TYPES else None
