"""Shared by all tests: where the real data is, and the story written once."""

from pathlib import Path

import pytest

from soc.story import Story, write

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


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
