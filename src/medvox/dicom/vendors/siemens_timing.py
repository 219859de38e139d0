"""Siemens: protocol, phase encoding, readout.

Sources: notes of dcm2niix on Siemens files (neurolabusc/dcm2niix, Siemens/README.md); the text protocol
between ``### ASCCONV BEGIN`` and ``END`` that nibabel's documentation describes ("ASCCONV format"). XA
software has no CSA header; what it held lies in private blocks of group 0021.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from medvox.core.acquisition import Fact, PhaseEncoding
from medvox.core.errors import FormatError
from medvox.dicom.elements.facts import Elements, Private, positive, source_of
from medvox.dicom.vendors.siemens import read_csa

_MR_HEADER = ("SIEMENS MR HEADER",)
_CSA = ("SIEMENS CSA HEADER",)
_XA_IMAGE, _XA_SERIES = ("SIEMENS MR SDI",), ("SIEMENS MR SDS",)
CSA_IMAGE = Private(0x0029, 0x10, _CSA, "CSA image header", "OB")
CSA_SERIES = Private(0x0029, 0x20, _CSA, "CSA series header", "OB")
_BANDWIDTH = (
    Private(0x0019, 0x28, _MR_HEADER, "BandwidthPerPixelPhaseEncode", "FD"),
    Private(0x0021, 0x53, _XA_IMAGE, "BandwidthPerPixelPhaseEncode", "FD"),
)
_DWELL = (
    Private(0x0019, 0x18, _MR_HEADER, "RealDwellTime", "IS"),
    Private(0x0021, 0x42, _XA_IMAGE, "RealDwellTime", "IS"),
)
_XA_POSITIVE = Private(0x0021, 0x1C, _XA_IMAGE, "PhaseEncodingDirectionPositive", "IS")
_XA_PROTOCOL = Private(0x0021, 0x19, _XA_SERIES, "MrPhoenixProtocol", "OB")
_XA_IMAGE_ITEM = Private(0x0021, 0xFE, _XA_IMAGE, "", "SQ")
_XA_SERIES_ITEM = Private(0x0021, 0xFE, _XA_SERIES, "", "SQ")
_ASCCONV = re.compile(r"### ASCCONV BEGIN[^\n]*\n(.*?)### ASCCONV END ###", re.DOTALL)
_ASSIGNMENT = re.compile(r"^[ \t]*([\w.\[\]]+)[ \t]*=[ \t]*([^\n]*)", re.MULTILINE)
_FRACTIONS = {1: 0.5, 2: 0.625, 4: 0.75, 8: 0.875, 16: 1.0}
"""ucPhasePartialFourier: 4/8, 5/8, 6/8, 7/8 and off."""


@lru_cache(maxsize=8)
def protocol(text: str) -> Mapping[str, str]:
    r"""Assignments of the protocol's last ASCCONV part: name -> value, quotes removed.

    Examples
    --------
    >>> protocol("### ASCCONV BEGIN ###\nsPat.lAccelFactPE = 2\n### ASCCONV END ###")
    mappingproxy({'sPat.lAccelFactPE': '2'})
    """
    parts = _ASCCONV.findall(text)
    found = {name: value.strip(' \t\r"') for name, value in _ASSIGNMENT.findall(parts[-1])} if parts else {}
    return MappingProxyType(found)


def protocol_of(elements: Elements) -> Mapping[str, str]:
    """Protocol of an instance, from the CSA series header or XA's (0021,xx19); empty where it has none."""
    raw = _bytes(elements, CSA_SERIES)
    if raw:
        csa = csa_of(elements, CSA_SERIES)
        return protocol(next(iter(csa.get("MrPhoenixProtocol", csa.get("MrProtocol", ()))), ""))
    raw = _bytes(_inside(elements, _XA_SERIES_ITEM), _XA_PROTOCOL)
    return protocol(raw.decode("latin-1")) if raw else {}


def csa_of(elements: Elements, wanted: Private = CSA_IMAGE) -> Mapping[str, tuple[str, ...]]:
    """CSA header of an instance; empty where it has none that can be read."""
    raw = _bytes(elements, wanted)
    try:
        return _csa(raw) if len(raw) >= 12 else {}
    except FormatError:
        return {}


@lru_cache(maxsize=8)
def _csa(raw: bytes) -> Mapping[str, tuple[str, ...]]:
    return MappingProxyType(read_csa(raw))


def _bytes(elements: Elements, wanted: Private) -> bytes:
    found = elements.private(wanted)
    return found.value if found is not None and isinstance(found.value, bytes) else b""


def _inside(elements: Elements, wanted: Private) -> Elements:
    """Elements of the first item of a private sequence (XA); none where it is absent."""
    found = elements.private(wanted)
    is_sequence = found is not None and found.VR == "SQ" and found.value
    return Elements(elements.data, (found.value[0],) if found is not None and is_sequence else ())


