"""An archive of synthetic studies, and the viewer's application in front of it."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from medvox.archive.archive import Archive
from medvox.archive.model import ArchiveSettings

CT = "1.2.840.10008.5.1.4.1.1.2"


def data_set(
    study: str,
    number: int = 0,
    *,
    series: str = "",
    name: str = "Doe^Jane",
    patient_id: str = "P-1",
    date: str = "20260102",
    description: str = "Head",
    modality: str = "CT",
    accession: str = "A-1",
    size: int = 32,
) -> pydicom.Dataset:
    """A slice of a ball in a box."""
    one = pydicom.Dataset()
    one.file_meta = FileMetaDataset()
    one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    one.SpecificCharacterSet = "ISO_IR 192"
    one.SOPClassUID, one.SOPInstanceUID = CT, generate_uid(entropy_srcs=[study, series, str(number)])
    one.PatientName, one.PatientID, one.PatientBirthDate, one.PatientSex = name, patient_id, "19600101", "F"
    one.StudyInstanceUID, one.SeriesInstanceUID = study, series or f"{study}.1"
    one.FrameOfReferenceUID = f"{study}.9"
    one.StudyDate, one.StudyTime, one.AccessionNumber = date, "101500", accession
    one.StudyDescription, one.SeriesDescription, one.Modality = description, f"{description} axial", modality
    one.SeriesNumber, one.InstanceNumber, one.BodyPartExamined = 2, number + 1, "HEAD"
    one.ImagePositionPatient, one.ImageOrientationPatient = [0, 0, 2.0 * number], [1, 0, 0, 0, 1, 0]
    one.PixelSpacing, one.SliceThickness = [1, 1], 2
    one.Rows = one.Columns = size
    one.SamplesPerPixel, one.PhotometricInterpretation, one.PixelRepresentation = 1, "MONOCHROME2", 1
    one.BitsAllocated = one.BitsStored = 16
    one.HighBit, one.RescaleSlope, one.RescaleIntercept, one.RescaleType = 15, 1, 0, "HU"
    j, i = np.mgrid[:size, :size] - size / 2
    inside = j**2 + i**2 + (2.0 * number - size / 2) ** 2 < (size / 2.5) ** 2
    one.PixelData = np.where(inside, 60 + number, -1000).astype("<i2").tobytes()
    return one


def encoded(one: pydicom.Dataset) -> bytes:
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, one, implicit_vr=False, little_endian=True, enforce_file_format=False)
    return buffer.getvalue()


def part10(one: pydicom.Dataset) -> bytes:
    """The whole file, file meta information first (PS3.10 7.1)."""
    buffer = io.BytesIO()
    one.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def keep(archive: Archive, one: pydicom.Dataset) -> None:
    plain = pydicom.Dataset({element.tag: element for element in one})
    archive.receive(encoded(plain), transfer_syntax=ExplicitVRLittleEndian)


def fill(archive: Archive, slices: int = 12, size: int = 32) -> None:
    """Three studies of two patients; the first is a volume."""
    for number in range(slices):
        keep(archive, data_set("1.2.3.1", number, size=size))
    keep(archive, data_set("1.2.3.1", 0, series="1.2.3.1.2", size=size))
    keep(archive, data_set("1.2.3.2", 0, date="20250301", description="Abdomen", modality="MR"))
    keep(
        archive,
        data_set(
            "1.2.3.3", 0, name="Müller^Hans Peter", patient_id="Q-77", date="20260515", accession="B-9",
            description="Knee left",
        ),
    )  # fmt: skip


@contextlib.contextmanager
def filled(folder: Path) -> Iterator[Archive]:
    with Archive.open(ArchiveSettings(folder / "store", is_durable=False)) as archive:
        fill(archive)
        yield archive
