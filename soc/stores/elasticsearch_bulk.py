"""Writes rows to Elasticsearch in bulks until each is there, was there, or is refused for good.

Only what can help is repeated: rows that the server had no room for (429), and everything while it cannot be reached
(502, 503, 504, no answer). A row that is refused for what it is comes back with the reason, so one poison document
stops nobody. What is the operator's fault, such as a key without rights, is a StoreError: the caller keeps its place
in the input, and nothing is lost. Documents are never parsed: a bulk is their bytes, joined.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple, Protocol

import orjson

from soc.core.errors import StoreError

Action = Literal["create", "index", "update"]

MOST_BYTES: Final = 5_000_000
"""Bytes of a bulk; more gains nothing, and servers refuse far more."""
LONGEST_PAUSE: Final = 30.0
_TRIES_AT_500 = 5  # an error inside the server: either it passes, or this row brings it about
_BUSY = frozenset((408, 429, 502, 503, 504))
_OPERATOR = frozenset((401, 403, 404))
_CONFLICT, _TOO_LARGE = 409, 413


class Row(NamedTuple):
    """One document for an index or data stream: doc is JSON on one line. create never replaces, index does, update's
    doc is the body of an update."""

    target: str
    id: str
    doc: bytes
    action: Action = "create"


class Refused(NamedTuple):
    """A row that will never be taken, and why."""

    target: str
    id: str
    status: int
    reason: str
    doc: bytes


class Unreachable(Exception):
    """No answer: nobody knows what of the bulk was written."""


class Sender(Protocol):
    """What a bulk is sent through: the answer is (HTTP status, its document). Unreachable if none came."""

    def send(self, bulk: bytes) -> tuple[int, Any]: ...


@dataclass(slots=True)
class Counts:
    """Rows so far. retried counts a row each time that it is sent again."""

    written: int = 0
    there_already: int = 0
    refused: int = 0
    retried: int = 0


@dataclass(slots=True)
class _Going:
    """One write, under way: what is to be sent again, what was refused, and how often the server failed on a row."""

    again: list[Row]
    refused: list[Refused]
    errors: Counter[tuple[str, str]]

    def refuse(self, row: Row, status: int, reason: str) -> None:
        self.refused.append(Refused(row.target, row.id, status, reason, row.doc))

    def may_pass(self, row: Row, status: int) -> bool:
        """True for an error inside the server that this row has not met too often."""
        self.errors[row.target, row.id] += status >= 500
        return status >= 500 and self.errors[row.target, row.id] <= _TRIES_AT_500


class BulkWriter:
    """stop, once set, ends any waiting with StoreError; patience is how many seconds of pauses one write may take
    before it gives up likewise (None: it waits for ever). chance gives 0 to 1, for pauses that do not keep step."""

    def __init__(
        self,
        sender: Sender,
        stop: threading.Event | None = None,
        *,
        patience: float | None = None,
        chance: Callable[[], float] = lambda: 0.5,
        first_pause: float = 0.5,
    ) -> None:
        self.counts = Counts()
        self.last_failure = ""
        """What the server last said when a row had to be sent again; for a health page."""
        self._sender = sender
        self._stop = stop or threading.Event()
        self._patience = patience
        self._chance = chance
        self._first_pause = first_pause

    def write(self, rows: Sequence[Row]) -> list[Refused]:
        """Blocks until every row is written or refused. StoreError if that is not to be: then some may be written,
        and writing them again does no harm."""
        going = _Going([], [], Counter())
        waiting: list[Row] = []
        for row in rows:
            if b"\n" in row.doc:
                going.refuse(row, 400, "a document must be one line")
            else:
                waiting.append(row)
        attempt, slept = 0, 0.0
        while waiting:
            going.again = []
            for bulk in _split(waiting):
                self._send(bulk, going)
            waiting = going.again
            if waiting:
                slept += self._pause(attempt, slept)
                attempt += 1
                self.counts.retried += len(waiting)
        self.counts.refused += len(going.refused)
        return going.refused

    def _send(self, rows: Sequence[Row], going: _Going) -> None:
        if self._stop.is_set():
            raise StoreError("elasticsearch", "stopped while writing")
        try:
            status, answer = self._sender.send(_body(rows))
        except Unreachable as error:
            self.last_failure = str(error)
            going.again += rows
            return
        if status == 200:
            self._sort(rows, answer, going)
        elif status in _BUSY or status >= 500:
            self.last_failure = f"{status} {_reason(answer)}"
            going.again += rows
        elif status in _OPERATOR:
            raise StoreError(f"elasticsearch: {status} {_reason(answer)}")
        elif len(rows) == 1:
            going.refuse(rows[0], status, _reason(answer))
        else:  # too large, or one row that breaks the whole: halves find it
            half = len(rows) // 2
            for part in (rows[:half], rows[half:]):
                self._send(part, going)

    def _sort(self, rows: Sequence[Row], answer: Mapping[str, Any], going: _Going) -> None:
        """What became of each row of a bulk."""
        if not answer.get("errors"):
            self.counts.written += len(rows)
            return
        for row, item in zip(rows, answer["items"], strict=True):
            (result,) = item.values()
            status = result["status"]
            if status < 300:
                self.counts.written += 1
            elif status == _CONFLICT and row.action == "create":
                self.counts.there_already += 1
            elif status in _OPERATOR:
                raise StoreError(f"elasticsearch: {row.target}: {status} {_reason(result)}")
            elif status in _BUSY or status == _CONFLICT or going.may_pass(row, status):
                self.last_failure = f"{status} {_reason(result)}"
                going.again.append(row)
            else:
                going.refuse(row, status, _reason(result))

    def _pause(self, attempt: int, slept: float) -> float:
        """Waits longer each time; the seconds it was."""
        seconds = min(LONGEST_PAUSE, self._first_pause * 2.0 ** min(attempt, 16)) * (0.5 + self._chance())
        seconds = min(LONGEST_PAUSE, seconds)
        if self._patience is not None and slept + seconds > self._patience:
            raise StoreError("elasticsearch", self.last_failure)
        if self._stop.wait(seconds):
            raise StoreError("elasticsearch", "stopped while waiting: {why}", why=self.last_failure)
        return seconds


def _split(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Bulks of at most MOST_BYTES, or of one row."""
    start = size = 0
    for number, row in enumerate(rows):
        size += len(row.doc)
        if size > MOST_BYTES and number > start:
            yield rows[start:number]
            start, size = number, len(row.doc)
    yield rows[start:]


