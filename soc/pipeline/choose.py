"""Rules as people name them, and the content cut down to those of interest."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from soc import sigma
from soc.core.errors import SocError
from soc.core.finding import RuleInfo
from soc.correlation import Correlation
from soc.pipeline.content import Content, Quiet, available_datasets

SHOWN = 8


def infos(content: Content) -> list[RuleInfo]:
    """What is known of every rule and correlation."""
    return [*(rule.info for rule in content.rules), *(found.info for found in content.correlations)]


def named(content: Content, wanted: str) -> RuleInfo:
    """The rule or correlation with this id, name or file name, else the only one with this in its title.

    SocError when none or several are meant.
    """
    known = infos(content)
    found = [info for info in known if wanted in (info.id, info.name)]
    found = found or [info for info in known if wanted in (Path(info.path).stem, Path(info.path).name, info.path)]
    part = wanted.casefold()
    found = found or [info for info in known if part in info.title.casefold() or part in info.title_vi.casefold()]
    if len(found) == 1:
        return found[0]
    if not found:
        raise SocError("no rule {name}", name=wanted)
    listed = "; ".join(f"{info.title} ({info.id})" for info in found[:SHOWN])
    listed += "; ..." if len(found) > SHOWN else ""
    raise SocError(wanted, "{number} rules are meant: {listed}", number=len(found), listed=listed)


def chosen(content: Content, wanted: str) -> list[RuleInfo]:
    """The same for what may also be a file: all that is in it. SocError when something in the file is wrong."""
    path = Path(wanted)
    if not path.is_file():
        return [named(content, wanted)]
    file = path.resolve()
    wrong = [str(problem) for problem in content.problems if Path(problem.path).resolve() == file]
    if wrong:
        raise SocError("; ".join(wrong))
    return [info for info in infos(content) if Path(info.path).resolve() == file]


def only(content: Content, wanted: Collection[str]) -> Content:
    """The content with these rules and correlations (ids) and what they refer to, to be run over stored events.

    What was asked for raises alerts, also where it is muted or feeds a correlation; what it refers to does not.
    """
    correlations: list[Correlation] = []
    needed = set(wanted)
    for found in reversed(content.correlations):
        if found.info.id in needed:
            correlations.insert(0, _heard(found, found.info.id in wanted))
            needed |= {role.rule.id for role in found.roles}
    rules = tuple(_heard(rule, rule.info.id in wanted) for rule in content.rules if rule.info.id in needed)
    matcher = sigma.compile(rules, available_datasets())
    # What was asked for is heard, though a correlation that was asked for too would silence it.
    loud = tuple(replace(found, generate=True) for found in correlations)
    return replace(content, rules=rules, correlations=loud, matcher=matcher)


def unmuted(content: Content) -> Content:
    """With muted correlations heard, for what asks whether they fire at all (muted rules match as ever)."""
    heard = (_heard(found, True) if found.info.id in content.muted else found for found in content.correlations)
    return replace(content, correlations=tuple(heard))


def _heard(rule: Quiet, heard: bool) -> Quiet:
    return replace(rule, info=replace(rule.info, silent=not heard))
