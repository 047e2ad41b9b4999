"""A mock of the national centre: a TAXII 2.1 server with signed receipts, a page of what arrived, and fault switches.

https://docs.oasis-open.org/cti/taxii/v2.1/taxii-v2.1.html. Receipts (collections/ID/receipts/) and /faults are ours.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
from dataclasses import dataclass
from typing import Any, Final, cast

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from soc.core.clock import Clock
from soc.engines.centre_store import FAULTS, CentreStore, Query, parse_time, taxii_time
from soc.sharing.receipt import Receipt, digest, sign
from soc.sharing.taxii import MEDIA
from soc.sharing.tlp import Object
from soc.web.centre import SECURITY, arrivals_page

COLLECTION: Final = "9cfa669c-ee94-4ece-afd2-f8edac37d8fd"
"""The one collection there is: what ministries send."""
MOST_BYTES: Final = 10_000_000
MOST_ROWS: Final = 1000
ADMIN: Final = "admin"
"""The name in the file of tokens that may switch faults and see the page."""


@dataclass(frozen=True, slots=True)
class Centre:
    """What a running centre has.

    tokens  sender -> bearer token
    key     that receipts are signed with
    """

    store: CentreStore
    clock: Clock
    tokens: dict[str, str]
    key: bytes


def centre_app(centre: Centre) -> Starlette:
    """The server, not yet started."""
    app = Starlette(
        routes=[
            Route("/", _page),
            Route("/healthz", lambda request: Response("ok")),
            Mount("/static", StaticFiles(packages=[("soc.web", "static")])),
            Route("/faults", _faults, methods=["GET", "POST", "DELETE"]),
            Route("/taxii2/", _discovery),
            Route("/api/", _root),
            Route("/api/status/{id}/", _status),
            Route("/api/collections/", _collections),
            Route("/api/collections/{collection}/", _collection),
            Route("/api/collections/{collection}/manifest/", _manifest),
            Route("/api/collections/{collection}/receipts/", _receipts),
            Route("/api/collections/{collection}/objects/", _objects, methods=["GET"]),
            Route("/api/collections/{collection}/objects/", _add, methods=["POST"]),
            Route("/api/collections/{collection}/objects/{id}/", _objects),
            Route("/api/collections/{collection}/objects/{id}/versions/", _versions),
        ],
        exception_handlers={HTTPException: cast("Any", _error)},
    )
    app.state.centre = centre
    return app


def _taxii(body: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(body), status, headers, media_type=MEDIA)


async def _error(request: Request, error: HTTPException) -> Response:
    """An error message as TAXII has it (section 3.6.1)."""
    body = {"title": error.detail, "http_status": str(error.status_code)}
    return Response(orjson.dumps(body), error.status_code, error.headers, media_type=MEDIA)


def _sender(request: Request) -> str:
    """Who asks, by bearer token (or, for the page, a password); 401 if nobody we know, 406 if not in TAXII 2.1."""
    centre: Centre = request.app.state.centre
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(given, validate=True).decode().partition(":")[2]
        except ValueError:
            given = ""
    for name, token in centre.tokens.items():
        if scheme.lower() in {"bearer", "basic"} and hmac.compare_digest(token.encode(), given.encode()):
            return name
    raise HTTPException(401, "no such token", {"WWW-Authenticate": 'Bearer, Basic realm="national centre"'})


def _asked(request: Request) -> tuple[Centre, str]:
    sender = _sender(request)
    accepted = request.headers.get("accept", "*/*").replace(" ", "")
    wanted = {part.partition(";q=")[0] for part in accepted.split(",")}
    if not wanted & {MEDIA, "application/taxii+json", "application/*", "*/*"}:
        raise HTTPException(406, "only application/taxii+json;version=2.1")
    if request.path_params.get("collection", COLLECTION) != COLLECTION:
        raise HTTPException(404, "no such collection")
    centre: Centre = request.app.state.centre
    centre.store.settle(centre.clock.now())
    return centre, sender


async def _discovery(request: Request) -> Response:
    _asked(request)
    return _taxii({"title": "National centre (mock)", "default": "/api/", "api_roots": ["/api/"]})


async def _root(request: Request) -> Response:
    _asked(request)
    return _taxii({"title": "National centre (mock)", "versions": [MEDIA], "max_content_length": MOST_BYTES})


_ABOUT: Final = {
    "id": COLLECTION,
    "title": "Alerts and indicators",
    "can_read": True,
    "can_write": True,
    "media_types": ["application/stix+json;version=2.1"],
}


async def _collections(request: Request) -> Response:
    _asked(request)
    return _taxii({"collections": [_ABOUT]})


async def _collection(request: Request) -> Response:
    _asked(request)
    return _taxii(_ABOUT)


async def _status(request: Request) -> Response:
    centre, sender = _asked(request)
    found = centre.store.status(request.path_params["id"], sender)
    if found is None:
        raise HTTPException(404, "no such status")
    return _taxii(found)


def _query(request: Request) -> Query:
    """400 for a parameter that makes no sense."""
    given = request.query_params

    def words(name: str) -> tuple[str, ...]:
        return tuple(word for word in given.get(f"match[{name}]", "").split(",") if word)[:500]

    try:
        limit = int(given.get("limit", MOST_ROWS))
        if limit < 1:
            raise ValueError("limit must be 1 or more")
        for version in set(words("version")) - {"all", "first", "last"}:
            parse_time(version)
        return Query(
            id=(request.path_params["id"],) if "id" in request.path_params else words("id"),
            type=words("type"),
            version=words("version") or ("last",),
            spec=words("spec_version"),
            after=parse_time(given["added_after"]) if "added_after" in given else -1,
            seq=int(given.get("next", 0)),
            limit=min(limit, MOST_ROWS),
        )
    except (ValueError, OverflowError) as error:
        raise HTTPException(400, str(error)) from error


def _listed(request: Request, name: str, query: Query, show: Any) -> Response:
    """A page of rows as an envelope, with the times that TAXII wants in the headers (section 3.3)."""
    centre, _ = _asked(request)
    rows = centre.store.rows(COLLECTION, query)
    if not rows and "id" in request.path_params and not centre.store.rows(COLLECTION, _any_version(query)):
        raise HTTPException(404, "no such object")
    more, rows = len(rows) > query.limit, rows[: query.limit]
    body: dict[str, object] = {name: [show(row) for row in rows]} if rows else {}
    if more:
        body |= {"more": True, "next": str(rows[-1]["seq"])}
    added = [row["added"] for row in rows]
    times = {"X-TAXII-Date-Added-First": min(added), "X-TAXII-Date-Added-Last": max(added)} if rows else {}
    return _taxii(body, headers={name: taxii_time(time) for name, time in times.items()})


def _any_version(query: Query) -> Query:
    return Query(id=query.id, version=("all",), limit=1)


async def _objects(request: Request) -> Response:
    return _listed(request, "objects", _query(request), lambda row: orjson.Fragment(row["body"]))


async def _manifest(request: Request) -> Response:
    def entry(row: dict[str, Any]) -> dict[str, str]:
        times = {"date_added": taxii_time(row["added"]), "version": row["version"] or taxii_time(row["at"])}
        return {"id": row["id"], **times, "media_type": "application/stix+json;version=2.1"}

    return _listed(request, "objects", _query(request), entry)


async def _versions(request: Request) -> Response:
    query = _query(request)
    every = Query(id=query.id, version=("all",), after=query.after, seq=query.seq, limit=query.limit)
    return _listed(request, "versions", every, lambda row: row["version"] or taxii_time(row["at"]))


async def _receipts(request: Request) -> Response:
    """Signed receipts of all versions of the objects asked for by match[id], those of the asking sender only."""
    centre, sender = _asked(request)
    asked = _query(request)
    rows = centre.store.rows(COLLECTION, Query(id=asked.id, version=("all",), limit=MOST_ROWS)) if asked.id else []
    return _taxii({"receipts": [_receipt(row, centre.key) for row in rows if row["sender"] == sender]})


def _receipt(row: dict[str, Any], key: bytes) -> dict[str, str]:
    sha256 = digest(orjson.loads(row["body"]))
    receipt = sign(
        Receipt(row["collection"], row["id"], row["version"], sha256, row["sender"], taxii_time(row["added"])), key
    )
    return {name: getattr(receipt, name) for name in receipt.__struct_fields__}


async def _add(request: Request) -> Response:
    """Adds objects (section 5.4), unless a fault is switched on."""
    centre, sender = _asked(request)
    if request.headers.get("content-type", "").replace(" ", "") not in {MEDIA, "application/taxii+json"}:
        raise HTTPException(415, "only application/taxii+json;version=2.1")
    objects = await _envelope(request)
    fault, value = centre.store.next_fault()
    if fault == "delay":
        await asyncio.sleep(value)
    if fault in {"429", "503"}:
        raise HTTPException(int(fault), "drill: later", {"Retry-After": str(int(value))})
    if fault == "500":
        raise HTTPException(500, "drill: an error before anything was taken")
    wait = int(value * 1_000_000) if fault == "pending" else 0
    id = centre.store.add(COLLECTION, sender, objects, centre.clock.now(), wait)
    if fault == "timeout_after":
        await asyncio.sleep(value)
    if fault in {"timeout_after", "drop"}:
        return _Dropped()
    if fault == "500_after":
        raise HTTPException(500, "drill: an error after all was taken")
    return _taxii(centre.store.status(id, sender), 202)


async def _envelope(request: Request) -> list[Object]:
    raw = b""
    try:
        async for part in request.stream():
            raw += part
            if len(raw) > MOST_BYTES:
                raise HTTPException(413, f"more than {MOST_BYTES} bytes")
    except ClientDisconnect as error:
        raise HTTPException(400, "cut off") from error
    try:
        objects = orjson.loads(raw)["objects"]
    except (ValueError, KeyError, TypeError) as error:
        raise HTTPException(422, "no envelope with objects") from error
    if not isinstance(objects, list) or not objects or not all(isinstance(each, dict) for each in objects):
        raise HTTPException(422, "no envelope with objects")
    return cast("list[Object]", objects)


class _Dropped(Response):
    """An acknowledgement that is lost: the connection ends in the middle of the answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-length", b"1000"), (b"content-type", MEDIA.encode())]
        await send({"type": "http.response.start", "status": 202, "headers": headers})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})


