"""What each page shows. Handlers are plain functions: Starlette runs them in threads, so the store may block."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from soc import __version__
from soc.core.alert import Alert
from soc.core.finding import Level
from soc.core.gist import gist
from soc.core.hostile import plain, prose
from soc.core.i18n import LANGUAGES, translator
from soc.core.settings import moment
from soc.core.store import AlertFilter, Store, filled
from soc.core.triage import VERDICTS, Act
from soc.core.when import ago, drift, local
from soc.respond.said import said
from soc.web.accounts import ACT, RELOAD

COOKIE = "soc_session"
LANGUAGE_COOKIE = "soc_language"
VISIT_COOKIE = "soc_visit"
PER_PAGE = 50
SEVERITIES = [level.word for level in reversed(Level)]
NOT_ALLOWED = "Your role does not allow this."
RANGES = ("1h", "24h", "7d", "30d")

_templates = Environment(loader=PackageLoader("soc.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
_templates.filters.update(local=local, plain=plain, prose=prose, gist=gist, said=said)


def render(template: str, **values: Any) -> str:
    """A template's HTML; everything in it is escaped."""
    return _templates.get_template(template).render(**values)


def language_of(request: Request) -> str:
    """The reader's choice, else the console's language."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, request.app.state.access.language)
    return chosen if chosen in LANGUAGES else "en"


def page(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """A template in the reader's language; everything in it is escaped."""
    language = language_of(request)
    html = render(
        template,
        t=translator(language),
        language=language,
        here=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        version=__version__,
        csrf=request.app.state.access.form_token(request.state.seed),
        person=request.state.person,
        watching=request.app.state.playbooks is not None,
        **values,
    )
    return HTMLResponse(html, status)


