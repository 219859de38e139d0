"""Steps by family and name; third parties add theirs under the entry-point group ``medvox.steps``."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points
from typing import Any, TypeVar

from medvox.core.errors import MissingError, UsageError
from medvox.core.steps.step import Step

GROUP = "medvox.steps"
Function = TypeVar("Function", bound=Callable[..., Any])
_steps: dict[tuple[str, str], Step] = {}


def step(name: str, *, family: str) -> Callable[[Function], Function]:
    """Register a function as a step.

    Inputs are the parameters typed `Volume`, `LabelMap`, `ContourSet` or `Mesh`; a parameter ``progress``
    receives the progress; all others are options (`bool`, `int`, `float`, `str`, `Literal`, tuples of them,
    tuples of points), with limits and unit in ``Annotated[float, Setting(...)]`` and their text in the
    docstring.

    Parameters
    ----------
    name
        Word on the command line, e.g. ``"bias-field"``.
    family
        ``"segment"``, ``"process"``, ``"surface"`` or ``"measure"``.

    Raises
    ------
    UsageError
        If another function has the name already.
    """

    def register(function: Function) -> Function:
        known = _steps.get((family, name))
        if known is not None and known.function.__qualname__ != function.__qualname__:
            raise UsageError("two steps have the same name", where=f"{family} {name}")
        _steps[family, name] = Step.of(name, family, function)
        return function

    return register


@cache
def _load() -> None:
    for point in entry_points(group=GROUP):
        try:
            point.load()
        except ModuleNotFoundError as error:  # metadata of another version than the code
            if not (error.name and point.module.startswith(error.name)):
                raise


def family(name: str) -> tuple[Step, ...]:
    """All steps of a family, by name."""
    _load()
    return tuple(_steps[key] for key in sorted(_steps) if key[0] == name)


def find(family_name: str, name: str) -> Step:
    """One step.

    Raises
    ------
    MissingError
        If there is none; the error lists those that there are.
    """
    _load()
    try:
        return _steps[family_name, name]
    except KeyError:
        known = [s.name for s in family(family_name)]
        raise MissingError("no such step", where=family_name, got=name, expected=known) from None
