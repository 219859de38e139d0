"""Routes: none without an action, but for what is on the list."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from medvox.archive.access import Action
from medvox.server.access.rights import requires
from medvox.server.dicomweb.resources import getting
from server.access.conftest import application
from server.access.routes import unguarded


def test_the_walk_finds_every_route() -> None:
    inner, outer, guarded = APIRouter(), APIRouter(prefix="/outer"), APIRouter(prefix="/guarded")
    inner.add_api_route("/open", lambda: "")
    inner.add_api_route("/closed", lambda: "", dependencies=[requires(Action.QUERY)])
    outer.include_router(inner, prefix="/inner")
    guarded.add_api_route("/one", lambda: "")
    app = FastAPI(openapi_url=None)
    app.include_router(outer)
    app.include_router(guarded, dependencies=[requires(Action.RETRIEVE)])
    direct = APIRouter(prefix="/direct")
    getting(direct, Action.QUERY, "/one")(lambda request, archive, resource: PlainTextResponse(""))
    app.include_router(direct)
    app.router.routes.append(Route("/plain", PlainTextResponse("")))
    app.router.routes.append(Mount("/mounted", PlainTextResponse("")))
    assert unguarded(app) == {"/outer/inner/open", "/plain", "/mounted"}


def test_the_application_of_these_tests_is_guarded() -> None:
    assert unguarded(application(None)) == {"/", "/healthz"}  # type: ignore[arg-type]
