"""Sigma files -> rules, correlations, filters, and what was rejected and why. No document disappears.

Sigma specification 2.1.0; pySigma gives the escapes of text, all else is read here, within bounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

from soc.core.errors import Problem
from soc.sigma.cache import Item, Kept
from soc.sigma.documents import Document, documents_of, read_file, rule_files
from soc.sigma.filters import FilterState, apply_filters, next_expiry
from soc.sigma.lists import is_list, read_lists
from soc.sigma.mapping import FieldMap, shipped_mapping
from soc.sigma.rule import Making, Rule, read_rule

_NO_PLACEHOLDERS: Mapping[str, Sequence[str]] = {}


@dataclass(frozen=True, slots=True)
class Loaded:
    """Everything that was read: rules + correlations + filters + lists + problems account for every document.

    filters      those that were accepted; filter_states has the rejected ones as well, which are problems too
    lists        number of value lists
    next_expiry  the day from which another filter no longer holds, so that all has to be read anew; None for never
    """

    rules: list[Rule]
    correlations: list[Document]
    filters: list[Document]
    problems: list[Problem]
    files: int
    filter_states: tuple[FilterState, ...] = ()
    lists: int = 0
    next_expiry: date | None = None


def load(
    paths: Sequence[Path],
    mapping: FieldMap | None = None,
    placeholders: Mapping[str, Sequence[str]] = _NO_PLACEHOLDERS,
    today: date = date.min,
    cache: Path | None = None,
) -> Loaded:
    """Reads every .yml and .yaml below the paths. mapping None means the shipped one.

    placeholders: name -> values for ``|expand``, beside the files in folders named lists; a rule with a placeholder
    that is not there is rejected. today: the local date, for filters that expire; none do without it.
    cache: the folder where what files came to is kept for the next time (soc.sigma.cache); None for nowhere.
    """
    files = rule_files(paths)
    list_files = [file for file in files if is_list(file)]
    lists, problems = read_lists(list_files, placeholders)
    making = Making(shipped_mapping() if mapping is None else mapping, lists)
    loaded = Loaded([], [], [], problems, len(files), lists=len(list_files) - len(problems))
    kept = Kept(cache, (*map(str, paths), repr(making.mapping), repr(sorted(lists.items()))))
    items = partial(_items, making)
    seen: dict[str, Rule] = {}
    for file in files:
        if not is_list(file):
            raw = read_file(file)
            for item in (raw,) if isinstance(raw, Problem) else kept.items(str(file), raw, items):
                _sort_in(item, loaded, seen)
    kept.save()
    rules, states, rejected = apply_filters(loaded.filters, loaded.rules, making, today)
    wrong = {(one.path, one.line) for one in rejected}
    return Loaded(
        rules=rules,
        correlations=loaded.correlations,
        filters=[one for one in loaded.filters if (one.path, one.line) not in wrong],
        problems=loaded.problems + rejected,
        files=loaded.files,
        filter_states=tuple(states),
        lists=loaded.lists,
        next_expiry=next_expiry(states),
    )


def _items(making: Making, path: str, raw: bytes) -> Iterator[Item]:
    """What a file comes to by itself: its rules, and its correlations and filters as documents."""
    for document in documents_of(path, raw):
        if isinstance(document, Problem) or not document.document.keys().isdisjoint(("correlation", "filter")):
            yield document
        else:
            yield making.rule(document)


def _sort_in(item: Item, loaded: Loaded, seen: dict[str, Rule]) -> None:
    if isinstance(item, Problem):
        loaded.problems.append(item)
    elif isinstance(item, Document):
        (loaded.correlations if "correlation" in item.document else loaded.filters).append(item)
    elif (first := seen.setdefault(item.info.id, item)) is not item:
        reason = f"id {item.info.id} is taken by {first.path}:{first.line}"
        loaded.problems.append(Problem(item.path, item.line, reason))
    else:
        loaded.rules.append(item)


__all__ = ["Loaded", "Rule", "load", "read_rule"]
