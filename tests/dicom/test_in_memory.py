"""Headers of data sets in memory equal those of the same data sets in files."""

import io
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmwrite
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from medvox.core.errors import MedvoxError
from medvox.dicom.in_memory import header_of
from medvox.dicom.scan import read_header
from medvox.formats.inputs import InputFile
from medvox.testing.dicom_builder import instance


def bare(data, syntax) -> bytes:
    out = DicomBytesIO()
    out.is_implicit_VR, out.is_little_endian = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    write_dataset(out, data)
    return out.getvalue()


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_the_same_elements_as_in_a_file(tmp_path: Path, syntax) -> None:
    data = instance(
        np.zeros((4, 5), np.int16), modality="CT", PatientName="Müller", SpecificCharacterSet="ISO_IR 192"
    )
    data.file_meta.TransferSyntaxUID = syntax
    file = io.BytesIO()
    dcmwrite(
        file, data, enforce_file_format=True, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=True
    )
    path = tmp_path / "a.dcm"
    path.write_bytes(file.getvalue())
    known = read_header(InputFile(path, "a", path.stat().st_size))
    found = header_of(memoryview(bare(data, syntax)), str(syntax))
    wanted = [tag for tag in known.tags() if tag >> 16 != 2]
    assert [(t, found.vr(t), found.text(t), found.floats(t)) for t in wanted] == [
        (t, known.vr(t), known.text(t), known.floats(t)) for t in wanted
    ]
    assert found.pixel is not None
    assert known.pixel is not None
    assert found.pixel.length == known.pixel.length
    assert found.findings == ()


def test_a_wrong_transfer_syntax_is_a_finding() -> None:
    data = bare(instance(np.zeros((4, 5), np.int16)), ExplicitVRLittleEndian)
    assert [f.code for f in header_of(data, str(ImplicitVRLittleEndian)).findings] == [
        "wrong-transfer-syntax"
    ]


@pytest.mark.parametrize("cut", [1, 7, 30, 200])
def test_what_is_cut_off_is_refused(cut: int) -> None:
    data = bare(instance(np.zeros((4, 5), np.int16)), ExplicitVRLittleEndian)
    with pytest.raises(MedvoxError):
        header_of(data[: -len(data) + cut], str(ExplicitVRLittleEndian))
    with pytest.raises(MedvoxError):
        header_of(b"", str(ExplicitVRLittleEndian))
