"""Whose a private block is, and what is in it, from its private creator (PS3.5 7.8.1).

Sources: the vendors' public conformance statements and public notes on their private elements.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

VENDORS: tuple[tuple[str, str], ...] = (
    ("SIEMENS", "Siemens"),
    ("SIENET", "Siemens"),
    ("SPI", "Siemens or Philips, after the SPI standard"),
    ("SHS MAGICVIEW", "Siemens"),
    ("KINETDX", "Siemens ultrasound"),
    ("ACUSON", "Siemens ultrasound (Acuson)"),
    ("SVISION", "Siemens"),
    ("GEMS", "GE"),
    ("GEHC", "GE"),
    ("GEIIS", "GE (PACS)"),
    ("GE_", "GE"),
    ("GE ", "GE"),
    ("ELGEMS", "GE (Elgems)"),
    ("KRETZ", "GE ultrasound (Kretz)"),
    ("LUNAR", "GE (Lunar)"),
    ("PHILIPS", "Philips"),
    ("PMS-", "Philips"),
    ("INTEGRIS", "Philips"),
    ("ELSCINT", "Philips (Elscint)"),
    ("PICKER", "Philips (Picker)"),
    ("ADAC", "Philips (ADAC)"),
    ("ATL ", "Philips ultrasound (ATL)"),
    ("CANON_MEC", "Canon"),
    ("CANON", "Canon"),
    ("TOSHIBA", "Canon (Toshiba)"),
    ("PMTF", "Canon (Toshiba)"),
    ("HITACHI", "Hitachi"),
    ("ALOKA", "Hitachi (Aloka)"),
    ("FDMS", "Fujifilm"),
    ("FUJI", "Fujifilm"),
    ("UIH", "United Imaging"),
    ("IMAGE PRIVATE HEADER", "United Imaging"),
    ("COMMON PRIVATE HEADER", "United Imaging"),
    ("KODAK", "Carestream (Kodak)"),
    ("CARESTREAM", "Carestream"),
    ("AGFA", "Agfa"),
    ("MITRA", "Agfa (Mitra)"),
    ("HOLOGIC", "Hologic"),
    ("LORAD", "Hologic (Lorad)"),
    ("APEX", "Hologic"),
    ("VARIAN", "Varian"),
    ("IMPAC", "Elekta (IMPAC)"),
    ("BRAINLAB", "Brainlab"),
    ("SONOSITE", "SonoSite"),
    ("MORTARA", "Mortara"),
    ("ESAOTE", "Esaote"),
    ("SAMSUNG", "Samsung"),
    ("MEDISON", "Samsung (Medison)"),
    ("MINDRAY", "Mindray"),
    ("BRUKER", "Bruker"),
    ("PARAVISION", "Bruker"),
    ("MEVIS", "MeVis"),
    ("SECTRA", "Sectra"),
    ("PAPYRUS", "PAPYRUS (Geneva)"),
    ("CTP", "RSNA Clinical Trial Processor"),
    ("PMOD", "PMOD"),
    ("OSIRIX", "OsiriX"),
    ("DICOMUTILS", "DicomUtils"),
)
"""Beginning of a creator, in capitals, and whose it is; the first that fits holds."""

CONTENTS: Mapping[str, str] = MappingProxyType(
    {
        "SIEMENS CSA HEADER": "acquisition headers: mosaic, slice normal and times, diffusion, protocol",
        "SIEMENS CSA NON-IMAGE": "spectra and other data that are no image",
        "SIEMENS CSA REPORT": "a report of the scanner",
        "SIEMENS MEDCOM HEADER": "window, mosaic and evaluation of the workstation",
        "SIEMENS MEDCOM HEADER2": "series and workflow facts of the workstation",
        "SIEMENS MEDCOM OOG": "drawn objects (graphics)",
        "SIEMENS MR HEADER": "diffusion (b-value, direction), mosaic, times of slices",
        "SIEMENS MR SDS 01": "facts of an enhanced MR series",
        "SIEMENS MR SDI 02": "facts of each frame of an enhanced MR image",
        "SIEMENS MR SDR 01": "raw protocol of an enhanced MR series",
        "SIEMENS MED NM": "nuclear medicine and PET",
        "SIEMENS MED ECAT FILE INFO": "headers of the ECAT file it was made of",
        "GEMS_IDEN_01": "identity of scanner and software",
        "GEMS_PATI_01": "the patient",
        "GEMS_STDY_01": "the study",
        "GEMS_SERS_01": "the series",
        "GEMS_ACQU_01": "acquisition: table, tube, pulse sequence, diffusion directions",
        "GEMS_RELA_01": "relations of images: positions, number of slices, times",
        "GEMS_IMAG_01": "the image: position, scan kind",
        "GEMS_IMPS_01": "image processing",
        "GEMS_PARM_01": "parameters: image kind (magnitude, phase), b-value, filters",
        "GEMS_HELIOS_01": "CT detector and helical scan",
        "GEMS_CT_CARDIAC_001": "CT cardiac gating",
        "GEMS_CT_HINO_01": "CT beam and dose",
        "GEMS_GENIE_1": "nuclear medicine",
        "GEMS_PETD_01": "PET: dose, decay, corrections",
        "GEMS_SENO_02": "mammography",
        "GEMS_ULTRASOUND_IMAGEGROUP_001": "ultrasound image",
        "GEMS_ULTRASOUND_MOVIEGROUP_001": "ultrasound movie, raw data",
        "GEIIS": "thumbnails and overlays of the PACS",
        "PHILIPS IMAGING DD 001": "image: scaling, diffusion, stacks",
        "PHILIPS IMAGING DD 002": "image: more of the same",
        "PHILIPS MR IMAGING DD 001": "MR: scale slope and intercept of precise values, diffusion directions",
        "PHILIPS MR IMAGING DD 002": "MR: examination",
        "PHILIPS MR IMAGING DD 003": "MR: geometry of planning",
        "PHILIPS MR IMAGING DD 004": "MR: spectroscopy and series",
        "PHILIPS MR IMAGING DD 005": "MR: public elements again, in a sequence; b-value numbers",
        "PHILIPS MR IMAGING DD 006": "MR: shimming and spectroscopy",
        "PHILIPS PET PRIVATE GROUP": "PET: factors to SUV and Bq/ml",
        "ELSCINT1": "CT: acquisition and reconstruction",
        "TOSHIBA_MEC_CT3": "CT: acquisition and reconstruction",
        "TOSHIBA_MEC_MR3": "MR: acquisition",
        "CANON_MEC_MR3": "MR: acquisition",
        "IMAGE PRIVATE HEADER": "image: frames tiled in one picture, diffusion",
        "COMMON PRIVATE HEADER": "software and series",
        "CTP": "project and site of a de-identified collection",
    }
)
"""Creator, in capitals, and what its elements are about."""


def vendor_of(creator: str) -> str:
    """Whose a private creator is; empty where it is not known."""
    name = creator.strip().upper()
    return next((vendor for start, vendor in VENDORS if name.startswith(start)), "")


def creator_meaning(creator: str) -> str:
    """Say whose a private block is and what is in it: ``"Siemens: diffusion …"``; empty where unknown."""
    content = CONTENTS.get(creator.strip().upper(), "")
    return ": ".join(part for part in (vendor_of(creator), content) if part)
