"""Names of the data streams and indices of one installation, and what the security level has to do with them.

How long events stay depends on the security level (1-5, cấp độ) of the system concerned, and Elasticsearch ends the
life of whole streams only. So the level is part of the name: events of systems of level 4 go to
``logs-soc.<dataset>-<namespace>_l4``, those of systems without a known level to ``logs-soc.<dataset>-<namespace>``,
which is kept as long as level 3: what nobody has assessed must not be gone first. A level that changes in the inventory
holds for events from then on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from soc.core.errors import SettingsError

LEVELS = (1, 2, 3, 4, 5)
UNASSESSED = 3
"""The level as which an unknown one is kept."""

_REFUSED = re.compile(r"[^a-z0-9_.]")


def checked(namespace: str) -> str:
    """The namespace; SettingsError if it ends as a level's does, since both would be one stream."""
    if re.search(r"_l[1-5]$", namespace):
        raise SettingsError(
            "elasticsearch.namespace", "{name} must not end in _l1 to _l5, which mean levels", name=namespace
        )
    return namespace


def place(event: Mapping[str, object], namespace: str) -> tuple[str, str]:
    """(dataset, namespace) of an event's stream, such as ("linux.sshd", "default_l4")."""
    level = event.get("soc.level")
    known = isinstance(level, int) and level in LEVELS
    return clean(str(event.get("event.dataset", "unknown"))), f"{namespace}_l{level}" if known else namespace


@lru_cache(4096)
def clean(dataset: str) -> str:
    """A dataset as a stream's name can have it: at most 100 characters of a-z, 0-9, _ and a dot."""
    return _REFUSED.sub("_", dataset.lower())[:100] or "unknown"


def stream(dataset: str, namespace: str) -> str:
    """("linux.sshd", "default_l4") -> "logs-soc.linux.sshd-default_l4"."""
    return f"logs-soc.{dataset}-{namespace}"


def namespaces(namespace: str) -> list[str]:
    """Of every level: what events of this installation are kept under."""
    return [namespace, *(f"{namespace}_l{level}" for level in LEVELS)]


def rejected(namespace: str) -> str:
    """The data stream of lines that no parser could read, and of events that Elasticsearch refused."""
    return stream("rejected", namespace)


def events(namespace: str) -> str:
    """Every event of this installation, as the path of a request takes it."""
    return ",".join([*(stream("*", name) for name in namespaces(namespace)), f"-{rejected(namespace)}"])


def alerts(namespace: str) -> str:
    """The index of alerts: a plain one, since an alert is written again and again under its id."""
    return f"soc-alerts-{namespace}"


def states(namespace: str) -> str:
    """The index of the pipeline's states."""
    return f"soc-states-{namespace}"
