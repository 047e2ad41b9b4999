"""What holds for every request: headers, who asks, and that a form was made here for this browser."""

from __future__ import annotations

import binascii
import secrets
import time
from base64 import b64decode
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from soc.core.errors import StoreError
from soc.core.hostile import plain
from soc.web.access import Access, Person
from soc.web.pages import COOKIE, VISIT_COOKIE, refused

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
MAX_BODY = 100_000
"""Bytes of a request: a comment of 4,000 characters, percent-encoded, is 48,000."""
_MAX_FIELDS = 20


class Guard(BaseHTTPMiddleware):
    """Every page but the public ones asks for a session, and every change for a form's token.

    The API also takes an account's name and password (HTTP Basic). Those need no token: they are never asked for with
    WWW-Authenticate, so no browser keeps and sends them by itself.
    """

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        new = _visit(request)
        try:
            response = await self._refusal(request) or await call_next(request)
        except StoreError as error:
            response = PlainTextResponse(f"503: {plain(error)}", 503)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if request.url.path.startswith("/static/"):
            response.headers["Cache-Control"] = "max-age=3600"
        elif new:
            secure = request.url.scheme == "https"
            response.set_cookie(VISIT_COOKIE, new, httponly=True, samesite="strict", secure=secure)
        return response

    async def _refusal(self, request: Request) -> Response | None:
        changes = request.method not in ("GET", "HEAD")
        if changes and not _same_site(request):
            return PlainTextResponse("cross-site request refused", 403)
        if changes and not request.headers.get("content-length", "").isdecimal():
            return PlainTextResponse("a length is needed", 411)
        if changes and int(request.headers["content-length"][:12]) > MAX_BODY:
            return PlainTextResponse("too long", 413)
        path = request.url.path
        if path.startswith("/static/") or path == "/healthz":
            return None
        basic = path.startswith("/api/") and "authorization" in request.headers
        person = await run_in_threadpool(_by_password if basic else _by_session, request)
        request.state.person = person
        if person is None and not path.startswith(PUBLIC):
            if path.startswith("/api/"):
                return JSONResponse({"error": "sign in first"}, 401)
            return RedirectResponse("/login", 303)
        if changes and not basic and not await _has_token(request):
            return refused(request, HTTPException(403, STALE))
        return None


STALE = "This form is too old. Load the page again."


async def fields(request: Request) -> dict[str, str]:
    """What a form says. Forms of other types than the plain one say nothing."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        return {}
    text = (await request.body()).decode("utf-8", "replace")
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="replace"))
    except ValueError:  # too many
        return {}


async def _has_token(request: Request) -> bool:
    token = request.headers.get("x-csrf-token")
    if token is None:
        token = (await fields(request)).get("csrf", "")
    access: Access = request.app.state.access
    return access.is_form_token(request.state.seed, token)


def _visit(request: Request) -> str:
    """Sets what this browser's tokens are made from: its session, or a cookie from before; a new one is given back."""
    known = request.cookies.get(COOKIE) or request.cookies.get(VISIT_COOKIE)
    new = "" if known else secrets.token_urlsafe(16)
    request.state.seed = known or new
    request.state.person = None
    return new


def _by_session(request: Request) -> Person | None:
    access: Access = request.app.state.access
    return access.person(request.cookies.get(COOKIE, ""), time.monotonic())


def _by_password(request: Request) -> Person | None:
    kind, _, given = request.headers["authorization"].partition(" ")
    try:
        name, colon, password = b64decode(given, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    if kind.lower() != "basic" or not colon:
        return None
    access: Access = request.app.state.access
    return access.check(name, password, address(request), time.monotonic())


def address(request: Request) -> str:
    """Where the request comes from, for the lockout."""
    return request.client.host if request.client else ""


def _same_site(request: Request) -> bool:
    """Browsers name the page that a form was sent from; a form without any such word is not from a browser page."""
    origin = request.headers.get("origin")
    if origin is not None:
        return origin.partition("://")[2] == request.headers.get("host", "")
    return request.headers.get("sec-fetch-site", "none") in {"same-origin", "none"}
