"""The generated pages of the reference."""

from __future__ import annotations

import click
import typer

from medvox.cli.main import app
from medvox.core.finding import EXPLANATIONS
from tools import api_reference


def test_every_public_module_has_a_page():
    names = api_reference.modules()
    assert {"medvox", "medvox.core.grid", "medvox.formats.nifti"} <= set(names)
    assert names[0] == "medvox"
    assert names.index("medvox.formats.nifti") < names.index("medvox.core.grid")
    assert not [name for name in names if "._" in name]


def test_a_folder_shows_its_text_only():
    page = api_reference.page("medvox.core", ["medvox.core", "medvox.core.grid", "medvox.formats.base"])
    first, _, second = page.partition("medvox.core.grid\n---")
    assert ":members:" not in first
    assert ":members:" in second
    assert "medvox.formats" not in page


def leaves(command, before=""):
    """All commands by click's own listing, groups opened."""
    context = click.Context(command)
    for name in command.list_commands(context):
        one = command.get_command(context, name)
        is_group = hasattr(one, "list_commands")
        yield from leaves(one, f"{before}{name} ") if is_group else [before + name]


def test_every_command_is_described_with_all_its_options():
    text = api_reference.commands_text()
    described = [line.removeprefix("## medvox ") for line in text.splitlines() if line.startswith("## ")]
    net = "echo send find get move worklist commit print ups mpps"
    assert described[:5] == ["open", "demo", "info", "convert", "render"]
    assert {"raw propose", "segment threshold", "process bias-field", "measure suv"} <= set(described)
    assert {name.split()[1] for name in described if name.startswith("net ")} == set(net.split())
    assert sorted(described) == sorted(leaves(typer.main.get_command(app)))
    assert "medvox convert [OPTIONS] SOURCE TARGET" in text
    assert "| `--size` | `1000 800` |" in text
    assert "| `--browser / --no-browser` |" in text


def test_the_tables_hold_every_finding_and_format():
    text = api_reference.findings_text()
    assert all(f"### {code}\n\n{meaning}\n" in text for code, meaning in EXPLANATIONS.items())
    row = api_reference.formats_table({"nifti": "medvox.formats.nifti:NiftiFormat"}).splitlines()[2]
    assert row.startswith("| NIfTI")
    assert "`.nii.gz`" in row
