"""(X)MedCon, an independent reader and writer of Interfile, ECAT and Analyze, for tests."""

import shutil
import subprocess
from pathlib import Path

import pytest

medcon = pytest.mark.skipif(shutil.which("medcon") is None, reason="medcon is not installed (apt.txt)")


def run_medcon(folder: Path, *words: str) -> str:
    """Run it in a folder, and return what it prints."""
    done = subprocess.run(
        ["medcon", *words], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=20
    )
    return (done.stdout + done.stderr).decode("latin-1")
