"""A node's pages: the list of the archive's studies, opening one, remote nodes, status."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from browser.conftest import STATIC, stop
from browser.driver import Viewer
from server.archive_node import data_set, part10

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def node_url() -> Iterator[str]:
    """Address of a node in front of a synthetic archive."""
    if not (STATIC / "index.html").is_file():
        pytest.skip("the web client is not built: type ./dev web")
    command = [sys.executable, str(HERE / "archive_server.py")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    yield process.stdout.readline().strip()
    stop(process)


@pytest.fixture
def page(chromium: Browser, node_url: str) -> Iterator[Page]:
    """A fresh page with the list; fails the test on any script error."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(node_url)
    page.locator("tr[data-study]").first.wait_for()
    yield page
    context.close()
    assert errors == []


def studies(page: Page) -> list[str]:
    return page.locator("tr[data-study]").evaluate_all("rows => rows.map(row => row.dataset.study)")


def wait_for_studies(page: Page, expected: list[str]) -> None:
    for _ in range(100):
        if studies(page) == expected:
            return
        page.wait_for_timeout(50)
    assert studies(page) == expected


def fits(page: Page) -> bool:
    """Whether the page is as wide as the window."""
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_list_shows_who_when_and_what(page: Page) -> None:
    row = page.locator('tr[data-study="1.2.3.3"]')
    text = row.inner_text()
    for part in ("Müller, Hans Peter", "Q-77", "1960-01-01", "2026-05-15", "CT", "Knee left", "B-9"):
        assert part in text
    assert "Research use, not for diagnosis" in page.locator("footer").inner_text()
    assert fits(page)


def test_a_study_is_found_opened_shown_and_left_again(page: Page) -> None:
    page.get_by_label("Patient name").fill("doe ja")
    wait_for_studies(page, ["1.2.3.1", "1.2.3.2"])
    page.locator('tr[data-study="1.2.3.1"]').click()
    viewer = Viewer(page)
    viewer.wait_loaded()
    viewer.settle()
    assert "study=1.2.3.1" in page.url
    assert page.locator("[data-image]").count() == 2
    assert viewer.gray("axial", *(side / 2 - 20 for side in viewer.size("axial"))) > 100
    assert viewer.gray("axial", 20, viewer.size("axial")[1] / 2 + 30) < 10
    page.get_by_role("button", name="Studies", exact=True).click()
    wait_for_studies(page, ["1.2.3.1", "1.2.3.2"])
    assert page.get_by_label("Patient name").input_value() == "doe ja"
    assert page.locator('tr[data-study="1.2.3.1"]').evaluate("e => e === document.activeElement")


def test_the_browsers_back_and_a_reload_keep_the_place(page: Page) -> None:
    page.locator('tr[data-study="1.2.3.2"]').click()
    viewer = Viewer(page)
    viewer.wait_loaded()
    page.wait_for_timeout(400)
    address = page.url
    page.go_back()
    page.locator("tr[data-study]").first.wait_for()
    page.go_forward()
    viewer.wait_loaded()
    page.reload()
    viewer.wait_loaded()
    assert page.url == address
    page.get_by_role("button", name="Studies", exact=True).click()
    page.locator('tr[data-study="1.2.3.3"]').click()
    viewer.wait_loaded()
    assert "Müller, Hans Peter" in page.locator(".study-patient").all_inner_texts()
    assert "Doe, Jane" not in page.locator("body").inner_text()


def test_the_keyboard_goes_from_the_search_to_a_study_and_back(page: Page) -> None:
    page.get_by_label("Description").fill("abdomen")
    wait_for_studies(page, ["1.2.3.2"])
    page.keyboard.press("Escape")
    page.get_by_label("Description").fill("")
    page.get_by_label("Patient name").fill("jane")
    wait_for_studies(page, ["1.2.3.1", "1.2.3.2"])
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    viewer = Viewer(page)
    viewer.wait_loaded()
    assert viewer.get("study") == "1.2.3.2"
    page.keyboard.press("s")
    wait_for_studies(page, ["1.2.3.1", "1.2.3.2"])


def test_every_field_narrows_the_list(page: Page) -> None:
    page.get_by_label("Modality").select_option("MR")
    wait_for_studies(page, ["1.2.3.2"])
    page.get_by_role("button", name="Clear").click()
    page.get_by_label("From").fill("2026-01-01")
    wait_for_studies(page, ["1.2.3.3", "1.2.3.1"])
    page.get_by_label("To", exact=True).fill("2026-02-01")
    wait_for_studies(page, ["1.2.3.1"])
    page.get_by_label("Patient ID").fill("nobody")
    page.get_by_text("No study matches").wait_for()


