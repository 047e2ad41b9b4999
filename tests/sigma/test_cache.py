"""Rules from the cache: the same as read afresh, never stale, and only from where nobody else can write."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from hashlib import blake2b
from pathlib import Path

import pytest

import soc
from soc.core.logsource import LogSource
from soc.sigma import IDENTITY, FieldMap, Loaded, load
from soc.sigma import sealed as caching
from soc.sigma.cache import users_folder
from soc.sigma.sealed import MOST_ENTRIES

RULE = """
title: Honest {number}
id: 00000000-0000-4000-8000-{number:012d}
date: 2026-10-05
logsource: {{category: test}}
detection:
  s: {{A|contains: ['x*y?z', '\\*'], B|re: '^a.+b$', C|cidr: 10.0.0.0/8, D: null, E|gt: 5, F|exists: true}}
  k: [word]
  t: {{G|fieldref: H, A|expand: '%names%', B|expand: '%given%'}}
  condition: s and not 1 of k* or t
"""
FILTER = """
title: F
logsource: {category: test}
filter: {rules: any, s: {A: y}, condition: not s}
soc: {owner: An, reason: known, expires: 2026-12-31}
"""
CORRELATION = """
title: C
correlation: {type: event_count, rules: [00000000-0000-4000-8000-000000000001], timespan: 5m, condition: {gte: 2}}
"""
GIVEN = {"given": ["one", "two"]}


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    (folder / "lists").mkdir(parents=True)
    (folder / "a.yml").write_text(RULE.format(number=1) + "---" + RULE.format(number=2))
    (folder / "b.yml").write_text(RULE.format(number=3))
    (folder / "again.yml").write_text(RULE.format(number=3))
    (folder / "more.yml").write_text(FILTER + "---" + CORRELATION)
    (folder / "wrong.yml").write_text("title: Wrong\n")
    (folder / "nowhere.yml").symlink_to("nothing")
    (folder / "lists" / "names.yml").write_text("version: 1\nowner: An\nvalues: [n*]\n")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def read(
    rules: Path,
    cache: Path | None,
    mapping: FieldMap = IDENTITY,
    given: Mapping[str, Sequence[str]] = GIVEN,
    today: date = date(2026, 10, 5),
) -> Loaded:
    return load([rules], mapping, given, today, cache)


def entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def forge(folder: Path, old: bytes = b"Honest", new: bytes = b"Forged") -> None:
    """Marks what is kept, so that a rule tells whether it comes from there."""
    (entry,) = entries(folder)
    content = entry.read_bytes()[32:].replace(old, new)
    entry.write_bytes(blake2b(content, digest_size=32).digest() + content)


def kept(loaded: Loaded) -> dict[str, bool]:
    """Number of a rule -> whether it comes from a forged entry."""
    return {rule.info.title.split()[1]: rule.info.title.startswith("Forged") for rule in loaded.rules}


ALL = {"1": True, "2": True, "3": True}
NONE = {"1": False, "2": False, "3": False}


def test_the_same_comes_from_the_cache(rules: Path, folder: Path) -> None:
    plain = read(rules, None)
    assert (len(plain.rules), len(plain.correlations), len(plain.filters), len(plain.problems)) == (3, 1, 1, 3)
    assert plain.rules[0].info.filters
    assert repr(read(rules, folder)) == repr(plain)
    assert repr(read(rules, folder)) == repr(plain)
    forge(folder)
    assert kept(read(rules, folder)) == ALL


def test_only_a_changed_file_is_read_again(rules: Path, folder: Path) -> None:
    read(rules, folder)
    forge(folder)
    (rules / "again.yml").write_text(RULE.format(number=3) + "# changed\n")
    (rules / "new.yml").write_text(RULE.format(number=4))
    for _ in range(2):
        assert kept(read(rules, folder)) == {"1": True, "2": True, "3": False, "4": False}
    (rules / "a.yml").unlink()
    assert kept(read(rules, folder)) == {"3": False, "4": False}


def test_a_moved_file_is_read_again(rules: Path, folder: Path) -> None:
    read(rules, folder)
    forge(folder)
    (rules / "a.yml").rename(rules / "c.yml")
    assert kept(read(rules, folder)) == {"1": False, "2": False, "3": True}


def test_filters_begin_and_end_with_what_is_kept(rules: Path, folder: Path) -> None:
    for today in (date(2026, 10, 5), date(2027, 1, 1), date.min):
        assert repr(read(rules, folder, today=today)) == repr(read(rules, None, today=today))
    assert not read(rules, folder, today=date(2027, 1, 1)).rules[0].info.filters
    (rules / "more.yml").write_text(FILTER.replace("{A: y}", "{A: other}"))
    assert repr(read(rules, folder)) == repr(read(rules, None))
    forge(folder)
    assert kept(read(rules, folder)) == ALL


def test_another_list_mapping_or_placeholder_is_another_set(rules: Path, folder: Path) -> None:
    read(rules, folder)
    forge(folder)
    mapping = FieldMap(((LogSource("test"), {"A": ("url.full",)}, ""),))
    for loaded, fresh in (
        (read(rules, folder, mapping), read(rules, None, mapping)),
        (read(rules, folder, given={"given": ["three"]}), read(rules, None, given={"given": ["three"]})),
    ):
        assert kept(loaded) == NONE
        assert repr(loaded) == repr(fresh)
    assert kept(read(rules, folder)) == ALL
    (rules / "lists" / "names.yml").write_text("version: 1\nowner: An\nvalues: [m*]\n")
    assert kept(read(rules, folder)) == NONE
    assert repr(read(rules, folder)) == repr(read(rules, None))


def test_what_other_code_made_is_not_taken(rules: Path, folder: Path, tmp_path: Path) -> None:
    """The code is a copy, so that it may be another version; a copy of the same is the same."""
    copy = tmp_path / "code" / "soc"
    shutil.copytree(Path(soc.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    script = "import sys; from pathlib import Path; import soc.sigma as s; assert s.__file__.startswith(sys.argv[3])\n"
    script += "print([r.info.title for r in s.load([Path(sys.argv[1])], s.IDENTITY, cache=Path(sys.argv[2])).rules])"

    def titles() -> str:
        command = [sys.executable, "-c", script, str(rules), str(folder), str(copy)]
        there = os.environ | {"PYTHONPATH": str(copy.parent)}
        return subprocess.run(command, env=there, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    (rules / "lists" / "given.yml").write_text("version: 1\nowner: An\nvalues: [one]\n")
    read(rules, folder, given={})
    forge(folder)
    assert "Forged 1" in titles()
    with (copy / "sigma" / "condition.py").open("a") as changed:
        changed.write("# another\n")
    assert "Honest 1" in titles()


def test_another_interpreter_or_library_is_other_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    codes = [caching._code()]
    (tmp_path / "site-packages" / "yaml-99.dist-info").mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path / "site-packages")
    codes.append(caching._code())
    monkeypatch.setattr(sys, "version", "another")
    codes.append(caching._code())
    assert len(set(codes)) == 3


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_folder_that_others_can_write_is_neither_read_nor_written(rules: Path, folder: Path, mode: int) -> None:
    read(rules, folder)
    forge(folder)
    before = entries(folder)[0].read_bytes()
    folder.chmod(mode)
    (rules / "b.yml").write_text(RULE.format(number=3) + "# changed\n")
    assert kept(read(rules, folder)) == NONE
    assert [entry.read_bytes() for entry in entries(folder)] == [before]


def test_a_file_that_others_can_write_is_replaced(rules: Path, folder: Path) -> None:
    read(rules, folder)
    forge(folder)
    entries(folder)[0].chmod(0o666)
    assert kept(read(rules, folder)) == NONE
    assert entries(folder)[0].stat().st_mode & 0o777 == 0o600
    forge(folder)
    assert kept(read(rules, folder)) == ALL


def test_a_link_is_no_entry(rules: Path, folder: Path, tmp_path: Path) -> None:
    read(rules, folder)
    forge(folder)
    (entry,) = entries(folder)
    entry.rename(tmp_path / "elsewhere")
    entry.symlink_to(tmp_path / "elsewhere")
    assert kept(read(rules, folder)) == NONE
    assert not entry.is_symlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_what_belongs_to_another_is_not_used(rules: Path, folder: Path, tmp_path: Path) -> None:
    read(rules, folder)
    forge(folder)
    os.chown(folder, 12345, 12345)
    assert kept(read(rules, folder)) == NONE
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    os.chown(theirs, 12345, 12345)
    read(rules, theirs / "cache")
    assert not (theirs / "cache").exists()


@pytest.mark.parametrize("harm", [b"", b"short", "cut", "flipped"])
def test_a_damaged_entry_is_written_anew(rules: Path, folder: Path, harm: bytes | str) -> None:
    read(rules, folder)
    forge(folder)
    (entry,) = entries(folder)
    whole = entry.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    entry.write_bytes(harm if isinstance(harm, bytes) else whole[:middle] if harm == "cut" else flipped)
    assert kept(read(rules, folder)) == NONE
    forge(folder)
    assert kept(read(rules, folder)) == ALL


@pytest.mark.parametrize("old", [b"_unpickled", b"soc.sigma", b"Problem", b"\x80"])
def test_what_this_code_cannot_read_is_written_anew(rules: Path, folder: Path, old: bytes) -> None:
    read(rules, folder)
    forge(folder)
    forge(folder, old, b"." * len(old))
    assert kept(read(rules, folder)) == NONE
    forge(folder)
    assert kept(read(rules, folder)) == ALL


def test_only_its_owner_can_read_it(rules: Path, folder: Path) -> None:
    before = os.umask(0)
    try:
        read(rules, folder / "deep")
    finally:
        os.umask(before)
    modes = [path.stat().st_mode & 0o777 for path in (folder / "deep", *entries(folder / "deep"))]
    assert modes == [0o700, 0o600]


def test_no_cache_is_no_error(rules: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.write_text("a file")
    assert kept(read(rules, folder)) == NONE
    folder.unlink()
    monkeypatch.setenv("SOC_CACHE", "off")
    assert kept(read(rules, folder)) == NONE
    assert not folder.exists()


def test_the_latest_used_sets_are_kept(rules: Path, folder: Path) -> None:
    read(rules, folder)
    forge(folder)
    oldest = entries(folder)[0]
    for number in range(MOST_ENTRIES + 3):
        for place, entry in enumerate(entries(folder)):
            if entry != oldest:
                os.utime(entry, (place, place))
        assert kept(read(rules, folder)) == ALL
        read(rules, folder, given={"given": [str(number)]})
    assert len(entries(folder)) == MOST_ENTRIES
    assert oldest in entries(folder)


def test_two_processes_may_write_at_once(rules: Path, folder: Path) -> None:
    for number in range(4, 60):
        (rules / f"{number}.yml").write_text(RULE.format(number=number))
    script = "import sys; from pathlib import Path; import soc.sigma as s\n"
    script += "rules, cache = map(Path, sys.argv[1:])\n"
    script += "for turn in range(8):\n"
    script += (
        "    loaded = s.load([rules], s.IDENTITY, {'given': ['one', 'two'], 'other': [str(turn % 2)]}, cache=cache)\n"
    )
    script += "    [entry.unlink(missing_ok=True) for entry in cache.iterdir()]\n"
    script += "print(len(loaded.rules))"
    command = [sys.executable, "-c", script, str(rules), str(folder)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [one.communicate(timeout=60)[0].strip() for one in both] == ["59", "59"]
    assert [one.returncode for one in both] == [0, 0]
    assert repr(read(rules, folder)) == repr(read(rules, None))
    assert all(entry.stat().st_size > 32 for entry in entries(folder))


def test_the_users_folder_is_where_the_specification_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert users_folder() == tmp_path / "soc-pipeline"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/an")
    assert users_folder() == Path("/home/an/.cache/soc-pipeline")
