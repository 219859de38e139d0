"""Magnetic resonance: contrast, timing, phase encoding."""

from __future__ import annotations

import math

from medvox.core.acquisition import Fact, MrAcquisition, PhaseEncoding
from medvox.dicom.elements.facts import Elements, positive, scaled
from medvox.dicom.header import Header
from medvox.dicom.vendors import ge, ge_timing, philips, siemens, siemens_timing, united_imaging

_WATER_FAT_PPM = 3.4
"""Chemical shift of fat against water."""


def mr_acquisition(elements: Elements, header: Header) -> MrAcquisition | None:
    """Contrast and timing of an MR image (PS3.3 C.8.3.1, C.8.13.5); None for other modalities."""
    if (elements.text("Modality") or Fact("", "")).value != "MR":
        return None
    is_siemens = siemens.is_siemens(header)
    frequency = positive(elements.number("ImagingFrequency", "TransmitterFrequency"))
    if frequency is not None and frequency.value > 1e6:  # United Imaging writes hertz
        frequency = scaled(frequency, 1e-6)
    return MrAcquisition(
        kind=elements.text("MRAcquisitionType"),
        field_strength_t=positive(elements.number("MagneticFieldStrength")),
        imaging_frequency_mhz=frequency,
        echo_time_ms=positive(elements.number("EffectiveEchoTime", "EchoTime")),
        echo_number=elements.whole("EchoNumbers"),
        repetition_time_ms=positive(elements.number("RepetitionTime")),
        inversion_time_ms=positive(elements.number("InversionTimes", "InversionTime")),
        flip_angle_deg=elements.number("FlipAngle"),
        echo_train_length=elements.whole("EchoTrainLength"),
        averages=elements.number("NumberOfAverages"),
        pixel_bandwidth_hz=positive(elements.number("PixelBandwidth")),
        dwell_time_s=siemens_timing.dwell_time_s(elements) if is_siemens else None,
        acquisition_duration_s=_duration(elements, header),
        volume_delay_s=_delay(elements, header),
        partial_fourier=siemens_timing.partial_fourier(elements) if is_siemens else None,
    )


def _delay(elements: Elements, header: Header) -> Fact[float] | None:
    if ge.is_ge(header):
        return ge_timing.group_delay_s(elements)
    return siemens_timing.delay_s(elements) if siemens.is_siemens(header) else None


def _duration(elements: Elements, header: Header) -> Fact[float] | None:
    if ge.is_ge(header):
        return ge_timing.duration_s(elements)
    return positive(elements.number("AcquisitionDuration"))


def phase_encoding(elements: Elements, header: Header, size: tuple[int, int]) -> PhaseEncoding | None:
    """Phase encoding; None where the header does not tell its axis.

    Parameters
    ----------
    size
        Rows and columns of a slice: of its tile where frames hold several.
    """
    stated = elements.text("InPlanePhaseEncodingDirection")
    word = stated.value[:3].upper() if stated else ""
    if stated is None or word not in ("ROW", "COL"):
        return None
    axis = Fact("i" if word == "ROW" else "j", stated.source)
    lines = size[1] if word == "ROW" else size[0]
    steps = acquired_steps(elements, word)
    if siemens.is_siemens(header):
        return siemens_timing.phase_encoding(elements, axis, steps, lines)
    if ge.is_ge(header):
        return ge_timing.phase_encoding(elements, axis, steps, lines)
    if philips.is_philips(header):
        return _philips(elements, axis, steps, lines)
    if united_imaging.is_uih(header):
        return united_imaging.phase_encoding(elements, axis, steps)
    return PhaseEncoding(axis=axis, steps=steps, in_plane_acceleration=acceleration(elements))


def acceleration(elements: Elements) -> Fact[float] | None:
    """Parallel Reduction Factor In-plane, where it is more than none."""
    return positive(elements.number("ParallelReductionFactorInPlane"))


def acquired_steps(elements: Elements, word: str) -> Fact[int] | None:
    """Phase encoding steps: Acquisition Matrix (0018,1310), else the public counts of steps.

    The matrix is (frequency rows, frequency columns, phase rows, phase columns), two of them 0
    (PS3.3 C.8.3.1).
    """
    matrix = elements.numbers("AcquisitionMatrix")
    if matrix is not None and len(matrix.value) == 4:
        rows, columns = matrix.value[2:]
        found = (columns or rows) if word == "COL" else (rows or columns)
        if found > 0:
            return Fact(int(found), matrix.source)
    return elements.whole("MRAcquisitionPhaseEncodingStepsInPlane", "NumberOfPhaseEncodingSteps")


def _philips(elements: Elements, axis: Fact[str], steps: Fact[int] | None, lines: int) -> PhaseEncoding:
    """Axis, and estimates from the water-fat shift: polarity and exact times are not in Philips' headers."""
    shift = philips.water_fat_shift_px(elements)
    frequency = positive(elements.number("ImagingFrequency", "TransmitterFrequency"))
    frequency = frequency or philips.imaging_frequency_mhz(elements)
    train = elements.whole("EchoTrainLength")
    readout = spacing = None
    if shift and frequency and train and train.value > 0 and lines > 1:
        source = ", ".join(dict.fromkeys((shift.source, frequency.source, train.source)))
        seconds = shift.value / (frequency.value * _WATER_FAT_PPM * (train.value + 1)) * train.value
        if math.isfinite(seconds) and seconds > 0:
            readout, spacing = Fact(seconds, source), Fact(seconds / (lines - 1), source)
    return PhaseEncoding(
        axis=axis,
        steps=steps,
        water_fat_shift_px=shift,
        estimated_echo_spacing_s=spacing,
        estimated_readout_time_s=readout,
        in_plane_acceleration=acceleration(elements),
    )
