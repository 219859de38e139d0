"""`medvox.dicom.elements` compiled by numba: the same source, without Python's lock."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np
from numba import njit  # noqa: TID253
from numpy.typing import NDArray

from medvox.dicom import elements


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


def _compile_walk() -> Any:
    compiled: dict[str, Any] = {}
    for name in elements.CALLED:
        compiled[name] = njit(
            nogil=True,
        )(_with_names(getattr(elements, name), compiled))
    return _kept_on_disk(_with_names(elements.walk, compiled))


walk = _compile_walk()


def _walk_all(
    windows: NDArray[np.uint8],
    wanted: NDArray[np.int64],
    states: NDArray[np.int64],
    outs: NDArray[np.uint32],
    arenas: NDArray[np.uint8],
    results: NDArray[np.int64],
) -> None:
    """Walk over many files, each shown through one row of `windows`."""
    for row in range(len(results)):
        results[row] = walk(windows[row], wanted, states[row], outs[row], arenas[row])


walk_all = _kept_on_disk(_walk_all)
