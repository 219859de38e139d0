"""Routing: rules that say which instances are forwarded to which node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from medvox.archive.arrivals import Arrival


@dataclass(frozen=True, slots=True)
class ForwardingRule:
    """What is forwarded where.

    Every text that is given must match, whatever the case of its letters; ``*`` and ``?`` stand for letters.

    Parameters
    ----------
    name
        Of the rule.
    to
        Name of the node.
    caller
        AE title of the sender.
    modality, study_description, series_description, station, sop_class
        As in the data set; empty for any.
    """

    name: str
    to: str
    caller: str = ""
    modality: str = ""
    study_description: str = ""
    series_description: str = ""
    station: str = ""
    sop_class: str = ""

    def matches(self, arrival: Arrival) -> bool:
        """Tell whether an instance is forwarded by this rule."""
        return all(
            fnmatchcase(getattr(arrival, name).casefold(), wanted.casefold())
            for name in _FIELDS
            if (wanted := getattr(self, name))
        )


_FIELDS = ("caller", "modality", "study_description", "series_description", "station", "sop_class")


def routed(
    rules: Sequence[ForwardingRule], arrivals: Sequence[Arrival]
) -> dict[ForwardingRule, list[Arrival]]:
    """Return what each rule forwards; nothing goes to one node twice, nor back to who sent it.

    The first rule that matches decides for its node.
    """
    found: dict[ForwardingRule, list[Arrival]] = {}
    taken: set[tuple[str, str]] = set()
    for rule in rules:
        for arrival in arrivals:
            key = rule.to, arrival.sop_uid
            if key not in taken and rule.to != arrival.caller and rule.matches(arrival):
                taken.add(key)
                found.setdefault(rule, []).append(arrival)
    return found
