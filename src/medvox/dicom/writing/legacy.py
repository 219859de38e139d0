"""Legacy conversion: all attributes of the classic instances go along (PS3.3 A.70, A.71, A.72)."""

from __future__ import annotations

from pydicom.dataset import Dataset

from medvox.core.errors import UsageError
from medvox.dicom.writing.plan import Plan


def converted_attributes(ds: Dataset, plan: Plan) -> None:
    """Add Conversion Source and Unassigned Converted Attributes.

    Raises
    ------
    UsageError
        If a slice was not read from a source instance of its own.
    """
    raise UsageError("legacy conversion is not written yet", where=plan.modality, got=str(ds.SOPClassUID))
