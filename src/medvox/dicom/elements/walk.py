"""The walk over data elements: finds the wanted elements of a data set without decoding any.

PS3.5 section 7: a data element is a tag, in explicit VR a value representation, a length and a value; a
sequence of undefined length is closed by a delimiter. `walk_elements` visits top-level elements, steps over
values and sequences, copies the short values that are wanted and stops at the pixel data.

It is written in the subset of Python that numba compiles: `medvox.dicom.elements.walk_kernels` compiles
this same source for folders of files; for a few files it runs as it stands. Both are one program, on
`bytes` here and on a uint8 array there.

A file is shown to `walk_elements` through a window. Where the window ends too early it returns `MORE`, with
everything it knows in `state`, and goes on when it is called again with a window that begins at
``state[POSITION]``.
"""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence
from typing import Any

# What `walk_elements` returns
GO_ON = -1
"""Not returned by `walk_elements`: there is no reason to stop."""
END = 0
"""The file ended where an element ended."""
PIXELS = 1
"""The pixel data begin; `state` says where."""
MORE = 2
"""Call again with a window that begins at ``state[POSITION]``."""
TRUNCATED = 3
"""The file ends inside an element, or before the delimiter of a sequence."""
BROKEN = 4
"""Nested too deep, or too many elements: nonsense."""
DEFLATED = 5
"""The data set at ``state[POSITION]`` is deflated (PS3.5 A.5)."""

# Where `state` holds what
BASE = 0
"""Offset in the file of the first byte of the window."""
COUNT = 1
"""Bytes in the window."""
SIZE = 2
"""Bytes in the file."""
POSITION = 3
"""Offset in the file of the next element."""
IN_META = 4
"""1 while the file meta information is read."""
IMPLICIT = 5
"""1 when the data set has implicit VR."""
BIG = 6
"""1 when the data set is big-endian."""
DEPTH = 7
"""Number of sequences of undefined length that are open."""
NEXT = 8
"""Index of the next wanted tag."""
LAST = 9
"""Last top-level tag."""
DISORDER = 10
"""1 when top-level tags do not ascend."""
FOUND = 11
"""Number of wanted elements in `out`."""
USED = 12
"""Bytes used in `arena`."""
STEPS = 13
"""Elements visited."""
DATA_START = 14
"""Offset in the file where the data set begins."""
PIXEL_TAG = 15
PIXEL_VR = 16
PIXEL_OFFSET = 17
PIXEL_LENGTH = 18
"""-1: undefined, the pixel data are encapsulated."""
IS_DEFLATED = 19
"""1 when the file meta information says so; -1: it is not to be believed, or inflated already."""
BEGIN = 20
"""Offset in the file of the first element."""
STATE_SIZE = 21

UNDEFINED = 0xFFFFFFFF
MAX_DEPTH = 64
MAX_STEPS = 20_000_000
MAX_FOUND = 512
INLINE = 4096
"""Longest value that is copied; of longer ones the place is kept."""
ARENA = 16384
"""Bytes for copied values of one file."""
FAR = 1 << 31
"""Set in the second word of a record whose value was not copied."""

_PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
_TRANSFER_SYNTAX = 0x00020010
_SQ = 0x5351

CALLED = (
    "start",
    "_has_long_length",
    "read_element",
    "_begin_data_set",
    "_at_end",
    "_after",
    "_after_delimiter",
    "_is_wanted",
    "_must_wait",
    "_says_deflated",
    "_keep",
    "_note_pixels",
    "_verdict",
)
"""The functions around `walk_elements`, each after those that it calls: what has to be compiled."""

Buffer = Any
"""bytes, or a numpy array of uint8."""


def start(state: MutableSequence[int], size: int, offset: int) -> None:
    """Prepare `state` for a file of `size` bytes whose elements begin at `offset`."""
    for index in range(STATE_SIZE):
        state[index] = 0
    state[SIZE] = size
    state[POSITION] = offset
    state[BEGIN] = offset
    state[IN_META] = 1


