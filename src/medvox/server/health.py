"""Health: ``/healthz`` says that the node is there, ``/readyz`` whether it can work; for everybody."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from medvox.archive.model import Query
from medvox.workflows.node.node import Node

router = APIRouter(include_in_schema=False)
LEAST_FREE: Final = 64 << 20
"""Bytes that must be free where the archive is."""
_KEPT_S: Final = 1.0


@router.get("/healthz")
async def healthz() -> JSONResponse:
    """Answer; that is all."""
    return JSONResponse({"alive": True})


@router.get("/readyz")
def readyz(request: Request) -> JSONResponse:
    """Return which checks of ``app.state.readiness`` are well; status 503 where one is not."""
    readiness: Readiness = request.app.state.readiness
    checks = readiness()
    is_ready = all(checks.values())
    return JSONResponse({"ready": is_ready, "checks": checks}, 200 if is_ready else 503)


class Readiness:
    """Whether a node can work; checked once in a second at most, however often strangers ask.

    Parameters
    ----------
    checks
        By name; each returns whether it is well, or raises.
    """

    def __init__(self, checks: Mapping[str, Callable[[], bool]]) -> None:
        self._checks = checks
        self._lock = threading.Lock()
        self._kept: tuple[float, dict[str, bool]] | None = None

    @classmethod
    def of(cls, node: Node) -> Readiness:
        """Return the readiness of a node: it listens, finds, keeps its state, and has room."""
        return cls(
            {
                "dicom": lambda: node.dicom_port != 0,
                "index": lambda: node.archive.find(Query(limit=1)) is not None,
                "state": lambda: _is_readable(node),
                "storage": lambda: shutil.disk_usage(node.settings.store).free >= LEAST_FREE,
            }
        )

    def __call__(self) -> dict[str, bool]:
        """Return which checks are well."""
        with self._lock:
            if self._kept is None or time.monotonic() - self._kept[0] > _KEPT_S:
                found = {name: _is_well(check) for name, check in self._checks.items()}
                self._kept = time.monotonic(), found
            return self._kept[1]


def _is_well(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except Exception:  # whatever it is, the node is not ready
        return False


def _is_readable(node: Node) -> bool:
    with node.state.reading() as connection:
        return connection.exec_driver_sql("SELECT 1").scalar() == 1
