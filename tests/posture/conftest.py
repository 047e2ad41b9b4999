"""The made-up month in a store, once for all tests of the report."""

import pytest

from soc.engines.month import write_month
from soc.enrich import read_inventory
from soc.pipeline.content import load_content
from soc.posture.month import Month
from soc.stores.sqlite import SqliteStore
from soc.story import INVENTORY

OCTOBER = Month(2026, 10, 25_200)


@pytest.fixture(scope="session")
def content():
    return load_content()


@pytest.fixture(scope="session")
def stored(tmp_path_factory, content):
    """The store's file; nobody may write to it."""
    file = tmp_path_factory.mktemp("month") / "soc.db"
    store = SqliteStore(file)
    write_month(store, content, read_inventory(INVENTORY))
    store.close()
    return file
