"""pydicom data sets in memory, to a scan or a volume and back."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterable, Iterator
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING

from medvox.core.errors import AccessError, FormatError, MissingError
from medvox.core.progress import Progress, silent
from medvox.core.study import Image, Scan
from medvox.core.volume import Volume
from medvox.dicom.scan import scan_headers
from medvox.dicom.series import make_studies
from medvox.formats.inputs import InputFile

if TYPE_CHECKING:
    from pydicom import Dataset


def volume_from_datasets(
    datasets: Iterable[Dataset], label: str | None = None, *, progress: Progress = silent
) -> Volume:
    """Make a volume of pydicom data sets, sorted and placed as files are.

    Parameters
    ----------
    datasets
        With pixel data, in any order; one series, or several if `label` tells them apart.
    label
        Part of the label of the image that is wanted.

    Returns
    -------
    Volume
        Its values in memory, in the type they were stored in; its slices know the data sets by their
        `filename`, where they were read from files, and their SOP Instance UID.

    Raises
    ------
    AmbiguityError
        If there are several images and `label` does not settle which.
    MissingError
        If there is no image.
    FormatError
        If a data set cannot be encoded.
    """
    with tempfile.TemporaryDirectory(prefix="medvox-") as folder:
        inputs = list(_encoded(datasets, Path(folder)))
        headers, _, notes = scan_headers(inputs, progress=progress)
        studies, findings = make_studies(headers, progress)
        found = Scan((), tuple(studies), (*notes, *findings), len(inputs))
        if not any(True for _ in found.images()):
            reasons = "; ".join(f.text for f in list(found.all_findings())[:3])
            raise MissingError("the data sets hold no image", advice=reasons or None)
        return found.volume(label).load(progress)


def _encoded(datasets: Iterable[Dataset], folder: Path) -> Iterator[InputFile]:
    """Write data sets to files of a folder, for the scanner to read."""
    from pydicom import dcmwrite

    for number, data in enumerate(datasets):
        path = folder / f"{number:06d}.dcm"
        name = str(getattr(data, "filename", None) or f"data set {number}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                dcmwrite(path, _with_syntax(data))
            except Exception as error:
                raise FormatError(f"pydicom cannot encode it: {type(error).__name__}", where=name) from error
        yield InputFile(path, name, path.stat().st_size)


def _with_syntax(data: Dataset) -> Dataset:
    """Shallow copy that says how it is encoded: as it was read, explicit little endian if it was made."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    known = copy(data)
    known.file_meta = copy(getattr(data, "file_meta", FileMetaDataset()))
    known.preamble = bytes(128)
    if "TransferSyntaxUID" not in known.file_meta:
        implicit, little = data.original_encoding
        explicit = ExplicitVRBigEndian if little is False else ExplicitVRLittleEndian
        known.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
    return known


def datasets_of(image: Image) -> list[Dataset]:
    """Read the data sets of an image with pydicom, pixel data included, in the order of its slices.

    Raises
    ------
    AccessError
        If a file cannot be read any more.
    """
    from pydicom import dcmread

    found: list[Dataset] = []
    for instance in image.instances:
        try:
            found.append(dcmread(instance.file, force=True))
        except OSError as error:
            raise AccessError(f"cannot be read: {error.strerror}", where=instance.file) from None
    return found
