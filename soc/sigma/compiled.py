"""What a route's rules are compiled to, and how that is kept on disk for the next start (soc.sigma.sealed).

Which of a rule's tests are searched for is decided by how rare they are among the events that come. What is kept is
the choice of an earlier run with its search engines: it costs a tenth, and is made anew when it does not fit.
"""

from __future__ import annotations

import marshal
import pickle
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import chain, islice
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

from soc.core.batch import Batch
from soc.core.event import Event
from soc.core.finding import RuleInfo
from soc.core.ids import content_id
from soc.sigma.candidate import Candidate
from soc.sigma.field import Asked, Numbered, Tests
from soc.sigma.keywords import Pair
from soc.sigma.needle import is_certain
from soc.sigma.part import Part, parts
from soc.sigma.predicate import Null, Text, ValueTest
from soc.sigma.program import CODES
from soc.sigma.sample import measure, measure_part, news, texts_of
from soc.sigma.scan import scanner_name
from soc.sigma.sealed import Sealed, unpickled
from soc.sigma.tree import KEYWORDS, Leaf
from soc.sigma.witness import Chooser, Witness, guess

SAMPLE = 512
"""Events that the choice is measured on."""
MOST_KEPT = 1000
"""Routes that are kept: hostile events can name any number of channels."""
_DOUBTFUL = 0.15
"""A rule that more events reach is worth a closer look at what finds it."""
_LOOK = 0.2
"""To look at one more field of every event costs as much as to look at a rule on this share of them."""
_CODES = "codes"
"""Where the code of conditions is kept among the routes."""
_NEW = 0.8
"""And as much more where its value is one that none had before."""


class Told(NamedTuple):
    """A rule that is decided by what is found in values, since that tells all of its tests for certain.

    tests   its leaves' tests, by their numbers
    unsure  the numbers of what makes that uncertain
    """

    tests: Sequence[int]
    unsure: frozenset[int]


class Compiled(NamedTuple):
    """What of each rule is searched for, and the engines that search for it.

    witnesses  of each candidate, in their order: sets of tests, by their numbers
    found_by   of each candidate: the same tests, by their places among its leaves
    told       place of a candidate -> how it is decided without being looked at
    fields     of each field that is looked at its name, and what is asked of it
    keywords   tests on whole events
    few        made in haste, for a route of few events
    """

    witnesses: Sequence[Sequence[frozenset[int]]]
    found_by: Sequence[Sequence[int]]
    told: Mapping[int, Told]
    fields: Sequence[tuple[str, Asked]]
    keywords: Numbered
    few: bool


def compiled(candidates: Sequence[Candidate], events: Batch, *, few: bool) -> Compiled:
    """The choice for these rules, measured on the first of the events; a guess where few will come."""
    readers = Counter(field for one in candidates for field in {leaf.field for leaf in one.leaves})
    sample = () if few else tuple(islice(events, SAMPLE))
    new = news(readers, sample)
    dear = {field: (_LOOK + _NEW * new[field]) / count for field, count in readers.items()}
    shares = {} if few else measure((one.leaves for one in candidates), sample)
    chooser = Chooser(guess if few else shares.__getitem__, dear, new)
    witnesses = [() if one.decided else _chosen(one, chooser, sample) for one in candidates]
    numbers = _Numbers()
    numbered = [[frozenset(map(numbers.__getitem__, one.keys)) for one in chosen] for chosen in witnesses]
    found_by = [_places(one, chosen) for one, chosen in zip(candidates, witnesses, strict=True)]
    told: dict[int, Told] = {}
    for place, (one, chosen) in enumerate(zip(candidates, witnesses, strict=True)):
        if one.decided or (few and chosen) or not all(map(_tells, one.leaves)):
            continue
        more = {(leaf.field, leaf.test) for leaf in one.leaves if (leaf.field, leaf.test) not in numbers}
        cost = chooser.telling(more) + sum(
            _LOOK + _NEW * new[name] for name in {field for field, _ in more} - numbers.fields
        )
        if cost < prod(witness.cost for witness in chosen):
            tests = [numbers[leaf.field, leaf.test] for leaf in one.leaves]
            told[place] = Told(tests, frozenset(numbers[leaf.field, _UNSURE] for leaf in one.leaves))
    of_fields = numbers.of_fields()
    keywords = [(number, test) for number, test in of_fields.pop(KEYWORDS, ()) if isinstance(test, ValueTest)]
    fields = [(name, _asked(of_fields[name], texts_of(name, sample), few=few)) for name in sorted(of_fields)]
    return Compiled(numbered, found_by, told, fields, keywords, few)


