"""Acquisition: how an image was made, as far as its header tells; what analysis needs, typed.

Every value is a `Fact` with the element that it came from, or None where the header does not tell: nothing
is guessed. Units are in the names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from medvox.core.finding import Finding

T = TypeVar("T")

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Fact(Generic[T]):
    """One value and where it came from.

    Parameters
    ----------
    value
        The value.
    source
        The elements that tell it, ``"(0018,0081) EchoTime"``; of a computed value those it is made of.
    """

    value: T
    source: str


@dataclass(frozen=True, slots=True)
class MrAcquisition:
    """Magnetic resonance: field, contrast and timing.

    Parameters
    ----------
    kind
        ``"2D"`` or ``"3D"``.
    repetition_time_ms
        As stated; of a three-dimensional acquisition the time of a line.
    volume_delay_s
        Pause after each volume (BIDS DelayTime). Siemens' Repetition Time counts it, GE's does not.
    dwell_time_s
        Time between samples of the readout.
    partial_fourier
        Fraction of k-space that was acquired along the phase encoding, 0.5 to 1.
    """

    kind: Fact[str] | None = None
    field_strength_t: Fact[float] | None = None
    imaging_frequency_mhz: Fact[float] | None = None
    echo_time_ms: Fact[float] | None = None
    echo_number: Fact[int] | None = None
    repetition_time_ms: Fact[float] | None = None
    inversion_time_ms: Fact[float] | None = None
    flip_angle_deg: Fact[float] | None = None
    echo_train_length: Fact[int] | None = None
    averages: Fact[float] | None = None
    pixel_bandwidth_hz: Fact[float] | None = None
    dwell_time_s: Fact[float] | None = None
    acquisition_duration_s: Fact[float] | None = None
    volume_delay_s: Fact[float] | None = None
    partial_fourier: Fact[float] | None = None


@dataclass(frozen=True, slots=True)
class PhaseEncoding:
    """Phase encoding of an MR image, in the order of the stored pixels.

    Parameters
    ----------
    axis
        ``"i"`` where the phase runs along a row (ROW), ``"j"`` along a column (COLUMN).
    polarity
        1 where it runs toward higher indices of that axis, -1 toward lower ones.
    displayed
        Direction as the console shows it (UIH ``"A->P"``); its polarity is not that of the gradient.
    steps
        Size of the acquired matrix along the axis.
    echo_spacing_s
        Time between lines as they were acquired.
    effective_echo_spacing_s
        Time between lines of the reconstructed image, acceleration counted (BIDS EffectiveEchoSpacing).
    total_readout_time_s
        FSL's: from the middle of the first to the middle of the last line of the reconstructed image.
    estimated_echo_spacing_s, estimated_readout_time_s
        The same, estimated from the water-fat shift (Philips), whose meaning is not published.
    multiband_factor
        Slices that are excited at once.
    """

    axis: Fact[str] | None = None
    polarity: Fact[int] | None = None
    displayed: Fact[str] | None = None
    steps: Fact[int] | None = None
    bandwidth_per_pixel_hz: Fact[float] | None = None
    echo_spacing_s: Fact[float] | None = None
    effective_echo_spacing_s: Fact[float] | None = None
    total_readout_time_s: Fact[float] | None = None
    estimated_echo_spacing_s: Fact[float] | None = None
    estimated_readout_time_s: Fact[float] | None = None
    water_fat_shift_px: Fact[float] | None = None
    in_plane_acceleration: Fact[float] | None = None
    multiband_factor: Fact[int] | None = None


@dataclass(frozen=True, slots=True)
class SliceTiming:
    """When the slices of one volume were excited.

    Parameters
    ----------
    times_s
        Seconds after the first excitation of the volume, one a slice, in the order of k.
    """

    times_s: Fact[tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Diffusion:
    """Diffusion weighting of each volume, in the order of the diffusion axis.

    Parameters
    ----------
    b_values_s_mm2
        One a volume.
    directions_lps
        Unit vector in patient space (LPS), one a volume; None for a volume without a direction: b = 0, or an
        isotropic (trace) image. The field itself is None where directions are given that cannot be placed in
        the patient; a finding says why.
    directions_image
        The same as components along i, j and k of the stored grid.
    directionality
        ``"NONE"``, ``"DIRECTIONAL"``, ``"ISOTROPIC"``, ``"BMATRIX"`` (PS3.3 C.8.13.5.9) or empty where it is
        not told.
    """

    b_values_s_mm2: Fact[tuple[float, ...]]
    directions_lps: Fact[tuple[Vector | None, ...]] | None = None
    directions_image: Fact[tuple[Vector | None, ...]] | None = None
    directionality: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CtExposure:
    """X-ray exposure and reconstruction of a CT or a projection."""

    tube_voltage_kv: Fact[float] | None = None
    tube_current_ma: Fact[float] | None = None
    exposure_time_ms: Fact[float] | None = None
    exposure_mas: Fact[float] | None = None
    ctdi_vol_mgy: Fact[float] | None = None
    spiral_pitch: Fact[float] | None = None
    reconstruction_diameter_mm: Fact[float] | None = None
    gantry_tilt_deg: Fact[float] | None = None
    filter_kind: Fact[str] | None = None
    kernel: Fact[str] | None = None


@dataclass(frozen=True, slots=True)
class Contrast:
    """Contrast agent.

    Parameters
    ----------
    phase
        As an enhanced image states it, ``"PRE_CONTRAST"``, ``"POST_CONTRAST"``, … (PS3.3 C.7.6.4b); classic
        images have no attribute for it.
    delay_s
        From the start of the injection to the acquisition of the first slice.
    """

    agent: Fact[str] | None = None
    phase: Fact[str] | None = None
    route: Fact[str] | None = None
    volume_ml: Fact[float] | None = None
    total_dose_ml: Fact[float] | None = None
    flow_rate_ml_s: Fact[float] | None = None
    delay_s: Fact[float] | None = None


@dataclass(frozen=True, slots=True)
class Pet:
    """Positron emission: what was injected, when, and what values mean.

    Times are seconds after midnight of the series' date, so that an injection on the day before is negative.

    Parameters
    ----------
    units
        Units (0054,1001) as stored: ``"BQML"``, ``"CNTS"``, ``"GML"``.
    decay_correction
        ``"NONE"``, ``"START"`` or ``"ADMIN"`` (PS3.3 C.8.9.1.1.5).
    decay_reference_s
        Time to which values are corrected.
    decay_from_injection_s
        From the injection to the decay reference; what an SUV needs.
    decay_factors, frame_durations_s, frame_reference_times_s
        One a slice, in C order of volume and k.
    """

    units: Fact[str] | None = None
    suv_kind: Fact[str] | None = None
    tracer: Fact[str] | None = None
    radionuclide: Fact[str] | None = None
    half_life_s: Fact[float] | None = None
    positron_fraction: Fact[float] | None = None
    injected_dose_bq: Fact[float] | None = None
    injection_s: Fact[float] | None = None
    series_s: Fact[float] | None = None
    acquisition_s: Fact[float] | None = None
    decay_correction: Fact[str] | None = None
    decay_reference_s: Fact[float] | None = None
    decay_from_injection_s: Fact[float] | None = None
    decay_factors: Fact[tuple[float, ...]] | None = None
    frame_durations_s: Fact[tuple[float, ...]] | None = None
    frame_reference_times_s: Fact[tuple[float, ...]] | None = None
    corrections: Fact[tuple[str, ...]] | None = None
    attenuation_method: Fact[str] | None = None
    scatter_method: Fact[str] | None = None
    randoms_method: Fact[str] | None = None
    reconstruction_method: Fact[str] | None = None
    weight_kg: Fact[float] | None = None
    height_m: Fact[float] | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One way from stored values to values: value = slope · stored + intercept, in a unit."""

    slope: float
    intercept: float
    unit: str


@dataclass(frozen=True, slots=True)
class Scalings:
    """Ways from stored values to values that the header gives, for the first slice.

    Parameters
    ----------
    display
        Modality rescale (PS3.3 C.11.1.1.2): the one that is used unless another is asked for.
    precise
        Philips' precise value.
    real_world
        Real-world value mapping (PS3.3 C.7.6.16.2.11).
    activity, suv
        Philips' PET factors.
    """

    display: Fact[Line] | None = None
    precise: Fact[Line] | None = None
    real_world: Fact[Line] | None = None
    activity: Fact[Line] | None = None
    suv: Fact[Line] | None = None


@dataclass(frozen=True, slots=True)
class Acquisition:
    """What the header of one image tells for analysis; None for a topic of which it tells nothing.

    Parameters
    ----------
    findings
        What is odd about the attributes, or keeps one from being told.
    """

    mr: MrAcquisition | None = None
    phase_encoding: PhaseEncoding | None = None
    slice_timing: SliceTiming | None = None
    diffusion: Diffusion | None = None
    ct: CtExposure | None = None
    contrast: Contrast | None = None
    pet: Pet | None = None
    scalings: Scalings | None = None
    findings: tuple[Finding, ...] = ()
