"""Write a volume as a classic DICOM series: CT, MR and PT slices, a DX picture, an US cine."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEGBaseline8Bit

from medvox.core.axes import CHANNEL, TIME
from medvox.core.errors import UsageError, WriteError
from medvox.core.progress import Progress, silent, track
from medvox.core.volume import Volume
from medvox.dicom.writing import modules
from medvox.dicom.writing.facts import SeriesFacts, UltrasoundFacts, XrayFacts, stable_uid

IMPLEMENTATION_UID = stable_uid("medvox", "implementation")
AnyArray = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """Whole numbers for the file, and how to get the values back."""

    pixels: AnyArray
    slope: float
    intercept: float


def quantize(values: AnyArray, modality: str) -> Stored:
    """Turn values of one slice into stored numbers, at most half a quantum wrong.

    CT: whole HU from -8192 as int16 + slope 1. PT: each slice has its own slope, so that its largest
    value is 32767 (PS3.3 C.8.9.4.1). MR and DX: whole numbers of no unit, 0 … 65535.
    """
    if values.dtype.kind in "iu" and values.dtype.itemsize <= 2:
        return Stored(values, 1.0, 0.0)
    if modality == "CT":
        return Stored(np.clip(np.rint(values), -8192, 32767).astype(np.int16), 1.0, 0.0)
    if modality == "PT":
        slope = float(modules.decimal(max(float(values.max()), 1e-6) / 32767))
        stored = np.clip(np.rint(values.astype(np.float64) / slope), 0, 32767)
        return Stored(stored.astype(np.int16), slope, 0.0)
    return Stored(np.clip(np.rint(values), 0, 65535).astype(np.uint16), 1.0, 0.0)


def write_series(volume: Volume, folder: Path, facts: SeriesFacts, progress: Progress = silent) -> list[Path]:
    """Write one series.

    Parameters
    ----------
    volume
        (k, j, i) or (time, k, j, i) values in the unit of the modality (HU, Bq/ml); for US
        (time, channel, 1, j, i) uint8 RGB. Slices must lie on an even, untilted grid.
    folder
        Made if it is not there.
    facts
        Everything else.

    Returns
    -------
    list of Path
        The files, in order of time and k.

    Raises
    ------
    UsageError
        If volume and facts do not fit each other.
    WriteError
        If the system refuses; a file appears complete or not at all.
    """
    _check(volume, facts)
    folder.mkdir(parents=True, exist_ok=True)
    total = 1 if facts.modality == "US" else math.prod((*volume.lead_shape, volume.grid.shape[0]))
    made = track(_instances(volume, facts), progress, f"Writing {facts.description}", total)
    files = []
    for number, ds in enumerate(made, start=1):
        path = folder / f"{facts.modality}{number:05d}.dcm"
        save(ds, path)
        files.append(path)
    return files


def _check(volume: Volume, facts: SeriesFacts) -> None:
    if facts.modality not in modules.SOP_CLASSES:
        raise UsageError(
            "this modality cannot be written", got=facts.modality, expected=sorted(modules.SOP_CLASSES)
        )
    expected = (TIME, CHANNEL, "k", "j", "i") if facts.modality == "US" else None
    if expected is not None and (volume.axes != expected or volume.grid.shape[0] != 1):
        raise UsageError("an US cine has one slice and colours", got=volume.axes, expected=expected)
    if expected is None and volume.axes[:-3] not in ((), (TIME,)):
        raise UsageError("only a time axis can be written", got=volume.axes)
    if not volume.grid.is_regular:
        raise UsageError("only even, untilted stacks can be written", got=repr(volume.grid))
    if facts.modality == "DX" and volume.grid.shape[0] != 1:
        raise UsageError("a DX picture is one slice", got=volume.grid.shape)
    if facts.modality == "DX" and not facts.windows:
        raise UsageError("a DX picture for presentation needs a window (PS3.3 C.8.11.3)")


def save(ds: Dataset, path: Path) -> None:
    """Write one dataset as a DICOM file (PS3.10), complete or not at all."""
    temporary = path.with_name(f".{path.name}.part")
    try:
        ds.save_as(temporary, enforce_file_format=True)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise WriteError("cannot write a DICOM file", where=path, got=error.strerror) from error


def _instances(volume: Volume, facts: SeriesFacts) -> Iterator[Dataset]:
    if isinstance(facts.details, UltrasoundFacts):
        yield _cine(volume, facts, facts.details)
        return
    base = modules.common(facts)
    modules.modality(base, facts)
    _geometry(base, volume, facts)
    points = volume.shape[0] if volume.axes[0] == TIME else 1
    seconds = volume.coordinates.get(TIME, tuple(float(n) for n in range(points)))
    if facts.modality == "PT":
        base.NumberOfSlices = volume.grid.shape[0]
    for t in range(points):
        modules.times(base, modules.actual_frame_time(facts, seconds[t] if points > 1 else 0.0))
        if points > 1:
            base.TemporalPositionIdentifier, base.NumberOfTemporalPositions = t + 1, points
            base.AcquisitionNumber = t + 1
            base.TemporalResolution = modules.decimal(1000 * (seconds[-1] - seconds[0]) / (points - 1))
        for k in range(volume.grid.shape[0]):
            lead = (t,) if points > 1 else ()
            _slice(base, volume, facts, k, lead)
            yield _identified(base, facts, t * volume.grid.shape[0] + k)


def _identified(ds: Dataset, facts: SeriesFacts, number: int) -> Dataset:
    ds.InstanceNumber = number + 1
    ds.SOPInstanceUID = stable_uid(facts.uid, number)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(IMPLEMENTATION_UID)
    meta.ImplementationVersionName = "MEDVOX"
    ds.file_meta = meta
    return ds


def _geometry(ds: Dataset, volume: Volume, facts: SeriesFacts) -> None:
    """Image Plane module (PS3.3 C.7.6.2), or the detector's pixel spacing of a projection."""
    k, j, i = volume.grid.spacing_mm
    if isinstance(facts.details, XrayFacts):
        ds.ImagerPixelSpacing = modules.decimals((j, i))
        return
    ds.PixelSpacing = modules.decimals((j, i))
    ds.SliceThickness = modules.decimal(k)
    if facts.modality in ("MR", "CT"):
        ds.SpacingBetweenSlices = modules.decimal(k)
    direction = volume.grid.direction
    ds.ImageOrientationPatient = modules.decimals([*direction[:, 2], *direction[:, 1]])


