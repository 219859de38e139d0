"""Convert DICOM folders to a BIDS tree (https://bids.neuroimaging.io), by rules that can be edited."""

from medvox.workflows.bids.rules import Rule, proposed_rules, read_rules, rules_text
from medvox.workflows.bids.tree import BidsOptions, convert_to_bids, propose

__all__ = [
    "BidsOptions",
    "Rule",
    "convert_to_bids",
    "propose",
    "proposed_rules",
    "read_rules",
    "rules_text",
]
