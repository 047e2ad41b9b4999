"""What ``soc share status`` tells: the connection as the centre would judge it, and the items that need somebody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import click
import orjson
from rich.table import Table

from soc.cli.show import console
from soc.core.hostile import plain
from soc.core.i18n import Translate
from soc.core.when import LOCAL, local
from soc.sharing.outbox import Item, Outbox
from soc.sharing.stix import stix_time

SHOWN = 20
"""Items that need somebody, at most."""


def status_document(outbox: Outbox, now: int) -> dict[str, Any]:
    """How sharing stands, as --json has it; times as ISO text or "".

    counts     items by state; accepted_this_month by local time; items: those that need somebody
    connected  the last thing heard was an answer, and no failure since; None before the first attempt
    """
    success, failures = int(outbox.noted("last_success") or 0), int(outbox.noted("failures") or 0)
    error = outbox.noted("last_error") if failures else ""
    counts = outbox.counts()
    connected = None if not success and not failures else not failures
    return {
        "connected": connected,
        "last_success": stix_time(success) if success else "",
        "last_error": error,
        "next_attempt": stix_time(int(outbox.noted("pause_until") or 0)) if failures else "",
        "counts": counts,
        "accepted_this_month": outbox.accepted_since(_month(now)),
        "attention": bool(counts["held"] or counts["refused"] or connected is False),
        "items": [_item(outbox, item) for item in outbox.items(("held", "refused"), SHOWN)],
    }


def _month(now: int) -> int:
    """The beginning of the local month, µs."""
    moment = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=now)).astimezone(LOCAL)
    return int(moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0).timestamp()) * 1_000_000


def _item(outbox: Outbox, item: Item) -> dict[str, Any]:
    history = outbox.history(item.id)
    return {
        "id": item.id,
        "version": item.version,
        "title": item.title,
        "state": item.state,
        "error": item.error,
        "withheld": [{"object": each.object, "rule": each.rule, "value": each.value} for each in item.withheld],
        "history": [{"at": stix_time(at), "action": what, "by": by, "reason": why} for at, what, by, why in history],
    }


def print_status(document: dict[str, Any], t: Translate, *, as_json: bool) -> None:
    """The document as JSON, or as a table that a person reads."""
    if as_json:
        click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
        return
    words = {None: t("not tried yet"), True: t("connected"), False: t("does not answer")}
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_row(t("National centre"), f"{words[document['connected']]}  {plain(document['last_error'], 200)}".strip())
    table.add_row(t("last answer"), local(document["last_success"]) if document["last_success"] else "-")
    table.add_row(t("accepted this month"), str(document["accepted_this_month"]))
    states = {
        "waiting": t("waiting"),
        "held": t("held for a person"),
        "sending": t("outcome unknown"),
        "pending": t("pending there"),
        "accepted": t("accepted"),
        "refused": t("not taken"),
    }
    for state, word in states.items():
        table.add_row(word, str(document["counts"][state]))
    console().print(table)
    for item in document["items"]:
        rules = ", ".join(sorted({each["rule"] for each in item["withheld"]}))
        click.echo(
            f"{item['id']}  {states[item['state']]}  {plain(item['title'], 80)}  {plain(item['error'] or rules, 200)}"
        )
