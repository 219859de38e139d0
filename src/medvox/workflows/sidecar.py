"""Sidecars of converted images: dcm2niix's JSON keys and units, and FSL's b-values and b-vectors.

Keys follow the BIDS specification (MRI and PET metadata) where it has one, as dcm2niix writes them. Without
identity nothing is written that tells who the patient is or where the scanner stands.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from medvox.core.acquisition import Acquisition, Diffusion, Fact
from medvox.core.affine import direction
from medvox.core.grid import Grid
from medvox.core.study import Image, Series
from medvox.dicom.attributes import analysis_attributes

IDENTITY = frozenset(
    {
        "AcquisitionTime", "DeviceSerialNumber", "InstitutionAddress", "InstitutionName",
        "InstitutionalDepartmentName", "ProcedureStepDescription", "SeriesInstanceUID", "StationName",
        "StudyDescription", "StudyInstanceUID",
    }
)  # fmt: skip
"""Keys that are written with identity only."""
Key = tuple[str, Fact[Any] | None]


def sidecar_fields(
    series: Series, image: Image, written: Grid | None = None, *, keep_identity: bool = False
) -> dict[str, Any]:
    """Fields of an image's JSON sidecar that come from its header.

    Parameters
    ----------
    written
        Grid of the volume as it is written: phase encoding and slice timing follow its order of voxels. By
        default that of the image as stored.
    keep_identity
        Whether to add the keys of `IDENTITY`.

    Returns
    -------
    dict
        Empty for images that are not DICOM.

    Raises
    ------
    MedvoxError
        If the header cannot be read any more.
    """
    if series.format != "DICOM" or not image.instances:
        return {}
    sources = image.open().known_provenance.sources
    frame = sources[0].frame if sources else 1
    found: dict[str, Any] = dict(analysis_attributes(image.instances[0].file, frame, identity=keep_identity))
    known = image.acquisition()
    order = _order(image.grid, written or image.grid)
    for key, fact in (*_mr(known), *_philips(known)):
        if fact is not None:
            found[key] = fact.value
    found.update(_pet(known, image.grid.shape[0]))
    found.update(_phase_encoding(known, image.grid, order))
    found.update(_slice_timing(known, order))
    if keep_identity and series.uid:
        found["SeriesInstanceUID"] = series.uid
    return found


def bval_bvec(series: Series, image: Image, written: Grid | None = None) -> tuple[str, str] | None:
    """Texts of the .bval and .bvec files of a diffusion image, as FSL reads them.

    b-vectors are along the voxel axes of the written file; FSL takes the first axis to run from right to
    left, so its sign changes where the NIfTI matrix has a positive determinant (FSL, FDT FAQ: "What
    conventions do the bvecs use?"). Volumes without a direction have 0 0 0.

    Parameters
    ----------
    written
        Grid of the volume as it is written; by default that of the image as stored.

    Returns
    -------
    tuple of str, or None
        None where the image has no diffusion axis, or directions cannot be placed in the patient.
    """
    if series.format != "DICOM" or not image.axes or image.axes[0] != "diffusion":
        return None
    found = image.acquisition().diffusion
    if found is None or found.directions_lps is None or len(found.b_values_s_mm2.value) != image.shape[0]:
        return None
    vectors = fsl_vectors(found, written or image.grid)
    rows = [" ".join(f"{v:.6g}" for v in row) for row in (found.b_values_s_mm2.value, *vectors.T.tolist())]
    return rows[0] + "\n", "\n".join(rows[1:]) + "\n"


def fsl_vectors(found: Diffusion, written: Grid) -> NDArray[np.float64]:
    """(volumes, 3) b-vectors along i, j and k of a grid in FSL's convention."""
    vectors = np.zeros((len(found.b_values_s_mm2.value), 3))
    axes = direction(written.affine)[:, ::-1].T  # unit vectors of i, j, k in LPS, one a row
    for n, vector in enumerate(found.directions_lps.value if found.directions_lps else ()):
        if vector is not None:
            vectors[n] = axes @ vector
    if np.linalg.det(axes) > 0:  # the same for RAS: two signs change
        vectors[:, 0] = -vectors[:, 0]
    return np.round(vectors, 6) + 0.0  # no -0


# -- order of voxels ----------------------------------------------------------------------------


def _order(stored: Grid, written: Grid) -> tuple[tuple[int, int], ...]:
    """For each stored axis (k, j, i) the written axis that it became, and 1 or -1 where it was turned."""
    turns = np.linalg.solve(written.affine[:3, :3], stored.affine[:3, :3])
    found = []
    for column in turns.T:
        axis = int(np.abs(column).argmax())
        found.append((axis, 1 if column[axis] > 0 else -1))
    return tuple(found)


def _phase_encoding(known: Acquisition, stored: Grid, order: tuple[tuple[int, int], ...]) -> dict[str, Any]:
    """PhaseEncodingDirection where the polarity is known, else PhaseEncodingAxis; sizes along it."""
    phase = known.phase_encoding
    if phase is None or phase.axis is None:
        return {}
    stored_axis = "kji".index(phase.axis.value)
    axis, turned = order[stored_axis]
    letter = "kji"[axis]
    found: dict[str, Any] = {"ReconMatrixPE": stored.shape[stored_axis]}
    if phase.polarity is None:
        return found | {"PhaseEncodingAxis": letter}
    return found | {"PhaseEncodingDirection": letter + ("" if phase.polarity.value * turned > 0 else "-")}


def _slice_timing(known: Acquisition, order: tuple[tuple[int, int], ...]) -> dict[str, Any]:
    if known.slice_timing is None:
        return {}
    axis, turned = order[0]
    times = list(known.slice_timing.times_s.value)
    found: dict[str, Any] = {"SliceTiming": times if turned > 0 else times[::-1]}
    return found if axis == 0 else found | {"SliceEncodingDirection": "kji"[axis]}


# -- keys ---------------------------------------------------------------------------------------


def _mr(known: Acquisition) -> tuple[Key, ...]:
    mr, phase = known.mr, known.phase_encoding
    keys: tuple[Key, ...] = ()
    if mr is not None:
        keys = (
            ("ImagingFrequency", mr.imaging_frequency_mhz),
            ("DwellTime", mr.dwell_time_s),
            ("AcquisitionDuration", mr.acquisition_duration_s),
            ("PartialFourier", mr.partial_fourier),
            ("DelayTime", mr.volume_delay_s),
        )
    if phase is None:
        return keys
    return (
        *keys,
        ("AcquisitionMatrixPE", phase.steps),
        ("BandwidthPerPixelPhaseEncode", phase.bandwidth_per_pixel_hz),
        ("EffectiveEchoSpacing", phase.effective_echo_spacing_s),
        ("DerivedVendorReportedEchoSpacing", phase.echo_spacing_s if phase.bandwidth_per_pixel_hz else None),
        ("TotalReadoutTime", phase.total_readout_time_s),
        ("EstimatedEffectiveEchoSpacing", phase.estimated_echo_spacing_s),
        ("EstimatedTotalReadoutTime", phase.estimated_readout_time_s),
        ("WaterFatShift", phase.water_fat_shift_px),
        ("PhaseEncodingDirectionDisplayed", phase.displayed),
        ("ParallelReductionFactorInPlane", phase.in_plane_acceleration),
        ("MultibandAccelerationFactor", phase.multiband_factor),
    )


def _pet(known: Acquisition, slices: int) -> dict[str, Any]:
    """What PET adds; times and factors as one value a volume, that of its first slice."""
    if known.pet is None:
        return {}
    pet = known.pet
    facts = (
        ("TracerName", pet.tracer),
        ("TracerRadionuclide", pet.radionuclide),
        ("InjectedRadioactivity", pet.injected_dose_bq),
        ("ScatterCorrectionMethod", pet.scatter_method),
        ("RandomsCorrectionMethod", pet.randoms_method),
    )
    found: dict[str, Any] = {key: fact.value for key, fact in facts if fact is not None}
    if pet.injected_dose_bq is not None:
        found["InjectedRadioactivityUnits"] = "Bq"
    lists = (
        ("DecayFactor", pet.decay_factors),
        ("FrameDuration", pet.frame_durations_s),
        ("FrameReferenceTime", pet.frame_reference_times_s),
    )
    return found | {key: list(fact.value[::slices]) for key, fact in lists if fact is not None}


def _philips(known: Acquisition) -> tuple[Key, ...]:
    """Philips' scalings; without a precise one there are none to tell apart."""
    lines = known.scalings
    if lines is None or lines.precise is None or lines.display is None:
        return ()
    display, precise, world = lines.display, lines.precise, lines.real_world
    slope = display.value.slope
    keys: tuple[Key, ...] = (
        ("PhilipsRescaleSlope", Fact(slope, display.source)),
        ("PhilipsRescaleIntercept", Fact(display.value.intercept, display.source)),
        ("PhilipsScaleSlope", Fact(1 / precise.value.slope, precise.source)),
    )
    if world is None:
        return keys
    return (
        *keys,
        ("PhilipsRWVSlope", Fact(world.value.slope, world.source)),
        ("PhilipsRWVIntercept", Fact(world.value.intercept, world.source)),
    )
