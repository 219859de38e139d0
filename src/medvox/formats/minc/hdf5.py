"""MINC 2 in HDF5 through h5py: the groups under ``/minc-2.0`` to variables and back.

Source: MINC 2.0 file format reference; names and types of attributes as libminc 2.4 writes them.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from medvox.core import settings
from medvox.core.errors import FormatError, MedvoxError, TruncatedError, UnsupportedError
from medvox.core.lazy import FrameArray, LazyArray
from medvox.core.progress import Progress, silent, track
from medvox.formats.files import check_claim, reading, size_of
from medvox.formats.minc.model import Attribute, Layout, MincFile, Variable
from medvox.formats.minc.netcdf import NewVariable
from medvox.formats.values.block import kept

if TYPE_CHECKING:
    import h5py

AnyArray = NDArray[Any]
Pack = Callable[[NDArray[np.uint8]], bytes]

SIGNATURE = b"\x89HDF\r\n\x1a\n"
ROOT = "minc-2.0"
_IMAGE = f"{ROOT}/image/0/image"
_MOST_GAIN = 1040
_MOST_SMALL = 1 << 26
_MOST_CHUNK = 1 << 28
_UNALLOCATED = 1 << 16
"""Bytes of a small variable that may be there without storage: libminc writes no value of empty ones."""
_MOST_VARIABLES = 1000
_RUN_BYTES = 1 << 26
_FILTERS = (1, 2, 3)
"""Filters read: deflate, shuffle, Fletcher-32 (HDF5 specification IV.A.2.l)."""
_FAULTS = (OSError, KeyError, RuntimeError, ValueError, TypeError, AttributeError, IndexError, SystemError)
"""What h5py raises on damaged files, depending on where the damage is."""


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """Open for reading; what h5py raises inside becomes a `FormatError`."""
    import h5py

    with reading(path):
        pass
    try:
        with h5py.File(path, "r", locking=False) as file:
            yield file
    except MedvoxError:
        raise
    except _FAULTS as error:
        kind = TruncatedError if "truncated" in str(error) else FormatError
        raise kind(
            "the HDF5 structure is damaged", where=path, advice="Copy or download the file again"
        ) from error


def read(path: Path) -> MincFile:
    """Read what the file holds, the image's values left out.

    Raises
    ------
    FormatError, TruncatedError, LimitError, UnsupportedError
        If it is no MINC 2 file, is damaged, or claims what it cannot hold.
    """
    with opened(path) as file:
        root = _member(file, ROOT, path)
        variables = {}
        for place in ("dimensions", "info", "image/0"):
            group = _member(root, place, path, required=False)
            for name in list(group or ())[:_MOST_VARIABLES]:
                if name != "image":
                    variables[name] = _variable(_member(group, name, path), name, path)
        dataset = _member(file, _IMAGE, path)
        image = _image(dataset, path)
        attributes = {**_attributes(file), **_attributes(root)}
        variables["image"] = image
    return MincFile(path, image, _Frames(image, path), variables, attributes)


def _member(group: Any, name: str, path: Path, required: bool = True) -> Any:
    """Follow names down from a group, through hard links only: nothing outside the file is read."""
    import h5py

    for part in name.split("/"):
        link = group.get(part, getlink=True) if isinstance(group, h5py.Group) else None
        if link is None and not required:
            return None
        if link is None:
            raise FormatError(
                "the file is no MINC 2 file", where=path, expected=f"a group or data set {part}"
            )
        if not isinstance(link, h5py.HardLink):
            raise UnsupportedError("the HDF5 file has links to other places", where=path, got=part[:40])
        group = group[part]
    return group


def _variable(member: Any, name: str, path: Path) -> Variable:
    import h5py

    attributes = _attributes(member)
    if not isinstance(member, h5py.Dataset) or member.dtype.kind not in "iuf" or member.shape is None:
        return Variable(name, (), (), np.dtype("i4"), attributes, lambda: kept((), np.dtype("i4"), _nothing))
    _check(member, path, _MOST_SMALL)
    values = np.asarray(member[()])
    names = _order(attributes)[: values.ndim] or (name,) * (values.ndim == 1)
    dtype = values.dtype.newbyteorder("=")
    return Variable(
        name,
        names,
        values.shape,
        dtype,
        attributes,
        lambda: kept(values.shape, dtype, lambda: np.array(values, dtype)),
    )


def _nothing() -> AnyArray:
    return np.zeros((), "i4")


def _image(dataset: Any, path: Path) -> Variable:
    import h5py

    if not isinstance(dataset, h5py.Dataset) or not dataset.shape:
        raise FormatError("the image is not an array", where=path)
    if dataset.dtype.kind not in "iuf" or dataset.dtype.itemsize > 8:
        raise UnsupportedError(
            "the type of the image cannot be read", where=path, got=str(dataset.dtype)[:60]
        )
    _check(dataset, path, None)
    attributes = _attributes(dataset)
    dtype = np.dtype(dataset.dtype.str).newbyteorder("=")
    return Variable("image", _order(attributes), dataset.shape, dtype, attributes, _nothing_lazy)


def _nothing_lazy() -> LazyArray:
    return kept((), np.dtype("i4"), _nothing)


def _check(dataset: Any, path: Path, most: int | None) -> None:
    """Refuse values outside the file, unknown filters, and what the file cannot hold."""
    creation = dataset.id.get_create_plist()
    if dataset.is_virtual or creation.get_external_count():
        raise UnsupportedError("the HDF5 file keeps values in other files", where=path)
    filters = [creation.get_filter(n)[0] for n in range(creation.get_nfilters())]
    if set(filters) - set(_FILTERS):
        raise UnsupportedError("a filter of the HDF5 file cannot be undone", where=path, got=filters)
    needed = math.prod(dataset.shape) * dataset.dtype.itemsize
    chunk = math.prod(dataset.chunks) * dataset.dtype.itemsize if dataset.chunks else 0
    present = min(dataset.id.get_storage_size(), size_of(path))
    if most is None or needed > _UNALLOCATED:
        check_claim(path, needed, present * (_MOST_GAIN if filters else 1), "the HDF5 data space")
    if (most is not None and needed > most) or chunk > _MOST_CHUNK:
        raise FormatError("a data set or chunk of the HDF5 file is too large", where=path, got=dataset.shape)


def _order(attributes: Mapping[str, Attribute]) -> tuple[str, ...]:
    text = attributes.get("dimorder", "")
    return tuple(part.strip() for part in text.split(",") if part.strip()) if isinstance(text, str) else ()


def _attributes(member: Any) -> dict[str, Attribute]:
    """Attributes as texts and arrays of numbers; those of other types are left out."""
    found: dict[str, Attribute] = {}
    for name in list(member.attrs)[:_MOST_VARIABLES]:
        kind = member.attrs.get_id(name)
        if kind.get_storage_size() > _MOST_SMALL:
            continue
        value = member.attrs[name]
        if isinstance(value, bytes | str):
            raw = value if isinstance(value, str) else value.decode("utf-8", "replace")
            found[name] = raw.rstrip("\0")
        elif isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "iuf":
            found[name] = np.atleast_1d(value)
    return found


@dataclass(frozen=True, slots=True)
class _Frames:
    """Makes the lazy image."""

    image: Variable
    path: Path

    def __call__(self, layout: Layout) -> LazyArray:
        """Frame by frame where the order allows it, else read as a whole and turned."""
        dtype = self.image.dtype
        if not layout.in_frames:
            return kept(layout.full_shape, dtype, lambda: layout.turned(self._part(())))
        lead, frame, order = layout.frames()
        numbers = _stored_places(lead, order)

        def read(frames: Sequence[int], out: AnyArray, progress: Progress = silent) -> None:
            self._fill(layout, [numbers[n] for n in frames], out, progress)

        return FrameArray(lead, frame, dtype, read)

    def _part(self, key: tuple[Any, ...]) -> AnyArray:
        with opened(self.path) as file:
            return np.asarray(_member(file, _IMAGE, self.path)[key]).astype(self.image.dtype, copy=False)

    def _fill(self, layout: Layout, places: list[tuple[int, ...]], out: AnyArray, progress: Progress) -> None:
        """Read frames at their places (indices of the stored axes before the frame), runs in one go."""
        stored = [name for name in layout.stored if name not in layout.spatial[1:]]
        depth = len([n for n in stored if n != "vector_dimension"])
        most = max(1, _RUN_BYTES // max(1, math.prod(out.shape[1:]) * out.itemsize))
        with opened(self.path) as file:
            dataset = _member(file, _IMAGE, self.path)
            at = 0
            while at < len(places):
                progress(at, len(places), "Reading")
                count = _run(places, at, most) if depth else 1
                *before, first = places[at][:depth] if depth else (0,)
                key = (*before, slice(first, first + count)) if depth else ()
                out[at : at + count] = dataset[key].reshape(count, *out.shape[1:])
                at += count
        progress(len(places), len(places), "Reading")


def _stored_places(lead: tuple[int, ...], order: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Index along the stored axes of each frame shown."""
    shown = np.indices(lead).reshape(len(lead), -1)
    return [tuple(int(v) for v in column) for column in shown[list(order)].T]


