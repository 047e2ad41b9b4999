"""API keys with the least rights that each part needs.

writer     what a worker or indexer needs: add events, write alerts and states, read; it can delete no event, no alert
reader     what consoles, terminals and dashboards need: read, nothing else
analyst    a reader that may also set the status of alerts
retention  a reader that may delete events and rejected lines, for "purge" where the server has no lifecycles
replayer   a reader that may delete rejected lines, and add events and alerts, for "soc rejected replay"

None may make, change or delete a template, an index that is not ours, a user or a key. "soc index apply" itself needs
more: cluster rights manage_index_templates, manage_ilm and monitor, and manage on our indices.
"""

from __future__ import annotations

from typing import Any, Final

from soc.stores import elasticsearch_names as names

Json = dict[str, Any]

_READ: Final = ["read", "view_index_metadata", "monitor"]
_SEEN: Final = ["maintenance"]  # to make what was written visible at once

_EVENTS: Final[dict[str, list[str]]] = {
    "writer": [*_READ, "create_doc", "auto_configure", *_SEEN],
    "reader": _READ,
    "analyst": _READ,
    "retention": [*_READ, "delete", *_SEEN],
    "replayer": [*_READ, "create_doc", "auto_configure", *_SEEN],
}
_ALERTS: Final[dict[str, list[str]]] = {
    "writer": [*_READ, "index", *_SEEN],
    "reader": _READ,
    "analyst": [*_READ, "index", *_SEEN],
    "retention": _READ,
    "replayer": [*_READ, "index", *_SEEN],
}
ROLES: Final = tuple(_EVENTS)


def key_request(namespace: str, role: str, days: int) -> Json:
    """The body of POST /_security/api_key. days: how long it is valid."""
    names.checked(namespace)
    streams = [*(names.stream("*", name) for name in names.namespaces(namespace)), names.rejected(namespace)]
    indices = [
        {"names": streams, "privileges": _EVENTS[role]},
        {"names": [names.alerts(namespace)], "privileges": _ALERTS[role]},
    ]
    if role == "replayer":
        indices.append({"names": [names.rejected(namespace)], "privileges": ["delete"]})
    if role == "writer":
        # A state is replaced as a whole, so the pieces of the one before are deleted
        indices.append({"names": [names.states(namespace)], "privileges": [*_READ, "index", "delete", *_SEEN]})
    request: Json = {
        "name": f"soc-{role}-{namespace}",
        "role_descriptors": {f"soc-{role}": {"cluster": [], "indices": indices}},
        "expiration": f"{days}d",
        "metadata": {"managed_by": "soc"},
    }
    return request
