"""Values of headers: numbers and texts as they are met, not only as they should be."""

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom.scan_bytes import BIG, EXPLICIT, IMPLICIT, body, el, header_of, meta, pixels
from medvox.core.errors import AccessError, FormatError
from medvox.dicom.header import Encoding, Header, pack

SPACING, POSITION, ROWS, PADDING = 0x00280030, 0x00200032, 0x00280010, 0x00280120


def holding(*elements: bytes, folder: Path, style: str = EXPLICIT) -> Header:
    return header_of(meta(style) + el(0x00080060, "CS", "MR", style=style) + b"".join(elements), folder)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("0.5\\0.5", (0.5, 0.5)),
        (" 1 \\ -2.50\\3e2 ", (1, -2.5, 300)),
        ("0.12345678901234567890123\\1", (0.12345678901234568, 1)),
        ("0,5\\0,25", (0.5, 0.25)),
        ("1.0\0", (1,)),
        ("", ()),
        ("  ", ()),
        ("1\\\\2", ()),
        ("1\\abc", ()),
        ("nan\\1", ()),
        ("inf", ()),
        ("1e999", ()),
        ("1_000", ()),
    ],
)
def test_decimal_strings(text: str, numbers: tuple[float, ...], tmp_path: Path) -> None:
    assert holding(el(SPACING, "DS", text), folder=tmp_path).floats(SPACING) == numbers


@pytest.mark.parametrize("style", [EXPLICIT, BIG])
@pytest.mark.parametrize(
    ("vr", "code", "values"),
    [
        ("US", "H", (1, 65535)),
        ("SS", "h", (-1, 5)),
        ("UL", "I", (1 << 31,)),
        ("SL", "i", (-(1 << 31),)),
        ("UV", "Q", (1 << 52,)),
        ("SV", "q", (-(1 << 52),)),
        ("FL", "f", (0.5, -2.0)),
        ("FD", "d", (0.1, 1e300)),
    ],
)
def test_binary_numbers(style: str, vr: str, code: str, values: tuple[float, ...], tmp_path: Path) -> None:
    order = ">" if style == BIG else "<"
    data = struct.pack(f"{order}{len(values)}{code}", *values)
    header = holding(
        el(0x00091010, "LO", "x", style=style),
        el(0x0043107C, vr, data, style=style),
        folder=tmp_path,
        style=style,
    )
    assert header.floats(0x0043107C) == values
    assert header.number(0x0043107C) == values[0]


def test_attribute_tags(tmp_path: Path) -> None:
    data = struct.pack("<4H", 0x0018, 0x1063, 0x0054, 0x0010)
    header = holding(el(0x00280009, "AT", data), folder=tmp_path)
    assert header.ints(0x00280009) == (0x00181063, 0x00540010)


@pytest.mark.parametrize(
    ("tag", "vr", "data", "numbers"),
    [
        (SPACING, "LO", b"0.5\\0.5 ", (0.5, 0.5)),
        (SPACING, "UN", b"0.5\\0.5 ", (0.5, 0.5)),
        (SPACING, "OB", b"2\\2 ", (2, 2)),
        (SPACING, "US", b"2\\2 ", (2, 2)),
        (SPACING, "FD", struct.pack("<2d", 0.5, 0.25), (0.5, 0.25)),
        (ROWS, "UN", b"\x00\x02", (512,)),
        (ROWS, "IS", b"512 ", (512,)),
        (ROWS, "UL", struct.pack("<I", 512), (512,)),
        (ROWS, "US", b"\x00", ()),
        (POSITION, "DS", b"a\\b\\c ", ()),
    ],
)
def test_wrong_value_representations(
    tag: int, vr: str, data: bytes, numbers: tuple[float, ...], tmp_path: Path
) -> None:
    assert holding(el(tag, vr, data), folder=tmp_path).floats(tag) == numbers


@pytest.mark.parametrize(("signed", "value"), [(0, 63536), (1, -2000)])
def test_us_or_ss_follows_pixel_representation(signed: int, value: int, tmp_path: Path) -> None:
    header = holding(
        el(0x00280103, "US", struct.pack("<H", signed), style=IMPLICIT),
        el(PADDING, "SS", struct.pack("<h", -2000), style=IMPLICIT),
        folder=tmp_path,
        style=IMPLICIT,
    )
    assert header.integer(PADDING) == value


