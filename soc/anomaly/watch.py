"""The models at work: partials in any order in, findings out once the watermark says that a bucket is whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import msgspec

from soc.anomaly.budget import Realised, Scored
from soc.anomaly.features import BUCKET, Partial, merge
from soc.anomaly.model import Explanation, Model, reason
from soc.core.event import Event, Value, with_tuples
from soc.core.finding import Finding, RuleInfo

TOGETHER = 8
"""Parts of one entity and bucket that are merged at once."""
WAITING = 50_000
"""Entities and buckets that may wait; of more, the oldest buckets are decided before their time."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A model, what its alerts say, and the score from which on it raises one."""

    model: Model
    info: RuleInfo
    threshold: float


class _Open(msgspec.Struct, array_like=True):
    """What waits of one entity and bucket. more: parts that are merged later, several at once."""

    part: Partial
    batches: set[str]
    more: list[Partial] = []

    def whole(self) -> Partial:
        if self.more:
            self.part, self.more = merge(self.part, *self.more), []
        return self.part


class _State(msgspec.Struct, array_like=True):
    version: str
    models: dict[str, bytes]
    waiting: list[_Open]
    closed: int
    late: int
    early: int
    realised: list[tuple[int, list[tuple[str, str]]]]
    shadow: bytes


class Watch:
    """Keyed state of all models. The order in which partials come, and how often, changes nothing.

    late     partials that came after their bucket was decided: counted and left out
    early    buckets decided before their time for want of room
    """

    def __init__(self, watched: Iterable[Watched], shadow: Watch | None = None, version: str = "") -> None:
        """shadow: other versions of the models, which get the same partials and whose findings are counted only.

        version: of the models as trained; what another version had learned since is not taken over.
        """
        self._version = version
        self._watched = {one.model.name: one for one in watched}
        self._shadow = shadow
        self._waiting: dict[tuple[int, str], _Open] = {}
        self._closed = 0
        self.late = 0
        self.early = 0
        self.realised = Realised()

    def take(self, parts: Iterable[Partial], batch: str) -> None:
        """The partials of one batch. batch: its id; a batch that comes again within its buckets changes nothing."""
        parts = list(parts)
        for part in parts:
            if part.bucket + BUCKET <= self._closed:
                self.late += 1
                continue
            key = (part.bucket, part.entity)
            known = self._waiting.get(key)
            if known is None:
                self._waiting[key] = _Open(part, {batch})
            elif batch not in known.batches:
                known.more.append(part)
                known.batches.add(batch)
                if len(known.more) == TOGETHER:
                    known.whole()
        if self._shadow is not None:
            self._shadow.take(parts, batch)

    def advance(self, watermark: int, *, silent: bool = False) -> list[Finding]:
        """Decides every bucket that ends by the watermark (µs); the findings in order of bucket and entity.

        silent: nothing is expected any more, so the last bucket is decided as well, though its time is not over.
        """
        until = watermark // BUCKET * BUCKET
        if silent and self._waiting:
            until = max(until, max(self._waiting)[0] + BUCKET)
        if len(self._waiting) > WAITING:
            due = sorted(self._waiting)[len(self._waiting) - WAITING - 1][0] + BUCKET
            self.early += due > until
            until = max(until, due)
        if self._shadow is not None:
            self._shadow.advance(watermark, silent=silent)
        if until <= self._closed:
            return []
        self._closed = until
        due_keys = sorted(key for key in self._waiting if key[0] + BUCKET <= until)
        return [finding for key in due_keys for finding in self._decide(self._waiting.pop(key).whole())]

    def _decide(self, part: Partial) -> list[Finding]:
        found = []
        for name, one in self._watched.items():
            score = one.model.score(part, one.threshold)
            if score > 0 and score >= one.threshold:
                why = one.model.explain(part)
                self.realised.add(name, whom(part, why), part.bucket)
                found.append(finding(one, part, score, why))
        for one in self._watched.values():
            if one.model.live:
                one.model.learn([part])
        return found

    @property
    def shadow(self) -> Watch | None:
        return self._shadow

    def thresholds(self) -> dict[str, float]:
        return {name: one.threshold for name, one in self._watched.items()}

    def adopt(self, levels: Mapping[str, float]) -> None:
        """Other thresholds from now on."""
        self._watched = {name: replace(one, threshold=levels[name]) for name, one in self._watched.items()}

    def state(self) -> bytes:
        """Everything remembered; the same for the same history."""
        waiting = [self._waiting[key] for key in sorted(self._waiting)]
        for one in waiting:
            one.whole()
        state = _State(
            version=self._version,
            models={name: one.model.save() for name, one in self._watched.items()},
            waiting=waiting,
            closed=self._closed,
            late=self.late,
            early=self.early,
            realised=self.realised.items(),
            shadow=self._shadow.state() if self._shadow is not None else b"",
        )
        return msgspec.msgpack.encode(state, order="deterministic")

    def restore(self, state: bytes) -> None:
        """The inverse of state; msgspec.DecodeError if it is not ours. Models of another version stay as they are."""
        restored = msgspec.msgpack.decode(state, type=_State)
        if restored.version == self._version:
            for name, learned in restored.models.items():
                if name in self._watched:
                    self._watched[name].model.load(learned)
        self._waiting = {(one.part.bucket, one.part.entity): one for one in restored.waiting}
        self._closed, self.late, self.early = restored.closed, restored.late, restored.early
        self.realised.restore(restored.realised)
        if self._shadow is not None and restored.shadow:
            self._shadow.restore(restored.shadow)


