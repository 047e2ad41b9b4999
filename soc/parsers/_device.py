"""The contract of a device parser. A parser file defines one ``DEVICE = Device(...)`` and nothing is registered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from soc.core.event import Event
from soc.core.logsource import Dataset


class ParseError(ValueError):
    """The line is not what this parser reads; the text is the reason, for the person who will read it."""


@dataclass(slots=True)
class Line:
    """One line, its syslog header (RFC 3164, RFC 5424 or none) already taken off.

    raw       the whole line as text (broken UTF-8 shown as \\xNN escapes); becomes event.original
    text      what follows the syslog header; equal to raw when there is none
    received  µs: when the line arrived, the reference for year-less times
    zone      seconds east of UTC, for times without a zone
    time      µs from the syslog header, or None
    host, program, pid   from the syslog header, "" where absent ("postfix/smtpd" is a program)
    priority  the number in <...>, or -1
    """

    raw: str
    text: str
    received: int
    zone: int
    time: int | None = None
    host: str = ""
    program: str = ""
    pid: str = ""
    priority: int = -1


class Join(Protocol):
    """Joins several events of a device into one more (the lines of one mail by queue id). Bounded and serialisable."""

    def part(self, event: Event) -> Event | None:
        """As much of an event as ``feed`` looks at, None if it passes it over; ``feed`` does the same with either."""

    def feed(self, event: Event) -> Iterable[Event]:
        """Takes an event; gives the joined events that it completes, usually none."""

    def expire(self, watermark: int) -> Iterable[Event]:
        """Gives up waiting for what began long before the watermark (µs); returns it joined as far as it got."""

    def state(self) -> object:
        """What is needed to go on after a restart, as JSON-able values."""

    def restore(self, state: object) -> None:
        """The inverse of state."""


@dataclass(frozen=True, slots=True)
class Device:
    """What one parser file offers.

    name        as in ``soc parse --device NAME``; equal to the file's stem
    title       device and versions, for people
    parse       Line -> Event; raises ParseError (or ValueError, KeyError, IndexError) on what it cannot read
    looks_like  text (header removed) -> is it surely this device? Cheap: called for lines without a known program
    programs    syslog program names that are this device's, without the part behind "/" ("postfix" for postfix/smtpd)
    datasets    event.dataset -> Dataset, for every dataset it can make
    join        makes a fresh Join, or None
    joins       True when its events are offered to the joins (mail servers, spam and virus filters)
    fallback    True for the one that takes what nobody else reads
    """

    name: str
    title: str
    parse: Callable[[Line], Event]
    datasets: Mapping[str, Dataset]
    looks_like: Callable[[str], bool] = field(default=lambda text: False)
    programs: frozenset[str] = frozenset()
    join: Callable[[], Join] | None = None
    joins: bool = False
    fallback: bool = False
