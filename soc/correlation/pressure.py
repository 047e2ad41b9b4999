"""A correlation that forgets for want of room says so: as a figure, and as an alert like any other."""

from __future__ import annotations

from dataclasses import dataclass

from soc.core.event import Event
from soc.core.finding import Finding, Kind, Level, Reason, RuleInfo
from soc.core.ids import content_id
from soc.correlation.lane import Lane

DAY = 86_400_000_000

_TITLE = "A correlation ran out of room and forgot windows"
_TITLE_VI = "Một luật tương quan hết chỗ và đã bỏ cửa sổ"
_WHAT = (
    "More groups (addresses, users) than it may remember hit one correlation: a flood of forged values, a very large"
    " scan, or a group-by that is too fine. The windows that had been quiet for longest were given up, so a slow attack"
    " in one of them may have been missed. Other correlations are not affected."
)
_WHAT_VI = (
    "Số nhóm (địa chỉ, người dùng) của một luật tương quan vượt mức nó được nhớ: lũ giá trị giả mạo, một đợt quét rất"
    " lớn, hoặc group-by quá chi tiết. Những cửa sổ im lặng lâu nhất đã bị bỏ, nên có thể đã sót một cuộc tấn công chậm"
    " trong số đó. Các luật tương quan khác không bị ảnh hưởng."
)
PRESSURE = RuleInfo(
    id="5d8f0f0c-3f0e-4c55-9d1e-6a3f1c0b7e42",
    name="correlation_pressure",
    title=_TITLE,
    kind=Kind.RULE,
    level=Level.MEDIUM,
    hash=content_id([_TITLE, _WHAT]),
    description=_WHAT,
    title_vi=_TITLE_VI,
    description_vi=_WHAT_VI,
    tags=("attack.t1499",),
    fold=("rule.id",),
    next_steps={
        "en": (
            "Look at what the correlation's rules match most now: many values that occur once are a flood",
            "Block its source, or narrow the rule; raise its threshold only if the values are real",
        ),
        "vi": (
            "Xem các luật con đang khớp gì nhiều nhất: rất nhiều giá trị chỉ xuất hiện một lần là lũ",
            "Chặn nguồn gây ra, hoặc thu hẹp luật; chỉ nâng ngưỡng khi các giá trị đó là thật",
        ),
    },
)


@dataclass(frozen=True, slots=True)
class Pressure:
    """What its bounds cost a correlation: groups and entries it holds, groups given up, and since when (µs)."""

    groups: int
    entries: int
    evicted: int
    since: int


def alarm(lane: Lane, now: int) -> Finding | None:
    """The finding for a correlation that gave up groups since it was last told; again only when it is half as many.

    One a correlation and day of event time, with the number so far. now: event time (µs).
    """
    if lane.evicted <= lane.alarmed * 3 // 2:
        return None
    lane.alarmed = lane.evicted
    rule = lane.correlation.info
    last = max(min(now, lane.latest), lane.since)
    anchor = max(lane.since, last - last % DAY)
    event: Event = {
        "@timestamp": last,
        "event.dataset": "soc.correlation",
        "rule.id": rule.id,
        "rule.name": rule.title,
        "message": f"{lane.evicted} windows of {rule.title} were given up",
    }
    return Finding(
        rule=PRESSURE,
        group=(("rule.id", rule.id), ("rule.name", rule.title)),
        anchor=anchor,
        first=anchor,
        last=last,
        count=lane.evicted,
        events=(event,),
        reasons=(Reason("groups given up", ">", "0", str(lane.evicted)),),
    )