def _number(elements: Elements, wanted: tuple[Private, ...], csa_name: str) -> Fact[float] | None:
    """Value from the private element, in its block or in XA's item, else from the CSA header."""
    inside = _inside(elements, _XA_IMAGE_ITEM)
    for private in wanted:
        found = elements.private_number(private) or inside.private_number(private)
        if found:
            return positive(found)
    values = csa_of(elements).get(csa_name, ())
    try:
        return positive(Fact(float(values[0]), _csa_source(elements, csa_name))) if values else None
    except ValueError:
        return None


def _csa_source(elements: Elements, name: str) -> str:
    element = elements.private(CSA_IMAGE)
    return source_of(element, f"CSA {name}") if element is not None else f"CSA {name}"


def _protocol_source(elements: Elements, name: str) -> str:
    for place, wanted in ((elements, CSA_SERIES), (_inside(elements, _XA_SERIES_ITEM), _XA_PROTOCOL)):
        found = place.private(wanted)
        if found is not None:
            return source_of(found, f"protocol {name}")
    return f"protocol {name}"


def dwell_time_s(elements: Elements) -> Fact[float] | None:
    """Time between samples: RealDwellTime, in nanoseconds."""
    found = _number(elements, _DWELL, "RealDwellTime")
    return Fact(found.value * 1e-9, found.source) if found else None


def partial_fourier(elements: Elements) -> Fact[float] | None:
    """Fraction of k-space along the phase encoding, from the protocol's ucPhasePartialFourier."""
    name = "sKSpace.ucPhasePartialFourier"
    code = whole(protocol_of(elements).get(name, ""))
    return Fact(_FRACTIONS[code], _protocol_source(elements, name)) if code in _FRACTIONS else None


def delay_s(elements: Elements) -> Fact[float] | None:
    """Pause after each volume: the protocol's lDelayTimeInTR, in microseconds; Repetition Time counts it."""
    found = _from_protocol(elements, "lDelayTimeInTR")
    return Fact(found.value * 1e-6, found.source) if found else None


def whole(text: str) -> int | None:
    """Whole number of a protocol, decimal or hexadecimal.

    Examples
    --------
    >>> whole("0x10")
    16
    """
    try:
        return int(text, 0)
    except ValueError:
        return None


def phase_encoding(elements: Elements, axis: Fact[str], steps: Fact[int] | None, lines: int) -> PhaseEncoding:
    """Polarity, echo spacing and acceleration.

    PhaseEncodingDirectionPositive 1 means toward higher indices of the stored pixels. The bandwidth per
    pixel is that of the reconstructed image, so that 1 / (bandwidth · lines) is the effective spacing.

    Parameters
    ----------
    lines
        Lines of the reconstructed image along the phase encoding.
    """
    bandwidth = _number(elements, _BANDWIDTH, "BandwidthPerPixelPhaseEncode")
    spacing = readout = acquired = None
    factor = _from_protocol(elements, "sPat.lAccelFactPE")
    if bandwidth is not None and lines > 1:
        spacing = Fact(1 / (bandwidth.value * lines), bandwidth.source)
        readout = Fact(spacing.value * (lines - 1), bandwidth.source)
        if factor is not None:
            acquired = Fact(spacing.value * factor.value, f"{bandwidth.source}, {factor.source}")
    return PhaseEncoding(
        axis=axis,
        polarity=_polarity(elements),
        steps=steps,
        bandwidth_per_pixel_hz=bandwidth,
        echo_spacing_s=acquired,
        effective_echo_spacing_s=spacing,
        total_readout_time_s=readout,
        in_plane_acceleration=factor,
        multiband_factor=_multiband(elements),
    )


def _polarity(elements: Elements) -> Fact[int] | None:
    xa = _inside(elements, _XA_IMAGE_ITEM).private_whole(_XA_POSITIVE)
    if xa is None:
        values = csa_of(elements).get("PhaseEncodingDirectionPositive", ())
        number = whole(values[0]) if values else None
        if number is None:
            return None
        xa = Fact(number, _csa_source(elements, "PhaseEncodingDirectionPositive"))
    return Fact(1 if xa.value else -1, xa.source) if xa.value in (0, 1) else None


def _from_protocol(elements: Elements, name: str) -> Fact[float] | None:
    number = whole(protocol_of(elements).get(name, ""))
    return Fact(float(number), _protocol_source(elements, name)) if number and number > 0 else None


def _multiband(elements: Elements) -> Fact[int] | None:
    found = _from_protocol(elements, "sSliceAcceleration.lMultiBandFactor")
    return Fact(int(found.value), found.source) if found and found.value > 1 else None
