"""Look-up tables and windows: from stored values to values with a unit, and how files ask to be shown."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from medvox.core.errors import FormatError
from medvox.core.rescale import LookupTable, Rescale
from medvox.core.volume import Display, Window
from medvox.dicom.header import Header

IMAGE_TYPE: Final = 0x00080008
MODALITY: Final = 0x00080060
RECOMMENDED_RATE: Final = 0x00082144
CINE_RATE: Final = 0x00180040
FRAME_TIME: Final = 0x00181063
FRAME_TIME_VECTOR: Final = 0x00181065
PHOTOMETRIC: Final = 0x00280004
REPRESENTATION: Final = 0x00280103
WINDOW_CENTER: Final = 0x00281050
WINDOW_WIDTH: Final = 0x00281051
RESCALE_INTERCEPT: Final = 0x00281052
RESCALE_SLOPE: Final = 0x00281053
RESCALE_TYPE: Final = 0x00281054
WINDOW_EXPLANATION: Final = 0x00281055
MODALITY_LUT: Final = 0x00283000
LUT_DESCRIPTOR: Final = 0x00283002
LUT_DATA: Final = 0x00283006
VOI_LUT: Final = 0x00283010
UNITS: Final = 0x00541001
SUV_TYPE: Final = 0x00541006
DOSE_UNITS: Final = 0x30040002
PRESENTATION_LUT_SHAPE: Final = 0x20500020

RESCALE_UNITS: Final = {
    "HU": "HU",
    "HU_MOD": "HU",
    "MGML": "mg/ml",
    "PCT": "%",
    "ED": "1e23/ml",
    "Z_EFF": "Z",
    "EDW": "electrons/electrons of water",
    "OD": "mOD",
}
"""Rescale Type (PS3.3 C.11.1.1.2); US and everything else have no unit."""

PET_UNITS: Final = {
    "CNTS": "counts",
    "CM2": "cm2",
    "CM2ML": "cm2/ml",
    "PCNT": "%",
    "CPS": "counts/s",
    "BQML": "Bq/ml",
    "MGMINML": "mg/min/ml",
    "UMOLMINML": "umol/min/ml",
    "MLMING": "ml/min/g",
    "MLG": "ml/g",
    "1CM": "1/cm",
    "UMOLML": "umol/ml",
    "PROPCNTS": "proportional to counts",
    "PROPCPS": "proportional to counts/s",
    "MLMINML": "ml/min/ml",
    "MLML": "ml/ml",
    "STDDEV": "standard deviations",
}
"""Units (PS3.3 C.8.9.1.1.3)."""

SUV_UNITS: Final = {"": "SUVbw", "BW": "SUVbw", "BSA": "SUVbsa", "LBM": "SUVlbm", "IBW": "SUVibw"}
"""SUV Type (PS3.3 C.8.9.1); body weight where it is absent."""


def rescale_of(header: Header) -> Rescale:
    """Return how stored values become values (PS3.3 C.11.1): a line, or a table where there is one.

    A slope of 0 or one that is no number counts as 1.

    Raises
    ------
    FormatError
        If a modality look-up table makes no sense.
    """
    table = rescale_table_of(header)
    if table is not None:
        return Rescale(table=table)
    slope, intercept = header.number(RESCALE_SLOPE), header.number(RESCALE_INTERCEPT)
    good = slope is not None and math.isfinite(slope) and slope != 0
    finite = intercept is not None and math.isfinite(intercept)
    return Rescale.of(slope if good else 1.0, intercept if finite else 0.0)  # type: ignore[arg-type]


def rescale_table_of(header: Header) -> LookupTable | None:
    """Return the modality look-up table (PS3.3 C.11.1), or None.

    Raises
    ------
    FormatError
        If its descriptor and data do not fit each other.
    """
    item = _first_item(header, MODALITY_LUT)
    if item is None:
        return None
    first, entries, _ = _table(item, _is_signed(header), header)
    return LookupTable(first, entries)


def unit_of(header: Header, rescale_type: str = "") -> str:
    """Return the unit of rescaled values; ``"1"`` where there is none or it is not told.

    Parameters
    ----------
    rescale_type
        Rescale Type of a functional group, where the header itself has none.

    A Rescale Type counts first, Units of PET next. CT without Rescale Type is in HU (PS3.3 C.8.2.1: the
    attribute is required if the unit is not HU), but for localizers and pictures in colour.
    """
    kind = (header.text(RESCALE_TYPE) or rescale_type).strip().upper()
    if kind in RESCALE_UNITS:
        return RESCALE_UNITS[kind]
    modality = header.text(MODALITY).strip().upper()
    if modality == "RTDOSE":
        return "Gy" if header.text(DOSE_UNITS).strip().upper() == "GY" else "1"
    if modality in ("PT", "NM"):
        return _pet_unit(header)
    grey = header.text(PHOTOMETRIC).strip().upper() not in ("RGB", "PALETTE COLOR")
    if modality == "CT" and not kind and grey and "LOCALIZER" not in header.texts(IMAGE_TYPE):
        return "HU"
    return "1"


def _pet_unit(header: Header) -> str:
    units = header.text(UNITS).strip().upper()
    if units in ("GML", "CM2ML"):
        default = "SUVbw" if units == "GML" else "SUVbsa"
        kind = header.text(SUV_TYPE).strip().upper()
        return next((unit for word, unit in SUV_UNITS.items() if word and kind.startswith(word)), default)
    return PET_UNITS.get(units, "1")


def display_of(header: Header) -> Display:
    """Return how the file asks to be shown: windows, VOI table, inversion and cine rate.

    Windows without a positive width are left out. MONOCHROME1 and Presentation LUT Shape INVERSE say the
    same: low values are white (PS3.3 C.7.6.3.1.2, C.11.6).
    """
    name = header.text(PHOTOMETRIC).strip().upper()
    shape = header.text(PRESENTATION_LUT_SHAPE).strip().upper()
    return Display(
        windows=_windows(header),
        inverted=name == "MONOCHROME1" or shape == "INVERSE",
        voi_table=_voi_table(header),
        frame_rate=_frame_rate(header),
    )


def _windows(header: Header) -> tuple[Window, ...]:
    centers, widths = header.floats(WINDOW_CENTER), header.floats(WINDOW_WIDTH)
    names = header.texts(WINDOW_EXPLANATION)
    pairs = enumerate(zip(centers, widths, strict=False))
    return tuple(
        Window(center, width, names[n] if n < len(names) else "")
        for n, (center, width) in pairs
        if math.isfinite(center) and math.isfinite(width) and width > 0
    )


def _voi_table(header: Header) -> tuple[float, tuple[float, ...]] | None:
    try:
        item = _first_item(header, VOI_LUT)
        if item is None:
            return None
        first, entries, bits = _table(item, _is_signed(header), header)
    except FormatError:  # a display hint that makes no sense is no reason to refuse the image
        return None
    top = float((1 << bits) - 1)
    return float(first), tuple(np.clip(entries / top, 0, 1).tolist())


def _frame_rate(header: Header) -> float | None:
    for tag in (RECOMMENDED_RATE, CINE_RATE):
        rate = header.number(tag)
        if rate is not None and 0 < rate < math.inf:
            return rate
    step_ms = header.number(FRAME_TIME)
    if step_ms is None or not 0 < step_ms < math.inf:
        steps = [step for step in header.floats(FRAME_TIME_VECTOR) if step > 0]
        step_ms = sum(steps) / len(steps) if steps else None
    return None if step_ms is None else 1000 / step_ms


def _is_signed(header: Header) -> bool:
    return header.integer(REPRESENTATION) == 1


def _first_item(header: Header, tag: int) -> Dataset | None:
    """First item of a sequence; the whole data set is read only if it is there."""
    if tag not in header:
        return None
    data = header.dataset()
    with _pydicom(header):
        items = data[tag].value if tag in data else ()
        return items[0] if items else None


@contextmanager
def _pydicom(header: Header) -> Iterator[None]:
    """Silence pydicom's warnings and turn its errors, of many classes, into ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except Exception as error:
            text = "a look-up table has no valid descriptor or data"
            raise FormatError(text, where=header.name, got=type(error).__name__) from error


