"""Writes the OpenAPI document: ``python -m medvox.server.openapi > openapi.json``."""

from __future__ import annotations

import json
import sys

from medvox.core.study import Scan


def document() -> str:
    """Return the OpenAPI document as JSON text, keys in a stable order."""
    from medvox.server.app import create_app
    from medvox.server.routes.node import routers
    from medvox.server.session import ViewerSession

    app = create_app(ViewerSession(lambda paths, progress: Scan((), ())), "", 0, more=routers())
    return json.dumps(app.openapi(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
