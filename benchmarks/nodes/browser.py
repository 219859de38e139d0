"""Fresh Chromium processes, and what is really on the canvases of a page at which time.

Nothing is asked of the page's program: a probe that is put into every page copies each canvas, small, every
few milliseconds and reads its pixels. So all viewers are held to the same definitions:

- a row or column of a canvas shows a picture when its gray levels differ by more than `CONTRAST`. The
  phantom is a checkerboard in all three directions, and what has not arrived is flat;
- first image: a canvas whose rows and columns show the picture as they do in the end, to 95 %;
- full MPR: three canvases of planes, all of which do.

Times are seconds since the navigation began.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.nodes.server import family

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--headless", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-gl=angle", "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]  # fmt: skip
"""As the tests of the viewer."""
FOREIGN = ["--disable-web-security"]
"""For a page of another site than the node's: no preflights, and Orthanc need not know of CORS."""
SIZE = 1280, 800
SIDE, CONTRAST, INTERVAL_MS = 96, 60, 40
PROBE = (
    """
(() => {
  const SIDE = SIDES, CONTRAST = CONTRASTS;
  const seen = []; window.__seen = seen;
  const small = document.createElement('canvas'); small.width = small.height = SIDE;
  const context = small.getContext('2d', { willReadFrequently: true });
  function active(get) {
    let count = 0;
    for (let a = 0; a < SIDE; a++) {
      let least = 255, most = 0;
      for (let b = 0; b < SIDE; b++) {
        const v = get(a, b); if (v < least) least = v; if (v > most) most = v;
      }
      if (most - least > CONTRAST) count++;
    }
    return count;
  }
  window.__look = () => {
    const found = [];
    for (const canvas of document.querySelectorAll('canvas')) {
      const box = canvas.getBoundingClientRect();
      if (box.width < 200 || box.height < 200) continue;
      context.fillRect(0, 0, SIDE, SIDE);
      try { context.drawImage(canvas, 0, 0, SIDE, SIDE); } catch { continue; }
      const p = context.getImageData(0, 0, SIDE, SIDE).data;
      found.push([active((r, c) => p[4 * (r * SIDE + c)]), active((c, r) => p[4 * (r * SIDE + c)])]);
    }
    return found;
  };
  let last = '';
  window.__watching = setInterval(() => {
    const found = window.__look(), text = JSON.stringify(found);
    if (text !== last) { last = text; seen.push([performance.now() / 1000, found]); }
    const pictures = [...document.querySelectorAll('img[data-preview]')];
    const picture = pictures.find((i) => i.complete && i.naturalWidth > 100);
    if (picture && !window.__preview) window.__preview = performance.now() / 1000;
  }, INTERVAL);
})();
""".replace("SIDES", str(SIDE))
    .replace("CONTRASTS", str(CONTRAST))
    .replace("INTERVAL", str(INTERVAL_MS))
)
SCRIPTS = """performance.getEntriesByType('resource').map((e) => e.name)
  .filter((name) => new URL(name).pathname.endsWith('.js'))"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a page showed.

    Parameters
    ----------
    moments
        Times in seconds, each with rows and columns that showed a picture, by canvas.
    preview_s
        When a picture in place of the canvas was there, None if never.
    script_bytes, script_gzip_bytes
        Programs that were loaded until the first image, as they are, and by gzip.
    memory_bytes
        Proportional set size of all processes of the browser.
    """

    moments: list[tuple[float, list[list[int]]]]
    preview_s: float | None
    script_bytes: int
    script_gzip_bytes: int
    memory_bytes: int

    def first_image_s(self) -> float:
        """When the first canvas showed its picture."""
        return self._when(1)

    def full_mpr_s(self) -> float:
        """When three canvases showed theirs, whole."""
        return self._when(3)

    def _when(self, canvases: int) -> float:
        ends = sorted(self.moments[-1][1], key=min, reverse=True)[:canvases]
        assert len(ends) == canvases, self.moments[-1]
        assert all(min(end) > SIDE / 4 for end in ends), self.moments[-1]
        least = 0.95 * min(min(end) for end in ends)
        for when, found in self.moments:
            if sum(min(one) >= least for one in found) >= canvases:
                return when
        raise AssertionError("unreachable: the last moment fits")


@contextmanager
def fresh(playwright: Playwright, *more: str) -> Iterator[Browser]:
    """A Chromium process of its own, without a cache."""
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *more])
    try:
        yield browser
    finally:
        browser.close()


def page_of(browser: Browser) -> Page:
    """Open an empty page with the probe."""
    page = browser.new_context(viewport={"width": SIZE[0], "height": SIZE[1]}).new_page()
    page.add_init_script(PROBE)
    return page


def wait_until_still(page: Page, canvases: int, still_s: float = 2.0, most_s: float = 90.0) -> None:
    """Wait until enough canvases show a picture and have not changed for a while."""
    end = time.monotonic() + most_s
    while time.monotonic() < end:
        page.wait_for_timeout(250)
        last, now = page.evaluate("[window.__seen.at(-1) ?? [0, []], performance.now() / 1000]")
        good = sum(min(one) > SIDE / 4 for one in last[1])
        if good >= canvases and now - last[0] > still_s:
            return
    raise AssertionError(f"not {canvases} pictures in {most_s} s: {page.evaluate('window.__seen.at(-1)')}")


def look(playwright: Playwright, address: str, canvases: int, *flags: str, weighs: bool = False) -> Seen:
    """Open an address in a fresh browser and watch until its pictures are still."""
    import gzip

    with fresh(playwright, *flags) as browser:
        page = page_of(browser)
        began = _children()
        page.goto(address, wait_until="commit")
        wait_until_still(page, canvases)
        names = page.evaluate(SCRIPTS)
        bodies = [page.context.request.get(name).body() for name in names] if weighs else []
        return Seen(
            [(when, found) for when, found in page.evaluate("window.__seen")],
            page.evaluate("window.__preview ?? null"),
            sum(map(len, bodies)),
            sum(len(gzip.compress(body, 6)) for body in bodies),
            memory_bytes(began),
        )


def _children() -> list[int]:
    import os

    return [pid for pid in family(os.getpid()) if _name(pid).startswith("chrom")]


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def memory_bytes(pids: list[int]) -> int:
    """Proportional set size of processes and their children (pages that two share count once)."""
    total = 0
    for pid in {one for root in pids for one in family(root)}:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) << 10
    return total


def version() -> str:
    """Version of the browser."""
    import subprocess

    return subprocess.run([CHROMIUM, "--version"], capture_output=True, text=True).stdout.strip()


def is_there() -> bool:
    """Whether the browser is installed."""
    return shutil.which(CHROMIUM) is not None
