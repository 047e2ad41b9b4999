"""Triage: folds what was found into few alerts, scores them, and keeps known scanners out of the queue."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import msgspec

from soc.core.alert import Alert
from soc.core.finding import Finding
from soc.core.ids import alert_id
from soc.respond.entity import Group, group_of
from soc.respond.fold import Fold, open_fold
from soc.respond.tally import Tally

DAY = 86_400_000_000
VIETNAM = 25_200

# Parties of one rule in one window that get an alert of their own; the rest share one. A rule that names more is a
# widespread attack or a bad rule, and either way nobody reads a hundred rows of it.
PARTIES = 100
OTHERS: Group = (("soc.fold", f"others, after the first {PARTIES}"),)


class Scanner(Protocol):
    """A host whose scans are its job."""

    @property
    def range(self) -> str: ...
    @property
    def why(self) -> str: ...
    @property
    def owner(self) -> str: ...


class Scanners(Protocol):
    """What triage asks of the inventory: the scanner that has this address at that time (µs)."""

    def scanner(self, ip: str, time: int) -> Scanner | None: ...


class Suppressed(msgspec.Struct):
    """What raised no alert: which scanner set off which rule, how often, and why that is expected."""

    scanner: str
    why: str
    owner: str
    rule_id: str
    rule_title: str
    tally: Tally


class _State(msgspec.Struct):
    watermark: int
    folds: list[tuple[tuple[str, int, int, Group], Fold]]
    suppressed: list[Suppressed]


_Key = tuple[str, int, int, Group]


class Triage:
    """Keeps one Fold for each rule, party and window. The order in which findings come does not change the alerts
    (except which parties are the first hundred of a rule that names more).

    A window begins at local midnight (or at a multiple of a shorter fold after it), so an alert's id depends on when
    things happened and not on what arrived first. What comes in after its window was closed gets an alert of its
    own, because the first one's totals are no longer known here and must not be overwritten.
    """

    def __init__(self, inventory: Scanners, fold: int = DAY, zone: int = VIETNAM) -> None:
        """fold: window length in µs; zone: seconds east of UTC of the midnight that windows begin at."""
        self._inventory = inventory
        self._fold = fold
        self._zone = zone * 1_000_000
        self._watermark = 0
        self._folds: dict[_Key, Fold] = {}
        self._parties: dict[tuple[str, int, int], int] = {}
        self._suppressed: dict[tuple[str, str], Suppressed] = {}

    def take(self, findings: Iterable[Finding]) -> list[Alert]:
        """The alerts that these findings make or change, in absolute values: storing one twice changes nothing."""
        changed: dict[str, Fold] = {}
        for finding in findings:
            if finding.rule.silent:
                continue
            scanner = self._scanner_behind(finding)
            if scanner is not None:
                self._suppress(scanner, finding)
            else:
                fold = self._place(finding)
                changed[fold.id] = fold
        return [fold.alert() for fold in changed.values()]

    @property
    def suppressed(self) -> dict[tuple[str, str], int]:
        """(scanner's address, rule id) -> how many events raised no alert, so that nothing is hidden silently."""
        return {key: item.tally.count for key, item in sorted(self._suppressed.items())}

    def suppressions(self) -> list[Suppressed]:
        """The same with why, by whose word, and when."""
        return [self._suppressed[key] for key in sorted(self._suppressed)]

    def expire(self, watermark: int) -> None:
        """Forgets windows that ended a window length or more before the watermark (µs); their alerts are stored."""
        self._watermark = max(self._watermark, watermark)
        self._adopt({key: fold for key, fold in self._folds.items() if fold.closes > self._watermark})

    def state(self) -> bytes:
        """Everything needed to go on after a restart."""
        state = _State(self._watermark, list(self._folds.items()), list(self._suppressed.values()))
        return msgspec.msgpack.encode(state)

    def restore(self, state: bytes) -> None:
        """The inverse of state; msgspec.DecodeError if it is not one."""
        restored = msgspec.msgpack.decode(state, type=_State)
        self._watermark = restored.watermark
        self._adopt(dict(restored.folds))
        self._suppressed = {(item.scanner, item.rule_id): item for item in restored.suppressed}

    def _adopt(self, folds: dict[_Key, Fold]) -> None:
        self._folds = folds
        self._parties = {}
        for rule, bucket, arrival, _ in folds:
            window = (rule, bucket, arrival)
            self._parties[window] = self._parties.get(window, 0) + 1

    def _place(self, finding: Finding) -> Fold:
        """The fold that the finding belongs to, with the finding in it."""
        bucket = arrival = self._window(finding.anchor)
        if self._closes(bucket) <= self._watermark:
            arrival = self._window(self._watermark)
        group = group_of(finding)
        window = (finding.rule.id, bucket, arrival)
        key = (*window, group)
        fold = self._folds.get(key)
        if fold is None and self._parties.get(window, 0) >= PARTIES:
            group = OTHERS
            key = (*window, group)
            fold = self._folds.get(key)
        if fold is not None:
            fold.add(finding)
            return fold
        values = [f"{name}={value}" for name, value in group]
        if arrival != bucket:
            values.append(f"late={arrival}")
        id = alert_id(finding.rule.id, values, bucket)
        fold = self._folds[key] = open_fold(id, group, self._closes(arrival), finding)
        self._parties[window] = self._parties.get(window, 0) + 1
        return fold

    def _window(self, time: int) -> int:
        """Start (µs) of the window that holds a time."""
        local = time + self._zone
        if self._fold >= DAY:
            return local // self._fold * self._fold - self._zone
        midnight = local // DAY * DAY
        return midnight + (local - midnight) // self._fold * self._fold - self._zone

    def _closes(self, window: int) -> int:
        return window + 2 * self._fold

    def _scanner_behind(self, finding: Finding) -> Scanner | None:
        """The registered scanner that did all of it. What leaves the ministry is nobody's weekly scan."""
        scanner = None
        for event in finding.events:
            source = event.get("source.ip")
            if not isinstance(source, str) or event.get("network.direction") == "outbound":
                return None
            scanner = self._inventory.scanner(source, finding.first)
            if scanner is None:
                return None
        return scanner

    def _suppress(self, scanner: Scanner, finding: Finding) -> None:
        rule = finding.rule
        known = self._suppressed.get((scanner.range, rule.id))
        if known is not None:
            known.tally.add(finding)
            return
        self._suppressed[scanner.range, rule.id] = Suppressed(
            scanner.range, scanner.why, scanner.owner, rule.id, rule.title, Tally.of(finding)
        )
