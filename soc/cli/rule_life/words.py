"""Rules in the reader's language: titles, and why they are in their state."""

from __future__ import annotations

import re

from soc.cli.command import language, translate

_MUTED = re.compile(r"by (.*?) until (\d{4}-\d{2}-\d{2}): (.*)", re.DOTALL)


def titled(title: str, title_vi: str) -> str:
    """The title in the reader's language, where the rule has one."""
    return title_vi if language() == "vi" and title_vi else title


def because(reason: str) -> str:
    """Why a rule is blind or muted, a filter expired. What was rejected stays English: it quotes Sigma's own words."""
    t = translate()
    if found := _MUTED.fullmatch(reason):
        return t("by {by} until {until}: {reason}", by=found[1], until=found[2], reason=found[3])
    before, mark, fields = reason.partition("no parser fills ")
    if mark and before in {"", "partly blind: "}:
        return t("partly blind: no parser fills {fields}", fields=fields) if before else t("no parser fills {fields}",
                                                                                       fields=fields)  # fmt: skip
    if reason.startswith("no source: nothing here makes events of "):
        return t("no source: nothing here makes events of {source}", source=reason.rpartition(" events of ")[2])
    if reason.startswith("it ended on "):
        return t("it ended on {day}", day=reason.removeprefix("it ended on "))
    return reason
