"""What a person does about an alert, by the forms of its page."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from soc.core.errors import Conflict, Refused
from soc.core.store import Store
from soc.core.triage import NO_PERSON, Act, Life
from soc.web.access import Access
from soc.web.accounts import ACT
from soc.web.guard import fields
from soc.web.pages import alert_page, need

CHANGED = "Somebody else has changed this alert meanwhile. Your text is still here: see what is new and decide again."


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an act. status is HTTP's: 200 done, 409 somebody was faster, 422 refused; life as it is now."""

    status: int
    id: str
    life: Life
    problem: str = ""


async def by_form(request: Request) -> Response:
    """Done: back to the alert. Else the alert's page with the reason, what others did, and the text as typed."""
    need(request, ACT)
    given = await fields(request)
    version = given.get("version", "")
    if not version.isdecimal() or len(version) > 9:
        raise HTTPException(404)
    return await run_in_threadpool(_answer, request, given, int(version))


def _answer(request: Request, given: dict[str, str], version: int) -> Response:
    act = act_of(request, given)
    outcome = perform(request, act, version)
    if outcome.status == 200:
        return RedirectResponse(f"/alerts/{outcome.id}#life", 303)
    return alert_page(request, outcome.id, outcome.status, problem=outcome.problem, typed=act, seen=version)


def act_of(request: Request, given: dict[str, str]) -> Act:
    """The act that a form or a document of the API asks for, by who is signed in, now."""
    return Act(
        given.get("act", ""),
        request.state.person.name,
        request.app.state.clock.now(),
        given.get("text", "").replace("\r\n", "\n"),
        given.get("verdict", ""),
        given.get("assignee", ""),
    )


def perform(request: Request, act: Act, version: int) -> Outcome:
    """Does it to the alert of the address, if it may be done. 404 if there is none."""
    store: Store = request.app.state.open_to_act()
    try:
        alert = store.alert(request.path_params["id"])
        before = None if alert is None else store.life(alert.id)
        if alert is None or before is None:
            raise HTTPException(404)
        try:
            _check_person(request, act)
            return Outcome(200, alert.id, store.act(alert.id, act, version))
        except Conflict:
            return Outcome(409, alert.id, store.life(alert.id) or before, CHANGED)
        except Refused as why:
            return Outcome(422, alert.id, before, str(why))
    finally:
        store.close()


def _check_person(request: Request, act: Act) -> None:
    """Where there are accounts, an alert goes to one that can act on it."""
    access: Access = request.app.state.access
    if act.kind == "assign" and act.assignee and access.with_accounts() and act.assignee not in access.people():
        raise Refused(NO_PERSON)
