"""Images of files as a printer takes them: through their own window to eight bits (PS3.4 H, PS3.3 C.11)."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.errors import FormatError, UnsupportedError
from medvox.dicom.writing.files.uncompress import EXPLICIT_LITTLE, uncompressed
from medvox.network.dimse.files import file_to_send

if TYPE_CHECKING:
    from pydicom import Dataset


Grey = NDArray[np.uint8]


def printable(path: Path) -> list[Dataset]:
    """Return the frames of a file as Image Pixel attributes of 8 bits, MONOCHROME2.

    Grey ones go through the modality and VOI transformations of the file, where it has none from the least to
    the greatest value; colors become their luminance (ITU-R BT.601).

    Raises
    ------
    FormatError
        If the file is no DICOM instance or has no image.
    UnsupportedError
        If its pixels cannot be decoded.
    """
    from pydicom.filereader import read_dataset

    found = file_to_send(path)
    data = uncompressed(found.open(), found.transfer_syntax, EXPLICIT_LITTLE)
    if data is None:
        raise UnsupportedError("the pixels cannot be decoded", where=path.name, got=found.transfer_syntax)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = read_dataset(io.BytesIO(data), False, True)
            dataset.file_meta = _meta()
            shown = _shown(dataset)
        except Exception as error:
            what = "the file has no image that can be printed"
            raise FormatError(what, where=path.name, got=type(error).__name__) from None
    return [_image(frame, dataset) for frame in shown]


def _meta() -> Any:
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = UID(EXPLICIT_LITTLE)
    return meta


def _shown(dataset: Dataset) -> Grey:
    """Frames (n, rows, columns) as they are to be seen, 0 black to 255 white."""
    from pydicom.pixels.processing import apply_modality_lut, convert_color_space

    values = dataset.pixel_array
    if int(dataset.get("SamplesPerPixel", 1)) == 3:
        if str(dataset.PhotometricInterpretation).startswith("YBR"):
            values = convert_color_space(values, str(dataset.PhotometricInterpretation), "RGB")
        fractions = values @ np.array([0.299, 0.587, 0.114]) / np.iinfo(values.dtype).max
        return _eight_bits(fractions, values.shape[-3:-1])
    fractions = _windowed(np.asarray(apply_modality_lut(values, dataset), np.float64), dataset)
    if str(dataset.PhotometricInterpretation).strip() == "MONOCHROME1":
        fractions = 1 - fractions
    return _eight_bits(fractions, values.shape[-2:])


def _eight_bits(fractions: NDArray[Any], shape: tuple[int, ...]) -> Grey:
    grey: Grey = np.rint(np.clip(fractions, 0, 1) * 255).astype(np.uint8).reshape(-1, *shape)
    return grey


def _windowed(values: NDArray[Any], dataset: Dataset) -> NDArray[Any]:
    """VOI LUT, else the first window (PS3.3 C.11.2.1.2, C.11.2.1.3), else all values."""
    from pydicom.pixels.processing import apply_voi

    if dataset.get("VOILUTSequence"):
        top = (1 << int(dataset.VOILUTSequence[0].LUTDescriptor[2])) - 1
        return np.asarray(apply_voi(values.astype(np.int64), dataset) / top)
    centers, widths = (np.atleast_1d(dataset.get(k) or ()) for k in ("WindowCenter", "WindowWidth"))
    if not len(centers) or not len(widths) or float(widths[0]) <= 0:
        return np.asarray((values - values.min()) / max(np.ptp(values), 1e-9))
    center, width = float(centers[0]), float(widths[0])
    function = str(dataset.get("VOILUTFunction") or "LINEAR").strip()
    if function == "SIGMOID":
        return np.asarray(1 / (1 + np.exp(-4 * (values - center) / width)))
    if function == "LINEAR_EXACT":
        return (values - center) / width + 0.5
    return (values - (center - 0.5)) / max(width - 1, 1e-9) + 0.5


def _image(frame: Grey, dataset: Dataset) -> Dataset:
    from pydicom import Dataset

    made = Dataset()
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.Rows, made.Columns = frame.shape
    spacing = dataset.get("PixelSpacing") or dataset.get("ImagerPixelSpacing")
    ratio = dataset.get("PixelAspectRatio")
    if ratio is None and spacing is not None and float(spacing[0]) != float(spacing[1]) and float(spacing[1]):
        ratio = [round(float(spacing[0]) * 1000), round(float(spacing[1]) * 1000)]
    made.PixelAspectRatio = ratio if ratio is not None else [1, 1]
    made.BitsAllocated = made.BitsStored = 8
    made.HighBit, made.PixelRepresentation = 7, 0
    content = frame.tobytes()
    made.add_new(0x7FE00010, "OB", content + b"\0" * (len(content) % 2))
    return made
