"""Coded terms for segments, searchable: SNOMED CT by PS3.16 CID 7151 and its parts, RadLex beside it.

SNOMED CT codes come from pydicom's copy of PS3.16 (the subset that DICOM may use without a license). The
RadLex identifiers (RSNA, radlex.org) are typed here for the organs that have one code in both.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from medvox.core.errors import MissingError
from medvox.core.labels import Code, Segment

CATEGORIES: tuple[tuple[int, Code], ...] = (
    (7194, Code("49755003", "SCT", "Morphologically Altered Structure")),
    (7193, Code("260787004", "SCT", "Physical object")),
    (7191, Code("85756007", "SCT", "Tissue")),
    (7166, Code("85756007", "SCT", "Tissue")),
    (7192, Code("123037004", "SCT", "Anatomical Structure")),
    (7195, Code("246464006", "SCT", "Function")),
)
"""Context groups of property types, and the category (CID 7150) that goes with each."""
ALL_TYPES = 7151
_RADLEX = {
    "10200004": ("RID58", "liver"),
    "15776009": ("RID170", "pancreas"),
    "12738006": ("RID6434", "brain"),
    "28231008": ("RID187", "gallbladder"),
    "39607008": ("RID1301", "lung"),
    "44567001": ("RID1247", "trachea"),
    "64033007": ("RID205", "kidney"),
    "78961009": ("RID86", "spleen"),
    "89837001": ("RID237", "urinary bladder"),
    "27925004": ("RID3875", "nodule"),
}
"""SNOMED CT code: RadLex identifier and preferred name."""


@dataclass(frozen=True, slots=True)
class Term:
    """A term that a segment may have.

    Parameters
    ----------
    kind
        Segmented property type (CID 7151).
    category
        Segmented property category (CID 7150).
    radlex
        The same in RadLex, or None.
    """

    kind: Code
    category: Code
    radlex: Code | None = None

    def segment(self, number: int, layer: int = 0) -> Segment:
        """Segment of this name and codes."""
        return Segment(number, self.kind.meaning, layer, self.category, self.kind)


@cache
def all_terms() -> tuple[Term, ...]:
    """Every term, by meaning."""
    from pydicom.sr._cid_dict import cid_concepts
    from pydicom.sr._concepts_dict import concepts as known

    concepts: dict[str, dict[str, dict[str, tuple[str, list[int]]]]] = known  # type: ignore[assignment]

    found: dict[tuple[str, str], Term] = {}
    for group, category in (*CATEGORIES, (ALL_TYPES, CATEGORIES[4][1])):
        for scheme, names in cid_concepts.get(group, {}).items():
            for name in names:
                for value, (meaning, _) in concepts[scheme].get(name, {}).items():
                    radlex = _RADLEX.get(value) if scheme == "SCT" else None
                    found.setdefault(
                        (scheme, value),
                        Term(
                            Code(value, scheme, meaning),
                            category,
                            Code(radlex[0], "RADLEX", radlex[1]) if radlex else None,
                        ),
                    )
    return tuple(sorted(found.values(), key=lambda term: term.kind.meaning.lower()))


def search_terms(words: str, most: int = 20) -> tuple[Term, ...]:
    """Find terms by words of their meaning, or by a code of either scheme.

    Parameters
    ----------
    words
        All of them must begin a word of the meaning, in any order; or be the code.
    most
        How many terms to return.

    Returns
    -------
    tuple of Term
        The shortest meanings first: of "liver" Liver itself, then its parts.

    Examples
    --------
    >>> search_terms("RID58")[0].kind
    Code(value='10200004', scheme='SCT', meaning='Liver')
    """
    wanted = words.lower().replace(",", " ").split()
    if not wanted:
        return ()
    by_code = [t for t in all_terms() if words.strip() in (t.kind.value, t.radlex.value if t.radlex else "")]
    found = [t for t in all_terms() if _matches(t.kind.meaning.lower(), wanted)]
    found.sort(key=lambda term: (len(term.kind.meaning), term.kind.meaning))
    return tuple(dict.fromkeys((*by_code, *found)))[:most]


def _matches(meaning: str, wanted: list[str]) -> bool:
    parts = meaning.replace(",", " ").replace("(", " ").split()
    return all(any(part.startswith(word) for part in parts) for word in wanted)


def term(words: str) -> Term:
    """Return the term that fits best.

    Raises
    ------
    MissingError
        If none fits.
    """
    found = search_terms(words, 1)
    if not found:
        raise MissingError("no such term", got=words, advice="Search with fewer or shorter words")
    return found[0]
