"""The processor between spool and store: crashes, store errors and defects change nothing in what is stored."""

from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from soc.core.alert import Alert
from soc.core.clock import FixedClock
from soc.core.errors import SocError, StoreError
from soc.core.event import RawBatch
from soc.core.settings import Settings
from soc.core.store import AlertFilter
from soc.engines.embedded import SNAPSHOT, Processor
from soc.pipeline.build import build_pipeline
from soc.pipeline.content import Content, load_content
from soc.pipeline.pipeline import Outcome, Pipeline
from soc.stores.sqlite import SqliteStore
from soc.story import INVENTORY, Story

ZONE = 7 * 3600
RECEIVED = 1_791_170_000_000_000
EVERYTHING = AlertFilter(limit=10_000)


class ListSpool:
    """A spool in memory: batches of 50 lines; stops the processor's clock-driven work from waiting for more."""

    def __init__(self, lines: list[bytes], origin: str = "tcp:10.4.20.11") -> None:
        self.batches = [
            RawBatch(origin, "auto", RECEIVED + start, start, tuple(lines[start : start + 50]))
            for start in range(0, len(lines), 50)
        ]
        self.released = 0

    @property
    def end(self) -> int:
        return self.batches[-1].position + len(self.batches[-1].lines)

    def read(self, position: int, max_lines: int) -> list[RawBatch]:
        return [batch for batch in self.batches if batch.position >= position][:2]

    def release(self, position: int) -> None:
        self.released = position


class Flaky(SqliteStore):
    """A store whose every n-th write fails, undoing what was not committed, as a full disk does."""

    every = 7
    calls = 0

    def put_alerts(self, alerts: Iterable[Alert]) -> None:
        super().put_alerts(alerts)
        type(self).calls += 1
        if self.calls % self.every == 0:
            self._connection.rollback()
            raise StoreError("disk full")


@pytest.fixture(scope="module")
def content() -> Content:
    return load_content()


@pytest.fixture(scope="module")
def lines(story: Story) -> list[bytes]:
    return next(file for file in story.files if file.name == "nasati-web-01.auth.log").read_bytes().splitlines()


def pipeline(content: Content) -> Pipeline:
    return build_pipeline(content, INVENTORY, zone=ZONE)


def drain(processor: Processor, clock: FixedClock, spool: ListSpool, steps: int = 10_000) -> None:
    """Does rounds as ``run`` would until the spool is empty and the windows are decided."""
    for _ in range(steps):
        clock.time += 1_000_000
        try:
            more = processor._step()
        except StoreError:
            processor._resume()
            continue
        if not more and processor.progress.position >= spool.end and clock.time > RECEIVED + 3600_000_000:
            return
        if not more:
            clock.time += 120_000_000


def alerts_of(store: SqliteStore) -> list[Alert]:
    return store.alerts(EVERYTHING)


@pytest.fixture(scope="module")
def undisturbed(content: Content, lines: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> list[Alert]:
    store = SqliteStore(tmp_path_factory.mktemp("undisturbed") / "soc.db")
    clock, spool = FixedClock(RECEIVED), ListSpool(lines)
    drain(Processor(spool, pipeline(content), store, Settings(), clock), clock, spool)
    store.commit()
    found = alerts_of(store)
    assert store.counts()["events"] == len(lines)
    store.close()
    assert len(found) >= 4
    return found


def test_killed_at_any_round_it_goes_on_to_the_same_alerts(
    content: Content, lines: list[bytes], undisturbed: list[Alert], tmp_path: Path
) -> None:
    clock, spool = FixedClock(RECEIVED), ListSpool(lines)
    for rounds in (1, 3, 2, 6, 1, 8, 5):
        store = SqliteStore(tmp_path / "soc.db")
        processor = Processor(spool, pipeline(content), store, Settings(), clock)
        drain(processor, clock, spool, rounds)
        store._connection.rollback()
        store.close()
    store = SqliteStore(tmp_path / "soc.db")
    drain(Processor(spool, pipeline(content), store, Settings(), clock), clock, spool)
    store.commit()
    assert alerts_of(store) == undisturbed
    assert store.counts()["events"] == len(lines)
    store.close()


def test_store_errors_lose_and_repeat_nothing(
    content: Content, lines: list[bytes], undisturbed: list[Alert], tmp_path: Path
) -> None:
    store = Flaky(tmp_path / "soc.db")
    clock, spool = FixedClock(RECEIVED), ListSpool(lines)
    drain(Processor(spool, pipeline(content), store, Settings(), clock), clock, spool)
    Flaky.every = 10**9
    store.commit()
    assert Flaky.calls > 10
    assert alerts_of(store) == undisturbed
    assert store.counts()["events"] == len(lines)
    store.close()


class Defective(Pipeline):
    """A pipeline with a defect that one line brings to light."""

    def feed(self, batch: RawBatch) -> Outcome:
        if any(b"122970" in line for line in batch.lines):
            raise RuntimeError("a defect")
        return super().feed(batch)


def test_a_defect_costs_the_line_that_shows_it(content: Content, lines: list[bytes], tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "soc.db")
    clock, spool = FixedClock(RECEIVED), ListSpool(lines)
    broken = pipeline(content)
    broken.__class__ = Defective
    processor = Processor(spool, broken, store, Settings(), clock)
    drain(processor, clock, spool)
    store.commit()
    bad = [line for line in lines if b"122970" in line]
    assert sorted(rejected.raw for rejected in store.rejected(100)) == sorted(bad)
    assert all("internal error: RuntimeError: a defect" in rejected.reason for rejected in store.rejected(100))
    assert store.counts()["events"] == len(lines) - len(bad)
    assert processor.progress.failures >= len(bad)
    store.close()


def test_a_broken_spool_ends_the_processor(content: Content, lines: list[bytes], tmp_path: Path) -> None:
    class Broken(ListSpool):
        def read(self, position: int, max_lines: int) -> list[RawBatch]:
            raise SocError("the disk does not answer")

    store = SqliteStore(tmp_path / "soc.db")
    processor = Processor(Broken(lines), pipeline(content), store, Settings(), FixedClock(RECEIVED))
    processor.run()
    assert "the disk does not answer" in processor.progress.last_failure
    store.close()


def test_lines_are_released_only_after_a_stored_state(content: Content, lines: list[bytes], tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "soc.db")
    clock, spool = FixedClock(RECEIVED), ListSpool(lines)
    processor = Processor(spool, pipeline(content), store, Settings(), clock)
    processor._step()
    assert spool.released == 0
    clock.time += 10_000_000
    processor._step()
    assert spool.released == processor.progress.position
    store.close()


def test_a_state_of_another_version_costs_the_windows_and_not_the_position(
    content: Content, lines: list[bytes], tmp_path: Path
) -> None:
    store = SqliteStore(tmp_path / "soc.db")
    clock, spool = FixedClock(RECEIVED), ListSpool(lines)
    store.put_state(SNAPSHOT, msgspec.msgpack.encode((100, b"?", b"not a state")))
    store.commit()
    processor = Processor(spool, pipeline(content), store, Settings(), clock)
    assert processor.progress.failures == 1
    drain(processor, clock, spool)
    store.commit()
    assert store.counts()["events"] == len(lines) - 100
    store.close()
