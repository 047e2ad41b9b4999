"""The store on a real Elasticsearch."""

from contextlib import closing
from itertools import count
from random import Random

import pytest

from soc.core.store import Retention
from soc.stores.elasticsearch import ElasticsearchStore
from soc.stores.elasticsearch_apply import apply, plan
from soc.stores.elasticsearch_client import connect
from tests.stores.contract import NOW, StoreContract, alert, event

pytestmark = pytest.mark.xdist_group("servers")
NUMBERS = count()


def prepared(server, namespace=""):
    """A client, and a namespace with its templates and indices."""
    namespace = namespace or f"t{next(NUMBERS)}"
    client = connect(server.settings(namespace))
    list(apply(client, plan(client, namespace)))
    return client, namespace


@pytest.fixture(scope="module")
def contract_client(elasticsearch):
    client, _ = prepared(elasticsearch, "contract")
    yield client
    client.close()


@pytest.fixture
def empty(elasticsearch):
    client, namespace = prepared(elasticsearch)
    with closing(ElasticsearchStore(client, namespace)) as store:
        yield store


class TestElasticsearchStore(StoreContract):
    @pytest.fixture
    def store(self, contract_client):
        """One namespace for all of the contract, emptied before each test: templates take a second to make."""
        everything = "logs-soc.*-contract,soc-*-contract"
        contract_client.indices.refresh(index=everything)
        contract_client.delete_by_query(index=everything, query={"match_all": {}}, refresh=True)
        return ElasticsearchStore(contract_client, "contract", patience=5)

    def test_purge_by_size_removes_the_oldest_and_no_more_than_needed(self, store):
        """Not the contract's: Elasticsearch compresses its 1000 equal messages to less than an empty index takes, so
        no number of them is half of the bytes. These cannot be compressed, and are more."""
        chance = Random(1)
        for start in range(0, 2000, 500):
            batch = [event(n, **{"message": chance.randbytes(3000).hex()}) for n in range(start, start + 500)]
            store.put_events(batch)
            store.commit()
        store.put_alerts([alert()])
        store.commit()
        before = store.counts()["bytes"]
        gone = store.purge(Retention(max_bytes=before // 2), NOW)
        counts = store.counts()
        assert counts["bytes"] <= before // 2
        assert (counts["events"], counts["alerts"]) == (2000 - gone, 1)
        assert 800 < gone < 1500
        left = [found["log.offset"] for found in store.events(0, NOW * 2)]
        assert left == list(range(gone, 2000))
