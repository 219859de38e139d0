"""Write and read whole data sets without pixel data."""

from __future__ import annotations

from pathlib import Path

from pydicom.dataset import Dataset

from medvox.core.errors import UnsupportedError
from medvox.dicom.objects.pieces import decoding, load
from medvox.dicom.writing.files import encode
from medvox.dicom.writing.files.output import write_file

_ALL = 0xFFFFFFFF


def save(ds: Dataset, path: Path) -> None:
    """Write a data set; the file appears complete or not at all.

    Raises
    ------
    WriteError, AccessError
        If the system refuses.
    """
    sop = str(ds.SOPClassUID), str(ds.SOPInstanceUID)
    parts = encode.file_parts(sop, encode.EXPLICIT_LITTLE, [encode.encoded(ds)], encode.Encoded(()))
    write_file(path, parts)


def read(path: Path, *sop_classes: str) -> Dataset:
    """Read a data set of one of some classes.

    Raises
    ------
    UnsupportedError
        If it is of another class.
    FormatError, MissingError, AccessError
        If it cannot be read.
    """
    stored = load(path, _ALL)
    with decoding(path.name):
        found = str(stored.dataset.get("SOPClassUID") or "")
    if found not in sop_classes:
        raise UnsupportedError(
            "this is another DICOM object", where=path.name, got=stored.dataset.get("Modality")
        )
    return stored.dataset
