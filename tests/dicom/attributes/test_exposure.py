"""X-ray exposure, contrast agents, and what other modalities do not have."""

import numpy as np
import pytest

from data import data_dir
from dicom.series_data import images, opened, ramp
from medvox.core.acquisition import Acquisition
from medvox.testing import dicom_builder as build
from medvox.workflows.open_folder import scan


def acquisition(folder, *slices):
    (image,) = images(opened(folder, list(slices)))
    return image.acquisition()


def test_a_real_ct_tells_its_exposure():
    """Values as dcmdump and the reference's JSON have them."""
    (found,) = [i.acquisition().ct for i in scan(data_dir("ct_head_ge_tilt")).images() if i.modality == "CT"]
    assert found.tube_voltage_kv.value == 120
    assert found.tube_current_ma.value == 180
    assert found.exposure_time_ms.value == 2000
    assert found.gantry_tilt_deg.value == 18.5
    assert found.kernel.value == "STD+"
    assert found.tube_voltage_kv.source == "(0018,0060) KVP"


@pytest.mark.parametrize(
    ("attributes", "mas"), [({"Exposure": 15}, 15), ({"ExposureInuAs": 2500}, 2.5), ({"Exposure": 0}, None)]
)
def test_exposure_is_in_mas(tmp_path, attributes, mas):
    found = acquisition(tmp_path, *build.stack(ramp(), modality="CT", KVP=100, **attributes)).ct
    assert (found.exposure_mas and found.exposure_mas.value) == mas
    assert found.tube_current_ma is None


def test_enhanced_exposure_is_that_of_the_frame(tmp_path):
    data = build.enhanced(ramp().astype(np.uint16), [(0, 0, 3.0 * k) for k in range(4)], modality="CT")
    shared = data.SharedFunctionalGroupsSequence[0]
    shared.CTXRayDetailsSequence = build.items(KVP=80)
    shared.CTExposureSequence = build.items(XRayTubeCurrentInmA=123.5, ExposureTimeInms=480.25, CTDIvol=7.5)
    shared.CTReconstructionSequence = build.items(ConvolutionKernel=["Br40", "3"])
    shared.ContrastBolusUsageSequence = build.items(ContrastBolusAgentPhase="POST_CONTRAST")
    found = acquisition(tmp_path, data)
    assert found.ct.tube_voltage_kv.value == 80
    assert found.ct.tube_current_ma.value == 123.5
    assert found.ct.exposure_time_ms.value == 480.25
    assert found.ct.ctdi_vol_mgy.value == 7.5
    assert found.ct.kernel.value == "Br40\\3"
    assert found.contrast.phase.value == "POST_CONTRAST"


@pytest.mark.parametrize(
    ("start", "taken", "delay"),
    [
        ("120000", "120035.5", 35.5),
        ("235950", "000020", 30),
        ("120100", "120000", None),
        ("", "120000", None),
    ],
)
def test_contrast_agent_and_delay(tmp_path, start, taken, delay):
    slices = build.stack(
        ramp(),
        modality="CT",
        ContrastBolusAgent="Iomeprol 400",
        ContrastBolusVolume=80,
        ContrastFlowRate=4,
        ContrastBolusStartTime=start,
        AcquisitionTime=taken,
    )
    found = acquisition(tmp_path, *slices).contrast
    assert (found.agent.value, found.volume_ml.value, found.flow_rate_ml_s.value) == ("Iomeprol 400", 80, 4)
    assert (found.delay_s and found.delay_s.value) == delay
    assert found.phase is None


def test_topics_of_other_modalities_are_absent(tmp_path):
    found = acquisition(tmp_path, *build.stack(ramp(), modality="CT"))
    assert (found.mr, found.phase_encoding, found.slice_timing, found.diffusion) == (None,) * 4
    assert (found.pet, found.ct, found.contrast) == (None, None, None)
    assert found.scalings.display.value.unit == "HU"


def test_attributes_are_read_when_they_are_asked_for(tmp_path):
    """Opening a folder must not get slower for them: a file that is gone is noticed at the question only."""
    from medvox.core.errors import MedvoxError

    (image,) = images(opened(tmp_path, build.stack(ramp(), modality="CT", KVP=100)))
    for file in tmp_path.rglob("*.dcm"):
        file.unlink()
    with pytest.raises(MedvoxError):
        image.acquisition()
    assert Acquisition().ct is None