def test_pages_go_on_and_back(page: Page) -> None:
    first = studies(page)
    assert len(first) == 50
    page.get_by_role("button", name="Older").click()
    page.get_by_text("Studies 51 to").wait_for()
    assert not set(first) & set(studies(page))
    page.get_by_role("button", name="Newer").click()
    wait_for_studies(page, first)


def test_series_unfold_without_opening_the_study(page: Page) -> None:
    page.locator('tr[data-study="1.2.3.1"]').get_by_role("button", name="Show series").click()
    page.locator(".series-row").nth(1).wait_for()
    assert "Head axial" in page.locator(".series-row").first.inner_text()
    assert page.evaluate("medvox.state().page") == "studies"


def test_a_key_hides_the_patients_in_the_list(page: Page) -> None:
    page.locator("tr[data-study]").first.focus()
    page.keyboard.press("h")
    page.get_by_text("Patient hidden").first.wait_for()
    text = page.locator("table").inner_text()
    for identifying in ("Müller", "Q-77", "1960-01-01", "2026-05-15", "B-9"):
        assert identifying not in text


def test_a_remote_study_is_found_retrieved_with_progress_and_opened(page: Page) -> None:
    page.get_by_role("button", name="Remote nodes").click()
    page.get_by_role("button", name="Echo").first.click()
    page.get_by_text("12 ms").wait_for()
    page.get_by_role("button", name="Search PACS").click()
    row = page.locator('tr[data-remote="1.2.8.1"]')
    row.get_by_role("button", name="Retrieve").click()
    row.get_by_role("progressbar").wait_for()
    row.get_by_role("button", name="Open").wait_for()
    assert "6 / 6" in page.locator("[data-transfer]").first.inner_text()
    assert fits(page)
    row.get_by_role("button", name="Open").click()
    viewer = Viewer(page)
    viewer.wait_loaded()
    assert viewer.get("study") == "1.2.8.1"


def test_a_node_that_does_not_answer_says_so(page: Page) -> None:
    page.get_by_role("button", name="Remote nodes").click()
    page.get_by_role("button", name="Echo").last.click()
    page.get_by_text("the peer cannot be reached").wait_for()


def test_a_study_is_sent_to_a_node(page: Page) -> None:
    page.locator('tr[data-study="1.2.3.2"]').get_by_role("button", name="Send to a node").click()
    page.get_by_role("menuitem", name="PACS").click()
    page.get_by_role("button", name="Status").click()
    item = page.locator("[data-transfer]").filter(has_text="to PACS").first
    item.get_by_text("failed: status A700H").wait_for()


def test_status_shows_failures_and_callers_and_acts_on_them(page: Page) -> None:
    page.get_by_role("button", name="Status").click()
    page.get_by_text("42.9 GB free").wait_for()
    assert "cannot be reached" in page.locator("[data-failure]").inner_text()
    page.get_by_role("button", name="Retry").click()
    page.get_by_text("Nothing has failed.").wait_for()
    page.get_by_role("button", name="Accept").click()
    page.get_by_text("Nobody was refused.").wait_for()
    assert fits(page)


def test_the_worklist_shows_steps_changes_their_status_and_opens_their_images(page: Page) -> None:
    page.get_by_role("button", name="Worklist").click()
    rows = page.locator("[data-step]")
    rows.nth(1).wait_for()
    assert "Head without contrast" in rows.nth(1).inner_text()
    rows.nth(1).get_by_label("Status").select_option("ARRIVED")
    page.wait_for_timeout(300)
    page.reload()
    page.locator("[data-performed]").get_by_text("in progress").wait_for()
    assert rows.nth(1).get_by_label("Status").input_value() == "ARRIVED"
    assert rows.nth(1).get_by_role("button", name="Open").count() == 0
    rows.nth(0).get_by_role("button", name="Open").click()
    viewer = Viewer(page)
    viewer.wait_loaded()
    assert viewer.get("study") == "1.2.3.1"


@pytest.mark.parametrize("tab", ["Studies", "Worklist", "Remote nodes", "Status"])
def test_nothing_overflows_a_small_window(page: Page, tab: str) -> None:
    page.set_viewport_size({"width": 900, "height": 600})
    page.get_by_role("button", name=tab, exact=True).click()
    page.wait_for_timeout(300)
    assert fits(page)


def test_dropped_files_come_into_the_archive(page: Page) -> None:
    content = base64.b64encode(part10(data_set("1.2.9.9", name="Drop^Ped", date="20270101"))).decode()
    data = page.evaluate_handle(
        """content => { const d = new DataTransfer();
        const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
        d.items.add(new File([bytes], 'a.dcm')); return d; }""",
        content,
    )
    page.dispatch_event("body", "drop", {"dataTransfer": data})
    page.locator('tr[data-study="1.2.9.9"]').wait_for()