def _table(item: Dataset, signed: bool, header: Header) -> tuple[int, NDArray[Any], int]:
    """First value mapped, entries and their bits (PS3.3 C.11.1.1.1, C.11.2.1.1)."""
    where = f"{header.name} (0028,3002)"
    with _pydicom(header):
        count, first, bits = (int(value) for value in item[LUT_DESCRIPTOR].value)
        data = item[LUT_DATA].value
        entries = _entries(data, (count & 0xFFFF) or 1 << 16, bits, header.encoding.big_endian)
    count = (count & 0xFFFF) or 1 << 16
    first &= 0xFFFF
    if signed and first >= 1 << 15:
        first -= 1 << 16
    if len(entries) < count or not 1 <= bits <= 16:
        raise FormatError("a look-up table is too short", where=where, got=len(entries), expected=count)
    return first, entries[:count], bits


def _entries(data: Any, count: int, bits: int, big_endian: bool) -> NDArray[np.uint16]:
    """Entries of LUT Data: numbers (US), or bytes (OW), of 8 bits packed two a word or one a word."""
    if not isinstance(data, bytes | bytearray):
        return np.atleast_1d(np.asarray(data, np.int64)).astype(np.uint16)
    if bits <= 8 and len(data) < 2 * count:
        return np.frombuffer(data, np.uint8).astype(np.uint16)
    order = ">" if big_endian else "<"
    return np.frombuffer(data[: len(data) // 2 * 2], f"{order}u2").astype(np.uint16)
