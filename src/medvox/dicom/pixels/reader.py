"""Reading frames: from files to an array, in threads."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core import settings
from medvox.core.errors import FormatError, LimitError, TruncatedError
from medvox.core.lazy import FrameReader
from medvox.core.progress import Progress, silent
from medvox.dicom.header import PixelSpan
from medvox.dicom.pixels import photometric
from medvox.dicom.pixels.codecs import decode_frame
from medvox.dicom.pixels.encapsulation import FrameIndex, index_frames
from medvox.dicom.pixels.format import PixelFormat, common_dtype
from medvox.dicom.pixels.native import clean_bits, decode_native, frame_bytes, is_plain, swap_pairs
from medvox.dicom.pixels.source import Source, open_pixels
from medvox.dicom.pixels.transfer_syntaxes import transfer_syntax
from medvox.formats.remote.mirror import fetched

AnyArray = NDArray[Any]
Tile = tuple[int, int, int, int]
FRAMES_A_TASK = 32
_NATIVE = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1"})
_HAS_PREADV = hasattr(os, "preadv")
TEXT = "Reading pixels"


@dataclass(frozen=True, slots=True)
class FrameRef:
    """One slice in a file.

    Parameters
    ----------
    file
        Path.
    frame
        Frame number, from 0.
    span
        Where the pixel data lie.
    format
        How they are stored.
    tile
        (row, column, rows, columns) of the part of the frame that is the slice, where a frame holds
        several (Siemens mosaic, United Imaging grid); None: all of it.
    """

    file: str
    frame: int
    span: PixelSpan
    format: PixelFormat
    tile: Tile | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the slice."""
        return (
            self.format.frame_shape if self.tile is None else (*self.tile[2:], *self.format.frame_shape[2:])
        )


def frame_reader(refs: Sequence[FrameRef], dtype: np.dtype[Any] | None = None) -> FrameReader:
    """Make the reader of an array's frames.

    Parameters
    ----------
    refs
        One for each frame of the array, in its order.
    dtype
        Type that the array will have; by default the smallest that holds all frames.

    Returns
    -------
    FrameReader
        ``reader(frames, out, progress)`` puts the stored values of ``refs[frames[n]]`` into ``out[n]``.
        It raises `TruncatedError`, `UnsupportedError` or another `FormatError` with file and frame.

    Raises
    ------
    FormatError
        If the slices differ in size, or colour and grey ones are mixed.
    """
    shapes = {ref.shape for ref in refs}
    if len(shapes) > 1:
        raise FormatError("the slices differ in size", got=sorted(shapes))
    formats = list({id(ref.format): ref.format for ref in refs}.values())
    return DicomFrames(tuple(refs), dtype or common_dtype(formats))


@dataclass(frozen=True, slots=True)
class _Wish:
    """A frame of a file, and where slices of it go in the output."""

    frame: int
    ref: FrameRef
    goals: list[tuple[int, Tile | None]]


_Tasks = deque[tuple[int, list[_Wish]]]


@dataclass(frozen=True, slots=True)
class _Ended:
    """What became of a task: the frames it read, or why it failed."""

    number: int
    frames: int
    error: BaseException | None = None


@dataclass(slots=True)
class _Indexes:
    """Frame indexes of encapsulated files, made once and kept."""

    known: dict[str, FrameIndex] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, source: Source, ref: FrameRef) -> FrameIndex:
        found = self.known.get(ref.file)
        if found is None:
            codec = transfer_syntax(ref.format.transfer_syntax, encapsulated=True).codec
            found = index_frames(source, ref.span.offset, ref.format.frames, codec)
            if ref.format.frames > 1:
                with self.lock:
                    self.known[ref.file] = found
        return found

    def __reduce__(self) -> tuple[type[_Indexes], tuple[()]]:
        return _Indexes, ()


