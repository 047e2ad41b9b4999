"""Several processes give, byte for byte, what one gives; when one of them dies, nothing hangs and nothing is left."""

import gzip
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing import active_children
from pathlib import Path
from random import Random

import pytest

from soc.core.alert import encode
from soc.core.event import RawBatch
from soc.engines.analyze import Totals, analyze
from soc.engines.source import expand
from soc.engines.workers import SLOT, WorkerDied, Workers
from soc.pipeline.build import build_digester, build_pipeline
from soc.pipeline.content import Content, load_content
from soc.pipeline.pipeline import reached
from soc.story import INVENTORY, Story

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# Where tests run in parallel there are threads beside them; they are none of the workers' business.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")

ZONE = 7 * 3600


@pytest.fixture(scope="module")
def content() -> Content:
    return load_content()


def run(content: Content, jobs: int, *paths: Path) -> Totals:
    pipeline = build_pipeline(content, INVENTORY, zone=ZONE, lateness="10m")
    if jobs == 1:
        return analyze(pipeline, expand(paths), "auto", zone=ZONE)
    with Workers(jobs, build_digester(content, INVENTORY, zone=ZONE)) as workers:
        return analyze(pipeline, expand(paths), "auto", zone=ZONE, workers=workers)


def told(totals: Totals) -> tuple[object, ...]:
    """All that a run says, in the order in which it says it."""
    return totals, list(totals.rejected.items()), [encode(alert) for alert in totals.alerts.values()]


@pytest.mark.parametrize("jobs", [2, 4])
def test_the_story_is_the_same_with_any_number_of_jobs(content: Content, story: Story, jobs: int) -> None:
    folder = story.files[0].parent
    alone = run(content, 1, folder)
    assert len(alone.alerts) == 23
    assert told(run(content, jobs, folder)) == told(alone)
    assert active_children() == []


@pytest.mark.parametrize("seed", range(6))
def test_any_mix_of_files_is_the_same(content: Content, story: Story, tmp_path: Path, seed: int) -> None:
    """Rotated, overlapping, doubled, shuffled, compressed, cut short, empty, unreadable, with lines of any bytes."""
    random = Random(seed)
    for number in range(12):
        lines = random.choice(story.files).read_bytes().splitlines()
        start = random.randrange(len(lines))
        lines = lines[start : start + random.choice([1, 300, 2000, 2001, 5000])]
        if random.random() < 0.3:
            lines = random.choice([lines * 2, random.sample(lines, len(lines)), [*lines, b"", b"\xff\0\r", b"{"]])
        data = b"\n".join(lines)
        packed = random.choice([data, gzip.compress(data), zstd.compress(data), gzip.compress(data)[:-20]])
        (tmp_path / f"{number:02}.log").write_bytes(packed)
    (tmp_path / "empty.log").touch()
    (tmp_path / "evidence.zip").write_bytes(b"PK\x03\x04....")
    (tmp_path / "long.log").write_bytes(b"x" * (SLOT + 3_000_000) + b"\nOct  5 08:00:00 host chronyd[1]: a\n")
    alone = run(content, 1, tmp_path)
    assert alone.lines > 1000
    assert alone.unusable
    assert told(run(content, 3, tmp_path)) == told(alone)


def test_mails_that_are_joined_within_a_batch_come_where_they_came(content: Content, story: Story) -> None:
    """A queue id that is used again concludes the mail before it, in the midst of a batch."""
    lines = next(file for file in story.files if file.name == "mail.log").read_bytes().splitlines()[:1000]
    later = [line.replace(b"Oct  5 0", b"Oct  6 0") for line in lines]
    batch = RawBatch("file:mail.log", "auto", 1_791_300_000_000_000, 1, (*lines, *later))
    alone, behind = (build_pipeline(content, INVENTORY, zone=ZONE) for _ in range(2))
    whole = alone.feed(batch)
    digest = build_digester(content, INVENTORY, zone=ZONE)(batch)
    concluded = behind.conclude(digest)
    assert concluded.joined == whole.joined > 10
    assert [event for event in whole.events if event["event.dataset"] == "postfix.message"] == concluded.events
    assert digest.reached(concluded.events) == reached(whole.events)
    assert (concluded.hits, concluded.alerts) == (whole.hits, whole.alerts)
    assert behind.state() == alone.state()


