"""Pixels: stored samples of a data set in memory, native or decoded, with every bit that was stored."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medvox.archive.store.disk import Buffer
from medvox.core.errors import TruncatedError, UnsupportedError
from medvox.dicom.elements.encoding import DEFLATED
from medvox.dicom.header import PixelSpan, inflate
from medvox.dicom.in_memory import header_of
from medvox.dicom.pixels.codecs import decode_frame
from medvox.dicom.pixels.encapsulation import index_frames
from medvox.dicom.pixels.format import PixelFormat
from medvox.dicom.pixels.native import frame_bytes
from medvox.dicom.pixels.source import Source
from medvox.dicom.pixels.transfer_syntaxes import transfer_syntax as known_syntax

AnyArray = NDArray[Any]
_UID: Final = "1.2.840.10008.1.2"
_LOSSLESS: Final = frozenset(
    f"{_UID}{end}" for end in (".4.57", ".4.58", ".4.70", ".4.80", ".4.90", ".4.201", ".4.202", ".5")
)


@dataclass(frozen=True, slots=True, eq=False)
class StoredPixels:
    """Frames of a data set as they are stored.

    Parameters
    ----------
    form
        How they are laid out.
    is_compressed, is_lossless
        Whether they are encapsulated, and whether decoding gives back all that was encoded.
    """

    form: PixelFormat
    is_compressed: bool
    is_lossless: bool
    _data: Buffer
    _span: PixelSpan

    @property
    def after(self) -> bytes:
        """What follows native pixel data."""
        return b"" if self.is_compressed else bytes(self._data[self._span.offset + self._span.length :])

    def frames(self) -> Iterator[tuple[AnyArray, str]]:
        """Yield each frame and the photometric interpretation that it is in.

        Yields
        ------
        samples : (rows, columns) or (rows, columns, 3)
            Unsigned, of the size of Bits Allocated, native endian.

        Raises
        ------
        FormatError
            If a frame is missing or damaged.
        UnsupportedError
            If it cannot be decoded, or samples do not fill whole bytes.
        """
        form = self.form
        if form.bits_allocated not in (8, 16, 32, 64) or form.photometric in (
            "YBR_FULL_422",
            "YBR_PARTIAL_422",
        ):
            raise UnsupportedError("samples of this layout are not unpacked here", got=form.photometric)
        return self._decoded() if self.is_compressed else self._native()

    def _native(self) -> Iterator[tuple[AnyArray, str]]:
        form = self.form
        dtype = np.dtype(f"{'>' if form.big_endian else '<'}u{form.bits_allocated // 8}")
        view = memoryview(self._data)
        for frame in range(form.frames):
            first, length, _ = frame_bytes(form, frame)
            if first + length > self._span.length:
                raise TruncatedError(
                    "the frame is missing: the pixel data end early", where=f"frame {frame + 1}"
                )
            start = self._span.offset + first
            samples: AnyArray = np.frombuffer(view[start : start + length], dtype)
            samples = samples.astype(dtype.newbyteorder("="), copy=False)
            if form.samples == 1:
                yield samples.reshape(form.rows, form.columns), form.photometric
            elif form.planar == 1:
                planes = samples.reshape(form.samples, form.rows, form.columns)
                yield np.ascontiguousarray(np.moveaxis(planes, 0, -1)), form.photometric
            else:
                yield samples.reshape(form.rows, form.columns, form.samples), form.photometric

    def _decoded(self) -> Iterator[tuple[AnyArray, str]]:
        form, size = self.form, self.form.bits_allocated // 8
        source = Source("the instance", io.BytesIO(self._data), len(self._data))
        codec = known_syntax(form.transfer_syntax, encapsulated=True).codec
        index = index_frames(source, self._span.offset, form.frames, codec)
        for frame in range(form.frames):
            where = f"frame {frame + 1}"
            samples, name = decode_frame(index.read(source, frame, where), form, where)
            if samples.itemsize != size:
                samples = samples.astype(f"{samples.dtype.kind}{size}")
            yield np.ascontiguousarray(samples).view(f"u{size}"), name


def stored_pixels(data: Buffer, transfer_syntax: str) -> StoredPixels:
    """Find the pixels of a data set without file meta information.

    Raises
    ------
    MissingError
        If it has none.
    FormatError, UnsupportedError, LimitError
        If they are not possible.
    """
    if transfer_syntax in DEFLATED:
        data, transfer_syntax = inflate(bytes(data), 0, "the instance"), f"{_UID}.1"
    header = header_of(data, transfer_syntax, "the instance")
    form = PixelFormat.of(header)
    span = header.pixel
    if span is None:  # `of` has refused it
        raise UnsupportedError("there are no pixels")
    is_compressed = span.length < 0
    return StoredPixels(form, is_compressed, not is_compressed or transfer_syntax in _LOSSLESS, data, span)


def same_samples(one: AnyArray, other: AnyArray, form: PixelFormat) -> bool:
    """Tell whether samples are the same; bits above those stored may be zeros or repeat the sign.

    Parameters
    ----------
    one, other
        As from `StoredPixels.frames`.
    form
        Of both.
    """
    if one.shape != other.shape:
        return False
    if np.array_equal(one, other):
        return True
    if (
        form.kind != "integer"
        or form.high_bit != form.bits_stored - 1
        or form.bits_stored == form.bits_allocated
    ):
        return False
    mask = (1 << form.bits_stored) - 1
    return _is_extended(one, form) and _is_extended(other, form) and np.array_equal(one & mask, other & mask)


def _is_extended(samples: AnyArray, form: PixelFormat) -> bool:
    """Whether the bits above those stored say nothing: zeros, or copies of the sign."""
    above = samples >> form.bits_stored
    if not above.any():
        return True
    ones = (1 << (form.bits_allocated - form.bits_stored)) - 1
    sign = (samples >> (form.bits_stored - 1)) & 1
    return form.signed and bool(np.array_equal(above, sign * ones))
