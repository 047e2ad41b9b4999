"""Partials: what is in one, and that parts merge in any order and grouping."""

from functools import reduce
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc.anomaly.bounded import kept, number
from soc.anomaly.features import BUCKET, CALLS, MEMBERS, Features, Partial, merge, merged, partials
from soc.core.event import Event

START = 1_760_000_400_000_000 // BUCKET * BUCKET


def lines(events: list[Event]) -> list[Event]:
    """What stands at one place of one origin at one time is one line, however often it is read."""
    first: dict[tuple[object, ...], Event] = {}
    return [first.setdefault(tuple(map(one.get, ("@timestamp", "soc.origin", "log.offset"))), one) for one in events]


EVENTS = st.lists(
    st.builds(
        lambda second, source, peer, port, size, denied, number: {
            "@timestamp": START + second * 1_000_000,
            "source.ip": f"10.0.0.{source}",
            "destination.ip": f"192.0.2.{peer}",
            "destination.port": port,
            "source.bytes": size,
            "event.outcome": "failure" if denied else "success",
            "event.type": ("connection", "denied") if denied else ("connection",),
            "log.offset": number,
            "soc.origin": "a",
        },
        st.integers(0, 1800),
        st.integers(1, 3),
        st.integers(1, 5),
        st.one_of(st.none(), st.integers(1, 4)),
        st.integers(0, 10**9),
        st.booleans(),
        st.integers(0, 1000),
    ),
    max_size=40,
).map(lines)


@settings(deadline=None)
@given(EVENTS, st.randoms(use_true_random=False), st.booleans())
def test_parts_merge_in_any_order_and_grouping(events: list[Event], random: Random, one_reader: bool) -> None:
    """Of readers that forget between batches what evidence they gave, and of one that does not."""
    whole = partials(events)
    shuffled = random.sample(events, len(events))
    cuts = sorted(random.randint(0, len(events)) for _ in range(3))
    batches = [shuffled[a:b] for a, b in zip([0, *cuts], [*cuts, len(events)], strict=True)]
    features = Features()
    parts = [part for batch in batches for part in (features.of(batch) if one_reader else partials(batch))]
    random.shuffle(parts)
    assert merged(parts) == whole


def test_a_line_that_is_read_twice_hides_no_later_one() -> None:
    def line(second: int, number: int) -> Event:
        return {"@timestamp": START + second * 1_000_000, "source.ip": "10.0.0.1", "log.offset": number}

    before, batch = [line(1, 2)] * 2, [line(1, 2), line(1, 1), line(0, 1), line(0, 1)]
    features = Features()
    assert merged([*features.of(before), *features.of(batch)]) == partials([*before, *batch])


@settings(deadline=None)
@given(EVENTS, EVENTS, EVENTS)
def test_merge_is_associative_and_commutative(one: list[Event], two: list[Event], three: list[Event]) -> None:
    found = [[p for p in partials(events) if p.entity == "source.ip=10.0.0.1"][:1] for events in (one, two, three)]
    a, b, c = ([p for p in part if p.bucket == START] for part in found)
    if a and b:
        assert merge(a[0], b[0]) == merge(b[0], a[0])
    if a and b and c:
        assert merge(merge(a[0], b[0]), c[0]) == merge(a[0], merge(b[0], c[0]))


def scan(peers: range) -> list[Event]:
    return [
        {"@timestamp": START + n, "source.ip": "10.0.0.1", "destination.ip": f"10.{n // 250}.{n % 250}.1",
         "destination.port": n, "log.offset": n}
        for n in peers
    ]  # fmt: skip


def test_bounded_sets_merge_the_same_whatever_the_parts() -> None:
    (whole,) = partials(scan(range(5000)))
    parts = [partials(scan(range(n, 5000, 7)))[0] for n in range(7)]
    assert reduce(merge, parts) == reduce(merge, reversed(parts)) == whole
    assert len(whole.peers) == len(whole.ports) == len(whole.calls) == MEMBERS
    assert 4000 < whole.peer_count < 6000
    assert partials(scan(range(100)))[0].peer_count == 100


def test_calls_of_a_peer_are_bounded() -> None:
    events: list[Event] = [
        {"@timestamp": START + n * 1_000_000, "source.ip": "10.0.0.1", "destination.ip": "192.0.2.1"}
        for n in range(500)
    ]
    (part,) = partials(events)
    assert part.events == 500
    assert part.calls == {"192.0.2.1": [START // 1_000_000 + n for n in range(CALLS)]}


def test_what_comes_from_outside_is_about_our_host_and_lines_without_addresses_about_theirs() -> None:
    events: list[Event] = [
        {"@timestamp": START, "source.ip": "192.0.2.9", "destination.ip": "10.0.0.5", "network.direction": "inbound"},
        {"@timestamp": START, "host.name": "mail1", "event.outcome": "failure"},
        {"@timestamp": START, "message": "of nobody"},
        {"@timestamp": START, "host.name": "mail1", "soc.joined": 3},
    ]
    found = {part.entity: part for part in partials(events)}
    assert set(found) == {"destination.ip=10.0.0.5", "host.name=mail1"}
    assert found["destination.ip=10.0.0.5"].peers == ["192.0.2.9"]
    assert (found["host.name=mail1"].events, found["host.name=mail1"].failures) == (1, 1)
    assert found["host.name=mail1"].group == (("host.name", "mail1"),)


def test_only_parts_of_one_whole_merge() -> None:
    one, two = (Partial(name, START, 1, 0, 0, 0, 0, 0, 0, [], [], {}, []) for name in ("a=1", "a=2"))
    with pytest.raises(ValueError, match="a=1"):
        merge(one, two)


@given(st.lists(st.text(max_size=3)), st.lists(st.text(max_size=3)))
def test_bounded_union(one: list[str], two: list[str]) -> None:
    assert kept([*kept(one, 4), *kept(two, 4)], 4) == kept([*one, *two], 4)
    assert number(kept(one, 4), 4) >= min(len(set(one)), 4)


def test_evidence_is_given_once_and_again_by_a_reader_that_begins_anew() -> None:
    events: list[Event] = [
        {"@timestamp": START + n, "host.name": "mail1", "message": f"\ud800 {n}", "log.offset": n} for n in range(6)
    ]
    features = Features()
    first, second, third = features.of(events[2:4]), features.of(events[4:]), features.of(events[:2])
    assert [len(part.evidence) for part in (*first, *second, *third)] == [2, 0, 2]
    assert [number for _, _, number, _ in merge(merge(*first, *second), *third).evidence] == [0, 1]
    assert [len(part.evidence) for part in Features().of(events[4:])] == [2]
