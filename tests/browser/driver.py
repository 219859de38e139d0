"""Drives the viewer's page the way a user does, and reads back what it says through `medvox.state()`."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

TIMEOUT_S = 60
LOADED = "s.info && (!id || s.info.id === id) && s.shown && s.loading.fraction >= 1"


@dataclass(slots=True)
class Viewer:
    """One page of the viewer."""

    page: Page

    def state(self) -> dict[str, Any]:
        """Return a copy of the page's state."""
        return self.page.evaluate("medvox.state()")

    def get(self, name: str) -> Any:
        """Return one part of the page's state."""
        return self.page.evaluate("name => medvox.state()[name]", name)

    def wait(self, expression: str, image_id: str | None = None) -> None:
        """Wait until an expression of the state `s` is true.

        Asks again and again from here: the page's content security policy forbids the `eval` that
        Playwright's own waiting needs.
        """
        script = f"id => {{ const s = window.medvox?.state(); return Boolean(s && {expression}); }}"
        end = time.monotonic() + TIMEOUT_S
        while not self.page.evaluate(script, image_id):
            assert time.monotonic() < end, f"still not: {expression}; errors: {self.get('errors')}"
            self.page.wait_for_timeout(50)

    def wait_loaded(self, image_id: str | None = None) -> None:
        """Wait until an image is shown and all of its slices are there."""
        self.wait(LOADED, image_id)

    def open(self, image_id: str) -> None:
        """Click an image in the list and wait until it is loaded."""
        self.page.locator(f'[data-image="{image_id}"]').click()
        self.wait_loaded(image_id)
        self.settle()

    def go(self, fragment: str) -> None:
        """Open the page anew at a view state: `image=…&layout=…`."""
        address = self.page.url.split("#")[0]
        self.page.goto("about:blank")
        self.page.goto(f"{address}#{fragment}")
        self.wait("true")
        self.wait_loaded(dict(part.split("=", 1) for part in fragment.split("&"))["image"])
        self.settle()

    def layout(self, name: str) -> None:
        """Choose a layout by its button."""
        label = {"stack": "Stored slices", "mpr": "Planes and 3D", "volume": "3D"}[name]
        self.page.get_by_role("button", name=label, exact=True).first.click()
        self.wait(f"s.layout === '{name}' && s.shown && s.loading.fraction >= 1")
        self.settle()

    def tool(self, name: str) -> None:
        """Choose a tool by its button."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def settle(self) -> None:
        """Wait until the page has drawn what it knows."""
        self.page.evaluate("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))")
        self.page.wait_for_timeout(60)

    def view(self, name: str) -> Locator:
        """Return the element of one view."""
        return self.page.locator(f'[data-view="{name}"]')

    def point(self, view: str, x: float, y: float) -> tuple[float, float]:
        """Return page coordinates of a point of a view, px from its upper left."""
        box = self.view(view).bounding_box()
        assert box
        return box["x"] + x, box["y"] + y

    def size(self, view: str) -> tuple[float, float]:
        """Return width and height of a view, px."""
        box = self.view(view).bounding_box()
        assert box
        return box["width"], box["height"]

    def hover(self, view: str, x: float, y: float) -> dict[str, Any]:
        """Move the pointer over a view and return what the page reads there."""
        self.page.mouse.move(*self.point(view, x, y))
        self.settle()
        return self.get("probe")

    def click(self, view: str, x: float, y: float) -> None:
        """Click into a view."""
        self.page.mouse.click(*self.point(view, x, y))
        self.settle()

    def drag(
        self, view: str, start: tuple[float, float], end: tuple[float, float], button: str = "left"
    ) -> None:
        """Press, move in small steps, release."""
        self.page.mouse.move(*self.point(view, *start))
        self.page.mouse.down(button=button)  # type: ignore[arg-type]
        steps = 8
        for n in range(1, steps + 1):
            x = start[0] + (end[0] - start[0]) * n / steps
            y = start[1] + (end[1] - start[1]) * n / steps
            self.page.mouse.move(*self.point(view, x, y))
        self.page.mouse.up(button=button)  # type: ignore[arg-type]
        self.settle()

    def wheel(self, view: str, steps: int) -> None:
        """Turn the wheel over the middle of a view."""
        width, height = self.size(view)
        self.page.mouse.move(*self.point(view, width / 2, height / 2))
        for _ in range(abs(steps)):
            self.page.mouse.wheel(0, 100 if steps > 0 else -100)
            self.settle()

    def picture(self, view: str) -> np.ndarray:
        """Return the view's canvas as it is on the screen, (height, width, 3) uint8, without overlay."""
        style = self.page.add_style_tag(content=".overlay, .svg-layer { visibility: hidden !important }")
        self.settle()
        shot = self.view(view).screenshot()
        style.evaluate("e => e.remove()")
        return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))

    def gray(self, view: str, x: float, y: float) -> float:
        """Return the mean brightness around a point of a view, 0..255."""
        box = self.picture(view)[round(y) - 1 : round(y) + 2, round(x) - 1 : round(x) + 2]
        return float(box.mean())
