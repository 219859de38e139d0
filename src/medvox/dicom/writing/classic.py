"""Classic images, one instance a slice: the header is encoded once, each slice adds what is its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from pydicom.dataset import Dataset

from medvox.core.axes import TIME
from medvox.dicom.writing import storage
from medvox.dicom.writing.files import encode
from medvox.dicom.writing.files.output import Parts, in_order
from medvox.dicom.writing.files.pixel_data import pixel_element, pixel_header
from medvox.dicom.writing.image_modules import cine_header, image_header, spacing_header
from medvox.dicom.writing.modules import da, decimal, decimals, tm
from medvox.dicom.writing.options import Compression
from medvox.dicom.writing.plan import Plan
from medvox.dicom.writing.series_header import apply_attributes, common_header, source_image


@dataclass(frozen=True, slots=True, eq=False)
class ClassicSeries:
    """A series whose slices are still to be encoded.

    Parameters
    ----------
    plan
        What is written.
    shared
        Encoded elements of all instances.
    start
        When the first time point was acquired, where known.
    unknown
        Required attributes of which nothing was known.
    """

    plan: Plan
    shared: dict[int, bytes]
    start: datetime | None
    unknown: tuple[str, ...]

    def names(self) -> list[str]:
        """Names of the files."""
        count = 1 if self.plan.storage.multiframe else len(self.plan.numbers.frames)
        return [f"{self.plan.modality}{n:05d}.dcm" for n in range(1, count + 1)]

    def files(self) -> Iterator[Parts]:
        """Whole files, in order of time and k; compressed ones are made by several threads."""
        if self.plan.storage.multiframe:
            yield self._file(0, {}, slice(None))
            return
        count = len(self.plan.numbers.frames)
        yield from in_order(self._slice, count, threaded=self.plan.options.compression != Compression.NONE)

    def _slice(self, n: int) -> Parts:
        return self._file(n, self._own(n), slice(n, n + 1))

    def _file(self, n: int, own: dict[int, bytes], frames: slice) -> Parts:
        plan = self.plan
        sop_uid = plan.uids.new("instance", n)
        own[0x00080018] = encode.text(0x00080018, "UI", sop_uid)
        own[0x00200013] = encode.text(0x00200013, "IS", str(n + 1))
        syntax, pixels = pixel_element(plan.numbers.frames[frames], Compression(plan.options.compression))
        return encode.file_parts((plan.storage.uid, sop_uid), syntax, [self.shared, own], pixels)

    def _own(self, n: int) -> dict[int, bytes]:
        """Elements of slice n alone."""
        plan = self.plan
        t, k = divmod(n, plan.slices)
        own: dict[int, bytes] = {}

        def put(tag: int, vr: str, value: str) -> None:
            own[tag] = encode.text(tag, vr, value)

        if plan.placed:
            position = plan.volume.grid.origins_mm[k]
            put(0x00200032, "DS", "\\".join(decimals(position)))
            put(0x00201041, "DS", decimal(float(position @ plan.volume.grid.normal)))
        if _rescaled(plan):
            put(0x00281052, "DS", decimal(plan.numbers.intercepts[n]))
            put(0x00281053, "DS", decimal(plan.numbers.slopes[n]))
        reference = plan.references[n]
        if reference is not None:
            item = encode.joined(encode.encoded(source_image(reference)))
            own[0x00082112] = encode.sequence(0x00082112, [item])
        if TIME in plan.volume.axes:
            put(0x00200100, "IS", str(t + 1))
        self._times(t, put)
        if plan.storage is storage.PT:
            own[0x00541330] = encode.element(0x00541330, "US", (n + 1).to_bytes(2, "little"))
        return own

    def _times(self, t: int, put: object) -> None:
        assert callable(put)
        seconds = self.plan.seconds
        if self.start is not None:
            moment = self.start + timedelta(seconds=seconds[t] if seconds else 0.0)
            put(0x00080022, "DA", da(moment))
            put(0x00080032, "TM", tm(moment))
        if seconds and self.plan.storage is storage.PT:
            put(0x00541300, "DS", decimal(1000 * seconds[t]))


def classic_series(plan: Plan) -> ClassicSeries:
    """Encode what all slices share."""
    ds = common_header(plan)
    unknown = image_header(ds, plan)
    spacing_header(ds, plan)
    inverted = plan.volume.display.inverted and plan.storage is not storage.DX
    ds.update(pixel_header(plan.numbers.frames, inverted))
    if plan.storage.multiframe:
        cine_header(ds, plan)
    if plan.placed:
        _plane(ds, plan)
    _temporal(ds, plan)
    apply_attributes(ds, plan.options.attributes)
    return ClassicSeries(plan, encode.encoded(ds), start_of(plan), tuple(unknown))


def _rescaled(plan: Plan) -> bool:
    return plan.storage.numbers.slope and plan.numbers.frames.ndim == 3 and not plan.storage.multiframe


def _plane(ds: Dataset, plan: Plan) -> None:
    """Image Plane module (PS3.3 C.7.6.2), but for the position."""
    grid = plan.volume.grid
    step = float(np.mean(grid.slice_extents_mm))
    ds.SliceThickness = decimal(step)
    if plan.slices > 1 and plan.storage in (storage.CT, storage.MR):
        ds.SpacingBetweenSlices = decimal(step)
    direction = grid.direction
    ds.ImageOrientationPatient = decimals([*direction[:, 2], *direction[:, 1]])


def _temporal(ds: Dataset, plan: Plan) -> None:
    if TIME not in plan.volume.axes or plan.storage.multiframe:
        return
    ds.NumberOfTemporalPositions = plan.times
    if plan.seconds and plan.times > 1:
        step = (plan.seconds[-1] - plan.seconds[0]) / (plan.times - 1)
        ds.TemporalResolution = decimal(1000 * step)


def start_of(plan: Plan) -> datetime | None:
    """When the first time point was acquired: by the options, else by the source."""
    if plan.options.acquired is not None or plan.source is None:
        return plan.options.acquired
    first = min(
        (
            h.text(0x00080022) + h.text(0x00080032).partition(".")[0].ljust(6, "0")
            for h in plan.source.headers
        ),
        default="",
    )
    try:
        return datetime.strptime(first, "%Y%m%d%H%M%S")  # noqa: DTZ007 - local (PS3.5 6.2)
    except ValueError:
        return None
