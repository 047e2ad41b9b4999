"""Followed files: every line once, whatever rotation does and whenever the collector dies."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors.followed import MAX_LINE
from collectors.follower import LEFT_MICROS, Follower
from soc.core.settings import FileInput


class Tailed:
    """A follower whose marks and lines go where the spool would keep them, together."""

    def __init__(self, pattern: Path, from_end: bool = False) -> None:
        self.pattern = str(pattern)
        self.from_end = from_end
        self.marks: dict[str, bytes] = {}
        self.lines: list[bytes] = []
        self.origins: set[str] = set()
        self.reports: list[str] = []
        self.later = 0
        self.restart()

    def restart(self) -> None:
        self.follower = Follower(self.pattern, self.from_end, self.marks, self.reports.append)

    def poll(self, reads: int = 1_000_000) -> list[bytes]:
        """What is new; stops after so many reads, as a crash would."""
        before = len(self.lines)
        now = time.time_ns() // 1000 + self.later
        for read, _ in zip(self.follower.poll(now), range(reads), strict=False):
            self.lines += read.lines
            self.origins |= {read.path} if read.lines else set()
            self.marks.update(read.marks)
            for key in [key for key, state in self.marks.items() if not state]:
                del self.marks[key]
        return self.lines[before:]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "app.log"


@pytest.fixture
def tailed(log: Path) -> Iterator[Tailed]:
    follower = Tailed(log)
    yield follower
    follower.follower.close()


def write(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_lines_as_they_are_completed(tailed: Tailed, log: Path) -> None:
    assert tailed.poll() == []
    write(log, "one\ntw")
    assert tailed.poll() == [b"one"]
    write(log, "o\r\n\nthree\n")
    assert tailed.poll() == [b"two", b"three"]
    assert tailed.poll() == []
    assert tailed.origins == {str(log)}


def test_a_restart_goes_on_where_it_was(tailed: Tailed, log: Path) -> None:
    write(log, "one\ntwo\nthr")
    tailed.poll()
    tailed.restart()
    write(log, "ee\n")
    assert tailed.poll() == [b"three"]


@pytest.mark.parametrize("down", [False, True])
def test_a_rename_with_lines_before_and_after_it(tailed: Tailed, log: Path, down: bool) -> None:
    write(log, "one\n")
    tailed.poll()
    write(log, "two\n")
    log.rename(log.with_name("app.log.1"))
    write(log, "three\n")
    if down:
        tailed.restart()
    write(log.with_name("app.log.1"), "late\n")
    assert tailed.poll() == [b"two", b"late", b"three"]
    assert tailed.origins == {str(log)}


@pytest.mark.parametrize("down", [False, True])
def test_files_that_came_and_went_between_two_looks(tailed: Tailed, log: Path, down: bool) -> None:
    log.with_name("app.log.1").write_text("ancient\n")
    os.utime(log.with_name("app.log.1"), (1, 1))
    write(log, "one\n")
    tailed.poll()
    for number in (2, 3, 4):
        for old in (4, 3, 2, 1):
            if (path := log.with_name(f"app.log.{old}")).exists():
                path.rename(log.with_name(f"app.log.{old + 1}"))
        log.rename(log.with_name("app.log.1"))
        write(log, f"{number}\n")
    if down:
        tailed.restart()
    assert tailed.poll() == [b"2", b"3", b"4"]


@pytest.mark.parametrize("down", [False, True])
def test_copy_and_truncate_with_unread_lines(tailed: Tailed, log: Path, down: bool) -> None:
    write(log, "one\n")
    tailed.poll()
    for number in range(5):
        write(log, f"unread {number}\nhalf {number}")
        shutil.copy(log, log.with_name(f"app.log.{number}"))
        log.write_text("")
        write(log, f"new {number}\n")
        if down:
            tailed.restart()
        assert tailed.poll() == [b"unread %d" % number, b"half %d" % number, b"new %d" % number]
    assert tailed.poll() == []


def test_truncated_and_grown_beyond_where_it_was(tailed: Tailed, log: Path) -> None:
    write(log, "old 1\n")
    tailed.poll()
    log.write_text("new 1\nnew 2\nnew 3\n")
    assert tailed.poll() == [b"new 1", b"new 2", b"new 3"]


def test_truncated_in_place_while_nothing_else_changes_in_the_folder(tailed: Tailed, log: Path) -> None:
    write(log, "old 1\nold 2\n")
    tailed.poll()
    tailed.later = 3_600_000_000
    tailed.poll()
    log.write_text("new\n")
    assert tailed.poll() == [b"new"]


def test_more_rotated_files_than_are_kept_open(tailed: Tailed, log: Path) -> None:
    write(log, "first\n")
    tailed.poll()
    for number in range(150):
        write(log, f"{number}\n")
        log.rename(log.with_name(f"app.log-{number:04d}"))
    write(log, "last\n")
    assert tailed.poll() == [b"%d" % number for number in range(150)] + [b"last"]
    assert len(tailed.follower._files) == 101
    assert tailed.poll() == []


def test_a_writer_that_keeps_its_position_leaves_a_hole(tailed: Tailed, log: Path) -> None:
    with log.open("w") as writer:
        writer.write("x" * 5000 + "\n")
        writer.flush()
        tailed.poll()
        os.truncate(log, 0)
        tailed.poll()
        writer.write("after\n")
        writer.flush()
        assert tailed.poll() == [b"after"]


def test_a_deleted_file_is_read_to_its_end_and_its_half_line_given_in_the_end(tailed: Tailed, log: Path) -> None:
    write(log, "one\n")
    tailed.poll()
    write(log, "two\nhalf")
    log.unlink()
    assert tailed.poll() == [b"two"]
    tailed.later += LEFT_MICROS + 1
    assert tailed.poll() == [b"half"]
    write(log, "next\n")
    assert tailed.poll() == [b"next"]
    assert len(tailed.marks) == 2


def test_a_used_inode_is_a_new_file(tailed: Tailed, log: Path) -> None:
    """While the collector is down a file is deleted, and its inode given to another of at least its size."""
    write(log, "one\ntwo\n")
    tailed.poll()
    tailed.follower.close()
    (key,) = [key for key in tailed.marks if not key.startswith("pattern:")]
    log.write_text("uno\ndos\ntres\n")
    status = log.stat()
    assert key == f"{status.st_dev}:{status.st_ino}"
    tailed.restart()
    assert tailed.poll() == [b"uno", b"dos", b"tres"]


def test_from_the_end_only_at_the_very_first_start(log: Path) -> None:
    write(log, "old\nolder\nhal")
    tailed = Tailed(log.with_name("*.log"), from_end=True)
    assert tailed.poll() == []
    write(log, "f\nnew\n")
    assert tailed.poll() == [b"half", b"new"]
    tailed.follower.close()
    write(log, "while down\n")
    write(log.with_name("other.log"), "made while down\n")
    tailed.restart()
    assert tailed.poll() == [b"while down", b"made while down"]
    tailed.follower.close()


def test_patterns_leave_out_compressed_files_folders_and_pipes(tmp_path: Path) -> None:
    for name in ("a.log", "b.log", "c.log.gz"):
        (tmp_path / name).write_text(f"{name}\n")
    (tmp_path / "d.log").mkdir()
    os.mkfifo(tmp_path / "e.log")
    (tmp_path / "link.log").symlink_to("a.log")
    tailed = Tailed(tmp_path / "*.log*")
    assert tailed.poll() == [b"a.log", b"b.log"]
    tailed.follower.close()


def test_an_endless_line_is_cut(tailed: Tailed, log: Path) -> None:
    write(log, "x" * (MAX_LINE * 20 + 5))
    assert [len(line) for line in tailed.poll()] == [MAX_LINE] * 20
    write(log, "\nnext\n")
    assert tailed.poll() == [b"xxxxx", b"next"]


def test_a_file_that_may_not_be_read_is_reported_once(tailed: Tailed, log: Path, tmp_path: Path) -> None:
    log.symlink_to(log)
    tailed.poll()
    tailed.poll()
    assert tailed.reports == [f"{log}: Too many levels of symbolic links"]
    log.unlink()
    write(log, "one\n")
    assert tailed.poll() == [b"one"]


def rotate(rng: random.Random, log: Path, kept: int = 30) -> None:
    """As logrotate does it, with or without copytruncate, keeping a few old files."""
    for number in range(kept, 0, -1):
        if (old := log.with_name(f"{log.name}.{number}")).exists():
            if number == kept:
                old.unlink()
            else:
                old.rename(log.with_name(f"{log.name}.{number + 1}"))
    if rng.random() < 0.5:
        shutil.copy(log, log.with_name(f"{log.name}.1"))
        os.truncate(log, 0)
    else:
        log.rename(log.with_name(f"{log.name}.1"))
        log.touch()


@pytest.mark.parametrize("seed", range(5))
def test_200_rotations_with_restarts_and_crashes(log: Path, seed: int) -> None:
    """Drill 14: lines are numbered; each is read exactly once, in order, although the reader dies at any read."""
    rng = random.Random(seed)
    tailed = Tailed(log)
    written = 0
    log.touch()
    tailed.poll()
    for _ in range(200):
        for _ in range(rng.randrange(1, 4)):
            for _ in range(rng.randrange(30)):
                write(log, f"{written} {'x' * rng.randrange(80)}\n")
                written += 1
            if rng.random() < 0.6:
                tailed.poll()
        if rng.random() < 0.2:
            tailed.poll(rng.randrange(4))
            tailed.follower.close()
            tailed.restart()
        if log.stat().st_size:
            rotate(rng, log)
    tailed.poll()
    tailed.poll()
    tailed.follower.close()
    assert [int(line.split()[0]) for line in tailed.lines] == list(range(written))


def test_a_running_collector_follows_while_a_thread_writes_and_rotates(collecting, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    rng = random.Random(0)
    total = 20_000

    def write_and_rotate() -> None:
        log.touch()
        for number in range(total):
            write(log, f"{number}\n")
            if number % 400 == 399:
                rotate(rng, log, kept=60)

    async def run() -> None:
        async with collecting(FileInput(str(log), device="nginx")) as running:
            await asyncio.to_thread(write_and_rotate)
            lines = await running.until(total)
            assert sorted(map(int, lines)) == list(range(total))
            assert {(batch.origin, batch.device) for batch in running.batches()} == {(f"tail:{log}", "nginx")}
            assert running.reports == []

    asyncio.run(run())
