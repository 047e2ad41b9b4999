"""The bundled story: the same bytes everywhere, mostly ordinary, in order, and telling what it promises."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path

import pytest

from soc.core.event import micros
from soc.story import Story, write
from soc.story.times import CLOSING, OPENING

CHAPTERS = {
    "phishing-mail",
    "click",
    "dropper",
    "c2-alert",
    "beacon",
    "ssh-brute-force",
    "port-scan",
    "mail-burst",
}
FILES = {
    "fortigate-thd113.log",
    "fortigate-thd39.log",
    "fs-01.syslog",
    "mail.log",
    "nasati-web-01.access.log",
    "nasati-web-01.auth.log",
    "suricata-eve.json",
    "web-portal.access.log",
    "web-portal.error.log",
}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    return write(tmp_path_factory.mktemp("story"))


@pytest.fixture(scope="module")
def pages(story: Story) -> dict[str, list[str]]:
    return {path.name: path.read_text("utf-8").split("\n")[:-1] for path in story.files}


def digest(story: Story) -> str:
    whole = sha256()
    for path in story.files:
        whole.update(path.name.encode() + b"\0" + path.read_bytes())
    return whole.hexdigest()


# change it with the story; that it holds on another Python or machine is the point
DIGEST = "cc3f224ae160919d"


def test_the_same_seed_tells_the_same_story(story: Story, tmp_path: Path) -> None:
    assert digest(story).startswith(DIGEST)
    again = write(tmp_path / "new" / "folder")
    assert digest(again) == digest(story)
    assert again.truth == story.truth
    assert again.broken == story.broken


def test_another_seed_tells_another(story: Story, tmp_path: Path) -> None:
    other = write(tmp_path, seed=8)
    assert digest(other) != digest(story)
    assert {chapter.name for chapter in other.truth} == CHAPTERS


def test_files_are_those_that_collectors_find(story: Story, pages: dict[str, list[str]]) -> None:
    assert {path.name for path in story.files} == FILES
    assert sum(len(page) for page in pages.values()) == story.lines
    assert 40_000 <= story.lines <= 60_000


def test_nineteen_lines_of_twenty_are_ordinary(story: Story) -> None:
    hostile = {line for chapter in story.truth for line in chapter.lines}
    assert len(hostile) == sum(len(chapter.lines) for chapter in story.truth), "a line belongs to one chapter"
    assert not hostile & set(story.broken)
    assert len(hostile) <= story.lines * 0.05


def test_every_chapter_is_told(story: Story, pages: dict[str, list[str]]) -> None:
    assert {chapter.name for chapter in story.truth} == CHAPTERS
    assert [chapter.first for chapter in story.truth] == sorted(chapter.first for chapter in story.truth)
    for chapter in story.truth:
        assert OPENING <= chapter.first < chapter.last < CLOSING
        told = "\n".join(pages[name][number - 1] for name, number in chapter.lines)
        for subject in (*chapter.addresses, *chapter.accounts):
            assert subject in told, (chapter.name, subject)


def test_ordinary_lines_know_nothing_of_the_strangers(story: Story, pages: dict[str, list[str]]) -> None:
    """Hostile addresses and names appear in no line outside the chapters, so the truth is whole."""
    hostile = {line for chapter in story.truth for line in chapter.lines}
    strange = re.compile(r"198\.51\.100\.|192\.0\.2\.|2001:db8:bad:|most-gov-vn|capnhat-vanban|dongbo|DongBo")
    for name, page in pages.items():
        for number, line in enumerate(page, 1):
            assert (name, number) in hostile or not strange.search(line), (name, number)


def moments(name: str, page: list[str], broken: set[int]) -> Iterator[tuple[int, str]]:
    """Each line's time as a sortable text."""
    patterns = {
        "fortigate": r"date=(\S+) time=(\S+)",
        "suricata": r'"timestamp":"([^"]+)"',
        "mail": r"Oct  5 (\S+)",
        "fs": r"Oct  5 (\S+)",
        "access": r"\[05/Oct/2026:(\S+) \+0700\]",
        "error": r"2026/10/05 (\S+)",
        "auth": r"Oct  5 (\S+)",
    }
    kind = next(kind for kind in patterns if kind in name)
    for number, line in enumerate(page, 1):
        if number not in broken:
            found = re.search(patterns[kind], line)
            assert found, (name, number, line[:80])
            yield number, " ".join(found.groups())


@pytest.mark.parametrize("name", sorted(FILES))
def test_time_never_runs_backwards(name: str, story: Story, pages: dict[str, list[str]]) -> None:
    broken = {number for file, number in story.broken if file == name}
    times = [time for _, time in moments(name, pages[name], broken)]
    assert times == sorted(times)


