"""Headers against pydicom, over every file that pydicom ships and over the real data."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.uid import ImplicitVRLittleEndian

from dicom.scan_truth import differences, of, read, real_files, shipped_files
from medvox.core.errors import MedvoxError
from medvox.core.finding import Finding
from medvox.dicom import scan, tags
from medvox.dicom.elements.wanted import VRS, WANTED
from medvox.dicom.frames import slices_of
from medvox.dicom.header import Header
from medvox.dicom.pixels import PixelFormat
from medvox.dicom.slices import Slice
from medvox.formats.inputs import InputFile
from medvox.testing.dicom_builder import instance

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


def varied_series(folder: Path) -> list[Path]:
    """Write a series whose files differ in each way that keeps an element from being another file's."""
    pixels = np.arange(12, dtype=np.uint16).reshape(3, 4)
    changes: list[dict[str, Any]] = [
        {"PatientName": "A"},
        {"PatientName": "B", "KVP": "120"},
        {"KVP": "90", "PatientComments": "c" * 5000},
        {"Modality": None, "SeriesDescription": "the one without a modality"},
        {"SpecificCharacterSet": "ISO_IR 100", "PatientName": "M\xfcller"},
        {"SpecificCharacterSet": "ISO_IR 192", "PatientName": "M\xfcller"},
        {"PixelRepresentation": 1, "SmallestImagePixelValue": -3},
        {"Rows": 3, "ImageType": ["ORIGINAL", "PRIMARY"]},
        {"transfer_syntax": ImplicitVRLittleEndian, "WindowCenter": ["40", "60"]},
        {"SOPInstanceUID": "1.2.3", "StudyDescription": ""},
        *({"SliceLocation": str(n), "StudyDescription": "same"} for n in range(150)),
    ]
    paths = []
    for number, change in enumerate(changes):
        data = instance(pixels, modality="CT", **{"InstanceNumber": number + 1, **change})
        paths.append(folder / f"{number:03d}.dcm")
        data.save_as(paths[-1], enforce_file_format=True)
    return paths


def test_files_that_share_elements_have_their_own_values(tmp_path: Path) -> None:
    paths = varied_series(tmp_path)
    scan.prepare()
    compiled = scan.scan_headers([of(path) for path in paths])[0]
    plain = [scan.read_header(of(path)) for path in paths]
    assert sum(header.records.model is not None for header in compiled) > 140
    assert [everything(header) for header in compiled] == [everything(header) for header in plain]
    assert wrong(compiled) == []


def test_what_is_worked_out_for_one_file_holds_for_those_that_share_it_alone(tmp_path: Path) -> None:
    paths = varied_series(tmp_path)
    scan.prepare()
    headers = scan.scan_headers([of(path) for path in paths])[0]
    wanted = (tags.SERIES_DESCRIPTION, tags.STUDY_DESCRIPTION, tags.KVP)

    def facts(header: Header) -> tuple[str, ...]:
        return tuple(header.text(tag) for tag in wanted)

    assert [header.shared(facts, wanted) for header in headers] == [facts(header) for header in headers]


def test_shared_formats_and_places_are_those_of_each_file(tmp_path: Path) -> None:
    scan.prepare()
    files = [of(path) for path in [*varied_series(tmp_path), *shipped_files(), *real_files()]]
    shared = 0
    for header in scan.scan_headers(files)[0]:
        if header.records.model is None or header.pixel is None:
            continue
        alone = scan.read_header(of(Path(header.file)))
        assert _format(header) == _format(alone)
        assert [_place(s) for s in slices_of(header)[0]] == [_place(s) for s in slices_of(alone)[0]]
        shared += 1
    assert shared > 140


def _format(header: Header) -> object:
    try:
        made = PixelFormat.of(header)
        colors = None if made.palette is None else made.palette.colors.tobytes()
        return replace(made, palette=None), colors
    except MedvoxError as error:
        return error.what


def _place(s: Slice) -> tuple[object, ...]:
    at = s.rows, s.columns, s.position_mm, s.orientation, s.spacing_mm, s.slice_step_mm
    return (*at, s.scaling, s.precise, s.frame, s.tile, s.cine, s.facts)


def everything(header: Header) -> tuple[object, ...]:
    return (
        header.file,
        header.name,
        header.size,
        header.transfer_syntax,
        header.encoding,
        header.pixel,
        header.findings,
        tuple(
            (tag, tag in header, header.vr(tag), header.raw(tag), header.text(tag), header.floats(tag))
            for tag in WANTED
            if tag in header or tag % 7 == 0
        ),
        header.tags(),
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
