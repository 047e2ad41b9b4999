"""Filters as SQL: every value is a parameter, so log text and user input never become SQL."""

from __future__ import annotations

from soc.core.storable import storable_text
from soc.core.store import AlertFilter, LineFilter
from soc.stores.filtering import comparable, id_range, least_level


def where(wanted: AlertFilter) -> tuple[str, dict[str, object]]:
    """("WHERE ...", parameters); ValueError for an unknown severity word."""
    conditions: list[str] = []
    values: dict[str, object] = {}
    if wanted.min_severity is not None:
        conditions.append("level >= :level")
        values["level"] = int(least_level(wanted.min_severity))
    if wanted.rule is not None:
        # instr, not LIKE: a % in a title is a per cent sign.
        conditions.append("(rule_id = :rule OR rule_name = :rule OR instr(titles, :title))")
        values["rule"] = storable_text(wanted.rule)
        values["title"] = comparable(wanted.rule)
    if wanted.host is not None:
        conditions.append("id IN (SELECT alert FROM alert_hosts WHERE host = :host)")
        values["host"] = comparable(wanted.host)
    if wanted.since is not None:
        conditions.append("last_seen >= :since")
        values["since"] = wanted.since
    if wanted.until is not None:
        conditions.append("first_seen < :until")
        values["until"] = wanted.until
    return (f"WHERE {' AND '.join(conditions)}" if conditions else ""), values


def lines_where(wanted: LineFilter) -> tuple[str, dict[str, object]]:
    """The same of rejected lines; an id that can be none finds nothing."""
    conditions: list[str] = []
    values: dict[str, object] = {}
    for column, part in (("reason", wanted.reason), ("origin", wanted.origin)):
        if part is not None:
            # lower() of both, since SQLite's knows a-z only, as the contract says
            conditions.append(f"instr(lower({column}), lower(:{column}))")
            values[column] = storable_text(part)
    if wanted.since is not None:
        conditions.append("received >= :since")
        values["since"] = wanted.since
    if wanted.id is not None:
        conditions.append("id BETWEEN :first AND :last")
        values["first"], values["last"] = map(bytes.fromhex, id_range(wanted.id))
    return (f"WHERE {' AND '.join(conditions)}" if conditions else ""), values
