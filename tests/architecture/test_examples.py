"""The examples in the documentation give what they say."""

from __future__ import annotations

import doctest

import pytest

from architecture.source import ROOT

PAGES = sorted(
    page.relative_to(ROOT).as_posix()
    for page in ROOT.glob("docs/**/*.md")
    if not {"_build", "api"}.intersection(page.parts) and ">>> " in page.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("page", PAGES)
def test_examples_of_a_page(page):
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    result = doctest.testfile(str(ROOT / page), module_relative=False, optionflags=options)
    assert result.attempted > 0
    assert result.failed == 0
