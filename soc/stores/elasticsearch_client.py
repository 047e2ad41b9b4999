"""The connection to Elasticsearch: how settings become a client, and how its failures become ours."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from elastic_transport import ConnectionError as NoConnection
from elastic_transport import ConnectionTimeout, TransportError
from elasticsearch import ApiError, Elasticsearch

from soc.core.errors import SettingsError, SocError, StoreError
from soc.core.settings import ElasticsearchSettings, secret
from soc.stores.elasticsearch_bulk import Unreachable
from soc.stores.elasticsearch_names import checked

WITHIN: Final = 60.0
"""Seconds that an answer may take."""

_BULK = "/_bulk?filter_path=errors,items.*.status,items.*.error"
_HEADERS = {"content-type": "application/vnd.elasticsearch+x-ndjson; compatible-with=9",
            "accept": "application/vnd.elasticsearch+json; compatible-with=9"}  # fmt: skip


def connect(settings: ElasticsearchSettings) -> Elasticsearch:
    """A client that repeats nothing by itself; nothing is sent yet. SettingsError names the key that is wrong."""
    checked(settings.namespace)
    if not settings.urls:
        raise SettingsError("elasticsearch.urls", "name the address of a node, such as https://localhost:9200")
    if settings.api_key_file and settings.user:
        raise SettingsError("elasticsearch", "give api_key_file, or user and password_file, not both")
    options: dict[str, Any] = {"request_timeout": WITHIN, "max_retries": 0, "retry_on_timeout": False}
    if settings.api_key_file:
        options["api_key"] = secret(settings.api_key_file)
    elif settings.user:
        options["basic_auth"] = (settings.user, secret(settings.password_file))
    if settings.ca:
        if not all(url.startswith("https://") for url in settings.urls):
            raise SettingsError("elasticsearch.ca", "is for addresses that begin with https://")
        if not Path(settings.ca).is_file():
            raise SettingsError("elasticsearch.ca", "{file} does not exist", file=settings.ca)
        options["ca_certs"] = settings.ca
    try:
        return Elasticsearch(list(settings.urls), **options)
    except (OSError, ValueError, TransportError) as error:
        raise SettingsError("elasticsearch", error) from error


@contextmanager
def telling() -> Iterator[None]:
    """Failures of the server, or of the way there, as StoreError with its own words."""
    try:
        yield
    except ApiError as error:
        raise StoreError(f"elasticsearch: {error.status_code} {reason(error.body)}") from error
    except TransportError as error:
        raise StoreError("elasticsearch", _said(error)) from error


def _said(error: TransportError) -> str:
    """Such as "TLS error: certificate verify failed", with the cause that the client keeps apart."""
    causes = [str(cause) for cause in (*error.errors, error.__cause__) if cause is not None]
    return ": ".join(dict.fromkeys((str(error), *causes[-1:])))


def reason(body: object) -> str:
    """What the server gave as the reason, at most 500 characters."""
    error = body.get("error", body) if isinstance(body, dict) else body
    if not isinstance(error, dict):
        return str(error)[:500]
    told = f"{error.get('type', '')}: {error.get('reason', '')}"
    cause = error.get("caused_by")
    return (f"{told} (caused by {cause.get('reason')})" if isinstance(cause, dict) else told)[:500]


class ClientSender:
    """Bulks through a client, for soc.stores.elasticsearch_bulk.BulkWriter."""

    def __init__(self, client: Elasticsearch) -> None:
        self._client = client

    def send(self, bulk: bytes) -> tuple[int, Any]:
        try:
            answer = self._client.perform_request("POST", _BULK, headers=_HEADERS, body=bulk)
        except ApiError as error:
            return error.status_code, error.body
        except (NoConnection, ConnectionTimeout) as error:
            raise Unreachable(_said(error)) from error
        except TransportError as error:
            raise StoreError("elasticsearch", _said(error)) from error
        return 200, answer.body


def create_key(client: Elasticsearch, request: dict[str, Any], file: Path) -> str:
    """Makes the key and writes it into a new file that only its owner can read; the key's id. SocError if the file is
    there already: a key in use is not to be lost by a slip."""
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise SocError(file, "is there already; name another file, or remove it first") from error
    try:
        with open(handle, "w", encoding="utf-8") as out:  # noqa: PTH123 - of an open file
            with telling():
                made = client.security.create_api_key(**request)
            out.write(f"{made['encoded']}\n")
    except BaseException:
        file.unlink()
        raise
    return str(made["id"])
