"""A correlation that has to forget is an alert like any other."""

from __future__ import annotations

from pathlib import Path

from soc.core.alert import Alert
from soc.core.event import Event
from soc.correlation import PRESSURE
from soc.pipeline.build import build_pipeline
from soc.pipeline.content import load_content

RULES = """
title: Failed login
name: failed
id: 3f0f3c67-1f0e-4bd6-8d30-b1f0b3a7a021
logsource: {product: linux, service: sshd}
detection: {login: {event.action: ssh_login}, condition: login}
---
title: Brute force
id: 3f0f3c67-1f0e-4bd6-8d30-b1f0b3a7a022
correlation: {type: event_count, rules: [failed], group-by: [source.ip], timespan: 1d, condition: {gte: 3}}
"""
START = 1_791_162_000_000_000


def event(number: int) -> Event:
    return {
        "@timestamp": START + number * 1_000,
        "event.dataset": "linux.sshd",
        "event.action": "ssh_login",
        "source.ip": f"198.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}",
    }


def test_a_flood_raises_one_alert_a_day_that_names_the_correlation(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES)
    pipeline = build_pipeline(load_content([tmp_path], shipped=False), None, zone=0)
    raised: dict[str, Alert] = {}
    for first in range(0, 60_000, 10_000):
        pipeline.replay([event(number) for number in range(first, first + 10_000)])
        outcome = pipeline.advance(START + (first + 10_000) * 1_000)
        raised |= {alert.id: alert for alert in outcome.alerts}
    (alert,) = raised.values()
    assert (alert.rule_id, alert.severity, alert.count) == (PRESSURE.id, "medium", 10_000)
    assert dict(alert.group)["rule.id"] == "3f0f3c67-1f0e-4bd6-8d30-b1f0b3a7a022"
    assert alert.title_vi
    assert pipeline.concluder.pressure["3f0f3c67-1f0e-4bd6-8d30-b1f0b3a7a022"].evicted == 10_000