def test_a_worker_that_is_killed_ends_the_run_with_an_error(content: Content, story: Story) -> None:
    pipeline = build_pipeline(content, INVENTORY, zone=ZONE, lateness="10m")
    turns = 0

    def kill(totals: Totals) -> None:
        nonlocal turns
        turns += 1
        if turns == 3:
            victim = active_children()[0].pid
            assert victim
            os.kill(victim, signal.SIGKILL)

    sources = expand([story.files[0].parent])
    with (
        Workers(2, build_digester(content, INVENTORY, zone=ZONE)) as workers,
        pytest.raises(WorkerDied, match="signal 9"),
    ):
        analyze(pipeline, sources, "auto", zone=ZONE, workers=workers, progress=kill)
    assert active_children() == []


def test_the_command_prints_and_writes_the_same(story: Story, tmp_path: Path) -> None:
    printed = []
    for jobs in ("1", "2", "auto"):
        out = tmp_path / f"{jobs}.json"
        words = ["analyze", "-", str(story.files[0].parent), "--jobs", jobs, "--at", "2026-10-05", "--out", str(out)]
        mail = next(file for file in story.files if file.name == "mail.log").read_bytes()
        done = subprocess.run([sys.executable, "-m", "soc", *words], input=mail, capture_output=True, check=False)
        assert done.returncode == 1
        printed.append((done.stdout, done.stderr, out.read_bytes()))
    assert printed[0] == printed[1] == printed[2]
    assert printed[0][2].count(b"\n") > 10


@pytest.mark.parametrize("jobs", ["0", "-1", "many", "1000000000000", "²"])
def test_a_wrong_number_of_jobs_is_named(jobs: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "soc", "analyze", "-", f"--jobs={jobs}"], input=b"", capture_output=True, check=False
    )
    assert done.returncode == 2
    assert b"a number from 1 to 256, or auto" in done.stderr


@pytest.fixture
def waiting(story: Story) -> Iterator[tuple[subprocess.Popen[bytes], list[int]]]:
    """``soc analyze - --jobs 2`` in a process group of its own, reading from a pipe that stays open; its workers."""
    command = [sys.executable, "-m", "soc", "analyze", "-", "--jobs", "2"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdin
        process.stdin.write(story.files[0].read_bytes()[:2_000_000])
        process.stdin.flush()
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        if not children.exists():
            process.kill()
            pytest.skip("this system does not list a process's children")
        until = time.monotonic() + 60
        while len(workers := children.read_text().split()) < 2 or _state(process.pid) != "S":
            assert time.monotonic() < until, "it has not come to wait for more lines"
            time.sleep(0.05)
        yield process, [int(worker) for worker in workers]
        process.kill()


def gone(pids: list[int]) -> bool:
    """Whether they end within a minute; one that nobody has waited for yet (a zombie) has ended."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if all(_state(pid) in "ZX" for pid in pids):
            return True
        time.sleep(0.05)
    return False


def _state(pid: int) -> str:
    """R: it runs; S: it waits for something; Z and X: it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def test_ctrl_c_ends_the_workers_too(waiting: tuple[subprocess.Popen[bytes], list[int]]) -> None:
    process, workers = waiting
    assert len(workers) == 2
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(60) == 1
    assert process.stderr
    assert b"Traceback" not in process.stderr.read()
    assert gone(workers)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_workers_do_not_outlive_a_killed_parent(
    waiting: tuple[subprocess.Popen[bytes], list[int]], number: signal.Signals
) -> None:
    process, workers = waiting
    assert len(workers) == 2
    process.send_signal(number)
    assert process.wait(60) == -number
    assert gone(workers)
