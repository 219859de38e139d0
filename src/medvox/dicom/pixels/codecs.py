"""Codecs: one compressed frame to stored samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import FormatError, MedvoxError, TruncatedError, UnsupportedError
from medvox.dicom.pixels import photometric
from medvox.dicom.pixels.codestreams import CodeStream, has_end, jpeg_2000_stream, jpeg_stream, jpeg_xl_size
from medvox.dicom.pixels.format import PixelFormat
from medvox.dicom.pixels.native import decode_native
from medvox.dicom.pixels.rle import decode_rle
from medvox.dicom.pixels.transfer_syntaxes import Codec, TransferSyntax, transfer_syntax

AnyArray = NDArray[Any]
Decoded = tuple[AnyArray, str]
"""Samples (rows, columns) or (rows, columns, 3), and the photometric interpretation they are in."""


def decode_frame(data: bytes, form: PixelFormat, where: str, out: AnyArray | None = None) -> Decoded:
    """Decode one compressed frame.

    Parameters
    ----------
    data
        The whole compressed frame.
    form
        What the header says of it.
    where
        File and frame, for errors.
    out
        Where to put the samples if they come in its shape and type: (rows, columns) or
        (rows, columns, 3) of `form.stored_dtype`, C-contiguous. What is returned may be another array.

    Raises
    ------
    UnsupportedError
        If the transfer syntax cannot be decoded here.
    FormatError
        If the stream is damaged or does not fit the header.
    """
    syntax = transfer_syntax(form.transfer_syntax, encapsulated=True)
    decode = _DECODERS.get(syntax.codec)
    if decode is None:
        raise UnsupportedError(
            f"the transfer syntax {syntax} cannot be decoded here", where=where, advice=syntax.advice or None
        )
    if not data:
        raise TruncatedError(f"the frame is empty ({syntax.name})", where=where)
    try:
        samples, name = decode(data, form, where, out)
    except MedvoxError:
        raise
    except Exception as error:  # decoders raise errors of many classes
        raise _failed(error, syntax, where) from error
    wanted = (form.rows, form.columns) if form.samples == 1 else (form.rows, form.columns, 3)
    if samples.shape != wanted:
        raise _misfit(samples.shape, wanted, where)
    return samples, name


def _failed(error: Exception, syntax: TransferSyntax, where: str) -> FormatError:
    text = " ".join(str(error).split())[:200] or type(error).__name__
    if syntax.advice:
        return UnsupportedError(
            f"the frame ({syntax}) cannot be decoded here: {text}", where=where, advice=syntax.advice
        )
    return FormatError(
        f"the frame ({syntax}) cannot be decoded: {text}",
        where=where,
        advice="Copy the file again from where it came",
    )


def _misfit(got: object, wanted: object, where: str) -> FormatError:
    return FormatError(
        "the compressed frame does not have the size that the header says",
        where=where,
        got=got,
        expected=wanted,
    )


def _checked(stream: CodeStream | None, form: PixelFormat, where: str) -> CodeStream:
    """Refuse streams that do not fit the header before memory is spent on them."""
    if stream is None:
        raise FormatError("the frame does not begin with a code stream header", where=where)
    got = (stream.rows, stream.columns, stream.components)
    wanted = (form.rows, form.columns, form.samples)
    if got != wanted and stream.rows != 0:  # 0: JPEG tells the number of lines later
        raise _misfit(got, wanted, where)
    if stream.precision > form.bits_allocated and form.bits_allocated != 8:
        raise FormatError(
            "the compressed samples have more bits than Bits Allocated",
            where=where,
            got=stream.precision,
            expected=form.bits_allocated,
        )
    return stream


def _target(out: AnyArray | None, precision: int, signed: bool) -> AnyArray | None:
    """`out` seen as the type that a decoder writes, if it has its size."""
    if out is None or out.itemsize != (1 if precision <= 8 else 2 if precision <= 16 else 4):
        return None
    return out.view(f"{'i' if signed else 'u'}{out.itemsize}")


def _jpeg(data: bytes, form: PixelFormat, where: str, out: AnyArray | None) -> Decoded:
    """JPEG of all processes; the colour transform follows the markers, else the header."""
    stream = _checked(jpeg_stream(data), form, where)
    if stream.is_hierarchical:
        raise UnsupportedError("hierarchical JPEG cannot be decoded here", where=where)
    if not has_end(data):
        data = _with_end(data, where)
    target = _target(out, stream.precision, signed=False)
    if stream.components == 1:
        return imagecodecs.jpeg8_decode(data, out=target), form.photometric
    if stream.is_lossless_jpeg:  # these processes never transform colours: samples are what the header says
        return _raw_jpeg(data, target), form.photometric
    transformed = stream.ybr
    if transformed is None:
        transformed = form.photometric != photometric.RGB
    if not transformed:
        return _raw_jpeg(data, target), photometric.RGB
    samples = imagecodecs.jpeg8_decode(data, colorspace="YCBCR", outcolorspace="RGB", out=target)
    return samples, photometric.RGB


def _raw_jpeg(data: bytes, target: AnyArray | None) -> AnyArray:
    samples: AnyArray = imagecodecs.jpeg8_decode(data, colorspace="RGB", outcolorspace="RGB", out=target)
    return samples


def _with_end(data: bytes, where: str) -> bytes:
    """Complete a JPEG stream without end marker if no sample is missing.

    The decoder fills what is missing without a word; so two different tails tell whether it needed them.
    """
    tails = (b"\0" * 4096, b"\x55" * 4096)
    first, second = (imagecodecs.jpeg8_decode(data + tail + b"\xff\xd9") for tail in tails)
    if not np.array_equal(first, second):
        raise TruncatedError("the JPEG frame ends early", where=where, got=f"{len(data)} bytes")
    return data + b"\xff\xd9"


def _jpeg_ls(data: bytes, form: PixelFormat, where: str, out: AnyArray | None) -> Decoded:
    stream = _checked(jpeg_stream(data), form, where)
    if not has_end(data):
        data += b"\xff\xd9"  # without it CharLS takes seconds to find that bits are missing
    target = _target(out, stream.precision, signed=False)
    return imagecodecs.jpegls_decode(data, out=target), form.photometric


def _jpeg_2000(data: bytes, form: PixelFormat, where: str, out: AnyArray | None) -> Decoded:
    """JPEG 2000 and HTJ2K; undoing the component transform leaves RGB (T.800 annex G).

    OpenJPEG decodes both. OpenJPH takes half the time for HTJ2K, but its binding hides errors: a damaged
    frame would come back with lines missing and no word of it.
    """
    stream = _checked(jpeg_2000_stream(data), form, where)
    samples = imagecodecs.jpeg2k_decode(data, out=_target(out, stream.precision, stream.signed))
    if stream.ybr or form.photometric in photometric.YBR_J2K:
        return samples, photometric.RGB
    return samples, form.photometric


def _jpeg_xl(data: bytes, form: PixelFormat, where: str, out: AnyArray | None) -> Decoded:
    """JPEG XL; its decoder gives grey or RGB whatever it used inside (PS3.5 8.2.17)."""
    size = jpeg_xl_size(data)
    if size != (form.rows, form.columns):
        raise _misfit(size, (form.rows, form.columns), where)
    samples = imagecodecs.jpegxl_decode(data, numthreads=1)
    return samples, form.photometric if form.samples == 1 else photometric.RGB


def _rle(data: bytes, form: PixelFormat, where: str, out: AnyArray | None) -> Decoded:
    """RLE keeps colours in planes whatever Planar Configuration says (PS3.5 G.2)."""
    dtype = form.stored_dtype
    if form.bits_allocated not in (8, 16, 32):
        raise UnsupportedError(f"RLE with {form.bits_allocated} bits allocated is not defined", where=where)
    if form.samples == 1 and out is not None:
        decode_rle(data, out[np.newaxis], where)
        return out, form.photometric
    planes = np.empty((form.samples, form.rows, form.columns), dtype)
    decode_rle(data, planes, where)
    return planes[0] if form.samples == 1 else np.moveaxis(planes, 0, -1), form.photometric


def _native(data: bytes, form: PixelFormat, where: str, out: AnyArray | None) -> Decoded:
    return decode_native(data, 0, form, where)


def _deflated(data: bytes, form: PixelFormat, where: str, out: AnyArray | None) -> Decoded:
    """Decode a native frame in a deflate stream (PS3.5 A.4.12)."""
    import zlib

    length = form.native_length(1)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    return decode_native(inflater.decompress(data, length + 1), 0, form, where)


_DECODERS: dict[Codec, Callable[[bytes, PixelFormat, str, AnyArray | None], Decoded]] = {
    Codec.JPEG: _jpeg,
    Codec.JPEG_LS: _jpeg_ls,
    Codec.JPEG_2000: _jpeg_2000,
    Codec.HTJ2K: _jpeg_2000,
    Codec.JPEG_XL: _jpeg_xl,
    Codec.RLE: _rle,
    Codec.NATIVE_FRAGMENTS: _native,
    Codec.DEFLATED_FRAMES: _deflated,
}
