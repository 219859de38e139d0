"""What an import may bring along, and that what is declared can be loaded."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import tomllib

import pytest

from architecture.source import ROOT
from medvox.formats.base import Format

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
FORMATS = PROJECT["entry-points"]["medvox.formats"]
MAY_BRING = {"medvox", "numpy"}
ASK = """
import json, sys
before = {name.partition(".")[0] for name in sys.modules}
import medvox
after = {name.partition(".")[0] for name in sys.modules}
print(json.dumps(sorted(after - before - set(sys.stdlib_module_names))))
"""


def test_import_medvox_brings_along_numpy_at_most():
    answer = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True, cwd=ROOT)
    brought = set(json.loads(answer.stdout))
    assert "medvox" in brought
    assert brought <= MAY_BRING


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_declared_formats_load(name):
    module, _, attribute = FORMATS[name].partition(":")
    loaded = getattr(importlib.import_module(module), attribute)
    assert issubclass(loaded, Format)
    assert loaded().name


@pytest.mark.parametrize("name", sorted(PROJECT["scripts"]))
def test_declared_commands_load(name):
    module, _, attribute = PROJECT["scripts"][name].partition(":")
    assert callable(getattr(importlib.import_module(module), attribute))
