"""The list of studies, progress, adding data, errors."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from browser.conftest import serve, stop
from browser.driver import Viewer

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Route


def test_the_list_shows_every_series_with_picture_modality_and_findings(viewer: Viewer) -> None:
    page = viewer.page
    page.locator("[data-image]").last.wait_for()
    assert page.locator("[data-image]").count() == 9
    item = page.locator('[data-image="ct-head"]')
    assert "CT" in item.inner_text()
    assert "60 slices" in item.inner_text()
    assert "1 finding" in item.inner_text()
    assert item.locator("img").evaluate("e => e.decode().then(() => e.naturalWidth)") > 0
    assert "Doe, Jane" in page.locator(".study-patient").first.inner_text().title()
    assert "10 times" in page.locator('[data-image="mr-4d"]').inner_text()
    assert "24 frames" in page.locator('[data-image="us-cine"]').inner_text()


def test_the_footer_says_research_use_always(viewer: Viewer) -> None:
    for image in ("ct-head", "dx-hand"):
        viewer.open(image)
        assert viewer.page.locator("footer").get_by_text("Research use, not for diagnosis").is_visible()


def test_the_page_asks_no_other_host(chromium: Browser, viewer_url: str) -> None:
    context = chromium.new_context()
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(viewer_url)
    Viewer(page).wait_loaded()
    context.close()
    host = urlsplit(viewer_url).netloc
    foreign = [
        url for url in asked if not url.startswith(("data:", "blob:")) and urlsplit(url).netloc != host
    ]
    assert len(asked) > 5
    assert foreign == []


def test_a_picture_shows_before_the_client_is_loaded(chromium: Browser, viewer_url: str) -> None:
    context = chromium.new_context()
    page = context.new_page()
    held: list[Route] = []
    page.route("**/*.js", lambda route: held.append(route))  # noqa: PLW0108
    page.goto(viewer_url, wait_until="commit")
    page.locator("#boot-picture").wait_for(timeout=5000)
    assert page.locator("#boot-picture").evaluate("e => e.decode().then(() => e.naturalWidth)") > 0
    assert page.evaluate("window.medvox === undefined")
    assert len(held) > 0
    page.unroute_all(behavior="ignoreErrors")
    context.close()


def test_scanning_shows_its_progress_and_then_all_studies(chromium: Browser) -> None:
    process, url = serve("--scan-seconds", "3")
    context = chromium.new_context()
    try:
        page = context.new_page()
        page.goto(url)
        page.locator("[data-scan-progress]").wait_for(timeout=20_000)
        assert "/ 400" in page.locator("[data-scan-progress]").inner_text()
        page.locator('[data-image="dx-hand"]').wait_for(timeout=20_000)
        assert page.locator("[data-scan-progress]").count() == 0
    finally:
        context.close()
        stop(process)


def test_files_can_be_added(viewer: Viewer, tmp_path: Path) -> None:
    file = tmp_path / "brain.nii"
    file.write_bytes(b"\0" * 16)
    viewer.page.locator('input[type="file"]').set_input_files(str(file))
    viewer.page.get_by_text("Added: brain.nii").first.wait_for()


def test_files_can_be_dropped_on_the_page(viewer: Viewer) -> None:
    data = viewer.page.evaluate_handle(
        "() => { const d = new DataTransfer(); d.items.add(new File(['x'], 'dropped.dcm')); return d; }"
    )
    viewer.page.dispatch_event("body", "dragover", {"dataTransfer": data})
    viewer.page.get_by_text("Drop scans to add them").wait_for()
    viewer.page.dispatch_event("body", "drop", {"dataTransfer": data})
    viewer.page.get_by_text("dropped.dcm").first.wait_for()


def test_a_path_can_be_opened_and_a_wrong_one_is_explained(viewer: Viewer) -> None:
    box = viewer.page.get_by_label("Path on the server to open")
    box.fill("/scans/missing")
    box.press("Enter")
    alert = viewer.page.get_by_role("alert").filter(has_text="The folder does not exist")
    alert.wait_for()
    assert "paths[0]" in alert.inner_text()
    assert "Check the path" in alert.inner_text()
    alert.get_by_role("button", name="Dismiss").click()
    assert viewer.get("errors") == []
    box.fill("/scans/good")
    box.press("Enter")
    viewer.page.get_by_text("/scans/good").first.wait_for()


def test_an_image_that_cannot_be_decoded_says_what_where_and_what_to_do(viewer: Viewer) -> None:
    viewer.page.locator('[data-image="ct-broken"]').click()
    alert = viewer.page.get_by_role("alert").filter(has_text="The pixel data end after")
    alert.wait_for()
    assert "slice 1" in alert.inner_text()
    assert "Export the series again" in alert.inner_text()
    viewer.page.locator("[data-cannot-show]").wait_for()
    viewer.open("dx-hand")
    assert viewer.get("errors") == []


@pytest.mark.parametrize("hidden", [False, True])
def test_a_key_hides_the_patient_everywhere(viewer: Viewer, hidden: bool) -> None:
    viewer.open("ct-head")
    if hidden:
        viewer.page.keyboard.press("h")
    text = viewer.page.locator("body").inner_text()
    for identifying in ("MV-0001", "DOE", "1960-01-01", "2024-03-11"):
        assert (identifying in text.upper()) is not hidden
    assert "Institute of Phantoms" in text
