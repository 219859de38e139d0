"""`medvox.dicom.elements` compiled by numba: the same source, without Python's lock."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np
from numba import njit  # noqa: TID253
from numpy.typing import NDArray

from medvox.dicom import elements
from medvox.dicom.elements import COUNT


def _with_names(function: Any, names: dict[str, Any]) -> Callable[..., Any]:
    """Copy a function of `elements`, with compiled functions in place of those that it calls."""
    copy = FunctionType(function.__code__, {**function.__globals__, **names}, function.__name__)
    copy.__module__ = function.__module__
    return copy


def _kept_on_disk(function: Callable[..., Any]) -> Any:
    """Compile, and keep the machine code where numba finds a folder that can be written.

    That is the package's own folder, else the user's cache folder; without either the function is
    compiled once a run.
    """
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:
        return njit(nogil=True)(function)


_compiled: dict[str, Any] = {}
for _name in elements.CALLED:
    _compiled[_name] = njit(nogil=True)(_with_names(getattr(elements, _name), _compiled))
_start = _compiled["start"]

walk = _kept_on_disk(_with_names(elements.walk, _compiled))


@_kept_on_disk
def walk_all(
    windows: NDArray[np.uint8],
    places: NDArray[np.int64],
    wanted: NDArray[np.int64],
    states: NDArray[np.int64],
    outs: NDArray[np.uint32],
    arenas: NDArray[np.uint8],
) -> NDArray[np.int64]:
    """Walk over the first bytes of many files; the arguments are those of `elements.walk`, a row each.

    Parameters
    ----------
    windows
        Shape (files, bytes).
    places
        Shape (files, 3): bytes in the window, bytes in the file, offset of the first element.

    Returns
    -------
    (files,)
        What the walk over each returned.
    """
    results = np.empty(len(places), np.int64)
    for row in range(len(places)):
        _start(states[row], places[row, 1], places[row, 2])
        states[row, COUNT] = places[row, 0]
        results[row] = walk(windows[row], wanted, states[row], outs[row], arenas[row])
    return results


def warm_up() -> None:
    """Compile, or load what was compiled before."""
    byte, integer, word = (
        np.zeros((1, 64), np.uint8),
        np.zeros((1, 64), np.int64),
        np.zeros((1, 4), np.uint32),
    )
    wanted = np.zeros(1, np.int64)
    walk_all(byte, np.zeros((1, 3), np.int64), wanted, integer, word, byte)
    walk(byte[0], wanted, integer[0], word[0], byte[0])
