"""Abstract and transfer syntaxes that the services use (PS3.4, PS3.5 A, PS3.6 A)."""

from __future__ import annotations

from functools import lru_cache

from medvox.network.upper_layer.negotiation import BIG, EXPLICIT, IMPLICIT

VERIFICATION = "1.2.840.10008.1.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
NATIVE = (EXPLICIT, IMPLICIT, BIG)
"""Transfer syntaxes of identifiers and of uncompressed images."""
_QUERY_RETRIEVE = "1.2.840.10008.5.1.4.1.2."
FIND = {"patient": _QUERY_RETRIEVE + "1.1", "study": _QUERY_RETRIEVE + "2.1"}
MOVE = {"patient": _QUERY_RETRIEVE + "1.2", "study": _QUERY_RETRIEVE + "2.2"}
GET = {"patient": _QUERY_RETRIEVE + "1.3", "study": _QUERY_RETRIEVE + "2.3"}
"""SOP classes of Patient Root and Study Root Query/Retrieve (PS3.4 C.6)."""
MODALITY_WORKLIST = "1.2.840.10008.5.1.4.31"
MPPS, MPPS_RETRIEVE = "1.2.840.10008.3.1.2.3.3", "1.2.840.10008.3.1.2.3.4"
STORAGE_COMMITMENT = "1.2.840.10008.1.20.1"
STORAGE_COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1.1"
"""Modality Worklist, Modality Performed Procedure Step, Storage Commitment Push Model (PS3.4 K, F, J)."""
_UPS = "1.2.840.10008.5.1.4.34.6."
UPS_PUSH, UPS_WATCH, UPS_PULL, UPS_EVENT, UPS_QUERY = (f"{_UPS}{k}" for k in range(1, 6))
"""SOP classes of Unified Procedure Step; all instances are of UPS Push (PS3.4 CC.3)."""
_RARE = (
    "Waveform", "Ophthalmic", "Protocol", "Radiopharmaceutical", "Delivery", "Lens", "Refraction", "Acuity",
    "Macular", "Dermoscopic", "Inventory", "Tractography", "Implant", "Eyewear", "DICOS", "Eddy",
)  # fmt: skip
"""Words in the names of storage classes that a retrieval leaves out first."""
_NOT_STORED = ("Storage Commitment", "Media Storage Directory")


@lru_cache(maxsize=4096)
def is_storage(uid: str) -> bool:
    """Tell whether an abstract syntax is a Storage SOP class.

    One that PS3.6 does not name is taken as one: private classes and those of later editions.
    """
    from pydicom._uid_dict import UID_dictionary

    known = UID_dictionary.get(uid)
    if known is None:
        return True
    name, kind = known[0], known[1]
    return kind == "SOP Class" and "Storage" in name and not name.startswith(_NOT_STORED)


@lru_cache(maxsize=1)
def storage_classes() -> tuple[str, ...]:
    """Return the Storage SOP classes of PS3.6: common ones first, rare ones after them, retired ones last."""
    from pydicom._uid_dict import UID_dictionary

    known = [(uid, entry[0], entry[3]) for uid, entry in UID_dictionary.items() if is_storage(uid)]
    return tuple(
        uid for uid, name, retired in sorted(known, key=lambda each: (bool(each[2]), _rare(each[1])))
    )


def _rare(name: str) -> bool:
    return any(word in name for word in _RARE)


@lru_cache(maxsize=4096)
def is_transfer_syntax(uid: str) -> bool:
    """Tell whether PS3.6 names a transfer syntax so."""
    from pydicom._uid_dict import UID_dictionary

    known = UID_dictionary.get(uid)
    return known is not None and known[1] == "Transfer Syntax"


def prefer(proposed: tuple[str, ...], known: tuple[str, ...] | None = None) -> str:
    """Choose a transfer syntax as the peer orders them, implicit and big endian after all others.

    Parameters
    ----------
    proposed
        UIDs in the order of the peer.
    known
        What is taken; None: all that PS3.6 names.

    Returns
    -------
    uid
        Empty where none suits.
    """
    suited = [uid for uid in proposed if (is_transfer_syntax(uid) if known is None else uid in known)]
    late = {IMPLICIT: 1, BIG: 2}
    return min(suited, key=lambda uid: late.get(uid, 0), default="")
