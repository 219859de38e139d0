"""Legacy conversion: all attributes of the classic instances go along (PS3.3 A.70, A.71, A.72)."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from medvox.core.errors import UsageError
from medvox.dicom import tags
from medvox.dicom.writing.plan import Plan


def converted_attributes(ds: Dataset, plan: Plan) -> None:
    """Add where each frame came from, and what no other attribute holds (C.7.6.16.2.25, C.7.6.16.2.26).

    Parameters
    ----------
    ds
        The enhanced data set, its functional groups made.

    Raises
    ------
    UsageError
        If a frame was not read from a source instance of its own.
    """
    source = plan.source
    if source is None or any(reference is None for reference in plan.references):
        raise UsageError(
            "each slice of a legacy converted image comes from an instance of the source",
            advice="Convert the volume as it was read from the classic series",
        )
    kept = [_unassigned(source.by_uid[r.sop_instance_uid].dataset(), ds) for r in plan.references if r]
    first = kept[0]
    shared = Dataset()
    for element in first:
        if all(element.tag in other and other[element.tag] == element for other in kept[1:]):
            shared.add(element)
    groups = ds.SharedFunctionalGroupsSequence[0]
    groups.UnassignedSharedConvertedAttributesSequence = DicomSequence([shared])
    for reference, attributes, group in zip(
        plan.references, kept, ds.PerFrameFunctionalGroupsSequence, strict=True
    ):
        assert reference is not None
        own = Dataset()
        for element in attributes:
            if element.tag not in shared:
                own.add(element)
        group.UnassignedPerFrameConvertedAttributesSequence = DicomSequence([own])
        origin = Dataset()
        origin.ReferencedSOPClassUID = reference.sop_class_uid
        origin.ReferencedSOPInstanceUID = reference.sop_instance_uid
        group.ConversionSourceAttributesSequence = DicomSequence([origin])


def _unassigned(data: Dataset, ds: Dataset) -> Dataset:
    """Elements of a classic instance that the enhanced one does not say itself."""
    kept = Dataset()
    for element in data:
        if element.tag.group == 2 or element.tag in ds or _is_own(int(element.tag)):
            continue
        kept.add(element)
    return kept


def _is_own(tag: int) -> bool:
    """Whether functional groups, or the new instance itself, say it in their own way."""
    return tag >> 16 == 0x0028 or tag in (
        tags.IMAGE_POSITION_PATIENT,
        tags.IMAGE_ORIENTATION_PATIENT,
        tags.SOP_INSTANCE_UID,
    )
