"""The correlator against a second, plain reading of the semantics: whole windows, looked at again for every hit.

Random hits, in order, shuffled within the lateness, and with a restart at any point.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soc.core.finding import Finding, Hit
from soc.correlation import Correlation, Correlator, Decided, Type
from soc.correlation.expression import Absent, Seen, roles_of

LATENESS = 4_000_000
END = 10**15

CORRELATIONS = {
    "event_count": "{type: event_count, rules: [a, b], group-by: [user.name], timespan: 6s, condition: {gte: 3}}",
    "one hit": "{type: event_count, rules: [a], group-by: [user.name], timespan: 2s, condition: {gte: 1}}",
    "everything": "{type: event_count, rules: [a, b, c], timespan: 3s, condition: {gte: 4}}",
    "range": "{type: event_count, rules: [a, b], group-by: [user.name], timespan: 8s, condition: {gt: 1, lte: 3}}",
    "not equal": "{type: event_count, rules: [a], group-by: [user.name], timespan: 5s, condition: {neq: 2}}",
    "value_count": "{type: value_count, rules: [a, b], group-by: [user.name], timespan: 6s,"
    " condition: {field: number, gte: 3}}",
    "two fields": "{type: value_count, rules: [a, b], timespan: 4s, condition: {field: [user.name, number], gte: 4}}",
    "temporal": "{type: temporal, rules: [a, b, c], group-by: [user.name], timespan: 5s}",
    "two of three": "{type: temporal, rules: [a, b, c], group-by: [user.name], timespan: 2s, condition: {gte: 2}}",
    "temporal_ordered": "{type: temporal_ordered, rules: [a, b, c], group-by: [user.name], timespan: 6s}",
    "value_sum": "{type: value_sum, rules: [a], group-by: [user.name], timespan: 5s,"
    " condition: {field: number, gte: 9}}",
    "value_avg": "{type: value_avg, rules: [a, b], group-by: [user.name], timespan: 5s,"
    " condition: {field: number, gt: 2.5}}",
    "value_median": "{type: value_median, rules: [a, b], group-by: [user.name], timespan: 5s,"
    " condition: {field: number, gte: 3}}",
    "percentile": "{type: value_percentile, rules: [a, b], group-by: [user.name], timespan: 5s,"
    " condition: {field: number, percentile: 80, gte: 4}}",
    "few": "{type: event_count, rules: [a, b], group-by: [user.name], timespan: 4s, condition: {lt: 3}}",
    "low average": "{type: value_avg, rules: [a], group-by: [user.name], timespan: 4s,"
    " condition: {field: number, lte: 3}}",
    "two in order": "{type: temporal_ordered, rules: [a, b, c], group-by: [user.name], timespan: 6s,"
    " condition: {eq: 2}}",
    "silence": "{type: event_count, rules: [a, b], group-by: [user.name], timespan: 2s, condition: {lt: 1}}",
    "or": "{type: temporal, rules: [a, b, c], group-by: [user.name], timespan: 3s, condition: a and (b or c)}",
    "not": "{type: temporal, rules: [a, b, c], group-by: [user.name], timespan: 3s, condition: a and b and not c}",
    "only not": "{type: temporal, rules: [a, b], group-by: [user.name], timespan: 2s, condition: a and not b}",
    "either not": "{type: temporal, rules: [a, b, c], group-by: [user.name], timespan: 3s,"
    " condition: a and not (b and c)}",
    "rarity": "{type: value_percentile, rules: [a, b], group-by: [user.name], timespan: 9s,"
    " condition: {field: number, lte: 25}}",
}

# (rule, time in steps of 0.25 s, origin, offset, user, number)
Row = tuple[str, int, str, int, str | None, int]


def rows() -> st.SearchStrategy[list[Row]]:
    row = st.tuples(
        st.sampled_from("abc"),
        st.integers(0, 80),
        st.sampled_from(("x", "y")),
        st.integers(0, 3),
        st.sampled_from(("u", "v", None)),
        st.integers(1, 5),
    )
    return st.lists(row, max_size=50, unique_by=lambda row: row[:4])


def hits_of(rows: Sequence[Row], hit: Any) -> list[Hit]:
    """One event for each place in a log: rules that hit the same place hit the same event."""
    events: dict[tuple[int, str, int], Hit] = {}
    made = []
    for rule, step, origin, offset, user, number in rows:
        first = events.setdefault(
            (step, origin, offset), hit(rule, step / 4, origin=origin, offset=offset, user=user, number=number)
        )
        made.append(Hit(hit(rule, 0).rule, first.event))
    return made


def in_order(hits: Iterable[Hit]) -> list[Hit]:
    return sorted(hits, key=lambda h: (h.event["@timestamp"], h.event["soc.origin"], h.event["log.offset"], h.rule.id))


def measured(correlation: Correlation, window: Sequence[Hit]) -> Any:
    """The value of a window that ends with the hit at hand, straight from the words of the specification."""
    kinds = [role.rule.id for role in correlation.roles]
    if correlation.type is Type.EVENT_COUNT:
        return len(window)
    if correlation.type is Type.TEMPORAL:
        here = {hit.rule.id for hit in window}
        return len(here) if correlation.expression is None else meets(correlation, here, set())
    if correlation.type is Type.TEMPORAL_ORDERED:
        return longest(kinds, window)
    if correlation.type is Type.VALUE_COUNT:
        return len({tuple(hit.event[name] for name in correlation.fields) for hit in window})
    values = [hit.event[correlation.fields[0]] for hit in window]
    if correlation.rarity:
        return Fraction(100 * values.count(values[-1]), len(values))
    if correlation.type is Type.VALUE_SUM:
        return sum(values)
    if correlation.type is Type.VALUE_AVG:
        return Fraction(sum(values), len(values))
    place = Fraction(correlation.percentile if correlation.percentile is not None else 50, 100) * (len(values) - 1)
    ranked = [*sorted(values), 0]
    low = int(place)
    return ranked[low] + (ranked[low + 1] - ranked[low]) * (place - low) if place != low else ranked[low]


def longest(kinds: Sequence[str], window: Sequence[Hit]) -> int:
    """The most first steps that some hits of the window take, each from a later event than the one before."""
    chains = [(0, -1)]
    best = 0
    for steps, at in chains:
        best = max(best, steps)
        if steps == len(kinds):
            continue
        for place in range(max(at, 0), len(window)):
            later = at < 0 or window[place].event is not window[at].event
            if later and window[place].rule.id == kinds[steps] and (steps + 1, place) not in chains:
                chains.append((steps + 1, place))
    return best


def meets(correlation: Correlation, seen: set[str], spoilt: set[str]) -> bool:
    """Whether the boolean condition holds when these rules were seen, and these where they must be absent."""

    def holds(part: Any) -> bool:
        if hasattr(part, "parts"):
            return (all if type(part).__name__ == "Both" else any)(map(holds, part.parts))
        rule = correlation.roles[part.role].rule.id
        return rule in seen if type(part).__name__ == "Seen" else rule not in spoilt

    return holds(correlation.expression)


def sets(correlation: Correlation, own: Sequence[Hit]) -> list[tuple[int, int]]:
    """(first, last) of the sets of hits that meet a condition with `not`, each looked at again from the beginning."""
    rules = [role.rule.id for role in correlation.roles]
    present = {rules[role] for role in roles_of(correlation.expression, Seen)}  # type: ignore[arg-type]
    absent = {rules[role] for role in roles_of(correlation.expression, Absent)}  # type: ignore[arg-type]
    found = []
    for place, hit in enumerate(own):
        if hit.rule.id not in present:
            continue
        now = hit.event["@timestamp"]
        window = [h for h in own[: place + 1] if h.event["@timestamp"] >= now - correlation.span]
        spoilt = {h.rule.id for h in window} & absent
        latest = {h.rule.id: h.event["@timestamp"] for h in window if h.rule.id in present}
        firsts = [
            first
            for first in latest.values()
            if meets(correlation, {rule for rule, at in latest.items() if at >= first}, spoilt)
        ]
        if not firsts:
            continue
        end = max(firsts) + correlation.span
        later = {h.rule.id for h in own if now - correlation.span <= h.event["@timestamp"] <= end} & absent
        if meets(correlation, {rule for rule, at in latest.items() if at >= max(firsts)}, later):
            found.append((max(firsts), end))
    return sorted(set(found))


def deferred(correlation: Correlation, own: Sequence[Hit]) -> dict[int, Any]:
    """anchor -> (last, count) for what is judged when a window is over, in one group."""
    times = [hit.event["@timestamp"] for hit in own]
    if correlation.decided is Decided.SILENCE:
        gaps = zip(times, [*times[1:], END], strict=True)
        return {time: (time, 1) for time, after in gaps if after - time > correlation.span}
    told: dict[int, Any] = {}
    rest = list(own)
    while rest:
        start = rest[0].event["@timestamp"]
        window = [hit for hit in rest if hit.event["@timestamp"] <= start + correlation.span]
        rest = rest[len(window) :]
        if correlation.condition.holds(measured(correlation, window)):
            told[start] = (window[-1].event["@timestamp"], len(window))
    return told


@pytest.mark.parametrize("name", ["not", "only not", "either not"])
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=rows())
def test_absence_is_that_of_the_reference(read: Any, hit: Any, name: str, rows: list[Row]) -> None:
    """Every set that holds is part of a finding, and every finding begins with one."""
    (correlation,), _ = read(f"title: Case\nname: case\ncorrelation: {CORRELATIONS[name]}")
    hits = [hit for hit in in_order(hits_of(rows, hit)) if "user.name" in hit.event]
    correlator = Correlator([correlation], LATENESS)
    correlator.feed(hits)
    found = correlator.advance(END)
    for user in ("u", "v"):
        held = sets(correlation, [hit for hit in hits if hit.event["user.name"] == user])
        told = [f for f in found if dict(f.group)["user.name"] == user]
        assert {f.anchor for f in told} <= {first for first, _ in held}
        assert all(any(f.anchor <= first <= f.last + correlation.span for f in told) for first, _ in held)
        assert bool(told) == bool(held)


def reference(correlation: Correlation, hits: Sequence[Hit]) -> dict[Any, Any]:
    """(group, anchor) -> (last, count) of every episode."""
    wanted = {role.rule.id for role in correlation.roles}
    needed = {*correlation.group_by, *correlation.fields}
    ordered = [hit for hit in in_order(hits) if hit.rule.id in wanted and needed <= hit.event.keys()]
    told: dict[Any, Any] = {}
    for key in {tuple(hit.event[name] for name in correlation.group_by) for hit in ordered}:
        own = [hit for hit in ordered if tuple(hit.event[name] for name in correlation.group_by) == key]
        if correlation.decided in (Decided.END, Decided.SILENCE):
            told |= {(key, anchor): what for anchor, what in deferred(correlation, own).items()}
            continue
        open_: Any = None
        for place, hit in enumerate(own):
            now = hit.event["@timestamp"]
            window = [h for h in own[: place + 1] if h.event["@timestamp"] >= now - correlation.span]
            held = correlation.condition.holds(measured(correlation, window))
            if open_ is not None and (not held or len(window) == 1):
                open_ = None
            if not held:
                continue
            if open_ is not None:
                open_ = (open_[0], open_[1] + 1)
            elif correlation.rarity:
                open_ = (now, 1)
            else:
                open_ = (window[0].event["@timestamp"], len(window))
            told[key, open_[0]] = (now, open_[1])
    return told


def final(findings: Iterable[Finding]) -> dict[Any, Any]:
    """What a store would hold: the last finding for each (rule, group, anchor)."""
    return {(f.rule.id, f.group, f.anchor): f for f in findings}


@pytest.mark.parametrize("name", [name for name, body in CORRELATIONS.items() if "not " not in body])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=rows())
def test_findings_are_those_of_the_reference(read: Any, hit: Any, name: str, rows: list[Row]) -> None:
    (correlation,), _ = read(f"title: Case\nname: case\ncorrelation: {CORRELATIONS[name]}")
    hits = hits_of(rows, hit)
    correlator = Correlator([correlation], LATENESS)
    correlator.feed(hits)
    found = {(tuple(value for _, value in f.group), f.anchor): (f.last, f.count) for f in correlator.advance(END)}
    assert found == reference(correlation, hits)


@pytest.fixture(scope="session")
def everything(read: Any) -> list[Correlation]:
    """All of the above at once, and a chain over two of them."""
    documents = [
        f"title: Case {name}\nname: {name}\ngenerate: true\ncorrelation: {body}" for name, body in CORRELATIONS.items()
    ]
    documents.append(
        "title: Chain\nname: chain\ngenerate: true\ncorrelation: {type: temporal_ordered,"
        " rules: [event_count, value_count, c], group-by: [user.name], timespan: 10s}"
    )
    documents.append(
        "title: Chained count\nname: chained-count\ngenerate: true\ncorrelation: {type: event_count,"
        " rules: [event_count, one hit, few, only not], group-by: [user.name], timespan: 12s, condition: {gte: 2}}"
    )
    correlations, problems = read("\n---\n".join(documents))
    assert problems == []
    return correlations


def sorted_run(correlations: Sequence[Correlation], hits: Sequence[Hit]) -> dict[Any, Any]:
    correlator = Correlator(correlations, LATENESS)
    correlator.feed(in_order(hits))
    return final(correlator.advance(END))


def batches(hits: Sequence[Hit], delays: Sequence[int], size: int) -> list[list[Hit]]:
    """The hits in the order in which they arrive, each late by its delay (0 to the lateness)."""
    late = sorted(
        zip(delays, range(len(hits)), strict=True), key=lambda d: (hits[d[1]].event["@timestamp"] + d[0], d[1])
    )
    arriving = [hits[place] for _, place in late]
    return [arriving[start : start + size] for start in range(0, len(arriving), size)]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=rows(), data=st.data(), size=st.integers(1, 20))
def test_input_shuffled_within_the_lateness_gives_the_same(
    everything: list[Correlation], hit: Any, rows: list[Row], data: st.DataObject, size: int
) -> None:
    hits = hits_of(rows, hit)
    delays = data.draw(st.lists(st.integers(0, LATENESS), min_size=len(hits), max_size=len(hits)))
    correlator = Correlator(everything, LATENESS)
    found: list[Finding] = []
    latest = 0
    for batch in batches(hits, delays, size):
        correlator.feed(batch)
        latest = max(latest, *(h.event["@timestamp"] for h in batch))
        found += correlator.advance(latest - LATENESS)
    found += correlator.advance(END)
    assert correlator.late == {}
    assert final(found) == sorted_run(everything, hits)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=rows(), stop=st.integers(0, 10), waiting=st.sampled_from((3, 10_000)))
def test_a_restart_at_any_point_changes_nothing(
    everything: list[Correlation], hit: Any, rows: list[Row], stop: int, waiting: int
) -> None:
    """Even when hits had to be decided early (waiting 3), so that findings are untold at the restart."""
    parts = batches(hits_of(rows, hit), [0] * len(rows), 5)
    unbroken = Correlator(everything, LATENESS, max_waiting=waiting)
    broken = Correlator(everything, LATENESS, max_waiting=waiting)
    latest = 0
    for number, batch in enumerate(parts):
        unbroken.feed(batch)
        broken.feed(batch)
        if number == stop:
            state = broken.state()
            broken = Correlator(everything, LATENESS, max_waiting=waiting)
            broken.restore(state)
            assert broken.state() == state
        latest = max(latest, *(h.event["@timestamp"] for h in batch))
        assert broken.advance(latest - LATENESS) == unbroken.advance(latest - LATENESS)
    assert broken.advance(END) == unbroken.advance(END)
    assert broken.state() == unbroken.state()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=rows())
def test_correlations_together_find_what_each_finds_alone(
    everything: list[Correlation], hit: Any, rows: list[Row]
) -> None:
    hits = hits_of(rows, hit)
    by_id = {item.info.id: item for item in everything}
    alone: dict[Any, Any] = {}
    for item in everything:
        below = [by_id[role.rule.id] for role in item.roles if role.rule.id in by_id]
        lower = [by_id[role.rule.id] for one in below for role in one.roles if role.rule.id in by_id]
        needed = [one for one in everything if one in (item, *below, *lower)]
        alone |= {key: found for key, found in sorted_run(needed, hits).items() if key[0] == item.info.id}
    assert alone == sorted_run(everything, hits)
