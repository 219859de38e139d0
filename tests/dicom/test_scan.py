"""Headers of files written by hand: the hard cases of the encoding."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from dicom.scan_bytes import (
    BIG,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    UNDEFINED,
    body,
    check_body,
    el,
    file_of,
    header_of,
    meta,
    pixels,
)
from medvox.core.errors import AccessError, FormatError, LimitError, TruncatedError, UnknownFormatError
from medvox.core.settings import using
from medvox.dicom.elements import walk
from medvox.dicom.scan import is_dicom, read_header, scan_headers
from medvox.formats.inputs import InputFile
from medvox.testing import dicom_builder

ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD


def codes(header: object) -> list[str]:
    return [finding.code for finding in header.findings]  # type: ignore[attr-defined]


@pytest.mark.parametrize("style", [EXPLICIT, IMPLICIT, BIG])
@pytest.mark.parametrize("group_length", [True, False])
def test_uncompressed_transfer_syntaxes(style: str, group_length: bool, tmp_path: Path) -> None:
    content = meta(style, group_length) + body(style) + pixels(style)
    header = header_of(content, tmp_path)
    check_body(header)
    assert header.transfer_syntax == style
    assert header.big_endian == (style == BIG)
    assert header.pixel is not None
    assert (header.pixel.offset, header.pixel.length) == (len(content) - 32, 32)
    assert header.findings == ()


def deflated(data: bytes) -> bytes:
    machine = zlib.compressobj(wbits=-15)
    return machine.compress(data) + machine.flush()


def test_deflated(tmp_path: Path) -> None:
    big = el(0x00291010, "OB", bytes(range(256)) * 4000)  # longer than what is inflated at first
    content = meta(DEFLATED) + deflated(body()[:-20] + big + body()[-20:] + pixels())
    header = header_of(content, tmp_path)
    check_body(header)
    assert header.encoding.deflated
    assert header.raw(0x00291010) == bytes(range(256)) * 4000
    with header.open() as stream:
        assert header.pixel is not None
        stream.seek(header.pixel.offset - 4)
        assert stream.read() == struct.pack("<I", 32) + bytes(32)
    assert header.dataset().Rows == 4


def test_deflated_bomb_is_refused(tmp_path: Path) -> None:
    content = meta(DEFLATED) + deflated(body() + el(0x00291010, "OB", bytes(1 << 24)) + pixels())
    with using(max_expanded_bytes=1 << 20), pytest.raises(LimitError):
        header_of(content, tmp_path)


def test_said_to_be_deflated_but_not(tmp_path: Path) -> None:
    header = header_of(meta(DEFLATED) + body() + pixels(), tmp_path)
    check_body(header)
    assert header.transfer_syntax == EXPLICIT
    assert codes(header) == ["wrong-transfer-syntax"]


@pytest.mark.parametrize("stated", [EXPLICIT, IMPLICIT, BIG])
@pytest.mark.parametrize("style", [EXPLICIT, IMPLICIT, BIG])
def test_bytes_beat_the_stated_transfer_syntax(stated: str, style: str, tmp_path: Path) -> None:
    header = header_of(meta(stated) + body(style) + pixels(style), tmp_path)
    check_body(header)
    assert header.transfer_syntax == style
    assert codes(header) == (["wrong-transfer-syntax"] if stated != style else [])
    assert header.dataset().Columns == 4


def test_compressed_syntax_is_kept_though_the_elements_are_implicit(tmp_path: Path) -> None:
    jpeg = "1.2.840.10008.1.2.4.50"
    header = header_of(meta(jpeg) + body(IMPLICIT) + pixels(IMPLICIT), tmp_path)
    assert (header.transfer_syntax, codes(header)) == (jpeg, ["wrong-transfer-syntax"])


@pytest.mark.parametrize("style", [EXPLICIT, IMPLICIT, BIG])
def test_without_preamble_and_meta(style: str, tmp_path: Path) -> None:
    content = body(style) + pixels(style)
    assert is_dicom(content)
    header = header_of(content, tmp_path)
    check_body(header)
    assert (header.transfer_syntax, codes(header)) == (style, ["no-file-meta"])


def test_without_preamble(tmp_path: Path) -> None:
    header = header_of(meta()[132:] + body() + pixels(), tmp_path)
    check_body(header)
    assert codes(header) == ["no-preamble"]


def test_without_transfer_syntax(tmp_path: Path) -> None:
    other = el(0x00020003, "UI", "1.2.3\0")
    header = header_of(bytes(128) + b"DICM" + other + body(IMPLICIT) + pixels(IMPLICIT), tmp_path)
    assert (header.transfer_syntax, codes(header)) == (IMPLICIT, ["no-file-meta"])


def test_private_ge_syntax_has_big_endian_pixels(tmp_path: Path) -> None:
    header = header_of(meta("1.2.840.113619.5.2") + body(IMPLICIT) + pixels(IMPLICIT), tmp_path)
    check_body(header)  # its elements are little-endian
    assert header.big_endian
    assert header.findings == ()


def sequences(style: str, undefined: bool) -> bytes:
    """Sequences in sequences, with look-alikes of wanted elements and of pixel data inside."""

    def wrap(tag: int, vr: str, content: bytes) -> bytes:
        if undefined:
            item = el(ITEM, "", content + el(ITEM_END, "", style=style), length=UNDEFINED, style=style)
            return el(tag, vr, item + el(SEQUENCE_END, "", style=style), length=UNDEFINED, style=style)
        return el(tag, vr, el(ITEM, "", content, style=style), style=style)

    decoy = el(0x00080060, "CS", "XX", style=style) + pixels(style)
    inner = wrap(0x00081199, "SQ", decoy) + el(0x00280010, "US", b"\x09\x09", style=style)
    return wrap(0x00081140, "SQ", inner) + wrap(0x00091001, "SQ", wrap(0x00091002, "SQ", decoy))


@pytest.mark.parametrize("style", [EXPLICIT, IMPLICIT, BIG])
@pytest.mark.parametrize("undefined", [True, False])
def test_sequences_are_stepped_over(style: str, undefined: bool, tmp_path: Path) -> None:
    first = el(0x00080060, "CS", "MR", style=style)
    content = meta(style) + first + sequences(style, undefined) + body(style)[len(first) :] + pixels(style)
    header = header_of(content, tmp_path)
    check_body(header)
    assert 0x00081140 in header
    assert header.raw(0x00081140) == b""
    assert header.pixel is not None
    assert header.pixel.offset == len(content) - 32


def test_unknown_vr_of_undefined_length_holds_implicit_elements(tmp_path: Path) -> None:
    """PS3.5 6.2.2 note 2."""
    inner = el(0x00080060, "CS", "XX", style=IMPLICIT) + el(0x00080100, "SH", "T-1", style=IMPLICIT)
    item = el(ITEM, "", inner + el(ITEM_END, ""), length=UNDEFINED)
    unknown = el(0x00091001, "UN", item + el(SEQUENCE_END, ""), length=UNDEFINED)
    content = meta() + body()[:10] + unknown + body()[10:] + pixels()
    header = header_of(content, tmp_path)
    check_body(header)
    assert header.pixel is not None
    assert header.pixel.offset == len(content) - 32


def test_fragments_outside_pixel_data_are_stepped_over(tmp_path: Path) -> None:
    fragments = el(ITEM, "", b"") + el(ITEM, "", b"\xff\xd8" + bytes(40)) + el(SEQUENCE_END, "")
    content = (
        meta() + body()[:10] + el(0x00091010, "OB", fragments, length=UNDEFINED) + body()[10:] + pixels()
    )
    check_body(header_of(content, tmp_path))


def test_group_lengths_odd_lengths_and_padding(tmp_path: Path) -> None:
    odd = el(0x00080000, "UL", struct.pack("<I", 99)) + el(0x00080060, "CS", "MR")
    odd += el(0x00100010, "PN", "Ab^Odd") + el(0x00100020, "LO", "odd") + el(0x00180050, "DS", "2.5")
    end = el(0xFFFCFFFC, "OB", bytes(64))
    header = header_of(meta() + odd + el(0x00280010, "US", b"\x04\0") + pixels() + end, tmp_path)
    assert header.text(0x00100020) == "odd"
    assert header.number(0x00180050) == 2.5
    assert header.findings == ()


def test_zeros_behind_the_last_element(tmp_path: Path) -> None:
    header = header_of(meta() + body() + bytes(5000), tmp_path)
    check_body(header)
    assert header.findings == ()
    check_body(header_of(meta() + body() + bytes(3), tmp_path))


def test_elements_out_of_order(tmp_path: Path) -> None:
    parts = [el(0x00200013, "IS", "7 "), el(0x00080060, "CS", "CT"), body()]
    header = header_of(meta() + b"".join(parts) + pixels(), tmp_path)
    check_body(header)  # of repeated elements the last one counts, as in pydicom
    assert header.tags() == tuple(sorted(header.tags()))


def test_float_pixel_data_and_extended_offset_table(tmp_path: Path) -> None:
    content = meta() + body() + el(0x7FE00008, "OF", bytes(64))
    header = header_of(content, tmp_path)
    assert header.pixel is not None
    assert (header.pixel.tag, header.pixel.vr, header.pixel.length) == (0x7FE00008, "OF", 64)
    table = el(0x7FE00001, "OV", struct.pack("<2Q", 0, 100)) + el(
        0x7FE00002, "OV", struct.pack("<2Q", 98, 98)
    )
    fragments = el(ITEM, "", b"") + el(ITEM, "", bytes(98)) + el(ITEM, "", bytes(98)) + el(SEQUENCE_END, "")
    jpeg = meta("1.2.840.10008.1.2.4.50") + body() + table
    header = header_of(jpeg + el(0x7FE00010, "OB", fragments, length=UNDEFINED), tmp_path)
    assert header.ints(0x7FE00001) == (0, 100)
    assert header.pixel is not None
    assert (header.pixel.offset, header.pixel.length) == (len(jpeg) + 12, -1)


def test_long_values_are_read_when_they_are_asked_for(tmp_path: Path) -> None:
    csa = bytes(range(256)) * 300
    content = meta() + body()[:-20] + el(0x00291010, "OB", csa) + body()[-20:] + pixels()
    header = header_of(content, tmp_path)
    check_body(header)
    assert header.raw(0x00291010) == csa
    assert len(header.records.values) < 1000
    Path(header.file).unlink()
    with pytest.raises(AccessError):
        header.raw(0x00291010)


def test_nothing_is_read_beyond_what_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "sparse.dcm"
    size = 1 << 40
    with path.open("wb") as file:
        file.write(meta() + body() + el(0x00291010, "OB", b"", length=1 << 31))
        file.seek(1 << 31, 1)
        file.write(el(0x7FE00010, "OW", b"", length=1 << 31))
        file.truncate(size)
    header = read_header(InputFile(path, "sparse.dcm", size))
    check_body(header)
    assert header.pixel is not None
    assert header.pixel.offset > 1 << 31
    assert header.findings == ()


def test_claims_beyond_the_end_of_the_file(tmp_path: Path) -> None:
    header = header_of(meta() + body() + el(0x7FE00010, "OW", bytes(20), length=2_000_000_000), tmp_path)
    check_body(header)
    assert header.pixel is not None
    assert (header.pixel.length, codes(header)) == (20, ["truncated-pixel-data"])
    header = header_of(meta() + body() + el(0x00281052, "DS", b"1", length=60000), tmp_path)
    check_body(header)
    assert (header.pixel, codes(header)) == (None, ["truncated-header"])
    header = header_of(meta() + body() + el(0x0029_1010, "OB", bytes(9), length=2_000_000_000), tmp_path)
    assert codes(header) == ["truncated-header"]
    header = header_of(
        meta() + el(0x00081140, "SQ", el(ITEM, "", length=UNDEFINED), length=UNDEFINED), tmp_path
    )
    assert codes(header) == ["truncated-header"]


def test_every_cut_of_a_file_gives_a_header_or_one_of_our_errors(tmp_path: Path) -> None:
    content = meta() + sequences(EXPLICIT, True) + body() + pixels()
    for end in range(0, len(content), 3):
        try:
            header = header_of(content[:end], tmp_path)
        except FormatError:
            assert end < 200
        else:
            assert header.size == end


def test_nonsense_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"\0" * 4000, b"hello world, this is text" * 40, b"\x08\0text that goes on"):
        assert not is_dicom(content)
        with pytest.raises(FormatError):
            header_of(content, tmp_path)
    with pytest.raises(UnknownFormatError):
        header_of(b"\x89PNG" + bytes(200), tmp_path)
    with pytest.raises(TruncatedError):
        header_of(bytes(128) + b"DICM", tmp_path)
    deep = el(0x00081140, "SQ", el(ITEM, "", length=UNDEFINED), length=UNDEFINED) * 200
    with pytest.raises(FormatError, match="nested too deep"):
        header_of(meta() + body() + deep, tmp_path)
    with pytest.raises(AccessError):
        read_header(InputFile(tmp_path / "gone.dcm", "gone.dcm", 10))


@pytest.mark.parametrize("many", [1, 300])
@pytest.mark.parametrize("pays", [0, 1 << 30])
def test_one_bad_file_never_stops_a_scan(
    many: int, pays: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("medvox.dicom.scan._PAYS", pays)
    monkeypatch.setattr("medvox.dicom.scan._KERNELS", "not loaded")
    good = [file_of(meta() + body() + pixels(), tmp_path, f"{n}.dcm") for n in range(many)]
    bad = [
        file_of(b"", tmp_path, "empty.dcm"),
        file_of(b"text", tmp_path, "text.dcm"),
        file_of(meta()[:140], tmp_path, "cut.dcm"),
        InputFile(tmp_path / "gone.dcm", "gone.dcm", 7),
        InputFile(tmp_path, "folder", 7),
    ]
    seen: list[int] = []
    headers, others, findings = scan_headers(
        [bad[0], *good, *bad[1:]], progress=lambda done, _total, _text: seen.append(done)
    )
    assert [header.name for header in headers] == [file.name for file in good]
    assert [file.name for file in others] == ["text.dcm"]
    assert [finding.where for finding in findings] == ["empty.dcm", "cut.dcm", "gone.dcm", "folder"]
    assert {finding.code for finding in findings} == {"unreadable-file"}
    assert (seen[0], seen[-1]) == (0, many + 5)


def test_many_files_that_are_no_images(tmp_path: Path) -> None:
    files = [file_of(b"some text\n" * 5, tmp_path, "one.txt")] * 20_000
    headers, others, findings = scan_headers(files)
    assert (headers, len(others), findings) == ([], 20_000, [])


def test_built_instances(tmp_path: Path) -> None:
    image = np.arange(20, dtype=np.int16).reshape(4, 5)
    data = dicom_builder.instance(image, modality="CT", RescaleSlope="2", RescaleIntercept="-1024")
    paths = dicom_builder.save([data], tmp_path)
    header = read_header(InputFile(paths[0], "a", paths[0].stat().st_size))
    assert header.floats(0x00281053) == (2.0,)
    assert header.floats(0x00281052) == (-1024.0,)
    assert header.pixel is not None
    stored = paths[0].read_bytes()[header.pixel.offset : header.pixel.offset + header.pixel.length]
    assert stored == image.tobytes()
    bare = dicom_builder.save_bare(data, tmp_path / "bare")
    header = read_header(InputFile(bare, "bare", bare.stat().st_size))
    assert (header.text(0x00080060), codes(header)) == ("CT", ["no-file-meta"])


def test_windows_of_any_size_give_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The walk goes on where a window ended, wherever that is."""
    content = meta() + sequences(EXPLICIT, True) + body() + el(0x00291010, "OB", bytes(9000)) + pixels()
    file = file_of(content, tmp_path)
    whole = read_header(file)
    wanted = tuple(sorted({*whole.tags(), 0x00020010}))
    for size in range(4112, 4200, 7):
        monkeypatch.setattr("medvox.dicom.reader.WINDOW", size)
        other = read_header(file)
        assert [other.raw(tag) for tag in wanted] == [whole.raw(tag) for tag in wanted]
        assert other.pixel == whole.pixel
    assert walk.INLINE < 4112
