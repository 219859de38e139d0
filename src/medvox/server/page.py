"""The page: the built client with its start data inside, and its files."""

from __future__ import annotations

import re
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import FileResponse

from medvox.server.types import Boot

STATIC = Path(__file__).parent / "static"
"""Where `web/` is built to."""
IMMUTABLE = "private, max-age=31536000, immutable"
_SCRIPT = re.compile(r"<script([^>]*)>(.*?)</script>", re.DOTALL)
_HASHED = re.compile(r"-[A-Za-z0-9_-]{8,}\.\w+$")
MEDIA_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".html": "text/html",
    ".wasm": "application/wasm",
    ".json": "application/json",
    ".map": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".txt": "text/plain",
}
"""Types by suffix, so that nothing hangs on the registry of the system."""


def page(boot: Boot, static: Path = STATIC) -> str:
    """Return the client's page with the start data, or a page that says how to build the client."""
    index = static / "index.html"
    if not index.is_file():
        return UNBUILT
    # "<" never occurs as such in the block, so that no value can end it.
    data = boot.model_dump_json().replace("<", "\\u003c").replace("\u2028", "\\u2028")
    block = f'<script type="application/json" id="medvox-boot">{data}</script>'
    text = index.read_text(encoding="utf-8")
    marked = re.sub(r'<script[^>]*id="medvox-boot"[^>]*>.*?</script>', "", text, flags=re.DOTALL)
    return marked.replace("</head>", block + "</head>", 1)


def inline_scripts(static: Path = STATIC) -> list[str]:
    """Return the inline scripts of the built page; data blocks do not count, they never run."""
    index = static / "index.html"
    if not index.is_file():
        return []
    found = _SCRIPT.findall(index.read_text(encoding="utf-8"))
    return [text for attributes, text in found if "src=" not in attributes and "json" not in attributes]


def static_file(path: str, static: Path = STATIC) -> FileResponse:
    """Serve a file of the client.

    Raises
    ------
    HTTPException
        404 if there is none, or it lies outside of the client's folder.
    """
    root = static.resolve()
    file = (root / path).resolve() if "\0" not in path else root
    if not file.is_relative_to(root) or not file.is_file() or file.name == "index.html":
        raise HTTPException(404, "There is no such file")
    media_type = MEDIA_TYPES.get(file.suffix.lower(), "application/octet-stream")
    cache = IMMUTABLE if _HASHED.search(file.name) else "no-cache"
    return FileResponse(file, media_type=media_type, headers={"Cache-Control": cache})


UNBUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>medvox</title>
<body style="font:16px/1.5 system-ui;max-width:40em;margin:4em auto;background:#111;color:#ddd">
<h1>The viewer has not been built yet</h1>
<p>The server is running, but its web client is missing. From a clone of the repository, type</p>
<pre style="background:#222;padding:1em">./dev web</pre>
<p>and reload this page; <code>./dev open</code> does it by itself. An installed wheel carries the client.</p>
<p>The API works without it: <a style="color:#8cf" href="/api/v1/docs">/api/v1/docs</a></p>
"""
