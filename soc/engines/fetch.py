"""Downloads a file over HTTP: bounded in size and time, and never led to another scheme."""

from __future__ import annotations

import http.client
import time
from typing import IO
from urllib.parse import urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

from soc.core.errors import SocError

_CHUNK = 65_536


class _SameScheme(HTTPRedirectHandler):
    """From https to http would be a downgrade, to file a leak."""

    max_redirections = 5

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: http.client.HTTPMessage, newurl: str
    ) -> Request | None:
        if urlsplit(newurl).scheme != urlsplit(req.full_url).scheme:
            raise SocError(req.full_url, "leads to another scheme: {url}", url=newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def is_address(source: str) -> bool:
    """Whether a source is to be downloaded."""
    return source.startswith(("http://", "https://"))


def fetch(url: str, most: int, *, wait: float = 30.0, deadline: float = 600.0) -> bytes:
    """The body at an http or https address. SocError when it cannot be had, is longer than ``most``, or takes too long.

    wait      seconds that the server may be silent
    deadline  seconds for the whole
    """
    opener = OpenerDirector()
    for handler in (ProxyHandler, HTTPHandler, HTTPSHandler, _SameScheme, HTTPErrorProcessor, HTTPDefaultErrorHandler):
        opener.add_handler(handler())
    until = time.monotonic() + deadline
    body = bytearray()
    try:
        with opener.open(Request(url, headers={"User-Agent": "soc"}), timeout=wait) as answer:  # noqa: S310 - http only
            while chunk := answer.read1(_CHUNK):
                body += chunk
                if len(body) > most:
                    raise SocError(url, "larger than {number} MiB", number=most // 1024 // 1024)
                if time.monotonic() > until:
                    raise SocError(url, "not done after {seconds} s", seconds=f"{deadline:.0f}")
            expected = answer.headers.get("Content-Length")
            if expected and expected.isdigit() and int(expected) != len(body):
                raise SocError(url, "cut short: {got} of {expected} bytes", got=len(body), expected=expected)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise SocError(url, getattr(error, "reason", None) or error) from error
    return bytes(body)