def test_whole_numbers(tmp_path: Path) -> None:
    header = holding(el(0x00200013, "IS", "12.0"), el(0x00200100, "IS", "1.5"), folder=tmp_path)
    assert (header.ints(0x00200013), header.integer(0x00200013)) == ((12,), 12)
    assert (header.ints(0x00200100), header.integer(0x00200100)) == ((), None)


def test_absent_elements(tmp_path: Path) -> None:
    header = holding(folder=tmp_path)
    assert SPACING not in header
    assert header.raw(SPACING) is None
    assert (header.text(SPACING), header.text(SPACING, "none")) == ("", "none")
    assert header.texts(SPACING) == header.floats(SPACING) == header.ints(SPACING) == ()
    assert header.number(SPACING) is None
    assert header.integer(SPACING) is None


def test_texts(tmp_path: Path) -> None:
    header = holding(el(0x00080008, "CS", "ORIGINAL\\PRIMARY \\\\M "), folder=tmp_path)
    assert header.texts(0x00080008) == ("ORIGINAL", "PRIMARY", "", "M")
    assert header.text(0x00080008) == "ORIGINAL\\PRIMARY \\\\M"


# PS3.5 annexes H to K: the examples of the standard
@pytest.mark.parametrize(
    ("character_set", "data", "text"),
    [
        ("ISO_IR 100", b"Buc^J\xe9r\xf4me", "Buc^Jérôme"),
        ("ISO_IR 144", b"\xbb\xee\xda\x63\x65\xdc\xd1\x79\x70\xd3\xd9", None),
        (
            "\\ISO 2022 IR 87",
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
            "Yamada^Tarou=山田^太郎=やまだ^たろう",
        ),
        (
            "\\ISO 2022 IR 149",
            b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7",
            "Hong^Gildong=洪^吉洞",
        ),
        ("ISO_IR 192", "Wang^XiaoDong=王^小東".encode(), "Wang^XiaoDong=王^小東"),
        ("GB18030", "Wang^XiaoDong=王^小东".encode("gb18030"), "Wang^XiaoDong=王^小东"),
        ("NO SUCH SET", b"Buc^J\xe9r\xf4me", "Buc^Jérôme"),
        ("", b"Buc^J\xe9r\xf4me", None),
        ("ISO_IR 192", b"\xff\xfe\xfd", None),
    ],
)
def test_character_sets(character_set: str, data: bytes, text: str | None, tmp_path: Path) -> None:
    parts = el(0x00080005, "CS", character_set) + el(0x00100010, "PN", data)
    found = header_of(meta() + parts, tmp_path).text(0x00100010)
    assert found == text if text is not None else found


def test_data_set(tmp_path: Path) -> None:
    header = header_of(meta() + body() + el(0x00291010, "OB", bytes(9000)) + pixels(), tmp_path)
    data = header.dataset()
    assert data.PatientName == "Test^Bytes"
    assert len(data[0x0029, 0x1010].value) == 9000
    assert "PixelData" not in data
    Path(header.file).unlink()
    with pytest.raises(AccessError):
        header.dataset()


def test_data_set_that_pydicom_cannot_read(tmp_path: Path) -> None:
    path = tmp_path / "x.dcm"
    path.write_bytes(b"")
    header = Header(str(path), "x.dcm", 0, EXPLICIT, Encoding(False, False, 0), None)
    path.write_bytes(meta("1.2.840.10008.1.2.1.99") + b"\xff" * 50)
    with pytest.raises(FormatError):
        header.dataset()


@given(
    st.dictionaries(st.integers(0, 0xFFFFFFFF), st.binary(max_size=8), max_size=20),
    st.integers(0, 0xFFFFFFFF),
)
def test_any_element_is_found(values: dict[int, bytes], other: int) -> None:
    records: list[int] = []
    content = b""
    for tag, value in values.items():
        records += [tag, 0x4F42, len(content), len(value)]
        content += value
    packed = pack(records, len(values), content, disorder=True)
    header = Header("", "", 0, EXPLICIT, Encoding(False, False, 0), None, (), packed)
    assert {tag: header.raw(tag) for tag in header.tags()} == values
    assert (other in header) == (other in values)