def walk_elements(  # noqa: C901, PLR0911, PLR0912 - one loop: calls that pass arrays cost three times the work
    window: Buffer,
    wanted: Sequence[int],
    state: MutableSequence[int],
    out: MutableSequence[int],
    arena: Any,
) -> int:
    """Walk over elements until the pixel data, the end of the window or the end of the file.

    Parameters
    ----------
    window
        Bytes ``state[BASE]`` to ``state[BASE] + state[COUNT]`` of the file.
    wanted
        Tags that are wanted, ascending.
    state
        See the constants above; made by `start`.
    out
        Gets four words for each wanted element: the tag, the VR (two letters; 0 where it is implicit), the
        place of its value in `arena`, its length (`UNDEFINED` for a sequence of undefined length). With
        `FAR` in the second word the place is an offset in the file, whose bits above the 32nd are in bits
        16 to 30 of the second word.
    arena
        Gets the values.

    Returns
    -------
    int
        One of the constants above.
    """
    while True:
        position, size, at = state[POSITION], state[SIZE], state[POSITION] - state[BASE]
        left = state[COUNT] - at
        if left < 12 and position + left < size:
            return MORE
        if position + 8 > size:
            return _at_end(window, state, at, at + left)
        if state[IN_META] == 1 and window[at] + 256 * window[at + 1] != 2:
            _begin_data_set(window, state, at)
            if state[IS_DEFLATED] == 1:
                return DEFLATED
        tag, vr, head, length = read_element(window, at, left, state[IMPLICIT], state[BIG])
        value = position + head
        if head == 0:
            return TRUNCATED
        if tag >> 16 == 0xFFFE:
            position = _after_delimiter(state, tag, value, length)
        elif state[DEPTH] > 0:
            position = _after(state, value, length)
        elif tag == 0:
            return END  # padding with zeros
        elif tag in _PIXELS:
            _note_pixels(state, tag, vr, value, length)
            return PIXELS
        else:
            if _is_wanted(wanted, state, tag):
                if _must_wait(state, vr, value, length):
                    return MORE
                _keep(window, state, out, arena, (tag, vr, value, length))
            position = _after(state, value, length)
        state[POSITION] = position
        result = _verdict(state)
        if result != GO_ON:
            return result


def _verdict(state: MutableSequence[int]) -> int:
    """Say whether the walk can go on after an element."""
    state[STEPS] += 1
    if state[POSITION] > state[SIZE]:
        return TRUNCATED
    if state[DEPTH] > MAX_DEPTH or state[STEPS] > MAX_STEPS or state[FOUND] >= MAX_FOUND:
        return BROKEN
    return GO_ON


def walk_all(
    windows: Any, places: Any, wanted: Sequence[int], states: Any, outs: Any, arenas: Any, results: Any
) -> None:
    """Walk over the first bytes of many files; arguments as for `walk_elements`, a row for each file.

    Parameters
    ----------
    places
        Three numbers for each file: bytes in its window, bytes in the file, offset of the first element.
    results
        Gets what `walk_elements` returns for each file.
    """
    for row in range(len(places)):
        start(states[row], places[row][1], places[row][2])
        states[row][COUNT] = places[row][0]
        results[row] = walk_elements(windows[row], wanted, states[row], outs[row], arenas[row])


def read_element(window: Buffer, at: int, left: int, implicit: int, big: int) -> tuple[int, int, int, int]:
    """Read tag, VR, bytes before the value, and length (PS3.5 7.1.2, 7.1.3).

    An element without a VR in an explicit data set is read as implicit: some writers switch inside
    sequences, and sequences of VR UN are implicit (PS3.5 6.2.2). Zero bytes before the value: too few
    bytes are left.
    """
    b0, b1, b2, b3 = window[at], window[at + 1], window[at + 2], window[at + 3]
    first, second = window[at + 4], window[at + 5]
    b6, b7 = window[at + 6], window[at + 7]
    if big == 1:
        tag = 16777216 * b0 + 65536 * b1 + 256 * b2 + b3
        length = 16777216 * first + 65536 * second + 256 * b6 + b7
    else:
        tag = 16777216 * b1 + 65536 * b0 + 256 * b3 + b2
        length = 16777216 * b7 + 65536 * b6 + 256 * second + first
    explicit = implicit == 0 and 65 <= first <= 90 and 65 <= second <= 90
    if not explicit or tag >> 16 == 0xFFFE:
        return tag, 0, 8, length
    vr = 256 * first + second
    if not _has_long_length(first, second):
        return tag, vr, 8, (256 * b6 + b7) if big == 1 else (256 * b7 + b6)
    if left < 12:
        return tag, vr, 0, 0
    b0, b1, b2, b3 = window[at + 8], window[at + 9], window[at + 10], window[at + 11]
    if big == 1:
        return tag, vr, 12, 16777216 * b0 + 65536 * b1 + 256 * b2 + b3
    return tag, vr, 12, 16777216 * b3 + 65536 * b2 + 256 * b1 + b0


