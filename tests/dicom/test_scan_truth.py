"""Headers against pydicom, over every file that pydicom ships and over the real data."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from dicom.scan_truth import differences, of, read, real_files, shipped_files
from medvox.core.finding import Finding
from medvox.dicom import scan
from medvox.dicom.elements.wanted import VRS, WANTED
from medvox.dicom.header import Header
from medvox.formats.inputs import InputFile

UNREADABLE_BY_PYDICOM = "emri_small_jpeg_2k_lossless_too_short.dcm"
"""pydicom gives an empty data set for this one."""


def scanned(paths: Sequence[Path]) -> tuple[list[Header], list[InputFile], list[Finding]]:
    return scan.scan_headers([of(path) for path in paths if not path.name.startswith("DICOMDIR")])


def wrong(headers: Sequence[Header]) -> list[str]:
    found = []
    for header in headers:
        if Path(header.file).name != UNREADABLE_BY_PYDICOM:
            found += [f"{header.name}: {text}" for text in differences(header, read(Path(header.file)))]
    return found


def test_shipped_files_have_pydicoms_values_and_offsets() -> None:
    headers, others, findings = scanned(shipped_files())
    assert len(headers) > 100
    assert wrong(headers) == []
    assert findings == []
    assert not [file.name for file in others if file.path.suffix == ".dcm" and file.name != "no_meta.dcm"]


def test_dicomdir_files_have_pydicoms_values() -> None:
    paths = [path for path in shipped_files() if path.name.startswith("DICOMDIR")]
    assert len(paths) > 4
    assert wrong([scan.read_header(of(path)) for path in paths]) == []


def test_real_files_have_pydicoms_values_and_offsets() -> None:
    paths = real_files()
    if not paths:
        pytest.skip("the real data sets are not there (set MEDVOX_TEST_DATA)")
    headers, others, findings = scanned(paths)
    assert (len(headers), others, findings) == (len(paths), [], [])
    assert wrong(headers) == []


def test_compiled_walk_finds_what_the_plain_one_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    files = [of(path) for path in [*shipped_files(), *real_files()] if not path.name.startswith("DICOMDIR")]
    monkeypatch.setattr(scan, "_PAYS", 1 << 60)
    monkeypatch.setattr(scan, "_KERNELS", "not loaded")
    plain = scan.scan_headers(files)
    monkeypatch.setattr(scan, "_PAYS", 0)
    compiled = scan.scan_headers(files)
    assert compiled[1:] == plain[1:]
    assert [everything(header) for header in compiled[0]] == [everything(header) for header in plain[0]]


def everything(header: Header) -> tuple[object, ...]:
    return (
        header.file,
        header.name,
        header.size,
        header.transfer_syntax,
        header.encoding,
        header.pixel,
        header.findings,
        tuple((tag, header.vr(tag), header.raw(tag)) for tag in header.tags()),
    )


def test_headers_are_light() -> None:
    headers, _, _ = scanned(shipped_files())
    sizes = [len(header.records.tags) * 4 + len(header.records.values) for header in headers]
    assert sum(sizes) / len(sizes) < 4096


def test_wanted_tags_ascend_and_have_the_standards_vrs() -> None:
    from pydicom.datadict import dictionary_VR

    assert list(WANTED) == sorted(set(WANTED))
    for tag, vr in VRS.items():
        if not tag >> 16 & 1:
            standard = dictionary_VR(tag)
            assert vr in standard or (vr, standard) == ("XS", "US or SS"), f"{tag:08X}"
