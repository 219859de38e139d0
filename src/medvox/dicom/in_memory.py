"""Headers of data sets in memory, as they come over a network: no file, no file meta information."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from medvox.core.errors import FormatError, TruncatedError
from medvox.dicom.elements import walk
from medvox.dicom.elements.encoding import DEFLATED, encoding_of, settle_syntax, span_of
from medvox.dicom.elements.wanted import WANTED, ascending
from medvox.dicom.header import Header, inflate, pack
from medvox.dicom.reader import Walker

_own = threading.local()


def header_of(
    data: bytes | bytearray | memoryview,
    transfer_syntax: str,
    name: str = "data set",
    tags: Sequence[int] = WANTED,
) -> Header:
    """Return the header of a data set in memory.

    Values of more than 4 KB cannot be asked for: the header has no file.

    Parameters
    ----------
    data
        The data set, in the transfer syntax.
    transfer_syntax
        UID that was negotiated or stated.
    name
        For errors and findings.
    tags
        Top-level tags that are wanted.

    Raises
    ------
    FormatError
        If it is no data set: cut off, nested too deep, or not deflated where it should be.
    """
    if transfer_syntax in DEFLATED:
        data = inflate(bytes(data), 0, name)
    if not len(data):
        raise TruncatedError("the data set is empty", where=name)
    walker = _walker(tags)
    walk.start(walker.state, len(data), 0)
    walker.state[walk.IS_DEFLATED] = -1
    walker.state[walk.COUNT] = len(data)
    window = np.frombuffer(data, np.uint8)
    result = int(walker.walk(window, walker.wanted, walker.state, walker.out, walker.arena))
    if result not in (walk.END, walk.PIXELS):
        at = int(walker.state[walk.POSITION])
        raise FormatError("the data set is damaged or cut off", where=name, got=f"an end at byte {at}")
    state = walker.state.tolist()
    encoding = encoding_of(state, transfer_syntax in DEFLATED)
    pixel, findings = span_of(state, name) if result == walk.PIXELS else (None, ())
    settled, doubts = settle_syntax(transfer_syntax, encoding, pixel, name)
    values = bytes(walker.arena[: state[walk.USED]])
    records = pack(walker.out, state[walk.FOUND], values, disorder=state[walk.DISORDER] == 1)
    return Header("", name, len(data), settled, encoding, pixel, findings + doubts, records)


def _walker(tags: Sequence[int]) -> Walker:
    """Return the walker of this thread for some tags."""
    kept: dict[int, tuple[Sequence[int], Walker]] = _own.__dict__.setdefault("walkers", {})
    known = kept.get(id(tags))
    if known is None or known[0] is not tags:
        known = kept[id(tags)] = (tags, Walker.compiled(ascending(tags)))
    return known[1]
