"""The store's in-memory twin: the same contract without a file, for tests and for trying things out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from soc.core.alert import Alert, decode
from soc.core.errors import Refused
from soc.core.event import Event, Rejected
from soc.core.finding import Level
from soc.core.ids import id_of, rejected_id
from soc.core.store import ANY_LINE, AlertFilter, HourCount, LineFilter, Retention
from soc.core.triage import NO_ALERT, Act, Life, acted
from soc.stores.encoding import alert_json, event_json, hour_key, stored_event, wire_event
from soc.stores.filtering import WORDS, comparable, hosts, is_beginning, least_level, matches, titles

_Entry = tuple[int, str, bytes]


class MemoryStore:
    """Nothing is durable; all else is as the contract says."""

    def __init__(self) -> None:
        self._events: dict[str, _Entry] = {}
        self._rejected: dict[str, Rejected] = {}
        self._alerts: dict[str, Alert] = {}
        self._states: dict[str, bytes] = {}
        self._lives: dict[str, Life] = {}
        self._hours: Counter[tuple[str, str, int]] = Counter()

    def put_events(self, events: Sequence[Event]) -> None:
        for event in events:
            id, time = id_of(event), event.get("@timestamp")
            if id not in self._events:
                self._hours[hour_key(event)] += 1
            self._events.setdefault(id, (time if isinstance(time, int) else 0, id, event_json(event)))

    def put_rejected(self, rejected: Sequence[Rejected]) -> None:
        for line in rejected:
            self._rejected.setdefault(_id(line), line)

    def put_alerts(self, alerts: Iterable[Alert]) -> None:
        for alert in alerts:
            known = self._alerts.get(alert.id)
            stored = decode(alert_json(alert))
            if known is not None and alert.status == "new":
                stored = msgspec.structs.replace(stored, status=known.status)
            self._alerts[alert.id] = stored

    def put_state(self, name: str, state: bytes) -> None:
        self._states[name] = state

    def state(self, name: str) -> bytes | None:
        return self._states.get(name)

    def commit(self) -> None:
        """Nothing to do: nothing is durable here."""

    def alerts(self, wanted: AlertFilter) -> list[Alert]:
        found = sorted(self._matching(wanted), key=lambda alert: (-alert.score, -alert.last_seen, alert.id))
        return found[wanted.offset : wanted.offset + wanted.limit]

    def alert(self, id: str) -> Alert | None:
        found = [alert for alert in self._alerts.values() if alert.id.startswith(id)] if is_beginning(id) else []
        return found[0] if len(found) == 1 else None

    def count_alerts(self, wanted: AlertFilter) -> dict[str, int]:
        found = [alert.severity for alert in self._matching(wanted)]
        return {word: found.count(word) for word in WORDS}

    def life(self, id: str) -> Life | None:
        return self._lives.get(id, Life()) if id in self._alerts else None

    def act(self, id: str, act: Act, version: int) -> Life:
        life = self.life(id)
        if life is None:
            raise Refused(NO_ALERT)
        after = self._lives[id] = acted(life, act, version)
        self._alerts[id] = msgspec.structs.replace(self._alerts[id], status=after.status)
        return after

    def event(self, id: str) -> dict[str, object] | None:
        entry = self._events.get(id.lower())
        return None if entry is None else wire_event(entry[2], entry[1])

    def events_around(self, time: int, margin: int, limit: int) -> list[dict[str, object]]:
        near = [entry for entry in self._events.values() if abs(entry[0] - time) <= margin]
        nearest = sorted(near, key=lambda entry: (abs(entry[0] - time), entry[1]))[:limit]
        return [wire_event(body, id) for _, id, body in sorted(nearest)]

    def events(self, since: int, until: int) -> Iterator[Event]:
        within = [entry for entry in self._events.values() if since <= entry[0] < until]
        return (stored_event(body) for _, _, body in sorted(within, key=lambda entry: entry[0]))

    def hours(self, since: int, until: int) -> list[HourCount]:
        return sorted(HourCount(*key, n) for key, n in self._hours.items() if since <= key[2] < until)

    def rejected(self, limit: int, wanted: LineFilter = ANY_LINE) -> list[Rejected]:
        found = [(id, line) for id, line in self._rejected.items() if matches(line, id, wanted)]
        found.sort(key=lambda entry: (-entry[1].received, entry[1].origin, -entry[1].position, entry[0]))
        return [line for _, line in found[:limit]]

    def remove_rejected(self, lines: Sequence[Rejected]) -> int:
        return sum(self._rejected.pop(_id(line), None) is not None for line in lines)

    def counts(self) -> dict[str, int]:
        return {
            "events": len(self._events),
            "rejected": len(self._rejected),
            "alerts": len(self._alerts),
            "bytes": self._bytes() + sum(len(alert_json(alert)) for alert in self._alerts.values()),
        }

    def purge(self, retention: Retention, now: int) -> int:
        before = len(self._events)
        if retention.max_age:
            self._forget(now - retention.max_age)
        if retention.max_bytes:
            times = sorted(
                [entry[0] for entry in self._events.values()] + [line.received for line in self._rejected.values()]
            )
            for time in times:
                if self.counts()["bytes"] <= retention.max_bytes:
                    break
                self._forget(time + 1)
        return before - len(self._events)

    def close(self) -> None:
        """Nothing to give back."""

    def _forget(self, before: int) -> None:
        """Removes events and rejected lines older than a time."""
        self._events = {id: entry for id, entry in self._events.items() if entry[0] >= before}
        self._rejected = {id: line for id, line in self._rejected.items() if line.received >= before}

    def _bytes(self) -> int:
        bodies = (len(body) for _, _, body in self._events.values())
        return sum(bodies) + sum(len(line.raw) for line in self._rejected.values())

    def _matching(self, wanted: AlertFilter) -> list[Alert]:
        least = Level.INFORMATIONAL if wanted.min_severity is None else least_level(wanted.min_severity)
        return [
            alert
            for alert in self._alerts.values()
            if least_level(alert.severity) >= least
            and (wanted.rule is None or _by_rule(alert, wanted.rule))
            and (wanted.host is None or comparable(wanted.host) in hosts(alert))
            and (wanted.since is None or alert.last_seen >= wanted.since)
            and (wanted.until is None or alert.first_seen < wanted.until)
        ]


def _id(line: Rejected) -> str:
    return rejected_id(line.origin, line.position, line.raw)


def _by_rule(alert: Alert, rule: str) -> bool:
    return rule in (alert.rule_id, alert.rule_name) or comparable(rule) in titles(alert)
