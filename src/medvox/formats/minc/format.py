"""MINC 1 (netCDF) and MINC 2 (HDF5), as libminc 2.4 reads and writes them."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from medvox.core.axes import CHANNEL, SPATIAL, TIME
from medvox.core.errors import UnsupportedError
from medvox.core.lazy import LazyArray
from medvox.core.progress import Progress, silent
from medvox.core.rescale import IDENTITY
from medvox.core.study import HeaderElement, Image
from medvox.core.volume import Volume
from medvox.formats.atomic import atomic_file
from medvox.formats.base import Format, Head, WriteReport, shortened
from medvox.formats.content import Content
from medvox.formats.minc import hdf5, netcdf
from medvox.formats.minc.geometry import read_grid, read_times
from medvox.formats.minc.model import SPACES, Attribute, MincFile, layout
from medvox.formats.minc.scaling import Scale, read_scale
from medvox.formats.minc.writing import Plan, plan
from medvox.formats.values.block import kept
from medvox.formats.values.compression import pack_small, write_parts

AnyArray = NDArray[Any]

MODALITIES = {
    "mri": "MR", "mrs": "MR", "mra": "MR", "pet": "PT", "spect": "NM", "gamma": "NM", "ct": "CT",
    "dsa": "XA", "dr": "DX",
}  # fmt: skip
"""``study:modality`` (minc.h, MI_PET and so on) to DICOM's codes."""
_PRIVATE_VARIABLES = ("patient", "study", "dicom")
_PRIVATE_ATTRIBUTES = ("history", "ident")
_MOST_HEAD = 1 << 20


class _MincFormat(Format):
    """What both have in common: everything but where the bytes lie."""

    writes: ClassVar[bool] = True
    holds: ClassVar[str] = (
        "any dimension order, sheared and uneven grids, time, vectors, a scale for each slice, units"
    )
    lossy: ClassVar[str] = "frame of reference, windows, 64-bit whole numbers"

    @abstractmethod
    def _read(self, path: Path) -> MincFile:
        """Read the header."""

    @abstractmethod
    def _write(self, made: Plan, path: Path, progress: Progress) -> None:
        """Write the file."""

    def images(self, path: Path) -> tuple[Image, ...]:
        """Read the header; one image a file."""
        return (_content(self._read(path)).image(),)

    def header(self, path: Path) -> tuple[HeaderElement, ...]:
        """Every attribute of the file and of its variables."""
        minc = self._read(path)
        lines = [_line("", name, value) for name, value in minc.attributes.items()]
        for variable in minc.variables.values():
            shape = ", ".join(f"{n} = {s}" for n, s in zip(variable.dimensions, variable.shape, strict=False))
            lines.append(HeaderElement(variable.name, variable.dtype.name, "", f"({shape})"))
            lines += [_line(variable.name, name, value) for name, value in variable.attributes.items()]
        return tuple(lines)

    def write(self, volume: Volume, path: Path, progress: Progress = silent) -> WriteReport:
        """Write one file; dimensions are named after the world axes that they run along most."""
        made = plan(volume, path, progress)
        self._write(made, path, progress)
        return WriteReport((path,), made.losses)


@dataclass(frozen=True, slots=True)
class Minc2Format(_MincFormat):
    """MINC 2.

    Parameters
    ----------
    compress
        Whether written values are packed, each slice by itself; slices are read one by one either way.
    level
        None: fast, about the size of zlib's level 1. 1 to 9: zlib's own levels, slower and smaller.
    """

    name: ClassVar[str] = "MINC 2"
    suffixes: ClassVar[tuple[str, ...]] = (".mnc", ".mnc2")

    compress: bool = True
    level: int | None = None

    def sniff(self, head: Head) -> float:
        """Look for the HDF5 signature, and for the group ``minc-2.0`` in the first megabyte."""
        if not head.first.startswith(hdf5.SIGNATURE) or head.gzipped:
            return 0.0
        root = hdf5.ROOT.encode()
        if root in head.first:
            return 1.0
        try:
            with head.path.open("rb") as file:
                return 1.0 if root in file.read(_MOST_HEAD) else 0.0
        except (OSError, ValueError):
            return 0.0

    def _read(self, path: Path) -> MincFile:
        return hdf5.read(path)

    def _write(self, made: Plan, path: Path, progress: Progress) -> None:
        packer = (lambda source: pack_small(source, self.level)) if self.compress else None
        with atomic_file(path) as file:
            hdf5.write(file, made.tree(), packer, made.frame_axes, progress)


