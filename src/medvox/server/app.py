"""The application: routes, guard, errors, page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from medvox import __version__
from medvox.archive.access import Action
from medvox.server import errors
from medvox.server.access.rights import requires
from medvox.server.auth import Access, Guard, SecurityHeaders, content_security_policy
from medvox.server.catalog import HELP
from medvox.server.dependencies import ERRORS, SessionOf
from medvox.server.docs_page import docs_html, findings_html
from medvox.server.page import STATIC, inline_scripts, page, static_file
from medvox.server.routes import hanging, session
from medvox.server.routes.viewer import PARTS
from medvox.server.session import ViewerSession
from medvox.server.types import Boot

API = "/api/v1"
FIRST_PICTURE_S = 0.7
"""The page waits this long for a picture while the scan begins."""


class HeadAsGet:
    """Answers HEAD as GET without the body (RFC 9110 9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self.app({**scope, "method": "GET"}, receive, without_body)


def create_app(
    viewer: ViewerSession,
    token: str,
    port: int,
    static: Path = STATIC,
    *,
    more: Sequence[APIRouter] = (),
    node: str | None = None,
) -> FastAPI:
    """Make the application.

    Parameters
    ----------
    viewer
        What is shown.
    token
        Secret that every request must know.
    port
        Port it will listen on; requests for another one are refused.
    static
        Folder of the built client.
    more
        Further routes, with their whole paths.
    node
        Title of the archive node that the page shows; None shows what `viewer` has opened. A node opens
        no paths of its machine.
    """
    guard = Middleware(Guard, access=Access(token, port))
    return guarded_app(viewer, [guard], static, more=more, node=node)


def guarded_app(
    viewer: ViewerSession,
    guards: Sequence[Middleware],
    static: Path = STATIC,
    *,
    more: Sequence[APIRouter] = (),
    node: str | None = None,
) -> FastAPI:
    """Make the application behind other guards; the first of them sees a request first.

    Parameters
    ----------
    viewer, static, more, node
        As for `create_app`.
    guards
        What tells who asks, and lets only them through.
    """
    middleware = [
        Middleware(SecurityHeaders),
        *guards,
        Middleware(errors.Shield),
        Middleware(HeadAsGet),
    ]
    app = FastAPI(
        title="medvox viewer",
        version=__version__,
        summary="What the medvox viewer asks its server; see docs/reference/viewer-api.md.",
        middleware=middleware,
        openapi_url=f"{API}/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.session = viewer
    app.state.static = static
    app.state.title = node
    errors.install(app)
    routes = APIRouter(prefix=API, responses=ERRORS, dependencies=[requires(Action.RETRIEVE)])
    for part in (*PARTS, *([session.adding, hanging.own] if node is None else [])):
        routes.include_router(part)
    app.include_router(routes)
    for part in more:
        app.include_router(part)
    app.include_router(_pages())
    return app


def _pages() -> APIRouter:
    """Everything that is not the API."""
    pages = APIRouter(include_in_schema=False)

    @pages.get("/")
    async def index(request: Request, session: SessionOf) -> HTMLResponse:
        title, static = request.app.state.title, request.app.state.static
        if title is None:
            preview = await run_in_threadpool(session.preview, FIRST_PICTURE_S)
            boot = Boot(session=session.snapshot(), preview=preview)
        else:
            boot = Boot(session=None, preview=None, node=title)
        policy = content_security_policy(inline_scripts(static))
        return HTMLResponse(page(boot, static), headers={"Content-Security-Policy": policy})

    @pages.get(f"{API}/docs")
    def docs(request: Request) -> HTMLResponse:
        return HTMLResponse(docs_html(request.app.openapi()))

    @pages.get(HELP)
    def findings_help() -> HTMLResponse:
        return HTMLResponse(findings_html())

    @pages.get("/{path:path}")
    def files(path: str, request: Request) -> FileResponse:
        return static_file(path, request.app.state.static)

    return pages
