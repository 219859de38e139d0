"""Small files that unpack to much are refused by a limit that the error names, before memory is taken."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import nibabel as nib
import numpy as np
import pytest
import tifffile

import medvox as mv
from medvox.core.errors import LimitError, MedvoxError, MissingError
from medvox.core.settings import using
from medvox.dicom.header_lines import header_lines
from medvox.formats.registry import detect
from medvox.testing import dicom_builder as build

SIDE = 6000
"""Of the pictures: 36 MB of zeros."""
LIMIT = 16 << 20
MOST_MEMORY = 40 << 20


def gzipped_nifti(path: Path) -> Path:
    image = nib.Nifti1Image(np.zeros((64, 512, 512), np.int16), np.eye(4))
    path = path.with_suffix(".nii.gz")
    path.write_bytes(gzip.compress(image.to_bytes()))
    return path


def zlib_metaimage(path: Path) -> Path:
    values = zlib.compress(bytes(32 << 20))
    head = "NDims = 3\nDimSize = 512 512 64\nElementType = MET_SHORT\nCompressedData = True\n"
    head += f"CompressedDataSize = {len(values)}\nElementDataFile = LOCAL\n"
    path = path.with_suffix(".mha")
    path.write_bytes(head.encode() + values)
    return path


def gzipped_nrrd(path: Path) -> Path:
    head = "NRRD0004\ntype: short\ndimension: 3\nsizes: 512 512 64\nendian: little\nencoding: gzip\n\n"
    path = path.with_suffix(".nrrd")
    path.write_bytes(head.encode() + gzip.compress(bytes(32 << 20)))
    return path


def png(path: Path) -> Path:
    path = path.with_suffix(".png")
    path.write_bytes(imagecodecs.png_encode(np.zeros((SIDE, SIDE), np.uint8)))
    return path


def jpeg(path: Path) -> Path:
    path = path.with_suffix(".jpg")
    path.write_bytes(imagecodecs.jpeg8_encode(np.zeros((SIDE, SIDE), np.uint8)))
    return path


def tiff(path: Path) -> Path:
    path = path.with_suffix(".tif")
    tifffile.imwrite(path, np.zeros((SIDE, SIDE), np.uint8), compression="zlib")
    return path


def rle(path: Path) -> Path:
    """A frame of one segment: runs of 128 zeros, two bytes each (PS3.5 G.3)."""
    runs = b"\x81\x00" * (SIDE * SIDE // 128)
    frame = struct.pack("<16L", 1, 64, *[0] * 14) + runs
    (one,) = build.stack(np.zeros((1, 8, 8), np.uint8), modality="OT")
    one.Rows = one.Columns = SIDE
    from pydicom.encaps import encapsulate
    from pydicom.uid import RLELossless

    one.PixelData = encapsulate([frame])
    one["PixelData"].is_undefined_length = True
    one["PixelData"].VR = "OB"
    one.file_meta.TransferSyntaxUID = RLELossless
    path = path.with_suffix(".dcm")
    one.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize("make", [gzipped_nifti, zlib_metaimage, gzipped_nrrd, png, jpeg, tiff, rle])
def test_images_larger_than_the_limit_are_refused(make: Callable[[Path], Path], tmp_path: Path):
    path = make(tmp_path / "bomb")
    assert path.stat().st_size < 1 << 20
    tracemalloc.start()
    try:
        with using(max_image_bytes=LIMIT), pytest.raises(MissingError, match="MEDVOX_MAX_IMAGE_BYTES"):
            mv.read(path).load()
        with using(max_image_bytes=LIMIT), pytest.raises(MedvoxError, match="MEDVOX_MAX_IMAGE_BYTES"):
            detect(path).images(path)[0].open().load()
        assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd"])
def test_what_follows_the_claimed_values_is_not_unpacked(suffix: str, tmp_path: Path):
    head = "NRRD0004\ntype: short\ndimension: 3\nsizes: 4 4 4\nendian: little\nencoding: gzip\n\n"
    image = nib.Nifti1Image(np.ones((4, 4, 4), np.int16), np.eye(4)).to_bytes()
    values = np.ones(64, np.int16).tobytes()
    packed = {".nii.gz": gzip.compress(image + bytes(128 << 20), 1)}
    packed[".nrrd"] = head.encode() + gzip.compress(values + bytes(128 << 20), 1)
    path = tmp_path / f"tail{suffix}"
    path.write_bytes(packed[suffix])
    del packed
    tracemalloc.start()
    try:
        assert np.asarray(mv.read(path).load().data).min() == 1
        assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
    finally:
        tracemalloc.stop()


def test_a_deflated_header_is_not_inflated_beyond_the_limit(tmp_path: Path):
    from pydicom.uid import DeflatedExplicitVRLittleEndian

    (one,) = build.stack(np.zeros((1, 8, 8), np.uint8), modality="OT")
    one.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    one.add_new(0x00420011, "OB", bytes(32 << 20))
    path = tmp_path / "deflated.dcm"
    one.save_as(path, enforce_file_format=True)
    assert path.stat().st_size < 1 << 18
    with using(max_expanded_bytes=1 << 20), pytest.raises(LimitError, match="MEDVOX_MAX_EXPANDED_BYTES"):
        header_lines(str(path))
