"""The facts of a month, from a store, the rules and the outbox."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from soc.core.alert import Alert
from soc.core.store import AlertFilter, Store
from soc.pipeline.content import Content
from soc.posture.facts import Facts, RuleUse, Shared, facts
from soc.posture.month import Month
from soc.respond.attack import every_tactic, tactics
from soc.sharing.outbox import Outbox

PAGE = 1000


def month_facts(store: Store, month: Month, content: Content, outbox: Path | None = None) -> Facts:
    """outbox: the file of what is shared with the national centre, if there is one. StoreError as the store says."""
    return facts(
        month,
        list(alerts_of(store, month)),
        store.hours(month.start, month.end),
        before=store.hours(month.before.start, month.start),
        rules=rules_in_use(content),
        tactics=every_tactic(),
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
