"""NIfTI-1 and NIfTI-2: single files, gzip, header and image pairs, both byte orders."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from medvox.core.axes import CHANNEL, SPATIAL, TIME
from medvox.core.errors import MissingError, UnsupportedError
from medvox.core.finding import Finding, Level
from medvox.core.grid import Space
from medvox.core.progress import Progress, silent
from medvox.core.rescale import IDENTITY, Rescale
from medvox.core.study import HeaderElement, Image
from medvox.core.volume import Display, Volume, Window
from medvox.formats.base import Format, Head, WriteReport, shortened
from medvox.formats.content import Content
from medvox.formats.files import partner, read_bytes
from medvox.formats.losses import common_losses, even_step
from medvox.formats.nifti import field_names, geometry
from medvox.formats.nifti import header as headers
from medvox.formats.nifti.header import COMPLEX64, COMPLEX128, NiftiHeader
from medvox.formats.stored import Stored, stored_values
from medvox.formats.values.block import Block
from medvox.formats.values.compression import GZIP_MAGIC, first_bytes, write_parts

_MOST_EXTENSION_BYTES = 1 << 24
_FREQUENCY_UNITS = {32: "Hz", 40: "ppm", 48: "rad/s"}
_MEANINGS = {
    2: "correlation coefficient", 3: "t statistic", 4: "F statistic", 5: "z score", 6: "chi-squared",
    22: "p value", 1002: "label", 1006: "displacement vector",
}  # fmt: skip
_IDENTIFYING = {"db_name", "descrip", "aux_file"}


@dataclass(frozen=True, slots=True)
class NiftiFormat(Format):
    """NIfTI.

    Parameters
    ----------
    level
        Compression of written ``.nii.gz`` files, 1 (fast) to 9 (small); None: as the settings say.
    """

    name: ClassVar[str] = "NIfTI"
    suffixes: ClassVar[tuple[str, ...]] = (".nii.gz", ".nii", ".hdr", ".img", ".hdr.gz", ".img.gz")
    writes: ClassVar[bool] = True
    written_suffixes: ClassVar[tuple[str, ...]] = (".nii.gz", ".nii")
    reads_ranges: ClassVar[bool] = True
    holds: ClassVar[str] = (
        "NIfTI-1 and -2, single or pair, gzip, both byte orders; affine, time, vectors, RGB, scale"
    )
    lossy: ClassVar[str] = "unit, frame of reference, uneven slices, a scale for each slice"

    level: int | None = None

    def sniff(self, head: Head) -> float:
        """Look for sizeof_hdr and the magic; for an .img file in the .hdr beside it."""
        if headers.recognise(head.first):
            return 1.0
        if head.suffix_text.endswith((".img", ".img.gz")):
            other = partner(head.path, ".hdr")
            try:
                return 0.9 if other and headers.recognise(first_bytes(other, 1024)) else 0.0
            except (OSError, ValueError):
                return 0.0
        return 0.0

    def images(self, path: Path) -> tuple[Image, ...]:
        """Read the header; one image a file."""
        return (self._content(path).image(),)

    def companions(self, path: Path) -> tuple[Path, ...]:
        """Return the .img of a .hdr; a .img has none, so that exactly one of the two is opened."""
        if not path.name.lower().endswith((".hdr", ".hdr.gz")):
            return ()
        other = partner(path, ".img")
        return (other,) if other else ()

    def header(self, path: Path) -> tuple[HeaderElement, ...]:
        """Every field and extension, in file order."""
        path = _header_path(path)
        header = _read_header(path)
        lines = [_line(header, name) for name in header.fields.dtype.names]
        end = header.start if header.is_single else _MOST_EXTENSION_BYTES
        raw = first_bytes(path, min(end, _MOST_EXTENSION_BYTES))
        for number, extension in enumerate(headers.extensions(raw, header), start=1):
            kind = headers.EXTENSION_NAMES.get(extension.code, "unregistered")
            text = extension.content.rstrip(b"\0").decode("utf-8", "replace")
            value = f"{len(extension.content)} bytes: {shortened(text)}"
            lines.append(
                HeaderElement(f"extension {number}", f"{extension.code}", kind, value, identifying=True)
            )
        return tuple(lines)

    def _content(self, path: Path) -> Content:
        path = _header_path(path)
        header = _read_header(path)
        grid, findings, xform = geometry.read_grid(header)
        axes, lead_shape, block = _layout(header, _values_path(path, header))
        block.check("dim")
        rescale, faults = _rescale(header)
        alpha = (
            (_note(header, "alpha-dropped", "RGBA: the fourth channel is left out"),) if block.kept else ()
        )
        is_complex = int(header["datatype"]) in (COMPLEX64, COMPLEX128)
        return Content(
            path=path,
            grid=grid,
            array=block.array,
            axes=axes,
            lead_shape=lead_shape,
            rescale=rescale,
            meaning="complex: real and imaginary part"
            if is_complex
            else _MEANINGS.get(int(header["intent_code"]), ""),
            coordinates=_times(header, axes, lead_shape),
            display=_display(header),
            findings=(*findings, *faults, *alpha),
            facts=(("xform", xform),) if xform else (),
        )

    # -- writing --------------------------------------------------------------------------------

    def write(self, volume: Volume, path: Path, progress: Progress = silent) -> WriteReport:
        """Write NIfTI-1, or NIfTI-2 where an axis is longer than 32767.

        sform and qform (where the axes are at right angles) are set; a rescale that holds for all slices
        is kept as scl_slope and scl_inter.
        """
        axes = _check_axes(volume, path)
        stored = stored_values(volume, _accepted, progress)
        values, sizes, datatype = _file_order(stored.values, axes, volume)
        version: headers.Version = 2 if max(sizes) > headers.MOST_AXIS else 1
        fields = _fields(volume, stored, sizes, datatype, values.dtype)
        header = headers.pack(version, fields)
        losses = [*_losses(volume), *stored.losses, *_rounding(stored.rescale, version)]
        parts = (np.frombuffer(header, np.uint8), values.reshape(-1).view(np.uint8))
        write_parts(path, parts, self.level, progress)
        return WriteReport((path,), tuple(losses))


# -- reading ------------------------------------------------------------------------------------


def _read_header(path: Path) -> NiftiHeader:
    return headers.parse(first_bytes(path, max(headers.SIZES.values())), str(path))


def _header_path(path: Path) -> Path:
    if not path.name.lower().endswith((".img", ".img.gz")):
        return path
    other = partner(path, ".hdr")
    if other is None:
        raise MissingError("the header of the pair is missing", where=path, expected="a .hdr file beside it")
    return other


def _values_path(path: Path, header: NiftiHeader) -> Path:
    if header.is_single:
        return path
    other = partner(path, ".img")
    if other is None:
        raise MissingError(
            "the values of the pair are missing", where=path, expected="an .img file beside it"
        )
    return other


def _layout(header: NiftiHeader, path: Path) -> tuple[tuple[str, ...], tuple[int, ...], Block]:
    """Axes, sizes of those before k, and where the values lie.

    In the file i is the fastest axis, then j, k, time (dim[4]), vector (dim[5]), and two without a
    meaning: read backwards this is C order. The vector axis is shown behind time.
    """
    sizes = header.sizes
    number, count = header.voxel
    fourth = "frequency" if int(header["xyzt_units"]) & 56 in _FREQUENCY_UNITS else TIME
    names = {3: fourth, 4: CHANNEL, 5: "dim6", 6: "dim7"}
    stored = [(names[n], sizes[n]) for n in range(len(sizes) - 1, 2, -1) if sizes[n] > 1]
    if count > 1 and any(name == CHANNEL for name, _ in stored):
        raise UnsupportedError(
            "vectors of colours or complex numbers cannot be read",
            where=header.where,
            got=f"dim[5] = {sizes[4]} and datatype {header['datatype']}",
        )
    shown = [pair for pair in stored if pair[0] != CHANNEL] + [p for p in stored if p[0] == CHANNEL]
    order = (*(shown.index(pair) for pair in stored), len(shown))
    lead = tuple(size for _, size in shown)
    k, j, i = sizes[2], sizes[1], sizes[0]
    block = Block(
        path=path,
        start=header.start,
        lead_shape=(*lead, k),
        frame_shape=(j, i) if count == 1 else (j, i, count),
        stored=number,
        container="gzip" if read_bytes(path, 0, 3) == GZIP_MAGIC else None,
        stored_order=order,
        kept=3 if count == 4 else None,
    )
    channels = () if count == 1 else (min(count, 3),)
    axes = tuple(name for name, _ in shown) + (CHANNEL,) * len(channels) + SPATIAL
    return axes, lead + channels, block


def _rescale(header: NiftiHeader) -> tuple[Rescale, tuple[Finding, ...]]:
    """scl_slope and scl_inter; a slope of 0 (or none) means no scaling (nifti1.h, "DATA SCALING")."""
    slope, inter = float(header["scl_slope"]), float(header["scl_inter"])
    if header.voxel[1] > 1 or slope == 0 or (math.isnan(slope) and not math.isfinite(inter)):
        return IDENTITY, ()
    if not math.isfinite(slope) or not math.isfinite(inter):
        text = f"scl_slope {slope}, scl_inter {inter}: stored values are shown"
        return IDENTITY, (_note(header, "bad-rescale", text),)
    return Rescale.of(slope, inter), ()


def _times(
    header: NiftiHeader, axes: tuple[str, ...], lead_shape: tuple[int, ...]
) -> dict[str, tuple[float, ...]]:
    """Seconds of each time point from pixdim[4] and toffset, where they are given."""
    scale = geometry.SECONDS.get(int(header["xyzt_units"]) & 56)
    step, start = float(header["pixdim"][4]), float(header["toffset"])
    if TIME not in axes or scale is None or not math.isfinite(step) or step <= 0:
        return {}
    start = start if math.isfinite(start) else 0.0
    count = lead_shape[axes.index(TIME)]
    return {TIME: tuple(float(t) for t in (start + step * np.arange(count)) * scale)}


def _display(header: NiftiHeader) -> Display:
    low, high = float(header["cal_min"]), float(header["cal_max"])
    if not (math.isfinite(low) and math.isfinite(high) and high > low):
        return Display()
    return Display(windows=(Window((low + high) / 2, high - low, "cal_min, cal_max"),))


def _note(header: NiftiHeader, code: str, text: str) -> Finding:
    return Finding(code, Level.WARNING, header.where, text, "NIfTI-1")


def _line(header: NiftiHeader, name: str) -> HeaderElement:
    kind = header.fields.dtype[name]
    value = header.text(name) if kind.kind == "S" else str(np.asarray(header.fields[name]).tolist())
    return HeaderElement(
        name,
        kind.base.name,
        "",
        value,
        identifying=name in _IDENTIFYING and value != "",
        name=field_names.NAMES.get(name, ""),
        meaning=field_names.meaning(name, int(header[name])) if kind.kind in "iu" and not kind.shape else "",
    )


# -- writing ------------------------------------------------------------------------------------


def _accepted(dtype: np.dtype[Any]) -> np.dtype[Any] | None:
    """Type that a type is written as; 64-bit whole numbers are legal but few tools read them."""
    return dtype if dtype.str[1:] in headers.CODES else None


def _check_axes(volume: Volume, path: Path) -> list[str]:
    others = [name for name in volume.axes[:-3] if name not in (TIME, CHANNEL)]
    if len(others) + (TIME in volume.axes) > 3:
        raise UnsupportedError("NIfTI holds seven axes at most", where=path, got=volume.axes)
    return others


def _file_order(
    values: NDArray[Any], others: list[str], volume: Volume
) -> tuple[NDArray[Any], tuple[int, ...], int]:
    """Values in C order of the file, dim[1..] and the data type code."""
    places: dict[int, str] = dict(zip((3, 5, 6) if TIME not in volume.axes else (5, 6), others, strict=False))
    if TIME in volume.axes:
        places[3] = TIME
    rgb = volume.channels == 3 and values.dtype == np.uint8
    if volume.is_colour and not rgb:
        places[4] = CHANNEL
    order = [places[n] for n in sorted(places, reverse=True)] + list(SPATIAL) + [CHANNEL] * rgb
    last = max(places, default=2)
    size_of = dict(zip(volume.axes, volume.shape, strict=True))
    names = [*reversed(SPATIAL), *(places.get(n) for n in range(3, last + 1))]
    sizes = tuple(size_of[name] if name else 1 for name in names)
    arranged = np.ascontiguousarray(values.transpose([volume.axes.index(name) for name in order]))
    little = arranged.astype(arranged.dtype.newbyteorder("<"), copy=False)
    return little, sizes, headers.RGB24 if rgb else headers.CODES[values.dtype.str[1:]]


def _fields(
    volume: Volume, stored: Stored, sizes: tuple[int, ...], datatype: int, dtype: np.dtype[Any]
) -> dict[str, Any]:
    known = volume.grid.space is Space.PATIENT
    fields = geometry.geometry_fields(volume.grid, _xform_code(volume) if known else 0)
    dim = np.ones(8, np.int64)
    dim[0], dim[1 : len(sizes) + 1] = len(sizes), sizes
    fields |= {
        "dim": dim,
        "datatype": datatype,
        "bitpix": 24 if datatype == headers.RGB24 else dtype.itemsize * 8,
    }
    fields["xyzt_units"] = 0 if volume.grid.space is Space.PIXEL else 2
    if TIME in volume.axes:
        start, step = even_step(volume) or (0.0, 0.0)
        fields["toffset"], fields["pixdim"][4] = start, step
        fields["xyzt_units"] |= 8
    if len(sizes) >= 5 and sizes[4] > 1:
        fields["intent_code"] = 1007
    if not stored.rescale.is_identity:
        fields |= {"scl_slope": float(stored.rescale.slope), "scl_inter": float(stored.rescale.intercept)}
    if volume.display.windows:
        fields["cal_min"], fields["cal_max"] = volume.display.windows[0].range
    return fields


def _xform_code(volume: Volume) -> int:
    """Scanner, unless the volume was read from a file that says another space."""
    known = volume.known_provenance
    if known.operation == "read":
        named = dict(known.parameters).get("xform")
        return next((code for code, name in geometry.XFORMS.items() if name == named), 1)
    return 1


def _losses(volume: Volume) -> list[str]:
    space = volume.grid.space
    losses = common_losses(volume, ("even_times", "windows", *(["space"] if space is Space.LOCAL else [])))
    if space is not Space.PATIENT:
        losses.append("The file does not hold position and orientation: they are not known in the patient.")
    return losses


def _rounding(rescale: Rescale, version: int) -> Iterator[str]:
    line = (float(rescale.slope), float(rescale.intercept))
    if version == 1 and any(float(np.float32(value)) != value for value in line):
        yield "The file holds slope and intercept in 32 bits: values differ by up to one part in 10 million."
