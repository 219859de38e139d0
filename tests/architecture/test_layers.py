"""The import contracts catch what they are there to catch: breaches planted in a copy of the folders."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from architecture.source import PACKAGE, ROOT

BREACHES = {
    "layers": ("core", "import medvox.formats"),
    "pure": ("processing", "import pydicom"),
    "core": ("core", "import nibabel"),
    "torch": ("dicom", "import torch"),
    "web": ("workflows", "import fastapi"),
    "vtk": ("processing", "import vtk"),
    "notesting": ("server", "import medvox.testing"),
}


def verdict(folder: Path) -> str:
    """What import-linter says about a package `medvox` below a folder."""
    shutil.copy(ROOT / "pyproject.toml", folder)
    answer = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(folder)}, capture_output=True, text=True,
    )  # fmt: skip
    assert "Contracts:" in answer.stdout, answer.stdout + answer.stderr
    return answer.stdout


def broken(text: str) -> set[str]:
    """Names of the contracts that are broken."""
    return set(re.findall(r"^(.+) BROKEN$", text, flags=re.MULTILINE))


@pytest.fixture
def skeleton(tmp_path):
    """The top folders of the package, each with an empty `__init__`."""
    for init in [PACKAGE / "__init__.py", *PACKAGE.glob("*/__init__.py")]:
        target = tmp_path / "medvox" / init.relative_to(PACKAGE)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    return tmp_path


def test_the_bare_folders_break_nothing(skeleton):
    assert broken(verdict(skeleton)) == set()


def test_each_planted_breach_breaks_its_contract(skeleton):
    for name, (folder, line) in BREACHES.items():
        (skeleton / "medvox" / folder / f"{name}_breach.py").write_text(line + "\n")
    cycle = skeleton / "medvox" / "server"
    (cycle / "chicken.py").write_text("import medvox.server.egg\n")
    (cycle / "egg.py").write_text("import medvox.server.chicken\n")
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {one["id"]: one["name"] for one in settings["tool"]["importlinter"]["contracts"]}
    assert set(contracts) == {*BREACHES, "acyclic"}
    assert broken(verdict(skeleton)) == set(contracts.values())


def test_a_folder_without_a_place_breaks_the_layers(skeleton):
    (skeleton / "medvox" / "attic").mkdir()
    (skeleton / "medvox" / "attic" / "__init__.py").touch()
    text = verdict(skeleton)
    assert broken(text) == {"House layers: imports only point down"}
    assert "attic" in text
