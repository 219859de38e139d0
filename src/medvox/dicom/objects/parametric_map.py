"""Parametric maps (PS3.3 A.75, C.32): floating point values with their unit, on the source's frames."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from medvox.core.errors import UnsupportedError
from medvox.core.grid import Space
from medvox.core.labels import Code
from medvox.core.volume import Volume
from medvox.dicom.objects.real_world_values import RealWorldMap, mapping_item
from medvox.dicom.objects.referring import series_items
from medvox.dicom.objects.segmentation import groups
from medvox.dicom.objects.sources import SourceFrames, find_sources
from medvox.dicom.objects.subject import ObjectOptions, begin, content_identification
from medvox.dicom.writing.files import encode
from medvox.dicom.writing.files.output import write_file
from medvox.dicom.writing.options import Source
from medvox.dicom.writing.plan import check_right_angle
from medvox.formats.base import WriteReport

PARAMETRIC_MAP = "1.2.840.10008.5.1.4.1.1.30"
_FLOATS, _DOUBLES = 0x7FE00008, 0x7FE00009
_MOST_BYTES = 0xFFFFFFFE


def write_parametric_map(
    volume: Volume,
    path: str | PathLike[str],
    unit: Code,
    quantity: Code | None = None,
    source: Volume | Source | None = None,
    options: ObjectOptions | None = None,
) -> WriteReport:
    """Write a volume of computed values; the file appears complete or not at all.

    Parameters
    ----------
    volume
        (k, j, i) with a place in the patient; stored as float32, as float64 where it is that.
    unit
        UCUM code, e.g. (um2/s, UCUM).
    quantity
        What the values are, e.g. (113041, DCM, "Apparent Diffusion Coefficient"), or None.
    source
        Images it was computed from; None: as its provenance tells.

    Returns
    -------
    WriteReport
        The file, and what it does not say.

    Raises
    ------
    UnsupportedError
        If there are axes before k, no place in the patient, or more than 4 GiB.
    WriteError, AccessError
        If the system refuses.
    """
    options = options or ObjectOptions()
    grid = volume.grid
    if volume.axes != ("k", "j", "i") or grid.space is not Space.PATIENT:
        raise UnsupportedError(
            "a parametric map is one volume with a place in the patient",
            got=f"{', '.join(volume.axes)}, {grid.space}",
            expected=f"k, j, i, {Space.PATIENT}",
        )
    check_right_angle(grid)
    values = volume.values()
    values = np.ascontiguousarray(values, "<f8" if values.dtype == np.float64 else "<f4")
    if values.nbytes > _MOST_BYTES:
        raise UnsupportedError("the map is too long for one instance", got=f"{values.nbytes} bytes")
    sources = find_sources(source, volume.known_provenance)
    made = begin(PARAMETRIC_MAP, _modality(sources, volume), sources.images if sources else None, options)
    ds = made.dataset
    _image(ds, volume, options, values.dtype.itemsize * 8)
    theirs = sources.images.frame_of_reference if sources else None
    ds.FrameOfReferenceUID = grid.frame_of_reference or theirs or made.uids.new("frame of reference")
    ds.PositionReferenceIndicator = ""
    groups.dimensions(ds, made.uids.new("dimensions"), by_segment=False, placed=True)
    shared = groups.shared_groups(grid, None)
    shared.update(_shared(values, unit, quantity))
    ds.SharedFunctionalGroupsSequence = DicomSequence([shared])
    ds.Laterality = ""
    if sources is not None:
        ds.ReferencedSeriesSequence = series_items(sources.references, "ReferencedInstanceSequence")
    made.finish(options)
    references = sources.on(grid, volume.known_provenance) if sources else (None,) * grid.shape[0]
    order = [(0, k) for k in range(grid.shape[0])]
    frames = groups.per_frame(order, grid, references, by_segment=False)
    tag, vr = (_FLOATS, "OF") if values.dtype.itemsize == 4 else (_DOUBLES, "OD")
    head = encode.head(tag, vr, values.nbytes)
    pixels = encode.Encoded([head, values.reshape(-1).view(np.uint8).data])
    sop = PARAMETRIC_MAP, str(ds.SOPInstanceUID)
    parts = encode.file_parts(sop, encode.EXPLICIT_LITTLE, [encode.encoded(ds), frames], pixels)
    write_file(Path(path), parts)
    notes = (
        ()
        if sources
        else ("no source image is known: patient and study are empty, a new frame of reference",)
    )
    return WriteReport((Path(path),), (), notes)


def _modality(sources: SourceFrames | None, volume: Volume) -> str:
    told = str(sources.images.template.get("Modality") or "") if sources else volume.modality
    return told or "OT"


def _image(ds: Dataset, volume: Volume, options: ObjectOptions, bits: int) -> None:
    """Parametric Map Image, Floating Point Image Pixel (PS3.3 C.32.2, C.7.6.24)."""
    ds.ImageType = ["DERIVED", "PRIMARY", "VOLUME", "NONE"]
    content_identification(ds, options, "MAP")
    ds.NumberOfFrames, ds.Rows, ds.Columns = volume.grid.shape
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated = bits
    ds.BurnedInAnnotation, ds.LossyImageCompression = "NO", "00"
    ds.RecognizableVisualFeatures, ds.ContentQualification = "NO", "RESEARCH"
    ds.PresentationLUTShape = "IDENTITY"
    ds.AcquisitionContextSequence = DicomSequence()


def _shared(values: NDArray[Any], unit: Code, quantity: Code | None) -> Dataset:
    """Frame type, mapping and window, which hold for all frames (PS3.3 C.32.3)."""
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)
    shared = Dataset()
    kind = Dataset()
    kind.FrameType = ["DERIVED", "PRIMARY", "VOLUME", "NONE"]
    shared.ParametricMapFrameTypeSequence = DicomSequence([kind])
    line = RealWorldMap(unit, 1.0, 0.0, low, high, "VALUES", unit.meaning, quantity)
    shared.RealWorldValueMappingSequence = DicomSequence([mapping_item(line, whole=False)])
    window = Dataset()
    window.WindowCenter, window.WindowWidth = _decimal((low + high) / 2), _decimal(max(high - low, 1e-6))
    shared.FrameVOILUTSequence = DicomSequence([window])
    identity = Dataset()
    identity.RescaleIntercept, identity.RescaleSlope, identity.RescaleType = "0", "1", "US"
    shared.PixelValueTransformationSequence = DicomSequence([identity])
    return shared


def _decimal(value: float) -> str:
    return f"{value:.9g}"
