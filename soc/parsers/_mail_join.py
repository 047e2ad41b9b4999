"""One mail, one event: the lines of a message in Postfix's queue, and what the filters said of it, put together.

A message is concluded when no earlier line can come any more: once the watermark has passed its "removed" line, or
five minutes after its last line (it is deferred, or was refused). The joined event bears the time of the conclusion, so
that windows see it in order; event.start and event.end say when the mail came and when its last line was written.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from heapq import heapify, heappop, heappush
from typing import Any, Final

from soc.core.event import Event, Value

PATIENCE: Final = 5 * 60 * 1_000_000
MAX_MAILS: Final = 50_000
MAX_TEXT: Final = 32 * 1024 * 1024
MAX_ORIGINAL: Final = 16 * 1024
MAX_RECIPIENTS: Final = 1000
_VERDICT_AGE: Final = 3 * PATIENCE

_COPIED: Final = (
    *("source.domain", "source.ip", "source.port", "user.name"),
    *("email.from.address", "email.message_id", "email.subject", "email.attachments.file.name"),
    *("postfix.helo", "postfix.recipients", "postfix.sasl_method", "postfix.size"),
)
_PLACE: Final = ("soc.origin", "log.offset")
_READ: Final = (
    *("@timestamp", "event.module", "event.action", "event.original", "event.reason", "event.risk_score", "rule.name"),
    *("host.name", "email.local_id", "email.to.address", "postfix.status"),
    *_COPIED,
    *_PLACE,
)

MESSAGE_FILLS: Final = frozenset(
    {
        *("@timestamp", "event.kind", "event.module", "event.dataset", "event.category", "event.type", "event.action"),
        *("event.original", "event.start", "event.end", "event.duration", "event.outcome", "event.reason"),
        *("event.risk_score", "host.name", "email.local_id", "email.to.address", "rule.name"),
        *("postfix.status", "postfix.filter.name", "postfix.filter.verdict"),
        *_COPIED,
    }
)


@dataclass(slots=True)
class _Mail:
    """What is known of one message so far; times are µs. JSON-able."""

    host: str
    queue_id: str
    serial: int
    first: int
    last: int
    arrived: int = 0  # when it entered the queue, 0 if that was not seen
    removed: int = 0  # when it left the queue
    refused: str = ""
    length: int = 0
    lines: list[list[Any]] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    place: dict[str, Any] = field(default_factory=dict)
    recipients: dict[str, str] = field(default_factory=dict)

    def due(self) -> int:
        return self.removed or self.last + PATIENCE


class MailJoin:
    """Implements Join. Redelivered lines count once; a queue id that is used again begins another mail."""

    def __init__(self) -> None:
        self._mails: dict[str, _Mail] = {}
        self._due: list[tuple[int, str, int]] = []
        self._verdicts: dict[str, dict[str, Any]] = {}
        self._serial = 0
        self._text = 0

    def part(self, event: Event) -> Event | None:
        """The fields of one message's line or of a filter's verdict; None of a line without a queue id."""
        if event["event.module"] == "postfix" and not isinstance(event.get("email.local_id"), str):
            return None
        return {name: event[name] for name in _READ if name in event}

    def feed(self, event: Event) -> Iterable[Event]:
        """Takes any event. Gives joined events only where a queue id returns or a bound is reached."""
        if event["event.module"] != "postfix":
            self._note_verdict(event)
            return ()
        queue_id = event.get("email.local_id")
        time = event["@timestamp"]
        if not isinstance(queue_id, str) or not isinstance(time, int):
            return ()
        concluded: list[Event] = []
        key = f"{event.get('host.name', '')}\0{queue_id}"
        action = event.get("event.action")
        mail = self._mails.get(key)
        if mail is not None and (
            0 < mail.removed < time or (action == "queued" and 0 < mail.arrived < time - 1_000_000)
        ):
            concluded += self._conclude(key, mail, mail.last)
            mail = None
        if mail is None:
            mail = self._begin(key, event, queue_id, time)
            concluded += self._make_room(key)
        self._add(key, mail, event, time, action)
        return concluded

    def expire(self, watermark: int) -> Iterable[Event]:
        """The mails that are complete at the watermark (µs), or were not heard of for five minutes before it."""
        concluded: list[Event] = []
        while self._due and self._due[0][0] < watermark:
            _, key, serial = heappop(self._due)
            mail = self._mails.get(key)
            if mail is None or mail.serial != serial:
                continue
            due = mail.due()
            if due < watermark:
                concluded += self._conclude(key, mail, due)
            else:
                heappush(self._due, (due, key, serial))
        while self._verdicts:
            oldest = next(iter(self._verdicts))
            if self._verdicts[oldest]["time"] >= watermark - _VERDICT_AGE:
                break
            del self._verdicts[oldest]
        return concluded

    def state(self) -> object:
        return {
            "serial": self._serial,
            "mails": {key: asdict(mail) for key, mail in self._mails.items()},
            "verdicts": {key: dict(verdict) for key, verdict in self._verdicts.items()},
        }

    def restore(self, state: object) -> None:
        """Takes what state gave. KeyError or TypeError if it is something else."""
        if not isinstance(state, dict):
            raise TypeError("not the state of a mail join")
        self._serial = state["serial"]
        self._mails = {key: _Mail(**mail) for key, mail in state["mails"].items()}
        for mail in self._mails.values():
            mail.fields = {name: _value(value) for name, value in mail.fields.items()}
        self._verdicts = {key: dict(verdict) for key, verdict in state["verdicts"].items()}
        self._text = sum(mail.length for mail in self._mails.values())
        self._due = [(mail.due(), key, mail.serial) for key, mail in self._mails.items()]
        heapify(self._due)

    def _begin(self, key: str, event: Event, queue_id: str, time: int) -> _Mail:
        self._serial += 1
        mail = _Mail(str(event.get("host.name", "")), queue_id, self._serial, time, time)
        self._mails[key] = mail
        heappush(self._due, (mail.due(), key, mail.serial))
        return mail

    def _make_room(self, newest: str) -> list[Event]:
        """Concludes the oldest mails while there are too many of them, or too much of their text."""
        concluded: list[Event] = []
        while len(self._mails) > MAX_MAILS or (self._text > MAX_TEXT and len(self._mails) > 1):
            key = next(iter(self._mails))
            if key == newest:
                break
            concluded += self._conclude(key, self._mails[key], self._mails[key].last)
        return concluded

    def _add(self, key: str, mail: _Mail, event: Event, time: int, action: Value) -> None:
        raw = str(event["event.original"])
        if [time, raw] in mail.lines:
            return
        if mail.length + len(raw) <= MAX_ORIGINAL or not mail.lines:
            mail.lines.append([time, raw[:MAX_ORIGINAL]])
            mail.length += min(len(raw), MAX_ORIGINAL)
            self._text += min(len(raw), MAX_ORIGINAL)
        if time <= mail.first or not mail.place:
            mail.place = {name: event[name] for name in _PLACE if name in event}
        mail.first = min(mail.first, time)
        mail.last = max(mail.last, time)
        if action == "queued" or action == "message-id":
            mail.arrived = min(mail.arrived or time, time)
        elif action == "removed":
            mail.removed = max(mail.removed, time)
            heappush(self._due, (mail.removed, key, mail.serial))
        elif action == "reject":
            mail.refused = str(event.get("event.reason", "refused"))
        fields = mail.fields
        for name in _COPIED:
            if name in event and name not in fields:
                fields[name] = event[name]
        addresses = event.get("email.to.address")
        if isinstance(addresses, tuple):
            status = str(event.get("postfix.status", ""))
            for address in addresses:
                if address in mail.recipients or len(mail.recipients) < MAX_RECIPIENTS:
                    mail.recipients[str(address)] = status or mail.recipients.get(str(address), "")

    def _note_verdict(self, event: Event) -> None:
        """Remembers what a filter said, by the queue id and the message id that it names."""
        action, queue_id, message_id = (event.get(n) for n in ("event.action", "email.local_id", "email.message_id"))
        score, rule = event.get("event.risk_score"), event.get("rule.name")
        if (score is None and rule is None) or not (queue_id or message_id):
            return
        verdict = {
            "time": event["@timestamp"],
            "queue_id": queue_id,
            "message_id": message_id,
            "filter": event["event.module"],
            "action": action,
            "score": score,
            "rule": rule,
        }
        for kind, name in (("q", queue_id), ("m", message_id)):
            if name:
                self._verdicts[f"{kind}:{name}"] = verdict
        while len(self._verdicts) > MAX_MAILS:
            del self._verdicts[next(iter(self._verdicts))]

    def _verdict(self, mail: _Mail) -> dict[str, Any] | None:
        """By queue id, unless that id now means another message; else by message id, which senders may repeat."""
        message_id = mail.fields.get("email.message_id")
        verdict = self._verdicts.get(f"q:{mail.queue_id}")
        if verdict and (not verdict["message_id"] or not message_id or verdict["message_id"] == message_id):
            return verdict
        return self._verdicts.get(f"m:{message_id}") if message_id else None

    def _conclude(self, key: str, mail: _Mail, at: int) -> list[Event]:
        """The joined event. None for a mail whose arrival was not seen: each retry of a deferred mail is one."""
        del self._mails[key]
        self._text -= mail.length
        if not mail.arrived:
            return []
        statuses = sorted(set(mail.recipients.values()) - {""})
        event: Event = {
            "@timestamp": at,
            "event.kind": "event",
            "event.module": "postfix",
            "event.dataset": "postfix.message",
            "event.category": ("email",),
            "event.type": ("info",),
            "event.action": "message",
            "event.original": "\n".join(raw for _, raw in sorted(mail.lines)),
            "event.start": mail.arrived,
            "event.end": mail.last,
            "event.duration": (mail.last - mail.first) * 1000,
            "event.outcome": _outcome(mail.refused, statuses),
            "email.local_id": mail.queue_id,
            **mail.place,
            **mail.fields,
        }
        if mail.host:
            event["host.name"] = mail.host
        if mail.recipients:
            event["email.to.address"] = tuple(sorted(mail.recipients))
            event.setdefault("postfix.recipients", len(mail.recipients))
        if mail.refused:
            event["event.reason"] = mail.refused
            event["postfix.status"] = "rejected"
        elif statuses:
            event["postfix.status"] = statuses[0] if len(statuses) == 1 else "mixed"
        if verdict := self._verdict(mail):
            event["postfix.filter.name"] = verdict["filter"]
            if verdict["action"]:
                event["postfix.filter.verdict"] = verdict["action"]
            if verdict["score"] is not None:
                event["event.risk_score"] = verdict["score"]
            if verdict["rule"]:
                event["rule.name"] = verdict["rule"]
        return [event]


def _outcome(refused: str, statuses: list[str]) -> str:
    if refused or (statuses and "sent" not in statuses):
        return "failure"
    return "success" if statuses == ["sent"] else "unknown"


def _value(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
