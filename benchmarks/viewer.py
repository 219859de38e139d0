"""How soon a fresh browser shows a CT of 300 slices over HTTP: our viewer beside OHIF.

Ours stands in front of `medvox serve`; OHIF (`./dev ohif`) in front of Debian's Orthanc with its DICOMweb
plugin, and in front of `medvox serve` too. What counts are pixels read back from canvases, by the same
definitions for all, see `benchmarks.nodes.browser`. Servers are running and warm, the browser is new each
time. WebGL is drawn by software, for all alike.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from benchmarks.harness import Case, Figure
from benchmarks.nodes import browser
from benchmarks.nodes.browser import Seen
from benchmarks.nodes.viewers import STUDY, missing, node, viewers

if TYPE_CHECKING:
    from playwright.sync_api import Playwright

GOALS_FIRST, GOALS_MPR = (3.0, 2.0), (4.0, 1.5)
"""Beside OHIF in front of Orthanc, and in front of our DICOMweb."""
PREVIEW_S, SCRIPT_BYTES, MEMORY_BYTES = 1.0, 1.5e6, 1e9
LIMIT = "the limit"


def _goals(peers: Mapping[str, Any], goals: tuple[float, float]) -> dict[str, float]:
    return {name: goals[0] if "Orthanc" in name else goals[1] for name in peers}


def _memory(playwright: Playwright) -> float:
    """Memory of a browser that shows planes of 512 x 512 x 512."""
    server, token = node(512)
    try:
        address = f"{server.web}/?token={token}#study={STUDY}&layout=mpr"
        return float(browser.look(playwright, address, 3).memory_bytes)
    finally:
        server.stop()


def cases() -> list[Case]:
    """Cases of this benchmark; none where the browser, OHIF or our built client is missing."""
    if lacking := missing():
        print(f"viewer: {lacking}")
        return []
    from playwright.sync_api import sync_playwright

    context = sync_playwright()
    playwright = context.start()
    atexit.register(playwright.stop)
    print(f"{browser.version()}, WebGL by SwiftShader")
    shown, previews = viewers(), list[float]()

    def our_first() -> Seen:
        seen = browser.look(playwright, shown.ours("mpr"), 1, weighs=not previews)
        assert seen.preview_s is not None
        previews.append(seen.preview_s)
        return seen

    def peer(address: Callable[[str], str], protocol: str, canvases: int) -> Callable[[], Seen]:
        return lambda: browser.look(playwright, address(protocol), canvases, *browser.FOREIGN)

    def scripts(results: Mapping[str, Seen]) -> list[Figure]:
        ours = results["ours"].script_gzip_bytes
        return [Figure("programs, gzip", ours, LIMIT, SCRIPT_BYTES, 1.0)]

    def memory(_: Mapping[str, Seen]) -> list[Figure]:
        return [Figure("browser's memory, planes of 512^3", _memory(playwright), LIMIT, MEMORY_BYTES, 1.0)]

    first = {name: peer(address, "", 1) for name, address in shown.ohif.items()}
    planes = {name: peer(address, "mpr", 3) for name, address in shown.ohif.items()}
    preview = iter(previews)
    return [
        Case(
            "first image", our_first, first, _goals(first, GOALS_FIRST),
            lambda seen: all(one.first_image_s() > 0 for one in seen.values()),
            figures=scripts, seconds=Seen.first_image_s,
        ),
        Case(
            "preview picture", lambda: next(preview), {LIMIT: lambda: PREVIEW_S}, {LIMIT: 1.0},
            lambda times: all(one > 0 for one in times.values()), seconds=float,
        ),
        Case(
            "full MPR", lambda: browser.look(playwright, shown.ours("mpr"), 3), planes,
            _goals(planes, GOALS_MPR), lambda seen: all(one.full_mpr_s() > 0 for one in seen.values()),
            figures=memory, seconds=Seen.full_mpr_s,
        ),
    ]  # fmt: skip
