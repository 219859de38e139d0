"""The header browser before the real server: a DICOM series and a NIfTI file, as `medvox open` shows them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import pytest

from browser.conftest import opened
from browser.driver import Viewer
from medvox.core.finding import EXPLANATIONS
from medvox.testing import dicom_builder as build

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Locator

DEPTHS = (0, 5, 10, 15, 22, 29)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An unevenly spaced MR with private elements, and a NIfTI file."""
    folder = tmp_path_factory.mktemp("headers")
    ramp = np.indices((6, 48, 64)).sum(axis=0).astype(np.int16)
    slices = build.stack(
        ramp, modality="MR", positions_mm=[(0, 0, d) for d in DEPTHS], PatientName="ROE^RICHARD"
    )
    for one in slices:
        block = one.private_block(0x0043, "GEMS_PARM_01", create=True)
        block.add_new(0x39, "IS", [1000000050, 8, 0, 0])
    build.save(slices, folder / "mr")
    image = nib.Nifti1Image(ramp.T[:, :, :4], np.diag([-1, -1, 2, 1]))
    image.header["descrip"] = b"phantom of ROE"
    nib.save(image, folder / "plain.nii.gz")
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """Address of `medvox open` on the folder."""
    with opened(folder) as found:
        yield found


@pytest.fixture
def page(chromium: Browser, address: str) -> Iterator[Viewer]:
    """A page with the header panel open."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    viewer = Viewer(context.new_page())
    refused: list[str] = []
    viewer.page.on("console", lambda m: refused.append(m.text) if m.type == "error" else None)
    viewer.page.goto(address)
    viewer.wait_loaded()
    viewer.page.keyboard.press("d")
    yield viewer
    context.close()
    assert refused == []


def panel_of(viewer: Viewer) -> Locator:
    return viewer.page.get_by_label("Header", exact=True)


def open_series(viewer: Viewer, label: str) -> Locator:
    """Open the image of a series whose row holds a text; return the panel."""
    row = viewer.page.locator(".series", has_text=label).first
    viewer.open(row.get_attribute("data-image") or "")
    panel = panel_of(viewer)
    panel.locator("tbody tr").first.wait_for()
    return panel


def test_identity_is_marked_and_hidden(page: Viewer) -> None:
    panel = open_series(page, "MR")
    name = panel.locator('tr[data-tag="(0010,0010)"]')
    name.get_by_text("ROE^RICHARD").wait_for()
    assert name.get_attribute("data-identifying") == "true"
    assert "emptied" in (name.locator(".chip.identifying").get_attribute("title") or "")
    assert panel.locator('tr[data-tag="(0028,0010)"]').get_attribute("data-identifying") == "false"
    page.page.keyboard.press("h")
    name.get_by_text("hidden").wait_for()
    assert "ROE" not in panel.inner_text()


def test_search_finds_the_private_creator_and_its_elements(page: Viewer) -> None:
    panel = open_series(page, "MR")
    panel.get_by_label("Search the header").fill("gems_parm")
    rows = panel.locator("tbody tr")
    assert rows.count() == 2
    assert "GE: parameters" in rows.nth(0).inner_text()
    assert "1000000050" in rows.nth(1).inner_text()
    assert rows.nth(1).get_attribute("data-creator") == "GEMS_PARM_01"


def test_the_header_is_that_of_the_slice_shown(page: Viewer) -> None:
    panel = open_series(page, "MR")
    page.layout("stack")
    for key, depth in (("Home", DEPTHS[0]), ("End", DEPTHS[-1])):
        page.page.keyboard.press(key)
        position = re.compile(rf"\\{depth}(\.0*)?$")
        panel.locator('tr[data-tag="(0020,0032)"]', has_text=position).wait_for()
        assert f"of slice {page.get('slice') + 1}" in panel.inner_text().lower()


def test_a_finding_leads_to_its_explanation(page: Viewer) -> None:
    open_series(page, "MR")
    finding = page.page.locator(".panel .finding", has_text="uneven-spacing")
    assert EXPLANATIONS["uneven-spacing"] in finding.inner_text()
    with page.page.expect_popup() as popup:
        finding.get_by_role("link").click()
    help_page = popup.value
    help_page.wait_for_load_state()
    assert help_page.url.endswith("/help/findings#uneven-spacing")
    assert help_page.url.startswith(page.page.url.split("#")[0].split("?")[0].rstrip("/"))
    assert EXPLANATIONS["uneven-spacing"] in help_page.locator("#uneven-spacing").inner_text()
    assert help_page.locator("section").count() == len(EXPLANATIONS)


def test_a_nifti_header_is_explained_too(page: Viewer) -> None:
    panel = open_series(page, "plain")
    kind = panel.locator('tr[data-tag="datatype"]')
    kind.get_by_text("Type of the values").wait_for()
    assert "int16" in kind.inner_text()
    assert panel.locator('tr[data-tag="descrip"]').get_attribute("data-identifying") == "true"
    panel.get_by_label("Search the header").fill("affine transform")
    assert panel.locator("tbody tr").count() == 4  # three rows of the matrix and what it leads to
