"""MetaImage (.mha; .mhd with a raw file), as MetaIO and ITK read and write it: space is LPS, mm."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import numpy as np
from numpy.typing import NDArray

from medvox.core.axes import CHANNEL, SPATIAL, TIME, reverse_index_order
from medvox.core.errors import FormatError, UnsupportedError
from medvox.core.finding import Finding, Level
from medvox.core.grid import Grid, Space
from medvox.core.progress import Progress, silent
from medvox.core.rescale import IDENTITY, Rescale
from medvox.core.study import HeaderElement, Image
from medvox.core.volume import Volume
from medvox.formats.atomic import atomic_file
from medvox.formats.base import Format, Head, WriteReport, shortened
from medvox.formats.content import Content
from medvox.formats.files import read_bytes, size_of
from medvox.formats.losses import common_losses, even_step
from medvox.formats.stored import stored_values
from medvox.formats.text_header import (
    MOST_HEADER,
    file_beside,
    flat_affine,
    grid_or_pixels,
    is_orthonormal,
    numbers,
    say,
    sizes,
    whole,
)
from medvox.formats.values.block import Block
from medvox.formats.values.compression import GZIP_MAGIC, pack
from medvox.formats.values.text import ascii_array

TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4",
    "MET_UINT": "u4", "MET_LONG": "i4", "MET_ULONG": "u4", "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}  # fmt: skip
"""Element types; MetaIO's long is 32 bits."""
_NAMES = {code: name for name, code in reversed(TYPES.items())}
_MM = {"mm": 1.0, "um": 1e-3, "cm": 10.0, "m": 1000.0, "?": 1.0, "": 1.0}
_FIRST_KEYS = (b"ObjectType", b"NDims", b"Comment", b"ObjectSubType")
_SIZE_WIDTH = 20
_NO_TIMES = (0.0, 1.0)
"""Start and step that ITK writes where it knows none."""


@dataclass(frozen=True, slots=True)
class MetaImageFormat(Format):
    """MetaImage.

    Parameters
    ----------
    compress
        Whether written values are packed (zlib); plain values are read slice by slice.
    """

    name: ClassVar[str] = "MetaImage"
    suffixes: ClassVar[tuple[str, ...]] = (".mha", ".mhd")
    writes: ClassVar[bool] = True
    reads_ranges: ClassVar[bool] = True
    holds: ClassVar[str] = (
        "one file or header and raw file, zlib; affine, channels, a fourth axis (time in s)"
    )
    lossy: ClassVar[str] = "unit, rescale, frame of reference, uneven slices, windows"

    compress: bool = False

    def sniff(self, head: Head) -> float:
        """Look for a first line ``ObjectType = Image`` or one that states ``NDims``."""
        if not head.first.lstrip().startswith(_FIRST_KEYS):
            return 0.0
        text = head.first.decode("latin-1")
        if "=" not in text.split("\n")[0]:
            return 0.0
        return 1.0 if "DimSize" in text and "NDims" in text else 0.2

    def images(self, path: Path) -> tuple[Image, ...]:
        """Read the header; one image a file."""
        return (_content(path).image(),)

    def header(self, path: Path) -> tuple[HeaderElement, ...]:
        """Every line."""
        keys, _ = _read_header(path)
        private = {"Comment", "Name", "PatientName", "PatientID"}
        return tuple(
            HeaderElement(k, "text", "", shortened(v), identifying=k in private) for k, v in keys.items()
        )

    def companions(self, path: Path) -> tuple[Path, ...]:
        """Return the raw file of an .mhd."""
        keys, _ = _read_header(path)
        name = keys.get("ElementDataFile", "LOCAL")
        return () if name.upper() == "LOCAL" else (_data_file(path, name),)

    def write(self, volume: Volume, path: Path, progress: Progress = silent) -> WriteReport:
        """Write one file (.mha), or a header and a .raw or .zraw file beside it (.mhd)."""
        stored = stored_values(volume, _accepted, progress, keeps_rescale=False)
        values, names = _file_order(stored.values, volume, path)
        keys = _keys(volume, values, names)
        keeps = [] if even_step(volume) == _NO_TIMES else ["even_times"]
        keeps += ["space"] if _unplaced(volume) else []
        losses = [*common_losses(volume, keeps), *stored.losses]
        if not is_orthonormal(volume.grid.affine):
            losses.append("The axes are sheared: other programs may take them to be at right angles.")
        raw = values.reshape(-1).view(np.uint8)
        data = None
        if path.name.lower().endswith(".mhd"):
            data = path.with_suffix(".zraw" if self.compress else ".raw")
        with ExitStack() as stack:
            file = stack.enter_context(atomic_file(path))
            into = stack.enter_context(atomic_file(data)) if data else file
            self._write(file, into, keys | {"ElementDataFile": data.name if data else "LOCAL"}, raw, progress)
        return WriteReport((path, data) if data else (path,), tuple(losses))

    def _write(
        self, file: BinaryIO, into: BinaryIO, keys: dict[str, str], raw: NDArray[np.uint8], progress: Progress
    ) -> None:
        keys["CompressedData"] = str(self.compress)
        if self.compress:  # its place is known before its value
            keys["CompressedDataSize"] = "0" * _SIZE_WIDTH
        keys["ElementDataFile"] = keys.pop("ElementDataFile")  # the last line, always
        text = "".join(f"{key} = {value}\n" for key, value in keys.items())
        file.write(text.encode("utf-8"))
        if not self.compress:
            into.write(raw.data)
            return
        count = pack([raw], into, "zlib", progress=progress)
        file.seek(text.index("0" * _SIZE_WIDTH))
        file.write(str(count).ljust(_SIZE_WIDTH).encode("ascii"))