def _run(places: list[tuple[int, ...]], at: int, most: int) -> int:
    """How many places from `at` on follow each other along the last axis."""
    count = 1
    *before, first = places[at]
    while count < most and at + count < len(places) and places[at + count] == (*before, first + count):
        count += 1
    return count


# -- writing ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tree:
    """What is written: groups by their path, each with its variables.

    Parameters
    ----------
    attributes
        Of ``/minc-2.0``.
    dimensions, info, image
        Variables of the groups; the image is the last of `image`.
    """

    attributes: Mapping[str, str | float | Sequence[float]]
    dimensions: Sequence[NewVariable]
    info: Sequence[NewVariable]
    image: Sequence[NewVariable]


def write(file: BinaryIO, tree: Tree, pack: Pack | None, frame_axes: int, progress: Progress) -> None:
    """Write a file.

    HDF5 works in memory, the file is written here: where the disk is full HDF5 fails on closing, and a
    later use of the library may then end the process.

    Parameters
    ----------
    pack
        Packs a slice, which is a chunk then, into a zlib stream; None: values are not packed.
    frame_axes
        How many of the image's last axes make a slice.
    """
    import h5py

    made = io.BytesIO()
    with h5py.File(made, "w", libver=("earliest", "v108")) as root:
        _write_tree(root, tree, pack, frame_axes, progress)
    file.write(made.getbuffer())


