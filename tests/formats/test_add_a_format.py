"""The format of docs/how-to/add-a-format.md is complete: its own test passes."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "add-a-format.md"

blocks = re.findall(
    r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
)
names: dict = {}
for block in blocks:
    exec(compile(block, str(PAGE), "exec"), names)  # the page is part of this repository

TestSlab = names["TestSlab"]


def test_the_page_has_a_class_and_its_test():
    assert len(blocks) == 2
    assert names["SlabFormat"].writes
