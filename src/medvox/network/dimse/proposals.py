"""What to propose: presentation contexts for what is sent or received (PS3.8 9.3.2.2, PS3.4 B.3, C.5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from medvox.network.dimse.syntaxes import NATIVE, storage_classes
from medvox.network.handlers import ObjectToSend
from medvox.network.upper_layer.items import MAX_CONTEXTS
from medvox.network.upper_layer.negotiation import EXPLICIT, IMPLICIT


@dataclass(frozen=True, slots=True)
class Proposal:
    """An abstract syntax with transfer syntaxes, and whether we are its SCP (storage by C-GET)."""

    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...] = NATIVE[:2]
    as_scp: bool = False


def proposals_for(instances: Iterable[ObjectToSend]) -> list[Proposal]:
    """Return what to propose for instances: their own encodings, and beside them the default (PS3.5 10.1).

    Each pair of SOP class and transfer syntax gets a context of its own, so that the peer cannot choose away
    the encoding that the files have (PS3.8 9.3.2.2).
    """
    pairs = dict.fromkeys((found.sop_class_uid, found.transfer_syntax) for found in instances)
    proposals = [Proposal(sop_class, (syntax,)) for sop_class, syntax in pairs]
    for sop_class in dict.fromkeys(sop_class for sop_class, _ in pairs):
        plain = tuple(uid for uid in (EXPLICIT, IMPLICIT) if (sop_class, uid) not in pairs)
        proposals += [Proposal(sop_class, plain)] if plain else []
    return proposals


def storage_proposals(limit: int = MAX_CONTEXTS - 2) -> list[Proposal]:
    """Return contexts to receive by C-GET: current storage classes, common ones first, in all encodings.

    A peer chooses one transfer syntax for each class, and can send no instance of it in another; native ones
    stand first (PS3.8 9.3.3.2). More classes than `limit` have no place: rare ones are left out.
    """
    from pydicom.uid import AllTransferSyntaxes

    syntaxes = (*NATIVE[:2], *(str(uid) for uid in AllTransferSyntaxes if uid not in NATIVE))
    return [Proposal(uid, syntaxes, as_scp=True) for uid in storage_classes()[:limit]]
