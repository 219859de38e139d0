"""Names say what is inside, and every public one is documented."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

from architecture.source import PACKAGE, ROOT, Definition, Source, sources

VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "tools", "stuff", "shared"}
LATER = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "HA" + "CK")) + r")\b")
TEXTS = {".py", ".md", ".toml", ".txt", ".ts", ".tsx", ".css", ".html", ".json", ".yaml", ".mjs"}
MADE = {"node_modules", "_build", "__pycache__", "static", "dist", "build", "coverage", "demo"}


def test_no_module_has_a_vague_name():
    names = {path: path.stem.strip("_") for path in PACKAGE.rglob("*") if path.suffix in ("", ".py")}
    assert [path.as_posix() for path, name in names.items() if name in VAGUE] == []


def test_every_folder_of_the_package_has_an_init():
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert [folder for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_every_public_name_is_documented():
    assert [name for source in sources("src") for name in undocumented(source)] == []


def test_nothing_is_put_off_in_a_comment():
    """What is still to be done stands in ROADMAP.md, where readers look for it."""
    assert [path.as_posix() for path in texts() if LATER.search(path.read_text("utf-8"))] == []


def texts() -> list[Path]:
    """Text files of the repository, without what is made, hidden or installed."""
    found = []
    for folder, names, files in os.walk(ROOT):
        names[:] = [name for name in names if name not in MADE and not name.startswith(".")]
        found += [Path(folder, name) for name in files if Path(name).suffix in TEXTS or name == "dev"]
    return found


def undocumented(source: Source) -> list[str]:
    """Public modules, classes, functions and methods without a docstring."""
    if any(part.startswith("_") and part != "__init__.py" for part in source.path.parts):
        return []
    missing = [] if not source.tree.body or ast.get_docstring(source.tree) else [str(source)]
    waiting = [(str(source), node) for node in source.tree.body]
    while waiting:
        place, node = waiting.pop()
        if not isinstance(node, Definition) or node.name.startswith("_") or is_exempt(node):
            continue
        name = f"{place}:{node.name}"
        if not ast.get_docstring(node):
            missing.append(name)
        if isinstance(node, ast.ClassDef):
            waiting += [(name, child) for child in node.body]
    return missing


def is_exempt(node: Definition) -> bool:
    """Overloads, setters and declared overrides repeat what is documented elsewhere."""
    words = {ast.unparse(decorator).rpartition(".")[2] for decorator in node.decorator_list}
    return bool(words & {"overload", "setter", "override"})