async def _faults(request: Request) -> Response:
    """GET tells which are on, POST {"kind", "value", "count"} adds one, DELETE switches all off."""
    centre: Centre = request.app.state.centre
    if _sender(request) != ADMIN:
        raise HTTPException(403, "only for admin")
    if request.method == "DELETE":
        centre.store.clear_faults()
    if request.method == "POST":
        try:
            asked = orjson.loads(await request.body())
            kind, value, count = asked["kind"], float(asked.get("value", 0)), int(asked.get("count", 1))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise HTTPException(422, 'as in {"kind": "429", "value": 5, "count": 2}') from error
        if kind not in FAULTS or not 0 <= value <= 86400 or not 1 <= count <= 1_000_000:
            raise HTTPException(422, f"kind is one of {', '.join(FAULTS)}; value 0-86400 s; count from 1")
        centre.store.switch(kind, value, count)
    faults = [{"kind": kind, "value": value, "left": left} for kind, value, left in centre.store.faults()]
    return Response(orjson.dumps({"faults": faults}), media_type="application/json")


async def _page(request: Request) -> Response:
    centre: Centre = request.app.state.centre
    try:
        allowed = _sender(request) == ADMIN
    except HTTPException:
        allowed = False
    if not allowed:
        return Response("admin", 401, {"WWW-Authenticate": 'Basic realm="national centre"', **SECURITY})
    centre.store.settle(centre.clock.now())
    language = request.query_params.get("lang") or request.headers.get("accept-language", "")[:2]
    return arrivals_page(
        "en" if language == "en" else "vi", centre.store.senders(), centre.store.arrivals(), centre.store.faults()
    )
