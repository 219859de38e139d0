"""Headers of 10,000 files: ours beside pydicom and gdcm, the same values out of each.

The files have the structure of real ones: the headers of CT, MR and enhanced MR instances that pydicom
ships, with their private groups, and of built ones with sequences of undefined length; each in explicit
and in implicit little endian. What is timed is reading the headers and getting `TAGS` of every file.
"""

from __future__ import annotations

import atexit
import io
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom import Dataset
from pydicom import Sequence as DicomSequence
from pydicom.data import get_testdata_file
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from benchmarks.harness import Case
from medvox.dicom.scan import scan_headers
from medvox.formats.inputs import InputFile
from medvox.testing import dicom_builder

FILES = 10_000
SHIPPED = ("CT_small.dcm", "MR_small.dcm", "emri_small.dcm", "examples_overlay.dcm")
NUMBERS = (0x00280010, 0x00280011, 0x00280100, 0x00280103)
TEXTS = (
    *(0x00080016, 0x00080018, 0x00080020, 0x00080060, 0x0008103E, 0x00100010, 0x00100020, 0x00180050),
    *(0x0020000D, 0x0020000E, 0x00200011, 0x00200013, 0x00200032, 0x00200037, 0x00280030, 0x00281053),
)
TAGS = (*NUMBERS, *TEXTS)
UID = "1.2.826.0.1.3680043.10.1450."
SERIAL = "98765432"
"""Stands in the templates where each file gets its own number."""


def built() -> Iterator[Dataset]:
    """Make headers with nested sequences, written with undefined lengths."""
    code = dicom_builder.items(CodeValue="T-A0100", CodingSchemeDesignator="SRT", CodeMeaning="Brain")
    request = dicom_builder.items(
        RequestedProcedureID="1", ScheduledProcedureStepID="2", ScheduledProtocolCodeSequence=code
    )
    references = DicomSequence(
        dicom_builder.dataset(ReferencedSOPClassUID="1.2.3", ReferencedSOPInstanceUID=f"{UID}{n}")
        for n in range(8)
    )
    for modality in ("CT", "MR"):
        (data,) = dicom_builder.stack(
            np.zeros((1, 64, 64), np.int16),
            modality=modality,
            RescaleSlope="1",
            RequestAttributesSequence=request,
            ReferencedImageSequence=references,
            ProcedureCodeSequence=code,
        )
        for name in ("RequestAttributesSequence", "ReferencedImageSequence", "ProcedureCodeSequence"):
            data[name].is_undefined_length = True
            for item in data[name].value:
                item.is_undefined_length_sequence_item = True
        yield data


def templates() -> list[bytes]:
    """Files with `SERIAL` for a number."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        paths = [path for name in SHIPPED if (path := get_testdata_file(name, download=False))]
        files = []
        for data in [*map(pydicom.dcmread, paths), *built()]:
            for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian):
                data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = UID + SERIAL
                data.InstanceNumber = int(SERIAL)
                data.file_meta.TransferSyntaxUID = syntax
                stream = io.BytesIO()
                pydicom.dcmwrite(
                    stream,
                    data,
                    implicit_vr=syntax.is_implicit_VR,
                    little_endian=True,
                    enforce_file_format=True,
                )
                files.append(stream.getvalue())
    return files


@cache
def files() -> list[InputFile]:
    """Write the files, once."""
    folder = Path(tempfile.mkdtemp(prefix="medvox-bench-index-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    contents, made = templates(), []
    for number in range(FILES):
        path = folder / f"{number // 500:02d}" / f"{number:05d}.dcm"
        path.parent.mkdir(exist_ok=True)
        content = contents[number % len(contents)].replace(SERIAL.encode(), f"{10_000_000 + number}".encode())
        path.write_bytes(content)
        made.append(InputFile(path, path.name, len(content)))
    return made


def with_medvox() -> list[tuple[Any, ...]]:
    headers, _, _ = scan_headers(files(), TAGS)
    return [
        (*(header.integer(tag) for tag in NUMBERS), *(header.text(tag) for tag in TEXTS))
        for header in headers
    ]


def with_pydicom() -> list[tuple[Any, ...]]:
    rows = []
    for file in files():
        data = pydicom.dcmread(file.path, stop_before_pixels=True)
        texts = ((data.get_item(tag).value or b"").decode() if tag in data else "" for tag in TEXTS)
        rows.append((*(data[tag].value for tag in NUMBERS), *(text.strip(" \0") for text in texts)))
    return rows


def with_gdcm() -> list[tuple[Any, ...]]:
    import gdcm

    scanner = gdcm.Scanner()
    tags = [gdcm.Tag(tag >> 16, tag & 0xFFFF) for tag in TAGS]
    for tag in tags:
        scanner.AddTag(tag)
    names = [str(file.path) for file in files()]
    assert scanner.Scan(names)
    count = len(NUMBERS)
    rows = []
    for name in names:
        values = [(scanner.GetValue(name, tag) or "").strip(" \0") for tag in tags]
        rows.append((*map(int, values[:count]), *values[count:]))
    return rows


def check(results: Any) -> None:
    ours = results["ours"]
    assert len(ours) == FILES
    assert len({row[TAGS.index(0x00080018)] for row in ours}) == FILES
    for name in ("pydicom", "python-gdcm"):
        assert results[name] == ours, name


def cases() -> list[Case]:
    """10,000 headers, warm cache."""
    files()
    return [
        Case(
            name=f"index {FILES} headers",
            ours=with_medvox,
            peers={"pydicom": with_pydicom, "python-gdcm": with_gdcm},
            goals={"pydicom": 5, "python-gdcm": 1.5},
            check=check,
        )
    ]
