"""What all picture formats share: one picture a file, and a volume as numbered files."""

from __future__ import annotations

import math
import struct
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from medvox.core import affine as aff
from medvox.core.axes import CHANNEL, SPATIAL, TIME
from medvox.core.errors import FormatError, LimitError, TruncatedError, UnsupportedError
from medvox.core.finding import Finding, Level
from medvox.core.grid import Grid, Space
from medvox.core.progress import Progress, silent
from medvox.core.study import HeaderElement, Image
from medvox.core.volume import Display, Volume
from medvox.formats.base import Format, Head, WriteReport
from medvox.formats.content import Content
from medvox.formats.files import check_claim, read_bytes, size_of
from medvox.formats.losses import common_losses, place_losses
from medvox.formats.picture.facts import SLICE_DISTANCE, Facts, spacing_text
from medvox.formats.picture.numbered import numbered_paths, write_pictures
from medvox.formats.stored import Stored, stored_values
from medvox.formats.text_header import say
from medvox.formats.values.block import kept

AnyArray = NDArray[Any]

SMALL = 1 << 28
"""Pictures up to this many bytes are decoded whatever the size of the file."""
_WAYS_OUT = "Write .tif, .nrrd or .nii.gz, which hold every type; `medvox render` makes pictures of a window"


class PictureFormat(Format):
    """One picture a file; volumes are written as numbered files."""

    writes: ClassVar[bool] = True
    reads_ranges: ClassVar[bool] = True
    lossy: ClassVar[str] = "place in the patient, unit; types but those named"
    magic: ClassVar[tuple[bytes, ...]]
    most_gain: ClassVar[int] = 4096
    """No picture above `SMALL` unpacks to more than this many times its size."""
    types: ClassVar[tuple[str, ...]] = ("u1",)
    """Types that a file holds."""
    keeps_spacing: ClassVar[bool] = True
    """Whether the spacing is kept, as a text."""

    def sniff(self, head: Head) -> float:
        """Look for the signature; a DICOM file may hide behind any."""
        if head.gzipped or head.first[128:132] == b"DICM":
            return 0.0
        return 1.0 if head.first.startswith(self.magic) else 0.0

    @abstractmethod
    def facts(self, path: Path) -> Facts:
        """Read the header."""

    @abstractmethod
    def _decode(self, raw: bytes, path: Path) -> AnyArray:
        """Decode the picture: (rows, columns) or (rows, columns, samples)."""

    @abstractmethod
    def _encode(self, picture: AnyArray, text: str, path: Path) -> bytes:
        """Encode (rows, columns) or (rows, columns, 3) with the text of the spacing."""

    # -- reading ------------------------------------------------------------------------------------

    def images(self, path: Path) -> tuple[Image, ...]:
        """Read the header; one image of one slice."""
        facts = self.facts(path)
        present = None if facts.nbytes <= SMALL else size_of(path) * self.most_gain
        check_claim(path, facts.nbytes, present, "the size in the header")
        lead = [(TIME, facts.frames)] if facts.frames > 1 else []
        lead += [(CHANNEL, facts.channels)] if facts.channels > 1 else []
        sizes = tuple(size for _, size in lead)
        shape = (*sizes, 1, facts.rows, facts.columns)
        grid, note = _grid(facts)
        notes = [note, *facts.notes]
        if facts.alpha:
            notes.append(("alpha-dropped", "transparency is left out"))
        content = Content(
            path=path,
            grid=grid,
            array=lambda: kept(shape, facts.dtype, self._loader(path, facts)),
            axes=(*(name for name, _ in lead), *SPATIAL),
            lead_shape=sizes,
            coordinates={TIME: facts.times_s} if facts.timed and facts.frames > 1 else {},
            display=Display(inverted=facts.inverted),
            findings=tuple(Finding(code, Level.INFO, str(path), text) for code, text in notes),
            facts=((SLICE_DISTANCE, say(facts.spacing_mm[0])),) if facts.spacing_mm else (),
        )
        return (content.image(),)

    def header(self, path: Path) -> tuple[HeaderElement, ...]:
        """Size, depth and colour, and texts where the format has them."""
        return tuple(HeaderElement(name, "text", "", value) for name, value in self.facts(path).lines)

    def _loader(self, path: Path, facts: Facts) -> Callable[[], AnyArray]:
        frame = (facts.rows, facts.columns)

        def load() -> AnyArray:
            decoded = self._decode(read_bytes(path), path)
            lead = (facts.frames,) if facts.frames > 1 else ()
            samples = decoded.reshape(*decoded.shape[: len(lead) + 2], -1)
            if samples.shape[:-1] != (*lead, *frame) or samples.shape[-1] < facts.channels:
                raise FormatError("the picture is not what its header says", where=path, got=decoded.shape)
            if decoded.dtype.itemsize > facts.dtype.itemsize:
                raise FormatError("the type is not what the header says", where=path, got=decoded.dtype)
            shown = np.moveaxis(samples[..., : facts.channels], -1, len(lead))[..., None, :, :]
            shown = shown if facts.channels > 1 else shown.reshape(*lead, 1, *frame)
            values = np.ascontiguousarray(shown)
            return (values // facts.steps if facts.steps > 1 else values).astype(facts.dtype, copy=False)

        return load

    # -- writing ------------------------------------------------------------------------------------

    def write(self, volume: Volume, path: Path, progress: Progress = silent) -> WriteReport:
        """Write a picture, or for several slices one picture each: ``name_0001.png`` and so on.

        Values are written as they are, never scaled to 8 bits.

        Raises
        ------
        UnsupportedError
            If the format does not hold the type, or there are axes but k, j, i and colour.
        WriteError
            If the system refuses, or higher-numbered files of a longer stack are there.
        """
        _check_axes(self.name, volume, path)
        stored = self._stored(volume, path, progress)
        values = np.moveaxis(stored.values, 0, -1) if volume.is_colour else stored.values
        text = spacing_text(volume.grid) if self.keeps_spacing else ""
        paths = numbered_paths(path, len(values))
        deviation = 0.0

        def encode(k: int) -> bytes:
            nonlocal deviation
            picture = np.ascontiguousarray(values[k])
            raw = self._encode(picture, text, path)
            deviation = max(deviation, self._deviation(picture, raw, path))
            return raw

        write_pictures(paths, encode, progress)
        losses = [*self._losses(volume), *stored.losses]
        if deviation:
            losses.append(f"{self.name} compression changed values by up to {deviation:g}.")
        return WriteReport(paths, tuple(losses))

    def _accepted(self, dtype: np.dtype[Any]) -> np.dtype[Any] | None:
        return dtype.newbyteorder("=") if dtype.str[1:] in self.types else None

    def _stored(self, volume: Volume, path: Path, progress: Progress) -> Stored:
        try:
            return stored_values(volume, self._accepted, progress, keeps_rescale=False)
        except UnsupportedError as error:
            holds = ", ".join(str(np.dtype(name)) for name in self.types)
            text = f"{self.name} does not hold these values, and they are not converted in silence"
            raise UnsupportedError(
                text, where=path, got=error.got, expected=f"values that fit {holds}", advice=_WAYS_OUT
            ) from error

    def _deviation(self, picture: AnyArray, raw: bytes, path: Path) -> float:
        """How far values were changed by the encoder."""
        return 0.0

    def _losses(self, volume: Volume) -> list[str]:
        keeps = ["space"] if volume.grid.space in (Space.LOCAL, Space.PIXEL) else []
        losses = common_losses(volume, keeps) + place_losses(volume.grid)
        if not self.keeps_spacing and volume.grid.space is not Space.PIXEL:
            losses.append("The file does not hold the spacing: distances will be in pixels.")
        return losses


def _grid(facts: Facts) -> tuple[Grid, tuple[str, str]]:
    """Grid, and code and text of a finding on where its spacing comes from."""
    shape = (1, facts.rows, facts.columns)
    if facts.spacing_mm is not None:
        matrix = aff.compose(facts.spacing_mm, np.eye(3)[:, ::-1], (0, 0, 0))
        text = "spacing taken from a text in the file; the place in the patient is not known"
        return Grid(shape, matrix, space=Space.LOCAL), ("spacing-assumed", text)
    text = "a picture has no spacing: distances are in pixels"
    if facts.resolution_mm is not None and all(math.isfinite(v) and v > 0 for v in facts.resolution_mm):
        j, i = facts.resolution_mm
        text += f" (the file states {j:.4g} x {i:.4g} mm, which may be that of a screen or a printer)"
    return Grid.pixels(shape), ("no-spacing", text)


def _check_axes(name: str, volume: Volume, path: Path) -> None:
    others = [axis for axis in volume.axes[:-3] if axis != CHANNEL]
    if others:
        raise UnsupportedError(
            f"{name} holds slices, no further axes",
            where=path,
            got=", ".join(others),
            advice="Write one position at a time (volume.at), or a format that holds the axis: .tif, .nii.gz",
        )
    if volume.channels not in (1, 3):
        raise UnsupportedError(
            f"{name} holds grey or RGB", where=path, got=f"{volume.channels} channels", advice=_WAYS_OUT
        )


def decode(call: Callable[[bytes], Any], raw: bytes, path: Path, end: bytes | None = None) -> AnyArray:
    """Call a codec of imagecodecs; whatever it raises becomes an error of ours.

    Parameters
    ----------
    end
        Bytes that every complete file has near its end.

    Raises
    ------
    FormatError, TruncatedError
        If the picture is damaged, or has no end.
    """
    try:
        return np.asarray(call(raw))
    except MemoryError as error:
        raise LimitError("the header claims more than the memory holds", where=path) from error
    except (RuntimeError, ValueError, TypeError, LookupError, ArithmeticError, struct.error) as error:
        if end is not None and end not in raw[-4096:]:
            raise TruncatedError("the picture ends early", where=path, got=f"{len(raw)} bytes") from error
        raise FormatError("the picture is damaged and cannot be decoded", where=path) from error