@dataclass(frozen=True, slots=True, eq=False)
class DicomFrames:
    """Reads frames of DICOM files (a `FrameReader`; made by `frame_reader`)."""

    refs: tuple[FrameRef, ...]
    dtype: np.dtype[Any]
    indexes: _Indexes = field(default_factory=_Indexes)

    def __call__(self, frames: Sequence[int], out: AnyArray, progress: Progress = silent) -> None:
        """Read frame ``refs[frames[n]]`` into ``out[n]``.

        Raises
        ------
        FormatError
            If a frame is missing, damaged or cannot be decoded.
        CancelledError
            If `progress` asks to stop.
        """
        total, ended = len(frames), list[_Ended]()
        tasks = deque(enumerate(_tasks([self.refs[frame] for frame in frames])))
        progress(0, total, TEXT)
        helpers = min(settings.current().threads, len(tasks)) - 1
        with ThreadPoolExecutor(max(1, helpers), thread_name_prefix="medvox-pixels") as pool:
            futures = [
                pool.submit(copy_context().run, self._drain, tasks, out, ended) for _ in range(helpers)
            ]
            try:
                for _ in self._runs(tasks, out, ended):
                    progress(sum(one.frames for one in ended), total, TEXT)
            finally:
                tasks.clear()
                wait(futures)
        failed = [one for one in ended if one.error is not None]
        if failed and (error := min(failed, key=lambda one: one.number).error) is not None:
            raise error
        if helpers > 0:
            progress(total, total, TEXT)

    def _drain(self, tasks: _Tasks, out: AnyArray, ended: list[_Ended]) -> None:
        """Run tasks until none is left."""
        for _ in self._runs(tasks, out, ended):
            pass

    def _runs(self, tasks: _Tasks, out: AnyArray, ended: list[_Ended]) -> Iterator[None]:
        """Take tasks from the front and run them, one a step; nobody starts another after one failed."""
        while tasks:
            try:
                number, task = tasks.popleft()
            except IndexError:  # another thread was faster
                return
            try:
                ended.append(_Ended(number, self._run(task, out)))
            except BaseException as error:
                tasks.clear()
                ended.append(_Ended(number, 0, error))
                return
            yield

    def _run(self, task: list[_Wish], out: AnyArray) -> int:
        """Read the wishes of a task; consecutive ones of a file share its opening."""
        done = at = 0
        plain: dict[int, bool] = {}
        while at < len(task):
            if _straight(task[at], out, plain):
                done += 1
                at += 1
                continue
            first = task[at].ref
            end = at + 1
            while end < len(task) and task[end].ref.file == first.file:
                end += 1
            with open_pixels(first.file, first.format.transfer_syntax) as source:
                for wish in task[at:end]:
                    self._read(source, wish, out)
                    done += len(wish.goals)
            at = end
        return done

    def _read(self, source: Source, wish: _Wish, out: AnyArray) -> None:
        """Decode one frame, straight into its place where it needs no change."""
        goal, tile = wish.goals[0]
        straight = tile is None and out.dtype == wish.ref.format.dtype and out[goal].flags.c_contiguous
        values = out[goal] if straight else _room(wish.ref)
        self._decode(source, wish.ref, values)
        for goal, tile in wish.goals[1:] if straight else wish.goals:
            if tile is None:
                out[goal] = values
            else:
                row, column, rows, columns = tile
                out[goal] = values[row : row + rows, column : column + columns]

    def _decode(self, source: Source, ref: FrameRef, out: AnyArray) -> None:
        """Decode one frame into a C-contiguous array of its own shape and type."""
        where = f"{ref.file} frame {ref.frame + 1}"
        if not 0 <= ref.frame < ref.format.frames:
            raise FormatError("there is no such frame", where=where, expected=f"1 to {ref.format.frames}")
        if transfer_syntax(ref.format.transfer_syntax, encapsulated=ref.span.length < 0).is_encapsulated:
            _encapsulated(source, ref, self.indexes, where, out)
        elif ref.span.length < 0:
            raise FormatError("the pixel data are in fragments, but the file says uncompressed", where=where)
        else:
            _native(source, ref, where, out)


def _room(ref: FrameRef) -> AnyArray:
    """Memory for one frame."""
    try:
        return np.empty(ref.format.frame_shape, ref.format.dtype)
    except MemoryError as error:
        where = f"{ref.file} frame {ref.frame + 1}"
        raise LimitError("the frame needs more memory than there is", where=where) from error


def _is_as_stored(form: PixelFormat, out: AnyArray) -> bool:
    """Whether frames of a format lie in the file as they will in the output."""
    return (
        form.transfer_syntax in _NATIVE
        and not form.big_endian
        and out.dtype == form.dtype
        and is_plain(form)
        and out[0].flags.c_contiguous
    )


