"""Alerts that belong together: suspected incidents, as long as the store keeps no records of incidents."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from soc.core.alert import Alert

APART = 24 * 3_600_000_000
TACTICS = 3
COMMON = 12
"""A host that is in more alerts than this joins none: a mail server or a proxy is in everybody's."""


class Chain(msgspec.Struct, frozen=True):
    """Alerts that share a host and lie within 24 hours of one another, at least one of them high or worse, with three
    ATT&CK tactics or more between them.

    first, last  µs: of the first and last event of its alerts
    alerts       ids, by their first event; title, title_vi: of the one with the highest score, the earliest of equals
    tactics      names, in the order in which they were first seen
    hosts        addresses and names that two or more of its alerts share
    units        of its alerts; level: the highest security level among them
    """

    title: str
    title_vi: str
    severity: str
    first: int
    last: int
    alerts: tuple[str, ...]
    tactics: tuple[str, ...]
    hosts: tuple[str, ...]
    units: tuple[str, ...]
    level: int


def chains(alerts: Sequence[Alert]) -> tuple[Chain, ...]:
    """The suspected incidents of these alerts, in order of time."""
    ordered = sorted(alerts, key=lambda alert: (alert.first_seen, alert.id))
    by_host: dict[str, list[int]] = {}
    for index, alert in enumerate(ordered):
        for host in sorted(set(alert.hosts)):
            by_host.setdefault(host, []).append(index)
    parent = list(range(len(ordered)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    for indices in by_host.values():
        for left, right in pairwise(indices):
            near = ordered[right].first_seen - ordered[left].last_seen <= APART
            if near and len(indices) <= COMMON:
                parent[root(right)] = root(left)
    together: dict[int, list[Alert]] = {}
    for index, alert in enumerate(ordered):
        together.setdefault(root(index), []).append(alert)
    found = (_chain(members) for members in together.values())
    return tuple(sorted((chain for chain in found if chain), key=lambda chain: (chain.first, chain.alerts)))


def _chain(members: list[Alert]) -> Chain | None:
    tactics = tuple(dict.fromkeys(tactic for alert in members for tactic in alert.tactics))
    grave = any(alert.severity in ("high", "critical") for alert in members)
    if len(members) < 2 or len(tactics) < TACTICS or not grave:
        return None
    head = max(members, key=lambda alert: alert.score)
    hosts = [host for alert in members for host in set(alert.hosts)]
    return Chain(
        head.title,
        head.title_vi,
        head.severity,
        members[0].first_seen,
        max(alert.last_seen for alert in members),
        tuple(alert.id for alert in members),
        tactics,
        tuple(sorted({host for host in hosts if hosts.count(host) > 1})),
        tuple(sorted({alert.unit for alert in members if alert.unit})),
        max(alert.level for alert in members),
    )
