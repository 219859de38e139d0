"""Overlays with data of their own and in unused bits of the pixels."""

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file

from medvox.core.errors import FormatError, LimitError
from medvox.dicom.pixels import read_overlays
from medvox.testing.dicom_builder import instance

DRAWN = np.random.default_rng(8).integers(0, 2, (2, 5, 7)).astype(bool)


def with_overlay(pixels, group=0x6000, **attributes):
    data = instance(pixels, **attributes)
    base = group << 16
    data.add_new(base | 0x0010, "US", 5)
    data.add_new(base | 0x0011, "US", 7)
    data.add_new(base | 0x0040, "CS", "R")
    data.add_new(base | 0x0050, "SS", [3, -1])
    data.add_new(base | 0x0022, "LO", "outline")
    return data


def test_separate_overlay_of_several_frames(save, header):
    data = with_overlay(np.zeros((9, 9), "u1"), group=0x6002)
    raw = np.packbits(DRAWN.ravel(), bitorder="little").tobytes()
    data.add_new(0x60020015, "IS", 2)
    data.add_new(0x60020051, "US", 1)
    data.add_new(0x60020100, "US", 1)
    data.add_new(0x60020102, "US", 0)
    data.add_new(0x60023000, "OW", raw + b"\0" * (len(raw) % 2))
    path = save(data)
    (overlay,) = read_overlays(header(path))
    assert (overlay.group, overlay.origin, overlay.first_frame) == (0x6002, (2, -2), 0)
    assert (overlay.kind, overlay.label) == ("R", "outline")
    np.testing.assert_array_equal(overlay.planes, DRAWN)
    np.testing.assert_array_equal(overlay.planes, pydicom.dcmread(path).overlay_array(0x6002).astype(bool))


def test_embedded_overlay(save, header, load):
    values = np.arange(63, dtype=np.uint16).reshape(7, 9)
    drawn = values % 3 == 0
    data = with_overlay(values | drawn.astype("u2") << 13, BitsStored=12, HighBit=11)
    data.add_new(0x60000100, "US", 16)
    data.add_new(0x60000102, "US", 13)
    path = save(data)
    (overlay,) = read_overlays(header(path))
    np.testing.assert_array_equal(overlay.planes[0], drawn)
    np.testing.assert_array_equal(load(path)[0], values)


def test_file_of_pydicom(header, tmp_path):
    from pathlib import Path

    path = Path(get_testdata_file("examples_overlay.dcm"))
    (overlay,) = read_overlays(header(path))
    np.testing.assert_array_equal(overlay.planes[0], pydicom.dcmread(path).overlay_array(0x6000))


def test_no_overlay(save, header):
    assert read_overlays(header(save(instance(np.zeros((3, 3), "u1"))))) == ()


def test_short_or_huge_overlays_are_refused(save, header):
    data = with_overlay(np.zeros((9, 9), "u1"))
    data.add_new(0x60003000, "OW", b"\0\0")
    with pytest.raises(FormatError, match="too short"):
        read_overlays(header(save(data)))
    data.add_new(0x60000010, "US", 65535)
    data.add_new(0x60000011, "US", 65535)
    with pytest.raises(LimitError):
        read_overlays(header(save(data)))
    data.add_new(0x60000010, "US", 0)
    with pytest.raises(FormatError, match="no size"):
        read_overlays(header(save(data)))
