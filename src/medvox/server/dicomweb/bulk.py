"""Bulk data: one value of a data set, found by its path (``52009229.1.00211010``)."""

from __future__ import annotations

import re
import warnings
from io import BytesIO
from typing import Final

import numpy as np

from medvox.archive.archive import Archive
from medvox.archive.frames import front
from medvox.archive.model import InstanceRow
from medvox.core.errors import FormatError, MissingError, UsageError

_PATH: Final = re.compile(r"[0-9A-Fa-f]{8}(\.[1-9]\d{0,8}\.[0-9A-Fa-f]{8}){0,32}")
_WORDS: Final = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}


def bulk_value(archive: Archive, row: InstanceRow, path: str) -> bytes:
    """Return a binary value, little endian.

    Raises
    ------
    UsageError
        If the path is malformed.
    MissingError
        If there is no such value.
    FormatError
        If the data set cannot be read.
    """
    from pydicom.filereader import read_dataset

    if not _PATH.fullmatch(path):
        raise UsageError("this is no path of an element", got=path[:80])
    data, header = front(archive, row)
    encoding = header.encoding
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            here = read_dataset(
                BytesIO(data),
                encoding.implicit,
                not encoding.big_endian,
                stop_when=lambda tag, _vr, _length: tag >= 0x7FE00008,
            )
            *steps, last = path.split(".")
            for tag, item in zip(steps[::2], steps[1::2], strict=True):
                here = here[int(tag, 16)].value[int(item) - 1]
            element = here.get_item(int(last, 16))
            value, vr = element.value, element.VR
        except (KeyError, IndexError, TypeError, AttributeError):
            value, vr = None, ""
        except Exception as error:
            raise FormatError(f"the data set cannot be read: {type(error).__name__}") from error
    if not isinstance(value, bytes):
        raise MissingError("there is no such value", where=path)
    size = _WORDS.get(str(vr), 1)
    if not encoding.big_endian or size == 1:
        return value
    return np.frombuffer(value[: len(value) // size * size], f"u{size}").byteswap().tobytes()
