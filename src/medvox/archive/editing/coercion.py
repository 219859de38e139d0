"""Coercion: attributes that instances of a sender get when they are received (PS3.4 B.2.3, warning B000)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache

from medvox.archive.editing.rewriting import COERCE, Rewrite, now, rewritten
from medvox.archive.parsed import CHARACTER_SET
from medvox.archive.store.disk import Buffer
from medvox.dicom.in_memory import header_of


@dataclass(frozen=True, slots=True)
class CoercionRule:
    """What instances of a sender get.

    Parameters
    ----------
    caller
        AE title, ``*`` and ``?`` stand for letters.
    values
        By tag: replace what is there. ``{}`` stands for the old value, e.g. ``"SITE2-{}"``.
    defaults
        By tag: fill what is missing or empty.
    """

    caller: str
    values: Mapping[int, str] = field(default_factory=dict)
    defaults: Mapping[int, str] = field(default_factory=dict)


def coerced(data: Buffer, transfer_syntax: str, rules: Sequence[CoercionRule], caller: str) -> bytes | None:
    """Return a data set as the rules for its sender want it; None where they change nothing.

    Parameters
    ----------
    data
        Data set without file meta information.
    transfer_syntax
        UID of its encoding.
    rules
        All that match are followed, later ones over earlier ones.
    caller
        AE title of the sender.

    Raises
    ------
    FormatError, UnsupportedError
        As `rewritten`.
    """
    matching = [rule for rule in rules if fnmatchcase(caller, rule.caller)]
    if not matching:
        return None
    asked = _one(tuple(sorted({tag for rule in matching for tag in (*rule.values, *rule.defaults)})))
    old = _old_values(data, transfer_syntax, asked)
    wanted: dict[int, str] = {}
    for rule in matching:
        wanted |= {tag: text.replace("{}", old[tag]) for tag, text in rule.values.items()}
        wanted |= {tag: text for tag, text in rule.defaults.items() if not old[tag] and tag not in wanted}
    wanted = {tag: value for tag, value in wanted.items() if value != old[tag]}
    if not wanted:
        return None
    return rewritten(data, transfer_syntax, Rewrite(wanted, now(), reason=COERCE, source=caller))


@lru_cache(256)
def _one(asked: tuple[int, ...]) -> tuple[int, ...]:
    """The same object for the same tags, since readers of headers are kept by it."""
    return tuple(sorted({CHARACTER_SET, *asked}))


def _old_values(data: Buffer, transfer_syntax: str, asked: tuple[int, ...]) -> dict[int, str]:
    header = header_of(data, transfer_syntax, "the received instance", asked)
    return {tag: header.text(tag) for tag in asked}
