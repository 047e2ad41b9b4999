"""The console's addresses: pages, sign-in, and the API."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, cast

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from soc.core.clock import Clock, SystemClock
from soc.core.errors import StoreError
from soc.core.i18n import LANGUAGES
from soc.core.store import Store
from soc.web import acts, api, pages
from soc.web import playbooks as runs
from soc.web.access import SESSION_SECONDS, Access
from soc.web.accounts import RELOAD
from soc.web.guard import Guard, address, fields
from soc.web.pages import COOKIE, LANGUAGE_COOKIE, page
from soc.web.playbooks import Playbooks

Reload = Callable[[], Awaitable[object]]
"""Loads the rules again; done when the new ones are running or refused."""


def create_app(
    open_store: Callable[[], Store],
    access: Access,
    health: Callable[[], dict[str, object]],
    reload: Reload | None = None,
    *,
    open_to_act: Callable[[], Store] | None = None,
    playbooks: Playbooks | None = None,
    grafana: str = "",
    clock: Clock | None = None,
) -> Starlette:
    """The console on a store. open_store gives a fresh read-only store for each request; health the live figures;
    reload loads the rules again, where there is a service that runs them; open_to_act gives a store that may be
    written, for what people do about alerts (open_store's, if it is left out); playbooks is the desk of
    playbooks; grafana is the address of the dashboards.
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
            Route("/alerts/{id:str}/acts", acts.by_form, methods=["POST"]),
            Route("/api/session", api.session),
            Route("/api/alerts/{id:str}", api.alert),
            Route("/api/alerts/{id:str}/acts", api.act, methods=["POST"]),
            Route("/events/{id:str}", pages.event),
            Route("/playbooks", runs.runs),
            Route("/playbooks/{id:str}", runs.run, methods=["GET"]),
            Route("/playbooks/{id:str}", runs.say, methods=["POST"]),
            Route("/alerts/{id:str}/playbooks/{playbook:str}", runs.offer, methods=["GET"]),
            Route("/alerts/{id:str}/playbooks/{playbook:str}", runs.start, methods=["POST"]),
            Route("/health", pages.health),
            Route("/rules", _rules, methods=["GET"]),
            Route("/rules/reload", _reload, methods=["POST"]),
            Route("/healthz", lambda request: PlainTextResponse("ok")),
            Mount("/static", StaticFiles(packages=[("soc.web", "static")])),
        ],
        middleware=[Middleware(Guard)],
        exception_handlers={
            403: cast("Any", pages.refused),
            404: cast("Any", pages.not_found),
            StoreError: cast("Any", pages.no_store),
        },
    )
    app.state.open_store = open_store
    app.state.open_to_act = open_to_act or open_store
    app.state.access = access
    app.state.health = health
    app.state.reload = reload
    app.state.clock = clock or SystemClock()
    app.state.playbooks = playbooks
    app.state.grafana = grafana.rstrip("/")
    return app


def _login_page(request: Request) -> Response:
    state = request.app.state.access.state(address(request), time.monotonic())
    return page(request, "login.html", state=state, failed="failed" in request.query_params)


async def _login(request: Request) -> Response:
    access: Access = request.app.state.access
    given = await fields(request)
    name, password = given.get("name", ""), given.get("password", "")
    # In a thread: a password's check takes a tenth of a second, and lines come in meanwhile
    token = await run_in_threadpool(access.sign_in, name, password.strip(), address(request), time.monotonic())
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
    given = await fields(request)
    language, back = given.get("language", ""), given.get("back", "/")
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
    pages.need(request, RELOAD)
    if request.app.state.reload is None:
        raise HTTPException(404)
    await request.app.state.reload()
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse("/health#rules", 303)
    status = request.app.state.health()["rules"]
    return JSONResponse(status, 409 if status["refused"] else 200)
