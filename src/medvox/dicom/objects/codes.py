"""Codes of data sets, typed; and back (PS3.3 section 8)."""

from __future__ import annotations

from pydicom.dataset import Dataset

from medvox.core.labels import Code

_OLD_SNOMED = frozenset({"SRT", "SNM3", "99SDM"})


def code_of(item: Dataset | None, keyword: str | None = None) -> Code | None:
    """First code of a sequence of an item, or the item's own without a keyword; None where it has none.

    Codes of SNOMED-RT style (``SRT``) are given as SNOMED CT where pydicom's dictionary knows them
    (PS3.16 annex O).
    """
    if item is not None and keyword is not None:
        found = item.get(keyword)
        item = found[0] if found else None
    if item is None:
        return None
    value = item.get("CodeValue") or item.get("LongCodeValue") or item.get("URNCodeValue")
    if not value:
        return None
    scheme = str(item.get("CodingSchemeDesignator") or ("URN" if "URNCodeValue" in item else ""))
    return modern(Code(str(value), scheme, str(item.get("CodeMeaning") or "")))


def modern(code: Code) -> Code:
    """Return the SNOMED CT code of a SNOMED-RT style one; others as they are."""
    if code.scheme not in _OLD_SNOMED:
        return code
    from pydicom.sr._snomed_dict import mapping

    concept = mapping["SRT"].get(code.value)
    return Code(concept, "SCT", code.meaning) if concept else code
