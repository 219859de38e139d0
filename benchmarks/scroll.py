"""100 slice steps through a CT of 300 slices with three planes on the screen: our viewer beside OHIF.

Both pages stay open in a browser of their own and are turned by the wheel over the axial plane, one step
after the other: the next one follows when the canvas shows the slice of the last one. A frame is the time
from the wheel to those pixels.
"""

from __future__ import annotations

import atexit
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.harness import Case
from benchmarks.nodes import browser
from benchmarks.nodes.viewers import missing, viewers

if TYPE_CHECKING:
    from playwright.sync_api import Page, Playwright

STEPS, GOAL = 100, 1 / 0.7
SCROLL = """
async (steps) => {
  const canvas = [...document.querySelectorAll('canvas')].find((c) => {
    const box = c.getBoundingClientRect(); return box.width > 200 && box.height > 200; });
  const box = canvas.getBoundingClientRect(), x = box.x + box.width / 2, y = box.y + box.height / 2;
  const small = document.createElement('canvas'); small.width = small.height = 32;
  const context = small.getContext('2d', { willReadFrequently: true });
  const look = () => {
    context.drawImage(canvas, canvas.width / 2 - 64, canvas.height / 2 - 64, 128, 128, 0, 0, 32, 32);
    return context.getImageData(0, 0, 32, 32).data.join();
  };
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const times = [];
  let down = 1, missed = 0;
  for (let n = 0; n < steps; n++) {
    if (n % 50 === 0) down = -down;
    await frame();
    const before = look(), began = performance.now();
    canvas.dispatchEvent(new WheelEvent('wheel', { deltaY: 100 * down, clientX: x, clientY: y, bubbles: true,
      cancelable: true, view: window }));
    while (look() === before && performance.now() - began < 2000) await frame();
    if (performance.now() - began >= 2000) missed++;
    times.push((performance.now() - began) / 1000);
  }
  return [times, missed];
}
"""


def _opened(playwright: Playwright, address: str, *flags: str) -> Page:
    context = browser.fresh(playwright, *flags)
    page = browser.page_of(context.__enter__())
    atexit.register(context.__exit__, None, None, None)
    page.goto(address, wait_until="commit")
    browser.wait_until_still(page, 3, still_s=6)
    page.evaluate("clearInterval(window.__watching)")
    return page


def _scrolled(page: Page) -> float:
    """Turn the wheel; return the median frame in seconds."""
    times, missed = page.evaluate(SCROLL, STEPS)
    assert missed <= STEPS // 20, f"{missed} of {STEPS} steps showed nothing new"
    return float(median(times))


def cases() -> list[Case]:
    """Cases of this benchmark; none where the browser, OHIF or our built client is missing."""
    if lacking := missing():
        print(f"scroll: {lacking}")
        return []
    from playwright.sync_api import sync_playwright

    playwright = sync_playwright().start()
    atexit.register(playwright.stop)
    print(f"{browser.version()}, WebGL by SwiftShader")
    shown = viewers(is_orthanc_wanted=False)
    ours = _opened(playwright, shown.ours("mpr"))
    ((name, address),) = shown.ohif.items()
    peer = _opened(playwright, address("mpr"), *browser.FOREIGN)
    return [
        Case(
            f"frame of {STEPS} steps, three planes", lambda: _scrolled(ours), {name: lambda: _scrolled(peer)},
            {name: GOAL}, lambda times: all(0 < one < 2 for one in times.values()), seconds=float,
        )
    ]  # fmt: skip
