"""Metadata as DICOM JSON: what pydicom reads from the same files, bulk data by address."""

from __future__ import annotations

import base64
import io
import json
import math
import warnings
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom import data as pydicom_data
from pydicom.sequence import Sequence

from archive_data import EXPLICIT, bare, sent
from medvox.archive.archive import Archive
from medvox.archive.metadata import BASE, instance_metadata, series_metadata, with_base
from medvox.archive.model import ArchiveSettings
from medvox.core.errors import MedvoxError
from medvox.server.dicomweb.bulk import bulk_value
from medvox.server.dicomweb.part10 import file_parts

FILES = sorted(
    path
    for path in Path(pydicom_data.get_testdata_file("CT_small.dcm")).parent.glob("*.dcm")
    if path.stat().st_size < 1 << 20
)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    with Archive.open(ArchiveSettings(tmp_path_factory.mktemp("store"), is_durable=False)) as opened:
        yield opened


def described(archive, row):
    return json.loads(with_base(instance_metadata(archive, row), "http://node/dicomweb"))


def without_bulk(mine, theirs, archive, row, path=""):
    """Take bulk data out of both, after the value at the address was compared."""
    for tag in list(mine):
        here = f"{path}{tag}"
        if "BulkDataURI" in mine[tag]:
            assert mine[tag]["BulkDataURI"].endswith(f"/instances/{row.sop_uid}/bulkdata/{here}")
            value = base64.b64decode(theirs.pop(tag)["InlineBinary"])
            assert len(value) > 1024
            if row.transfer_syntax != "1.2.840.10008.1.2.2":
                assert bulk_value(archive, row, here) == value
            del mine[tag]
        elif mine[tag]["vr"] == "SQ":
            for number, item in enumerate(mine[tag].get("Value", ())):
                theirs_item = theirs[tag]["Value"][number]
                without_bulk(item, theirs_item, archive, row, f"{here}.{number + 1}.")


def without_empty(element):
    """pydicom gives an empty sequence an empty Value, which PS3.18 F.2.5 leaves out."""
    if not element.get("Value", True):
        return {"vr": element["vr"]}
    if element["vr"] != "SQ" or "Value" not in element:
        return element
    items = [{tag: without_empty(one) for tag, one in item.items()} for item in element["Value"]]
    return {"vr": "SQ", "Value": items}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore")
def test_elements_are_those_that_pydicom_reads(archive, path):
    content = path.read_bytes()
    try:
        meta = file_parts(memoryview(content))
        kept = archive.receive(content[meta.data_set_offset :], transfer_syntax=meta.transfer_syntax)
    except MedvoxError:
        pytest.skip("the archive does not take this file")
    row = next(archive.instances(kept.study_uid, kept.series_uid, kept.sop_uid))
    try:
        expected = dcmread(path, stop_before_pixels=True).to_json_dict()
    except Exception:
        described(archive, row)  # what pydicom cannot tell as JSON is told as text
        return
    found = described(archive, row)
    for tag in ("7FE00010", "7FE00008", "7FE00009"):
        found.pop(tag, None)
    expected = {
        tag: without_empty(value) for tag, value in expected.items() if tag[4:] != "0000" and tag < "7FE00001"
    }
    without_bulk(found, expected, archive, row)
    for tag, element in expected.items():
        if " or " in element["vr"]:  # pydicom leaves open what Pixel Representation decides (PS3.5 A.1)
            assert found[tag]["vr"] in element["vr"].split(" or ")
            found[tag]["vr"] = element["vr"]
    assert found == expected


def test_values_that_json_cannot_hold_are_text(archive):
    data = sent(1, study="odd")
    data.DiffusionBValue = math.nan
    data.RealWorldValueSlope = math.inf
    raw = bare(data).replace(b"TEST-1", b'T\x01ST"1')
    kept = archive.receive(raw, transfer_syntax=EXPLICIT)
    row = next(archive.instances(sop_uid=kept.sop_uid))
    found = described(archive, row)
    assert found["00189087"]["Value"] == ["NaN"]
    assert found["00409225"]["Value"] == ["inf"]
    assert found["00100020"]["Value"] == ['T\x01ST"1']
    assert instance_metadata(archive, row).count(BASE) == 1  # the pixels' address, and no patient's text


def test_wrong_values_do_not_stop_the_rest(archive):
    data = sent(1, study="wrong", PatientWeight="70.5")
    raw = bare(data).replace(b"70.5", b"7x.5")
    row = next(archive.instances(sop_uid=archive.receive(raw, transfer_syntax=EXPLICIT).sop_uid))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = described(archive, row)
    assert found["00101030"] == {"vr": "DS", "Value": ["7x.5"]}
    assert found["0020000D"]["Value"] == [row.study_uid]


def test_bulk_data_of_sequences_have_addresses(archive):
    data, item = sent(1, study="nested"), Dataset()
    item.add_new(0x00211010, "OB", bytes(range(256)) * 8)
    item.add_new(0x00210010, "LO", "MAKER")
    data.ReferencedImageSequence = Sequence([Dataset(), item])
    row = next(archive.instances(sop_uid=archive.receive(bare(data), transfer_syntax=EXPLICIT).sop_uid))
    found = described(archive, row)["00081140"]["Value"][1]["00211010"]
    assert found["vr"] == "OB"
    path = found["BulkDataURI"].split("/bulkdata/")[1]
    assert path == "00081140.2.00211010"
    assert bulk_value(archive, row, path) == bytes(range(256)) * 8
    for wrong in ("00081140.3.00211010", "00100010.1.00100010", "00091010"):
        with pytest.raises(MedvoxError):
            bulk_value(archive, row, wrong)
    with pytest.raises(MedvoxError, match="no path"):
        bulk_value(archive, row, "../../etc")


def series(archive, kept):
    text = b"".join(series_metadata(archive, kept.study_uid, kept.series_uid))
    return json.loads(b"[" + with_base(text, "") + b"]")


def test_what_is_kept_of_a_series_follows_its_instances(archive):
    for number in (1, 2, 3):
        kept = archive.receive(bare(sent(number, study="series")), transfer_syntax=EXPLICIT)
    first = series(archive, kept)
    assert [one["00200013"]["Value"] for one in first] == [[1], [2], [3]]
    assert series(archive, kept) == first
    changed = sent(2, study="series", PatientComments="another version")
    archive.receive(bare(changed), transfer_syntax=EXPLICIT)
    assert series(archive, kept)[1]["00104000"]["Value"] == ["another version"]
    archive.delete(kept.study_uid, reason="test", who="test")
    assert series(archive, kept) == []
    archive.restore(kept.study_uid, who="test")
    assert len(series(archive, kept)) == 3


def test_kept_metadata_are_read_and_not_made_again(archive, monkeypatch):
    kept = archive.receive(bare(sent(1, study="kept")), transfer_syntax=EXPLICIT)
    first = series(archive, kept)
    monkeypatch.setattr("medvox.archive.metadata.front", None)
    assert series(archive, kept) == first


def test_character_sets(archive):
    data = sent(1, study="names", PatientName="Müller^Jörg")
    data.SpecificCharacterSet = "ISO_IR 100"
    row = next(archive.instances(sop_uid=archive.receive(bare(data), transfer_syntax=EXPLICIT).sop_uid))
    found = described(archive, row)
    assert found["00100010"]["Value"] == [{"Alphabetic": "Müller^Jörg"}]
    assert dcmread(io.BytesIO(archive.read(row))).PatientName == "Müller^Jörg"
