"""Damaged pixel headers and pixel data: our errors come out, never others, never a hang."""

import contextlib
import time

import imagecodecs
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.pixels.encoders import RLELosslessEncoder

from medvox.core.errors import MedvoxError
from medvox.dicom.lut import display_of, rescale_of, unit_of
from medvox.dicom.pixels import FrameRef, PixelFormat, check_length, frame_reader, read_overlays
from medvox.testing.dicom_builder import instance, items

J = "1.2.840.10008.1.2.4."
FRAMES = np.random.default_rng(0).integers(0, 4000, (2, 12, 14)).astype("u2")
ENCODERS = {
    J + "57": lambda a: imagecodecs.jpeg8_encode(a, lossless=True),
    J + "51": lambda a: imagecodecs.jpeg8_encode(a, 90, bitspersample=12),
    J + "80": imagecodecs.jpegls_encode,
    J + "90": lambda a: imagecodecs.jpeg2k_encode(a, 0, codecformat="j2k"),
    J + "110": lambda a: imagecodecs.jpegxl_encode(a, lossless=True),
    J + "201": imagecodecs.htj2k_encode,
    "1.2.840.10008.1.2.5": lambda a: RLELosslessEncoder.encode(
        a,
        rows=12,
        columns=14,
        samples_per_pixel=1,
        bits_allocated=16,
        bits_stored=16,
        pixel_representation=0,
        number_of_frames=1,
        photometric_interpretation="MONOCHROME2",
        encoding_plugin="pydicom",
    ),
}
MUTATIONS = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255), st.sampled_from("scd")), max_size=6
)


def mutate(content: bytes, first: int, mutations) -> bytes:
    """Set, cut or double bytes behind `first`."""
    data = bytearray(content)
    for place, value, kind in mutations:
        at = first + int(place * (len(data) - first))
        if at >= len(data):
            continue
        if kind == "s":
            data[at] = value
        elif kind == "c":
            del data[at : at + 1 + value // 16]
        else:
            data[at:at] = data[at : at + 1 + value // 16]
    return bytes(data)


def read_everything(path, header) -> None:
    """Read all that this part of the project can take from a file."""
    try:
        made = header(path)
    except MedvoxError:
        return
    for work in (display_of, rescale_of, unit_of, read_overlays):
        with contextlib.suppress(MedvoxError):
            work(made)
    try:
        form = PixelFormat.of(made)
        if form.rows * form.columns * form.frames > 1 << 22:
            return
        check_length(made, form)
        refs = [FrameRef(made.file, n, made.pixel, form) for n in range(min(form.frames, 4))]
        frame_reader(refs)(range(len(refs)), np.zeros((len(refs), *form.frame_shape), form.dtype))
    except MedvoxError:
        pass


@pytest.mark.parametrize("uid", ENCODERS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mutations=MUTATIONS)
def test_damaged_compressed_pixels(uid, mutations, pack, save, header):
    path = save(pack([ENCODERS[uid](frame) for frame in FRAMES], FRAMES, uid, BitsStored=12, HighBit=11))
    content = path.read_bytes()
    path.write_bytes(mutate(content, content.rindex(b"\xe0\x7f\x10\x00OB"), mutations))
    began = time.monotonic()
    read_everything(path, header)
    assert time.monotonic() - began < 5


def rich_image():
    """A palette image with overlays, tables and windows."""
    palette = {"PhotometricInterpretation": "PALETTE COLOR"}
    for color in ("Red", "Green", "Blue"):
        palette[f"{color}PaletteColorLookupTableDescriptor"] = [4, 0, 16]
        palette[f"{color}PaletteColorLookupTableData"] = b"\1\2\3\4\5\6\7\x08"
    table = items(LUTDescriptor=[3, 0, 16], LUTData=b"\1\0\2\0\3\0", ModalityLUTType="HU")
    table[0]["LUTDescriptor"].VR = "US"
    data = instance(
        FRAMES,
        **palette,
        ModalityLUTSequence=table,
        VOILUTSequence=table,
        WindowCenter="40",
        WindowWidth="400",
        PixelPaddingValue=0,
        SmallestImagePixelValue=0,
        LargestImagePixelValue=99,
    )
    for tag, vr, value in ((0x10, "US", 4), (0x11, "US", 4), (0x50, "SS", [1, 1]), (0x3000, "OW", b"\1\2")):
        data.add_new(0x60000000 | tag, vr, value)
    for element in data:
        if element.VR == "US or SS":
            element.VR = "US"
    return data


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mutations=MUTATIONS)
def test_damaged_pixel_headers(mutations, save, header):
    path = save(rich_image())
    content = path.read_bytes()
    path.write_bytes(mutate(content, content.index(b"\x28\x00\x02\x00US"), mutations))
    read_everything(path, header)


WORDS = st.integers(0, 65535)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=WORDS,
    columns=WORDS,
    allocated=st.sampled_from([1, 8, 12, 16, 32, 64]) | WORDS,
    stored=st.integers(0, 33) | WORDS,
    high=st.integers(0, 33) | WORDS,
    samples=st.sampled_from([1, 3, 4]) | WORDS,
    name=st.sampled_from(
        ["MONOCHROME1", "RGB", "YBR_FULL", "YBR_FULL_422", "PALETTE COLOR", "ARGB", "", "ODD"]
    ),
    frames=st.integers(-1, 100000),
)
def test_any_pixel_description(rows, columns, allocated, stored, high, samples, name, frames, save, header):
    path = save(
        instance(
            FRAMES,
            Rows=rows,
            Columns=columns,
            BitsAllocated=allocated,
            BitsStored=stored,
            HighBit=high,
            SamplesPerPixel=samples,
            PhotometricInterpretation=name,
            NumberOfFrames=frames,
        )
    )
    read_everything(path, header)
