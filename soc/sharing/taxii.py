"""TAXII 2.1 as a client: what is asked of the national centre, and what its answers mean.

https://docs.oasis-open.org/cti/taxii/v2.1/taxii-v2.1.html. The one thing that matters after a failure is whether the
centre may have got it: Unreachable says no, NoAnswer says perhaps.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPMessage
from typing import IO, Final, Protocol
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import HTTPHandler, HTTPRedirectHandler, HTTPSHandler, Request, build_opener

MEDIA: Final = "application/taxii+json;version=2.1"
MOST_BYTES: Final = 16 * 1024 * 1024
_BELIEVED_WAIT: Final = 86_400_000_000
"""An hour is plausible, a year is a mistake or malice: a day at most."""


class Unreachable(Exception):
    """Nothing was sent: refused, no such host, or its certificate is not to be trusted."""


class NoAnswer(Exception):
    """It was sent, or may have been, and no whole answer came."""


@dataclass(frozen=True, slots=True)
class Answer:
    """status, headers in lower case, body."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def retry_after(self, now: int) -> int:
        """µs to wait by Retry-After, seconds or a date (RFC 9110 section 10.2.3); 0 if it says nothing sensible."""
        text = self.headers.get("retry-after", "").strip()
        if text.isascii() and text.isdigit():
            return min(int(text[:9]) * 1_000_000, _BELIEVED_WAIT)
        try:
            at = int(parsedate_to_datetime(text).timestamp() * 1_000_000)
        except (ValueError, OverflowError):
            return 0
        return min(max(0, at - now), _BELIEVED_WAIT)


class Http(Protocol):
    """One request, one answer of any status. Unreachable or NoAnswer otherwise; redirections are not followed."""

    def request(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer: ...


class UrllibHttp:
    """The standard library's client, which follows no redirection: the token goes to the URL of soc.yml only."""

    def __init__(self, timeout: float = 30, ca: str = "") -> None:
        """timeout in seconds, of each wait for the other side; ca a PEM file instead of the system's authorities."""
        context = ssl.create_default_context(cafile=ca or None)
        self._opener = build_opener(HTTPHandler(), HTTPSHandler(context=context), _NoRedirect())
        self._timeout = timeout

    def request(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        request = Request(url, body or None, dict(headers), method=method)  # noqa: S310 - http(s) by soc.yml's check
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                raw = response.read(MOST_BYTES + 1)
                status, found = int(response.status), response.headers
        except HTTPError as error:
            with error:
                status, found = error.code, error.headers
                try:
                    raw = error.read(MOST_BYTES + 1)
                except (OSError, HTTPException):
                    raw = b""  # the status says enough
        except URLError as error:
            if isinstance(error.reason, ConnectionRefusedError | ssl.SSLCertVerificationError) or _no_host(error):
                raise Unreachable(str(error.reason)) from error
            raise NoAnswer(str(error.reason)) from error
        except (OSError, HTTPException) as error:
            raise NoAnswer(str(error) or type(error).__name__) from error
        if len(raw) > MOST_BYTES:
            raise NoAnswer(f"an answer of more than {MOST_BYTES} bytes")
        return Answer(status, {name.lower(): value for name, value in found.items()}, raw)


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        return None


def _no_host(error: URLError) -> bool:
    return type(error.reason).__name__ == "gaierror"


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection of an API root, and how to ask it. root ends with a slash."""

    http: Http
    root: str
    id: str
    token: str

    def post(self, envelope: bytes) -> Answer:
        """Add objects (section 5.4)."""
        return self._ask("POST", f"collections/{quote(self.id, '')}/objects/", envelope)

    def status(self, id: str) -> Answer:
        """What became of a request (section 4.3)."""
        return self._ask("GET", f"status/{quote(id, '')}/")

    def object(self, id: str, version: str) -> Answer:
        """One version of one object (section 5.6)."""
        query = urlencode({"match[version]": version})
        return self._ask("GET", f"collections/{quote(self.id, '')}/objects/{quote(id, '')}/?{query}")

    def receipts(self, ids: list[str]) -> Answer:
        """Signed receipts, which are not part of TAXII; 404 at a centre that has none."""
        query = urlencode({"match[id]": ",".join(ids)})
        return self._ask("GET", f"collections/{quote(self.id, '')}/receipts/?{query}")

    def _ask(self, method: str, path: str, body: bytes = b"") -> Answer:
        headers = {"Accept": MEDIA, "Authorization": f"Bearer {self.token}"}
        if body:
            headers["Content-Type"] = MEDIA
        return self.http.request(method, self.root + path, headers, body)