def alerts(request: Request) -> Response:
    """The queue: the worst first, filtered by the address's parameters, PER_PAGE a page."""
    query = {name: value for name, value in request.query_params.items() if value}
    page_number = _page_number(query.get("page", ""))
    wanted, problem = _filter(request, query, page_number)
    store: Store = request.app.state.open_store()
    try:
        found = store.alerts(wanted) if wanted else []
        by_severity = store.count_alerts(wanted) if wanted else {}
        newest = store.alerts(AlertFilter(limit=1))
    finally:
        store.close()
    total = sum(by_severity.values())
    return page(
        request,
        "alerts.html",
        alerts=found,
        by_severity=by_severity,
        severities=SEVERITIES,
        ranges=RANGES,
        query={name: query.get(name, "") for name in ("severity", "rule", "host", "since", "until")},
        problem=problem,
        total=total,
        page_number=page_number,
        pages=max(1, -(-total // PER_PAGE)),
        link=lambda **changes: _link(query, changes),
        nothing_yet=not newest,
    )


def _page_number(text: str) -> int:
    """What the address says, or 1; nobody turns to a page of more than six digits."""
    return max(1, int(text)) if text.isdecimal() and len(text) <= 6 else 1


def _filter(request: Request, query: Mapping[str, str], page_number: int) -> tuple[AlertFilter | None, str]:
    now = request.app.state.health().get("now", 0)
    try:
        return AlertFilter(
            min_severity=query["severity"] if query.get("severity") in SEVERITIES else None,
            rule=query.get("rule"),
            host=query.get("host"),
            since=moment(query["since"], now) if "since" in query else None,
            until=moment(query["until"], now) if "until" in query else None,
            limit=PER_PAGE,
            offset=(page_number - 1) * PER_PAGE,
        ), ""
    except (ValueError, OverflowError) as error:
        return None, str(error)


def _link(query: Mapping[str, str], changes: Mapping[str, object]) -> str:
    kept: dict[str, object] = {name: value for name, value in query.items() if name != "page"}
    kept.update(changes)
    return "/alerts?" + urlencode({name: value for name, value in kept.items() if value})


def alert(request: Request) -> Response:
    """One alert: what, why, on what evidence, what next, and what was done about it."""
    return alert_page(request, request.path_params["id"])


def alert_page(
    request: Request,
    id: str,
    status: int = 200,
    *,
    problem: str = "",
    typed: Act | None = None,
    seen: int | None = None,
) -> Response:
    """The page of an alert. After an act that was not done: problem says why, typed is what was asked for, and what
    others did since the version that was seen is marked."""
    store: Store = request.app.state.open_store()
    try:
        found = store.alert(id)
        life = None if found is None else store.life(found.id)
        if found is None or life is None:
            raise HTTPException(404)
        found = filled(store, found)
        around = _around(store, found)
    finally:
        store.close()
    return page(
        request,
        "alert.html",
        status,
        alert=found,
        around=around,
        life=life,
        problem=problem,
        typed=typed,
        seen=life.version if seen is None else seen,
        may_act=request.state.person.may(ACT),
        people=request.app.state.access.people(),
        verdicts=VERDICTS,
        dashboard=_dashboard(request, found),
        offers=[] if request.app.state.playbooks is None else request.app.state.playbooks.offers(found),
    )


def need(request: Request, what: str) -> None:
    """403 unless the role of who asks allows it."""
    if not request.state.person.may(what):
        raise HTTPException(403, NOT_ALLOWED)


def refused(request: Request, error: Exception) -> Response:
    """Why not: a page, or JSON for machines."""
    reason = error.detail if isinstance(error, HTTPException) else str(error)
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": reason}, 403)
    return page(request, "refused.html", 403, reason=reason)


def _dashboard(request: Request, found: Alert) -> str:
    """The triage queue in Grafana at the time of the alert, or "" where no Grafana is known."""
    if not request.app.state.grafana:
        return ""
    start, end = found.first_seen // 1000 - 3_600_000, found.last_seen // 1000 + 3_600_000
    return f"{request.app.state.grafana}/d/soc-triage?from={start}&to={end}"


def _around(store: Store, found: Alert) -> list[dict[str, object]]:
    """What else happened within a minute of the first event to those whom the alert is about, first between them."""
    names = {value for _, value in found.group}
    shown = {ref.event.get("event.id", ref.id) for ref in found.events}
    keys = ("source.ip", "destination.ip", "user.name", "host.name")
    related: list[tuple[int, dict[str, object]]] = []
    for event in store.events_around(found.first_seen, 60_000_000, 2000):
        shared = len(names & {str(event.get(key)) for key in keys})
        if shared and event.get("event.id") not in shown:
            related.append((shared, event))
    return [event for _, event in sorted(related, key=lambda one: -one[0])[:20]]


def event(request: Request) -> Response:
    """One event with every field, as JSON for people and machines."""
    store: Store = request.app.state.open_store()
    try:
        found = store.event(request.path_params["id"])
    finally:
        store.close()
    if found is None:
        raise HTTPException(404)
    return Response(
        orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS), media_type="application/json"
    )


def health(request: Request) -> Response:
    """Is everything arriving, parsed and stored? Sources, inputs, rejected lines."""
    store: Store = request.app.state.open_store()
    try:
        counts = store.counts()
        rejected = store.rejected(50)
    finally:
        store.close()
    live = request.app.state.health()
    may_reload = request.state.person.may(RELOAD)
    return page(
        request, "health.html", live=live, counts=counts, rejected=rejected, ago=ago, drift=drift, may_reload=may_reload
    )


def not_found(request: Request, _error: Exception) -> Response:
    """The page for an address that leads nowhere, or JSON for machines."""
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": "nothing at this address, or no such alert"}, 404)
    return page(request, "missing.html", 404)


def no_store(request: Request, error: Exception) -> Response:
    """The page while the store does not answer, with its reason, or JSON for machines."""
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": str(error)}, 503)
    return page(request, "no_store.html", 503, reason=str(error))
