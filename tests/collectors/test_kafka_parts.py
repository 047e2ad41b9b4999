"""What the way to Kafka is made of, without Kafka: parcels, counts, the stored position, what settings must have."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors import kafka
from collectors.__main__ import main
from collectors.counters import MAX_ORIGINS, OTHERS
from collectors.kafka_state import Sent, SentFile
from collectors.parcels import LINES, MINUTE, parcels
from collectors.tally import KEPT, Tally
from soc.core.errors import SettingsError, SocError
from soc.core.event import RawBatch
from soc.core.settings import KafkaSettings, Settings
from soc.core.wire import MAX_RECORD, Count, decode_count, decode_raw, encode_count, encode_raw


def batches(parts: list[tuple[str, int, int, int]]) -> list[RawBatch]:
    """(origin, minute, gap before it, lines) as the batches that a spool gives: numbers go on, or jump past damage."""
    found, position = [], 0
    for origin, minute, gap, count in parts:
        position += gap
        lines = tuple(f"{origin} {position + number}".encode() for number in range(count))
        found.append(RawBatch(origin, "auto", minute * MINUTE + position % 60, position, lines))
        position += count
    return found


def numbered(found: list[RawBatch]) -> list[tuple[str, str, int, int, bytes]]:
    return [
        (batch.origin, batch.device, batch.received // MINUTE, number, line)
        for batch in found
        for number, line in enumerate(batch.lines, batch.position)
    ]


PART = st.tuples(
    st.sampled_from("ab"),
    st.integers(0, 1),
    st.sampled_from([0, 0, 0, 7]),
    st.sampled_from([1, 3, 40, 499, 500, 501, 1700]),
)


@given(st.lists(PART, max_size=12))
def test_parcels_hold_the_same_lines_under_the_same_numbers(parts: list[tuple[str, int, int, int]]) -> None:
    spool = batches(parts)
    sent = list(parcels(spool))
    assert numbered(sent) == numbered(spool)
    assert all(0 < len(batch.lines) <= LINES for batch in sent)
    for one, other in pairwise(sent):
        alike = one.origin == other.origin and one.received // MINUTE == other.received // MINUTE
        goes_on = one.position + len(one.lines) == other.position
        assert len(one.lines) == LINES or not (alike and goes_on), "what could be together is together"
    assert [decode_raw(encode_raw(batch), "", 0, 0) for batch in sent] == sent


def test_a_parcel_is_no_larger_than_a_record_unless_one_line_is() -> None:
    lines = (b"x" * 200_000,) * 5 + (b"y" * 900_000, b"z")
    sent = list(parcels([RawBatch("a", "auto", 0, 10, lines)]))
    assert [(batch.position, len(batch.lines)) for batch in sent] == [(10, 2), (12, 2), (14, 1), (15, 1), (16, 1)]
    assert all(sum(map(len, batch.lines)) <= MAX_RECORD or len(batch.lines) == 1 for batch in sent)


def test_devices_are_kept_apart() -> None:
    two = [RawBatch("a", "nginx", 0, 0, (b"1",)), RawBatch("a", "auto", 0, 1, (b"2",))]
    assert list(parcels(two)) == two


def test_counts_are_totals_of_the_minute_of_receipt() -> None:
    tally = Tally("hq")
    tally.add("hq/a", 59_999_999, 3)
    tally.add("hq/a", 60_000_000, 4)
    tally.add("hq/a", 119_000_000, 5)
    counts = tally.changed()
    assert counts == [Count("collector", "hq", "hq/a", 0, 3), Count("collector", "hq", "hq/a", 60, 9)]
    assert [decode_count(encode_count(count)) for count in counts] == counts
    assert len({count.key for count in counts}) == 2
    tally.add("hq/a", 61_000_000, 1)  # while the others were told
    tally.told(counts)
    assert tally.changed() == [Count("collector", "hq", "hq/a", 60, 10)]


def test_counts_go_on_after_a_restart_and_are_told_again() -> None:
    before = Tally("hq")
    before.add("hq/a", 5_000_000, 3)
    before.told(before.changed())
    after = Tally("hq", before.state())
    assert after.changed() == [Count("collector", "hq", "hq/a", 0, 3)]
    after.add("hq/a", 6_000_000, 2)
    assert after.changed() == [Count("collector", "hq", "hq/a", 0, 5)]


def test_old_minutes_are_forgotten_once_told_and_forged_senders_fill_no_memory() -> None:
    tally = Tally("hq")
    for minute in range(KEPT + 20):
        tally.add("hq/a", minute * MINUTE, 1)
    assert len(tally.state()) == KEPT + 20, "nobody knows of them yet"
    tally.told(tally.changed())
    assert sorted(tally.state()) == [("hq/a", minute * 60, 1) for minute in range(20, KEPT + 20)]
    for number in range(MAX_ORIGINS + 10):
        tally.add(f"hq/udp:{number}", 24 * MINUTE, 1)
    origins = [origin for origin, _, _ in tally.state()]
    assert len(set(origins)) == MAX_ORIGINS + 1 and OTHERS in origins
    assert sum(count.lines for count in tally.changed()) == MAX_ORIGINS + 10
    tally.told(tally.changed())
    for minute in range(100, 100 + KEPT):
        tally.add("hq/late", minute * MINUTE, 1)
    tally.told(tally.changed())
    assert {origin for origin, _, _ in tally.state()} == {OTHERS}
    tally.add("hq/b", 200 * MINUTE, 1)
    assert [count.origin for count in tally.changed()] == ["hq/b"], "and there is room again"


def test_a_count_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="format 2"):
        decode_count(encode_count(Count("collector", "hq", "a", 0, 1, v=2)))
    with pytest.raises(ValueError, match="damaged"):
        decode_count(b'{"stage": 1}')


def test_the_position_is_stored_with_its_counts_and_a_damaged_file_sends_everything_again(tmp_path: Path) -> None:
    file = SentFile(tmp_path / "sent.json")
    assert file.read() == (Sent(), "")
    file.write(Sent(7, [("hq/a", 60, 7)]))
    assert file.read() == (Sent(7, [("hq/a", 60, 7)]), "")
    (tmp_path / "sent.json").write_text('{"position": "x"}')
    sent, why = file.read()
    assert sent == Sent() and "sent again" in why
    (tmp_path / "sent.tmp").mkdir()
    with pytest.raises(OSError):
        file.write(Sent(8))


def test_a_collector_for_kafka_needs_a_name() -> None:
    kafka.check(Settings(name="hq", kafka=KafkaSettings(("localhost:9092",))))
    with pytest.raises(SettingsError, match=r"^name: "):
        kafka.check(Settings(kafka=KafkaSettings(("localhost:9092",))))
    with pytest.raises(SettingsError, match=r"^kafka\.servers: none given$"):
        kafka.check(Settings(name="hq"))


def test_without_aiokafka_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiokafka", None)
    with pytest.raises(SocError, match=r"pip install 'soc-pipeline\[stream\]'"):
        kafka.check(Settings(name="hq", kafka=KafkaSettings(("localhost:9092",))))


@pytest.mark.parametrize(("name", "status"), [("name: hq\n", 0), ("", 2)])
def test_check_tells_where_it_sends(
    name: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "soc.yml").write_text(f"{name}kafka: {{servers: ['k1:9092', 'k2:9092']}}\n")
    monkeypatch.setattr(sys, "argv", ["soc-collector", "--check", "--settings", str(tmp_path / "soc.yml")])
    assert main() == status
    said = capsys.readouterr()
    assert "name: " in said.err if status else "send to Kafka at k1:9092, k2:9092 as hq" in said.out
