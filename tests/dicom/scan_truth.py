"""What pydicom says of a file, to compare headers with."""

import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pydicom
from pydicom.data import data_manager
from pydicom.dataelem import RawDataElement

from data import data_root
from medvox.dicom.elements.wanted import VRS, WANTED
from medvox.dicom.header import Header
from medvox.formats.inputs import InputFile

PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)


def shipped_files() -> list[Path]:
    """Files that pydicom and pydicom-data ship, whatever they are."""
    folders = [Path(data_manager.DATA_ROOT) / "test_files"]
    extra = find_spec("data_store")
    if extra is not None and extra.origin is not None:
        folders.append(Path(extra.origin).parent / "data")
    return sorted(p for f in folders for p in f.rglob("*") if p.is_file() and p.suffix not in (".py", ".pyc"))


def real_files() -> list[Path]:
    """DICOM files of the real test data."""
    root = data_root()
    return sorted(root.rglob("*.dcm")) if root else []


def of(path: Path) -> InputFile:
    """The input file of a path."""
    return InputFile(path, path.name, path.stat().st_size)


def read(path: Path) -> pydicom.FileDataset:
    """Read everything with pydicom."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(path, force=True)


def differences(header: Header, data: pydicom.FileDataset) -> Iterator[str]:
    """Where a header differs from what pydicom has read: presence and bytes of each element, pixel offset."""
    start = header.encoding.start if header.encoding.deflated else 0
    for tag in WANTED:
        element = _raw(data, tag)
        if (element is not None) != (tag in header):
            yield f"{tag:08X}: pydicom {'has' if element is not None else 'lacks'} it"
        elif element is None or VRS[tag] == "SQ":
            continue  # of a sequence a header knows the presence only
        elif isinstance(element, RawDataElement) and (element.value or b"") != header.raw(tag):
            yield f"{tag:08X}: pydicom {element.value!r:.60}, header {header.raw(tag)!r:.60}"
    tags = [tag for tag in PIXELS if tag in data]
    if bool(tags) != (header.pixel is not None):
        yield f"pixels: pydicom {tags}, header {header.pixel}"
    if tags and header.pixel:
        element = data.get_item(tags[0])
        offset = element.value_tell if isinstance(element, RawDataElement) else element.file_tell
        length = -1 if element.length == 0xFFFFFFFF else len(element.value or b"")
        if (header.pixel.tag, header.pixel.offset, header.pixel.length) != (tags[0], start + offset, length):
            yield f"pixels: pydicom {tags[0]:08X} {start + offset} {length}, header {header.pixel}"


def _raw(data: pydicom.FileDataset, tag: int) -> Any:
    place = data.file_meta if tag >> 16 == 2 else data
    return place.get_item(tag) if place is not None and tag in place else None
