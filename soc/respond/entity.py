"""Whom is an alert about? Repeats by the same party fold into one alert; different parties never share one.

the rule says so (fold: fields)         those fields
a correlation or model                  its own group-by values
a mail                                  its sender: one phisher is one alert, whatever host relays it
anything with a source address          that address: the attacker outside, or the infected host inside
something on a host, by a user          user and host (sudo, local log-in)
something on a host                     the host (malware found, service stopped)
else                                    user, source name, reporting device, or where the line came from
"""

from __future__ import annotations

from soc.core.event import Event, Value
from soc.core.finding import Finding

Group = tuple[tuple[str, str], ...]

# The first row of which the event has every field; an empty text is no value.
_ENTITIES = (
    ("email.sender.address",),
    ("email.from.address",),
    ("source.ip",),
    ("user.name", "host.name"),
    ("host.name",),
    ("user.name",),
    ("source.address",),
    ("observer.name",),
    ("observer.hostname",),
    ("soc.origin",),
)


def group_of(finding: Finding) -> Group:
    """The (field, value) pairs by which a finding folds; () only for a finding that says nothing of anybody."""
    event = finding.events[0] if finding.events else {}
    if finding.rule.fold:
        # A correlation's own values come first: its events may be of several kinds.
        own = dict(finding.group)
        wanted = tuple((name, own.get(name) or _text(event.get(name))) for name in finding.rule.fold)
        if any(value for _, value in wanted):
            return wanted
    return finding.group or _entity(event)


def _entity(event: Event) -> Group:
    for names in _ENTITIES:
        values = tuple((name, _text(event.get(name))) for name in names)
        if all(value for _, value in values):
            return values
    return ()


def _text(value: Value) -> str:
    """One value as it groups: several are joined in order; the case of an address or name does not matter."""
    if value is None:
        return ""
    items = sorted(str(item) for item in value) if isinstance(value, tuple) else [str(value)]
    return ",".join(items).lower()
