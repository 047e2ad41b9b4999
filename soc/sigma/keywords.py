"""The tests that search a whole event, for many events at once."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from soc.core.batch import Batch
from soc.core.event import Event, Value
from soc.core.windows.synonyms import COMPOSED, SYNONYMS
from soc.sigma.evaluate import haystacks
from soc.sigma.field import Numbered, hashable
from soc.sigma.memo import Answers
from soc.sigma.needle import needles
from soc.sigma.predicate import Regex, Text
from soc.sigma.scan import Found, Scanner, make_scanner
from soc.sigma.text import Wildcard

_PIECE = re.compile(r"[ !#-.0-\[\]-~]+").findall
"""What JSON writes as it is: letters beyond ASCII may be there by their number."""
_QUICK = frozenset((str, int, bool, type(None)))
"""Types whose text is str() but for its case."""
_NUMERIC = re.compile(r"[-+.0-9e]*").fullmatch

_SPELLED = "\\u00"
"""Where JSON writes a letter of ASCII by its number, its text is no longer what it says."""

_SEEN = 64 * 1024
"""Bytes of the first lines that the choice of what is searched for is made on."""
_SHARED = 6
"""Texts that have so many letters in common at their beginning are searched for by what they have in common."""


class Lines:
    """Texts that are searched in lines of JSON: by beginnings that several share, and that end on what is rare.

    That makes a search twice as quick, since an engine compares the last letters first. Which is rare was seen in some
    lines. Where a beginning is found, the line is searched for the texts that it stands for.
    """

    def __init__(self, texts: Sequence[str], seen: bytes) -> None:
        self._texts = [text.encode() for text in texts]
        self._scanner = make_scanner([_containing(one) for one in _beginnings(texts, seen)])

    def find(self, lines: Sequence[bytes]) -> dict[int, set[int]]:
        """Place of the line -> the texts that it holds, by their places."""
        found: dict[int, set[int]] = {}
        for place, marks in self._scanner.find_encoded(lines).items():
            line = lines[place].lower()
            found[place] = {text for text in self._scanner.tests(marks) if self._texts[text] in line}
        return found


def _beginnings(texts: Sequence[str], seen: bytes) -> list[str]:
    """Of each text what is searched for."""
    groups: dict[str, list[str]] = defaultdict(list)
    for text in texts:
        groups[text[:_SHARED]].append(text)
    pairs = Counter(pairwise(seen))
    return [_beginning(text, _in_common(groups[text[:_SHARED]]), seen, pairs) for text in texts]


def _in_common(texts: Sequence[str]) -> int:
    """How many letters these texts begin with in common."""
    first, last = min(texts), max(texts)
    return next((n for n, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))


def _beginning(text: str, shared: int, seen: bytes, pairs: Mapping[tuple[int, int], int]) -> str:
    """As much of the text as is nowhere in the lines seen, and ends on the rarest two letters; all of it otherwise."""
    written = text.encode()
    ends = [end for end in range(min(_SHARED, shared), shared + 1) if written[:end] not in seen]
    return text[: min(ends, key=lambda end: (pairs[written[end - 2], written[end - 1]], -end), default=len(text))]


Pair = tuple[Scanner, Lines | None]
"""What searches for some texts in events, and in lines of JSON if all can be found there."""


class Engines(dict[tuple[Text, ...], Pair]):
    """The pairs for these texts. kept: finds what an earlier run has made.

    One for each matcher, whose routes mostly share the same: two threads must not search with one engine at a time.
    """

    def __init__(self, kept: Callable[[tuple[Text, ...]], Pair | None]) -> None:
        super().__init__()
        self._kept = kept
        self._seen = b""
        self.new: set[tuple[Text, ...]] = set()

    def see(self, lines: Sequence[bytes]) -> None:
        """Lines of the stream: what is searched for is chosen by the first of them."""
        if not self._seen:
            self._seen = b"\n".join(lines)[:_SEEN].lower()

    def __missing__(self, tests: tuple[Text, ...]) -> Pair:
        kept = self._kept(tests)
        if kept is not None:
            self[tests] = kept
            return kept
        self.new.add(tests)
        pieces = list(map(_in_json, tests))
        in_json = Lines([*pieces, _SPELLED], self._seen) if all(pieces) else None
        made = self[tests] = make_scanner([_anywhere(test) for test in tests]), in_json
        return made


class Keywords:
    """Texts are searched in all events at once; expressions, with anchors, in each of an event's texts.

    Where the JSON line that an event was read from is at hand, it is searched instead of the event's values: not
    for every piece of text, since JSON writes some in other ways, nor for events with values of our own making.
    """

    def __init__(self, tests: Numbered, engines: Engines) -> None:
        texts = [(number, test) for number, test in tests if isinstance(test, Text)]
        self._numbers = [number for number, _ in texts]
        self._scanner, self._in_json = engines[tuple(test for _, test in texts)]
        self._expressions = [(number, test) for number, test in tests if isinstance(test, Regex)]
        self.answers = Answers()

    def clear(self) -> None:
        """The numbers that were given become void."""
        self.answers.clear()

    def met(self, events: Batch, lines: Sequence[bytes] | None) -> list[int]:
        """For each event the number of the set of tests that it may meet. lines: the JSON that they were read from."""
        found = {
            place: set(map(self._numbers.__getitem__, texts)) for place, texts in self._found(events, lines).items()
        }
        if self._expressions:
            for place, event in enumerate(events):
                texts = haystacks(event)
                met = {number for number, test in self._expressions if any(map(test.holds, texts))}
                if met:
                    found.setdefault(place, set()).update(met)
        answers = [0] * len(events)
        for place, numbers in found.items():
            answers[place] = self.answers.number(numbers)
        return answers

    def _found(self, events: Batch, lines: Sequence[bytes] | None) -> dict[int, set[int]]:
        """Place of the event -> the texts that it may hold, by their places."""
        if lines is None or self._in_json is None:
            return _tests(self._scanner, self._scanner.find([_joined(event) for event in events]))
        found = self._in_json.find(lines)
        spelled = {place for place, texts in found.items() if len(self._numbers) in texts}
        further = {place: _joined(events[place]) for place in spelled}
        for place in _synonymous(events.column("EventID")).difference(spelled):
            further[place] = _composed(events.own(place))
        for place in spelled:
            found[place].remove(len(self._numbers))
        if further:
            places = list(further)
            for at, texts in _tests(self._scanner, self._scanner.find(list(further.values()))).items():
                found.setdefault(places[at], set()).update(texts)
        return found


def _tests(scanner: Scanner, found: Found) -> dict[int, set[int]]:
    return {place: scanner.tests(marks) for place, marks in found.items()}


def _synonymous(numbers: Sequence[Value]) -> set[int]:
    """Which of these events, by their ids, have values that their lines do not."""
    try:
        if SYNONYMS.keys().isdisjoint(numbers):
            return set()
        return {place for place, number in enumerate(numbers) if number in SYNONYMS}
    except TypeError:  # JSON's lists
        return _synonymous(list(map(hashable, numbers)))


def _composed(event: Event) -> str:
    """Every text of the event that its line may not have."""
    return "\n".join([value for name in COMPOSED if type(value := event.get(name)) is str])


def _anywhere(test: Text) -> Text:
    """The test's needle wherever in the event it is."""
    found = needles(test)
    return _containing(found[0]) if found else test


def _containing(text: str) -> Text:
    return Text((Wildcard.MANY, text, Wildcard.MANY))


def _in_json(test: Text) -> str:
    """A piece of the test's text that JSON writes as it is; "" where there is none: numbers have many forms."""
    pieces = [piece for one in needles(test) for piece in _PIECE(one)]
    longest = max(pieces, key=len, default="")
    return "" if _NUMERIC(longest) else longest


def _joined(event: Event) -> str:
    """Every text of the event's haystacks, and perhaps more ("None", "True"), in one: quick, and never too little."""
    raw = event.get("event.original")
    if isinstance(raw, str) and not raw.lstrip().startswith("{"):
        message = event.get("message")
        return f"{raw}\n{message}" if isinstance(message, str) else raw
    values = event.values()
    return "\n".join(map(str, values) if _QUICK.issuperset(map(type, values)) else haystacks(event))
