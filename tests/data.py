"""Real data for tests: ../shared/data beside the repository, or MEDVOX_TEST_DATA; never committed."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def data_root() -> Path | None:
    """The folder with the data sets, or None."""
    named = os.environ.get("MEDVOX_TEST_DATA")
    places = [Path(named)] if named else [ROOT.parent / "shared" / "data"]
    return next((p for p in places if p.is_dir()), None)


def data_dir(name: str) -> Path:
    """Folder of one data set; skips the test with the reason where it is absent."""
    root = data_root()
    if root is None or not (root / name).is_dir():
        pytest.skip(f"data set {name} is not there (set MEDVOX_TEST_DATA)")
    return root / name
