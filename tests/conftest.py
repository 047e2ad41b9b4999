"""Shared by all tests: where the real data is, and the story written once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from soc.story import Story, write

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The rules that commands keep are kept apart from those of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def data() -> Path:
    """Real logs that lie beside the checkout; tests that need them skip where they are absent."""
    if not DATA.is_dir():
        pytest.skip(f"no real data: {DATA.name} is not beside the checkout")
    return DATA


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """The bundled story, written once for the whole run."""
    return write(tmp_path_factory.mktemp("story"))
