"""Every Python block of README and the pages that people type from runs, in order, page by page."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import medvox as mv
from medvox.core.labels import LabelMap, Segment
from medvox.testing.dicom_builder import save, stack

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs/how-to").glob("*.md")),
    *sorted((ROOT / "docs/tutorials").glob("*.md")),
]
BLOCK = re.compile(r"^(?P<indent> *)```python\n(?P<code>.*?)^ *```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[tuple[int, str]]:
    """Line number and text of the Python blocks of a page."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in BLOCK.finditer(text):
        indent = len(match["indent"])
        code = "\n".join(line[indent:] for line in match["code"].splitlines())
        found.append((text.count("\n", 0, match.start("code")), code))
    return found


RUN = [page for page in PAGES if blocks(page)]


@pytest.fixture
def working_folder(tmp_path, monkeypatch):
    """What the pages take for granted: a CT in `folder` and `demo-patient`, as NIfTI files, labels."""
    pixels = np.random.default_rng(7).integers(0, 900, (8, 12, 16)).astype(np.int16)
    pixels[2:6, 3:9, 4:12] = 1400
    slices = stack(
        pixels, modality="CT", origin_mm=(-60, -45, 10), spacing_mm=(2.5, 0.75, 0.5),
        RescaleSlope=1, RescaleIntercept=-1000, SeriesDescription="thorax",
    )  # fmt: skip
    save(slices, tmp_path / "folder")
    save(slices, tmp_path / "demo-patient")
    volume = mv.read(tmp_path / "folder")
    for name in ("scan.nii.gz", "brain.nii.gz", "ct.nii.gz"):
        mv.write(volume, tmp_path / name)
    marked = (volume.values() > 300)[None].astype(np.uint8)
    mv.write_labels(LabelMap(marked, volume.grid, (Segment(1, "bone"),)), tmp_path / "labels.nii.gz")
    monkeypatch.chdir(tmp_path)


def test_the_pages_with_code_are_found():
    names = {page.name for page in RUN}
    assert {"README.md", "coming-from.md", "first-look.md"} <= names


@pytest.mark.parametrize("page", RUN, ids=lambda page: page.name)
@pytest.mark.usefixtures("working_folder")
def test_the_code_of_a_page_runs(page):
    names: dict[str, object] = {"__name__": page.stem}
    before = len(names)
    for line, code in blocks(page):
        exec(compile("\n" * line + code, str(page), "exec"), names)
    assert len(names) > before + len(["__builtins__"])
