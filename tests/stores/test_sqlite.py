import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest

from soc.core.errors import Conflict, StoreError
from soc.core.ids import id_of
from soc.core.store import HOUR, AlertFilter, HourCount, Retention
from soc.core.triage import Act
from soc.stores.sqlite import SqliteStore
from soc.stores.sqlite_schema import APPLICATION, MIGRATIONS
from tests.stores.contract import NOW, SECOND, StoreContract, alert, event, rejected

DAY = 24 * HOUR


@pytest.fixture
def path(tmp_path):
    return tmp_path / "Dữ liệu #1?" / "soc.db"


@pytest.fixture
def store(path):
    with closing(SqliteStore(path)) as opened:
        yield opened


class TestSqliteStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path):
        with closing(SqliteStore(tmp_path / "soc.db")) as opened:
            yield opened


def test_it_is_all_there_after_closing(path):
    with closing(SqliteStore(path)) as store:
        store.put_events([event(1)])
        store.put_rejected([rejected(1)])
        store.put_alerts([alert()])
        store.put_state("pipeline", b"state")
        store.commit()
    with closing(SqliteStore(path)) as store:
        assert store.event(id_of(event(1)))
        assert store.rejected(1) == [rejected(1)]
        assert store.alerts(AlertFilter()) == [alert()]
        assert store.state("pipeline") == b"state"


def test_what_was_not_committed_is_not_there(path):
    with closing(SqliteStore(path)) as store:
        store.put_events([event(1)])
        store.commit()
        store.put_events([event(2)])
        store.put_state("pipeline", b"state")
    with closing(SqliteStore(path)) as store:
        assert (store.counts()["events"], store.state("pipeline")) == (1, None)


def test_a_commit_survives_a_kill(path):
    child = (
        "import sys, time; from pathlib import Path; from soc.stores.sqlite import SqliteStore\n"
        "from tests.stores.contract import event\n"
        "store = SqliteStore(Path(sys.argv[1])); store.put_events([event(1), event(2)]); store.commit()\n"
        "store.put_events([event(3)]); print('ready', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", child, str(path)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with process:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGKILL)
    with closing(SqliteStore(path)) as store:
        assert store.counts()["events"] == 2


def test_another_process_reads_while_this_one_writes(store, path):
    store.put_alerts([alert("1" * 16)])
    store.commit()
    with closing(SqliteStore.read_only(path)) as reader:
        store.put_alerts([alert("2" * 16)])
        store.put_events([event(1)])
        assert len(reader.alerts(AlertFilter())) == 1
        store.commit()
        assert len(reader.alerts(AlertFilter())) == 2
        assert reader.event(id_of(event(1)))


def test_a_reader_cannot_write(store, path):
    with closing(SqliteStore.read_only(path)) as reader:
        with pytest.raises(StoreError, match="readonly"):
            reader.put_alerts([alert()])
        assert reader.alerts(AlertFilter()) == []
    assert store.counts()["alerts"] == 0


def test_a_second_writer_waits_and_is_then_told(store, path):
    with closing(SqliteStore(path)) as second:
        second._connection.execute("PRAGMA busy_timeout = 1")
        store.put_events([event(1)])
        with pytest.raises(StoreError, match=r"soc\.db: database is locked"):
            second.put_events([event(2)])
        store.commit()
        second.put_events([event(2)])
        second.commit()
    assert store.counts()["events"] == 2


def test_a_failed_write_undoes_everything_since_the_last_commit(store):
    store.put_events([event(1)])
    store.commit()
    store._connection.execute("PRAGMA max_page_count = 1")  # a full disk
    store.put_events([event(2)])
    with pytest.raises(StoreError, match="full"):
        for number in range(3, 500):
            store.put_events([event(number, **{"message": "x" * 5000})])
    store._connection.execute("PRAGMA max_page_count = 1000000")
    store.commit()
    assert store.counts()["events"] == 1
    store.put_events([event(2)])
    store.commit()
    assert store.counts()["events"] == 2


def test_the_file_shrinks_when_it_is_purged(store, path):
    store.put_events([event(n, **{"message": "x" * 2000}) for n in range(3000)])
    store.commit()
    store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    before = path.stat().st_size
    store.purge(Retention(max_age=SECOND), NOW + 2900 * SECOND)
    assert path.stat().st_size < before / 5


def test_the_file_is_not_for_everybody(store, path):
    assert stat.S_IMODE(path.stat().st_mode) & 0o007 == 0


def refused(open_it, path):
    with pytest.raises(StoreError) as raised:
        open_it(path)
    text = str(raised.value)
    assert text.startswith(str(path))
    assert "\n" not in text
    return text


@pytest.mark.parametrize("open_it", [SqliteStore, SqliteStore.read_only])
class TestRefusals:
    def test_a_damaged_file(self, open_it, tmp_path):
        path = tmp_path / "soc.db"
        path.write_bytes(b"this is no database at all" * 100)
        assert "not a database" in refused(open_it, path)
        assert path.read_bytes().startswith(b"this is no")

    def test_a_newer_schema(self, open_it, path):
        SqliteStore(path).close()
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
        assert "from a newer version" in refused(open_it, path)

    def test_another_programs_database(self, open_it, tmp_path):
        path = tmp_path / "places.sqlite"
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE bookmarks (x)")
        assert "not a store of this program" in refused(open_it, path)

    def test_a_folder(self, open_it, tmp_path):
        assert refused(open_it, tmp_path)


