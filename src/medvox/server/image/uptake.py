"""What turns the activity of a PET into a standardized uptake value."""

from __future__ import annotations

from medvox.core.errors import MedvoxError
from medvox.core.study import Image


def suv_factor(image: Image, unit: str) -> float | None:
    """Factor from Bq/ml to SUVbw in g/ml; None where the header does not tell all it takes.

    The activity, decay-corrected to its reference, over the dose that was left at that moment for each
    gram of the body (QIBA FDG-PET/CT profile, "SUV calculation"): weight / (dose · 2^(-t / T)).
    """
    if image.modality != "PT" or unit != "Bq/ml":
        return None
    try:
        pet = image.acquisition().pet
    except MedvoxError:
        return None
    if pet is None:
        return None
    facts = (pet.weight_kg, pet.injected_dose_bq, pet.decay_from_injection_s, pet.half_life_s)
    if any(fact is None for fact in facts):
        return None
    weight_kg, dose_bq, passed_s, half_life_s = (fact.value for fact in facts if fact is not None)
    left_bq = dose_bq * 2.0 ** (-passed_s / half_life_s)
    return 1000.0 * weight_kg / left_bq if left_bq > 0 else None
