"""Rules that change while the service runs: good ones are taken over, bad ones are refused with their reasons."""

import asyncio
import threading
from pathlib import Path

import pytest

from soc.core.clock import FixedClock
from soc.core.errors import Problem, SocError
from soc.core.event import RawBatch
from soc.core.settings import Settings
from soc.core.store import AlertFilter
from soc.engines.embedded import RECENT, Processor
from soc.engines.reload import Reloader, new_problems
from soc.pipeline.build import build_pipeline, content_of
from soc.stores.memory import MemoryStore

NOON = 1_791_176_400_000_000  # 5 October 2026, 12:00 at +07:00

FAILED = """\
title: Failed password
id: 11111111-1111-4111-8111-111111111111
name: failed_password
logsource: {product: linux, service: sshd}
detection:
  failed: {event.original|contains: 'Failed password for root'}
  condition: failed
level: low
"""
MANY = """\
title: Many failed passwords
id: 22222222-2222-4222-8222-222222222222
name: many_failed
correlation:
  type: event_count
  rules: [failed_password]
  group-by: [source.ip]
  timespan: 30m
  condition: {gte: %d}
level: high
"""
ACCEPTED = """\
title: Accepted password
id: 33333333-3333-4333-8333-333333333333
name: accepted_password
logsource: {product: linux, service: sshd}
detection:
  accepted: {event.original|contains: 'Accepted password'}
  condition: accepted
level: medium
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "failed.yml").write_text(FAILED)
    (folder / "many.yml").write_text(MANY % 50)
    return folder


class Idle:
    """A running pipeline with nothing to read, a round at a time."""

    end = 0

    def read(self, position: int, max_lines: int) -> list[RawBatch]:
        return []

    def release(self, position: int) -> None:
        pass


class Bench:
    """A reloader over a real processor, looked after by hand."""

    def __init__(self, folder: Path, rules: Path) -> None:
        self.clock = FixedClock(NOON)
        self.settings = Settings(rules=(str(rules),), shipped_rules=False, data_dir=str(folder / "data"))
        self.log: list[str] = []
        self.asked = asyncio.Event()
        content = content_of(self.settings, NOON)
        pipeline = build_pipeline(content, None, zone=7 * 3600)
        self.store = MemoryStore()
        self.processor = Processor(Idle(), pipeline, self.store, self.settings, self.clock)
        self.reloader = Reloader(self.settings, content, self.processor, self.clock, self.log.append, self.asked)

    def looks(self, times: int) -> None:
        """Several looks while the processor does its rounds."""

        async def look() -> None:
            stop = threading.Event()

            def rounds() -> None:
                while not stop.wait(0.01):
                    self.processor._step()

            thread = threading.Thread(target=rounds)
            thread.start()
            try:
                for _ in range(times):
                    await self.reloader.look()
            finally:
                stop.set()
                thread.join()

        asyncio.run(look())


@pytest.fixture
def bench(tmp_path: Path, rules: Path) -> Bench:
    bench = Bench(tmp_path, rules)
    bench.looks(2)
    assert bench.reloader.status.reloads == 0
    return bench


def test_a_change_is_taken_over_at_the_second_equal_look(bench: Bench, rules: Path) -> None:
    before = bench.reloader.status.fingerprint
    (rules / "accepted.yml").write_text(ACCEPTED)
    bench.looks(1)
    assert bench.reloader.status.reloads == 0
    bench.looks(1)
    status = bench.reloader.status
    assert (status.reloads, status.change.new, status.change.changed, status.change.gone) == (1, 1, 0, 0)
    assert status.states["active"] == 3
    assert status.fingerprint != before
    assert "reloaded" in bench.log[-1]
    bench.looks(3)
    assert bench.reloader.status.reloads == 1


def test_a_file_that_is_still_being_written_is_left_alone(bench: Bench, rules: Path) -> None:
    for size in (40, 90, 200):
        (rules / "accepted.yml").write_text(ACCEPTED[:size])
        bench.looks(1)
    (rules / "accepted.yml").write_text(ACCEPTED)
    bench.looks(2)
    assert (bench.reloader.status.reloads, bench.reloader.status.refusals) == (1, 0)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("title: [", "not YAML"),
        (ACCEPTED.replace("condition: accepted", "condition: nobody"), "nobody"),
        (ACCEPTED.replace("level: medium", "level: serious"), "serious"),
    ],
)
def test_a_bad_set_is_refused_until_it_is_mended(bench: Bench, rules: Path, text: str, reason: str) -> None:
    (rules / "accepted.yml").write_text(text)
    bench.looks(4)
    status = bench.reloader.status
    assert (status.reloads, status.refusals) == (0, 1)
    assert len(bench.log) == 1
    assert all(reason in said and "accepted.yml:" in said for said in (*status.refused, bench.log[0]))
    (rules / "accepted.yml").write_text(ACCEPTED)
    bench.looks(2)
    assert (bench.reloader.status.reloads, bench.reloader.status.refused) == (1, ())


def test_who_asks_for_a_bad_set_is_told_again(bench: Bench, rules: Path) -> None:
    (rules / "accepted.yml").write_text("title: [")
    bench.looks(4)
    assert len(bench.log) == 1
    bench.asked.set()
    bench.looks(1)
    assert bench.log[1:] == bench.log[:1]


def test_putting_the_files_back_ends_a_refusal(bench: Bench, rules: Path) -> None:
    (rules / "accepted.yml").write_text("title: [")
    bench.looks(2)
    assert bench.reloader.status.refused
    (rules / "accepted.yml").unlink()
    bench.looks(2)
    assert (bench.reloader.status.reloads, bench.reloader.status.refused) == (0, ())
    assert bench.log[1:] == ["rules: those on disk are the running ones again"]


def test_a_rule_may_go_but_not_while_a_correlation_refers_to_it(bench: Bench, rules: Path) -> None:
    (rules / "failed.yml").unlink()
    bench.looks(2)
    (reason,) = bench.reloader.status.refused
    assert "many.yml:1: refers to 'failed_password'" in reason
    (rules / "many.yml").unlink()
    bench.looks(2)
    assert bench.reloader.status.change.gone == 2


def test_what_was_rejected_at_the_start_blocks_nothing(tmp_path: Path, rules: Path) -> None:
    (rules / "broken.yml").write_text("title: [")
    bench = Bench(tmp_path, rules)
    assert bench.reloader.status.states["rejected"] == 1
    (rules / "accepted.yml").write_text(ACCEPTED)
    bench.looks(2)
    assert (bench.reloader.status.reloads, bench.reloader.status.states["rejected"]) == (1, 1)


def test_problems_are_told_apart_by_file_and_reason() -> None:
    known = Problem("a.yml", 3, "no detection")
    assert new_problems([known], [Problem("a.yml", 9, "no detection")]) == []
    other = [Problem("a.yml", 3, "not YAML"), Problem("b.yml", 3, "no detection")]
    assert new_problems([known], [known, *other]) == other


def test_mutes_that_cannot_be_read_are_a_bad_set(bench: Bench) -> None:
    folder = Path(bench.settings.data_dir)
    folder.mkdir()
    (folder / "mutes.yml").write_text("mutes: [{id: x}]\n")
    bench.looks(1)
    with pytest.raises(SocError, match=r"mutes\.yml"):
        bench.looks(1)


def test_a_mute_is_in_force_at_once_and_ends_at_local_midnight(bench: Bench) -> None:
    folder = Path(bench.settings.data_dir)
    folder.mkdir()
    id = "11111111-1111-4111-8111-111111111111"
    (folder / "mutes.yml").write_text(f"mutes:\n  - {{id: {id}, until: 2026-10-06, by: an, reason: tests}}\n")
    bench.looks(2)
    assert bench.reloader.status.states["muted"] == 1
    bench.clock.time = NOON + 12 * 3600_000_000 - 1
    bench.looks(2)
    assert bench.reloader.status.reloads == 1
    bench.clock.time += 1
    bench.looks(2)
    assert bench.reloader.status.reloads == 2
    assert bench.reloader.status.states["muted"] == 0


def test_correlations_that_changed_begin_afresh_and_are_named(bench: Bench, rules: Path) -> None:
    (rules / "many.yml").write_text(MANY % 60)
    bench.looks(2)
    assert bench.reloader.status.change.afresh == ("many_failed",)
    assert "windows begin afresh: many_failed" in bench.log[-1]


def test_the_set_is_rehearsed_on_events_of_late(bench: Bench, rules: Path) -> None:
    line = b"<38>Oct  5 11:00:00 web sshd[7]: Failed password for root from 10.1.1.1 port 22 ssh2"
    bench.processor._process(RawBatch("tcp:10.1.1.9", "auto", NOON, 0, (line,) * 4000))
    (event,) = {str(event["event.original"]) for event in bench.processor.recent()}
    assert event == line.decode()
    assert len(bench.processor.recent()) == RECENT
    (rules / "accepted.yml").write_text(ACCEPTED)
    bench.looks(2)
    assert bench.reloader.status.reloads == 1


def test_windows_of_what_did_not_change_go_on(bench: Bench, rules: Path) -> None:
    lines = [
        f"<38>Oct  5 11:00:{second:02} web sshd[7]: Failed password for root from 10.1.1.1 port 22 ssh2".encode()
        for second in range(50)
    ]
    bench.processor._process(RawBatch("tcp:10.1.1.9", "auto", NOON, 0, tuple(lines[:30])))
    (rules / "accepted.yml").write_text(ACCEPTED)
    bench.looks(2)
    assert bench.reloader.status.change.afresh == ()
    bench.processor._process(RawBatch("tcp:10.1.1.9", "auto", NOON, 30, tuple(lines[30:])))
    bench.processor._carry_out(bench.processor._pipeline.advance(NOON))
    (alert,) = bench.store.alerts(AlertFilter())
    assert (alert.rule_name, alert.count) == ("many_failed", 50)
