"""Hanging rules: how an image is shown when it is opened, by modality and body part.

A rule plays the part of a hanging protocol (PS3.3 C.23), in a file that people can read: the shipped
``hanging.toml`` and the user's own of the same name in the user's data folder, which come first.
"""

from __future__ import annotations

import json
import os
import tempfile
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field, ValidationError

from medvox.core.errors import FormatError
from medvox.core.settings import current
from medvox.server.types import Model

SHIPPED = Path(__file__).with_name("hanging.toml")
MOST_RULES = 200
"""Rules that a user may keep."""


class OverlayLook(Model):
    """How the other volume lies over the image; values in the unit of its voxels."""

    opacity: float = Field(0.5, ge=0, le=1)
    colormap: str = "hot"
    lower: float | None = None
    upper: float | None = None
    threshold: float | None = None


class HangingRule(Model):
    """One rule; what is null asks for nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    name: str = Field(min_length=1, max_length=80)
    modality: str | None = None
    body_part: str | None = None
    other: str | None = Field(None, alias="with")
    layout: Literal["stack", "mpr", "three", "volume", "grid"] | None = None
    rows: int | None = Field(None, ge=1, le=3)
    columns: int | None = Field(None, ge=1, le=3)
    beside: Literal["same", "with", "prior"] | None = None
    center: float | None = None
    width: float | None = Field(None, gt=0)
    preset: str | None = None
    overlay: OverlayLook | None = None
    own: bool = False
    """True for a rule of the user."""


def user_file() -> Path:
    """Where the user's own rules are kept."""
    from platformdirs import user_data_path

    return (current().data_folder or user_data_path("medvox", appauthor=False)) / "hanging.toml"


def read_rules(path: Path, *, own: bool = False) -> list[HangingRule]:
    """Read a file of rules.

    Raises
    ------
    FormatError
        If it is no TOML, or a rule has an unknown key or value.
    """
    try:
        rows = tomllib.loads(path.read_text("utf-8")).get("rule", [])
        return [HangingRule.model_validate({**row, "own": own}) for row in rows]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FormatError("the hanging rules are no TOML", where=path.name, got=str(error)) from error
    except (ValidationError, TypeError, AttributeError) as error:
        detail = error.errors()[0] if isinstance(error, ValidationError) else {"msg": "not a list of tables"}
        place = ".".join(str(part) for part in detail.get("loc", ()))
        raise FormatError(
            "a hanging rule cannot be read", where=f"{path.name} {place}", got=detail["msg"]
        ) from error


@cache
def _shipped() -> list[HangingRule]:
    return read_rules(SHIPPED)


def all_rules() -> list[HangingRule]:
    """Return the user's rules, then the shipped ones.

    Raises
    ------
    FormatError
        If the user's file cannot be read.
    """
    path = user_file()
    return [*(read_rules(path, own=True) if path.is_file() else []), *_shipped()]


def save_rule(rule: HangingRule) -> list[HangingRule]:
    """Put a rule before the user's others; one of the same name is replaced. Returns all rules."""
    path = user_file()
    known = read_rules(path, own=True) if path.is_file() else []
    kept = [r for r in known if r.name != rule.name][: MOST_RULES - 1]
    _write(path, [rule, *kept])
    return all_rules()


def remove_rule(name: str) -> list[HangingRule]:
    """Remove a rule of the user; returns all rules."""
    path = user_file()
    if path.is_file():
        _write(path, [r for r in read_rules(path, own=True) if r.name != name])
    return all_rules()


def _write(path: Path, rules: list[HangingRule]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".hanging", dir=path.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write('# Your own hanging rules; see the guide "Look at images".\n')
        file.writelines(_toml(rule) for rule in rules)
    Path(temporary).replace(path)


def _toml(rule: HangingRule) -> str:
    values = rule.model_dump(by_alias=True, exclude_none=True, exclude={"own", "overlay"})
    lines = ["", "[[rule]]", *_pairs(values)]
    if rule.overlay:
        lines += ["[rule.overlay]", *_pairs(rule.overlay.model_dump(exclude_none=True))]
    return "\n".join(lines) + "\n"


def _pairs(values: dict[str, Any]) -> list[str]:
    # JSON's strings and numbers are TOML's too.
    return [f"{key} = {json.dumps(value, ensure_ascii=True)}" for key, value in values.items()]
