"""File names from a template with dcm2niix's letters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from medvox.core.errors import UsageError
from medvox.core.study import Image, Patient, Series, Study
from medvox.formats.registry import name_without_suffix

DEFAULT = "%s_%d"
IDENTIFYING = frozenset("inxgjkt")
LETTERS: Mapping[str, str] = {
    "d": "series description",
    "f": "name of the folder that was opened (may tell who it is)",
    "g": "accession number (identifying)",
    "i": "patient ID (identifying)",
    "j": "Series Instance UID (identifying)",
    "k": "Study Instance UID (identifying)",
    "l": "label of the image",
    "m": "modality",
    "n": "patient name (identifying)",
    "p": "study description",
    "s": "series number",
    "t": "study date and time (identifying)",
    "x": "study ID (identifying)",
    "%": "a percent sign",
}
_UNSAFE = re.compile(r"[^\w.+=-]+")
_LETTER = re.compile(r"%(.)")
LONGEST = 120
SHORTEST_NAME = 3


def check(template: str, keep_identity: bool = False) -> None:
    """Check a template before it is used.

    Raises
    ------
    UsageError
        If a letter is unknown, or identifies the patient and `keep_identity` is not set.
    """
    for letter in _LETTER.findall(template):
        if letter not in LETTERS:
            raise UsageError(
                f"unknown letter %{letter} in the name template", expected=[f"%{c}" for c in LETTERS]
            )
        if letter in IDENTIFYING and not keep_identity:
            raise UsageError(f"%{letter} is the {LETTERS[letter]}", advice="Add --keep-identity to allow it")


def file_stem(
    template: str, study: Study, series: Series, image: Image, folder: str, keep_identity: bool = False
) -> str:
    """File name without suffix.

    Parameters
    ----------
    template
        Text with ``%`` letters of `LETTERS`; ``/`` makes folders.
    keep_identity
        Whether letters that identify the patient are allowed.

    Raises
    ------
    UsageError
        If a letter is unknown, or identifies the patient and `keep_identity` is not set.
    """
    values = {
        "d": _description(series),
        "f": folder,
        "g": study.accession,
        "i": study.patient.id,
        "j": series.uid or "",
        "k": study.uid or "",
        "l": image.label,
        "m": image.modality or "",
        "n": study.patient.name,
        "p": study.description,
        "s": "" if series.number is None else str(series.number),
        "t": (study.date + study.time.split(".")[0]),
        "x": _study_id(series) if "%x" in template else "",
        "%": "%",
    }

    check(template, keep_identity)
    text = _LETTER.sub(lambda found: values[found[1]].replace("/", "_"), template)
    if not keep_identity:
        text = without_patient(text, study.patient)
    told_apart = series.format == "DICOM" or len(series.images) > 1
    for name, value in image.facts if told_apart else ():
        text += f"_{_SHORT.get(name, name)}{value}".replace("/", "_")
    parts = [safe_name(part) for part in text.split("/")]
    return "/".join(part for part in parts if part) or "image"


_SHORT = {
    "echo_time_ms": "te",
    "component": "",
    "inversion_time_ms": "ti",
    "image_type": "",
    "plane": "",
    "echo_number": "e",
}


def _description(series: Series) -> str:
    """Series description; for files that have none, their name without suffix."""
    if series.format == "DICOM":
        return series.description
    return name_without_suffix(Path(series.description))


def _study_id(series: Series) -> str:
    """Study ID (0020,0010) of the first instance."""
    if series.header is None or not series.instances:
        return ""
    lines = series.header(series.instances[0])
    return next((line.value for line in lines if line.keyword == "StudyID" and line.depth == 0), "")


def without_patient(text: str, patient: Patient) -> str:
    """Take the patient's name and ID out of a text that somebody typed (a series description, say).

    Parts of a name of fewer than three letters stay, since other words hold them.
    """
    parts = {*re.split(r"[\^=,\s]+", patient.name), patient.id.strip()}
    words = sorted((part for part in parts if len(part) >= SHORTEST_NAME), key=len, reverse=True)
    if not words:
        return text
    found = "|".join(map(re.escape, words))
    return re.sub(rf"(?<![^\W_])(?:{found})(?![^\W_])", "X", text, flags=re.IGNORECASE)


def safe_name(text: str) -> str:
    """Replace what a file name may not hold; empty stays empty."""
    return _UNSAFE.sub("_", text).strip("._")[:LONGEST].strip("._")


def distinct(stem: str, taken: set[str]) -> str:
    """Return `stem`, or with a number where it is taken; the result is added to `taken`."""
    name, number = stem, 1
    while name.lower() in taken:
        number += 1
        name = f"{stem}_{number}"
    taken.add(name.lower())
    return name
