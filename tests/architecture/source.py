"""The repository's own source, as the architecture tests see it."""

from __future__ import annotations

import ast
import io
import tokenize
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "medvox"
SILENT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True)
class Source:
    """One Python file: its path from the root, its tree and the numbers of its lines of code."""

    path: Path
    tree: ast.Module
    code_lines: frozenset[int]

    def __str__(self) -> str:
        return self.path.as_posix()

    def functions(self) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
        """All functions and methods, nested ones too."""
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        return [node for node in ast.walk(self.tree) if isinstance(node, kinds)]

    def size(self, node: ast.AST) -> int:
        """Lines of code of a definition, its signature and decorators included."""
        return sum(node.lineno <= line <= node.end_lineno for line in self.code_lines)


def read(path: Path) -> Source:
    """Parse a file; lines of docstrings, comments and white space are not code."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in SILENT:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(tree):
        documented = isinstance(node, ast.Module | Definition)
        if documented and ast.get_docstring(node, clean=False) is not None:
            lines.difference_update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return Source(path.relative_to(ROOT), tree, frozenset(lines))


@cache
def sources(*folders: str) -> list[Source]:
    """All Python files below some folders of the repository, generated ones left out."""
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    found = [path for path in found if "_generated" not in path.as_posix()]
    return [read(path) for path in found]


def scripts() -> list[Source]:
    """The Python files at the root."""
    return [read(ROOT / "dev"), read(ROOT / "hatch_build.py")]
