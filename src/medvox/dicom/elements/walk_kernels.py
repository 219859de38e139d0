"""`medvox.dicom.elements.walk` compiled by numba: the same source, without Python's lock."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np
from numba import njit  # noqa: TID253

from medvox.dicom.elements import walk as source


def _with_names(function: Any, names: dict[str, Any]) -> Callable[..., Any]:
    """Copy a function of `walk`, with compiled functions in place of those that it calls."""
    copy = FunctionType(function.__code__, {**function.__globals__, **names}, function.__name__)
    copy.__module__ = function.__module__
    return copy


def _kept_on_disk(function: Callable[..., Any]) -> Any:
    """Compile, and keep the machine code until `walk` changes, where numba finds a folder for it.

    That is the package's own folder, else the user's cache folder; without either the function is
    compiled once a run.
    """
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:
        return njit(nogil=True)(function)


_compiled: dict[str, Any] = {}
for _name in source.CALLED:
    _compiled[_name] = njit(nogil=True)(_with_names(getattr(source, _name), _compiled))

walk_elements = _kept_on_disk(_with_names(source.walk_elements, _compiled))
walk_all = _kept_on_disk(_with_names(source.walk_all, {**_compiled, "walk_elements": walk_elements}))


def warm_up() -> None:
    """Compile, or load what was compiled before."""
    windows, wanted = np.zeros((1, 64), np.uint8), np.zeros(1, np.int64)
    states, outs = np.zeros((1, source.STATE_SIZE), np.int64), np.zeros((1, 4), np.uint32)
    places, results = np.zeros((1, 3), np.int64), np.zeros(1, np.int64)
    walk_all(windows, places, wanted, states, outs, windows, results)
    walk_elements(windows[0], wanted, states[0], outs[0], windows[0])
