"""The way to Elasticsearch for the verbs that may use it. Its client is installed with the servers only."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

from soc.core.errors import SocError
from soc.core.settings import ElasticsearchSettings
from soc.core.store import Store


def need_client() -> None:
    """Before anything of soc.stores.elasticsearch is imported; SocError where the client is missing."""
    if find_spec("elasticsearch") is None:
        raise SocError("Elasticsearch needs its client: install soc-pipeline[elastic]")


def elasticsearch_store(settings: ElasticsearchSettings) -> Callable[[], Store]:
    """What opens the store, as often as it is asked for; all of them share their connections."""
    need_client()
    from soc.stores.elasticsearch import ElasticsearchStore
    from soc.stores.elasticsearch_client import connect

    client = connect(settings)
    return lambda: ElasticsearchStore(client, settings.namespace, shared=True)
