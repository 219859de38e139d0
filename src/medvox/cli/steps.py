"""Commands made out of registered steps: `medvox segment METHOD`, `medvox process METHOD`, ...

A word of the program is one line, ``app.add_typer(steps.words("segment", "..."), name="segment")``. The steps
are imported when the word is used, not before.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table
from typer.core import TyperGroup

from medvox.cli.console import out, print_json, progress_bar
from medvox.core.contour import ContourSet
from medvox.core.errors import UsageError
from medvox.core.labels import LabelMap
from medvox.core.mesh import Mesh
from medvox.core.steps import Input, Option, Step, family
from medvox.core.steps.options import REQUIRED
from medvox.core.volume import Volume

KINDS = {
    Volume: "image (file or folder)",
    LabelMap: "file of labels",
    ContourSet: "file of outlines",
    Mesh: "file of a surface",
}


class StepGroup(TyperGroup):
    """The steps of the family that has this group's name; imported when asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of the steps."""
        self._fill()
        return sorted(self.commands)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Look up one step."""
        self._fill()
        return super().get_command(ctx, cmd_name)

    def _fill(self) -> None:
        if self.commands:
            return
        app = typer.Typer()
        app.callback()(lambda: None)
        for step in family(self.name or ""):
            app.command(step.name, help=_help(step), short_help=step.summary)(command(step))
        self.commands.update(getattr(typer.main.get_command(app), "commands", {}))


def words(name: str, text: str) -> typer.Typer:
    """Make the word `name` of the program, with a command for each step of the family `name`.

    Parameters
    ----------
    name
        Family of steps: ``"segment"``.
    text
        Help text.
    """
    return typer.Typer(name=name, cls=StepGroup, help=text, no_args_is_help=True)


def command(step: Step) -> Callable[..., None]:
    """Make a function that Typer takes as a command: files as arguments, options as options."""
    source, *others = step.inputs
    results = [name for name, kind in step.results if kind in KINDS]

    def run(**given: Any) -> None:
        from medvox.workflows.run_step import run_step

        sources = {source.name: given["source"]} | {
            one.name: given[one.name] for one in others if given[one.name] is not None
        }
        places = [given["target"], *(given[name] for name in results[1:])] if results else []
        targets = {name: place for name, place in zip(results, places, strict=True) if place is not None}
        options = {o.name: given[o.name] for o in step.options if _is_given(o, given[o.name])}
        with progress_bar() as progress:
            report = run_step(step, sources, targets, options, progress)
        if given["as_json"]:
            print_json(report.as_json())
        else:
            _print(report)

    parameters = [
        _argument("source", _told(source)),
        *([_argument("target", "File to write; its suffix says the format.")] if results else []),
        *(_file(one.name, _told(one), required=not one.optional) for one in others),
        *(_file(name, f"File to write the {name.replace('_', ' ')} to.") for name in results[1:]),
        *(_option(option) for option in step.options),
        _parameter("as_json", bool, typer.Option("--json", help="Print the report as JSON."), False),
    ]
    taken = [p.name for p in parameters]
    if twice := sorted({name for name in taken if taken.count(name) > 1}):
        raise UsageError("a step's option has a name that commands use", where=step.name, got=twice)
    run.__name__ = run.__qualname__ = step.name.replace("-", "_")
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    return run


def _print(report: Any) -> None:
    for name, result in report.results.items():
        if isinstance(result, list) and result and isinstance(result[0], dict):
            table = Table(*(key.replace("_", " ") for key in result[0]), box=None, pad_edge=False)
            for row in result:
                table.add_row(*(escape(_said(value)) for value in row.values()))
            out.print(table)
        elif isinstance(result, dict):
            for key, value in result.items():
                out.print(f"{escape(key.replace('_', ' '))}: {escape(_said(value))}", soft_wrap=True)
        else:
            out.print(f"{escape(name.replace('_', ' '))}: {escape(_said(result))}", soft_wrap=True)
    for file in report.files:
        out.print(f"[green]{escape(str(file))}[/]", soft_wrap=True)
    for loss in report.losses:
        out.print(f"[dim]not kept in the file: {escape(loss)}[/]", soft_wrap=True)


def _said(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _is_given(option: Option, value: Any) -> bool:
    """Whether the user, or the default on the command line, gives a value; else the step's default holds."""
    return value is not None and not (isinstance(value, list) and not value)


def _parameter(name: str, kind: Any, what: Any, default: Any = REQUIRED) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, what]
    )


def _argument(name: str, text: str) -> inspect.Parameter:
    return _parameter(name, Path, typer.Argument(help=text, metavar=name.upper()))


def _file(name: str, text: str, *, required: bool = False) -> inspect.Parameter:
    kind = Path if required else Path | None
    what = typer.Option(f"--{name.replace('_', '-')}", help=text, metavar="FILE")
    return _parameter(name, kind, what, REQUIRED if required else None)


def _told(one: Input) -> str:
    text = one.summary.removesuffix(".") or one.name.replace("_", " ")
    return f"{text}: {KINDS[one.kind]}."


def _option(option: Option) -> inspect.Parameter:
    """One option; values of several parts are text, which the step itself checks."""
    flag = f"--{option.name.replace('_', '-')}"
    text = option.summary + (f" [{option.setting.unit}]" if option.setting.unit else "")
    required = option.default is REQUIRED
    default = REQUIRED if required else option.default
    if option.points or option.length is not None:
        count = 3 if option.points else option.length or 0
        sample = ",".join(["N"] * count) if count else "N,N,..."
        if not option.points:
            shown = default if required or default is None else ",".join(str(x) for x in option.default)
            return _parameter(option.name, _maybe(str, shown), _typer(flag, text, metavar=sample), shown)
        kind = list[str] if required else list[str] | None
        what = _typer(flag, f"{text} Repeatable.".strip(), metavar=sample)
        return _parameter(option.name, kind, what, REQUIRED if required else None)
    if option.choices:
        what = _typer(flag, text, metavar="|".join(map(str, option.choices)))
        shown = default if required or default is None else str(default)
        return _parameter(option.name, _maybe(str, shown), what, shown)
    if option.kind is bool:
        return _parameter(option.name, bool, typer.Option(f"{flag}/--no-{flag[2:]}", help=text), default)
    if option.kind in (int, float):
        least, most = option.setting.minimum, option.setting.maximum
        if option.kind is int:
            least, most = (None if x is None else int(x) for x in (least, most))
        what = _typer(flag, text, min=least, max=most)
        return _parameter(option.name, _maybe(option.kind, default), what, default)
    return _parameter(option.name, _maybe(str, default), _typer(flag, text), default)


def _typer(flag: str, text: str, **more: Any) -> Any:
    return typer.Option(flag, help=text, **more)


def _maybe(kind: Any, default: Any) -> Any:
    return kind | None if default is None else kind


def _help(step: Step) -> str:
    """Docstring before its sections."""
    text = inspect.getdoc(step.function) or step.summary
    lines = text.splitlines()
    end = next((n - 1 for n, line in enumerate(lines) if n and line.startswith("---")), len(lines))
    return "\n".join(lines[:end]).strip()
