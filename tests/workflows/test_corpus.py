"""`medvox info`, with and without `--header`, over every file at hand: an answer or a clear error."""

from __future__ import annotations

import traceback
from importlib.metadata import files as files_of
from pathlib import Path

import pytest
from pydicom.data import data_manager
from typer.testing import CliRunner

from data import data_dir
from medvox.cli.main import app
from medvox.core.errors import MedvoxError
from medvox.dicom.scan import is_dicom

MOST = 12
"""Files looked at of one folder: those of a series are alike."""


def pydicom_files() -> list[Path]:
    return sorted(path for path in Path(data_manager.DATA_ROOT).rglob("*") if path.is_file())


def pydicom_data_files() -> list[Path]:
    found = (Path(str(file.locate())) for file in files_of("pydicom-data") or ())
    return sorted(path for path in found if path.parent.name == "data" or path.suffix == ".dcm")


def shared_files() -> list[Path]:
    root = data_dir("cornerstone_transfer_syntaxes").parent
    folders: dict[Path, list[Path]] = {}
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        folders.setdefault(path.parent, []).append(path)
    return [path for paths in folders.values() for path in paths[:MOST]]


def failures(paths: list[Path], *options: str) -> dict[str, str]:
    """What came out for each file where that is neither an answer nor a clear error."""
    runner, found = CliRunner(), {}
    for path in paths:
        result = runner.invoke(app, ["info", str(path), *options])
        error = result.exception
        said = isinstance(error, MedvoxError) or (isinstance(error, SystemExit) and result.stderr.strip())
        if error is not None and not said:
            found[path.name] = "".join(traceback.format_exception(error)[-3:])
    return found


def is_whole_dicom(path: Path) -> bool:
    first = path.read_bytes()[:1024]
    return first[128:132] == b"DICM" or (path.suffix == ".dcm" and is_dicom(first))


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--header",)], ids=["plain", "header"])
@pytest.mark.parametrize("files", [pydicom_files, pydicom_data_files, shared_files])
def test_no_file_ends_in_a_traceback(files, options):
    paths = files()
    assert len(paths) > 50
    assert failures(paths, *options) == {}


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--header",)], ids=["plain", "header"])
def test_every_dicom_file_has_an_answer(options):
    paths = [path for path in [*pydicom_files(), *pydicom_data_files()] if is_whole_dicom(path)]
    paths += list(data_dir("cornerstone_transfer_syntaxes").rglob("*.dcm"))
    runner = CliRunner()
    codes = {path.name: runner.invoke(app, ["info", str(path), *options]).exit_code for path in paths}
    assert len(codes) > 150
    empty = set() if options else {"DICOMDIR-empty.dcm"}  # names no file: there is nothing to list
    assert {name for name, code in codes.items() if code} == empty