# -- reading ------------------------------------------------------------------------------------


def _read_header(path: Path) -> tuple[dict[str, str], int]:
    """Keys of the header, and where the values begin in the same file."""
    raw = read_bytes(path, 0, MOST_HEADER)
    keys: dict[str, str] = {}
    at = 0
    while at < len(raw):
        end = raw.find(b"\n", at)
        end = len(raw) if end < 0 else end
        line = raw[at:end].decode("utf-8", "replace").strip()
        at = end + 1
        if not line:
            continue
        key, equals, value = line.partition("=")
        if not equals:
            raise FormatError("a line of the header has no '='", where=path, got=f"line {len(keys) + 1}")
        keys[key.strip()] = value.strip()
        if key.strip() == "ElementDataFile":
            return keys, at
    raise FormatError("the header has no end", where=path, expected="a line ElementDataFile = …")


def _content(path: Path) -> Content:
    keys, start = _read_header(path)
    count = whole(_need(keys, "NDims", path), "NDims", path)
    if not 2 <= count <= 4:
        raise UnsupportedError("NDims cannot be read", where=path, got=count, expected="2, 3 or 4")
    extent = sizes(_need(keys, "DimSize", path), count, "DimSize", path)
    shape = ((*extent, 1)[2] if count == 2 else extent[2], extent[1], extent[0])
    channels = whole(keys.get("ElementNumberOfChannels", "1"), "ElementNumberOfChannels", path)
    if not 1 <= channels <= 65535:
        raise FormatError("ElementNumberOfChannels is out of range", where=path, got=channels)
    grid, findings = _grid(keys, count, shape, path)
    lead = (extent[3],) if count == 4 else ()
    block = _block(keys, path, start, (*lead, shape[0]), (shape[1], shape[2], channels))
    binary = keys.get("BinaryData", "True").lower() != "false"
    if binary:
        block.check("DimSize")
    return Content(
        path=path,
        grid=grid,
        array=block.array if binary else lambda: ascii_array(block),
        axes=((TIME,) if lead else ()) + ((CHANNEL,) if channels > 1 else ()) + SPATIAL,
        lead_shape=lead + ((channels,) if channels > 1 else ()),
        rescale=_rescale(keys, path),
        modality={"MET_MOD_CT": "CT", "MET_MOD_MR": "MR"}.get(keys.get("Modality", "")),
        coordinates=_times(keys, count, lead, path),
        findings=findings,
    )


