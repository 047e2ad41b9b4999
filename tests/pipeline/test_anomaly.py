"""Lines in, alerts of anomaly models out; and nothing changes where there are no models."""

import msgspec

from soc.anomaly.content import described
from soc.anomaly.features import BUCKET
from soc.anomaly.watch import Watch, Watched
from soc.core.event import RawBatch
from soc.enrich import Inventory
from soc.pipeline.content import load_content
from soc.pipeline.pipeline import Pipeline

CONTENT = load_content(shipped=False)
START = 1_759_708_800_000_000


def pipeline(*, models: bool = True) -> Pipeline:
    content = described()
    watched = [Watched(content[name].make(), content[name].info, content[name].floor) for name in ("rate", "breadth")]
    known = Inventory.empty()
    anomaly = Watch(watched) if models else None
    return Pipeline(CONTENT, known, zone=25_200, lateness=0, fold=86_400_000_000, anomaly=anomaly)


def batch(bucket: int, peers: int, position: int) -> RawBatch:
    """A bucket's lines of 10.1.0.5, one for each peer."""
    from soc.core.event import iso

    lines = tuple(
        msgspec.json.encode(
            {
                "timestamp": iso(START + bucket * BUCKET + number * 1_000_000).replace("Z", "+0000"),
                "event_type": "flow",
                "src_ip": "10.1.0.5",
                "src_port": 40000,
                "dest_ip": f"10.2.{number // 250}.{number % 250}",
                "dest_port": 445,
                "proto": "TCP",
                "flow": {"pkts_toserver": 1, "pkts_toclient": 1, "bytes_toserver": 60, "bytes_toclient": 40},
            }
        )
        for number in range(peers)
    )
    return RawBatch("file:eve.json", "suricata", START + (bucket + 1) * BUCKET, position, lines)


def alerts(one: Pipeline, buckets: range) -> list[str]:
    found = []
    for bucket in buckets:
        fed = one.feed(batch(bucket, 90 if bucket == 20 else 6, bucket * 100))
        assert not fed.rejected
        found += [f"{alert.rule_name} {alert.count} {alert.id}" for alert in fed.alerts]
        found += [
            f"{alert.rule_name} {alert.kind} {alert.group} {alert.count} {alert.id}"
            for alert in one.advance(START + (bucket + 1) * BUCKET).alerts
        ]
    return found


def test_a_scan_among_ordinary_lines_is_an_alert() -> None:
    (found,) = alerts(pipeline(), range(25))
    assert found.startswith("breadth anomaly (('source.ip', '10.1.0.5'),) 90 ")


def test_a_restart_in_the_middle_of_a_bucket_gives_the_same_alert() -> None:
    whole = alerts(pipeline(), range(25))
    first, second = pipeline(), pipeline()
    assert alerts(first, range(20)) == []
    first.feed(batch(20, 90, 2000))
    second.restore(first.state())
    found = second.advance(START + 21 * BUCKET).alerts
    assert [alert.id for alert in found] == [whole[0].rpartition(" ")[2]]


def test_without_models_nothing_is_raised_and_states_are_understood_both_ways() -> None:
    plain = pipeline(models=False)
    assert alerts(plain, range(25)) == []
    pipeline().restore(plain.state())
    plain.restore(pipeline().state())
