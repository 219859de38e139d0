"""Headers of slices and frames, and the page that explains findings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medvox.core.finding import EXPLANATIONS
from medvox.core.study import HeaderElement
from medvox.server.image.headers import of_frame
from medvox.server.session import ViewerSession
from medvox.testing import dicom_builder as build
from medvox.workflows.open_folder import scan
from server.conftest import Live, running


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    values = np.zeros((4, 8, 9), np.int16)
    places = [(0, 0, z) for z in (0, 2, 4, 9)]
    build.save(build.stack(values, modality="MR", positions_mm=places), tmp_path / "in")
    session = ViewerSession(lambda paths, progress: scan(list(paths), progress=progress), [tmp_path / "in"])
    assert session.wait(30)
    with running(session, tmp_path) as found:
        yield found


def test_the_header_of_a_slice_is_that_of_its_file(live: Live):
    (image_id,) = live.session.catalog.images
    positions = []
    for k in range(4):
        header = live.json(f"/images/{image_id}/header", params={"k": k})
        lines = {line["keyword"]: line for line in header["elements"] if line["depth"] == 0}
        positions.append(float(lines["ImagePositionPatient"]["value"].split("\\")[2]))
        assert header["frame"] is None
        assert lines["PatientName"]["may_identify"]
        assert lines["Rows"]["name"] == "Rows"
        assert lines["Rows"]["vr_name"] == "Unsigned Short"
        assert lines["SOPClassUID"]["meaning"] == "MR Image Storage"
    assert positions == [0, 2, 4, 9]


def test_findings_carry_their_explanation_and_lead_to_the_page(live: Live):
    (image_id,) = live.session.catalog.images
    (finding,) = [f for f in live.json(f"/images/{image_id}")["findings"] if f["code"] == "uneven-spacing"]
    assert finding["explanation"] == EXPLANATIONS["uneven-spacing"]
    page, _, anchor = finding["help_url"].partition("#")
    answer = live.client.get(page)
    assert answer.status_code == 200
    assert f'<section id="{anchor}">' in answer.text
    assert all(f'id="{code}"' in answer.text for code in EXPLANATIONS)
    assert "http" not in answer.text  # nothing from outside


def line(keyword: str, depth: int, value: str = "") -> HeaderElement:
    return HeaderElement("", "", keyword, value, depth)


def test_of_a_frame_only_its_own_item_is_shown():
    lines = (
        line("SharedFunctionalGroupsSequence", 0),
        line("Item", 1),
        line("shared", 2),
        line("PerFrameFunctionalGroupsSequence", 0),
        line("Item", 1, "1 of 2"),
        line("first", 2),
        line("Item", 1, "2 of 2"),
        line("FrameContentSequence", 2),
        line("Item", 3),
        line("second", 4),
        line("PixelData", 0),
    )
    shown = [one.keyword for one in of_frame(lines, 2)]
    assert shown == [one.keyword for n, one in enumerate(lines) if n not in (4, 5)]
