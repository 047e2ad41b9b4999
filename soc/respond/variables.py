"""A playbook's variables, from the alert that it is run for: hostile text, whose kind is checked first."""

from __future__ import annotations

from collections.abc import Iterator

from soc.core.alert import Alert
from soc.core.hostile import plain
from soc.respond.actions import Unusable, checked
from soc.respond.playbook import Playbook, Variable

OF_ALERT = ("alert.id", "alert.title", "alert.title_vi", "alert.severity", "alert.system", "alert.unit", "alert.host")
"""Fields that every alert has, beside those of its group and its events."""


def suits(playbook: Playbook, alert: Alert) -> bool:
    """Is the playbook meant for this alert: its rule is named, or one of its techniques?"""
    if {alert.rule_id, alert.rule_name} & set(playbook.triggers.rules):
        return True
    wanted = [tag.removeprefix("attack.").upper() for tag in playbook.triggers.tags]
    return any(id == one or id.startswith(f"{one}.") for id, _ in alert.techniques for one in wanted)


def variables(playbook: Playbook, alert: Alert) -> dict[str, str]:
    """{"c2": "203.0.113.9"}: those that have a value. Unusable names a required one that the alert does not give."""
    found = {}
    for name, wanted in playbook.variables.items():
        value = wanted.value or next(_values(wanted, alert), "")
        if value:
            found[name] = value
        elif wanted.required:
            raise Unusable(f"{name}: the alert has no {wanted.kind} in {', '.join(wanted.fields)}")
    return found


def _values(wanted: Variable, alert: Alert) -> Iterator[str]:
    for field in wanted.fields:
        for text in _of(field, alert):
            try:
                yield checked(wanted.kind, plain(text, 500))
            except Unusable:
                continue


def _of(field: str, alert: Alert) -> Iterator[str]:
    """The field's values: of the alert, of whom it is about, then of its telling events."""
    if field in OF_ALERT:
        own = alert.hosts if field == "alert.host" else (getattr(alert, field.removeprefix("alert.")),)
        yield from (text for text in own if text)
        return
    yield from (value for name, value in alert.group if name == field and value)
    for one in alert.telling:
        value = one.event.get(field)
        for item in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(item, (str, int)) and str(item):
                yield str(item)
