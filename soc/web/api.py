"""Alerts for machines, as JSON: one in full with its life, and acts on it. Times are µs since the epoch.

Signed in by a session (changes then need its token in X-CSRF-Token, see /api/session) or by an account's name and
password (HTTP Basic).
"""

from __future__ import annotations

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from soc.core.alert import Alert
from soc.core.store import Store
from soc.core.triage import Life
from soc.web.access import Access
from soc.web.accounts import ACT
from soc.web.acts import act_of, perform
from soc.web.pages import need


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """The body of an act. version: of the life that the decision was made on."""

    act: str
    version: int
    text: str = ""
    verdict: str = ""
    assignee: str = ""


def session(request: Request) -> Response:
    """Who is signed in, and the token for changes."""
    access: Access = request.app.state.access
    person = request.state.person
    return JSONResponse(
        {"name": person.name, "role": person.role, "csrf": access.form_token(request.state.seed)},
    )


def alert(request: Request) -> Response:
    """{"alert": the alert, "life": what people did about it}."""
    store: Store = request.app.state.open_store()
    try:
        found = store.alert(request.path_params["id"])
        life = None if found is None else store.life(found.id)
    finally:
        store.close()
    if found is None or life is None:
        raise HTTPException(404)
    return _json({"alert": found, "life": _life(life)})


async def act(request: Request) -> Response:
    """200 with the life after it; 400 not understood, 403 not this role's, 404, 409 changed since, 422 refused."""
    need(request, ACT)
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return JSONResponse({"error": "Content-Type must be application/json"}, 415)
    try:
        asked = msgspec.json.decode(await request.body(), type=Asked)
    except msgspec.DecodeError as error:
        return JSONResponse({"error": str(error)}, 400)
    given = {"act": asked.act, "text": asked.text, "verdict": asked.verdict, "assignee": asked.assignee}
    outcome = await run_in_threadpool(perform, request, act_of(request, given), asked.version)
    problem = {"error": outcome.problem} if outcome.problem else {}
    return _json(problem | {"life": _life(outcome.life)}, outcome.status)


def _life(life: Life) -> dict[str, object]:
    return {
        "status": life.status,
        "assignee": life.assignee,
        "verdict": life.verdict,
        "version": life.version,
        "entries": life.entries,
    }


def _json(value: dict[str, Alert | dict[str, object]] | dict[str, object], status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")