def _need(keys: Mapping[str, str], name: str, path: Path) -> str:
    if name not in keys:
        raise FormatError(f"the header has no {name}", where=path)
    return keys[name]


def _first(keys: Mapping[str, str], *names: str) -> str | None:
    return next((keys[name] for name in names if name in keys), None)


def _grid(
    keys: Mapping[str, str], count: int, shape: tuple[int, int, int], path: Path
) -> tuple[Grid, tuple[Finding, ...]]:
    """Affine from ElementSpacing, TransformMatrix (one axis after the other) and Offset."""
    step_text = _first(keys, "ElementSpacing", "ElementSize")
    matrix_text = _first(keys, "TransformMatrix", "Rotation", "Orientation")
    origin_text = _first(keys, "Offset", "Position", "Origin")
    if step_text is None:
        text = "ElementSpacing is missing: distances are in pixels"
        return Grid.pixels(shape), (Finding("no-spacing", Level.WARNING, str(path), text),)
    unit = keys.get("DistanceUnits", "mm").lower()
    if unit not in _MM:
        raise FormatError("DistanceUnits is not known", where=path, got=unit[:20], expected=sorted(_MM))
    steps = np.array(numbers(step_text, count, "ElementSpacing", path)) * _MM[unit]
    axes = np.eye(count)
    if matrix_text is not None:
        axes = np.reshape(numbers(matrix_text, count * count, "TransformMatrix", path), (count, count))
    origin = np.zeros(count)
    if origin_text is not None:
        origin = np.array(numbers(origin_text, count, "Offset", path)) * _MM[unit]
    known = count > 2 and (matrix_text is not None or origin_text is not None)
    if count == 2:
        vectors = np.zeros((2, 3))
        vectors[:, :2] = axes * steps[:, None]
        matrix = flat_affine(vectors[0], vectors[1], np.array([*origin, 0.0]))
    else:
        ijk = np.eye(4)
        ijk[:3, :3] = (axes[:3, :3] * steps[:3, None]).T
        ijk[:3, 3] = origin[:3]
        matrix = reverse_index_order(ijk)
    grid, findings = grid_or_pixels(shape, matrix, Space.PATIENT if known else Space.LOCAL, path)
    if not known and not findings:
        text = "no Offset and no TransformMatrix in three dimensions: the place in the patient is not known"
        findings = (Finding("no-geometry", Level.INFO, str(path), text),)
    return grid, findings


def _block(
    keys: Mapping[str, str], path: Path, start: int, lead: tuple[int, ...], frame: tuple[int, int, int]
) -> Block:
    kind = _need(keys, "ElementType", path).removesuffix("_ARRAY")
    if kind not in TYPES:
        raise UnsupportedError("ElementType cannot be read", where=path, got=kind[:40], expected=list(TYPES))
    msb = (_first(keys, "BinaryDataByteOrderMSB", "ElementByteOrderMSB") or "False").lower() == "true"
    stored = np.dtype((">" if msb else "<") + TYPES[kind])
    name = keys["ElementDataFile"]
    source = path
    if name.upper() != "LOCAL":
        source, start = _data_file(path, name), 0
    shape = frame[:2] if frame[2] == 1 else frame
    if keys.get("CompressedData", "False").lower() == "true":
        container = "gzip" if read_bytes(source, start, 3) == GZIP_MAGIC else "zlib"
        return Block(source, 0, lead, shape, stored, container, start)  # type: ignore[arg-type]
    skip = whole(keys.get("HeaderSize", "0"), "HeaderSize", path)
    block = Block(source, start + max(skip, 0), lead, shape, stored)
    if skip != -1:
        return block
    return Block(source, max(size_of(source) - block.nbytes, 0), lead, shape, stored)


def _data_file(path: Path, name: str) -> Path:
    if name.upper() == "LIST" or "%" in name:
        raise UnsupportedError(
            "values in several files cannot be read", where=path, got=f"ElementDataFile = {name[:40]}"
        )
    return file_beside(path, name)


