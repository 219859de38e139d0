"""Transcode: whole instances, and frames, from one transfer syntax to another, without loss."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from io import BytesIO
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import FormatError, MedvoxError, UnsupportedError
from medvox.dicom.pixels.codecs import decode_frame
from medvox.dicom.pixels.format import PixelFormat
from medvox.dicom.pixels.native import decode_native, swap_pairs
from medvox.dicom.pixels.transfer_syntaxes import BIG_ENDIAN, DEFLATED, DICOM, Codec, transfer_syntax
from medvox.dicom.writing.files.compress import compressed_frames, encapsulated, transfer_syntax_of
from medvox.dicom.writing.files.encode import EXPLICIT_LITTLE
from medvox.dicom.writing.options import Compression

AnyArray = NDArray[Any]
IMPLICIT_LITTLE: Final = DICOM
COMPRESSIONS: Final = {
    transfer_syntax_of(one): one for one in Compression if one not in (Compression.NONE, Compression.DEFLATED)
}
"""Compressions that frames can be encoded in, by transfer syntax."""
NATIVE: Final = (IMPLICIT_LITTLE, EXPLICIT_LITTLE, DEFLATED, BIG_ENDIAN)
TARGETS: Final = frozenset((IMPLICIT_LITTLE, EXPLICIT_LITTLE, *COMPRESSIONS))
"""Transfer syntaxes that can be made here."""


def can_transcode(source: str, target: str) -> bool:
    """Whether instances of one transfer syntax can be written in another, as far as their UIDs tell."""
    if target not in TARGETS:
        return False
    if source in NATIVE:
        return True
    return transfer_syntax(source, encapsulated=True).codec is not Codec.NONE


def decoded_frame(data: bytes, form: PixelFormat, where: str) -> tuple[AnyArray, str]:
    """Decode one frame as it is stored, native or compressed.

    Returns
    -------
    samples, photometric
        (rows, columns) or (rows, columns, 3) of `form.stored_dtype`; palette indices stay what they are.
        The photometric interpretation that they are in.

    Raises
    ------
    FormatError
        If it is damaged or cannot be decoded here.
    """
    if form.transfer_syntax in NATIVE or transfer_syntax(form.transfer_syntax).codec is Codec.NATIVE:
        samples, name = decode_native(data, 0, form, where)
    else:
        samples, name = decode_frame(data, form, where)
    wanted = form.stored_dtype
    if samples.dtype != wanted and samples.itemsize == wanted.itemsize:
        samples = samples.view(wanted)
    elif samples.dtype != wanted:
        samples = samples.astype(wanted)
    return samples, name


def native_bytes(samples: AnyArray) -> bytes:
    """Samples as native pixel data of Explicit VR Little Endian, colour by pixel."""
    return np.ascontiguousarray(samples, samples.dtype.newbyteorder("<")).tobytes()


def little_endian(data: bytes, form: PixelFormat, vr: str) -> bytes:
    """Turn native big-endian pixel data into little-endian ones (PS3.5 7.3)."""
    if form.bits_allocated <= 8:
        return swap_pairs(np.frombuffer(data, np.uint8)).tobytes() if vr == "OW" else data
    size = form.bits_allocated // 8
    return np.frombuffer(data[: len(data) // size * size], f"u{size}").byteswap().tobytes()


def compressed_frame(samples: AnyArray, target: str) -> bytes:
    """Compress one frame without loss; it was decoded again to prove it.

    Raises
    ------
    UnsupportedError
        If the transfer syntax cannot be made here.
    WriteError
        If the frame does not survive.
    """
    compression = COMPRESSIONS.get(target)
    if compression is None:
        raise UnsupportedError("frames cannot be encoded in this transfer syntax", got=target)
    return compressed_frames(samples[np.newaxis], compression)[0]


def transcoded(
    content: bytes, form: PixelFormat | None, frames: Sequence[bytes], vr: str, target: str
) -> bytes:
    """Write an instance in another transfer syntax; nothing but the pixel data's encoding is changed.

    Parameters
    ----------
    content
        The DICOM file (PS3.10).
    form, frames
        Its pixels: how they are stored, and each frame's bytes as they are; None without pixels.
    vr
        VR of the pixel data as stored.
    target
        One of `TARGETS`.

    Raises
    ------
    UnsupportedError
        If it cannot be written so.
    FormatError
        If it cannot be read.
    WriteError
        If a compressed frame does not survive.
    """
    from pydicom import dcmread
    from pydicom.uid import UID

    if target not in TARGETS:
        raise UnsupportedError("instances cannot be written in this transfer syntax", got=target)
    out = BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            data = dcmread(BytesIO(content))
            if form is not None:
                _put_pixels(data, form, frames, vr, target)
            data.file_meta.TransferSyntaxUID = UID(target)
            data.save_as(out, enforce_file_format=True)
        except MedvoxError:
            raise
        except Exception as error:  # pydicom raises errors of many classes
            raise FormatError(f"the instance cannot be transcoded: {type(error).__name__}") from error
    return out.getvalue()


def _put_pixels(data: Any, form: PixelFormat, frames: Sequence[bytes], vr: str, target: str) -> None:
    """Put the pixels into a data set, as the target needs them."""
    if form.kind != "integer":
        if target in COMPRESSIONS or form.transfer_syntax not in NATIVE:
            raise UnsupportedError("pixels of this kind cannot be transcoded", got=form.kind)
        return  # floats and single bits stay as they are
    if form.transfer_syntax in NATIVE and target not in COMPRESSIONS:
        if form.big_endian:
            data.PixelData = little_endian(data.PixelData, form, vr)
            data["PixelData"].VR = "OW" if form.bits_allocated > 8 else vr
        return
    parts, name = [], form.photometric
    for number, frame in enumerate(frames, start=1):
        samples, name = decoded_frame(frame, form, f"frame {number}")
        parts.append(compressed_frame(samples, target) if target in COMPRESSIONS else native_bytes(samples))
    data.PhotometricInterpretation = name
    if form.samples == 3:
        data.PlanarConfiguration = 0
    for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        if keyword in data:
            delattr(data, keyword)
    if target in COMPRESSIONS:
        coded = encapsulated(parts)
        data.PixelData = b"".join(coded.parts[1:-1])  # without the element's head and its delimiter
        data["PixelData"].VR, data["PixelData"].is_undefined_length = "OB", True
        return
    joined = b"".join(parts)
    data.PixelData = joined + b"\0" * (len(joined) % 2)
    data["PixelData"].VR = "OB" if form.bits_allocated <= 8 else "OW"
    data["PixelData"].is_undefined_length = False
