"""The spool: numbers, back-pressure, release, and what threads see of each other."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors.spool import Spool, SpoolFailed, SpoolFull

LIMIT = 20_000_000


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    opened = Spool(tmp_path / "spool", LIMIT, segment_bytes=4000)
    yield opened
    opened.close()


def put(spool: Spool, *lines: str, origin: str = "tcp:10.1.0.1") -> int:
    return spool.append(origin, "auto", 1_700_000_000_000_000, tuple(line.encode() for line in lines))


def lines_of(spool: Spool, position: int = 0, max_lines: int = 10_000) -> list[tuple[int, str]]:
    batches = spool.read(position, max_lines)
    return [(batch.position + i, line.decode()) for batch in batches for i, line in enumerate(batch.lines)]


def test_lines_are_numbered_as_they_arrive_and_read_after_the_sync(spool: Spool) -> None:
    assert put(spool, "a", "b") == 2
    assert put(spool, "c", origin="udp:10.1.0.2") == 3
    assert spool.read(0) == []
    assert spool.sync() == 3
    first, second = spool.read(0)
    assert (first.origin, first.device, first.position, first.lines) == ("tcp:10.1.0.1", "auto", 0, (b"a", b"b"))
    assert (second.origin, second.received, second.position) == ("udp:10.1.0.2", 1_700_000_000_000_000, 2)
    assert spool.read(3) == []


def test_reading_starts_within_a_batch(spool: Spool) -> None:
    put(spool, "a", "b", "c", "d")
    spool.sync()
    assert lines_of(spool, 2) == [(2, "c"), (3, "d")]


def test_numbers_go_on_after_everything_was_released_and_after_a_restart(tmp_path: Path) -> None:
    for start in range(0, 50, 10):
        spool = Spool(tmp_path, LIMIT)
        assert put(spool, *(str(n) for n in range(start, start + 10))) == start + 10
        spool.sync()
        assert lines_of(spool, start) == [(n, str(n)) for n in range(start, start + 10)]
        spool.release(start + 10)
        spool.close()
        assert len(list(tmp_path.glob("*.seg"))) <= 2


def test_a_lost_folder_numbers_on_from_what_the_reader_has_stored(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LIMIT, floor=1234)
    assert put(spool, "a") == 1235
    spool.close()


def test_reading_crosses_files_and_release_deletes_them(spool: Spool) -> None:
    for number in range(500):
        put(spool, f"line {number} " + "x" * 100)
    spool.sync()
    assert len(list(spool.folder.glob("*.seg"))) > 10
    position = 0
    seen = []
    while batches := spool.read(position, 7):
        assert len(batches) == 7 or position + len(batches) == 500
        seen += [line.split()[1] for batch in batches for line in batch.lines]
        position = batches[-1].position + len(batches[-1].lines)
        spool.release(position)
    assert seen == [str(number).encode() for number in range(500)]
    assert len(list(spool.folder.glob("*.seg"))) == 1
    assert spool.size == sum(path.stat().st_size for path in spool.folder.glob("*.seg"))


def test_released_numbers_lead_to_the_next_one_there_is(spool: Spool) -> None:
    for number in range(100):
        put(spool, f"{number} " + "x" * 200)
    spool.sync()
    spool.release(50)
    assert 0 < spool.read(0)[0].position <= 50


def test_the_limit_refuses_and_release_makes_room(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 50_000)
    appended = 0
    with pytest.raises(SpoolFull, match="limit"):
        while True:
            appended = put(spool, "x" * 500)
    assert 40_000 < spool.size <= 50_000
    spool.sync()
    assert len(lines_of(spool)) == appended == spool.end
    spool.release(appended)
    assert put(spool, "fits again") == appended + 1
    spool.close()


def test_a_second_process_is_refused(spool: Spool) -> None:
    with pytest.raises(SpoolFailed, match="another process"):
        Spool(spool.folder, LIMIT)


def test_marks_survive_the_files_that_held_them(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LIMIT, segment_bytes=2000)
    spool.append("tail:/a", "auto", 0, (b"x",), {"gone": b"1", "kept": b"1"})
    spool.append("tail:/a", "auto", 0, (b"x",), {"gone": b"", "kept": b"2"})
    for _ in range(100):
        end = put(spool, "x" * 100)
    spool.sync()
    spool.release(end)
    spool.close()
    again = Spool(tmp_path, LIMIT)
    assert again.marks == {"kept": b"2"}
    again.close()


def test_a_reader_waits_for_lines_and_sees_them_in_order_while_others_write(spool: Spool) -> None:
    total = 3000
    writers = [threading.Thread(target=lambda: [put(spool, "x" * 30) for _ in range(total // 3)]) for _ in range(3)]
    stop = threading.Event()

    def keep_syncing() -> None:
        while not stop.is_set():
            spool.sync()

    syncer = threading.Thread(target=keep_syncing)
    for thread in (*writers, syncer):
        thread.start()
    position = 0
    while position < total and spool.wait(position, 10):
        for batch in spool.read(position, 100):
            assert batch.position == position
            position += len(batch.lines)
        spool.release(position)
    stop.set()
    for thread in (*writers, syncer):
        thread.join()
    assert position == total
    assert not spool.wait(position, 0)


def test_what_was_synced_is_there_after_a_power_cut_in_the_middle_of_a_write(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LIMIT)
    put(spool, "safe")
    spool.sync()
    put(spool, "not yet safe")
    segment = max(tmp_path.glob("*.seg"))
    written = segment.read_bytes()
    spool.close()
    for kept in range(len(written) - 30, len(written)):
        segment.write_bytes(written[:kept])
        again = Spool(tmp_path, LIMIT)
        assert lines_of(again)[0] == (0, "safe")
        again.close()


FILL = """
import sys
from pathlib import Path
from collectors.spool import Spool, SpoolFull
spool = Spool(Path(sys.argv[1]), 1 << 30)
appended = 0
try:
    while True:
        appended = spool.append("tcp:::1", "auto", 0, tuple(b"%d" % n + b"x" * 90 for n in range(37)))
except SpoolFull:
    pass
print(spool.sync())
spool.close()
again = Spool(Path(sys.argv[1]), 1 << 30)
position = 0
while batches := again.read(position):
    assert batches[0].position == position
    position = batches[-1].position + len(batches[-1].lines)
print(position, len(again.damage))
again.release(position)
print(again.append("tcp:::1", "auto", 0, (b"room",)))
again.close()
"""


def test_a_full_disk_loses_nothing_that_was_taken(tmp_path: Path) -> None:
    script = f"mount -t tmpfs -o size=6m none {tmp_path} && exec {sys.executable} -c '{FILL}' {tmp_path}/spool"
    run = subprocess.run(["unshare", "-rm", "sh", "-c", script], check=False, capture_output=True, text=True)
    if run.returncode and ("unshare" in run.stderr or "mount" in run.stderr):
        pytest.skip(f"no private tmpfs here: {run.stderr.strip()}")
    assert run.returncode == 0, run.stderr
    synced, read, damaged, room = map(int, run.stdout.split())
    assert synced == read > 40_000
    assert damaged == 0
    assert room == read + 1
