"""Notebook pictures: core draws nothing, `medvox.rendering` registers the painter."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable

Painter = Callable[[object], bytes | None]

_painters: list[Painter] = []


def register_painter(painter: Painter) -> None:
    """Let `painter` make the PNG shown for volumes and their kin in notebooks."""
    _painters.append(painter)


def html_repr(thing: object) -> str:
    """HTML of an object: its repr, and a picture where a painter makes one."""
    text = f"<code>{html.escape(repr(thing))}</code>"
    for painter in _painters:
        picture = painter(thing)
        if picture is not None:
            encoded = base64.b64encode(picture).decode("ascii")
            return f'<div>{text}<br><img alt="" src="data:image/png;base64,{encoded}"></div>'
    return f"<div>{text}</div>"
