"""Playbooks in the console: tried and started from an alert's page, watched, approved, answered."""

from __future__ import annotations

from typing import Protocol

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from soc.core.alert import Alert
from soc.core.errors import SocError, StoreError
from soc.core.i18n import translator
from soc.core.store import Store
from soc.respond.plan import Offer, Opened, Planned
from soc.respond.playbook import Playbook
from soc.respond.run import DECISIONS, Answered, Approved, NotNow, Rejected, Run
from soc.web.accounts import ACT, RESPOND
from soc.web.guard import fields
from soc.web.pages import language_of, need, page

GONE_ON = "The run has gone on meanwhile, or it asks for something else. Look again."
WHY = "Say why not."


class Playbooks(Protocol):
    """See soc.engines.desk.Desk."""

    def offers(self, alert: Alert) -> list[Offer]: ...
    def planned(self, playbook: Playbook, alert: Alert) -> list[Planned]: ...
    def runs(self, alert: str = "") -> list[tuple[Run, Playbook]]: ...
    def run(self, id: str) -> Opened | None: ...
    def start(self, playbook: Playbook, alert: Alert, by: str, *, again: bool = False) -> Run: ...
    def say(self, id: str, said: Answered | Approved | Rejected) -> Run: ...


def runs(request: Request) -> Response:
    """The runs of playbooks, the latest first."""
    return page(request, "playbooks.html", runs=_desk(request).runs())


def run(request: Request) -> Response:
    """One run: what was done by whom, what it waits for, what is still to come."""
    return _run_page(request, 200)


async def say(request: Request) -> Response:
    """What a person says of a run: approved, rejected, done, or how it goes on after a failure."""
    given = await fields(request)
    need(request, ACT if given.get("what") == "done" else RESPOND)
    return await run_in_threadpool(_said, request, given)


def offer(request: Request) -> Response:
    """What a playbook would do for an alert, and the button that starts it."""
    return _offer_page(request, 200)


async def start(request: Request) -> Response:
    """Starts it, and goes to the run."""
    need(request, ACT)
    return await run_in_threadpool(_started, request)


def _said(request: Request, given: dict[str, str]) -> Response:
    desk, by, now = _desk(request), request.state.person.name, request.app.state.clock.now()
    opened = _opened(request)
    step, text = given.get("step", ""), given.get("text", "").strip()[:4000]
    match given.get("what"):
        case "approve":
            said: Answered | Approved | Rejected = Approved(step, by, now)
        case "reject" if text:
            said = Rejected(step, by, text, now)
        case "reject":
            return _run_page(request, 422, WHY)
        case "done" | "decide":
            said = Answered(step, by, given.get("choice", ""), now)
        case _:
            raise HTTPException(404)
    if given["what"] == "done" and opened.run.waits == "decision":  # what comes of an action is a responder's to say
        need(request, RESPOND)
    try:
        desk.say(opened.run.id, said)
    except NotNow as why:
        return _run_page(request, 409, GONE_ON, why.told(translator(language_of(request))))
    return RedirectResponse(f"/playbooks/{opened.run.id}", 303)


def _started(request: Request) -> Response:
    alert, found = _offered(request)
    try:
        made = _desk(request).start(found.playbook, alert, request.state.person.name, again=bool(found.run))
    except StoreError:
        raise
    except SocError as why:
        return _offer_page(request, 409, why.told(translator(language_of(request))))
    return RedirectResponse(f"/playbooks/{made.id}", 303)


def _run_page(request: Request, status: int, problem: str = "", detail: str = "") -> Response:
    opened = _opened(request)
    person = request.state.person
    return page(
        request,
        "playbook_run.html",
        status,
        run=opened.run,
        book=opened.playbook,
        audit=opened.audit,
        planned=opened.planned,
        step=opened.playbook.step(opened.run.step) if opened.run.step and not opened.run.over else None,
        decisions=DECISIONS,
        may_act=person.may(ACT),
        may_respond=person.may(RESPOND),
        problem=problem,
        detail=detail,
    )


def _offer_page(request: Request, status: int, problem: str = "") -> Response:
    alert, found = _offered(request)
    planned: list[Planned] = []
    try:
        planned = _desk(request).planned(found.playbook, alert)
    except StoreError:
        raise
    except SocError as why:
        problem = problem or str(why)
    return page(
        request,
        "playbook_start.html",
        status,
        alert=alert,
        offer=found,
        book=found.playbook,
        planned=planned,
        problem=problem,
        may_act=request.state.person.may(ACT),
    )


def _desk(request: Request) -> Playbooks:
    desk: Playbooks | None = request.app.state.playbooks
    if desk is None:
        raise HTTPException(404)
    return desk


def _opened(request: Request) -> Opened:
    opened = _desk(request).run(request.path_params["id"])
    if opened is None:
        raise HTTPException(404)
    return opened


def _offered(request: Request) -> tuple[Alert, Offer]:
    desk = _desk(request)
    store: Store = request.app.state.open_store()
    try:
        alert = store.alert(request.path_params["id"])
    finally:
        store.close()
    if alert is None:
        raise HTTPException(404)
    for found in desk.offers(alert):
        if found.playbook.id == request.path_params["playbook"]:
            return alert, found
    raise HTTPException(404)
