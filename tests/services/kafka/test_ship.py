"""soc ship: the same lines, numbers and times as soc analyze has, side by side in time, in records of hundreds."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from soc.cli import main
from soc.core.clock import END_OF_TIME
from soc.core.event import Event
from soc.core.ids import id_of
from soc.core.settings import KafkaSettings
from soc.engines.analyze import analyze
from soc.engines.source import expand
from soc.pipeline.build import build_pipeline
from soc.pipeline.content import load_content
from soc.pipeline.normalise import Normaliser
from soc.story import INVENTORY, Story
from tests.services.kafka.conftest import Read, batches

pytestmark = pytest.mark.xdist_group("servers")
ZONE = 7 * 3600

Ship = Callable[..., Result]


@pytest.fixture
def ship(stream: KafkaSettings, tmp_path: Path) -> Ship:
    settings = tmp_path / "soc.yml"
    settings.write_text(f"name: hq\nkafka: {{servers: ['{stream.servers[0]}'], prefix: {stream.prefix}}}\n")
    return lambda *arguments: CliRunner().invoke(main, ["ship", "--settings", str(settings), *map(str, arguments)])


def ids(events: Iterable[Event]) -> set[str]:
    return {id_of(event) for event in events}


def test_a_morning_has_the_same_event_ids_on_both_engines(
    ship: Ship, stream: KafkaSettings, read: Read, story: Story
) -> None:
    folder = story.files[0].parent
    done = ship(folder)
    assert done.exit_code == 0 and f"{story.lines:,} lines sent" in done.stderr
    records = read(f"{stream.prefix}.raw")
    assert {record.key for record in records} == {b"hq"} and len({record.partition for record in records}) == 1
    found = batches(records)
    assert max(len(batch.lines) for batch in found) == 500
    shipped = {
        (batch.origin, number, batch.received, line)
        for batch in found
        for number, line in enumerate(batch.lines, batch.position)
    }
    assert len(shipped) == story.lines

    pipeline = build_pipeline(load_content(shipped=False), INVENTORY, zone=ZONE, lateness="10m")
    theirs: set[str] = set()
    sources = expand([folder])
    analyze(pipeline, sources, "auto", zone=ZONE, carry_out=lambda outcome: theirs.update(ids(outcome.events)))
    normalise = Normaliser(lambda event: None, ZONE)
    ours = {id for batch in found for id in ids(normalise(batch).events)} | ids(normalise.expire(END_OF_TIME))
    assert len(ours) > 50_000
    assert ours == theirs


def test_files_come_side_by_side_in_the_order_of_their_times(
    ship: Ship, stream: KafkaSettings, read: Read, tmp_path: Path
) -> None:
    def write(name: str, minutes: range) -> None:
        lines = (
            f"2026-10-05T{8 + minute // 60:02}:{minute % 60:02}:{second % 60:02}+07:00 host app: {name} {second}\n"
            for minute in minutes
            for second in range(200)
        )
        (tmp_path / name).write_text("".join(lines))

    write("early.log", range(0, 60))
    write("late.log", range(30, 90))
    assert ship(tmp_path / "late.log", tmp_path / "early.log").exit_code == 0
    order = [batch.origin for batch in batches(read(f"{stream.prefix}.raw"))]
    assert order[0] == "file:early.log" and order[-1] == "file:late.log"
    assert order.index("file:late.log") < len(order) - order[::-1].index("file:early.log") - 1, (
        "not one after the other"
    )


def test_each_file_may_have_a_key_of_its_own(ship: Ship, stream: KafkaSettings, read: Read, tmp_path: Path) -> None:
    for number in range(6):
        (tmp_path / f"{number}.log").write_text("line\n" * 700)
    files = [tmp_path / f"{number}.log" for number in range(6)]
    assert ship("--by-file", *files).exit_code == 0
    assert ship("--key", "dmz", files[0]).exit_code == 0
    records = read(f"{stream.prefix}.raw")
    assert {record.key.decode() for record in records} == {"dmz", *(file.name for file in files)}
    assert {record.partition for record in records} == {0, 1}
    assert ship("--by-file", "--key", "dmz", *files).exit_code == 2


def test_what_cannot_be_read_is_told_and_the_rest_is_sent(
    ship: Ship, stream: KafkaSettings, read: Read, tmp_path: Path
) -> None:
    (tmp_path / "a.log").write_text("one\ntwo\n")
    (tmp_path / "b.log.gz").write_bytes(gzip.compress(b"three\n" * 5000)[:-20])
    (tmp_path / "c.zip").write_bytes(b"PK\x03\x04 and more")
    done = ship("--at", "2026-10-05", tmp_path / "a.log", tmp_path / "b.log.gz", tmp_path / "c.zip")
    assert done.exit_code == 1
    assert "c.zip: a zip archive" in done.stderr and "b.log.gz: " in done.stderr
    found = batches(read(f"{stream.prefix}.raw"))
    assert {batch.received for batch in found} == {1791133200000000}
    assert [line for batch in found if batch.origin == "file:a.log" for line in batch.lines] == [b"one", b"two"]


def test_a_line_longer_than_a_record_goes_alone(ship: Ship, stream: KafkaSettings, read: Read, tmp_path: Path) -> None:
    long = bytes(65 + n * n % 57 for n in range(1_000_000))
    (tmp_path / "a.log").write_bytes(b"short\n" + long + b"\nshort\n")
    assert ship(tmp_path / "a.log").exit_code == 0
    found = batches(read(f"{stream.prefix}.raw"))
    assert [batch.lines for batch in found] == [(b"short",), (long,), (b"short",), ()]
    assert [batch.position for batch in found] == [1, 2, 3, 4]
    assert {batch.origin for batch in found} == {"file:a.log"}, "the last one says that it has ended"


def test_without_kafka_or_topics_it_says_so(ship: Ship, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("one\n")
    other = tmp_path / "other.yml"
    for settings, why in (
        ("kafka: {servers: ['127.0.0.1:1']}", "127.0.0.1:1"),
        ("name: hq", "kafka.servers: none given"),
    ):
        other.write_text(settings + "\n")
        done = CliRunner().invoke(main, ["ship", "--settings", str(other), str(tmp_path / "a.log")])
        assert done.exit_code == 2 and why in done.stderr
