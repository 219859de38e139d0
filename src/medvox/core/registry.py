"""Registry: plug-ins found through entry points, loaded when they are first needed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar, cast

from medvox.core.errors import MissingError

T = TypeVar("T")


class Registry(Generic[T]):
    """Classes registered under one entry-point group, by name.

    Parameters
    ----------
    group
        Entry-point group, e.g. ``"medvox.formats"``.
    """

    def __init__(self, group: str) -> None:
        self.group = group
        self._made: dict[str, T] = {}

    @cached_property
    def _points(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=self.group)}

    def names(self) -> tuple[str, ...]:
        """Names that can be asked for."""
        return tuple(sorted({*self._points, *self._made}))

    def add(self, name: str, plugin: T) -> None:
        """Register an object for this process only."""
        self._made[name] = plugin

    def get(self, name: str) -> T:
        """Return the plug-in of a name, made once.

        Raises
        ------
        MissingError
            If nobody registered the name.
        """
        if name not in self._made:
            if name not in self._points:
                raise MissingError(
                    "nothing is registered under this name",
                    where=self.group,
                    got=name,
                    expected=self.names(),
                )
            self._made[name] = cast("T", self._points[name].load()())
        return self._made[name]

    def __iter__(self) -> Iterator[T]:
        for name in self.names():
            yield self.get(name)