class _Unsure:
    """What a value meets of which its field's tests cannot be told for certain."""


_UNSURE = _Unsure()


class _Numbers(dict[tuple[str, object], int]):
    """Field and test -> its number, given when it is first asked for. fields: those that are looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: set[str] = set()

    def __missing__(self, key: tuple[str, object]) -> int:
        number = self[key] = len(self)
        self.fields.add(key[0])
        return number

    def of_fields(self) -> dict[str, list[tuple[int, object]]]:
        """Field -> its tests."""
        found: dict[str, list[tuple[int, object]]] = defaultdict(list)
        for (field, test), number in self.items():
            found[field].append((number, test))
        return found


def _asked(tests: Sequence[tuple[int, object]], seen: str, *, few: bool) -> Asked:
    return Asked(
        Tests([(number, test) for number, test in tests if isinstance(test, ValueTest)], seen, few=few),
        [(number, test) for number, test in tests if isinstance(test, Part)],
        [number for number, test in tests if isinstance(test, Null)],
        [number for number, test in tests if test is _UNSURE],
    )


def _tells(leaf: Leaf) -> bool:
    """Whether what is found in a value tells for certain if the test holds."""
    return leaf.field != KEYWORDS and (isinstance(leaf.test, Null) or is_certain(leaf.test))


def _places(candidate: Candidate, chosen: Sequence[Witness]) -> list[int]:
    """Where among the candidate's leaves these tests are."""
    keys = frozenset().union(*(one.keys for one in chosen))
    return [place for place, leaf in enumerate(candidate.leaves) if (leaf.field, leaf.test) in keys]


def _chosen(candidate: Candidate, chooser: Chooser, events: Sequence[Event]) -> list[Witness]:
    """What finds the rule: tests that are searched for, and where these are common, parts of its condition."""
    found = chooser.found(candidate.condition)
    if events and (not found or found[0].cost > _DOUBTFUL):
        found += [
            Witness(frozenset(((one.field, one),)), measure_part(one, events), frozenset((one.field,)))
            for one in parts(candidate.condition)
        ]
    return chooser.enough(found)


class Shelf:
    """The compiled routes of one set of rules. folder: where they are kept, None for nowhere.

    What is there is read when a route is first asked for: most commands load rules and match nothing.
    """

    def __init__(self, folder: Path | None, rules: Sequence[RuleInfo]) -> None:
        self._folder = folder
        self._rules = rules

    @cached_property
    def _sealed(self) -> Sealed:
        of_rules = () if self._folder is None else [f"{one.id} {one.hash}" for one in self._rules]
        return Sealed(self._folder, ".routes", (scanner_name(), *of_rules))

    @cached_property
    def _kept(self) -> dict[str, bytes]:
        kept: dict[str, bytes] = self._sealed.read() or {}
        if _CODES in kept:
            CODES.update(marshal.loads(kept[_CODES]))  # noqa: S302 - ours, see soc.sigma.sealed
        return kept

    def find(self, candidates: Sequence[Candidate]) -> Compiled | None:
        """What these rules were compiled to by an earlier run."""
        found: Compiled | None = self._found(_key(candidates)) if self._kept else None
        return found if found is not None and len(found.witnesses) == len(candidates) else None

    def pair(self, tests: tuple[Text, ...]) -> Pair | None:
        """What an earlier run made to search for these keywords."""
        found: Pair | None = self._found(_key_of(tests)) if self._kept else None
        return found

    def _found(self, key: str) -> Any:
        content = self._kept.get(key)
        return None if content is None else unpickled(content)

    def keep(
        self, routes: Iterable[tuple[Sequence[Candidate], Compiled]], pairs: Mapping[tuple[Text, ...], Pair]
    ) -> None:
        """Keeps these for the next start, beside those that are there."""
        new: dict[str, Compiled | Pair] = {_key(one): made for one, made in routes}
        new |= {_key_of(tests): pair for tests, pair in pairs.items()}
        if self._sealed.kept and new:
            made = {key: pickle.dumps(one, pickle.HIGHEST_PROTOCOL) for key, one in new.items()}
            made[_CODES] = marshal.dumps(dict(CODES))
            before = ((key, one) for key, one in self._kept.items() if key not in made)
            self._sealed.write(dict(islice(chain(made.items(), before), MOST_KEPT)))


def _key(candidates: Sequence[Candidate]) -> str:
    return content_id(one.key for one in candidates)


def _key_of(keywords: Sequence[Text]) -> str:
    return content_id(map(repr, keywords))
