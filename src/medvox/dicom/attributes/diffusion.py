"""Diffusion weighting of each volume, in patient and image space."""

from __future__ import annotations

from collections.abc import Callable

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
ToPatient = Callable[[Slice, NDArray[np.float64], int], NDArray[np.float64] | None]


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
    rising = _rising(stack)
    directions = [_direction(v, rising) for v in volumes]
    kinds = tuple(v.facts.directionality for v in volumes)
    found = Diffusion(Fact(tuple(b for b in b_values if b is not None), source[0]), directionality=kinds)
    notes = _notes(volumes, directions, where)
    if any(d is not None for d in directions):
        axes = image_axes(volumes[0].orientation)
        lps = tuple(None if d is None else _vector(d) for d in directions)
        image = tuple(None if d is None else _vector(axes @ d) for d in directions)
        found = Diffusion(
            found.b_values_s_mm2, Fact(lps, source[1]), Fact(image, source[1]), directionality=kinds
        )
    return found, notes


def image_axes(orientation: tuple[float, ...]) -> NDArray[np.float64]:
    """(3, 3): unit vectors of i, j and k of a stored stack in LPS, one a row (k along row × column)."""
    row, column = np.asarray(orientation[:3], float), np.asarray(orientation[3:], float)
    normal = np.cross(row, column)
    axes: NDArray[np.float64] = np.stack([v / np.linalg.norm(v) for v in (row, column, normal)])
    return axes


def _rising(stack: Stack) -> int:
    """1 where Instance Numbers rise with k, -1 where they fall."""
    first, last = stack.slices[0].facts.instance_number, stack.slices[stack.count - 1].facts.instance_number
    return -1 if first is not None and last is not None and last < first else 1


def _direction(s: Slice, rising: int) -> NDArray[np.float64] | None:
    """Unit vector in LPS; None where the volume has no direction, or it cannot be told."""
    gradient = np.asarray(s.facts.gradient, float)
    if len(gradient) != 3 or not s.facts.b_value or s.facts.directionality == "ISOTROPIC":
        return None
    length = float(np.linalg.norm(gradient))
    if length < _SHORTEST:
        return None
    patient = _frame_of(s)(s, gradient / length, rising)
    return None if patient is None else patient / np.linalg.norm(patient)


def _frame_of(s: Slice) -> ToPatient:
    """In which frame a vendor gives directions: the patient's by the standard (PS3.3 C.8.13.5.9)."""
    header = s.header
    if tags.PER_FRAME_FUNCTIONAL_GROUPS in header:
        return _from_patient
    if ge.is_ge(header):
        return _from_logical
    if united_imaging.is_uih(header) or canon.in_image_space(header):
        return _from_image
    return _from_patient


def _from_patient(_: Slice, gradient: NDArray[np.float64], __: int) -> NDArray[np.float64]:
    return gradient


def _from_image(s: Slice, gradient: NDArray[np.float64], _: int) -> NDArray[np.float64]:
    result: NDArray[np.float64] = image_axes(s.orientation).T @ gradient
    return result


def _from_logical(s: Slice, gradient: NDArray[np.float64], rising: int) -> NDArray[np.float64] | None:
    in_image = ge.image_direction(
        s.header, (float(gradient[0]), float(gradient[1]), float(gradient[2])), rising
    )
    return None if in_image is None else _from_image(s, np.asarray(in_image), 1)


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
) -> tuple[Finding, ...]:
    notes = []
    traces = [n for n, v in enumerate(volumes) if v.facts.directionality == "ISOTROPIC"]
    if traces and len(volumes) > 1:
        text = (
            f"Volumes {', '.join(str(n + 1) for n in traces)} of {len(volumes)} are isotropic (trace) images"
        )
        notes.append(Finding("derived-volume", Level.INFO, where, text, "PS3.3 C.8.13.5.9"))
    lost = [
        n
        for n, (v, d) in enumerate(zip(volumes, directions, strict=True))
        if d is None and v.facts.b_value and any(v.facts.gradient) and n not in traces
    ]
    if lost:
        text = f"{len(lost)} gradient directions cannot be placed in the patient: {ge.WHY_NOT}"
        notes.append(Finding("odd-attribute", Level.WARNING, where, text))
    return tuple(notes)
