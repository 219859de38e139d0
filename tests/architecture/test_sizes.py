"""Files, functions, signatures and folders stay small enough to be read."""

from __future__ import annotations

import ast
from collections import Counter

from architecture.source import ROOT, Source, read, scripts, sources

FILE_LINES, FUNCTION_LINES, ARGUMENTS, FOLDER_MODULES = 400, 60, 7, 20


def everything() -> list[Source]:
    return [*sources("src", "tests", "tools", "benchmarks", "examples"), *scripts()]


def test_files_are_short():
    found = {str(source): len(source.code_lines) for source in everything()}
    assert {name: size for name, size in found.items() if size > FILE_LINES} == {}


def test_functions_are_short():
    found = {
        f"{source}:{function.name}": source.size(function)
        for source in everything()
        for function in source.functions()
    }
    assert {name: size for name, size in found.items() if size > FUNCTION_LINES} == {}


def test_functions_have_few_arguments():
    """Kernels are left out: what numba compiles takes plain arrays and numbers, one by one.

    So are commands and registered steps, whose arguments are the options of a command line or a form.
    """
    found = {
        f"{source}:{function.name}": argument_count(function)
        for source in [*sources("src", "tools", "benchmarks"), *scripts()]
        for function in source.functions()
        if not is_command(function, source)
        and not is_step(function)
        and not source.path.stem.endswith("_kernels")
    }
    assert {name: count for name, count in found.items() if count > ARGUMENTS} == {}


def test_folders_have_few_modules():
    named = (source.path for source in sources("src") if source.path.name != "__init__.py")
    modules = Counter(path.parent.as_posix() for path in named)
    assert {folder: count for folder, count in modules.items() if count > FOLDER_MODULES} == {}


def test_docstrings_comments_and_blank_lines_are_not_counted(monkeypatch):
    lines = ['"""Doc', "", 'of two."""', "", 'x = """', 'text"""  # why', "", "def f(a):"]
    text = "\n".join([*lines, '    """Doc."""', "    # no", "    return a"])
    path = ROOT / "tests" / "architecture" / "does_not_exist.py"
    monkeypatch.setattr(type(path), "read_text", lambda *args, **kwargs: text)
    source = read(path)
    assert sorted(source.code_lines) == [5, 6, 8, 11]
    assert [source.size(function) for function in source.functions()] == [2]


def argument_count(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    given = function.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    return sum(arg is not None and arg.arg not in ("self", "cls") for arg in named)


def is_step(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Say whether a function is registered as a step, its options behind the asterisk."""
    marked = any(ast.unparse(one).startswith("step(") for one in function.decorator_list)
    return marked and len(function.args.posonlyargs) + len(function.args.args) <= ARGUMENTS


def is_command(function: ast.FunctionDef | ast.AsyncFunctionDef, source: Source) -> bool:
    """Say whether a function is a command: there, each argument is an option of the command line.

    Options may have names of their own at the top of the module, or imported ones that end in Option.
    """
    named = {
        ast.unparse(node.targets[0])
        for node in source.tree.body
        if isinstance(node, ast.Assign) and "typer." in ast.unparse(node.value)
    }
    given = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    notes = [ast.unparse(arg.annotation) for arg in given if arg.annotation]
    return len(notes) == len(given) and all(
        "typer." in note or note in named or note.endswith("Option") for note in notes
    )
