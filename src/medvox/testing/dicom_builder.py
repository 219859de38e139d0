"""Synthetic DICOM instances for tests: small, valid, with exactly the attributes a test asks for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom import Sequence as DicomSequence
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid

STORAGE = {
    "CT": UID("1.2.840.10008.5.1.4.1.1.2"),
    "MR": UID("1.2.840.10008.5.1.4.1.1.4"),
    "PT": UID("1.2.840.10008.5.1.4.1.1.128"),
    "US": UID("1.2.840.10008.5.1.4.1.1.6.1"),
    "DX": UID("1.2.840.10008.5.1.4.1.1.1.1"),
    "OT": UID("1.2.840.10008.5.1.4.1.1.7"),
    "RTSTRUCT": UID("1.2.840.10008.5.1.4.1.1.481.3"),
}
ENHANCED_MR = UID("1.2.840.10008.5.1.4.1.1.4.1")


def uid(name: str) -> UID:
    """Return a valid UID that depends on `name` alone."""
    return generate_uid(prefix="2.25.", entropy_srcs=[name])


def instance(
    pixels: NDArray[Any] | None = None,
    *,
    modality: str = "MR",
    series: str = "series",
    study: str = "study",
    transfer_syntax: UID = ExplicitVRLittleEndian,
    **attributes: Any,
) -> Dataset:
    """Make one instance.

    Parameters
    ----------
    pixels
        (rows, columns), (frames, rows, columns) or (rows, columns, 3); uint8, uint16 or int16.
    series, study
        Names that UIDs are made from.
    attributes
        Elements by keyword; None leaves a default out.
    """
    data = Dataset()
    number = attributes.get("InstanceNumber", 1)
    data.SOPClassUID = STORAGE.get(modality, STORAGE["OT"])
    data.SOPInstanceUID = uid(f"{study}/{series}/{number}/{attributes.get('AcquisitionNumber', 1)}")
    data.StudyInstanceUID, data.SeriesInstanceUID = uid(study), uid(f"{study}/{series}")
    data.FrameOfReferenceUID = uid(f"{study}/frame")
    data.PatientName, data.PatientID = "Test^Builder", "TEST-1"
    data.StudyDate, data.Modality, data.SeriesDescription = "20260101", modality, series
    data.InstanceNumber = 1
    if pixels is not None:
        _add_pixels(data, pixels)
    for keyword, value in attributes.items():
        if value is None:
            if keyword in data:
                delattr(data, keyword)
        else:
            setattr(data, keyword, value)
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = transfer_syntax
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    return data


def _add_pixels(data: Dataset, pixels: NDArray[Any]) -> None:
    colour = pixels.ndim >= 3 and pixels.shape[-1] == 3
    frames = pixels.shape[:-3] if colour else pixels.shape[:-2]
    data.Rows, data.Columns = pixels.shape[len(frames) : len(frames) + 2]
    if frames:
        data.NumberOfFrames = frames[0]
    data.SamplesPerPixel = 3 if colour else 1
    data.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if colour:
        data.PlanarConfiguration = 0
    bits = pixels.dtype.itemsize * 8
    data.BitsAllocated, data.BitsStored, data.HighBit = bits, bits, bits - 1
    data.PixelRepresentation = int(pixels.dtype.kind == "i")
    raw = np.ascontiguousarray(pixels).astype(pixels.dtype.newbyteorder("<"), copy=False).tobytes()
    data.add_new("PixelData", "OB" if bits == 8 else "OW", raw + b"\0" * (len(raw) % 2))


def stack(
    pixels: NDArray[Any],
    *,
    origin_mm: Sequence[float] = (0.0, 0.0, 0.0),
    orientation: Sequence[float] = (1, 0, 0, 0, 1, 0),
    spacing_mm: Sequence[float] = (3.0, 1.0, 1.0),
    positions_mm: Iterable[Sequence[float]] | None = None,
    first_number: int = 1,
    **attributes: Any,
) -> list[Dataset]:
    """Make a classic series of parallel slices.

    Parameters
    ----------
    pixels
        (k, rows, columns).
    origin_mm
        Image Position (Patient) of the first slice.
    orientation
        Image Orientation (Patient).
    spacing_mm
        Slice distance, row spacing, column spacing.
    positions_mm
        Image Position (Patient) of each slice, instead of even steps along the normal.
    """
    normal = np.cross(orientation[:3], orientation[3:])
    if positions_mm is None:
        positions_mm = [tuple(np.asarray(origin_mm) + normal * spacing_mm[0] * k) for k in range(len(pixels))]
    return [
        instance(
            values,
            InstanceNumber=first_number + k,
            ImagePositionPatient=[float(x) for x in position],
            ImageOrientationPatient=[float(x) for x in orientation],
            PixelSpacing=[float(spacing_mm[1]), float(spacing_mm[2])],
            SliceThickness=float(spacing_mm[0]),
            **attributes,
        )
        for k, (values, position) in enumerate(zip(pixels, positions_mm, strict=True))
    ]


def enhanced(
    pixels: NDArray[Any],
    positions_mm: Sequence[Sequence[float]],
    *,
    orientation: Sequence[float] = (1, 0, 0, 0, 1, 0),
    spacing_mm: Sequence[float] = (3.0, 1.0, 1.0),
    per_frame: Sequence[dict[str, Dataset]] = (),
    **attributes: Any,
) -> Dataset:
    """Make an enhanced multi-frame MR instance.

    Parameters
    ----------
    pixels
        (frames, rows, columns).
    positions_mm
        Image Position (Patient) of each frame.
    per_frame
        For each frame, functional-group sequences by keyword, each with the item given.
    """
    data = instance(pixels, SOPClassUID=ENHANCED_MR, **attributes)
    data.file_meta.MediaStorageSOPClassUID = ENHANCED_MR
    measures = items(PixelSpacing=[float(s) for s in spacing_mm[1:]], SliceThickness=float(spacing_mm[0]))
    shared = Dataset()
    shared.PixelMeasuresSequence = measures
    shared.PlaneOrientationSequence = items(ImageOrientationPatient=[float(x) for x in orientation])
    data.SharedFunctionalGroupsSequence = DicomSequence([shared])
    groups = []
    for n, position in enumerate(positions_mm):
        group = Dataset()
        group.PlanePositionSequence = items(ImagePositionPatient=[float(x) for x in position])
        for keyword, item in (per_frame[n] if n < len(per_frame) else {}).items():
            setattr(group, keyword, DicomSequence([item]))
        groups.append(group)
    data.PerFrameFunctionalGroupsSequence = DicomSequence(groups)
    return data


def items(**attributes: Any) -> DicomSequence:
    """Make a sequence of one item."""
    return DicomSequence([dataset(**attributes)])


def dataset(**attributes: Any) -> Dataset:
    """Make a data set from keywords."""
    data = Dataset()
    for keyword, value in attributes.items():
        setattr(data, keyword, value)
    return data


def save(instances: Iterable[Dataset], folder: Path, suffix: str = ".dcm") -> list[Path]:
    """Write instances as ``0001.dcm`` … into a folder, made if missing."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, data in enumerate(instances, start=1):
        path = folder / f"{number:04d}{suffix}"
        data.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def save_bare(data: Dataset, path: Path) -> Path:
    """Write a data set without preamble and file meta, implicit little endian."""
    data.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    meta = data.file_meta
    del data.file_meta
    data.save_as(path, implicit_vr=True, little_endian=True)
    data.file_meta = meta
    return path
