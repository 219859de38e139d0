"""Bad input: a Finding or a clear error, never a traceback, a hang or a silent loss."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medvox.core.errors import LimitError, MedvoxError, MissingError
from medvox.core.settings import using
from medvox.testing import dicom_builder as build
from medvox.workflows.open_folder import read, scan

VALUES = np.arange(5 * 8 * 9, dtype=np.int16).reshape(5, 8, 9)


def codes(found):
    return {finding.code for finding in found.all_findings()}


def test_an_empty_file_does_not_stop_the_others(tmp_path):
    build.save(build.stack(VALUES), tmp_path)
    (tmp_path / "empty.dcm").touch()
    found = scan(tmp_path)
    assert np.array_equal(found.volume().values(), VALUES)
    assert any(f.where == "empty.dcm" for f in found.findings)


def test_truncated_pixels_are_told_and_the_other_slices_still_read(tmp_path):
    paths = build.save(build.stack(VALUES), tmp_path)
    paths[2].write_bytes(paths[2].read_bytes()[:-40])
    found = scan(tmp_path)
    assert codes(found) & {"truncated-pixel-data", "wrong-pixel-length"}
    volume = next(found.images()).open()
    assert np.array_equal(volume.slice_values(1), VALUES[1])
    with pytest.raises(MedvoxError, match="0003"):
        volume.slice_values(2)


def test_sizes_that_claim_more_than_there_is_are_refused_before_memory_is_taken(tmp_path):
    (data,) = build.stack(VALUES[:1])
    data.Rows = data.Columns = 65535
    data.NumberOfFrames = 100_000
    build.save([data], tmp_path)
    with using(max_image_bytes=1 << 30):
        found = scan(tmp_path)
        assert not any(True for _ in found.images()) or _refused(found)


def _refused(found):
    with pytest.raises((LimitError, MedvoxError)):
        next(found.images()).open().values()
    return True


@pytest.mark.parametrize(
    "attributes",
    [
        {"PixelSpacing": [0.0, 0.0]},
        {"PixelSpacing": [-1.0, 1.0]},
        {"ImageOrientationPatient": [0.0] * 6},
        {"ImagePositionPatient": None},
        {"RescaleSlope": 0.0},
        {"BitsStored": 0},
        {"BitsAllocated": 7},
        {"SamplesPerPixel": 5},
        {"PhotometricInterpretation": "NONSENSE"},
        {"Rows": 0},
    ],
)
def test_nonsense_in_one_attribute_is_a_finding_or_an_error(tmp_path, attributes):
    slices = build.stack(VALUES)
    for data in slices:
        for keyword, value in attributes.items():
            setattr(data, keyword, value) if value is not None else delattr(data, keyword)
    build.save(slices, tmp_path)
    found = scan(tmp_path)
    try:
        values = [image.open().values() for image in found.images()]
    except MedvoxError:
        return
    assert sum(v.size for v in values) == VALUES.size or codes(found)


def test_mixed_patients_are_kept_apart_and_told(tmp_path):
    build.save(build.stack(VALUES, PatientID="A", study="a"), tmp_path / "x")
    build.save(build.stack(VALUES, PatientID="B", study="b"), tmp_path / "y")
    found = scan(tmp_path)
    assert len(found.studies) == 2
    assert "mixed-patients" in codes(found)


def test_links_that_lead_in_circles_end(tmp_path):
    build.save(build.stack(VALUES), tmp_path / "a")
    (tmp_path / "a" / "loop").symlink_to(tmp_path, target_is_directory=True)
    found = scan(tmp_path)
    assert sum(1 for _ in found.images()) == 1


def test_read_says_what_was_wrong_when_there_is_nothing(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(MissingError, match="no image"):
        read(tmp_path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    place=st.integers(132, 1400),
    new=st.binary(min_size=1, max_size=6),
    cut=st.integers(0, 300),
)
def test_damaged_headers_give_our_errors_or_findings_only(tmp_path_factory, place, new, cut):
    folder = tmp_path_factory.mktemp("damaged")
    paths = build.save(build.stack(VALUES[:2]), folder)
    raw = bytearray(paths[0].read_bytes())
    raw[place : place + len(new)] = new
    paths[0].write_bytes(bytes(raw[: len(raw) - cut]))
    found = scan(folder)
    for image in found.images():
        try:
            image.open().values()
        except MedvoxError:
            continue


def test_a_header_that_names_no_usable_file_does_not_end_a_scan(tmp_path):
    (tmp_path / "a.nhdr").write_bytes(b"NRRD0004\ntype: nonsense\ndimension: x\ndata file: gone.raw\n")
    (tmp_path / "b.mhd").write_bytes(b"NDims = 3\nDimSize = 2 2 2\nElementDataFile = ../outside.raw\n")
    found = scan(tmp_path)
    assert {f.where for f in found.findings if f.code == "unreadable-file"} == {"a.nhdr", "b.mhd"}
