"""A step: one algorithm, its inputs, its options and its results."""

from __future__ import annotations

import dataclasses
import inspect
import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from medvox.core.errors import UsageError
from medvox.core.progress import Progress
from medvox.core.steps.options import MODEL, REQUIRED, Input, Option, signature


@dataclass(frozen=True, slots=True)
class Step:
    """A registered function; see `medvox.core.steps.registry.step`.

    Parameters
    ----------
    name, family
        As typed: ``medvox FAMILY NAME``.
    summary
        First line of the docstring.
    results
        Names and types of what comes back: ``(("result", Volume),)``, or the fields of a dataclass.
    """

    name: str
    family: str
    function: Callable[..., Any]
    summary: str
    inputs: tuple[Input, ...]
    options: tuple[Option, ...]
    results: tuple[tuple[str, type], ...]
    progress: bool

    @classmethod
    def of(cls, name: str, family: str, function: Callable[..., Any]) -> Step:
        """Describe a function by its signature and docstring."""
        inputs, options, progress = signature(function)
        summary = (inspect.getdoc(function) or "").split("\n\n", maxsplit=1)[0].replace("\n", " ")
        returned = get_type_hints(function).get("return")
        if dataclasses.is_dataclass(returned) and returned not in MODEL:
            hints = get_type_hints(returned)
            results = tuple((f.name, hints[f.name]) for f in dataclasses.fields(returned))
        else:
            results = (("result", returned),)
        return cls(name, family, function, summary, inputs, options, results, progress)

    def check(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return all options as their types, defaults filled in.

        Raises
        ------
        UsageError
            If one is unknown, missing, or does not fit.
        """
        known = {option.name: option for option in self.options}
        given = {name.replace("-", "_"): value for name, value in options.items()}
        if unknown := sorted(set(given) - set(known)):
            raise UsageError("unknown option", where=self._where, got=unknown, expected=sorted(known))
        missing = [o.name for o in self.options if o.default is REQUIRED and o.name not in given]
        if missing:
            raise UsageError("an option is missing", where=self._where, expected=missing)
        return {name: o.check(given[name]) if name in given else o.default for name, o in known.items()}

    def run(
        self, inputs: Mapping[str, Any], options: Mapping[str, Any], progress: Progress | None = None
    ) -> dict[str, Any]:
        """Run the step; results by name.

        Raises
        ------
        UsageError
            If an input is missing or of another kind, or an option does not fit.
        """
        for wanted in self.inputs:
            value = inputs.get(wanted.name)
            if value is None and wanted.optional:
                continue
            if not isinstance(value, wanted.kind):
                raise UsageError(
                    "an input is missing or of another kind",
                    where=f"{self._where}, {wanted.name}",
                    got=type(value).__name__,
                    expected=wanted.kind.__name__,
                )
        words = {**inputs, **self.check(options)}
        if self.progress:
            words["progress"] = progress
        made = self.function(**words)
        if len(self.results) == 1 and self.results[0][0] == "result":
            return {"result": made}
        return {name: getattr(made, name) for name, _ in self.results}

    def command_line(self, files: tuple[str, ...], options: Mapping[str, Any]) -> str:
        """The command that does the same: ``medvox segment threshold in.nii out.nii --lower 300``."""
        words = ["medvox", self.family, self.name, *files]
        checked = self.check(options)
        for option in self.options:
            value = checked[option.name]
            if value == option.default or value is None:
                continue
            flag = f"--{option.name.replace('_', '-')}"
            if option.kind is bool and option.length is None:
                words.append(flag if value else f"--no-{flag[2:]}")
            elif option.points:
                for point in value:
                    words += [flag, ",".join(map(str, point))]
            elif option.length is not None:
                words += [flag, ",".join(map(str, value))]
            else:
                words += [flag, str(value)]
        return shlex.join(words)

    def python_line(self, options: Mapping[str, Any]) -> str:
        """The Python call that does the same."""
        checked = self.check(options)
        changed = [f"{o.name}={checked[o.name]!r}" for o in self.options if checked[o.name] != o.default]
        words = ", ".join([i.name for i in self.inputs if not i.optional] + changed)
        return f"{self.function.__module__}.{self.function.__name__}({words})"

    def as_json(self) -> dict[str, Any]:
        """What a form needs, as plain JSON values."""
        return {
            "name": self.name,
            "family": self.family,
            "summary": self.summary,
            "inputs": [
                {"name": i.name, "kind": i.kind.__name__, "optional": i.optional, "summary": i.summary}
                for i in self.inputs
            ],
            "options": [_option_json(option) for option in self.options],
            "results": [
                {"name": name, "kind": getattr(kind, "__name__", str(kind))} for name, kind in self.results
            ],
        }

    @property
    def _where(self) -> str:
        return f"{self.family} {self.name}"


def _option_json(option: Option) -> dict[str, Any]:
    required = option.default is REQUIRED
    return {
        "name": option.name,
        "kind": option.kind.__name__,
        "required": required,
        "default": None if required else json.loads(json.dumps(option.default)),
        "summary": option.summary,
        "unit": option.setting.unit,
        "minimum": option.setting.minimum,
        "maximum": option.setting.maximum,
        "choices": list(option.choices),
        "length": option.length,
        "points": option.points,
    }