def _straight(wish: _Wish, out: AnyArray, plain: dict[int, bool]) -> bool:
    """Read a frame that needs no change with one call; False where anything stands in the way of it.

    What was found out of a format is kept in `plain`: slices of a series share theirs.
    """
    ref, (goal, tile) = wish.ref, wish.goals[0]
    form = ref.format
    known = plain.get(id(form))
    if known is None:
        known = plain[id(form)] = _HAS_PREADV and _is_as_stored(form, out)
    if not known or tile is not None or len(wish.goals) > 1 or not 0 <= ref.frame < form.frames:
        return False
    place = out[goal]
    first, length, _ = frame_bytes(form, ref.frame)
    if length != place.nbytes or ref.span.length < first + length:
        return False
    try:
        fetched(ref.file, ref.span.offset + first, length)
        descriptor = os.open(ref.file, os.O_RDONLY)
        try:
            done = os.preadv(descriptor, [place.data], ref.span.offset + first)
        finally:
            os.close(descriptor)
    except OSError:
        return False  # the careful way tells what is wrong
    if done == length:
        clean_bits(place, form, shifted=True)
    return done == length


def _native(source: Source, ref: FrameRef, where: str, out: AnyArray) -> None:
    form = ref.format
    first, length, skip = frame_bytes(form, ref.frame)
    if 0 <= ref.span.length < first + length:
        raise _missing(ref, where, first + length)
    if is_plain(form) and not (form.big_endian and out.itemsize == 1 and ref.span.vr == "OW"):
        source.read_into(ref.span.offset + first, out, f"frame {ref.frame + 1}")
        if form.big_endian:
            out.byteswap(inplace=True)
        clean_bits(out, form, shifted=True)
        return
    if form.big_endian and form.bits_allocated < 16 and ref.span.vr == "OW":
        even = first // 2 * 2
        pairs = source.read(ref.span.offset + even, (first + length - even + 1) // 2 * 2)
        raw = swap_pairs(np.frombuffer(pairs, np.uint8))[first - even :]
    else:
        raw = np.frombuffer(
            source.read_exactly(ref.span.offset + first, length, f"frame {ref.frame + 1}"), np.uint8
        )
    samples, name = decode_native(raw, skip, form, where)
    _finish(samples, name, form, out, shifted=True)


def _missing(ref: FrameRef, where: str, needed: int) -> TruncatedError:
    return TruncatedError(
        "the frame is missing: the pixel data end early",
        where=where,
        got=f"{ref.span.length} bytes",
        expected=f"{needed} or more",
        advice="Copy the file again from where it came",
    )


def _encapsulated(source: Source, ref: FrameRef, indexes: _Indexes, where: str, out: AnyArray) -> None:
    form = ref.format
    data = indexes.get(source, ref).read(source, ref.frame, where)
    direct = out if out.dtype == form.stored_dtype and form.palette is None else None
    samples, name = decode_frame(data, form, where, direct)
    if (
        direct is not None
        and np.may_share_memory(samples, out)
        and name in (*photometric.GREY, photometric.RGB)
    ):
        clean_bits(out, form, shifted=False)
        return
    _finish(samples, name, form, out, shifted=False)


def _finish(samples: AnyArray, name: str, form: PixelFormat, out: AnyArray, *, shifted: bool) -> None:
    """Take foreign bits away, turn colours to RGB, and store."""
    if samples.dtype != form.stored_dtype and form.kind == "integer":
        samples = samples.astype(form.stored_dtype)  # the same bits, signed as the header says
    if form.bits_stored != form.bits_allocated or shifted:
        samples = samples if samples.flags.writeable else samples.copy()
        clean_bits(samples, form, shifted)
    if form.palette is not None:
        out[...] = form.palette.apply(samples)
    elif name in (*photometric.YBR_FULL, *photometric.YBR_PARTIAL):
        out[...] = photometric.rgb_from_ybr(samples, name)
    else:
        out[...] = samples


def _tasks(refs: Sequence[FrameRef]) -> list[list[_Wish]]:
    """Group what is wanted by file and frame, a few frames a task."""
    wishes: dict[tuple[str, int], _Wish] = {}
    for number, ref in enumerate(refs):
        wish = wishes.setdefault((ref.file, ref.frame), _Wish(ref.frame, ref, []))
        wish.goals.append((number, ref.tile))
    every = list(wishes.values())
    size = max(1, min(FRAMES_A_TASK, len(every) // (2 * settings.current().threads)))
    return [every[at : at + size] for at in range(0, len(every), size)]
