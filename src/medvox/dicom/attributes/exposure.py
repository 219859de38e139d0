"""X-ray exposure and contrast agents."""

from __future__ import annotations

from medvox.core.acquisition import Contrast, CtExposure, Fact
from medvox.dicom.elements.facts import Elements, positive, scaled
from medvox.dicom.times import seconds_of_day

_X_RAY = frozenset({"CT", "DX", "CR", "MG", "XA", "RF"})
_DAY_S = 86_400.0


def ct_exposure(elements: Elements) -> CtExposure | None:
    """Exposure and reconstruction of an X-ray image (PS3.3 C.8.2.1, C.8.15.3).

    None for other modalities and where nothing is told. Exposure is given in mAs or, where whole numbers are
    too coarse, in µAs (0018,1153); enhanced images have exposure time and current in ms and mA as decimals.
    """
    if (elements.text("Modality") or Fact("", "")).value not in _X_RAY:
        return None
    found = CtExposure(
        tube_voltage_kv=positive(elements.number("KVP")),
        tube_current_ma=positive(elements.number("XRayTubeCurrentInmA", "XRayTubeCurrent")),
        exposure_time_ms=positive(elements.number("ExposureTimeInms", "ExposureTime")),
        exposure_mas=_exposure(elements),
        ctdi_vol_mgy=positive(elements.number("CTDIvol")),
        spiral_pitch=positive(elements.number("SpiralPitchFactor")),
        reconstruction_diameter_mm=positive(elements.number("ReconstructionDiameter")),
        gantry_tilt_deg=elements.number("GantryDetectorTilt"),
        filter_kind=elements.text("FilterType"),
        kernel=elements.text("ConvolutionKernel"),
    )
    return found if found != CtExposure() else None


def _exposure(elements: Elements) -> Fact[float] | None:
    found = positive(elements.number("ExposureInmAs", "Exposure"))
    return found or scaled(positive(elements.number("ExposureInuAs")), 1e-3)


def contrast(elements: Elements) -> Contrast | None:
    """Contrast agent (PS3.3 C.7.6.4, C.7.6.4b); None where none is stated."""
    inside = elements.inside("ContrastBolusAgentSequence")
    found = Contrast(
        agent=elements.text("ContrastBolusAgent") or inside.text("CodeMeaning"),
        phase=elements.text("ContrastBolusAgentPhase"),
        route=elements.text("ContrastBolusRoute"),
        volume_ml=positive(elements.number("ContrastBolusVolume")),
        total_dose_ml=positive(elements.number("ContrastBolusTotalDose")),
        flow_rate_ml_s=positive(elements.number("ContrastFlowRate")),
        delay_s=_delay(elements),
    )
    return found if found != Contrast() else None


def _delay(elements: Elements) -> Fact[float] | None:
    """Seconds from Contrast/Bolus Start Time to Acquisition Time, over midnight where it is later."""
    start, taken = elements.text("ContrastBolusStartTime"), elements.text("AcquisitionTime")
    begin = seconds_of_day(start.value) if start else None
    end = seconds_of_day(taken.value) if taken else None
    if start is None or taken is None or begin is None or end is None:
        return None
    passed = (end - begin) % _DAY_S
    if passed > _DAY_S / 2:  # acquired before the injection
        return None
    return Fact(round(passed, 6), f"{start.source}, {taken.source}")
