"""Headers as lines: odd values are shown, and printed nowhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from medvox.core.errors import FormatError
from medvox.dicom.header_lines import header_lines
from medvox.testing import dicom_builder as build

SECRET = b"SECRET-X"  # neither a date nor a UID: PS3.5 6.2
READ = """
import sys
from medvox.dicom.header_lines import header_lines
from medvox.workflows.open_folder import scan
found = scan(sys.argv[1])
for image in found.images():
    image.volume().load()
lines = header_lines(sys.argv[2])
assert any("SECRET-X" in line.value for line in lines)
"""


@pytest.fixture
def odd_file(tmp_path: Path) -> Path:
    """A CT whose date and frame of reference hold values that their VR forbids."""
    data = build.stack(
        np.zeros((2, 8, 9), np.int16),
        modality="CT",
        AcquisitionDate="20261231",
        FrameOfReferenceUID="1.2.3.47",
    )
    paths = build.save(data, tmp_path / "odd")
    for path in paths:
        raw = path.read_bytes()
        assert raw.count(b"20261231") == raw.count(b"1.2.3.47") == 1
        path.write_bytes(raw.replace(b"20261231", SECRET).replace(b"1.2.3.47", SECRET))
    return paths[0]


def test_values_that_their_vr_forbids_are_shown_but_printed_nowhere(odd_file: Path) -> None:
    command = [sys.executable, "-W", "always", "-c", READ, str(odd_file.parent), str(odd_file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_no_warning_comes_out(odd_file: Path) -> None:
    shown = {line.keyword: line.value for line in header_lines(str(odd_file))}
    assert shown["AcquisitionDate"] == SECRET.decode()


def test_patient_data_are_marked(odd_file: Path) -> None:
    marked = {line.keyword for line in header_lines(str(odd_file)) if line.identifying}
    assert {"PatientName", "PatientID"} <= marked
    assert "Rows" not in marked


def test_what_is_no_header_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="cannot be read"):
        header_lines(str(tmp_path / "nothing"))
