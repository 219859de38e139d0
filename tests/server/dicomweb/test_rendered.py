"""Pictures: their greys are those of the standard's windows, computed here on their own."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pytest
import requests
from pydicom import Dataset

from archive_data import EXPLICIT, bare
from medvox.testing.dicom_builder import instance, uid

RAMP = np.arange(32 * 32, dtype=np.int16).reshape(32, 32)


@pytest.fixture
def ramp(served):
    data = instance(RAMP, modality="CT", RescaleSlope=2, RescaleIntercept=-1000)
    served.archive.receive(bare(data), transfer_syntax=EXPLICIT)
    return (
        f"{served.base}/studies/{uid('study')}/series/{uid('study/series')}/instances/{data.SOPInstanceUID}"
    )


def png(url: str, **parameters: object) -> np.ndarray:
    answer = requests.get(url, params=parameters, headers={"Accept": "image/png"}, timeout=20)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "image/png"
    return imagecodecs.png_decode(answer.content)


def linear(values: np.ndarray, center: float, width: float) -> np.ndarray:
    """PS3.3 C.11.2.1.2.1, word for word."""
    shown = ((values - (center - 0.5)) / (width - 1) + 0.5) * 255
    shown[values <= center - 0.5 - (width - 1) / 2] = 0
    shown[values > center - 0.5 + (width - 1) / 2] = 255
    return np.rint(shown)


def test_window_is_that_of_the_standard(ramp):
    values = RAMP * 2.0 - 1000
    np.testing.assert_array_equal(png(f"{ramp}/rendered", window="40,400,linear"), linear(values, 40, 400))
    exact = np.rint(np.clip((values - 0) / 500 + 0.5, 0, 1) * 255)
    np.testing.assert_array_equal(png(f"{ramp}/frames/1/rendered", window="0,500,linear-exact"), exact)


def test_window_of_the_file_comes_first(served):
    data = instance(RAMP, modality="CT", WindowCenter=512, WindowWidth=1024)
    served.archive.receive(bare(data), transfer_syntax=EXPLICIT)
    shown = png(f"{served.base}/studies/{uid('study')}/series/{uid('study/series')}/rendered")
    np.testing.assert_array_equal(shown, linear(RAMP.astype(float), 512, 1024))


def test_enhanced_frames_have_windows_of_their_own(served):
    data = instance(np.stack([RAMP, RAMP]), NumberOfFrames=2)
    data.SharedFunctionalGroupsSequence, groups = [Dataset()], []
    for center in (100, 600):
        item, voi = Dataset(), Dataset()
        voi.WindowCenter, voi.WindowWidth = center, 200
        item.FrameVOILUTSequence = [voi]
        groups.append(item)
    data.PerFrameFunctionalGroupsSequence = groups
    served.archive.receive(bare(data), transfer_syntax=EXPLICIT)
    url = f"{served.base}/studies/{uid('study')}/series/{uid('study/series')}/instances/{data.SOPInstanceUID}"
    for number, center in ((1, 100), (2, 600)):
        shown = png(f"{url}/frames/{number}/rendered")
        np.testing.assert_array_equal(shown, linear(RAMP.astype(float), center, 200))


def test_viewport_cuts_mirrors_and_scales(ramp):
    whole = png(f"{ramp}/rendered", window="0,2000")
    part = png(f"{ramp}/rendered", window="0,2000", viewport="8,8,4,2,8,8")
    np.testing.assert_array_equal(part, whole[2:10, 4:12])
    mirrored = png(f"{ramp}/rendered", window="0,2000", viewport="8,8,4,2,-8,8")
    np.testing.assert_array_equal(mirrored, part[:, ::-1])
    assert png(f"{ramp}/rendered", viewport="64,100").shape == (64, 64)
    assert png(f"{ramp}/rendered", viewport="16,64").shape == (16, 16)


def test_color_is_as_stored(served):
    colors = np.random.default_rng(2).integers(0, 255, (20, 30, 3)).astype(np.uint8)
    data = instance(colors, modality="US")
    served.archive.receive(bare(data), transfer_syntax=EXPLICIT)
    shown = png(f"{served.base}/studies/{uid('study')}/series/{uid('study/series')}/rendered")
    np.testing.assert_array_equal(shown, colors)


def test_jpeg_and_thumbnail(ramp):
    answer = requests.get(f"{ramp}/rendered?window=0,2000&quality=95", timeout=20)
    assert answer.headers["Content-Type"] == "image/jpeg"
    expected = linear(RAMP * 2.0 - 1000, 0, 2000)
    assert np.abs(imagecodecs.jpeg8_decode(answer.content) - expected).max() <= 8
    for level in ("", "/series/{}".format(ramp.split("/")[-3])):
        study = ramp.split("/series")[0]
        small = requests.get(f"{study}{level}/thumbnail?viewport=16,16", timeout=20)
        assert imagecodecs.jpeg8_decode(small.content).shape == (16, 16)


def test_several_pictures_are_multipart(served):
    for number in (1, 2, 3):
        served.archive.receive(bare(instance(RAMP, InstanceNumber=number)), transfer_syntax=EXPLICIT)
    url = f"{served.base}/studies/{uid('study')}/rendered"
    answer = requests.get(url, timeout=20)
    assert answer.content.count(b"Content-Type: image/jpeg") == 3
    assert requests.get(url, headers={"Accept": "image/jpeg"}, timeout=20).status_code == 406


@pytest.mark.parametrize(
    "query",
    ["window=1", "window=a,b", "window=1,0", "window=1,2,cubic", "window=nan,1", "viewport=0,1",
     "viewport=99999,1", "viewport=8,8,100,100,4,4", "viewport=1,2,3", "quality=0", "quality=x"],
)  # fmt: skip
def test_malformed_parameters_are_400(ramp, query):
    assert requests.get(f"{ramp}/rendered?{query}", timeout=20).status_code == 400


def test_no_pixels_is_404(served):
    data = instance(None, modality="RTSTRUCT")
    served.archive.receive(bare(data), transfer_syntax=EXPLICIT)
    study = f"{served.base}/studies/{uid('study')}"
    for end in ("rendered", "thumbnail"):
        assert requests.get(f"{study}/{end}", timeout=20).status_code == 404


def test_wado_uri(ramp, served):
    row = next(served.archive.instances())
    named = {"studyUID": row.study_uid, "seriesUID": row.series_uid, "objectUID": row.sop_uid}
    url = f"{served.base}/wado"
    file = requests.get(url, {**named, "requestType": "WADO", "contentType": "application/dicom"}, timeout=20)
    assert file.headers["Content-Type"] == "application/dicom"
    assert file.content == served.archive.read(row)
    picture = {"requestType": "WADO", "contentType": "image/png", "windowCenter": 40, "windowWidth": 400}
    shown = imagecodecs.png_decode(requests.get(url, {**named, **picture}, timeout=20).content)
    np.testing.assert_array_equal(shown, linear(RAMP * 2.0 - 1000, 40, 400))
    assert requests.get(url, named, timeout=20).status_code == 400
    broken = {**named, "requestType": "WADO", "studyUID": "../x"}
    assert requests.get(url, broken, timeout=20).status_code == 400


def test_capabilities_tell_what_is_served(served):
    for answer in (
        requests.get(f"{served.base}/capabilities", timeout=20),
        requests.options(f"{served.base}/studies", timeout=20),
    ):
        told = {one["path"]: one["methods"] for one in answer.json()["resources"]}
        assert set(told["/dicomweb/studies"]) == {"GET", "HEAD", "POST"}
        assert "/dicomweb/wado" in told