def test_broken_lines_are_few_and_really_broken(story: Story, pages: dict[str, list[str]]) -> None:
    assert 3 <= len(story.broken) <= 6
    for name, number in story.broken:
        line = pages[name][number - 1]
        if name.endswith(".json"):
            with pytest.raises(ValueError, match=r"."):
                json.loads(line)
        else:
            assert "logid=" not in line
            assert "HTTP/" not in line


def test_fortigate_lines_are_whole(story: Story, pages: dict[str, list[str]]) -> None:
    """Every line is key=value pairs, quoted values hold no quote, no key twice, local time equals event time."""
    pair = re.compile(r'([a-z0-9_]+)=("[^"]*"|\S+)(?: |$)')
    broken = set(story.broken)
    for name in ("fortigate-thd113.log", "fortigate-thd39.log"):
        for number, line in enumerate(pages[name], 1):
            if (name, number) in broken:
                continue
            body = line[line.index("date=") :]
            pairs = pair.findall(body)
            assert "".join(f"{key}={value} " for key, value in pairs) == body + " ", (name, number)
            fields = dict(pairs)
            assert len(fields) == len(pairs), (name, number)
            local = micros(f"{fields['date']}T{fields['time']}+07:00")
            assert 0 <= int(fields["eventtime"]) // 1000 - local < 1_000_000


def test_firewall_sessions_have_numbers_of_their_own(pages: dict[str, list[str]]) -> None:
    page = [line for line in pages["fortigate-thd113.log"] if 'type="traffic"' in line]
    numbers = [found[1] for line in page if (found := re.search(r"sessionid=(\d+)", line))]
    assert len(numbers) == len(page)
    assert len(set(numbers)) == len(numbers)


def test_eve_records_share_a_flow(story: Story, pages: dict[str, list[str]]) -> None:
    """All that the IDS logs about one connection carries one flow_id."""
    broken = {number for file, number in story.broken if file == "suricata-eve.json"}
    records = [json.loads(line) for number, line in enumerate(pages["suricata-eve.json"], 1) if number not in broken]
    ends: dict[int, frozenset[str]] = {}
    for record in records:
        if record["event_type"] == "stats":
            continue
        both = frozenset((f"{record['src_ip']} {record['src_port']}", f"{record['dest_ip']} {record['dest_port']}"))
        assert ends.setdefault(record["flow_id"], both) == both
    kinds = {record["event_type"] for record in records}
    assert kinds == {"flow", "dns", "http", "tls", "alert", "fileinfo", "smtp", "anomaly", "stats"}


def test_both_protocols_in_peace_and_war(story: Story, pages: dict[str, list[str]]) -> None:
    hostile = {line for chapter in story.truth for line in chapter.lines}
    seen: set[tuple[int, bool]] = set()
    for number, line in enumerate(pages["fortigate-thd113.log"], 1):
        if found := re.search(r"srcip=(\S+)", line):
            seen.add((ip_address(found[1]).version, ("fortigate-thd113.log", number) in hostile))
    assert seen == {(4, False), (4, True), (6, False), (6, True)}


def test_every_queued_mail_has_its_lines(pages: dict[str, list[str]]) -> None:
    """A delivered mail came in, was judged, queued, and removed."""
    text = [line.partition(" mx1 ")[2] for line in pages["mail.log"]]

    def queues(pattern: str) -> set[str]:
        return {found[1] for line in text if (found := re.match(pattern, line))}

    delivered = queues(r"postfix/(?:lmtp|smtp)\[\d+\]: (\w+): to=<.*status=sent")
    removed = queues(r"postfix/qmgr\[\d+\]: (\w+): removed")
    queued = queues(r"postfix/qmgr\[\d+\]: (\w+): from=")
    named = queues(r"postfix/cleanup\[\d+\]: (\w+): message-id=")
    assert len(delivered) > 500
    assert delivered <= removed
    assert delivered <= queued <= named


def test_the_shares_that_rules_count_on(pages: dict[str, list[str]]) -> None:
    auth = "\n".join(pages["nasati-web-01.auth.log"])
    assert len(re.findall(r"Failed password for .* from (?:198\.51\.100\.23|2001:db8:bad::23) ", auth)) == 402
    assert len(re.findall(r"Accepted password for webadmin from 198\.51\.100\.23 ", auth)) == 1
    firewall = pages["fortigate-thd113.log"]
    scan = {
        found.groups()
        for line in firewall
        if 'action="deny"' in line and (found := re.search(r"srcip=10\.1\.50\.23 .*dstip=(\S+) dstport=(\d+)", line))
    }
    assert len(scan - {("10.1.50.255", "137"), ("10.1.50.255", "138")}) == 138
    calls = [line for line in firewall if "srcip=10.1.50.23 " in line and "dstip=198.51.100.77 " in line]
    assert 160 <= len(calls) <= 180
    burst = [line for line in pages["mail.log"] if "client=unknown[192.0.2.88], sasl_method" in line]
    assert len(burst) == 150
