"""Lengths: whether the pixel data that a header announces are there."""

from __future__ import annotations

from medvox.core.errors import MedvoxError
from medvox.core.finding import Finding, Level
from medvox.dicom.header import Header
from medvox.dicom.pixels.encapsulation import index_frames
from medvox.dicom.pixels.format import PixelFormat
from medvox.dicom.pixels.source import open_pixels
from medvox.dicom.pixels.transfer_syntaxes import transfer_syntax

_REFERENCE = "PS3.5 8.1.1"


def present_frames(header: Header, form: PixelFormat) -> int:
    """Count the frames that are all there, without decoding any.

    Raises
    ------
    FormatError, AccessError
        If the fragments cannot be read.
    """
    span = header.pixel
    if span is None:
        return 0
    syntax = transfer_syntax(form.transfer_syntax, encapsulated=span.length < 0)
    if not syntax.is_encapsulated:
        bits = _present_bytes(header, form) * 8
        return min(form.frames, bits // form.native_frame_bits)
    with open_pixels(header.file, form.transfer_syntax) as source:
        index = index_frames(source, span.offset, form.frames, syntax.codec)
    count = min(form.frames, len(index.frames))
    return count if index.complete or count < len(index.frames) else count - 1


def check_length(header: Header, form: PixelFormat) -> tuple[Finding, ...]:
    """Compare the pixel data with what the header announces.

    Native data are checked without opening the file. Encapsulated ones are checked by their fragment
    headers where there are several frames.

    Returns
    -------
    tuple of Finding
        ``truncated-pixel-data`` (error) where frames are missing, ``wrong-pixel-length`` where there is
        more than padding too much; empty where all is well.
    """
    span = header.pixel
    if span is None:
        return ()
    syntax = transfer_syntax(form.transfer_syntax, encapsulated=span.length < 0)
    if syntax.is_encapsulated:
        return _encapsulated(header, form)
    there, needed = _present_bytes(header, form), form.native_length()
    if there < needed:
        count = present_frames(header, form)
        text = f"{there} of {needed} bytes are there: {count} of {form.frames} frames can be shown"
        return (Finding("truncated-pixel-data", Level.ERROR, header.name, text, _REFERENCE),)
    if there > needed + 1:
        text = f"{there} bytes are there where the header needs {needed}"
        return (Finding("wrong-pixel-length", Level.INFO, header.name, text, _REFERENCE),)
    return ()


def _present_bytes(header: Header, form: PixelFormat) -> int:
    """Bytes of native pixel data that are in the file."""
    span = header.pixel
    assert span is not None
    rest = max(0, header.size - span.offset)
    if form.transfer_syntax.endswith(".1.99") or span.length < 0:
        return max(0, span.length)  # the inflated data set is longer than its file
    return min(span.length, rest)


def _encapsulated(header: Header, form: PixelFormat) -> tuple[Finding, ...]:
    if form.frames == 1:
        return ()
    try:
        count = present_frames(header, form)
    except MedvoxError as error:
        return (Finding("truncated-pixel-data", Level.ERROR, header.name, error.what, "PS3.5 A.4"),)
    if count >= form.frames:
        return ()
    text = f"{count} of {form.frames} frames are there"
    return (Finding("truncated-pixel-data", Level.ERROR, header.name, text, "PS3.5 A.4"),)
