"""Identifiers of queries from words: ``KEYWORD=VALUE``, ``(gggg,eeee)=VALUE`` (PS3.4 C.2.2, C.6)."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING

from medvox.core.errors import UsageError

if TYPE_CHECKING:
    from pydicom import Dataset

_RETURNED = {
    "PATIENT": ("PatientName", "PatientID", "PatientBirthDate"),
    "STUDY": (
        "PatientName", "PatientID", "StudyDate", "StudyTime", "AccessionNumber", "StudyDescription",
        "ModalitiesInStudy", "NumberOfStudyRelatedInstances", "StudyInstanceUID",
    ),
    "SERIES": (
        "StudyInstanceUID", "Modality", "SeriesNumber", "SeriesDescription",
        "NumberOfSeriesRelatedInstances", "SeriesInstanceUID",
    ),
    "IMAGE": ("StudyInstanceUID", "SeriesInstanceUID", "InstanceNumber", "SOPClassUID", "SOPInstanceUID"),
}  # fmt: skip
"""Attributes asked for by level (PS3.4 C.6.1.1, C.6.2.1)."""
LEVELS = tuple(_RETURNED)


def identifier(level: str, keys: Iterable[str], *, unique: bool = False) -> Dataset:
    """Return an identifier.

    Parameters
    ----------
    level
        Query/Retrieve Level, any case: ``patient``, ``study``, ``series`` or ``image``.
    keys
        ``KEYWORD=VALUE``; wildcards and ranges as PS3.4 C.2.2.2 has them, lists by a backslash.
    unique
        Whether only the keys go in (to retrieve), not the attributes to return.

    Raises
    ------
    UsageError
        If the level, a keyword or a value is wrong.
    """
    from pydicom import Dataset

    name = level.upper()
    if name not in LEVELS:
        raise UsageError("unknown level", got=level, expected=[each.lower() for each in LEVELS])
    found = Dataset()
    found.SpecificCharacterSet = "ISO_IR 192"
    found.QueryRetrieveLevel = name
    for keyword in () if unique else _RETURNED[name]:
        setattr(found, keyword, None)
    for key in keys:
        _add(found, key)
    return found


def _add(found: Dataset, key: str) -> None:
    from pydicom.datadict import dictionary_VR
    from pydicom.tag import Tag

    name, separator, value = key.partition("=")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tag = Tag(name.strip("()").replace(",", ""))
            found.add_new(tag, dictionary_VR(tag), value.split("\\") if "\\" in value else value or None)
        except Exception:
            separator = ""
    if not separator:
        raise UsageError("a key is written KEYWORD=VALUE", got=name, expected="e.g. PatientID=1234")
