"""Settings from the environment and in a with block."""

from pathlib import Path

import pytest

from medvox.core.errors import UsageError
from medvox.core.settings import Settings, current, using


def test_variables_set_fields_and_wrong_ones_are_named(monkeypatch):
    monkeypatch.setenv("MEDVOX_THREADS", "3")
    monkeypatch.setenv("MEDVOX_DATA_FOLDER", "/data")
    assert current().threads == 3
    assert current().data_folder == Path("/data")
    with pytest.raises(UsageError, match="MEDVOX_MAX_FILES"):
        Settings.from_environment({"MEDVOX_MAX_FILES": "many"})


def test_changes_hold_inside_the_block_only():
    before = current().threads
    with using(threads=before + 1):
        assert current().threads == before + 1
    assert current().threads == before