def _has_long_length(first: int, second: int) -> bool:
    """Tell whether a VR has a length of four bytes: O?, SQ, SV, UC, UN, UR, UT, UV (PS3.5 table 7.1-1)."""
    if first == 79:  # O
        return True
    if first == 85:  # U, but not UI, UL, US
        return second not in (73, 76, 83)
    return first == 83 and second in (81, 86)  # SQ, SV


def _begin_data_set(window: Buffer, state: MutableSequence[int], at: int) -> None:
    """Find the encoding of the data set from its first element, whatever the meta information says.

    Without a VR it is implicit, which is always little-endian. Groups are small numbers, so the order of
    the bytes that gives the smaller one is right.
    """
    state[IN_META] = 0
    state[NEXT] = 0
    state[LAST] = 0
    state[DATA_START] = state[POSITION]
    if state[IS_DEFLATED] == 1:
        return
    first, second = window[at + 4], window[at + 5]
    if 65 <= first <= 90 and 65 <= second <= 90:
        state[BIG] = 1 if 256 * window[at] + window[at + 1] < 256 * window[at + 1] + window[at] else 0
    else:
        state[IMPLICIT] = 1


def _at_end(window: Buffer, state: MutableSequence[int], at: int, end: int) -> int:
    """Say how the file ended, with fewer bytes left than an element has."""
    if state[DEPTH] > 0:
        return TRUNCATED
    for index in range(at, end):
        if window[index] != 0:
            return TRUNCATED
    return END


def _after(state: MutableSequence[int], value: int, length: int) -> int:
    """Step over a value, or into a sequence of undefined length."""
    if length == UNDEFINED:
        state[DEPTH] += 1
        return value
    return value + length


def _after_delimiter(state: MutableSequence[int], tag: int, value: int, length: int) -> int:
    """Step over an item of known length, into one of undefined length, or out of a sequence."""
    if tag == 0xFFFEE000:
        return value if length == UNDEFINED else value + length
    if tag == 0xFFFEE0DD and state[DEPTH] > 0:
        state[DEPTH] -= 1
    return value


def _is_wanted(wanted: Sequence[int], state: MutableSequence[int], tag: int) -> bool:
    """Tell whether a top-level tag is wanted; tags ascend (PS3.5 7.1), so one pointer moves along."""
    if tag < state[LAST]:
        state[DISORDER] = 1
        state[NEXT] = 0
    state[LAST] = tag
    index, count = state[NEXT], len(wanted)
    while index < count and wanted[index] < tag:
        index += 1
    state[NEXT] = index
    return bool(index < count and wanted[index] == tag)


def _must_wait(state: MutableSequence[int], vr: int, value: int, length: int) -> bool:
    """Tell whether a value is to be copied but lies partly beyond the window."""
    end = state[BASE] + state[COUNT]
    return length <= INLINE and vr != _SQ and end < value + length <= state[SIZE]


def _keep(
    window: Buffer,
    state: MutableSequence[int],
    out: MutableSequence[int],
    arena: Any,
    element: tuple[int, int, int, int],
) -> None:
    """Record a wanted element and copy its value when it is short and complete."""
    tag, vr, value, length = element
    at, used, row = value - state[BASE], state[USED], 4 * state[FOUND]
    if length != UNDEFINED and value + length > state[SIZE]:
        return
    out[row] = tag
    out[row + 3] = length
    if length <= INLINE and vr != _SQ and used + length <= len(arena):
        arena[used : used + length] = window[at : at + length]
        out[row + 1] = vr
        out[row + 2] = used
        state[USED] = used + length
        if tag == _TRANSFER_SYNTAX and state[IS_DEFLATED] == 0 and _says_deflated(window, at, length):
            state[IS_DEFLATED] = 1
    else:
        out[row + 1] = FAR + 65536 * (value >> 32) + vr
        out[row + 2] = value & UNDEFINED
    state[FOUND] += 1


def _says_deflated(window: Buffer, at: int, length: int) -> bool:
    """Tell 1.2.840.10008.1.2.1.99 and JPIP's …1.2.4.95 from the other transfer syntaxes (PS3.5 A.5, A.6)."""
    if length < 22 or window[at + 19] != 46 or window[at + 20] != 57:  # .9
        return False
    last, before = window[at + 21], window[at + 18]
    return bool((last == 57 and before == 49) or (last == 53 and before == 52))


def _note_pixels(state: MutableSequence[int], tag: int, vr: int, value: int, length: int) -> None:
    state[PIXEL_TAG] = tag
    state[PIXEL_VR] = vr
    state[PIXEL_OFFSET] = value
    state[PIXEL_LENGTH] = -1 if length == UNDEFINED else length
