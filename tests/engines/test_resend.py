"""What is sent again is what came: origin, number, time, bytes; and to the partition of its collector."""

import pytest

from soc.core.event import RawBatch, Rejected
from soc.engines.rejected import Tried
from soc.engines.resend import batches, key_of, partition_of


def tried(position, origin="hq-1/udp:10.1.0.1", received=5, device="sshd", partition=1, raw=None):
    line = Rejected(origin, position, received, "x", "why", raw or b"line %d" % position, "soc.raw", partition, 9)
    return Tried(line, "parses", device, event={})


def test_lines_that_came_together_go_together_and_nothing_changes():
    lines = [
        tried(1),
        tried(2),
        tried(2, raw=b"a twin"),
        tried(3),
        tried(5),
        tried(6, received=6),
        tried(7, device="auto", received=6),
        tried(8, origin="b/udp:1", device="auto", received=6),
        tried(9, origin="b/udp:1", device="auto", received=6, partition=0),
    ]
    found = [batch for _, batch in batches(lines)]
    assert [(batch.position, len(batch.lines)) for batch in found] == [
        (1, 2),
        (2, 2),
        (5, 1),
        (6, 1),
        (7, 1),
        (8, 1),
        (9, 1),
    ]
    again = [
        (batch.origin, number, batch.received, batch.device, line)
        for batch in found
        for number, line in enumerate(batch.lines, batch.position)
    ]
    assert again == [(one.line.origin, one.line.position, one.line.received, one.device, one.line.raw) for one in lines]
    assert list(batches([])) == []


def test_a_record_is_no_larger_than_collectors_make_it():
    found = [batch for _, batch in batches([tried(n) for n in range(1200)])]
    assert [len(batch.lines) for batch in found] == [500, 500, 200]
    assert found[1] == RawBatch("hq-1/udp:10.1.0.1", "sshd", 5, 500, tuple(b"line %d" % n for n in range(500, 1000)))


@pytest.mark.parametrize(
    ("origin", "partition", "key", "sent_to"),
    [
        ("hq-1/udp:10.1.0.1", 3, b"hq-1", None),
        ("hq-1/tail:/var/log/mail.log", 3, b"hq-1", None),
        ("tail:/var/log/mail.log", 3, b"tail:/var/log/mail.log", 3),
        ("file:auth.log", 2, b"file:auth.log", 2),
        ("kafka:soc.raw/1", 1, b"kafka:soc.raw/1", 1),
        ("file:auth.log", -1, b"file:auth.log", None),
    ],
)
def test_where_it_goes(origin, partition, key, sent_to):
    line = tried(1, origin=origin, partition=partition).line
    assert (key_of(line), partition_of(line)) == (key, sent_to)
