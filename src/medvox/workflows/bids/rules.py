"""Rules that say which series becomes which BIDS file: a TOML file that people edit.

::

    [[rule]]
    match = { description = "^t1_mprage$", image_type = ["ORIGINAL"] }
    datatype = "anat"
    suffix = "T1w"
    entities = { acq = "mprage" }

The first rule that fits decides. `match` may hold regular expressions for ``description``, ``protocol``,
``sequence`` and ``modality``, the words that ``image_type`` must hold, the ``axes`` before k, the
``number`` of the series, and under ``facts`` any key of the sidecar. A rule with ``exclude = true`` leaves
series out.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medvox.core.errors import FormatError, UsageError
from medvox.formats.files import read_bytes
from medvox.workflows.bids.entities import check_name
from medvox.workflows.bids.proposal import Candidate, Proposal, propose

_TEXTS = {
    "description": "SeriesDescription",
    "protocol": "ProtocolName",
    "sequence": "SequenceName",
    "modality": "Modality",
}
_KEYS = frozenset({*_TEXTS, "image_type", "axes", "number", "facts"})
_HEAD = """\
# Rules for `medvox convert SOURCE TARGET --bids --rules THIS_FILE`: the first one that fits a series decides.
# match: regular expressions for description, protocol, sequence, modality; words of image_type; axes before
# k; number of the series; facts (any key of the sidecar). exclude = true leaves a series out.
# Proposed by medvox from the headers. Read them through and change what is wrong.
"""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Parameters
    ----------
    match
        Conditions, all of which must hold.
    datatype, suffix
        As BIDS has them (``"anat"``, ``"T1w"``).
    entities
        Further entities (``{"task": "rest"}``); subject, session, run and echo are added by themselves.
    exclude
        Whether what fits is left out.
    reason
        Why it was proposed, for the file.
    """

    match: Mapping[str, Any]
    datatype: str = ""
    suffix: str = ""
    entities: Mapping[str, str] = field(default_factory=dict)
    exclude: bool = False
    reason: str = ""

    def fits(self, found: Candidate) -> bool:
        """Whether every condition holds for an image."""
        for key, wanted in self.match.items():
            if key in _TEXTS:
                fits = _search(wanted, found.facts.get(_TEXTS[key], ""))
            elif key == "image_type":
                fits = set(wanted) <= set(found.facts.get("ImageType", ()))
            elif key == "axes":
                fits = list(wanted) == list(found.axes)
            elif key == "number":
                fits = found.number in (wanted if isinstance(wanted, list) else [wanted])
            else:
                fits = all(_search(str(p), found.facts.get(name, "")) for name, p in wanted.items())
            if not fits:
                return False
        return True


def _search(pattern: str, value: object) -> bool:
    return re.search(pattern, str(value)) is not None


def read_rules(path: Path) -> tuple[Rule, ...]:
    """Read a file of rules.

    Raises
    ------
    FormatError
        If it is not TOML.
    UsageError
        If a rule says what BIDS or the rules do not know; the text names the rule by its number.
    """
    try:
        content = tomllib.loads(read_bytes(path).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FormatError("the rules are not TOML", where=path, got=str(error)) from error
    tables = content.get("rule")
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise UsageError("the file holds no [[rule]]", where=path)
    return tuple(_rule(table, f"{path.name}, rule {n}") for n, table in enumerate(tables, start=1))


def _rule(table: dict[str, Any], where: str) -> Rule:
    known = {"match", "datatype", "suffix", "entities", "exclude"}
    if unknown := set(table) - known:
        raise UsageError("a rule has no such key", where=where, got=sorted(unknown), expected=sorted(known))
    match = table.get("match")
    if not isinstance(match, dict) or not match or set(match) - _KEYS:
        raise UsageError("match needs conditions", where=where, got=match, expected=sorted(_KEYS))
    for pattern in [match[key] for key in _TEXTS if key in match] + list(
        dict(match.get("facts", {})).values()
    ):
        try:
            re.compile(str(pattern))
        except re.error as error:
            raise UsageError(f"no regular expression: {error}", where=where, got=pattern) from error
    entities = {str(k): str(v) for k, v in dict(table.get("entities", {})).items()}
    rule = Rule(
        match,
        str(table.get("datatype", "")),
        str(table.get("suffix", "")),
        entities,
        table.get("exclude") is True,
    )
    if not rule.exclude:
        check_name(rule.datatype, rule.suffix, rule.entities, where)
    return rule


def proposed_rules(found: Iterable[Candidate]) -> tuple[tuple[Rule, ...], tuple[Candidate, ...]]:
    """Propose one rule for each kind of series that the headers settle.

    Returns
    -------
    rules
        One for each distinct description, image type and set of axes.
    undecided
        Images for which nothing is proposed.
    """
    rules: dict[str, Rule] = {}
    undecided = []
    for candidate in found:
        proposal = propose(candidate)
        if proposal is None:
            undecided.append(candidate)
            continue
        rule = _rule_for(candidate, proposal)
        rules.setdefault(_toml(rule.match), rule)
    return tuple(rules.values()), tuple(undecided)


def _rule_for(found: Candidate, proposal: Proposal) -> Rule:
    match: dict[str, Any] = {"description": f"^{re.escape(found.description)}$".replace(r"\ ", " ")}
    if proposal.words:
        match["image_type"] = list(proposal.words)
    if found.axes:
        match["axes"] = list(found.axes)
    return Rule(
        match, proposal.datatype, proposal.suffix, proposal.entities, proposal.datatype == "", proposal.reason
    )


def rules_text(rules: Sequence[Rule], undecided: Sequence[Candidate] = ()) -> str:
    """Return the text of a file of rules; what nothing is proposed for follows as comments."""
    parts = [_HEAD]
    for rule in rules:
        lines = [f"# {rule.reason}"] if rule.reason else []
        lines += ["[[rule]]", f"match = {_toml(rule.match)}"]
        if rule.exclude:
            lines.append("exclude = true")
        else:
            lines += [f"datatype = {_toml(rule.datatype)}", f"suffix = {_toml(rule.suffix)}"]
        if rule.entities:
            lines.append(f"entities = {_toml(dict(rule.entities))}")
        parts.append("\n".join(lines) + "\n")
    if undecided:
        parts.append("# Not decided: take the # away and say what these are, or leave them out.\n")
    seen = set()
    for candidate in undecided:
        match = _toml({"description": f"^{re.escape(candidate.description)}$".replace(r"\ ", " ")})
        if match not in seen:
            seen.add(match)
            parts.append(f'# [[rule]]\n# match = {match}\n# datatype = "?"\n# suffix = "?"\n')
    return "\n".join(parts)


def _toml(value: Any) -> str:
    """Write a value as TOML 1.0; texts as basic strings, in which TOML and JSON agree."""
    import json

    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(part)}" for key, part in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(part) for part in value) + "]"
    return json.dumps(value, ensure_ascii=False)