def _body(rows: Sequence[Row]) -> bytes:
    parts: list[bytes] = []
    for target, id, doc, action in rows:
        before, after = _around(target, action)
        name = id.encode() if id.isalnum() and id.isascii() else orjson.dumps(id)[1:-1]
        parts += (before, name, after, doc, b"\n")
    return b"".join(parts)


@lru_cache(1024)
def _around(target: str, action: Action) -> tuple[bytes, bytes]:
    """The line before a document, around its id."""
    more: dict[str, object] = {}
    if action == "update":
        more["retry_on_conflict"] = 5
    elif target.startswith("logs-"):
        more["require_data_stream"] = True  # without our template it would become a plain index, and refuse nothing
    line = orjson.dumps({action: {"_index": target, **more, "_id": ""}})
    return line[: -len(b'"}}')], b'"}}\n'


def _reason(answer: object) -> str:
    """ "document_parsing_exception: [1:59] failed to parse ... (caused by ...)", at most 500 characters."""
    error = answer.get("error", answer) if isinstance(answer, Mapping) else answer
    told: list[str] = []
    while isinstance(error, Mapping):
        told.append(f"{error.get('type', '')}: {error.get('reason', '')}".strip(": "))
        error = error.get("caused_by")
    return (" (caused by ".join(told) + ")" * (len(told) - 1) if told else str(error))[:500]
