"""Positron emission tomography: what was injected, when, and how values were corrected.

Which time values are decay-corrected to follows the vendor-neutral description of SUV by the QIBA
FDG-PET/CT profile: with Decay Correction START the series time, unless it was moved by a later processing
to after the acquisition; with ADMIN the injection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from medvox.core.acquisition import Fact, Pet
from medvox.core.finding import Finding, Level
from medvox.dicom.elements.facts import Elements, positive, scaled, source_of
from medvox.dicom.slices import Slice
from medvox.dicom.times import days_between, seconds_of_date_time, seconds_of_day

_DAY_S = 86_400.0
_LEAST_DOSE_BQ = 1e5
_LONGEST_HALF_LIVES = 12
"""Nobody measures what has decayed this often: the date of the injection must be wrong."""
REFERENCE = "PS3.3 C.8.9.1.1.5"


def pet(elements: Elements, slices: Sequence[Slice], where: str) -> tuple[Pet | None, tuple[Finding, ...]]:
    """PET attributes (PS3.3 C.8.9.1, C.8.9.2, C.8.22); None for other modalities.

    Parameters
    ----------
    slices
        In C order of volume and k.

    Returns
    -------
    Pet or None
    findings
        What was assumed about dates, and what keeps the decay from being told.
    """
    if (elements.text("Modality") or Fact("", "")).value != "PT":
        return None, ()
    inside = elements.inside("RadiopharmaceuticalInformationSequence")
    dose, doubts = _dose(inside, where)
    found = Pet(
        units=elements.text("Units"),
        suv_kind=elements.text("SUVType"),
        tracer=_tracer(inside),
        radionuclide=_meaning(inside, "RadionuclideCodeSequence"),
        half_life_s=positive(inside.number("RadionuclideHalfLife")),
        positron_fraction=positive(inside.number("RadionuclidePositronFraction")),
        injected_dose_bq=dose,
        decay_correction=elements.text("DecayCorrection"),
        decay_factors=_each(slices, "DecayFactor"),
        frame_durations_s=_seconds(_each(slices, "ActualFrameDuration")),
        frame_reference_times_s=_seconds(_each(slices, "FrameReferenceTime")),
        corrections=_corrections(elements),
        attenuation_method=elements.text("AttenuationCorrectionMethod"),
        scatter_method=elements.text("ScatterCorrectionMethod"),
        randoms_method=elements.text("RandomsCorrectionMethod"),
        reconstruction_method=elements.text("ReconstructionMethod"),
        weight_kg=positive(elements.number("PatientWeight")),
        height_m=positive(elements.number("PatientSize")),
    )
    timed, notes = _timed(found, elements, inside, where)
    return timed, (*doubts, *notes)


def _tracer(inside: Elements) -> Fact[str] | None:
    return _meaning(inside, "RadiopharmaceuticalCodeSequence") or inside.text("Radiopharmaceutical")


def _meaning(inside: Elements, keyword: str) -> Fact[str] | None:
    sequence, found = inside.element(keyword), inside.inside(keyword).text("CodeMeaning", "CodeValue")
    return Fact(found.value, source_of(sequence)) if found and sequence else None


def _dose(inside: Elements, where: str) -> tuple[Fact[float] | None, tuple[Finding, ...]]:
    """Radionuclide Total Dose: Bq in PET (PS3.3 C.8.9.2), MBq in nuclear medicine, and in some PET files."""
    found = positive(inside.number("RadionuclideTotalDose"))
    if found is None or found.value >= _LEAST_DOSE_BQ:
        return found, ()
    text = f"A dose of {found.value:g} Bq is too small for an image: taken for MBq"
    return scaled(found, 1e6), (_odd(where, text),)


def _corrections(elements: Elements) -> Fact[tuple[str, ...]] | None:
    found = elements.text("CorrectedImage")
    return Fact(tuple(found.value.split("\\")), found.source) if found else None


def _each(slices: Sequence[Slice], keyword: str) -> Fact[tuple[float, ...]] | None:
    """Value of each slice, from the headers; None where one has none."""
    from pydicom.datadict import tag_for_keyword

    tag = tag_for_keyword(keyword) or 0
    values = [s.header.number(tag) for s in slices]
    known = tuple(v for v in values if v is not None)
    return (
        Fact(known, f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {keyword}") if len(known) == len(values) else None
    )


def _seconds(fact: Fact[tuple[float, ...]] | None) -> Fact[tuple[float, ...]] | None:
    return Fact(tuple(round(v / 1000, 9) for v in fact.value), fact.source) if fact else None


# -- times --------------------------------------------------------------------------------------


def _timed(found: Pet, elements: Elements, inside: Elements, where: str) -> tuple[Pet, tuple[Finding, ...]]:
    day = (elements.text("SeriesDate") or elements.text("StudyDate") or Fact("", "")).value
    series = _clock(elements, "SeriesDate", "SeriesTime", day)
    taken = _clock(elements, "AcquisitionDate", "AcquisitionTime", day)
    injected, notes = _injection(inside, found, series, day, where)
    stated = _stated_reference(elements, day)
    reference, more = (stated, ()) if stated else _reference(found, series, taken, injected, where)
    passed = None
    if reference is not None and injected is not None:
        source = ", ".join(dict.fromkeys((injected.source, reference.source)))
        passed = Fact(round(reference.value - injected.value, 6), source)
    timed = replace(
        found,
        injection_s=injected,
        series_s=series,
        acquisition_s=taken,
        decay_reference_s=reference,
        decay_from_injection_s=passed,
    )
    return timed, (*notes, *more)


def _clock(elements: Elements, date: str, time: str, day: str) -> Fact[float] | None:
    """Seconds after midnight of the series' day."""
    when, clock = elements.text(date), elements.text(time)
    seconds = seconds_of_day(clock.value) if clock else None
    if clock is None or seconds is None:
        return None
    days = days_between(day, when.value) if when else 0
    return Fact(seconds + _DAY_S * (days or 0), clock.source)


