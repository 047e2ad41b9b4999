"""The watch: the same findings whatever the order and repetition, exact after a restart, within the budget."""

from random import Random

import msgspec
import pytest

from soc.anomaly.budget import DAY, Realised, Scored, allowed, candidates, thresholds
from soc.anomaly.content import described
from soc.anomaly.features import BUCKET, Partial, partials
from soc.anomaly.replay import replayed
from soc.anomaly.sample import parts_of, read_sample
from soc.anomaly.watch import Watch, Watched
from soc.core.content import content_root
from soc.core.finding import Finding, Kind

CONTENT = {name: one for name, one in described().items() if name != "forest"}


def watch(shadow: Watch | None = None) -> Watch:
    return Watch([Watched(one.make(), one.info, one.floor) for one in CONTENT.values()], shadow)


def series() -> list[Partial]:
    lines = read_sample(content_root() / "anomaly" / "breadth.jsonl")
    parts = [part for seed, line in enumerate(lines) for part in parts_of(line, seed)]
    return sorted(parts, key=lambda part: (part.bucket, part.entity))


PARTS = series()
END = PARTS[-1].bucket + BUCKET


def run(one: Watch, parts: list[Partial]) -> list[Finding]:
    for place, part in enumerate(parts):
        one.take([part], str(place))
    return one.advance(END)


def test_a_scan_is_found_with_baseline_value_reasons_and_evidence() -> None:
    found = [one for one in run(watch(), PARTS) if one.rule.name == "breadth"]
    assert {one.group for one in found} == {(("source.ip", "10.1.0.5"),), (("source.ip", "10.1.0.99"),)}
    first = found[0]
    assert first.rule.kind is Kind.ANOMALY
    assert first.reasons[0].field == "hosts contacted in 10 min"
    assert first.reasons[0].pattern == "6.1"
    assert first.reasons[0].value.startswith("80 (")
    assert len(first.reasons) == 4
    assert first.count == 81
    assert len(first.events) == 2
    assert first.events[0]["@timestamp"] == first.first
    assert first.hosts[0] == "10.1.0.5"


def test_of_a_beacon_is_told_its_peer_and_nobody_else() -> None:
    """What else the host does first in these ten minutes is neither evidence, nor to be blocked, nor told to others."""
    second, parts = 1_000_000, []
    others = [{"@timestamp": END + bucket * BUCKET + at * second, "destination.ip": "198.51.100.1",
               "destination.port": 443} for bucket in range(3) for at in (0, 1)]  # fmt: skip
    calls = [{"@timestamp": END + (30 + 60 * number) * second, "destination.ip": "203.0.113.66",
              "destination.port": 443, "destination.domain": "c2.example"}
             for number in range(30)]  # fmt: skip
    for number, event in enumerate((*others, *calls)):
        known = {"source.ip": "10.1.0.7", "soc.origin": "fw", "log.offset": number, "event.dataset": "fortinet.traffic"}
        parts += partials([known | event])
    one = watch()
    for number, part in enumerate(parts):
        one.take([part], str(number))
    found = [one for one in one.advance(END + 4 * BUCKET) if one.rule.name == "beacon"]
    assert found
    last, first = found[-1], calls[20]
    assert last.group == (("source.ip", "10.1.0.7"), ("destination.ip", "203.0.113.66"))
    assert last.hosts == ("10.1.0.7", "203.0.113.66")
    assert (last.count, last.first, last.last) == (10, first["@timestamp"], calls[29]["@timestamp"])
    (event,) = last.events
    assert (event["@timestamp"], event["soc.origin"], event["log.offset"]) == (first["@timestamp"], "fw", 26)
    assert (event["destination.domain"], event["destination.port"]) == ("c2.example", 443)
    assert list(one.realised.by_day().values()) == [1], "one alert a day, however often it is found"


def test_the_order_of_partials_changes_nothing() -> None:
    shuffled = Random(3).sample(PARTS, len(PARTS))
    one, two = watch(), watch()
    assert run(one, PARTS) == run(two, shuffled)
    assert one.late == two.late == 0


