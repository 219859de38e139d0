"""Headers of every format, as `medvox info --header` shows them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from cli.test_commands import medvox
from medvox.core.study import HeaderElement
from medvox.dicom.header_lines import header_lines
from medvox.dicom.header_lines.confidentiality import BY_ACTION, action
from medvox.dicom.header_lines.values import VR_NAMES
from medvox.dicom.vendors.private_creators import creator_meaning, vendor_of
from medvox.testing import dicom_builder as build
from medvox.workflows.headers import ancestors, matching, read_headers
from medvox.workflows.open_folder import scan


@pytest.fixture(scope="module")
def series(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("headers")
    slices = build.stack(np.zeros((3, 8, 9), np.int16), modality="MR", SeriesDescription="x" * 64)
    for number, one in enumerate(slices):
        block = one.private_block(0x0043, "GEMS_PARM_01", create=True)
        block.add_new(0x39, "IS", [1000000050 + number, 8, 0, 0])
        one.private_block(0x0071, "NOBODY KNOWS", create=True).add_new(0x01, "LO", "secret")
        inner = Dataset()
        inner.PatientID, inner.TypeOfPatientID = f"OTHER-{number}", "TEXT"
        one.OtherPatientIDsSequence = Sequence([inner])
        one.ImageComments = "y" * 5000
    build.save(slices, folder)
    return folder


@pytest.fixture
def lines(series: Path) -> tuple[HeaderElement, ...]:
    return header_lines(str(min(series.iterdir())))


def one(lines, keyword: str) -> HeaderElement:
    (found,) = [line for line in lines if line.keyword == keyword and line.depth == 0]
    return found


def test_elements_are_named_and_explained(lines):
    rows = one(lines, "SOPClassUID")
    assert (rows.name, rows.vr_name) == ("SOP Class UID", "Unique Identifier")
    assert rows.meaning == "MR Image Storage"


def test_sequences_are_followed_by_items_and_their_elements(lines):
    number = lines.index(one(lines, "OtherPatientIDsSequence"))
    item, element = lines[number + 1 : number + 3]
    assert (item.tag, item.value, item.depth) == ("(FFFE,E000)", "1 of 1", 1)
    assert (element.keyword, element.value, element.depth) == ("PatientID", "OTHER-0", 2)
    assert ancestors(lines)[number + 2] == (number, number + 1)


def test_identifying_elements_are_those_of_the_profile(lines):
    marked = {line.keyword: line.action for line in lines if line.identifying}
    assert marked["PatientName"] == "Z"
    assert marked["StudyInstanceUID"] == "U"
    assert marked["OtherPatientIDsSequence"] == "X"
    assert not marked.keys() & {"Rows", "Modality", "SOPClassUID", "PixelSpacing"}


def test_private_elements_have_a_creator_and_may_identify(lines):
    (value,) = [line for line in lines if line.tag == "(0043,1039)"]
    assert value.creator == "GEMS_PARM_01"
    assert value.may_identify
    (unknown,) = [line for line in lines if line.tag == "(0071,1001)"]
    assert (unknown.creator, unknown.name) == ("NOBODY KNOWS", "")
    creators = [line.meaning for line in lines if line.keyword == "PrivateCreator"]
    assert creators[0].startswith("GE: ")
    assert creators[1] == ""


def test_long_values_are_cut_and_pixel_data_named(lines):
    assert one(lines, "ImageComments").value.endswith("… (4600 more characters)")
    assert one(lines, "PixelData").value == "144 bytes, not shown"


def test_an_element_that_cannot_be_understood_is_a_line(series, tmp_path):
    raw = min(series.iterdir()).read_bytes()
    at = raw.index(b"\x28\x00\x10\x00US\x02\x00")
    broken = raw[:at] + b"\x28\x00\x10\x00US\x01\x00" + b"\x08" + raw[at + 10 :]
    (tmp_path / "x.dcm").write_bytes(broken)
    assert "cannot be understood" in one(header_lines(str(tmp_path / "x.dcm")), "Rows").value


def test_the_tables_hold_what_the_standard_names():
    words = [word for text in BY_ACTION.values() for word in text.split()]
    assert len(words) == len(set(words)) > 640
    known = [word for word in words if tag_for_keyword(word)]
    assert len(known) > 0.95 * len(words)
    assert all(len(word) == 8 and int(word, 16) for word in set(words) - set(known))
    assert action(0x60023000, "OverlayData") == action(0x00091001, "") == "X"
    assert action(0x60020010, "OverlayRows") == ""
    assert len(VR_NAMES) == 34


@pytest.mark.parametrize(
    ("creator", "vendor"),
    [
        ("SIEMENS CSA HEADER", "Siemens"),
        ("GEMS_PARM_01", "GE"),
        ("Philips Imaging DD 001", "Philips"),
        ("UIH Image Private Header", "United Imaging"),
        ("TOSHIBA_MEC_MR3", "Canon (Toshiba)"),
        ("nobody", ""),
    ],
)
def test_vendors_are_told_by_their_creators(creator, vendor):
    assert vendor_of(creator) == vendor
    assert creator_meaning(creator).startswith(vendor)


def test_matching_finds_tags_names_values_and_creators(lines):
    for text in ("(0010,0020)", "00100020", "patientid", "patient id", "other-0", "gems_parm"):
        assert matching(lines, [text]), text
    private = matching(lines, [], private=True)
    assert {lines[n].tag for n in private} == {"(0043,0010)", "(0043,1039)", "(0071,0010)", "(0071,1001)"}


def test_every_file_of_a_series_or_the_first(series):
    found = scan(series)
    assert len(list(read_headers(found))) == 1
    every = list(read_headers(found, every_file=True))
    assert len(every) == 3
    values = [one.lines[matching(one.lines, ["0043,1039"])[0]].value for one in every]
    assert sorted(v.split("\\")[0] for v in values) == ["1000000050", "1000000051", "1000000052"]


def test_the_command_searches_and_hides(series):
    rows = json.loads(medvox("info", series, "--search", "PatientID", "--json").stdout)
    assert [row["path"] for row in rows if row["value"].startswith("OTHER")] == [
        ["OtherPatientIDsSequence", "Item 1 of 1"]
    ]
    hidden = medvox("info", series, "--header", "--hide-identity").stdout
    assert "Test^Builder" not in hidden
    assert "secret" not in hidden
    assert "Patient's Name" in hidden
    assert "MR Image Storage" in hidden
    private = medvox("info", series, "--private", "--every-file").stdout
    assert private.count("GE: parameters") == 3
    assert "Rows" not in private


def test_headers_of_other_formats_are_named_too(tmp_path):
    import nibabel as nib

    image = nib.Nifti1Image(np.zeros((2, 3, 4), np.int16), np.eye(4))
    image.header["descrip"] = b"made of DOE"
    nib.save(image, tmp_path / "a.nii")
    rows = json.loads(medvox("info", tmp_path / "a.nii", "--header", "--json").stdout)
    by_tag = {row["tag"]: row for row in rows}
    assert by_tag["datatype"]["meaning"] == "int16"
    assert by_tag["datatype"]["name"] == "Type of the values"
    assert by_tag["sform_code"]["meaning"] == "aligned to another scan"  # nibabel's default code 2
    assert by_tag["descrip"]["identifying"]
    assert all(row["name"] for row in rows)
    assert len(rows) == 43


def test_a_file_without_a_header_is_said_so(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"nothing")
    assert "No header" in medvox("info", tmp_path / "a.bin", "--header", expect=1).stderr
