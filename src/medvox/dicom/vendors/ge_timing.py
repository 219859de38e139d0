"""GE: protocol data block, phase encoding, readout, slice timing.

Source: notes of dcm2niix on GE files (neurolabusc/dcm2niix, GE/README.md). The polarity of the phase
encoding is told by (0018,9034) from software Rx27 on; older files hide it in a structure of (0043,102A)
that changes with the software and is not read here, and the protocol's VIEWORDER is unreliable.
"""

from __future__ import annotations

import math
import re
import struct
import zlib
from collections.abc import Mapping, Sequence

from medvox.core.acquisition import Fact, PhaseEncoding
from medvox.dicom.elements.facts import Elements, Private, positive, source_of

_ACQUISITION, _PARAMETERS = ("GEMS_ACQU",), ("GEMS_PARM",)
PROTOCOL = Private(0x0025, 0x1B, ("GEMS_SERS",), "protocol data block", "OB")
_ECHO_SPACING = Private(0x0043, 0x2C, _PARAMETERS, "effective echo spacing", "SS")
_ASSET = Private(0x0043, 0x83, _PARAMETERS, "asset R factors", "DS")
_MULTIBAND = Private(0x0043, 0xB6, _PARAMETERS, "multiband parameters", "LO")
_DELAY = Private(0x0043, 0x7C, _PARAMETERS, "group delay", "FL")
_DURATION = Private(0x0019, 0x5A, _ACQUISITION, "acquisition duration", "FL")
_RTIA = Private(0x0021, 0x5E, ("GEMS_RELA",), "RTIA timer", "DS")
MAX_PROTOCOL = 1 << 20
_LINE = re.compile(r'^[ \t]*(?:set[ \t]+)?(\w+)[ \t]+"([^"\n]*)"', re.MULTILINE)
_RTIA_UNITS_S = (1.0, 1e-4)
"""Seconds, or (software 14) tenths of a millisecond."""
TOLERANCE_S = 1e-3


def read_protocol(raw: bytes) -> dict[str, str]:
    """Read a protocol data block: a length, then gzip of lines ``NAME "value"``.

    Returns an empty dict where it is no such thing, or grows beyond 1 MB. Newer software stores XML there,
    which is not read.
    """
    if len(raw) < 8:
        return {}
    (length,) = struct.unpack_from("<I", raw)
    machine = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        text = machine.decompress(raw[4 : 4 + length], MAX_PROTOCOL)
    except zlib.error:
        return {}
    return dict(_LINE.findall(text.decode("latin-1")))


def protocol_of(elements: Elements) -> Mapping[str, str]:
    """Protocol of an instance; empty where it has none that can be read."""
    found = elements.private(PROTOCOL)
    return read_protocol(found.value) if found is not None and isinstance(found.value, bytes) else {}


def group_delay_s(elements: Elements) -> Fact[float] | None:
    """Pause after each volume (0043,xx7C), in seconds, which Repetition Time does not count."""
    return positive(elements.private_number(_DELAY))


def duration_s(elements: Elements) -> Fact[float] | None:
    """Acquisition duration (0019,xx5A), in microseconds in the header."""
    found = positive(elements.private_number(_DURATION))
    return Fact(found.value * 1e-6, found.source) if found else None


def multiband_factor(elements: Elements) -> Fact[int] | None:
    """First of (0043,xxB6), where it is more than one."""
    text = elements.private_text(_MULTIBAND)
    first = text.value.split("\\")[0].strip() if text else ""
    return Fact(int(first), text.source) if text and first.isdigit() and int(first) > 1 else None


def phase_encoding(elements: Elements, axis: Fact[str], steps: Fact[int] | None, lines: int) -> PhaseEncoding:
    """Polarity, echo spacing and acceleration.

    Total readout time is (ceil(steps / R / round) · round - 1) · echo spacing, with round 2, or 4 with
    partial Fourier (GE/README.md, "Total Readout Time").
    """
    spacing = positive(elements.private_number(_ECHO_SPACING))
    factor = positive(elements.private_number(_ASSET))
    options = (elements.text("ScanOptions") or Fact("", "")).value.split("\\")
    readout = effective = None
    if spacing is not None and steps is not None and lines > 1:
        step = 4 if "PFF" in options else 2
        rows = math.ceil(round(steps.value * (factor.value if factor else 1.0) / step, 4)) * step
        source = ", ".join(f.source for f in (spacing, steps, factor) if f)
        readout = Fact((rows - 1) * spacing.value * 1e-6, source)
        effective = Fact(readout.value / (lines - 1), source)
    return PhaseEncoding(
        axis=axis,
        polarity=_polarity(elements, axis.value),
        steps=steps,
        echo_spacing_s=Fact(spacing.value * 1e-6, spacing.source) if spacing else None,
        effective_echo_spacing_s=effective,
        total_readout_time_s=readout,
        in_plane_acceleration=Fact(1 / factor.value, factor.source) if factor else None,
        multiband_factor=multiband_factor(elements),
    )


def _polarity(elements: Elements, axis: str) -> Fact[int] | None:
    """LINEAR runs toward higher row numbers, REVERSE_LINEAR back; for rows no source tells."""
    order = elements.text("RectilinearPhaseEncodeReordering")
    if order is None or axis != "j" or order.value not in ("LINEAR", "REVERSE_LINEAR"):
        return None
    return Fact(1 if order.value == "LINEAR" else -1, order.source)


def times_of_volume(volume: Sequence[Elements], repetition_s: float) -> Fact[tuple[float, ...]] | None:
    """Excitation times of the slices of one volume, by Trigger Time or the RTIA timer.

    Parameters
    ----------
    volume
        Elements of each slice, of the second volume where there is one: timers of the first are wrong in
        some software.

    Returns
    -------
    Fact or None
        Seconds after the first; None where no timer runs, or none fits in the repetition.
    """
    for wanted, units in ((None, (1e-3,)), (_RTIA, _RTIA_UNITS_S)):
        found = [e.number("TriggerTime") if wanted is None else e.private_number(wanted) for e in volume]
        values = [f.value for f in found if f is not None]
        source = next((f.source for f in found if f is not None), "")
        if len(values) != len(volume) or len(set(values)) < 2:
            continue
        for unit in units:
            times = tuple(round((v - min(values)) * unit, 6) for v in values)
            if max(times) <= repetition_s + TOLERANCE_S and max(times) > repetition_s / 100:
                return Fact(times, source)
    return None


def times_by_protocol(
    elements: Elements, ranks: Sequence[int], repetition_s: float
) -> Fact[tuple[float, ...]] | None:
    """Excitation times by the protocol's slice order, evenly over the repetition.

    For EPI time series without simultaneous slices. Interleaved (SLICEORDER 1) takes every other slice,
    then those between.

    Parameters
    ----------
    ranks
        Number of each slice in the order of their Instance Numbers, one a k.
    repetition_s
        Without the group delay, in which nothing is acquired.
    """
    found = protocol_of(elements)
    order, count = found.get("SLICEORDER"), len(ranks)
    is_series = "EPI" in found.get("IOPT", "") and found.get("NOSLC") == str(count)
    if order not in ("0", "1") or not is_series or multiband_factor(elements) or count < 2:
        return None
    numbers = [*range(count)] if order == "0" else [*range(0, count, 2), *range(1, count, 2)]
    places = {number: place for place, number in enumerate(numbers)}
    element = elements.private(PROTOCOL)
    source = source_of(element, "protocol SLICEORDER") if element is not None else ""
    return Fact(tuple(round(places[r] * repetition_s / count, 6) for r in ranks), source)
