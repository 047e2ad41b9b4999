"""A made-up month at the ministry, told as what the rules find in it: September and October 2026, for the report.

Busy weekdays, quiet nights and weekends; one intrusion on 13 and 14 October; NASATI's web server is not heard for 14
hours. The same seed tells the same. Lines are not in devices' formats: nothing parses them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final, NamedTuple

from soc.core.event import Event, micros
from soc.story.chance import Dice
from soc.story.month_cast import INTRUSION, MALWARE_HOST, ORDINARY, PEOPLE, SERVERS, SOURCES, Habit, Place

HOUR: Final = 3_600_000_000
SECOND: Final = 1_000_000
FIRST, LAST = date(2026, 9, 1), date(2026, 10, 31)
SILENT: Final = ("udp:10.4.20.11", micros("2026-10-20T19:00:00+07:00"), 14 * HOUR)
_OFFICE = (1, 1, 1, 1, 1, 1, 2, 6, 10, 10, 9, 7, 5, 8, 10, 10, 9, 6, 3, 2, 2, 2, 1, 1)
"""How busy each local hour of a weekday is, of 10."""


class Happening(NamedTuple):
    """What a rule finds: its name, and the events behind it, in order of time."""

    rule: str
    events: tuple[Event, ...]


def background(seed: int = 7) -> Iterator[list[Event]]:
    """The ordinary events, an hour at a time: some few that stand for the many of a real month."""
    dice = Dice(seed, "background")
    for day in _days():
        quiet = day.weekday() >= 5
        for hour, busy in enumerate(_OFFICE):
            start = _midnight(day) + hour * HOUR
            level = 2 if quiet else busy
            yield [
                event
                for source in SOURCES
                if not _silenced(source.origin, start)
                for event in source_events(dice, source.origin, source.module, source.rate * level, start)
            ]


def source_events(dice: Dice, origin: str, module: str, tenths: int, start: int) -> list[Event]:
    """About tenths / 10 events within an hour; a steady source (10 or more at rest) has always one."""
    number, rest = divmod(tenths, 10)
    number += dice.chance(rest / 10)
    return [_event(dice, origin, module, start + dice.whole(0, HOUR - 1)) for _ in range(number)]


def happenings(seed: int = 7) -> Iterator[Happening]:
    """What the rules find, day by day."""
    dice = Dice(seed, "happenings")
    for day in _days():
        midnight, month = _midnight(day), 0.85 if day.month == 9 else 1.0
        for habit in ORDINARY:
            rate = month * habit.rate * (habit.weekend if day.weekday() >= 5 else 1)
            for _ in range(int(rate) + dice.chance(rate % 1)):
                yield _ordinary(dice, habit, midnight)
    for rule, module, after, number, victim in INTRUSION:
        start = micros("2026-10-13T08:40:00+07:00") + after * 60 * SECOND
        fields: Event = {"source.ip": MALWARE_HOST, "destination.ip": victim or "198.51.100.77", "soc.unit": "vp"}
        place = next((server for server in SERVERS if server.ip == victim), None)
        if place is not None:
            fields |= _of(place)
        yield Happening(rule, _burst(dice, module, start, number, 40, fields))


def _ordinary(dice: Dice, habit: Habit, midnight: int) -> Happening:
    hour = dice.whole(0, 23) if habit.outside else dice.pick((7, 8, 8, 9, 9, 10, 10, 11, 13, 14, 14, 15, 15, 16, 17))
    start = midnight + hour * HOUR + dice.whole(0, HOUR - 1) // 2
    stranger = f"{dice.pick(('198.51.100', '192.0.2'))}.{dice.whole(2, 250)}"
    fields: Event
    if habit.outside:
        place = dice.pick(SERVERS)
        fields = {"source.ip": stranger, "destination.ip": place.ip, "user.name": dice.pick(("admin", "root", "test"))}
    else:
        place = dice.pick(PEOPLE)
        inside = f"{place.ip}{dice.whole(30, 220)}"
        fields = {"source.ip": inside, "destination.ip": stranger, "url.domain": f"site-{dice.hexadecimal(3)}.example"}
    fields |= _of(place) | {
        "email.from.address": f"sender-{dice.hexadecimal(3)}@mail.example",
        "tls.client.server_name": f"host-{dice.hexadecimal(3)}.example",
        "rule.name": "Win.Test.EICAR",
    }
    return Happening(habit.rule, _burst(dice, habit.module, start, 1 + dice.skewed(0, habit.most), 5, fields))


def _burst(dice: Dice, module: str, start: int, number: int, apart: int, fields: Event) -> tuple[Event, ...]:
    """Events of one kind, up to ``apart`` seconds after one another."""
    made, time = [], start
    origin = next(source.origin for source in SOURCES if source.module == module)
    for _ in range(number):
        made.append(_event(dice, origin, module, time, fields))
        time += dice.whole(SECOND, apart * SECOND)
    return tuple(made)


def _event(dice: Dice, origin: str, module: str, time: int, fields: Event | None = None) -> Event:
    delay = dice.skewed(200_000, 3 * SECOND) if dice.chance(0.9) else dice.skewed(2 * SECOND, 900 * SECOND)
    return {
        "@timestamp": time,
        "event.kind": "event",
        "event.module": module,
        "event.dataset": f"{module}.made_up",
        "event.original": f"{module}: a line that was made up, {dice.hexadecimal(12)}",
        "log.offset": time // 1000,
        "soc.origin": origin,
        "soc.received": time + delay,
        **(fields or {}),
    }


def _of(place: Place) -> Event:
    known: Event = {"soc.unit": place.unit}
    return known | (
        {"host.name": place.host, "soc.system": place.system, "soc.level": place.level} if place.host else {}
    )


def _days() -> Iterator[date]:
    return (FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1))


def _midnight(day: date) -> int:
    return micros(f"{day.isoformat()}T00:00:00+07:00")


def _silenced(origin: str, start: int) -> bool:
    silent, since, long = SILENT
    return origin == silent and since <= start < since + long
