"""Frames of stored instances: the bytes that pydicom takes out of the same files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import data as pydicom_data
from pydicom import dcmread
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames

from archive_data import EXPLICIT, bare
from medvox.archive.archive import Archive
from medvox.archive.frames import front_file, one_instance, pixel_source, stored_pixels
from medvox.archive.model import ArchiveSettings
from medvox.core.errors import MedvoxError, MissingError
from medvox.server.dicomweb.part10 import file_parts
from medvox.testing.dicom_builder import instance

RLE = "1.2.840.10008.1.2.5"
JPEG_2000 = "1.2.840.10008.1.2.4.90"
FILES = sorted(
    path
    for path in Path(pydicom_data.get_testdata_file("CT_small.dcm")).parent.glob("*.dcm")
    if path.stat().st_size < 1 << 20
)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    with Archive.open(ArchiveSettings(tmp_path_factory.mktemp("store"), is_durable=False)) as opened:
        yield opened


def received(archive, data_set, syntax=EXPLICIT):
    kept = archive.receive(data_set, transfer_syntax=syntax)
    row = one_instance(archive, kept.study_uid, kept.series_uid, kept.sop_uid)
    assert row == next(archive.instances(sop_uid=kept.sop_uid))
    return row


def frames_of(archive, row):
    pixels, source = stored_pixels(archive, row), pixel_source(archive, row)
    return [pixels.read(source, number) for number in range(pixels.frames)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore")
def test_frames_are_those_that_pydicom_finds(archive, path):
    content = path.read_bytes()
    try:
        meta = file_parts(memoryview(content))
        row = received(archive, content[meta.data_set_offset :], meta.transfer_syntax)
        found = frames_of(archive, row)
    except MedvoxError:
        pytest.skip("no pixels, or not taken")
    data = dcmread(path)
    count = int(data.get("NumberOfFrames", 1) or 1)
    if stored_pixels(archive, row).is_encapsulated:
        expected = list(generate_frames(data.PixelData, number_of_frames=count))
        assert found == expected
    elif data.get("BitsAllocated") == 1 and count > 1:
        shapes = count, data.Rows * data.Columns
        bits = np.unpackbits(np.frombuffer(data.PixelData, np.uint8), bitorder="little")
        bits = bits[: shapes[0] * shapes[1]].reshape(shapes)
        assert found == [np.packbits(one, bitorder="little").tobytes() for one in bits]
    else:
        value = next(
            data[name].value
            for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
            if name in data
        )
        assert b"".join(found) == value[: sum(map(len, found))]
        assert len(found) == count


def coded(frames, how, study, **more):
    pixels = np.zeros((len(frames), 8, 8), np.uint16)
    data = instance(pixels, study=study, **more)
    if how == "extended":
        data.PixelData, offsets, lengths = encapsulate_extended(frames)
        data.ExtendedOffsetTable, data.ExtendedOffsetTableLengths = offsets, lengths
    else:
        data.PixelData = encapsulate(
            frames, fragments_per_frame=3 if how == "fragments" else 1, has_bot=how != "bare"
        )
    data["PixelData"].VR, data["PixelData"].is_undefined_length = "OB", True
    return bare(data)


@pytest.mark.parametrize("how", ["basic", "bare", "extended", "fragments"])
def test_offset_tables_and_fragments(archive, how):
    frames = [bytes([n]) * (40 + 2 * n) for n in range(5)]
    row = received(archive, coded(frames, how, f"coded-{how}"), RLE)
    found = frames_of(archive, row)
    assert [one[: len(frame)] for one, frame in zip(found, frames, strict=True)] == frames
    assert all(len(one) - len(frame) in (0, 1) for one, frame in zip(found, frames, strict=True))


def test_places_point_into_the_file(archive):
    pixels = np.arange(3 * 64, dtype=np.uint16).reshape(3, 8, 8)
    row = received(archive, bare(instance(pixels, study="places")))
    found, whole = stored_pixels(archive, row), archive.read(row)
    for number in range(3):
        ((at, length),) = found.pieces(number)
        at += row.data_set_offset
        assert whole[at : at + length] == pixels[number].tobytes()
        assert archive.read_part(row, at, length) == pixels[number].tobytes()
    for wrong in (-1, 3):
        with pytest.raises(MissingError):
            found.pieces(wrong)


def test_a_long_header_is_read_to_its_end(archive):
    data = instance(np.ones((4, 4), np.uint16), study="long")
    data.add_new(0x00091010, "OB", bytes(300_000))
    data.add_new(0x00090010, "LO", "MAKER")
    row = received(archive, bare(data))
    assert frames_of(archive, row) == [np.ones(16, np.uint16).tobytes()]


def test_a_palette_is_read_however_long(archive):
    data = instance(np.zeros((4, 4), np.uint16), study="palette")
    data.PhotometricInterpretation = "PALETTE COLOR"
    table = (np.arange(1 << 16) % 65536).astype(np.uint16).tobytes()
    for color in ("Red", "Green", "Blue"):
        setattr(data, f"{color}PaletteColorLookupTableDescriptor", [0, 0, 16])
        setattr(data, f"{color}PaletteColorLookupTableData", table)
    row = received(archive, bare(data))
    assert stored_pixels(archive, row).form.palette is not None
    with front_file(archive, row) as header:
        assert len(header.raw(0x00281201)) == len(table)


def test_parts_outside_a_file_are_refused(archive):
    row = received(archive, bare(instance(np.ones((4, 4), np.uint16), study="outside")))
    for offset, size in ((-1, 4), (0, row.size + 1), (row.size, 1), (4, -1)):
        with pytest.raises(MedvoxError):
            archive.read_part(row, offset, size)
    assert archive.read_part(row, row.size, 0) == b""
