"""Answers as pydicom reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medvox.core.errors import UnsupportedError
from medvox.network.answers import Answer
from medvox.network.dimse.datasets import decode_dataset

NATIVE = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2")
NAMES = st.text("ABCÄé山", max_size=20)


@pytest.mark.parametrize("syntax", NATIVE)
@given(name=NAMES, comment=NAMES, rows=st.integers(0, 65535), uid=st.sampled_from(["1.2", "1.2.3", ""]))
def test_pydicom_reads_what_was_answered(syntax: str, name: str, comment: str, rows: int, uid: str) -> None:
    elements = [
        (0x00280010, "US", [rows]), (0x00100010, "PN", name), (0x0020000D, "UI", uid),
        (0x00080060, "CS", ""), (0x00200013, "IS", "7"), (0x0040A160, "UT", comment),
        (0x00080061, "CS", "CT\\MR"), (0x00189073, "FD", [0.5]),
    ]  # fmt: skip
    read = decode_dataset(Answer(elements).encode(syntax), syntax)
    assert [int(one.tag) for one in read] == sorted(int(one.tag) for one in read)
    assert (read.PatientName, read.StudyInstanceUID, read.Rows) == (name, uid, rows)
    assert (read.InstanceNumber, read.ModalitiesInStudy, read.TextValue) == (7, ["CT", "MR"], comment)
    assert not read.Modality
    assert read.AcquisitionDuration == 0.5
    assert ("SpecificCharacterSet" in read) == (not (name + comment).isascii())


def test_what_cannot_be_written_is_told() -> None:
    with pytest.raises(UnsupportedError, match="native"):
        Answer([]).encode("1.2.840.10008.1.2.4.70")
    with pytest.raises(UnsupportedError, match="encoded"):
        Answer([(0x00280010, "US", [70_000])]).encode(NATIVE[1])
