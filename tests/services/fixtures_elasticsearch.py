"""One real Elasticsearch for a whole run of tests. A conftest.py takes it in with
``from tests.services.fixtures_elasticsearch import elasticsearch as elasticsearch``; tests that use it are in the
xdist group "servers", so that one worker has one server.
"""

from contextlib import ExitStack
from itertools import count

import pytest

from soc.stores.elasticsearch_apply import apply, plan
from soc.stores.elasticsearch_client import connect
from tests.services.elasticsearch_server import Missing, Server, elasticsearch_server

_SERVER = pytest.StashKey[Server | str]()


@pytest.fixture(scope="session")
def elasticsearch(request, tmp_path_factory):
    """The server; a test gives it a namespace of its own. Kept in the run's stash: several conftest.py share it."""
    stash = request.config.stash
    if _SERVER not in stash:
        stack = ExitStack()
        request.config.add_cleanup(stack.close)
        try:
            stash[_SERVER] = stack.enter_context(elasticsearch_server(tmp_path_factory.mktemp("elasticsearch")))
        except Missing as why:
            stash[_SERVER] = str(why)
    if isinstance(found := stash[_SERVER], str):
        pytest.skip(found)
    return found


_NUMBERS = count()


def prepared(server, namespace=""):
    """A client, and a namespace of its own with its templates and indices."""
    namespace = namespace or f"t{next(_NUMBERS)}"
    client = connect(server.settings(namespace))
    list(apply(client, plan(client, namespace)))
    return client, namespace
