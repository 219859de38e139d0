"""Storage classes: which SOP class a volume is written as, and what that class can hold (PS3.4 B.5)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from medvox.core.axes import CHANNEL, TIME
from medvox.core.errors import UnsupportedError
from medvox.core.grid import Space
from medvox.core.volume import Volume
from medvox.dicom.writing.options import DicomKind, DicomWriteOptions
from medvox.dicom.writing.quantize import NumberRule

OTHER = "OT"
_CLASSES = "1.2.840.10008.5.1.4.1.1."
_ANY_16 = NumberRule(("i2", "u2"))
_ACTIVITY = NumberRule(("u2", "i2"), intercept=False, per_frame=True)
"""PET: the intercept is 0 and each slice has its own slope (PS3.3 C.8.9.4.1)."""
_PER_FRAME = NumberRule(("i2", "u2"), per_frame=True)


@dataclass(frozen=True, slots=True)
class StorageClass:
    """One SOP class.

    Parameters
    ----------
    uid, name
        As in PS3.6 A.
    numbers
        What stored numbers it may hold.
    multiframe
        Whether all frames are one instance.
    image_type
        Image Type of a derived image.
    """

    uid: str
    name: str
    numbers: NumberRule
    multiframe: bool = False
    image_type: tuple[str, ...] = ("DERIVED", "SECONDARY")

    @property
    def is_capture(self) -> bool:
        """Whether it is a secondary capture."""
        return self.uid.startswith(_CLASSES + "7")

    @property
    def is_enhanced(self) -> bool:
        """Whether it is an enhanced or legacy converted enhanced CT, MR or PET image."""
        return self.multiframe and not self.is_capture and self.name != US_MULTI.name


CT = StorageClass(_CLASSES + "2", "CT Image", _ANY_16, image_type=("DERIVED", "SECONDARY", "AXIAL"))
MR = StorageClass(_CLASSES + "4", "MR Image", _ANY_16, image_type=("DERIVED", "SECONDARY", "OTHER"))
PT = StorageClass(
    _CLASSES + "128", "Positron Emission Tomography Image", _ACTIVITY, image_type=("DERIVED", "PRIMARY")
)
US = StorageClass(_CLASSES + "6.1", "Ultrasound Image", NumberRule(("u1",), slope=False, intercept=False))
US_MULTI = StorageClass(
    _CLASSES + "3.1", "Ultrasound Multi-frame Image", NumberRule(("u1",), False, False), multiframe=True
)
DX = StorageClass(
    _CLASSES + "1.1",
    "Digital X-Ray Image - For Presentation",
    NumberRule(("u2", "u1"), slope=False, intercept=False),
    image_type=("DERIVED", "PRIMARY", ""),
)
SC = StorageClass(_CLASSES + "7", "Secondary Capture Image", NumberRule(("u1", "u2", "i2")))
SC_BYTE = StorageClass(
    _CLASSES + "7.2",
    "Multi-frame Grayscale Byte Secondary Capture Image",
    NumberRule(("u1",), slope=False, intercept=False),
    multiframe=True,
)
SC_WORD = StorageClass(
    _CLASSES + "7.3",
    "Multi-frame Grayscale Word Secondary Capture Image",
    NumberRule(("u2",), slope=False, intercept=False),
    multiframe=True,
)
SC_COLOR = StorageClass(
    _CLASSES + "7.4", "Multi-frame True Color Secondary Capture Image", NumberRule(("u1",)), multiframe=True
)
_ENHANCED_TYPE = ("DERIVED", "PRIMARY", "VOLUME", "NONE")
ENHANCED_CT = StorageClass(_CLASSES + "2.1", "Enhanced CT Image", _PER_FRAME, True, _ENHANCED_TYPE)
ENHANCED_MR = StorageClass(
    _CLASSES + "4.1",
    "Enhanced MR Image",
    NumberRule(("i2", "u2", "u1"), per_frame=True),
    True,
    _ENHANCED_TYPE,
)
ENHANCED_PET = StorageClass(_CLASSES + "130", "Enhanced PET Image", _PER_FRAME, True, _ENHANCED_TYPE)
LEGACY_CT = StorageClass(
    _CLASSES + "2.2", "Legacy Converted Enhanced CT Image", _PER_FRAME, True, _ENHANCED_TYPE
)
LEGACY_MR = StorageClass(
    _CLASSES + "4.4", "Legacy Converted Enhanced MR Image", _PER_FRAME, True, _ENHANCED_TYPE
)
LEGACY_PET = StorageClass(
    _CLASSES + "128.1", "Legacy Converted Enhanced PET Image", _PER_FRAME, True, _ENHANCED_TYPE
)

CLASSIC = {"CT": CT, "MR": MR, "PT": PT}
ENHANCED = {"CT": ENHANCED_CT, "MR": ENHANCED_MR, "PT": ENHANCED_PET}
LEGACY = {"CT": LEGACY_CT, "MR": LEGACY_MR, "PT": LEGACY_PET}
DX_NEEDS = frozenset({"PatientOrientation", "ImageLaterality"})
"""Type 1 attributes of DX that no neutral value can stand for (PS3.3 C.8.11)."""
_PLACED = frozenset({Space.PATIENT})
_ADVICE = (
    "Choose: assume_patient_space=True (the grid's axes are taken for the patient's), or kind 'classic' into "
    "a folder (single secondary captures without a place)"
)


def is_placed(volume: Volume, options: DicomWriteOptions) -> bool:
    """Whether positions in the patient are written."""
    return volume.grid.space in _PLACED or options.assume_patient_space


def choose_class(
    volume: Volume, modality: str, kind: DicomKind, options: DicomWriteOptions, known: Collection[str] = ()
) -> StorageClass:
    """Choose the SOP class of a volume.

    Parameters
    ----------
    known
        Keywords that the caller or the source tells; DX needs some of them.

    Raises
    ------
    UnsupportedError
        If no class of the kind holds the volume's axes or place; the text lists the choices.
    """
    strange = [name for name in volume.lead_axes if name != TIME]
    if strange or len(volume.lead_axes) > 1:
        raise UnsupportedError(
            "only a time axis can be written as DICOM",
            got=", ".join(volume.axes),
            advice=f"Write the positions along {', '.join(strange) or 'time'} one by one: volume.at(…)",
        )
    placed = is_placed(volume, options)
    if kind is DicomKind.LEGACY_ENHANCED:
        return _legacy(volume, modality, placed)
    if kind is DicomKind.ENHANCED:
        return _enhanced(volume, modality, placed)
    if modality == "DX" and not DX_NEEDS.issubset(known):
        return SC
    return _classic(volume, modality, placed)


def _classic(volume: Volume, modality: str, placed: bool) -> StorageClass:
    single = volume.grid.shape[0] == 1
    if modality in CLASSIC and placed and CHANNEL not in volume.axes:
        return CLASSIC[modality]
    if modality == "US" and single and not placed and volume.dtype == "u1" and volume.rescale.is_identity:
        return US_MULTI if TIME in volume.axes else US
    if modality == "DX" and single and volume.grid.space is Space.DETECTOR and TIME not in volume.axes:
        return DX
    return SC


def _enhanced(volume: Volume, modality: str, placed: bool) -> StorageClass:
    if modality in ENHANCED and placed and CHANNEL not in volume.axes:
        return ENHANCED[modality]
    if not placed and volume.grid.shape[0] > 1:
        raise UnsupportedError(
            "slices whose place in the patient is not known make no multi-frame image",
            got=str(volume.grid.space),
            expected=str(Space.PATIENT),
            advice=_ADVICE,
        )
    if CHANNEL in volume.axes:
        return SC_COLOR
    return SC_BYTE if volume.dtype.itemsize == 1 and volume.dtype.kind in "ub" else SC_WORD


def _legacy(volume: Volume, modality: str, placed: bool) -> StorageClass:
    if modality not in LEGACY or not placed or CHANNEL in volume.axes:
        raise UnsupportedError(
            "legacy converted enhanced images are placed grey CT, MR or PET images",
            got=modality,
            expected=list(LEGACY),
        )
    return LEGACY[modality]
