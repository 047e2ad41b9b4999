"""Whatever happens to the spool's files, it starts, reads the rest, says what was lost, and repeats no number."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.spool import Spool

LIMIT = 20_000_000


def fill(folder: Path, records: int = 40) -> list[bytes]:
    spool = Spool(folder, LIMIT, segment_bytes=1500)
    lines = [f"line {number} ".encode() + b"x" * (number % 50) for number in range(records * 3)]
    for start in range(0, len(lines), 3):
        mark = {"1:2": str(start + 3).encode()}
        spool.append("tail:/var/log/a", "auto", 5, tuple(lines[start : start + 3]), mark)
    spool.close()
    return lines


def contents(spool: Spool) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    position = 0
    while batches := spool.read(position, 10):
        for batch in batches:
            assert batch.position >= position
            found.update(enumerate(batch.lines, batch.position))
            position = batch.position + len(batch.lines)
    return found


def corrupt(rng: random.Random, path: Path) -> None:
    raw = bytearray(path.read_bytes())
    at = rng.randrange(len(raw))
    length = rng.choice([1, 1, 4, 40, 400])
    how = rng.randrange(5)
    if how == 0:
        raw[at : at + length] = bytes(rng.randrange(256) for _ in raw[at : at + length])
    elif how == 1:
        raw[at : at + length] = bytes(len(raw[at : at + length]))
    elif how == 2:
        del raw[at : at + length]
    elif how == 3:
        raw[at:at] = rng.randbytes(length)
    else:
        del raw[at:]
    path.write_bytes(raw)


@pytest.mark.parametrize("block", range(10))
def test_200_random_corruptions(tmp_path: Path, block: int) -> None:
    """Drill 12: always starts; what is read is what was written; lost = written - read, reported where countable."""
    for seed in range(block * 20, block * 20 + 20):
        rng = random.Random(seed)
        folder = tmp_path / str(seed)
        lines = fill(folder)
        for path in rng.sample(sorted(folder.glob("*.seg")), rng.choice([1, 1, 2])):
            corrupt(rng, path)
        spool = Spool(folder, LIMIT)
        kept = contents(spool)
        assert all(lines[number] == line for number, line in kept.items())
        assert spool.end >= len(lines) or not spool.damage or spool.damage[-1].torn or kept
        lost = len(lines) - len(kept)
        reported = [damage.lines for damage in spool.damage if not damage.torn]
        if lost and spool.damage and None not in reported and not spool.damage[-1].torn:
            assert sum(number or 0 for number in reported) >= lost - 3
        number = spool.append("tcp:::1", "auto", 9, (b"new",)) - 1
        assert number not in kept
        spool.close()
        again = Spool(folder, LIMIT)
        assert contents(again) == kept | {number: b"new"}
        assert again.damage == []
        again.close()


def test_truncation_at_every_byte_of_the_tail(tmp_path: Path) -> None:
    lines = fill(tmp_path / "whole", 5)
    segment = max((tmp_path / "whole").glob("*.seg"))
    raw = segment.read_bytes()
    for size in range(len(raw) - 250, len(raw)):
        folder = tmp_path / str(size)
        folder.mkdir()
        for path in sorted((tmp_path / "whole").glob("*.seg")):
            (folder / path.name).write_bytes(path.read_bytes() if path != segment else raw[:size])
        spool = Spool(folder, LIMIT)
        kept = contents(spool)
        assert kept == dict(enumerate(lines[: len(kept)]))
        assert all(damage.torn for damage in spool.damage)
        assert spool.marks.get("1:2", b"0") == str(len(kept)).encode()
        assert not (folder / "corrupt").exists()
        assert spool.append("tcp:::1", "auto", 9, (b"new",)) > len(kept)
        spool.close()


def test_damage_in_the_middle_is_set_aside_and_counted(tmp_path: Path) -> None:
    lines = fill(tmp_path)
    segment = sorted(tmp_path.glob("*.seg"))[2]
    raw = segment.read_bytes()
    at = raw.index(b"line", len(raw) // 2)
    segment.write_bytes(raw[:at] + b"LINE" + raw[at + 4 :])
    spool = Spool(tmp_path, LIMIT)
    (damage,) = spool.damage
    assert (damage.path, damage.lines, damage.torn) == (segment.name, 3, False)
    assert "3 lines lost" in str(damage)
    assert len(contents(spool)) == len(lines) - 3
    (aside,) = (tmp_path / "corrupt").iterdir()
    assert b"LINE" in aside.read_bytes()
    spool.close()


def test_damage_that_appears_while_running_is_passed_by(tmp_path: Path) -> None:
    lines = fill(tmp_path)
    spool = Spool(tmp_path, LIMIT)
    segment = sorted(tmp_path.glob("*.seg"))[1]
    raw = segment.read_bytes()
    at = raw.index(b"line", len(raw) // 2)
    segment.write_bytes(raw[:at] + b"LINE" + raw[at + 4 :])
    assert len(contents(spool)) == len(lines) - 3
    assert [damage.lines for damage in spool.damage] == [3]
    assert len(contents(spool)) == len(lines) - 3
    assert len(spool.damage) == 1
    spool.close()


def test_a_log_line_cannot_pass_for_a_record(tmp_path: Path) -> None:
    """Someone who plants a whole record of another spool in a line gains nothing when the disk then fails."""
    fill(tmp_path / "forger", 1)
    forged = max((tmp_path / "forger").glob("*.seg")).read_bytes()
    spool = Spool(tmp_path / "victim", LIMIT)
    spool.append("tcp:::1", "auto", 0, (forged,))
    spool.append("tcp:::1", "auto", 0, (b"true",))
    spool.close()
    segment = max((tmp_path / "victim").glob("*.seg"))
    raw = segment.read_bytes()
    at = raw.index(forged) - 3
    segment.write_bytes(raw[:at] + b"!" + raw[at + 1 :])
    again = Spool(tmp_path / "victim", LIMIT)
    assert contents(again) == {1: b"true"}
    again.close()


operations = st.lists(
    st.sampled_from(["append", "append", "append", "sync", "sync", "release", "restart", "crash"]), max_size=40
)


@settings(max_examples=150, deadline=None)
@given(steps=operations, seed=st.integers(0, 2**32))
def test_a_crash_between_any_two_steps_keeps_what_was_synced(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str], seed: int
) -> None:
    """A crash here cuts the newest file anywhere behind the last sync, as a power cut may."""
    rng = random.Random(seed)
    folder = tmp_path_factory.mktemp("spool")
    spool = Spool(folder, LIMIT, segment_bytes=400)
    durable: dict[int, bytes] = {}
    appended: dict[int, bytes] = {}
    for step, name in enumerate(steps):
        if name == "append":
            lines = tuple(f"{step}.{i}".encode() for i in range(rng.randrange(1, 6)))
            end = spool.append("tcp:::1", "auto", step, lines, {"f": str(step).encode()})
            appended |= dict(enumerate(lines, end - len(lines)))
        elif name == "sync":
            spool.sync()
            durable |= appended
        elif name == "release" and durable:
            position = rng.choice(sorted(durable))
            spool.release(position)
            durable = {number: line for number, line in durable.items() if number >= position}
        elif name in {"restart", "crash"}:
            newest = max(folder.glob("*.seg"))
            synced = next(s.synced for s in spool._segments if s.path == newest)
            retired = bool(spool._retired)
            size = newest.stat().st_size
            spool.close()
            if name == "crash" and not retired:
                with newest.open("r+b") as file:
                    file.truncate(rng.randint(synced, size))
            else:
                durable |= appended
            spool = Spool(folder, LIMIT, segment_bytes=400)
            appended = {}
        found = contents(spool)
        assert durable.items() <= found.items()
        assert len(found) == len(set(found.values()))
    spool.close()
