import io

import numpy as np
import pytest

from archive_data import EXPLICIT, bare, sent
from medvox.archive.editing.coercion import CoercionRule, coerced
from medvox.archive.editing.rewriting import Rewrite, rewritten
from medvox.dicom import tags
from medvox.testing.dicom_builder import instance

IMPLICIT, DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1.99"
RULES = (
    CoercionRule("CT*", values={tags.PATIENT_ID: "SITE2-{}", 0x00100021: "SITE2"}),
    CoercionRule("*", defaults={tags.STUDY_DESCRIPTION: "unknown", tags.PATIENT_ID: "nobody"}),
)


def read(data: bytes, *, implicit: bool = False):
    from pydicom.filereader import read_dataset

    return read_dataset(io.BytesIO(data), implicit, True)


def test_rules_change_what_their_sender_sends() -> None:
    data = sent(PatientID="12")
    found = read(coerced(bare(data), EXPLICIT, RULES, "CT1"))
    assert (found.PatientID, found.IssuerOfPatientID, found.StudyDescription) == (
        "SITE2-12",
        "SITE2",
        "unknown",
    )
    (item,) = found.OriginalAttributesSequence
    assert (item.ReasonForTheAttributeModification, item.SourceOfPreviousValues) == ("COERCE", "CT1")
    assert item.ModifiedAttributesSequence[0].PatientID == "12"
    other = read(coerced(bare(data), EXPLICIT, RULES, "MR1"))
    assert other.PatientID == "12"
    assert "IssuerOfPatientID" not in other


def test_rules_that_change_nothing_cost_nothing() -> None:
    data = bare(sent(StudyDescription="Head"))
    assert coerced(data, EXPLICIT, RULES, "MR1") is None
    assert coerced(data, EXPLICIT, RULES[:1], "MR1") is None


@pytest.mark.parametrize("implicit", [False, True])
def test_every_other_byte_stays(implicit: bool) -> None:
    data = sent()
    data.add_new(0x00091010, "LO", "private")
    data.private_block(0x0009, "MAKER", create=True).add_new(1, "OB", bytes(range(200)))
    before = bare(data, implicit=implicit)
    after = rewritten(before, IMPLICIT if implicit else EXPLICIT, Rewrite({tags.PATIENT_ID: "9"}, "2026"))
    found = read(after, implicit=implicit)
    assert found.PatientID == "9"
    del found.OriginalAttributesSequence
    found.PatientID = data.PatientID
    assert bare(found, implicit=implicit) == before


def test_compressed_pixels_are_not_touched() -> None:
    pixels = np.arange(64, dtype=np.uint16).reshape(8, 8)
    data = instance(pixels)
    body = bare(data)
    tail = bytes.fromhex(
        "e07f1000 4f42 0000 ffffffff feff00e0 00000000 feff00e0 04000000 01020304 feffdde0 00000000"
    )
    head = body[: body.index(bytes.fromhex("e07f1000"))]
    found = rewritten(head + tail, "1.2.840.10008.1.2.4.80", Rewrite({tags.PATIENT_ID: "9"}, "2026"))
    assert found.endswith(tail)


def test_deflated_data_sets_stay_deflated() -> None:
    import zlib

    body = bare(sent())
    machine = zlib.compressobj(wbits=-15)
    packed = machine.compress(body) + machine.flush()
    found = rewritten(packed, DEFLATED, Rewrite({tags.PATIENT_ID: "9"}, "2026"))
    assert read(zlib.decompress(found, -15)).PatientID == "9"
