"""Items that refer to other objects (PS3.3 10.8, C.12.2), made and read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from medvox.dicom.writing.source import Reference


def instance_item(reference: Reference, *, frame: bool = False) -> Dataset:
    """SOP Instance Reference; with `frame` also the frame that is meant, if one is."""
    item = Dataset()
    item.ReferencedSOPClassUID = reference.sop_class_uid
    item.ReferencedSOPInstanceUID = reference.sop_instance_uid
    if frame and reference.frame is not None:
        item.ReferencedFrameNumber = reference.frame
    return item


def series_items(references: Iterable[Reference], keyword: str) -> DicomSequence:
    """Each instance once, by series: items of Series Instance UID and a sequence of instances.

    Parameters
    ----------
    keyword
        Of that sequence: ``"ReferencedInstanceSequence"``, ``"ReferencedImageSequence"`` ...
    """
    series: dict[str, dict[str, Dataset]] = {}
    for one in references:
        series.setdefault(one.series_uid, {})[one.sop_instance_uid] = instance_item(one)
    made = []
    for uid, instances in series.items():
        item = Dataset()
        item.SeriesInstanceUID = uid
        setattr(item, keyword, DicomSequence(list(instances.values())))
        made.append(item)
    return DicomSequence(made)


def frame_of(item: Dataset) -> int | None:
    """First Referenced Frame Number, or None."""
    frame = item.get("ReferencedFrameNumber")
    if frame is None or frame == "":
        return None
    return int(frame) if isinstance(frame, int | str) else int(frame[0])


def reference_of(item: Dataset, places: Mapping[str, tuple[str, str]]) -> Reference | None:
    """Instance or frame that an item names; None where it names none.

    Parameters
    ----------
    places
        Study and series of each instance.
    """
    uid = str(item.get("ReferencedSOPInstanceUID") or "")
    if not uid:
        return None
    study, series = places.get(uid, ("", ""))
    return Reference(str(item.get("ReferencedSOPClassUID") or ""), uid, series, study, frame_of(item))
