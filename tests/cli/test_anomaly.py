"""``soc anomaly`` from stored events to a promoted version, and its figures."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from soc.anomaly import generate
from soc.anomaly.features import BUCKET
from soc.anomaly.generate import START
from soc.cli import main
from soc.core.event import Event
from soc.stores.sqlite import SqliteStore

pytest.importorskip("sklearn")


def soc(*words: str) -> Result:
    return CliRunner().invoke(main, ["anomaly", *words])


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from random import Random

    random = Random(2)
    events: list[Event] = []
    for bucket in range(START, START + 48 * BUCKET, BUCKET):
        for host in range(6):
            events += generate._ordinary(host, bucket, random)
            if host == 1 and bucket == START + 40 * BUCKET:
                events += generate._attack("scan", host, bucket, random)
    for number, event in enumerate(sorted(events, key=lambda one: int(str(one["@timestamp"])))):
        event |= {"soc.origin": "test", "log.offset": number, "event.original": "line", "event.dataset": "test"}
    file = tmp_path_factory.mktemp("store") / "soc.db"
    opened = SqliteStore(file)
    opened.put_events(events)
    opened.commit()
    opened.close()
    return file


def test_train_shadow_promote_status(store: Path, tmp_path: Path) -> None:
    data = ("--data-dir", str(tmp_path))
    source = ("--store", str(store))
    assert soc("status", *data, *source).exit_code == 1
    trained = soc("train", "--since", "2025-10-01", "--budget", "20", *data, *source)
    assert trained.exit_code == 0, trained.output
    assert "is the shadow" in trained.output
    waiting = soc("status", *data, *source)
    assert waiting.exit_code == 1
    assert "no version is promoted" in waiting.output
    assert soc("promote", *data).exit_code == 0
    shown = soc("status", "--since", "2025-10-01", *data, *source)
    assert shown.exit_code == 0
    assert "promoted" in shown.output
    assert "of a budget of 20" in shown.output
    assert "realised: " in shown.output
    assert soc("promote", *data).exit_code == 2


def test_too_little_is_one_line(store: Path, tmp_path: Path) -> None:
    failed = soc("train", "--since", "2025-10-06T07:00", "--until", "2025-10-06T07:30",
                 "--data-dir", str(tmp_path), "--store", str(store))  # fmt: skip
    assert failed.exit_code == 2
    assert "at least 200 over three hours" in failed.output


def test_evaluate_says_what_it_measured() -> None:
    shown = soc("evaluate", "--hosts", "5", "--days", "3", "--attacks", "2", "--seed", "3")
    assert shown.exit_code == 0, shown.output
    assert "generated: 5 hosts, 3 days, 2 attacks of each kind, seed 3" in shown.output
    assert "distance in MADs" in shown.output
    assert "AUC" in shown.output


def test_evaluate_a_table(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    rows = [f"{n % 7},{n % 5 + (40 if n % 25 == 0 else 0)},{int(n % 25 == 0)}" for n in range(300)]
    file.write_text("a,b,y\n" + "\n".join(rows) + "\n", "utf-8")
    shown = soc("evaluate", "--data", str(file), "--label", "y")
    assert shown.exit_code == 0, shown.output
    assert "300 rows, 12 of them anomalies, 2 numeric columns" in shown.output
    assert "best feature: b" in shown.output
    assert soc("evaluate", "--data", str(file)).exit_code == 2
    assert soc("evaluate", "--data", str(file), "--label", "y", "--model", "rate").exit_code == 2