def _rescale(keys: Mapping[str, str], path: Path) -> Rescale:
    slope = _first(keys, "ElementToIntensityFunctionSlope")
    offset = _first(keys, "ElementToIntensityFunctionOffset")
    if slope is None and offset is None:
        return IDENTITY
    line = [
        numbers(slope or "1", 1, "ElementToIntensityFunctionSlope", path)[0],
        numbers(offset or "0", 1, "ElementToIntensityFunctionOffset", path)[0],
    ]
    if not np.isfinite(line).all() or line[0] == 0:
        raise FormatError("ElementToIntensityFunction is not usable", where=path, got=line)
    return Rescale.of(*line)


def _times(
    keys: Mapping[str, str], count: int, lead: tuple[int, ...], path: Path
) -> dict[str, tuple[float, ...]]:
    step_text = _first(keys, "ElementSpacing", "ElementSize")
    if not lead or step_text is None:
        return {}
    step = numbers(step_text, count, "ElementSpacing", path)[3]
    start = numbers(_first(keys, "Offset", "Position", "Origin") or "0 0 0 0", count, "Offset", path)[3]
    if not (math.isfinite(step) and math.isfinite(start)) or step <= 0 or (start, step) == _NO_TIMES:
        return {}
    return {TIME: tuple(float(t) for t in start + step * np.arange(lead[0]))}


# -- writing ------------------------------------------------------------------------------------


def _accepted(dtype: np.dtype[Any]) -> np.dtype[Any] | None:
    return dtype if dtype.str[1:] in _NAMES else None


def _file_order(values: NDArray[Any], volume: Volume, path: Path) -> tuple[NDArray[Any], list[str]]:
    """Values with channels last, in little-endian C order; names of the axes before k."""
    lead = [name for name in volume.axes[:-3] if name != CHANNEL]
    if len(lead) > 1:
        raise UnsupportedError("MetaImage is written with four axes at most", where=path, got=volume.axes)
    order = [*lead, *SPATIAL, *([CHANNEL] if volume.is_colour else [])]
    arranged = np.ascontiguousarray(values.transpose([volume.axes.index(name) for name in order]))
    return arranged.astype(arranged.dtype.newbyteorder("<"), copy=False), lead


def _unplaced(volume: Volume) -> tuple[str, ...]:
    """Keys left out of the header, so that it claims no more than is known; their defaults are the grid's."""
    grid = volume.grid
    if set(volume.axes) - {CHANNEL, *SPATIAL}:  # the times need the keys
        return ()
    plain = np.array_equal(grid.direction, np.eye(3)[:, ::-1]) and not grid.affine[:3, 3].any()
    if grid.space is Space.PIXEL and plain and grid.spacing_mm == (1.0, 1.0, 1.0):
        return ("TransformMatrix", "Offset", "CenterOfRotation", "ElementSpacing")
    if grid.space is Space.LOCAL and plain:
        return ("TransformMatrix", "Offset", "CenterOfRotation")
    return ()


def _keys(volume: Volume, values: NDArray[Any], lead: list[str]) -> dict[str, str]:
    count = 3 + len(lead)
    ijk = reverse_index_order(volume.grid.affine)
    steps = np.ones(count)
    steps[:3] = np.linalg.norm(ijk[:3, :3], axis=0)
    axes = np.eye(count)
    axes[:3, :3] = (ijk[:3, :3] / steps[:3]).T
    origin = np.zeros(count)
    origin[:3] = ijk[:3, 3]
    if lead and (even := even_step(volume)):
        origin[3], steps[3] = even
    extent = [*reversed(volume.grid.shape), *(volume.shape[volume.axes.index(name)] for name in lead)]
    keys = {
        "ObjectType": "Image",
        "NDims": str(count),
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "TransformMatrix": say(axes),
        "Offset": say(origin),
        "CenterOfRotation": say(np.zeros(count)),
        "ElementSpacing": say(steps),
        "DimSize": say(extent),
    }
    for name in _unplaced(volume):
        del keys[name]
    if volume.is_colour:
        keys["ElementNumberOfChannels"] = str(volume.channels)
    return keys | {"ElementType": _NAMES[values.dtype.str[1:]]}