def test_a_batch_that_comes_twice_counts_once() -> None:
    once, twice = watch(), watch()
    for part in PARTS:
        once.take([part], "batch")
        twice.take([part], "batch")
        twice.take([part], "batch")
    assert once.advance(END) == twice.advance(END)
    assert once.state() == twice.state()


def test_two_batches_of_one_bucket_are_added() -> None:
    both = watch()
    both.take(PARTS[:1], "one")
    both.take(PARTS[:1], "two")
    single = watch()
    single.take(PARTS[:1], "one")
    assert both.state() != single.state()


def test_nothing_is_decided_before_its_time_and_late_partials_are_counted() -> None:
    one = watch()
    one.take(PARTS, "all")
    assert one.advance(PARTS[0].bucket + BUCKET - 1) == []
    assert len(one.advance(END)) > 0
    one.take(PARTS[:3], "late")
    assert one.late == 3
    assert one.advance(END + BUCKET) == []


def test_a_restart_in_the_middle_changes_nothing() -> None:
    whole, first, second = watch(), watch(), watch()
    middle = PARTS[len(PARTS) * 2 // 3].bucket
    expected = []
    found = []
    for one in (whole, first):
        one.take(PARTS, "all")
    expected += whole.advance(middle) + whole.advance(END)
    found += first.advance(middle)
    second.restore(first.state())
    found += second.advance(END)
    assert found == expected
    assert second.state() == whole.state()


def test_a_state_that_is_not_ours_is_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        watch().restore(b"\xc1")


def test_a_shadow_is_counted_and_raises_nothing() -> None:
    silent = Watch([Watched(one.make(), one.info, 1e9) for one in CONTENT.values()], watch())
    assert run(silent, PARTS) == []
    assert silent.shadow is not None
    assert silent.shadow.realised.by_model()["breadth"] == 2
    assert silent.realised.by_model() == {}


def test_realised_rate_counts_an_entity_once_a_day() -> None:
    real = replayed(watch(), PARTS)
    assert real.alerts["breadth"] == 2
    assert real.rate == pytest.approx(sum(real.alerts.values()) / real.days)
    counted = Realised(days=2)
    for day in range(5):
        counted.add("rate", "a", day * DAY)
        counted.add("rate", "a", day * DAY + 1)
    assert list(counted.by_day().values()) == [1, 1]


FLOORS = {"a": 1.0, "b": 1.0}


def test_thresholds_share_the_budget_and_never_exceed_it_on_history() -> None:
    random = Random(1)
    scores = [
        Scored(model, f"h{n}", day * DAY, random.choice((0.5, 1.5, 2.0, 2.0, 3.0)) + n % 3)
        for model, hosts in (("a", 30), ("b", 4))
        for n in range(hosts)
        for day in range(5)
    ]
    ranked = candidates(scores, FLOORS)
    for alerts in (1, 7, 20, 60, 500):
        levels = thresholds(ranked, FLOORS, alerts)
        raised = sum(score >= levels[name] for name, values in ranked.items() for score in values)
        assert raised <= alerts
    assert thresholds(ranked, FLOORS, 500) == FLOORS


def test_what_one_model_does_not_use_goes_to_the_others() -> None:
    ranked = {"a": [9.0, 8.0, 7.0, 6.0, 5.0], "b": [2.0]}
    levels = thresholds(ranked, FLOORS, 5)
    assert sum(score >= levels["a"] for score in ranked["a"]) == 4
    assert levels["b"] == 1.0


def test_a_budget_is_of_days() -> None:
    assert allowed(10, 0, 3 * DAY) == 30
    assert allowed(10, 0, DAY // 100) == 1


def test_after_silence_the_last_bucket_is_decided_and_what_comes_later_is_late() -> None:
    one, other = watch(), watch()
    last = max(part.bucket for part in PARTS)
    for place, part in enumerate(PARTS):
        one.take([part], str(place))
        other.take([part], str(place))
    assert [*one.advance(last), *one.advance(last, silent=True)] == other.advance(END)
    assert one.advance(last, silent=True) == []
    one.take(PARTS[-1:], "later")
    assert one.late == 1
