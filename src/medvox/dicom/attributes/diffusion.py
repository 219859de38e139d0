"""Diffusion weighting of each volume, in patient and image space."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medvox.core.acquisition import Diffusion, Fact, Vector
from medvox.core.finding import Finding, Level
from medvox.dicom import tags
from medvox.dicom.header import Header
from medvox.dicom.slices import Slice
from medvox.dicom.stacks import DIFFUSION, Stack
from medvox.dicom.vendors import canon, ge, philips, siemens, united_imaging

_SHORTEST = 1e-3
"""A gradient shorter than this has no direction."""
_WHY_NOT = "they are relative to the readout, which is described for transverse slices, head first, supine"


def diffusion(stack: Stack, where: str) -> tuple[Diffusion | None, tuple[Finding, ...]]:
    """Diffusion of an image; None where no volume is weighted.

    Returns
    -------
    Diffusion or None
    findings
        Which volumes are derived (isotropic), and why directions are missing.
    """
    volumes = [stack.slices[n * stack.count] for n in range(stack.lead)] if stack.axis == DIFFUSION else []
    volumes = volumes or [stack.slices[0]]
    b_values = [v.facts.b_value for v in volumes]
    if not stack.placed or None in b_values or not any(b_values):
        return None, ()
    source = _source(volumes[-1].header)
    directions = [_direction(v) for v in volumes]
    kinds = tuple(v.facts.directionality for v in volumes)
    notes, lost = _notes(volumes, directions, where)
    found = Diffusion(Fact(tuple(b for b in b_values if b is not None), source[0]), directionality=kinds)
    if lost:
        return found, notes
    axes = image_axes(volumes[0].orientation)
    lps = tuple(None if d is None else _vector(d) for d in directions)
    image = tuple(None if d is None else _vector(axes @ d) for d in directions)
    placed = Fact(lps, source[1]), Fact(image, source[1])
    return Diffusion(found.b_values_s_mm2, *placed, directionality=kinds), notes


def image_axes(orientation: tuple[float, ...]) -> NDArray[np.float64]:
    """(3, 3): unit vectors of i, j and k of a stored stack in LPS, one a row (k along row × column)."""
    row, column = np.asarray(orientation[:3], float), np.asarray(orientation[3:], float)
    normal = np.cross(row, column)
    axes: NDArray[np.float64] = np.stack([v / np.linalg.norm(v) for v in (row, column, normal)])
    return axes


def _direction(s: Slice) -> NDArray[np.float64] | None:
    """Unit vector in LPS; None where the volume has no direction, or it cannot be told."""
    gradient = np.asarray(s.facts.gradient, float)
    if len(gradient) != 3 or not s.facts.b_value or s.facts.directionality == "ISOTROPIC":
        return None
    length = float(np.linalg.norm(gradient))
    if length < _SHORTEST:
        return None
    patient = _to_patient(s, gradient / length)
    return None if patient is None else patient / np.linalg.norm(patient)


def _to_patient(s: Slice, gradient: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Direction in LPS of one in its vendor's frame: by the standard the patient's (PS3.3 C.8.13.5.9)."""
    header, (x, y, z) = s.header, gradient.tolist()
    in_image: Vector | None = (x, y, z)
    if tags.PER_FRAME_FUNCTIONAL_GROUPS in header:
        return gradient
    if ge.is_ge(header):
        in_image = ge.image_direction(header, (x, y, z))
    elif canon.from_comment(header):
        in_image = canon.image_direction(header, (x, y, z))
    elif not united_imaging.is_uih(header):
        return gradient
    return None if in_image is None else image_axes(s.orientation).T @ np.asarray(in_image)


def _vector(values: NDArray[np.float64]) -> Vector:
    x, y, z = (float(round(v, 9)) + 0.0 for v in values)
    return x, y, z


def _source(header: Header) -> tuple[str, str]:
    """Which elements tell b-value and direction, by vendor."""
    if tags.PER_FRAME_FUNCTIONAL_GROUPS in header:
        return "(0018,9087) DiffusionBValue", "(0018,9089) DiffusionGradientOrientation"
    for vendor, ours in (
        (siemens.is_siemens, siemens.diffusion_source),
        (ge.is_ge, ge.diffusion_source),
        (philips.is_philips, philips.diffusion_source),
        (united_imaging.is_uih, united_imaging.diffusion_source),
        (canon.is_canon, canon.diffusion_source),
    ):
        if vendor(header):
            return ours(header)
    return "(0018,9087) DiffusionBValue", "(0018,9089) DiffusionGradientOrientation"


def _notes(
    volumes: list[Slice], directions: list[NDArray[np.float64] | None], where: str
) -> tuple[tuple[Finding, ...], int]:
    """Findings, and how many directions cannot be placed."""
    notes = []
    traces = [n for n, v in enumerate(volumes) if v.facts.directionality == "ISOTROPIC"]
    if traces and len(volumes) > 1:
        names = ", ".join(str(n + 1) for n in traces)
        text = f"Volume {names} of {len(volumes)}: isotropic (trace)"
        notes.append(Finding("derived-volume", Level.INFO, where, text, "PS3.3 C.8.13.5.9"))
    given = [bool(v.facts.b_value) and any(v.facts.gradient) for v in volumes]
    lost = sum(
        has and direction is None and n not in traces
        for n, (has, direction) in enumerate(zip(given, directions, strict=True))
    )
    if lost:
        text = f"{lost} gradient directions cannot be placed in the patient: {_WHY_NOT}"
        notes.append(Finding("odd-attribute", Level.WARNING, where, text))
    return tuple(notes), lost
