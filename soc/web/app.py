"""The console's pages and the rules that hold for all of them: sign-in, headers, language."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from soc.core.errors import StoreError
from soc.core.i18n import LANGUAGES
from soc.core.store import Store
from soc.web import pages
from soc.web.access import SESSION_SECONDS, Access
from soc.web.pages import COOKIE, LANGUAGE_COOKIE, page

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
}
PUBLIC = ("/login", "/static/", "/healthz", "/language")
MAX_FORM = 10_000

Reload = Callable[[], Awaitable[object]]
"""Loads the rules again; done when the new ones are running or refused."""


class Guard(BaseHTTPMiddleware):
    """Every page but the public ones asks for a session, and every form must come from this site."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        response = self._refusal(request) or await call_next(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if request.url.path.startswith("/static/"):
            response.headers["Cache-Control"] = "max-age=3600"
        return response

    def _refusal(self, request: Request) -> Response | None:
        if request.method == "POST" and not _same_site(request):
            return PlainTextResponse("cross-site request refused", 403)
        if request.url.path.startswith(PUBLIC):
            return None
        access: Access = request.app.state.access
        if access.knows(request.cookies.get(COOKIE, ""), time.monotonic()):
            return None
        return RedirectResponse("/login", 303)


def _same_site(request: Request) -> bool:
    """Browsers name the page that a form was sent from; a form without any such word is not from a browser page."""
    origin = request.headers.get("origin")
    if origin is not None:
        return origin.partition("://")[2] == request.headers.get("host", "")
    return request.headers.get("sec-fetch-site", "none") in {"same-origin", "none"}


def create_app(
    open_store: Callable[[], Store],
    access: Access,
    health: Callable[[], dict[str, object]],
    reload: Reload | None = None,
    grafana: str = "",
) -> Starlette:
    """The console on a store. open_store gives a fresh read-only store for each request; health the live figures;
    reload loads the rules again, where there is a service that runs them; grafana is the address of the dashboards.
    """
    app = Starlette(
        routes=[
            Route("/", lambda request: RedirectResponse("/alerts", 303)),
            Route("/login", _login_page, methods=["GET"]),
            Route("/login", _login, methods=["POST"]),
            Route("/logout", _logout, methods=["POST"]),
            Route("/language", _language, methods=["POST"]),
            Route("/alerts", pages.alerts),
            Route("/alerts/{id:str}", pages.alert),
            Route("/events/{id:str}", pages.event),
            Route("/health", pages.health),
            Route("/rules", _rules, methods=["GET"]),
            Route("/rules/reload", _reload, methods=["POST"]),
            Route("/healthz", lambda request: PlainTextResponse("ok")),
            Mount("/static", StaticFiles(packages=[("soc.web", "static")])),
        ],
        middleware=[Middleware(Guard)],
        exception_handlers={404: cast("Any", pages.not_found), StoreError: cast("Any", pages.no_store)},
    )
    app.state.open_store = open_store
    app.state.access = access
    app.state.health = health
    app.state.reload = reload
    app.state.grafana = grafana.rstrip("/")
    return app


def _login_page(request: Request) -> Response:
    state = request.app.state.access.state(time.monotonic())
    return page(request, "login.html", state=state, failed="failed" in request.query_params)


async def _login(request: Request) -> Response:
    access: Access = request.app.state.access
    async with request.form(max_fields=4, max_part_size=MAX_FORM) as form:
        token = access.sign_in(str(form.get("password", "")).strip(), time.monotonic())
    if token is None:
        return RedirectResponse("/login?failed", 303)
    response = RedirectResponse("/alerts", 303)
    response.set_cookie(
        COOKIE, token, max_age=SESSION_SECONDS, httponly=True, samesite="strict", secure=request.url.scheme == "https"
    )
    return response


def _logout(request: Request) -> Response:
    request.app.state.access.sign_out(request.cookies.get(COOKIE, ""))
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE)
    return response


async def _language(request: Request) -> Response:
    async with request.form(max_fields=4, max_part_size=MAX_FORM) as form:
        language = str(form.get("language", ""))
        back = str(form.get("back", "/"))
    response = RedirectResponse(back if back.startswith("/") and not back.startswith(("//", "/\\")) else "/", 303)
    if language in LANGUAGES:
        response.set_cookie(LANGUAGE_COOKIE, language, max_age=365 * 86400, httponly=True, samesite="strict")
    return response


def _rules(request: Request) -> Response:
    """The rules in use and the latest reloads, for machines: what the health page shows for people."""
    live = request.app.state.health()
    if "rules" not in live:
        raise HTTPException(404)
    return JSONResponse(live["rules"])


async def _reload(request: Request) -> Response:
    """Loads the rules again. A page of the console gets the health page, anything else 200, or 409 if refused."""
    if request.app.state.reload is None:
        raise HTTPException(404)
    await request.app.state.reload()
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse("/health#rules", 303)
    status = request.app.state.health()["rules"]
    return JSONResponse(status, 409 if status["refused"] else 200)
