"""Rights: every route asks for them."""

from __future__ import annotations

import pytest
import requests
from starlette.routing import Route

from archive_data import EXPLICIT, bare, sent
from medvox.server.dicomweb.routers import ROUTERS


def paths():
    found = set()
    for router in ROUTERS:
        for route in router.routes:
            if isinstance(route, Route):
                found |= {(method, route.path) for method in route.methods}
    return sorted(found)


@pytest.mark.parametrize(("method", "path"), paths())
def test_strangers_get_401_everywhere(served, method, path):
    filled = path.replace("{frames}", "1").replace("{path}", "7FE00010")
    for name in ("study", "series", "instance"):
        filled = filled.replace(f"{{{name}}}", "1.2.3")
    answer = requests.request(method, served.url + filled, headers={"X-Role": "stranger"}, timeout=10)
    assert answer.status_code == 401


def test_roles(served):
    kept = served.archive.receive(bare(sent(1)), transfer_syntax=EXPLICIT)
    head = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=X'}
    for role, reads, stores in (("viewer", 200, 403), ("uploader", 403, 400), ("curator", 200, 400)):
        who = {"X-Role": role}
        assert requests.get(f"{served.base}/studies", headers=who, timeout=10).status_code == reads
        study = f"{served.base}/studies/{kept.study_uid}"
        assert requests.get(f"{study}/rendered", headers=who, timeout=10).status_code == reads
        answer = requests.post(f"{served.base}/studies", b"--X--", headers=head | who, timeout=10)
        assert answer.status_code == stores
