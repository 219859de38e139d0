"""Palettes and colour spaces, beside pydicom."""

import struct

import numpy as np
import pydicom
import pytest
from pydicom.pixels import apply_color_lut, convert_color_space

from medvox.core.errors import FormatError
from medvox.dicom.pixels.palette import palette_of
from medvox.dicom.pixels.photometric import rgb_from_ybr
from medvox.testing.dicom_builder import instance

INDEX = np.arange(256, dtype=np.uint8).reshape(16, 16)


def palette_image(index, descriptor, tables, segmented=False):
    data = instance(index, PhotometricInterpretation="PALETTE COLOR")
    for color, table in zip(("Red", "Green", "Blue"), tables, strict=True):
        setattr(data, f"{color}PaletteColorLookupTableDescriptor", list(descriptor))
        data[f"{color}PaletteColorLookupTableDescriptor"].VR = "US"
        prefix = "Segmented" if segmented else ""
        setattr(data, f"{prefix}{color}PaletteColorLookupTableData", table)
    return data


def test_sixteen_bit_palette_equals_pydicom(save, load):
    tables = [np.random.default_rng(n).integers(0, 65536, 256).astype("<u2").tobytes() for n in range(3)]
    path = save(palette_image(INDEX, (256, 0, 16), tables))
    data = pydicom.dcmread(path)
    got = load(path)[0]
    assert got.dtype == np.uint16
    np.testing.assert_array_equal(got, apply_color_lut(data.pixel_array, data))


def test_eight_bit_palette_packed_and_one_a_word(save, load):
    colors = np.random.default_rng(5).integers(0, 256, (3, 256)).astype("u1")
    expected = np.moveaxis(colors[:, INDEX], 0, -1)
    for tables in (
        [c.tobytes() for c in colors],
        [c.astype("<u2").tobytes() for c in colors],
        [(c.astype("<u2") << 8).tobytes() for c in colors],
    ):
        got = load(save(palette_image(INDEX, (256, 0, 8), tables)))[0]
        assert got.dtype == np.uint8
        np.testing.assert_array_equal(got, expected)


def test_values_outside_the_palette_take_its_ends(save, load):
    tables = [np.array([10, 20, 30, 40], "<u2").tobytes()] * 3
    got = load(save(palette_image(INDEX, (4, 100, 16), tables)))[0, ..., 0].ravel()
    np.testing.assert_array_equal(got[[0, 99, 100, 101, 103, 104, 255]], [10, 10, 10, 20, 40, 40, 40])


def test_segmented_palette_equals_pydicom(save, load):
    """Discrete, linear and indirect segments (PS3.3 C.7.9.2)."""
    words = [0, 2, 100, 300, 1, 100, 60000, 0, 54, *range(1000, 55000, 1000), 1, 98, 0, 2, 1, 0, 0]
    table = struct.pack(f"<{len(words)}H", *words)
    path = save(palette_image(INDEX, (256, 0, 16), [table] * 3, segmented=True))
    data = pydicom.dcmread(path)
    got = load(path)[0].astype(int)
    expected = apply_color_lut(data.pixel_array, data).astype(int)
    assert np.abs(got - expected).max() <= 1  # pydicom truncates where the standard's line is rounded


@pytest.mark.parametrize(
    ("descriptor", "table"),
    [((256, 0, 16), b"\0" * 100), ((256, 0, 12), b"\0" * 512), ((256, 0), b"\0" * 512), ((), b"")],
)
def test_bad_palettes_are_refused(descriptor, table):
    with pytest.raises(FormatError, match="palette"):
        palette_of(descriptor, (table,) * 3, False, "x.dcm")


@pytest.mark.parametrize("words", [[7, 1, 2], [2, 1, 9, 0], [2, 60000, 0, 0], [1, 5, 3], [0, 9, 1]])
def test_bad_segments_are_refused(words):
    table = struct.pack(f"<{len(words)}H", *words)
    with pytest.raises(FormatError, match="palette"):
        palette_of((256, 0, 16), (table,) * 3, True, "x.dcm")


@pytest.mark.parametrize(
    "color", [(0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255), (12, 200, 99)]
)
def test_full_range_ybr_there_and_back(color):
    rgb = np.array([[color]], np.uint8)
    ybr = convert_color_space(rgb, "RGB", "YBR_FULL")
    assert np.abs(rgb_from_ybr(ybr, "YBR_FULL").astype(int) - rgb).max() <= 1


def test_ybr_equals_pydicom_for_all_corners():
    values = np.stack(np.meshgrid(*[np.arange(0, 256, 15)] * 3), axis=-1).reshape(18, -1, 3)
    values = np.ascontiguousarray(values, np.uint8)
    expected = convert_color_space(values, "YBR_FULL", "RGB")
    assert np.abs(rgb_from_ybr(values, "YBR_FULL").astype(int) - expected).max() <= 1
