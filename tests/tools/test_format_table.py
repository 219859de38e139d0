"""The page of formats is what the formats do now."""

import pytest
from tools.format_table import CHANGED, KEPT, REFUSED, TOLD

from tools import format_table


@pytest.fixture(scope="module")
def page():
    return format_table.page()


def test_the_page_in_the_repository_is_what_would_be_written_now(page):
    assert format_table.PAGE.read_text(encoding="utf-8") == page, "run: python tools/format_table.py"


def test_nothing_is_lost_in_silence(page):
    assert CHANGED not in page


def rows(page, title):
    part = page.partition(f"## {title}\n")[2].partition("\n## ")[0]
    lines = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| ")]
    return {line[0]: dict(zip(lines[0][1:], line[1:], strict=True)) for line in lines[2:]}


def test_what_the_standards_say_is_what_is_measured(page):
    """NIfTI-1 has one affine for all slices, one slope, and no unit of values."""
    place, facts = rows(page, "Place of voxels"), rows(page, "Facts")
    assert place["NIfTI"]["tilted"] == KEPT
    assert place["NIfTI"]["uneven slices"] == TOLD
    assert facts["NIfTI"]["unit"] == TOLD
    assert facts["NIfTI"]["one rescale"] == KEPT
    assert rows(page, "Axes")["NIfTI"]["over time"] == KEPT
    cells = {
        cell
        for table in ("Place of voxels", "Axes", "Facts")
        for row in rows(page, table).values()
        for cell in row.values()
    }
    assert cells <= {KEPT, TOLD, REFUSED}
