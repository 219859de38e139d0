"""Write docs/reference/api/ from the source tree: a page a folder, the commands, the findings,
the table of formats.

Run by `./dev docs` before Sphinx; the pages are not kept in the repository.
"""

from __future__ import annotations

import ast
import importlib
import re
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src"
TARGET = ROOT / "docs" / "reference" / "api"

INDEX = """\
# Python API

Generated from the docstrings. Start with {mod}`medvox`; the rest is by folder, the lower layers last.

```{toctree}
:maxdepth: 1

PAGES
```
"""
PART = """\
{title}
{rule}

.. automodule:: {name}
{options}
"""
OPTION = re.compile(r"(?<!`)(--[a-z-]+)")
MEMBERS = "   :members:\n   :member-order: bysource\n   :show-inheritance:\n"
LAYERS = [
    "cli", "server", "workflows", "jobs", "network", "archive", "learning", "measurement", "infrared",
    "rendering", "contours", "surfaces", "segmentation", "processing", "dicom", "formats", "interop",
    "simulation", "core", "testing",
]  # fmt: skip


def modules() -> list[str]:
    """Return the names of all public modules, the package first, then layer by layer from the top."""
    names = []
    for path in SOURCE.rglob("*.py"):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if not any(part.startswith("_") for part in parts) and ast.parse(path.read_text("utf-8")).body:
            names.append(".".join(parts))
    order = {layer: number for number, layer in enumerate(LAYERS)}
    return sorted(names, key=lambda name: (order.get((name + ".").split(".")[1], -1), name))


def folder(name: str) -> str:
    """Return the package that a module is in; a package is in its own."""
    return name if (SOURCE / Path(*name.split("."))).is_dir() else name.rpartition(".")[0]


def page(package: str, names: list[str]) -> str:
    """Return the page of a package: its text, then a section for each module; what it re-exports is there."""
    return "\n".join(
        [part(package, "=", "")]
        + [part(name, "-", MEMBERS) for name in names if name != package and folder(name) == package]
    )


def part(name: str, line: str, options: str) -> str:
    """Return one module as reStructuredText, its title underlined."""
    return PART.format(title=name, rule=line * len(name), name=name, options=options)


def findings_text() -> str:
    """Return the registry of findings as Markdown, a heading for each code, so that each has an anchor."""
    explanations = importlib.import_module("medvox.core.finding").EXPLANATIONS
    return "\n".join(f"### {code}\n\n{text}\n" for code, text in explanations.items())


def formats_table(points: dict[str, str]) -> str:
    """Return the declared formats as a Markdown table, from what each class says of itself."""
    rows = ["| format | suffixes | read and kept | written as | lost in writing |", "|---|---|---|---|---|"]
    for _, point in sorted(points.items()):
        module, _, name = point.partition(":")
        one = getattr(importlib.import_module(module), name)()
        suffixes, written = (
            ", ".join(f"`{word}`" for word in words) for words in (one.suffixes, one.names_written)
        )
        rows.append(f"| {one.name} | {suffixes} | {one.holds} | {written or 'not'} | {one.lossy} |")
    return "\n".join(rows) + "\n"


def commands_text() -> str:
    """Return every command of `medvox` with its arguments and options, from the program itself."""
    typer = importlib.import_module("typer")
    group = typer.main.get_command(importlib.import_module("medvox.cli.main").app)
    return "\n".join(command_text(name, command) for name, command in _leaves(group))


def _leaves(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Commands that do something, groups such as `medvox raw` opened."""
    group.list_commands(None)  # words made of steps fill themselves when asked
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _leaves(command, f"{before}{name} ")
        else:
            yield before + name, command


def command_text(name: str, command: Any) -> str:
    """Return one command as Markdown."""
    rows = ["| argument or option | default | what it does |", "|---|---|---|"]
    usage = [f"medvox {name}", "[OPTIONS]"]
    for one in command.params:
        words = " / ".join([*one.opts, *one.secondary_opts])
        is_option = one.param_type_name == "option"
        if not is_option:
            words = one.name.upper() + ("..." if one.nargs == -1 else "")
            usage.append(words if one.required else f"[{words}]")
        default = (
            ""
            if not is_option or one.default is None or isinstance(one.default, bool)
            else f"`{shown(one.default)}`"
        )
        text = (one.help or "").replace("|", "\\|")
        rows.append(f"| `{words}` | {'required' if one.required else default} | {text} |")
    return "\n".join(
        [
            f"## medvox {name}\n",
            "```text",
            " ".join(usage),
            "```\n",
            OPTION.sub(r"`\1`", command.help),
            "",
            *rows,
            "",
        ]
    )


def shown(value: Any) -> str:
    """Return a default as it is typed."""
    return " ".join(str(part) for part in value) if isinstance(value, tuple | list) else str(value)


def main() -> None:
    """Write all pages anew."""
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir(parents=True)
    names = modules()
    packages = list(dict.fromkeys(folder(name) for name in names))
    for package in packages:
        (TARGET / f"{package}.rst").write_text(page(package, names), encoding="utf-8")
    (TARGET / "index.md").write_text(INDEX.replace("PAGES", "\n".join(packages)), encoding="utf-8")
    (TARGET / "commands.txt").write_text(commands_text(), encoding="utf-8")
    (TARGET / "findings.txt").write_text(findings_text(), encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    table = formats_table(project["entry-points"]["medvox.formats"])
    (TARGET / "formats.txt").write_text(table, encoding="utf-8")
    print(f"{len(packages)} pages of {len(names)} modules in {TARGET.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