def _slice(ds: Dataset, volume: Volume, facts: SeriesFacts, k: int, lead: tuple[int, ...]) -> None:
    """Plane position, pixels and rescale of one slice."""
    stored = quantize(volume.slice_values(k, lead), facts.modality)
    if facts.modality != "DX":
        position = volume.grid.slice_origin_mm(k)
        ds.ImagePositionPatient = modules.decimals(position)
        ds.SliceLocation = modules.decimal(float(position @ volume.grid.normal))
    if facts.modality in ("CT", "PT", "DX"):
        ds.RescaleIntercept, ds.RescaleSlope = (
            modules.decimal(stored.intercept),
            modules.decimal(stored.slope),
        )
    if facts.modality == "PT":
        ds.ImageIndex = k + 1
    modules.windows(ds, facts)
    _pixels(ds, stored.pixels)


def _pixels(ds: Dataset, pixels: AnyArray) -> None:
    """Image Pixel module (PS3.3 C.7.6.3) of one grey frame."""
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = pixels.shape
    bits = pixels.dtype.itemsize * 8
    ds.BitsAllocated = ds.BitsStored = bits
    ds.HighBit = bits - 1
    ds.PixelRepresentation = 1 if pixels.dtype.kind == "i" else 0
    data = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("<")).tobytes()
    ds.PixelData = data + b"\0" * (len(data) % 2)
    ds["PixelData"].VR = "OW" if bits > 8 else "OB"


def _cine(volume: Volume, facts: SeriesFacts, details: UltrasoundFacts) -> Dataset:
    """US multi-frame image, each frame JPEG baseline (PS3.5 8.2.1)."""
    import imagecodecs

    frames = np.ascontiguousarray(np.moveaxis(np.asarray(volume.values(np.uint8))[:, :, 0], 1, -1))
    ds = modules.common(facts)
    modules.modality(ds, facts)
    modules.times(ds, facts.acquired)
    ds.NumberOfFrames = len(frames)
    ds.FrameIncrementPointer = 0x00181063
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PlanarConfiguration = 3, "YBR_FULL_422", 0
    ds.Rows, ds.Columns = frames.shape[1:3]
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 8, 8, 7, 0
    coded = [
        imagecodecs.jpeg8_encode(
            frame, level=details.quality, colorspace="RGB", outcolorspace="YCBCR", subsampling="422"
        )
        for frame in frames
    ]
    ds.LossyImageCompression, ds.LossyImageCompressionMethod = "01", "ISO_10918_1"
    ds.LossyImageCompressionRatio = modules.decimal(round(frames.nbytes / sum(map(len, coded)), 2))
    ds = _identified(ds, facts, 0)
    ds.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    ds.PixelData = encapsulate([bytes(frame) for frame in coded])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    return ds
