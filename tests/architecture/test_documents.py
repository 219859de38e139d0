"""README, docs and change notes say what is so."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import tomllib

import pytest

from architecture.source import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
LINK = re.compile(r"\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
KINDS = [kind["directory"] for kind in SETTINGS["tool"]["towncrier"]["type"]]
PAGES = sorted(
    page.relative_to(ROOT).as_posix()
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("changes/*.md")]
    if not {"_build", "api"}.intersection(page.parts)
)
FRAGMENTS = sorted(path.name for path in (ROOT / "changes").iterdir() if path.name != "README.md")


def readme_commands() -> list[str]:
    """The commands of README's table "You want / Type"."""
    table = README.split("| You want | Type |", 1)[1].split("\n\n", 1)[0]
    return re.findall(r"`([^`]+)`", "\n".join(row.split("|")[2] for row in table.splitlines()[2:]))


def words_of(program: str) -> set[str]:
    """The first words after a program in README's table."""
    found = (re.match(rf"{re.escape(program)} ([a-z][a-z-]*)", line) for line in readme_commands())
    return {match[1] for match in found if match}


def medvox_words() -> set[str]:
    """The commands that `medvox --help` lists."""
    import typer

    module = importlib.import_module("medvox.cli.main")
    app = next(value for value in vars(module).values() if isinstance(value, typer.Typer))
    return set(typer.main.get_command(app).commands)


def test_readme_lists_exactly_the_commands_of_medvox():
    assert words_of("medvox") == medvox_words()


def test_readme_lists_only_words_of_dev():
    answer = subprocess.run(
        [sys.executable, "dev", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    known = set(re.findall(r"^  ([a-z]+) ", answer.stdout, flags=re.MULTILINE))
    assert {"open", "test", "check"} <= words_of("./dev") <= known


def test_ci_runs_the_test_command_of_the_readme():
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert "./dev test" in readme_commands()
    assert lines[-2:] == ["./dev test", "./dev check"]


@pytest.mark.parametrize("page", PAGES)
def test_relative_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    links = [link for link in LINK.findall(text) if not re.match(r"[a-z]+:|#", link)]
    broken = [link for link in links if not (ROOT / page).parent.joinpath(link.split("#")[0]).exists()]
    assert broken == []


@pytest.mark.parametrize("name", FRAGMENTS)
def test_change_notes_are_named_and_written_like_the_others(name):
    assert re.fullmatch(rf"\+[a-z0-9-]+\.({'|'.join(KINDS)})\.md", name)
    text = (ROOT / "changes" / name).read_text(encoding="utf-8").strip()
    assert text[0].isupper()
    assert text.endswith(".")
