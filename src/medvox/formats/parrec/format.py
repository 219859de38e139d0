"""PAR/REC and XML/REC: exports of Philips MR scanners, a text header beside the plain values."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from medvox.core.axes import B_VALUE, PHASE, SPATIAL, TIME
from medvox.core.errors import FormatError, LimitError, MissingError, TruncatedError, UnsupportedError
from medvox.core.finding import Finding, Level
from medvox.core.lazy import FrameArray
from medvox.core.progress import Progress, silent
from medvox.core.provenance import Provenance, SliceSource
from medvox.core.rescale import IDENTITY, Rescale
from medvox.core.study import HeaderElement, Image
from medvox.core.volume import Display, Volume, Window
from medvox.formats.base import Format, Head
from medvox.formats.content import Content
from medvox.formats.files import check_claim, read_bytes, reading, size_of
from medvox.formats.parrec.frames import Frame, Recording
from medvox.formats.parrec.geometry import lps, place
from medvox.formats.parrec.par_header import looks_like_par, read_par
from medvox.formats.parrec.stacks import REPEAT, Stack, make_stacks
from medvox.formats.parrec.xml_header import looks_like_xml, read_xml
from medvox.formats.text_header import MOST_HEADER

PRECISE = "precise"
"""Name of the scaling to floating values (FP), as for Philips DICOM files."""
_MOST_PAR = 64 * MOST_HEADER
_STORED = {8: "u1", 16: "<u2", 32: "<f4"}
"""Types of stored values by their bits; REC files are little endian and unsigned."""
_FACT_WORDS = {
    "angulation_deg": "angulation {}°",
    "sequence": "sequence {}",
    "echo_number": "echo {}",
    "b_value": "b-value and direction {}",
    "time": "dynamic {}",
    "phase": "phase {}",
    "label": "label {}",
    "repeat": "repeat {}",
    "incomplete": "incomplete, {}",
}
_PRIVATE = ("patient", "examination", "dataset", "birth", "series", "protocol")


@dataclass(frozen=True, slots=True)
class ParRecFormat(Format):
    """Philips PAR/REC (versions 3, 4, 4.1 and 4.2) and XML/REC."""

    name: ClassVar[str] = "PAR/REC"
    suffixes: ClassVar[tuple[str, ...]] = (".par", ".xml", ".rec")
    holds: ClassVar[str] = (
        "versions 3 to 4.2 and XML/REC; orientations, echoes and image types apart; dynamics, phases or "
        "diffusion as a fourth axis; display and precise values"
    )

    def sniff(self, head: Head) -> float:
        """Look for the first lines of a PAR file, or the root of an XML header."""
        if head.folder or head.gzipped:
            return 0.0
        return max(looks_like_par(head.first), looks_like_xml(head.first))

    def images(self, path: Path) -> tuple[Image, ...]:
        """Read the header; one image each orientation, image type and echo."""
        recording = _read(path)
        rec = _rec_of(path)
        places, notes = _byte_places(recording.frames, path, rec)
        present = _present(recording, places, rec, notes)
        notes += _announcements(recording, path)
        stacks = make_stacks(present)
        single = len({(s.frames[0].plane, s.frames[0].angulation_deg) for s in stacks}) == 1
        images = [_image(s, recording if single else None, path, rec, places) for s in stacks]
        if len({s.frames[0].plane for s in stacks}) > 1:
            text = "slices of different orientation are in one file: they were split"
            notes.append(Finding("mixed-orientation", Level.INFO, str(path), text))
        return tuple(replace(image, findings=(*notes, *image.findings)) for image in images)

    def header(self, path: Path) -> tuple[HeaderElement, ...]:
        """General lines, then those columns of the table that say something, as ranges."""
        recording = _read(path)
        lines = [HeaderElement("version", "text", "", recording.version)]
        for key, value in recording.general.items():
            private = key.lower().startswith(_PRIVATE)
            lines.append(HeaderElement(key, "text", "", value[:4000], identifying=private))
        return (*lines, *_table_lines(recording.frames))

    def companions(self, path: Path) -> tuple[Path, ...]:
        """Return the REC file."""
        return (_rec_of(path),)


# -- reading ------------------------------------------------------------------------------------


def _read(path: Path) -> Recording:
    raw = read_bytes(path, 0, _MOST_PAR + 1)
    if len(raw) > _MOST_PAR:
        raise LimitError("the header is too long", where=path, expected=f"at most {_MOST_PAR} bytes")
    recording = read_xml(raw, path) if looks_like_xml(raw) else _read_par(raw, path)
    for number, frame in enumerate(recording.frames, 1):
        if frame.bits not in _STORED:
            raise UnsupportedError(
                "the pixel size cannot be read", where=path, got=frame.bits, expected=list(_STORED)
            )
        if min(frame.columns, frame.rows) < 1 or max(frame.columns, frame.rows) > 1 << 16 or frame.index < 0:
            raise FormatError(
                "the size or index of an image is not usable", where=path, got=f"image {number}"
            )
    return recording


def _read_par(raw: bytes, path: Path) -> Recording:
    if not looks_like_par(raw[:1024]):
        raise FormatError("no header of a REC file", where=path, expected="# === DATA DESCRIPTION FILE")
    recording = read_par(raw.decode("utf-8", "replace").replace("\0", " "), path)
    if not recording.ended and len(recording.frames) < math.prod(recording.most.values()):
        raise TruncatedError(
            "the PAR file ends before its last line",
            where=path,
            got=f"{len(recording.frames)} images",
            expected="a line END OF DATA DESCRIPTION FILE",
            advice="The file is incomplete: copy it again",
        )
    return recording


def _rec_of(path: Path) -> Path:
    """Return the file of the same name that ends in .REC, in any case."""
    wanted = path.stem.lower() + ".rec"
    for suffix in (".REC", ".rec", ".Rec"):
        if (found := path.with_suffix(suffix)).is_file():
            return found
    try:
        for entry in itertools.islice(path.absolute().parent.iterdir(), 100_000):
            if entry.name.lower() == wanted and entry.is_file():
                return entry
    except OSError:
        pass
    raise MissingError(
        "the REC file that belongs to this header is missing",
        where=path,
        expected=path.with_suffix(".REC").name,
        advice="Put it into the same folder",
    )


def _byte_places(frames: Sequence[Frame], path: Path, rec: Path) -> tuple[dict[int, int], list[Finding]]:
    """First byte of each image by its index; images may differ in size."""
    sizes = {frame.index: frame.nbytes for frame in frames}
    if len(sizes) != len(frames):
        raise FormatError("two images have one index in the REC file", where=path)
    ordered = sorted(sizes)
    gaps = ordered != list(range(len(ordered)))
    total = sum(sizes.values())
    closed = gaps and size_of(rec) == total
    if gaps and not closed and len(set(sizes.values())) > 1:
        raise FormatError("images differ in size and their indices have gaps", where=path)
    if gaps and not closed:
        return {index: index * size for index, size in sizes.items()}, []
    starts = itertools.accumulate((sizes[n] for n in ordered), initial=0)
    places = dict(zip(ordered, starts, strict=False))
    if not closed:
        return places, []
    text = (
        "the indices have gaps, the REC file holds just the listed images: they are read one after the other"
    )
    return places, [Finding("vendor-quirk", Level.INFO, str(path), text)]


def _present(
    recording: Recording, places: dict[int, int], rec: Path, notes: list[Finding]
) -> tuple[Frame, ...]:
    """Frames that lie in the REC file in full; those that do not are noted."""
    size = size_of(rec)
    frames = recording.frames
    there = tuple(f for f in frames if places[f.index] + f.nbytes <= size)
    if len(there) == len(frames):
        return frames
    if len({f.slice for f in there}) < len({f.slice for f in frames}):
        raise TruncatedError(
            "the REC file ends before the first volume is complete",
            where=rec,
            got=f"{size} bytes",
            expected=f"{max(places[f.index] + f.nbytes for f in frames)} bytes",
            advice="The file is incomplete: copy it again",
        )
    text = f"the REC file ends early: {len(frames) - len(there)} of {len(frames)} images are missing"
    notes.append(Finding("truncated-pixel-data", Level.WARNING, str(rec), text))
    return there


def _announcements(recording: Recording, path: Path) -> list[Finding]:
    """Say where the header announces more slices, echoes, dynamics or phases than it lists."""
    notes = []
    for name, most in recording.most.items():
        listed = len({getattr(frame, name) for frame in recording.frames})
        if listed < most:
            text = f"the header announces {most} {name}s and lists {listed}: the recording was cut short"
            notes.append(Finding("incomplete-time-point", Level.WARNING, str(path), text))
    return notes


@dataclass(frozen=True, slots=True, eq=False)
class _RecFrames:
    """Reads frames from a REC file; a `FrameReader`."""

    path: Path
    starts: tuple[int, ...]
    stored: np.dtype[Any]

    def __call__(self, frames: Sequence[int], out: NDArray[Any], progress: Progress = silent) -> None:
        with reading(self.path) as file:
            for n, frame in enumerate(frames):
                file.seek(self.starts[frame])
                raw = file.read(out[n].size * self.stored.itemsize)
                if len(raw) < out[n].size * self.stored.itemsize:
                    raise TruncatedError(
                        "the REC file ends within its values", where=self.path, got=f"image {frame + 1}"
                    )
                out[n] = np.frombuffer(raw, self.stored).reshape(out[n].shape)
                progress(n + 1, len(frames), "Reading")


# -- one stack to one image -----------------------------------------------------------------------


def _image(stack: Stack, recording: Recording | None, path: Path, rec: Path, places: dict[int, int]) -> Image:
    placed = place(stack.positions[0], recording, path)
    frames = tuple(position[n] for position in stack.positions for n in placed.order)
    count = len(stack.positions)
    lead = (count,) if stack.axis else ()
    first = frames[0]
    shape = (*lead, len(placed.order))
    claim = sum(f.nbytes for f in frames)
    check_claim(rec, claim, None, "the header")
    stored = np.dtype(_STORED[first.bits])
    reader = _RecFrames(rec, tuple(places[f.index] for f in frames), stored)
    native = stored.newbyteorder("=")
    display, precise, notes = _scalings(frames, shape, path)
    content = Content(
        path=path,
        grid=placed.grid,
        array=lambda: FrameArray(shape, (first.rows, first.columns), native, reader),
        axes=((stack.axis,) if stack.axis else ()) + SPATIAL,
        lead_shape=lead,
        label=_label(path, stack),
        rescale=display,
        meaning=", ".join([first.image_type, "display value"] if precise else [first.image_type]),
        modality="MR",
        coordinates=_coordinates(stack),
        display=_display(frames),
        findings=(*placed.findings, *notes, *_axis_notes(stack, path)),
        facts=(*stack.facts, *_facts(stack)),
    )

    def volume() -> Volume:
        sources = tuple(
            SliceSource(str(rec), f.index + 1, None, f.slope or 1.0, f.intercept, f.dynamic_time_s)
            for f in frames
        )
        known = Provenance(placed.grid, sources, parameters=content.facts)
        scalings = {PRECISE: precise} if precise else {}
        return replace(content.volume(), scalings=scalings, provenance=known)

    return replace(content.image(), reader=volume)


def _label(path: Path, stack: Stack) -> str:
    words = [_FACT_WORDS.get(name, "{}").format(value) for name, value in stack.facts if value]
    return ", ".join([path.name, *words])


def _scalings(
    frames: Sequence[Frame], shape: tuple[int, ...], path: Path
) -> tuple[Rescale, Rescale | None, list[Finding]]:
    """Display values DV = PV·RS + RI, and floating values FP = DV / (RS·SS)."""
    slope = np.array([f.slope for f in frames])
    intercept = np.array([f.intercept for f in frames])
    scale = np.array([f.scale_slope for f in frames])
    where = str(path)
    if not (slope != 0).all():
        text = "a rescale slope is 0: stored values are shown"
        return IDENTITY, None, [Finding("bad-rescale", Level.WARNING, where, text)]
    display = Rescale.of(slope.reshape(shape), intercept.reshape(shape))
    notes = []
    if not display.is_uniform:
        count = len(set(zip(slope.tolist(), intercept.tolist(), strict=True)))
        text = f"{count} rescales over {len(frames)} slices; each slice keeps its own"
        notes.append(Finding("varying-rescale", Level.INFO, where, text))
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        lines = np.array([1.0 / scale, intercept / (slope * scale)])
    if not np.isfinite(lines).all() or (lines[0] == 0).any():
        text = "a scale slope is 0: there are display values only"
        return display, None, [*notes, Finding("bad-rescale", Level.INFO, where, text)]
    text = f"Display values are used; precise values are there under the scaling {PRECISE!r}"
    notes.append(Finding("philips-scaling", Level.INFO, where, text))
    return display, Rescale.of(lines[0].reshape(shape), lines[1].reshape(shape)), notes


def _display(frames: Sequence[Frame]) -> Display:
    center, width = frames[len(frames) // 2].window
    return Display((Window(center, width),)) if width > 0 else Display()


def _coordinates(stack: Stack) -> dict[str, tuple[float, ...]]:
    """Seconds of dynamics and phases, b-values of diffusion."""
    firsts = [position[0] for position in stack.positions]
    known = {
        TIME: [f.dynamic_time_s for f in firsts],
        PHASE: [f.trigger_time_ms / 1000 for f in firsts],
        B_VALUE: [f.b_value for f in firsts],
    }
    values = known.get(stack.axis)
    if values is None or (stack.axis != B_VALUE and len(set(values)) < len(values)):
        return {}
    return {stack.axis: tuple(values)}


def _axis_notes(stack: Stack, path: Path) -> Iterator[Finding]:
    if stack.axis == REPEAT or (stack.axis == B_VALUE and not any(f.b_number for f in stack.frames)):
        text = "nothing in the header tells repeated slices apart: they are taken in the order of the table"
        yield Finding("ambiguous-4d", Level.WARNING, str(path), text)
    elif stack.axis:
        text = f"{len(stack.positions)} positions along {stack.axis}, each with every slice once"
        yield Finding("four-d", Level.INFO, str(path), text)
    if stack.incomplete:
        text = f"a position lacks slices: its {len(stack.frames)} are kept apart"
        yield Finding("incomplete-time-point", Level.WARNING, str(path), text)


def _facts(stack: Stack) -> Iterator[tuple[str, str]]:
    """Timing and diffusion of a stack; directions in LPS."""
    first = stack.frames[0]
    if first.echo_time_ms:
        yield "echo_time_ms", f"{first.echo_time_ms:g}"
    if first.flip_deg:
        yield "flip_angle_deg", f"{first.flip_deg:g}"
    firsts = [position[0] for position in stack.positions]
    if any(f.b_value for f in firsts):
        yield "b_values_s_mm2", " ".join(f"{f.b_value:g}" for f in firsts)
    if any(any(f.gradient) for f in firsts):
        turned = (lps(f.gradient) + 0.0 for f in firsts)
        yield "gradients_lps", "; ".join(" ".join(f"{x:g}" for x in vector) for vector in turned)


def _table_lines(frames: Sequence[Frame]) -> Iterator[HeaderElement]:
    for name in Frame.__dataclass_fields__:
        values = [getattr(frame, name) for frame in frames]
        different = list(dict.fromkeys(values))
        shown = ", ".join(map(str, different[:8])) + (" …" if len(different) > 8 else "")
        yield HeaderElement(f"table: {name}", "column", "", shown[:4000])
