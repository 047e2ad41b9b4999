"""The story in a real Elasticsearch, once for all panels."""

import pytest

from soc.engines.analyze import analyze
from soc.engines.source import expand
from soc.pipeline.build import build_pipeline
from soc.pipeline.content import load_content
from soc.stores.elasticsearch import ElasticsearchStore
from soc.story import INVENTORY, write
from tests.services.fixtures_elasticsearch import elasticsearch as elasticsearch
from tests.services.fixtures_elasticsearch import prepared

ZONE = 7 * 3600


@pytest.fixture(scope="session")
def told(elasticsearch, tmp_path_factory):
    """(client, namespace, alerts) after the story went through the pipeline of one process into Elasticsearch."""
    client, namespace = prepared(elasticsearch, "grafana")
    store = ElasticsearchStore(client, namespace, shared=True)

    def keep(outcome):
        store.put_events(outcome.events)
        store.put_rejected(outcome.rejected)
        store.put_alerts(outcome.alerts)

    story = write(tmp_path_factory.mktemp("story"))
    pipeline = build_pipeline(load_content(), INVENTORY, zone=ZONE, lateness="10m")
    totals = analyze(pipeline, expand(story.files), "auto", zone=ZONE, carry_out=keep)
    store.commit()
    yield client, namespace, len(totals.alerts)
    client.close()
