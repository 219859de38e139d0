"""Capabilities: what is served, told as JSON (PS3.18 8.9)."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from medvox import __version__
from medvox.archive.access import Action
from medvox.dicom.writing.files.transcode import COMPRESSIONS
from medvox.server.access.rights import requires
from medvox.server.dicomweb.negotiation import DICOM, EXPLICIT_LITTLE, JSON, MULTIPART, OCTETS, XML
from medvox.server.dicomweb.resources import PREFIX
from medvox.server.dicomweb.served import SERVED
from medvox.server.dicomweb.stow import AT_ONCE, LARGEST

router = APIRouter(tags=["Capabilities"])
RIGHT: Final = [requires(Action.MONITOR)]
"""Everybody who is known may ask; no patient's data are in it."""
_MULTIPART_XML: Final = f'{MULTIPART}; type="{XML}"'
_STORED: Final = "* (as stored)"
_KINDS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("/metadata", (JSON, _MULTIPART_XML)),
    ("/rendered", ("image/jpeg", "image/png", f'{MULTIPART}; type="image/jpeg"')),
    ("/thumbnail", ("image/jpeg", "image/png")),
    ("/frames/{frames}", (f'{MULTIPART}; type="{OCTETS}"', OCTETS, f"{MULTIPART}; type=… as stored")),
    ("/bulkdata/{path}", (f'{MULTIPART}; type="{OCTETS}"', OCTETS)),
    ("/wado", (DICOM, "image/jpeg", "image/png")),
    ("/studies/{study}", (f'{MULTIPART}; type="{DICOM}"',)),
    ("/series/{series}", (f'{MULTIPART}; type="{DICOM}"',)),
    ("/instances/{instance}", (f'{MULTIPART}; type="{DICOM}"', DICOM)),
    ("", (JSON, _MULTIPART_XML)),
)
"""Media types by the end of a path; the first that fits counts."""


@router.get("/capabilities", response_class=JSONResponse, dependencies=RIGHT)
def capabilities(request: Request) -> JSONResponse:
    """What is served."""
    base = f"{request.scope.get('root_path', '')}{PREFIX}"
    return JSONResponse(document(base), headers={"Allow": "GET, HEAD, POST, OPTIONS"})


def document(base: str) -> dict[str, Any]:
    """Return the description, made of the routes that there are."""
    resources: dict[str, dict[str, Any]] = {}
    for router_served in SERVED:
        for route in router_served.routes:
            path, methods = getattr(route, "path", ""), getattr(route, "methods", None) or ()
            one = resources.setdefault(path, {"path": base + path, "methods": [], "mediaTypes": []})
            one["methods"] += sorted(methods)
            if "GET" in methods:
                one["mediaTypes"] = list(next(media for end, media in _KINDS if path.endswith(end)))
    return {
        "name": "medvox",
        "version": __version__,
        "transferSyntaxes": [_STORED, EXPLICIT_LITTLE, *sorted(COMPRESSIONS)],
        "resources": [resources[path] for path in sorted(resources)],
        "store": {
            "mediaTypes": [f'{MULTIPART}; type="{DICOM}"'],
            "largestInstance": LARGEST,
            "atOnce": AT_ONCE,
        },
    }
