"""The facts of a month, from a store, the rules and the outbox."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from soc.core.alert import Alert
from soc.core.store import AlertFilter, Store
from soc.core.triage import Life
from soc.pipeline.content import Content
from soc.posture.facts import Facts, Moments, RuleUse, Shared, facts
from soc.posture.month import Month
from soc.respond.attack import every_tactic, tactics
from soc.sharing.outbox import Outbox

PAGE = 1000


def month_facts(store: Store, month: Month, content: Content, outbox: Path | None = None) -> Facts:
    """outbox: the file of what is shared with the national centre, if there is one. StoreError as the store says."""
    alerts = list(alerts_of(store, month))
    return facts(
        month,
        alerts,
        store.hours(month.start, month.end),
        before=store.hours(month.before.start, month.start),
        rules=rules_in_use(content),
        tactics=every_tactic(),
        moments={alert.id: moments(store.life(alert.id)) for alert in alerts if alert.status != "new"},
        shared=_shared(outbox, month),
    )


def alerts_of(store: Store, month: Month) -> Iterator[Alert]:
    """Every alert seen in the month, a page at a time."""
    offset = 0
    while True:
        page = store.alerts(AlertFilter(since=month.start, until=month.end, limit=PAGE, offset=offset))
        yield from page
        offset += PAGE
        if len(page) < PAGE:
            return


def moments(life: Life | None) -> Moments:
    """When somebody first took an alert up, and when it was last closed, if it still is."""
    entries = () if life is None else life.entries
    taken = next((one.at for one in entries if one.act in ("acknowledge", "close")), None)
    closed = [one.at for one in entries if one.act == "close"]
    return Moments(taken, closed[-1] if closed and life is not None and life.status == "closed" else None)


def rules_in_use(content: Content) -> list[RuleUse]:
    """Rules and correlations that can raise an alert of their own: neither silent, nor blind, nor muted."""
    blind = {id for id, state in content.states.items() if state.word == "blind"}
    infos = [*(rule.info for rule in content.rules), *(one.info for one in content.correlations)]
    heard = (info for info in infos if not info.silent and info.id not in blind and info.id not in content.muted)
    return [RuleUse(info.id, tactics(info.tags, info.techniques)) for info in heard]


def _shared(outbox: Path | None, month: Month) -> Shared | None:
    if outbox is None or not outbox.is_file():
        return None
    with closing(Outbox(outbox)) as opened:
        return Shared(opened.accepted_since(month.start) - opened.accepted_since(month.end))
