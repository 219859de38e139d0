"""PixelFormat: how the stored values of an image are laid out (PS3.3 C.7.6.3, PS3.5 8)."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from medvox.core import settings
from medvox.core.errors import FormatError, LimitError, MissingError, UnsupportedError
from medvox.core.finding import Finding, Level
from medvox.dicom.header import Header, PixelSpan
from medvox.dicom.pixels import photometric
from medvox.dicom.pixels.palette import Palette, palette_of
from medvox.dicom.pixels.transfer_syntaxes import GE_PRIVATE, transfer_syntax

Kind = Literal["integer", "float", "double", "bit"]

SAMPLES: Final = 0x00280002
PHOTOMETRIC: Final = 0x00280004
PLANAR: Final = 0x00280006
FRAMES: Final = 0x00280008
ROWS: Final = 0x00280010
COLUMNS: Final = 0x00280011
BITS_ALLOCATED: Final = 0x00280100
BITS_STORED: Final = 0x00280101
HIGH_BIT: Final = 0x00280102
REPRESENTATION: Final = 0x00280103
SMALLEST: Final = 0x00280106
LARGEST: Final = 0x00280107
PADDING: Final = 0x00280120
PADDING_LIMIT: Final = 0x00280121
PALETTE_DESCRIPTOR: Final = 0x00281101
PALETTE_DATA: Final = (0x00281201, 0x00281202, 0x00281203)
PALETTE_SEGMENTED: Final = (0x00281221, 0x00281222, 0x00281223)
LOSSY: Final = 0x00282110
LOSSY_RATIO: Final = 0x00282112
FLOAT_PIXEL_DATA: Final = 0x7FE00008
DOUBLE_PIXEL_DATA: Final = 0x7FE00009
OVERLAY_GROUPS: Final = tuple(range(0x6000, 0x6020, 2))
OVERLAY_BITS_ALLOCATED: Final = 0x0100
OVERLAY_BIT_POSITION: Final = 0x0102
OVERLAY_DATA: Final = 0x3000
OVERLAY_ELEMENTS: Final = (
    0x0010,
    0x0011,
    0x0015,
    0x0022,
    0x0040,
    0x0050,
    0x0051,
    0x0100,
    0x0102,
    0x1500,
    0x3000,
)


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """How the stored values of an image are laid out.

    Parameters
    ----------
    rows, columns, frames, samples
        Sizes; `samples` is Samples per Pixel as stored (1 for PALETTE COLOR).
    bits_allocated, bits_stored, high_bit, signed
        Where the bits of a value are (PS3.5 8.1.1), repaired where the header contradicts itself.
    photometric
        Photometric Interpretation in capitals.
    planar
        Planar Configuration: 0 colour by pixel, 1 colour by plane.
    transfer_syntax
        UID.
    big_endian
        Whether native values are big endian.
    kind
        Whole numbers, floats, doubles or single bits.
    palette
        Colours of a PALETTE COLOR image.
    padding
        Lowest and highest stored value that mark pixels outside the image (Pixel Padding Value and
        Range Limit), or None.
    findings
        What was odd and what was repaired.
    """

    rows: int
    columns: int
    frames: int
    samples: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    photometric: str
    planar: int
    transfer_syntax: str
    big_endian: bool
    kind: Kind
    palette: Palette | None = None
    padding: tuple[int, int] | None = None
    findings: tuple[Finding, ...] = ()

    @classmethod
    def of(cls, header: Header) -> PixelFormat:
        """Read it from a header.

        Raises
        ------
        MissingError
            If the file holds no pixels.
        FormatError
            If the attributes are missing or impossible together.
        UnsupportedError
            If the photometric interpretation cannot be shown.
        LimitError
            If the image would need more than `settings.max_image_bytes`.
        """
        span = header.pixel
        if span is None:
            raise MissingError("the file holds no pixel data", where=header.name)
        made = header.shared(_plain_format, _ALL)
        if made is None:
            made = _Reading(header, span).format()
        made.check_limit(header.name)
        return made

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of decoded values."""
        if self.kind == "float":
            return np.dtype(np.float32)
        if self.kind == "double":
            return np.dtype(np.float64)
        if self.palette is not None:
            return self.palette.colors.dtype
        return self.stored_dtype

    @property
    def stored_dtype(self) -> np.dtype[Any]:
        """Type of one stored sample, native endian; the palette index for PALETTE COLOR."""
        if self.kind in ("float", "double"):
            return self.dtype
        size = next(s for s in (1, 2, 4, 8) if s * 8 >= self.bits_allocated)
        return np.dtype(f"{'i' if self.signed else 'u'}{size}")

    @property
    def channels(self) -> int:
        """Colour channels of decoded values: 1 or 3."""
        return 3 if self.samples == 3 or self.palette is not None else 1

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """Shape of a decoded frame."""
        return (self.rows, self.columns) if self.channels == 1 else (self.rows, self.columns, 3)

    @property
    def native_frame_bits(self) -> int:
        """Bits of one frame without compression; frames follow each other without a gap."""
        values = self.rows * self.columns * self.samples
        if self.photometric in photometric.SUBSAMPLED:
            values = self.rows * self.columns * 2
        elif self.photometric == "YBR_PARTIAL_420":
            values = self.rows * self.columns * 3 // 2
        return values * self.bits_allocated

    def check_limit(self, where: str) -> None:
        """Refuse an image larger than `settings.max_image_bytes` (never one of 16 MiB or less).

        Raises
        ------
        LimitError
            If the decoded frames would need more.
        """
        claimed = math.prod(self.frame_shape) * self.frames * self.dtype.itemsize
        if claimed <= ALWAYS_ALLOWED:
            return
        limit = settings.current().max_image_bytes
        if claimed > limit:
            raise LimitError(
                "the header claims an image larger than the limit",
                where=where,
                got=f"{claimed} bytes",
                expected=f"at most {limit}",
                advice="Set MEDVOX_MAX_IMAGE_BYTES if the image is really that large",
            )

    def native_length(self, frames: int | None = None) -> int:
        """Bytes of native pixel data of that many frames, all by default."""
        return -(-self.native_frame_bits * (self.frames if frames is None else frames) // 8)


_DECIDING: Final = (
    ROWS,
    COLUMNS,
    FRAMES,
    SAMPLES,
    PHOTOMETRIC,
    PLANAR,
    BITS_ALLOCATED,
    BITS_STORED,
    HIGH_BIT,
    REPRESENTATION,
    PADDING,
    PADDING_LIMIT,
    LOSSY,
)
ALWAYS_ALLOWED: Final = 1 << 24
"""Bytes that no limit refuses: asking the settings takes longer than all else for a slice."""
_ALL: Final = frozenset(
    (
        *_DECIDING,
        SMALLEST,
        LARGEST,
        LOSSY_RATIO,
        *(group << 16 | element for group in OVERLAY_GROUPS for element in OVERLAY_ELEMENTS),
    )
)
"""All tags that decide a format without a palette."""
MAX_KNOWN: Final = 256
_KNOWN: dict[tuple[object, ...], PixelFormat] = {}
"""Formats without findings and palette by all that decides them: the slices of a series share one."""


def _plain_format(header: Header) -> PixelFormat | None:
    """Return a format that names no file: one without findings, palette and overlays; else None."""
    span = header.pixel
    if span is None:
        return None
    key = _key(header, span)
    made = _KNOWN.get(key)
    if made is None:
        made = _Reading(header, span).format()
        if made.findings or made.palette is not None or _has_overlays(header):
            return None
        _KNOWN[key] = made
        while len(_KNOWN) > MAX_KNOWN:
            _KNOWN.pop(next(iter(_KNOWN)), None)
    return made


def _key(header: Header, span: PixelSpan) -> tuple[object, ...]:
    """All of a header that decides its format, cheaply."""
    values = [header.raw(tag) for tag in _DECIDING]
    if values[_DECIDING.index(REPRESENTATION)] not in (b"\1\0", b"\0\1"):  # the sign may need proof
        values += [header.raw(SMALLEST), header.raw(LARGEST)]
    vr = header.vr(PADDING) if PADDING in header else ""
    return (
        header.transfer_syntax,
        header.encoding,
        span.tag,
        span.length < 0,
        _has_overlays(header),
        vr,
        *values,
    )


def _has_overlays(header: Header) -> bool:
    tags = header.tags()
    at = bisect_left(tags, OVERLAY_GROUPS[0] << 16)
    return at < len(tags) and tags[at] >> 16 <= OVERLAY_GROUPS[-1]


class _Reading:
    """The steps from a header to a format, with the findings made on the way."""

    def __init__(self, header: Header, span: PixelSpan) -> None:
        self.header = header
        self.span = span
        self.findings: list[Finding] = []

    def format(self) -> PixelFormat:
        header = self.header
        kind, allocated = self.kind()
        rows, columns = self.size(ROWS, "Rows"), self.size(COLUMNS, "Columns")
        samples, name = self.colors()
        stored, high, signed = self.bits(kind, allocated)
        self.loss()
        syntax = transfer_syntax(header.transfer_syntax, encapsulated=self.span.length < 0)
        return PixelFormat(
            rows=rows,
            columns=columns,
            frames=self.frames(),
            samples=samples,
            bits_allocated=allocated,
            bits_stored=stored,
            high_bit=high,
            signed=signed,
            photometric=name,
            planar=1 if samples == 3 and header.integer(PLANAR) == 1 else 0,
            transfer_syntax=syntax.uid,
            big_endian=header.big_endian or syntax.uid == GE_PRIVATE,
            kind=kind,
            palette=self.palette(signed) if name == photometric.PALETTE else None,
            padding=self.padding(signed, stored) if kind == "integer" else None,
            findings=tuple(self.findings),
        )

    def note(self, code: str, text: str, reference: str, level: Level = Level.WARNING) -> None:
        self.findings.append(Finding(code, level, self.header.name, text, reference))

    def size(self, tag: int, name: str) -> int:
        value = self.header.integer(tag)
        if value is None or value < 1:
            where = f"{self.header.name} ({tag >> 16:04X},{tag & 0xFFFF:04X}) {name}"
            raise FormatError("the image has no size", where=where, got=value, expected="1 or more")
        return value

    def frames(self) -> int:
        frames = self.header.integer(FRAMES)
        if frames is None and FRAMES in self.header and self.header.text(FRAMES).strip():
            raise FormatError("Number of Frames is not a number", where=f"{self.header.name} (0028,0008)")
        return 1 if frames is None or frames < 1 else frames  # 0 is met in single-frame files

    def kind(self) -> tuple[Kind, int]:
        if self.span.tag == FLOAT_PIXEL_DATA:
            return "float", 32
        if self.span.tag == DOUBLE_PIXEL_DATA:
            return "double", 64
        allocated = self.header.integer(BITS_ALLOCATED)
        if allocated == 1:
            return "bit", 1
        if allocated not in (8, 12, 16, 32, 64):
            raise FormatError(
                "Bits Allocated is not possible",
                where=f"{self.header.name} (0028,0100)",
                got=allocated,
                expected="1, 8, 12, 16, 32 or 64",
            )
        return "integer", allocated

    def colors(self) -> tuple[int, str]:
        samples = self.header.integer(SAMPLES)
        name = self.header.text(PHOTOMETRIC) or ""
        name = name.strip(" \0").upper()
        if not name:
            name = photometric.RGB if samples == 3 else "MONOCHROME2"
        if samples is None:
            samples = 3 if name in photometric.COLOR else 1
        grey = name in photometric.GREY or name == photometric.PALETTE
        if (samples == 1 and grey) or (samples == 3 and name in photometric.COLOR):
            return samples, name
        if samples == 1 and name in photometric.COLOR:
            where = f"{self.header.name} (0028,0002)"
            raise FormatError(f"{name} with one sample a pixel is not possible", where=where)
        if samples == 3 and name in photometric.GREY:
            where = f"{self.header.name} (0028,0002)"
            raise FormatError(f"{name} with three samples a pixel is not possible", where=where)
        raise UnsupportedError(
            f"the photometric interpretation {name!r:.32} with {samples} samples a pixel cannot be shown",
            where=f"{self.header.name} (0028,0004)",
            advice="Convert the image to RGB with the tools of its maker",
        )

    def bits(self, kind: Kind, allocated: int) -> tuple[int, int, bool]:
        if kind == "bit":
            return 1, 0, False
        if kind != "integer":
            return allocated, allocated - 1, True
        stored = self.header.integer(BITS_STORED) or allocated
        if not 1 <= stored <= allocated:
            where = f"{self.header.name} (0028,0101)"
            expected = f"1 to {allocated} (Bits Allocated)"
            raise FormatError("Bits Stored is not possible", where=where, got=stored, expected=expected)
        high = self.header.integer(HIGH_BIT)
        if high != stored - 1:
            high = self.high_bit(high, stored, allocated)
        self.overlay_bits(stored, allocated)
        return stored, high, self.signed(stored)

    def high_bit(self, declared: int | None, stored: int, allocated: int) -> int:
        if declared is None:
            return stored - 1
        possible = stored - 1 <= declared < allocated
        high = declared if possible else stored - 1
        text = f"High Bit is {declared} with Bits Stored {stored}: "
        text += "values are shifted down" if possible else f"{high} was used"
        self.note("high-bit-repaired", text, "PS3.3 C.7.6.3.1")
        return high

    def overlay_bits(self, stored: int, allocated: int) -> None:
        planes = embedded_overlays(self.header, allocated)
        if stored < allocated and planes:
            bits = ", ".join(str(bit) for _, bit in planes)
            text = f"Bit {bits} of the pixels holds an overlay; it was taken out of the values"
            self.note("overlay-bits", text, "PS3.3 C.9.2 (retired: overlays in unused bits)", Level.INFO)

    def loss(self) -> None:
        syntax = transfer_syntax(self.header.transfer_syntax, encapsulated=self.span.length < 0)
        if self.header.text(LOSSY) != "01" and not syntax.is_lossy:
            return
        ratios = ", ".join(f"{ratio:g}" for ratio in self.header.floats(LOSSY_RATIO))
        text = "The pixels were compressed with loss" + (f", ratio {ratios}" if ratios else "")
        self.note("lossy-compression", text, "PS3.3 C.7.6.1.1.5", Level.INFO)

    def signed(self, stored: int) -> bool:
        declared = self.header.integer(REPRESENTATION) == 1
        reason = None if declared else self.proof_of_sign(stored)
        if reason is None:
            return declared
        self.note(
            "signedness-repaired",
            f"Pixel Representation says unsigned, but {reason}: the values were read as signed",
            "PS3.3 C.7.6.3.1",
        )
        return True

    def proof_of_sign(self, stored: int) -> str | None:
        """Say why values declared unsigned must be signed, or None."""
        padding = self.header.integer(PADDING)
        if padding is not None:
            wrapped = padding - (1 << 16) if padding >= 1 << 15 else padding
            fits = -(1 << (stored - 1)) <= wrapped < 0
            if padding < 0 or (padding >= 1 << stored and fits):
                return f"Pixel Padding Value is {wrapped}"
        small, large = self.header.integer(SMALLEST), self.header.integer(LARGEST)
        if small is not None and small < 0:
            return f"the smallest pixel value is {small}"
        if stored == 16 and small is not None and large is not None and small >= 1 << 15 > large >= 0:
            return f"the smallest pixel value ({small}) would be above the largest ({large})"
        return None

    def padding(self, signed: bool, stored: int) -> tuple[int, int] | None:
        """Pixel Padding Value and Range Limit in the type of the pixels, lower first."""
        ends = [self.header.integer(tag) for tag in (PADDING, PADDING_LIMIT)]
        if ends[0] is None:
            return None
        bits = max(16, stored)
        values = [_in_type(value, bits, signed) for value in ends if value is not None]
        return min(values), max(values)

    def palette(self, signed: bool) -> Palette:
        """Palette of the image; its tables are little endian once read."""
        header = self.header
        segmented = PALETTE_DATA[0] not in header and PALETTE_SEGMENTED[0] in header
        tables = [_bytes(header, tag) for tag in (PALETTE_SEGMENTED if segmented else PALETTE_DATA)]
        descriptor = [value & 0xFFFF for value in header.ints(PALETTE_DESCRIPTOR)]
        if len(descriptor) == 3:
            descriptor[1] = _in_type(descriptor[1], 16, signed)
        red, green, blue = tables
        return palette_of(tuple(descriptor), (red, green, blue), segmented, header.name)


def embedded_overlays(header: Header, allocated: int) -> list[tuple[int, int]]:
    """List groups and bits of overlays that lie in unused bits of the pixels (PS3.3 C.9.2, retired)."""
    found = []
    for group in OVERLAY_GROUPS:
        base = group << 16
        if base | OVERLAY_BIT_POSITION not in header or base | OVERLAY_DATA in header:
            continue
        bit = header.integer(base | OVERLAY_BIT_POSITION)
        if bit is not None and 0 < bit < allocated:
            found.append((group, bit))
    return found


def _bytes(header: Header, tag: int) -> bytes:
    """Value of a table of words, little endian."""
    value = header.raw(tag)
    if value is None:
        where = f"{header.name} ({tag >> 16:04X},{tag & 0xFFFF:04X})"
        raise FormatError("a palette colour table is missing", where=where)
    if header.encoding.big_endian:
        return np.frombuffer(value[: len(value) // 2 * 2], ">u2").astype("<u2").tobytes()
    return bytes(value)


def _in_type(value: int, bits: int, signed: bool) -> int:
    """Read the low bits of a value as signed or unsigned."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if signed and value >> (bits - 1) else value


def common_dtype(formats: Sequence[PixelFormat]) -> np.dtype[Any]:
    """Return the smallest type that holds the decoded values of all formats.

    Raises
    ------
    FormatError
        If colour and grey images are mixed.
    """
    if len({made.channels for made in formats}) > 1:
        raise FormatError("colour and grey images cannot be joined in one array")
    return np.result_type(*{made.dtype for made in formats})
