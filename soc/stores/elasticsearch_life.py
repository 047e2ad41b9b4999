"""What people did about alerts, in Elasticsearch: in the alert's own document, changed only as it was read."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from elasticsearch import ConflictError, Elasticsearch, NotFoundError

from soc.core.errors import Conflict, Refused, StoreError
from soc.core.event import iso
from soc.core.triage import NO_ALERT, Act, Life, acted

Json = dict[str, Any]
_TRIES: Final = 10
LIFE: Final = "triage.life"
"""The field with the whole life as JSON text; the others of triage are for filters and dashboards."""


def get_life(client: Elasticsearch, index: str, id: str) -> Life | None:
    """Of an alert by its whole id; None if there is none. It is what was written last, refreshed or not."""
    found = _document(client, index, id)
    return None if found is None else _read(found)


def put_act(client: Elasticsearch, index: str, id: str, act: Act, version: int) -> Life:
    """See Store.act. The pipeline writes the same document: what it changed in between is no reason to refuse a
    person's act, so the act is tried again on the new state, as long as no other person's act is in it."""
    for _ in range(_TRIES):
        found = _document(client, index, id)
        if found is None:
            raise Refused(NO_ALERT)
        after = acted(_read(found), act, version)
        try:
            client.update(
                index=index,
                id=id,
                doc=_fields(after),
                if_seq_no=found["_seq_no"],
                if_primary_term=found["_primary_term"],
                refresh=True,
            )
        except ConflictError:
            continue
        except NotFoundError as error:
            raise Refused(NO_ALERT) from error
        return after
    raise Conflict("alert {id} changes too fast; try again", id=id)


def _document(client: Elasticsearch, index: str, id: str) -> Json | None:
    if not id.isalnum() or not id.isascii():
        return None
    try:
        found: Json = client.get(index=index, id=id, source_includes=[LIFE]).body
    except NotFoundError:
        return None
    return found


def _read(found: Json) -> Life:
    raw = found["_source"].get(LIFE)
    try:
        return Life() if raw is None else msgspec.json.decode(raw, type=Life)
    except msgspec.DecodeError as error:
        raise StoreError(
            "elasticsearch", "the life of alert {id} cannot be read: {why}", id=found["_id"], why=error
        ) from error


def _fields(life: Life) -> Json:
    last = life.entries[-1]
    return {
        "status": life.status,
        LIFE: msgspec.json.encode(life).decode(),
        "triage.assignee": life.assignee,
        "triage.verdict": life.verdict,
        "triage.comment": next((one.text for one in reversed(life.entries) if one.text), ""),
        "triage.by": last.by,
        "triage.at": iso(last.at),
    }
