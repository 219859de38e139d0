"""Which elements of a file are those of a file before it: slices of a series differ in a few only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numba import njit  # noqa: TID253

from medvox.dicom.elements import walk

_STATES = (
    walk.IN_META,
    walk.IMPLICIT,
    walk.BIG,
    walk.DISORDER,
    walk.IS_DEFLATED,
    walk.PIXEL_TAG,
    walk.PIXEL_VR,
    walk.PIXEL_LENGTH,
    walk.BEGIN,
)
"""What must be alike in files that share elements: how they are encoded, and the kind of their pixels."""
_DISORDER, _FOUND = walk.DISORDER, walk.FOUND
_FAR = walk.FAR
_ALONE = (0x00020010, 0x00080005, 0x00280103)
"""Transfer Syntax UID, Specific Character Set and Pixel Representation: all else is read by them."""
_MOST = 4
"""A file shares with its model when at most one of so many elements is its own."""


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    return cast("Callable[..., Any]", njit(nogil=True, cache=True)(function))


@_compiled
def _alike(first: Any, second: Any) -> bool:
    for index in _STATES:
        if first[index] != second[index]:
            return False
    return bool(first[_DISORDER] == 0)


@_compiled
def _same(out: Any, arena: Any, at: int, model_out: Any, model_arena: Any, model_at: int) -> bool:
    """Whether two records have one VR, length and copied value."""
    if out[at + 1] != model_out[model_at + 1] or out[at + 3] != model_out[model_at + 3]:
        return False
    if out[at + 1] & _FAR:
        return False
    place, model_place = out[at + 2], model_out[model_at + 2]
    for n in range(out[at + 3]):  # noqa: SIM110 - numba
        if arena[place + n] != model_arena[model_place + n]:
            return False
    return True


@_compiled
def _compare(  # noqa: PLR0913 - two files
    out: Any,
    arena: Any,
    found: int,
    model_out: Any,
    model_arena: Any,
    model_found: int,
    own: Any,
    places: Any,
) -> tuple[int, int]:
    """Write tags that are not the model's, and the places of those that are there; count both."""
    most = found // _MOST
    count, gone, i, j = 0, 0, 0, 0
    while i < found or j < model_found:
        tag = out[4 * i] if i < found else np.uint32(0xFFFFFFFF)
        model_tag = model_out[4 * j] if j < model_found else np.uint32(0xFFFFFFFF)
        if tag == model_tag and _same(out, arena, 4 * i, model_out, model_arena, 4 * j):
            i, j = i + 1, j + 1
            continue
        if tag in _ALONE or model_tag in _ALONE or count + gone >= most:
            return -1, 0
        if tag <= model_tag:
            own[count] = tag
            places[3 * count : 3 * count + 3] = out[4 * i + 1 : 4 * i + 4]
            count, i = count + 1, i + 1
            j += tag == model_tag
        else:
            gone += 1
            own[len(own) - gone] = model_tag
            j += 1
    return count, gone


@_compiled
def compare_all(rows: int, states: Any, outs: Any, arenas: Any, shared: Any, owns: Any, places: Any) -> None:
    """Compare each file with the last one that shares nothing.

    Parameters
    ----------
    rows
        Number of files.
    states, outs, arenas
        What `medvox.dicom.elements.walk.walk_all` wrote, a row for each file.
    shared
        (rows, 3): gets the row of the model, or -1 where the file shares nothing; the number of its own
        elements; the number of the model's elements that it does not have.
    owns
        (rows, n) uint32: gets the tags of its own elements from the left, of the missing ones from the
        right.
    places
        (rows, 3 n) uint32: gets three words for each own element, as in `Records.places`.
    """
    model = -1
    for row in range(rows):
        count = -1
        if model >= 0 and _alike(states[row], states[model]):
            count, shared[row, 2] = _compare(
                outs[row], arenas[row], states[row, _FOUND],
                outs[model], arenas[model], states[model, _FOUND],
                owns[row], places[row],
            )  # fmt: skip
        shared[row, 0], shared[row, 1] = (model, count) if count >= 0 else (-1, 0)
        if count < 0:
            model = row


def warm_up() -> None:
    """Compile, or load what was compiled before."""
    states, shared = np.zeros((1, walk.STATE_SIZE), np.int64), np.zeros((1, 3), np.int64)
    words, values = np.zeros((1, 4), np.uint32), np.zeros((1, 1), np.uint8)
    compare_all(1, states, words, values, shared, words, words)
