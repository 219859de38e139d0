"""Data sets of messages as pydicom objects: identifiers, and native instances encoded anew (PS3.5 A)."""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from medvox.core.errors import FormatError, UnsupportedError
from medvox.network.dimse.syntaxes import NATIVE
from medvox.network.upper_layer.negotiation import BIG, IMPLICIT

if TYPE_CHECKING:
    from pydicom import Dataset


class _Quiet:
    """Silences warnings while any thread is inside.

    `warnings.catch_warnings` alone is not for threads: one that leaves would bring back what another had set.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before: warnings.catch_warnings[None] | None = None

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._before = warnings.catch_warnings()
                self._before.__enter__()
                warnings.simplefilter("ignore")
            self._inside += 1

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside and self._before is not None:
                self._before.__exit__(None, None, None)


_QUIET = _Quiet()


def quiet() -> AbstractContextManager[None]:
    """Return a context in which pydicom does not print the values that it objects to; safe in threads."""
    return _QUIET


def decode_dataset(data: bytes | memoryview, transfer_syntax: str) -> Dataset:
    """Decode a data set without pixels to be decompressed.

    Raises
    ------
    FormatError
        If it cannot be parsed.
    UnsupportedError
        If the transfer syntax is none of PS3.5 A.1 and A.2.
    """
    from pydicom.filereader import read_dataset

    _native(transfer_syntax)
    with quiet():
        try:
            dataset = read_dataset(io.BytesIO(data), transfer_syntax == IMPLICIT, transfer_syntax != BIG)
            _convert(dataset)
        except Exception as error:
            raise FormatError("a data set cannot be parsed", got=type(error).__name__) from None
    return dataset


def _convert(dataset: Dataset) -> None:
    """Convert all values now, those of items too: a fault shows here, not where they are used."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                _convert(item)
        else:
            _ = element.value


def encode_dataset(dataset: Dataset, transfer_syntax: str) -> bytes:
    """Encode a data set.

    Raises
    ------
    UnsupportedError
        If a value cannot be written, or as for `decode_dataset`.
    """
    from pydicom import dcmwrite

    _native(transfer_syntax)
    out = io.BytesIO()
    with quiet():
        try:
            dcmwrite(
                out, dataset, implicit_vr=transfer_syntax == IMPLICIT, little_endian=transfer_syntax != BIG
            )
        except Exception as error:
            raise UnsupportedError("a data set cannot be encoded", got=type(error).__name__) from None
    return out.getvalue()


def with_character_set(dataset: Dataset, preferred: str | Sequence[str] | None) -> Dataset:
    """Say the character set of a data set: the preferred one if it holds all text, else UTF-8.

    Parameters
    ----------
    dataset
        Changed in place, and returned.
    preferred
        Value of Specific Character Set (0008,0005), as the peer asked with; None: ASCII (PS3.5 6.1.2.2).
    """
    from pydicom.charset import convert_encodings, decode_bytes, encode_string, python_encoding

    names = [preferred or ""] if preferred is None or isinstance(preferred, str) else list(preferred)
    texts = list(_texts(dataset))
    with quiet():
        try:
            encodings = convert_encodings(names)
            holds = set(names) <= python_encoding.keys()
            holds = holds and all(
                decode_bytes(encode_string(t, encodings), encodings, set()) == t for t in texts
            )
        except Exception:
            holds = False
    if not holds:
        names = ["ISO_IR 192"]
    if names == [""]:
        dataset.pop("SpecificCharacterSet", None)
    else:
        dataset.SpecificCharacterSet = names if len(names) > 1 else names[0]
    return dataset


def _texts(dataset: Dataset) -> Iterator[str]:
    """All text of a data set that its character set is for (PS3.5 6.1.2.3)."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from _texts(item)
        elif element.VR in ("PN", "LO", "SH", "LT", "ST", "UT", "UC"):
            values = [element.value] if isinstance(element.value, str) else element.value or ()
            yield from map(str, [values] if element.VR == "PN" and element.VM == 1 else values)


def _native(transfer_syntax: str) -> None:
    if transfer_syntax not in NATIVE:
        raise UnsupportedError("the transfer syntax is not native", got=transfer_syntax, expected=NATIVE)