def _write_tree(file: Any, tree: Tree, pack: Pack | None, frame_axes: int, progress: Progress) -> None:
    root = file.create_group(ROOT)
    _set_attributes(root, tree.attributes)
    groups = {
        "dimensions": tree.dimensions,
        "info": tree.info,
        "image/0": tree.image[:-1],
    }
    for name, variables in groups.items():
        group = root.create_group(name)
        for variable in variables:
            _set_attributes(group.create_dataset(variable.name, data=variable.values), variable.attributes)
            _set_order(group[variable.name], variable)
    image = tree.image[-1]
    dataset = _write_image(root["image/0"], image, pack, frame_axes, progress)
    _set_attributes(dataset, image.attributes)
    _set_order(dataset, image)


def _write_image(
    group: Any, image: NewVariable, pack: Pack | None, frame_axes: int, progress: Progress
) -> Any:
    values = image.values
    if pack is None:
        return group.create_dataset("image", data=values)
    lead, frame = values.shape[:-frame_axes], values.shape[-frame_axes:]
    dataset = group.create_dataset(
        "image",
        shape=values.shape,
        dtype=values.dtype,
        chunks=(*(1,) * len(lead), *frame),
        compression="gzip",
    )
    places = list(np.ndindex(*lead))
    with ThreadPoolExecutor(settings.current().threads) as pool:
        packed = pool.map(
            lambda place: pack(np.ascontiguousarray(values[place]).reshape(-1).view(np.uint8)), places
        )
        for place, raw in zip(places, track(packed, progress, "Compressing", len(places)), strict=True):
            dataset.id.write_direct_chunk((*place, *(0,) * frame_axes), raw)
    return dataset


def _set_attributes(member: Any, attributes: Mapping[str, str | float | Sequence[float]]) -> None:
    """Texts as fixed strings with a zero at the end, numbers as doubles, ``length`` as libminc has it."""
    for name, value in attributes.items():
        if isinstance(value, str):
            raw = value.encode("utf-8")
            member.attrs.create(name, np.bytes_(raw), dtype=f"S{len(raw) + 1}")
        elif name == "length":
            member.attrs.create(name, np.asarray(value, np.uint32))
        else:
            member.attrs.create(name, np.asarray(value, np.float64))


def _set_order(dataset: Any, variable: NewVariable) -> None:
    if variable.dimensions:
        _set_attributes(dataset, {"dimorder": ",".join(variable.dimensions)})
