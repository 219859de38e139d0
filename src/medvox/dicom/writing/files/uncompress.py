"""Transcoding to the native little endian encodings, values unchanged (PS3.5 8.2, A.1, A.2, 10.1)."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator

import numpy as np
from pydicom import Dataset, dcmwrite
from pydicom.filereader import read_dataset

from medvox.core.errors import FormatError, UnsupportedError
from medvox.dicom.header import Header, inflate
from medvox.dicom.in_memory import header_of
from medvox.dicom.pixels import photometric
from medvox.dicom.pixels.codecs import decode_frame
from medvox.dicom.pixels.encapsulation import index_frames
from medvox.dicom.pixels.format import PixelFormat
from medvox.dicom.pixels.native import clean_bits
from medvox.dicom.pixels.source import Source
from medvox.dicom.pixels.transfer_syntaxes import BIG_ENDIAN, DEFLATED, Codec, transfer_syntax

IMPLICIT_LITTLE, EXPLICIT_LITTLE = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
_MOST = 0xFFFFFFFE
_WORDS = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
_TABLES = ("ExtendedOffsetTable", "ExtendedOffsetTableLengths", "EncapsulatedPixelDataValueTotalLength")


def uncompressed(data: bytes | memoryview, syntax: str, wanted: str) -> bytes | None:
    """Return a data set in a native little endian encoding, every stored value the same.

    Colors that a codec transforms come as RGB, which the header then says; what was compressed with loss is
    marked so (PS3.3 C.7.6.1.1.5). The SOP Instance UID stays.

    Parameters
    ----------
    data
        The data set without file meta information.
    syntax
        UID of its transfer syntax.
    wanted
        Implicit or Explicit VR Little Endian.

    Returns
    -------
    data
        None where it cannot be: another wanted encoding, video, single bits in a codec.

    Raises
    ------
    FormatError
        If the data set or its pixels are damaged.
    """
    known = transfer_syntax(syntax, encapsulated=True)
    if wanted not in (IMPLICIT_LITTLE, EXPLICIT_LITTLE) or known.codec is Codec.NONE:
        return None
    if syntax == DEFLATED:
        data, syntax = inflate(bytes(data), 0, "data set"), EXPLICIT_LITTLE
    header = header_of(data, syntax)
    dataset = _parsed(data, syntax)
    if known.is_encapsulated and "PixelData" in dataset:
        form = PixelFormat.of(header)
        if form.kind != "integer" or form.bits_allocated not in (8, 16, 32):
            return None
        _set_pixels(dataset, form, _pixels(bytes(data), header, form))
    elif syntax == BIG_ENDIAN:
        _swap(dataset)
    return _encoded(dataset, wanted)


def _parsed(data: bytes | memoryview, syntax: str) -> Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = read_dataset(io.BytesIO(data), syntax == IMPLICIT_LITTLE, syntax != BIG_ENDIAN)
            dataset.walk(lambda _, element: element.value)
        except Exception as error:
            raise FormatError("the data set cannot be parsed", got=type(error).__name__) from None
    return dataset


def _encoded(dataset: Dataset, wanted: str) -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dcmwrite(out, dataset, implicit_vr=wanted == IMPLICIT_LITTLE, little_endian=True)
        except Exception as error:
            raise UnsupportedError("the data set cannot be encoded", got=type(error).__name__) from None
    return out.getvalue()


def _pixels(data: bytes, header: Header, form: PixelFormat) -> tuple[bytes, str]:
    """Native pixel data of all frames, and the photometric interpretation they are in."""
    names: list[str] = []
    needed = form.rows * form.columns * form.samples * form.stored_dtype.itemsize * form.frames
    if needed > _MOST:
        raise UnsupportedError("the pixels are too long without compression", got=f"{needed} bytes")
    value = b"".join(_frames(data, header, form, names))
    if len(set(names)) != 1:
        raise FormatError("the frames differ in their colors", got=sorted(set(names)))
    return value, names[0]


def _frames(data: bytes, header: Header, form: PixelFormat, names: list[str]) -> Iterator[bytes]:
    span = header.pixel
    assert span is not None
    source = Source(header.name, io.BytesIO(data), len(data))
    codec = transfer_syntax(form.transfer_syntax, encapsulated=True).codec
    index = index_frames(source, span.offset, form.frames, codec)
    for frame in range(form.frames):
        where = f"frame {frame + 1}"
        samples, name = decode_frame(index.read(source, frame, where), form, where)
        values = np.array(samples, form.stored_dtype.newbyteorder("="), order="C")
        clean_bits(values, form, shifted=codec in (Codec.NATIVE_FRAGMENTS, Codec.DEFLATED_FRAMES))
        names.append("YBR_FULL" if name in photometric.SUBSAMPLED else name)
        yield values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()


def _set_pixels(dataset: Dataset, form: PixelFormat, pixels: tuple[bytes, str]) -> None:
    value, name = pixels
    dataset.add_new(0x7FE00010, "OB" if form.bits_allocated == 8 else "OW", value + b"\0" * (len(value) % 2))
    dataset["PixelData"].is_undefined_length = False
    dataset.PhotometricInterpretation = name
    dataset.HighBit = form.bits_stored - 1
    if form.samples > 1:
        dataset.PlanarConfiguration = 0
    if transfer_syntax(form.transfer_syntax, encapsulated=True).is_lossy:
        dataset.LossyImageCompression = "01"
    for keyword in _TABLES:
        if keyword in dataset:
            del dataset[keyword]


def _swap(dataset: Dataset) -> None:
    """Turn big endian words around in values that pydicom keeps as bytes (PS3.5 7.3, 8.1.2)."""
    allocated = int(dataset.get("BitsAllocated", 16))
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                _swap(item)
        elif element.VR in _WORDS and isinstance(element.value, bytes):
            is_wide = element.tag == 0x7FE00010 and allocated > 16
            size = allocated // 8 if is_wide else _WORDS[element.VR]
            whole = len(element.value) // size * size
            words = np.frombuffer(element.value[:whole], f">u{size}").astype(f"<u{size}")
            element.value = words.tobytes() + element.value[whole:]