def _injection(
    inside: Elements, found: Pet, series: Fact[float] | None, day: str, where: str
) -> tuple[Fact[float] | None, tuple[Finding, ...]]:
    """Start Date Time (0018,1078), else Start Time (0018,1072), on the day before where it is later."""
    stated = inside.text("RadiopharmaceuticalStartDateTime")
    seconds = seconds_of_date_time(stated.value, day) if stated else None
    half_life = found.half_life_s.value if found.half_life_s else None
    if stated is not None and seconds is not None:
        passed = series.value - seconds if series else 0.0
        if passed >= 0 and (half_life is None or passed <= _LONGEST_HALF_LIVES * half_life):
            return Fact(seconds, stated.source), ()
    clock = inside.text("RadiopharmaceuticalStartTime")
    time = seconds_of_day(clock.value) if clock else None
    if clock is None or time is None:
        if stated is None or seconds is None:
            return None, ()
        text = "The date of the injection does not fit the series; the time of day is used"
        return _before(Fact(seconds % _DAY_S, stated.source), series, where, (_odd(where, text),))
    return _before(Fact(time, clock.source), series, where, ())


def _before(
    injected: Fact[float], series: Fact[float] | None, where: str, notes: tuple[Finding, ...]
) -> tuple[Fact[float], tuple[Finding, ...]]:
    if series is None or injected.value <= series.value:
        return injected, notes
    text = "The injection is later in the day than the series: taken for the day before"
    return Fact(injected.value - _DAY_S, injected.source), (*notes, _odd(where, text))


def _stated_reference(elements: Elements, day: str) -> Fact[float] | None:
    """Decay Correction DateTime of enhanced images (PS3.3 C.8.22.1)."""
    found = elements.text("DecayCorrectionDateTime")
    seconds = seconds_of_date_time(found.value, day) if found else None
    return Fact(seconds, found.source) if found and seconds is not None else None


def _reference(
    found: Pet,
    series: Fact[float] | None,
    taken: Fact[float] | None,
    injected: Fact[float] | None,
    where: str,
) -> tuple[Fact[float] | None, tuple[Finding, ...]]:
    """Time to which values are decay-corrected; None without correction or where it is not told."""
    kind = found.decay_correction.value if found.decay_correction else ""
    if kind == "ADMIN":
        return injected, ()
    if kind != "START" or series is None:
        return None, ()
    if taken is None or series.value <= taken.value + 1.0:
        return series, ()
    text = "Series Time is later than Acquisition Time: to which time the decay is corrected is not known"
    return None, (_odd(where, text),)


def _odd(where: str, text: str) -> Finding:
    return Finding("odd-attribute", Level.WARNING, where, text, REFERENCE)