class Minc1Format(_MincFormat):
    """MINC 1; a .gz suffix packs it."""

    name: ClassVar[str] = "MINC 1"
    suffixes: ClassVar[tuple[str, ...]] = (".minc1.mnc", ".mnc1", ".mnc", ".mnc.gz")
    written_suffixes: ClassVar[tuple[str, ...]] = (".minc1.mnc", ".mnc1", ".mnc.gz")

    def sniff(self, head: Head) -> float:
        """Look for the netCDF magic and two dimensions of space in the header."""
        spaces = sum(name.encode() in head.first for name in SPACES)
        return 1.0 if head.first.startswith(netcdf.MAGICS) and spaces >= 2 else 0.0

    def _read(self, path: Path) -> MincFile:
        return netcdf.read(path)

    def _write(self, made: Plan, path: Path, progress: Progress) -> None:
        variables = made.variables()
        header = netcdf.header(made.sizes(), made.attributes, variables)
        parts = [np.frombuffer(header, np.uint8), *netcdf.value_parts(variables)]
        write_parts(path, parts, progress=progress)


# -- reading ------------------------------------------------------------------------------------


def _content(minc: MincFile) -> Content:
    image = minc.image
    if image.dtype.kind not in "iuf":
        raise UnsupportedError("the type of the image cannot be read", where=minc.path, got=image.dtype)
    shown = layout(image.dimensions, image.shape, minc.path)
    grid, oddities = read_grid(minc, shown)
    scale, faults = read_scale(minc, shown)
    frames = minc.frames(shown)
    rescale = scale.rescale(shown) if scale else IDENTITY
    if scale and rescale is None:
        frames = _scaled(frames, scale, minc)
    times = read_times(minc, shown)
    study = minc.variables.get("study")
    modality = study.text("modality") if study else ""
    channels = (shown.stored["vector_dimension"],) if shown.channels else ()
    return Content(
        path=minc.path,
        grid=grid,
        array=lambda: frames,
        axes=(*shown.lead, *((CHANNEL,) if channels else ()), *SPATIAL),
        lead_shape=shown.lead_shape + channels,
        unit=_unit(minc),
        rescale=rescale or IDENTITY,
        meaning="label" if modality == "label" else "",
        modality=MODALITIES.get(modality),
        coordinates={TIME: times} if times else {},
        findings=(*oddities, *faults),
    )


def _scaled(frames: LazyArray, scale: Scale, minc: MincFile) -> LazyArray:
    """Real values, where the scale changes within a slice or makes all values the same."""
    shown = layout(minc.image.dimensions, minc.image.shape, minc.path)
    dtype = np.dtype(np.float32 if minc.image.dtype.itemsize <= 2 else np.float64)

    def load() -> AnyArray:
        values = scale.applied(np.asarray(frames), shown)
        with np.errstate(all="ignore"):  # beyond float32
            return values.astype(dtype, copy=False)

    return kept(shown.full_shape, dtype, load)


def _unit(minc: MincFile) -> str:
    for name in ("image", "image-max", "image-min"):
        variable = minc.variables.get(name)
        value = variable.attributes.get("units", "") if variable else ""
        if isinstance(value, str) and value.strip("\0 "):
            return value.strip("\0 ")
    return "1"


def _line(variable: str, name: str, value: Attribute) -> HeaderElement:
    text = value if isinstance(value, str) else " ".join(str(v) for v in value[:100].tolist())
    private = variable.startswith(_PRIVATE_VARIABLES) or name in _PRIVATE_ATTRIBUTES
    kind = "text" if isinstance(value, str) else value.dtype.name
    return HeaderElement(f"{variable}:{name}", kind, "", shortened(text), identifying=private)
