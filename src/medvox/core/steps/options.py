"""What a step takes: inputs and options, read from the function's own signature and docstring."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from medvox.core.contour import ContourSet
from medvox.core.errors import UsageError
from medvox.core.labels import LabelMap
from medvox.core.mesh import Mesh
from medvox.core.volume import Volume

MODEL = (Volume, LabelMap, ContourSet, Mesh)
REQUIRED = inspect.Parameter.empty
YES_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class Setting:
    """Metadata of an option: ``lower: Annotated[float, Setting(unit="HU", minimum=-1024)] = 300``.

    Parameters
    ----------
    unit
        Shown beside the value, e.g. ``"mm"``.
    minimum, maximum
        Smallest and largest value allowed, both included.
    """

    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class Input:
    """An image, label map, contour set or mesh that a step works on."""

    name: str
    kind: type
    optional: bool
    summary: str


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a step.

    Parameters
    ----------
    kind
        ``bool``, ``int``, ``float`` or ``str``: of the value, or of its items.
    length
        None for a single value; otherwise how many items it has, 0 for any number.
    points
        Whether the value is any number of points, each of three `kind`.
    default
        `REQUIRED` where there is none.
    choices
        Values allowed, of a `Literal`.
    """

    name: str
    kind: type
    default: Any
    summary: str
    setting: Setting = Setting()
    choices: tuple[Any, ...] = ()
    length: int | None = None
    points: bool = False

    def check(self, value: Any) -> Any:
        """Return the value as its type, from Python, JSON or text.

        Raises
        ------
        UsageError
            If it does not fit; the error names the option and what fits.
        """
        if value is None and self.default is None:
            return None
        if self.points:
            return tuple(tuple(self._one(x) for x in self._items(point, 3)) for point in value)
        if self.length is not None:
            return tuple(self._one(x) for x in self._items(value, self.length))
        return self._one(value)

    def _items(self, value: Any, length: int) -> Sequence[Any]:
        items = re.split(r"[\s,x]+", value.strip()) if isinstance(value, str) else value
        if not isinstance(items, Sequence) and not hasattr(items, "__array__"):
            items = (items,)
        if length and len(items) != length:
            raise UsageError("wrong number of values", where=self.name, got=value, expected=length)
        return cast("Sequence[Any]", items)

    def _one(self, value: Any) -> Any:
        made = self._typed(value)
        least, most = self.setting.minimum, self.setting.maximum
        if self.choices and made not in self.choices:
            raise UsageError("not one of the choices", where=self.name, got=value, expected=self.choices)
        if self.kind in (int, float) and (
            made != made or (least is not None and made < least) or (most is not None and made > most)
        ):
            expected = f"{'any' if least is None else least} to {'any' if most is None else most}"
            raise UsageError("outside its limits", where=self.name, got=value, expected=expected)
        return made

    def _typed(self, value: Any) -> Any:
        wrong = UsageError("wrong type of value", where=self.name, got=value, expected=self.kind.__name__)
        if self.kind is bool:
            if isinstance(value, str) and value.lower() in YES_NO:
                return YES_NO[value.lower()]
            if not isinstance(value, bool):
                raise wrong
            return value
        if isinstance(value, bool):
            raise wrong
        try:
            made = self.kind(value)
        except (TypeError, ValueError) as error:
            raise wrong from error
        if self.kind is int and not isinstance(value, str) and made != value:
            raise wrong
        return made


def signature(function: Callable[..., Any]) -> tuple[tuple[Input, ...], tuple[Option, ...], bool]:
    """Read inputs, options, and whether progress is reported, from a function's annotations."""
    hints = get_type_hints(function, include_extras=True)
    told = parameter_texts(inspect.getdoc(function) or "")
    inputs, options, progress = [], [], False
    for name, parameter in inspect.signature(function).parameters.items():
        if name == "progress":
            progress = True
            continue
        kind, setting = _plain(hints[name])
        if kind in MODEL:
            inputs.append(Input(name, kind, parameter.default is None, told.get(name, "")))
        else:
            options.append(_option(name, kind, setting, parameter.default, told.get(name, "")))
    return tuple(inputs), tuple(options), progress


def _plain(hint: Any) -> tuple[Any, Setting]:
    setting = Setting()
    if get_origin(hint) is Annotated:
        hint, *extra = get_args(hint)
        setting = next((x for x in extra if isinstance(x, Setting)), setting)
    if get_origin(hint) in (Union, UnionType):
        kinds = [x for x in get_args(hint) if x is not NoneType]
        if len(kinds) == 1:
            inner, inside = _plain(kinds[0])
            return inner, setting if setting != Setting() else inside
    return hint, setting


def _option(name: str, kind: Any, setting: Setting, default: Any, summary: str) -> Option:
    if get_origin(kind) is Literal:
        choices = get_args(kind)
        return Option(name, type(choices[0]), default, summary, setting, choices)
    if get_origin(kind) is tuple:
        items = get_args(kind)
        if get_origin(items[0]) is tuple:
            return Option(name, get_args(items[0])[0], default, summary, setting, points=True)
        length = 0 if items[-1] is Ellipsis else len(items)
        return Option(name, items[0], default, summary, setting, length=length)
    if kind in (bool, int, float, str):
        return Option(name, kind, default, summary, setting)
    raise UsageError("a step's option has a type that no form can show", where=name, got=kind)


def parameter_texts(docstring: str) -> dict[str, str]:
    """Text of each parameter in a numpydoc docstring, by name."""
    found = re.search(
        r"^Parameters\n-+\n(.*?)(?:\n\n\S[^\n]*\n-{3,}|\Z)", docstring, re.DOTALL | re.MULTILINE
    )
    texts: dict[str, str] = {}
    names: list[str] = []
    for line in (found[1] if found else "").splitlines():
        if line.strip() and not line.startswith(" "):
            names = [x.strip() for x in line.split(":")[0].split(",")]
        elif line.strip():
            for name in names:
                texts[name] = f"{texts.get(name, '')} {line.strip()}".strip()
    return texts
