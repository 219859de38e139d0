"""Image Pixel module and Pixel Data of frames, native or compressed (PS3.3 C.7.6.3, PS3.5 8, A.4)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from medvox.core.errors import UnsupportedError
from medvox.dicom.writing.files.compress import compressed_frames, encapsulated, transfer_syntax_of
from medvox.dicom.writing.files.encode import PIXEL_DATA, Encoded, head
from medvox.dicom.writing.options import Compression

AnyArray = NDArray[Any]
_MOST = 0xFFFFFFFE
"""Largest length of native pixel data (PS3.5 7.1.2)."""


def pixel_header(frames: AnyArray, inverted: bool = False) -> Dataset:
    """Image Pixel module of (n, rows, columns) or (n, rows, columns, 3) stored numbers."""
    ds = Dataset()
    colour = frames.ndim == 4
    ds.SamplesPerPixel = 3 if colour else 1
    ds.PhotometricInterpretation = "RGB" if colour else "MONOCHROME1" if inverted else "MONOCHROME2"
    if colour:
        ds.PlanarConfiguration = 0
    ds.Rows, ds.Columns = frames.shape[1:3]
    bits = frames.dtype.itemsize * 8
    ds.BitsAllocated = ds.BitsStored = bits
    ds.HighBit = bits - 1
    ds.PixelRepresentation = int(frames.dtype.kind == "i")
    return ds


def pixel_element(frames: AnyArray, compression: Compression) -> tuple[str, Encoded]:
    """Encode Pixel Data of one instance.

    Parameters
    ----------
    frames
        (n, rows, columns) or (n, rows, columns, 3), little endian, C-contiguous.

    Returns
    -------
    transfer syntax UID, encoded pixel data

    Raises
    ------
    UnsupportedError
        If native frames are too long for one element.
    WriteError
        If a compressed frame does not decode to what was given.
    """
    syntax = transfer_syntax_of(compression)
    if compression not in (Compression.NONE, Compression.DEFLATED):
        return syntax, encapsulated(compressed_frames(frames, compression))
    length = frames.nbytes + frames.nbytes % 2
    if length > _MOST:
        raise UnsupportedError(
            "the pixel data are too long for one instance",
            got=f"{length} bytes",
            expected=f"at most {_MOST}",
            advice="Write kind 'classic', or compress",
        )
    vr = "OB" if frames.dtype.itemsize == 1 else "OW"
    parts: list[bytes | memoryview] = [head(PIXEL_DATA, vr, length), frames.reshape(-1).view(np.uint8).data]
    return syntax, Encoded([*parts, b"\0"] if frames.nbytes % 2 else parts)
