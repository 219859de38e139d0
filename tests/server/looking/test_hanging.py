"""Hanging rules: the shipped ones, the user's own, and what is refused."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from medvox.core.errors import FormatError
from medvox.server.looking import hanging

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's data folder."""
    monkeypatch.setenv("MEDVOX_DATA_FOLDER", str(tmp_path))
    return tmp_path


def test_shipped_rules_lay_pet_over_ct() -> None:
    rules = hanging.all_rules()
    assert not any(rule.own for rule in rules)
    first = rules[0]
    assert (first.modality, first.other, first.overlay is not None) == ("CT", "PT", True)


def test_saved_rules_come_first_and_come_back_as_they_were(own: Path) -> None:
    look = hanging.OverlayLook(opacity=0.25, colormap="ice", lower=0, upper=7.5, threshold=2)
    rule = hanging.HangingRule(
        name='Chest "A" \\ ü',
        modality="CT",
        body_part="CHEST",
        other="PT",
        layout="grid",
        rows=2,
        columns=1,
        beside="prior",
        center=-600,
        width=1500,
        overlay=look,
    )
    saved = hanging.save_rule(rule)
    assert saved[0] == rule.model_copy(update={"own": True})
    assert tomllib.loads((own / "hanging.toml").read_text("utf-8"))["rule"][0]["overlay"]["upper"] == 7.5
    again = hanging.save_rule(rule.model_copy(update={"layout": "mpr"}))
    assert [r.layout for r in again if r.own] == ["mpr"]
    assert not any(r.own for r in hanging.remove_rule(rule.name))
    assert sorted(p.name for p in own.iterdir()) == ["hanging.toml"]


@pytest.mark.parametrize(
    "text",
    ["[[rule]", '[[rule]]\nname = "a"\nlayout = "sideways"', '[[rule]]\nname = "a"\ncolour = 1', "rule = 3"],
)
def test_a_broken_file_is_named_with_what_is_wrong(own: Path, text: str) -> None:
    (own / "hanging.toml").write_text(text)
    with pytest.raises(FormatError, match="hanging"):
        hanging.all_rules()
