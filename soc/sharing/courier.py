"""The courier takes items from the outbox to the national centre: each is accepted once, whatever happens on the way.

Before anything is sent that is written down. When the outcome of that is not known (time-out, crash, a server's error)
the centre is asked for the objects by id and version first, and only what it does not have is sent again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import msgspec
import orjson

from soc.core.clock import Clock
from soc.core.errors import SocError
from soc.core.hostile import plain
from soc.sharing.outbox import Item, Outbox
from soc.sharing.receipt import Receipt, digest, genuine
from soc.sharing.stix import encode, objects_of, version_of
from soc.sharing.taxii import Answer, Collection, NoAnswer, Unreachable
from soc.sharing.tlp import Object

SECOND: Final = 1_000_000
FIRST_WAIT: Final = 2 * SECOND
LONGEST_WAIT: Final = 900 * SECOND
_PROBES: Final = 7
"""Doublings of the wait while nothing answers: four minutes after an outage everything goes again."""
_PENDING_WAIT: Final = 2 * SECOND
_NOT_TAKEN: Final = frozenset({400, 413, 415, 422})
_OPERATOR: Final = frozenset({401, 403, 404, 406})
_RECEIPTS_AT_ONCE: Final = 50


class _Status(msgspec.Struct, frozen=True):
    """A status resource (TAXII 2.1 section 4.3); details bear id, version and message."""

    id: str
    status: str
    successes: tuple[dict[str, object], ...] = ()
    failures: tuple[dict[str, object], ...] = ()


class _Later(Exception):
    """The centre cannot now.

    wait      µs that it asks for; 0 if it says nothing
    doubtful  it may have got what was sent
    anybody   it would have failed with any item: nothing was sent, or it is too busy
    """

    def __init__(self, why: str, wait: int = 0, *, doubtful: bool = False, anybody: bool = False) -> None:
        super().__init__(why)
        self.wait = wait
        self.doubtful = doubtful
        self.anybody = anybody


@dataclass(slots=True)
class Round:
    """What one round came to; stopped says why it ended early, "" if it did not."""

    accepted: int = 0
    pending: int = 0
    refused: int = 0
    stopped: str = ""


def backoff(attempts: int, id: str) -> int:
    """µs to wait after so many failures in a row: doubled each time, up to LONGEST_WAIT; a tenth differs by id."""
    wait = min(FIRST_WAIT << min(attempts, 20), LONGEST_WAIT)
    spread = int.from_bytes(blake2b(f"{id}\0{attempts}".encode(), digest_size=4).digest())
    return wait - wait // 10 * spread // (1 << 32)


class Courier:
    """Only one may serve an outbox at a time; the caller holds the lock.

    receipt_key  with it, an item is accepted only when a genuine receipt of each object is kept
    """

    def __init__(self, outbox: Outbox, collection: Collection, clock: Clock, receipt_key: bytes = b"") -> None:
        self._outbox = outbox
        self._collection = collection
        self._clock = clock
        self._key = receipt_key

    def round(self, going_on: Callable[[], bool] = lambda: True) -> Round:
        """Looks after everything that is due, until the centre fails. SocError when it refuses us altogether."""
        done = Round()
        now = self._clock.now()
        if now < int(self._outbox.noted("pause_until") or 0):
            done.stopped = self._outbox.noted("last_error") or "waiting"
            return done
        for item in self._outbox.due(now):
            if not going_on():
                break
            try:
                state = self._further(item)
            except _Later as later:
                self._put_off(item, later)
                done.stopped = str(later)
                break
            if state == "accepted":
                done.accepted += 1
            elif state == "pending":
                done.pending += 1
            else:
                done.refused += 1
        return done

    def _put_off(self, item: Item, later: _Later) -> None:
        """The item waits by its own failures, everything by the connection's, so that one bad item stops nobody."""
        now = self._clock.now()
        failures = int(self._outbox.noted("failures") or 0)
        self._outbox.note("failures", failures + 1)
        self._outbox.note("last_error", str(later))
        self._outbox.note("pause_until", now + (later.wait or backoff(min(failures, _PROBES), "channel")))
        state = "sending" if later.doubtful else item.state
        status = item.status_id if state == "pending" else ""
        if later.anybody:  # after an outage of a day it must not wait for its own time as well
            self._outbox.move(item, state, now, status_id=status)
            return
        wait = max(later.wait, backoff(item.attempts, item.id))
        self._outbox.move(item, state, now, error=str(later), next_try=now + wait, status_id=status)

    def _further(self, item: Item) -> str:
        """Takes an item as far as it goes now; its new state."""
        if item.state == "pending" and item.status_id:
            answer = self._call(lambda: self._collection.status(item.status_id))
            if answer.status != 404:
                return self._by_status(item, self._checked(answer))
            self._ask(item)  # the centre has forgotten the request, but perhaps not the objects
        elif item.state != "waiting":
            self._ask(item)
        missing = self._outbox.open_objects(item)
        if not missing:
            return self._finish(item)
        self._outbox.move(item, "sending", self._clock.now())
        envelope = encode({"objects": missing})
        answer = self._call(lambda: self._collection.post(envelope), sends=True)
        if answer.status in _NOT_TAKEN:
            return self._refuse(item, f"{answer.status}: {_said(answer)}")
        return self._by_status(item, self._checked(answer, sends=True))

    def _ask(self, item: Item) -> None:
        """Which of the objects does the centre have? Those are accepted."""
        for wanted in self._outbox.open_objects(item):
            id, version = str(wanted["id"]), version_of(wanted)
            answer = self._call(lambda id=id, version=version: self._collection.object(id, version))  # type: ignore[misc]
            if answer.status == 404:
                continue
            try:
                found = orjson.loads(self._checked(answer).body).get("objects") or []
            except (ValueError, AttributeError) as error:
                raise _Later(f"no envelope of objects: {error}") from error
            if any(isinstance(each, dict) and digest(each) == digest(wanted) for each in found):
                self._outbox.accept([wanted], self._clock.now())

    def _by_status(self, item: Item, answer: Answer) -> str:
        try:
            status = msgspec.json.decode(answer.body, type=_Status)
        except msgspec.DecodeError as error:
            raise _Later(f"no status resource: {error}", doubtful=True) from error
        by_key = {(each["id"], version_of(each)): each for each in objects_of(item.bundle)}
        taken = [by_key[key] for each in status.successes if (key := (each.get("id"), each.get("version"))) in by_key]
        self._outbox.accept(taken, self._clock.now())
        if status.failures:
            return self._refuse(item, "; ".join(plain(each.get("message", ""), 200) for each in status.failures[:5]))
        if status.status == "complete":
            if self._outbox.open_objects(item):
                raise _Later("the centre says complete, and not what it took", doubtful=True)
            return self._finish(item)
        now = self._clock.now()
        patience = min(max(_PENDING_WAIT, (now - item.queued) // 10), LONGEST_WAIT)  # the longer it takes, the rarer
        wait = answer.retry_after(now) or patience
        self._outbox.move(item, "pending", now, next_try=now + wait, status_id=status.id)
        return "pending"

    def _finish(self, item: Item) -> str:
        """Everything is there: the receipts are fetched and verified, where there is a key for them."""
        now = self._clock.now()
        wanted = {(str(each["id"]), version_of(each)): each for each in self._outbox.open_objects(item, receipts=True)}
        if self._key and wanted:
            ids = sorted({id for id, _ in wanted})
            for begin in range(0, len(ids), _RECEIPTS_AT_ONCE):
                part = ids[begin : begin + _RECEIPTS_AT_ONCE]
                answer = self._checked(self._call(lambda part=part: self._collection.receipts(part)))  # type: ignore[misc]
                self._outbox.keep(self._verified(answer, wanted))
            if missing := len(self._outbox.open_objects(item, receipts=True)):
                why = f"{missing} objects without a genuine receipt"
                self._outbox.move(item, "pending", now, error=why, next_try=now + backoff(item.attempts, item.id))
                return "pending"
        self._outbox.move(item, "accepted", now)
        return "accepted"

    def _verified(self, answer: Answer, wanted: dict[tuple[str, str], Object]) -> list[Receipt]:
        try:
            receipts = msgspec.json.decode(answer.body, type=dict[str, tuple[Receipt, ...]]).get("receipts", ())
        except msgspec.DecodeError:
            return []
        return [
            receipt
            for receipt in receipts
            if (found := wanted.get((receipt.id, receipt.version)))
            and receipt.collection == self._collection.id
            and receipt.sha256 == digest(found)
            and genuine(receipt, self._key)
        ]

    def _refuse(self, item: Item, why: str) -> str:
        self._outbox.move(item, "refused", self._clock.now(), error=why)
        return "refused"

    def _call(self, ask: Callable[[], Answer], *, sends: bool = False) -> Answer:
        try:
            answer = ask()
        except Unreachable as error:
            raise _Later(plain(error, 200), anybody=True) from error
        except NoAnswer as error:
            raise _Later(plain(error, 200), doubtful=sends) from error
        now = self._clock.now()
        self._outbox.note("last_answer", now)
        if answer.status in {429, 503}:  # the two that say that nothing was taken
            raise _Later(f"{answer.status}: {_said(answer)}", answer.retry_after(now), anybody=True)
        if answer.status >= 500:
            raise _Later(f"{answer.status}: {_said(answer)}", answer.retry_after(now), doubtful=sends)
        self._outbox.note("failures", 0)
        self._outbox.note("last_success", now)
        return answer

    def _checked(self, answer: Answer, *, sends: bool = False) -> Answer:
        if answer.status in {200, 202}:
            return answer
        if answer.status in _OPERATOR:
            why = f"{answer.status}: {_said(answer)}"
            self._outbox.note("last_error", why)
            raise SocError("share", "the centre refuses us: {why}", why=why)
        raise _Later(f"{answer.status}: {_said(answer)}", doubtful=sends)


def _said(answer: Answer) -> str:
    """The title of a TAXII error message (section 3.6.1), or nothing."""
    try:
        said = orjson.loads(answer.body)
    except ValueError:
        return ""
    text = f"{said.get('title', '')} {said.get('description', '')}".strip() if isinstance(said, dict) else ""
    return plain(text, 200)