def scored(models: Iterable[Model], parts: Iterable[Partial]) -> list[Scored]:
    """What these models say of whole partials in order of bucket and entity; live ones learn each after scoring it."""
    models, found = list(models), []
    for part in parts:
        for model in models:
            score = model.score(part)
            about = whom(part, model.explain(part)) if score > 0 and model.of_peers else part.entity
            found.append(Scored(model.name, about, part.bucket, score))
            if model.live:
                model.learn([part])
    return found


def whom(part: Partial, why: Explanation) -> str:
    """The entity, and the peer that it is about, if it is about one."""
    return f"{part.entity} {why.peer}" if why.peer else part.entity


def finding(one: Watched, part: Partial, score: float, why: Explanation) -> Finding:
    """What triage is told: whom, when, how many events, the evidence, baseline and value, and the top reasons.

    Where it is about one peer, group and evidence are of that peer alone: it may be blocked, and told to others.
    """
    whole = reason(
        "score of the model", f"{one.threshold:.2f} ({why.baseline})", f"{score:.2f} ({why.value})", "at most"
    )
    shown: tuple[Event, ...] = tuple(with_tuples(msgspec.json.decode(written)) for *_, written in part.evidence)
    found = Finding(
        rule=one.info,
        group=part.group,
        anchor=part.bucket,
        first=part.first,
        last=part.last,
        count=part.events,
        events=shown,
        reasons=(*why.reasons, whole),
        hosts=tuple(dict.fromkeys((*(value for _, value in part.group), *part.peers[:20]))),
    )
    return found if why.peer not in part.firsts else _of_peer(found, part, why.peer)


def _of_peer(found: Finding, part: Partial, peer: str) -> Finding:
    """The finding as one about the calls to this peer, with the outline of the first."""
    (time, origin, number, port, name), calls = part.firsts[peer], part.calls[peer]
    address = peer.removesuffix(f":{port}") if port else peer
    event: Event = {
        "@timestamp": time,
        **dict(part.group),
        "destination.ip": address,
        "soc.origin": origin,
        "log.offset": number,
    }
    if port:
        event["destination.port"] = port
    if name:
        event["destination.domain"] = name
    here = [one for one in found.events if _line(one) == _line(event)]
    return replace(
        found,
        group=(*part.group, ("destination.ip", address)),
        first=time,
        last=max(time, calls[-1] * 1_000_000),
        count=len(calls),
        events=tuple(here) or (event,),
        hosts=tuple(dict.fromkeys((*(value for _, value in part.group), address))),
    )


def _line(event: Event) -> tuple[Value, Value]:
    return event.get("soc.origin"), event.get("log.offset")