def test_a_store_of_before_the_counts_by_hour_is_counted(tmp_path):
    path = tmp_path / "soc.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"{MIGRATIONS[0]}; PRAGMA application_id = {APPLICATION}; PRAGMA user_version = 1")
        rows = [
            (b"1", 5 * HOUR + 7, "", b'{"soc.origin": "udp:10.1.20.25", "event.module": "postfix"}'),
            (b"2", 6 * HOUR - 1, "", b'{"soc.origin": "udp:10.1.20.25", "event.module": "postfix"}'),
            (b"3", -1, "", b"{}"),
        ]
        connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", rows)
        connection.commit()
    with closing(SqliteStore(path)) as store:
        assert store.hours(-HOUR, 9 * HOUR) == [
            HourCount("", "", -HOUR, 1),
            HourCount("udp:10.1.20.25", "postfix", 5 * HOUR, 2),
        ]


def test_counts_by_hour_outlive_the_events_but_not_for_ever(path):
    with closing(SqliteStore(path)) as store:
        store.put_events([event(1, HOUR), event(2, 1000 * DAY)])
        store.purge(Retention(max_age=DAY), 1002 * DAY)
        assert store.counts()["events"] == 0
        assert [count.hour for count in store.hours(0, 2000 * DAY)] == [1000 * DAY]


def test_reading_needs_a_store(tmp_path):
    assert "no store there" in refused(SqliteStore.read_only, tmp_path / "none.db")
    assert not (tmp_path / "none.db").exists()


def test_reading_an_empty_file_says_what_to_do(tmp_path):
    path = tmp_path / "soc.db"
    path.touch()
    assert "soc run brings it up to date" in refused(SqliteStore.read_only, path)


def test_a_damaged_page_is_told_in_one_line(path):
    with closing(SqliteStore(path)) as store:
        store.put_alerts([alert(f"{n:016x}") for n in range(2000)])
        store.commit()
    raw = bytearray(path.read_bytes())
    for start in range(8192, len(raw), 8192):
        raw[start : start + 200] = b"\xff" * 200
    path.write_bytes(raw)
    with closing(SqliteStore.read_only(path)) as store, pytest.raises(StoreError, match="malformed"):
        store.alerts(AlertFilter())


def test_a_person_gets_a_turn_while_the_service_writes_all_the_time(path):
    """As soc run under load: its transactions follow one another with gaps shorter than SQLite's own looks."""
    stop = threading.Event()
    commits = 0

    def service(store):
        nonlocal commits
        while not stop.is_set():
            store.put_alerts([alert(count=3 + commits)])
            time.sleep(0.4)
            store.commit()
            commits += 1
            time.sleep(0.01)

    with closing(SqliteStore(path)) as writer, closing(SqliteStore(path)) as console:
        writer.put_alerts([alert()])
        writer.commit()
        thread = threading.Thread(target=service, args=(writer,))
        thread.start()
        try:
            for number in range(8):
                time.sleep(0.1)  # into the next transaction
                before = commits
                console.act("a" * 16, Act("comment", "lan", NOW, str(number)), number)
                assert commits - before <= 4
        finally:
            stop.set()
            thread.join()
        assert [one.text for one in console.life("a" * 16).entries] == list("01234567")
        assert console.alert("a" * 16).count == 2 + commits


def test_a_file_of_the_first_version_gets_its_lives(path):
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as old:
        old.executescript(f"{MIGRATIONS[0]}; PRAGMA application_id = {APPLICATION}; PRAGMA user_version = 1;")
    with pytest.raises(StoreError, match="older version"):
        SqliteStore.read_only(path)
    with closing(SqliteStore(path)) as store:
        store.put_alerts([alert()])
        store.act("a" * 16, Act("acknowledge", "lan", NOW), 0)
    with closing(SqliteStore.read_only(path)) as store:
        assert store.life("a" * 16).status == store.alert("a" * 16).status == "acknowledged"


def test_two_people_at_once_lose_nothing(path):
    with closing(SqliteStore(path)) as store:
        store.put_alerts([alert()])
        store.commit()

    def person(name):
        with closing(SqliteStore(path)) as own:
            for number in range(20):
                while True:
                    try:
                        own.act("a" * 16, Act("comment", name, NOW, f"{name} {number:02}"), own.life("a" * 16).version)
                        break
                    except Conflict:
                        continue

    people = [threading.Thread(target=person, args=(name,)) for name in ("lan", "minh", "an")]
    for thread in people:
        thread.start()
    for thread in people:
        thread.join()
    with closing(SqliteStore.read_only(path)) as store:
        texts = [one.text for one in store.life("a" * 16).entries]
    assert sorted(texts) == sorted(f"{name} {number:02}" for name in ("lan", "minh", "an") for number in range(20))
    assert [text for text in texts if text.startswith("lan")] == sorted(
        text for text in texts if text.startswith("lan")
    )
