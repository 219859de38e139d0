"""Siemens: CSA headers, mosaics, diffusion.

Sources: the public description of the CSA header in nibabel's documentation ("CSA header"), and the
notes of dcm2niix on Siemens files (neurolabusc/dcm2niix, Siemens/README.md).
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

import numpy as np
from pydicom import Dataset, Sequence

from medvox.core.errors import FormatError
from medvox.dicom import tags
from medvox.dicom.header import Header

MAX_ELEMENTS = 1000
_OF_IMAGES = frozenset({"NumberOfImagesInMosaic", "SliceNormalVector", "B_value", "ImaPATModeText"})
MAX_ITEMS = 10_000
MOSAIC_TIMES = "(0029,1010) CSA MosaicRefAcqTimes"


@dataclass(frozen=True, slots=True)
class Mosaic:
    """Layout of a mosaic frame.

    Parameters
    ----------
    slices
        Number of slices in the frame.
    tiles
        Tiles along a row and along a column of the frame.
    normal
        Unit vector from one slice to the next, or None where the header has none.
    times_ms
        Acquisition time of each slice after the first, or empty.
    """

    slices: int
    tiles: int
    normal: tuple[float, float, float] | None
    times_ms: tuple[float, ...] = ()


def is_siemens(header: Header) -> bool:
    """Whether a Siemens scanner wrote the instance."""
    return header.text(tags.MANUFACTURER).upper().startswith("SIEMENS")


def read_csa(raw: bytes) -> dict[str, tuple[str, ...]]:
    """Read a CSA header, either version, into element name -> values that are not empty.

    Raises
    ------
    FormatError
        If the bytes end early or the counts are absurd.
    """
    second = raw[:4] == b"SV10"
    at = 16 if second else 8
    try:
        (count,) = struct.unpack_from("<I", raw, 8 if second else 0)
        if count > MAX_ELEMENTS:
            raise FormatError("CSA header claims too many elements", got=count, expected=f"<= {MAX_ELEMENTS}")
        elements = {}
        for _ in range(count):
            name = raw[at : at + 64].split(b"\0", 1)[0].decode("latin-1")
            (items,) = struct.unpack_from("<I", raw, at + 76)
            if items > MAX_ITEMS:
                raise FormatError("CSA element claims too many items", where=name, got=items)
            at += 84
            values, at = _read_items(raw, at, items, second)
            elements[name] = values
    except struct.error as error:
        raise FormatError("CSA header ends early", where=f"byte {at}", got=len(raw)) from error
    return elements


def _read_items(raw: bytes, at: int, items: int, second: bool) -> tuple[tuple[str, ...], int]:
    values = []
    for _ in range(items):
        lengths = struct.unpack_from("<4I", raw, at)
        length = lengths[1] if second else lengths[0]
        at += 16
        if length > len(raw) - at:
            if second:
                raise FormatError("CSA item is longer than the header", got=length)
            length = 0  # version 1 fills the length of unused items with junk
        text = raw[at : at + length].split(b"\0", 1)[0].strip().decode("latin-1")
        if text:
            values.append(text)
        at += -(-length // 4) * 4
    return tuple(values), at


def csa_image_header(header: Header) -> dict[str, tuple[str, ...]]:
    """CSA image header of an instance; empty where it has none that can be read.

    It lies in the first or second private block of group 0029; archives that rename the block's creator
    (Agfa) leave its bytes, so the bytes decide.
    """
    for tag in tags.SIEMENS_CSA_IMAGE:
        raw = header.raw(tag)
        if raw is None or len(raw) < 12:
            continue
        try:
            found = read_csa(raw)
        except FormatError:
            continue
        if found.keys() & _OF_IMAGES:
            return found
    return {}


def mosaic(header: Header) -> Mosaic | None:
    """Layout of a mosaic, or None where the frame is no mosaic.

    The count comes from CSA NumberOfImagesInMosaic or (0019,100A); the normal's sign from CSA
    SliceNormalVector, which tells the order of slices (it can point against row x column).
    """
    if "MOSAIC" not in header.texts(tags.IMAGE_TYPE):
        return None
    csa = csa_image_header(header)
    count = _whole(csa.get("NumberOfImagesInMosaic", ())) or header.integer(tags.SIEMENS_MOSAIC_COUNT)
    if not count or count < 1:
        return None
    vector = _numbers(csa.get("SliceNormalVector", ()))
    norm = math.sqrt(sum(x * x for x in vector)) if len(vector) == 3 else 0.0
    normal = (vector[0] / norm, vector[1] / norm, vector[2] / norm) if norm > 0.5 else None
    times = _numbers(csa.get("MosaicRefAcqTimes", ()))
    return Mosaic(count, math.ceil(math.sqrt(count)), normal, times if len(times) == count else ())


def mosaic_origin_mm(
    position_mm: tuple[float, float, float],
    orientation: tuple[float, ...],
    spacing_mm: tuple[float, float],
    frame: tuple[int, int],
    tile: tuple[int, int],
) -> tuple[float, float, float]:
    """LPS position of the first pixel of the first tile.

    Image Position (Patient) of a mosaic is that of a frame-sized slice around the same centre, so the
    origin moves by half the size difference along rows and columns.
    """
    row, column = np.asarray(orientation[:3]), np.asarray(orientation[3:])
    shift = row * spacing_mm[1] * (frame[1] - tile[1]) / 2 + column * spacing_mm[0] * (frame[0] - tile[0]) / 2
    x, y, z = np.asarray(position_mm) + shift
    return float(x), float(y), float(z)


def diffusion(header: Header) -> tuple[float | None, tuple[float, ...]]:
    """b-value in s/mm² and gradient direction, from (0019,100C) and (0019,100E) or the CSA header."""
    if not is_siemens(header):
        return None, ()
    b_value = header.number(tags.SIEMENS_B_VALUE)
    gradient = header.floats(tags.SIEMENS_GRADIENT)
    if b_value is None:
        csa = csa_image_header(header)
        values = _numbers(csa.get("B_value", ()))
        b_value = values[0] if values else None
        gradient = _numbers(csa.get("DiffusionGradientDirection", ()))
    return b_value, gradient if len(gradient) == 3 else ()


def diffusion_source(header: Header) -> tuple[str, str]:
    """Elements that tell b-value and direction."""
    if tags.SIEMENS_B_VALUE in header:
        return "(0019,100C) B_value", "(0019,100E) DiffusionGradientDirection"
    return "(0029,1010) CSA B_value", "(0029,1010) CSA DiffusionGradientDirection"


def enhanced_echo(header: Header, frame: Dataset) -> int | None:
    """Echo number of a frame of an XA file: second of the ICE dimensions, (0021,1106) in (0021,11FE).

    It tells echoes apart whose Effective Echo Time is the same. None where there is none.

    Parameters
    ----------
    frame
        Functional groups of the frame.
    """
    if not is_siemens(header) or tags.SIEMENS_XA_FRAME not in frame:
        return None
    items = frame[tags.SIEMENS_XA_FRAME].value
    found = items[0].get(tags.SIEMENS_XA_ICE_DIMENSIONS) if isinstance(items, Sequence) and items else None
    parts = str(found.value if found is not None else "").split("_")
    return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else None


def _numbers(texts: tuple[str, ...]) -> tuple[float, ...]:
    try:
        return tuple(float(t) for t in texts)
    except ValueError:
        return ()


def _whole(texts: tuple[str, ...]) -> int | None:
    numbers = _numbers(texts)
    return int(numbers[0]) if numbers and math.isfinite(numbers[0]) else None
