"""The month in words: what somebody who reads one page has to know."""

from __future__ import annotations

from soc.posture.facts import Facts
from soc.posture.month import Month
from soc.posture.voice import Voice


def month_of(facts: Facts) -> Month:
    """The month that the facts are of."""
    return Month.parse(facts.month, facts.zone)


def figures(facts: Facts, voice: Voice) -> tuple[tuple[str, str], ...]:
    """The four figures: (number, what it counts)."""
    t, number, incidents = voice.t, voice.number, len(facts.incidents)
    return (
        (number(facts.alerts), t("alert") if facts.alerts == 1 else t("alerts")),
        (number(facts.urgent), t("high or critical")),
        (number(incidents), t("suspected incident") if incidents == 1 else t("suspected incidents")),
        (number(facts.blind), t("blind hour of sources") if facts.blind == 1 else t("blind hours of sources")),
    )


def summary(facts: Facts, voice: Voice, previous: Facts | None = None) -> tuple[str, ...]:
    """Sentences in paragraphs, the most important first. previous: the facts of the month before; it is compared with
    only if it is covered as a whole, since half a month says nothing about a whole one."""
    told = [_alerts(facts, voice)]
    if previous is not None and previous.complete and facts.complete:
        told[0] += " " + _compared(facts, previous, voice)
    return (*told, _incidents(facts, voice), _sources(facts, voice), *_rules(facts, voice), *_caveats(facts, voice))


def _alerts(facts: Facts, voice: Voice) -> str:
    t, number = voice.t, voice.number
    month = voice.month(month_of(facts))
    events = t("1 event") if facts.events == 1 else t("{n} events", n=number(facts.events))
    if not facts.alerts:
        return t("In {month} there was no alert, from {events}.", month=month, events=events)
    if facts.alerts == 1:
        return t("In {month} there was 1 alert, from {events}.", month=month, events=events)
    said = t("In {month} there were {n} alerts, from {events}.", month=month, n=number(facts.alerts), events=events)
    if not facts.urgent:
        return said + " " + t("None of them was high or critical.")
    share = voice.percent(facts.urgent, facts.alerts)
    if facts.urgent == 1:
        return said + " " + t("One of them ({share}) was high or critical.", share=share)
    return said + " " + t("{n} of them ({share}) were high or critical.", n=number(facts.urgent), share=share)


def _compared(facts: Facts, previous: Facts, voice: Voice) -> str:
    t, change = voice.t, facts.alerts - previous.alerts
    month, n = voice.month(month_of(previous)), voice.number(previous.alerts)
    if not change:
        return t("That is as many as in {month}.", month=month)
    if not previous.alerts:
        return t("In {month} there was none.", month=month)
    share = voice.percent(abs(change), previous.alerts)
    if change > 0:
        return t("That is {share} more than in {month} ({n}).", share=share, month=month, n=n)
    return t("That is {share} fewer than in {month} ({n}).", share=share, month=month, n=n)


def _incidents(facts: Facts, voice: Voice) -> str:
    t = voice.t
    if not facts.incidents:
        return t("No alerts belong together as those of an incident would.")
    worst = max(facts.incidents, key=lambda chain: (len(chain.tactics), len(chain.alerts)))
    told = t(
        "{alerts} alerts on the same hosts, from {first} to {last}, look like one incident that went through "
        "{tactics} tactics; the gravest is “{title}”.",
        alerts=voice.number(len(worst.alerts)),
        first=voice.moment(worst.first),
        last=voice.moment(worst.last),
        tactics=len(worst.tactics),
        title=voice.title(worst.title, worst.title_vi),
    )
    more = len(facts.incidents) - 1
    if not more:
        return told
    return told + " " + (t("There is one more.") if more == 1 else t("There are {n} more.", n=more))


def _sources(facts: Facts, voice: Voice) -> str:
    t = voice.t
    if not facts.events:
        return t("No source sent anything, so nothing could be seen.")
    if not facts.blind:
        return t("No source that sends all the time was silent for an hour.")
    worst = max((source for source in facts.sources if source.steady), key=lambda source: source.longest)
    hours = t("1 hour") if facts.blind == 1 else t("{n} hours", n=voice.number(facts.blind))
    silence = t("1 hour") if worst.longest == 1 else t("{n} hours", n=voice.number(worst.longest))
    return t(
        "Sources that send all the time were silent for {hours} in all, in which nothing could be seen there; the "
        "longest silence was that of {source}, {silence} from {since}.",
        hours=hours,
        source=worst.name,
        silence=silence,
        since=voice.moment(worst.longest_from),
    )


def _rules(facts: Facts, voice: Voice) -> tuple[str, ...]:
    t, told = voice.t, []
    if facts.noise and facts.alerts > 1:
        noisy = facts.noise[0]
        told.append(
            t(
                "{fired} of {rules} rules raised alerts; the one with the most, “{title}”, {n} of them ({share}).",
                fired=facts.fired,
                rules=max(facts.rules, facts.fired),
                title=voice.title(noisy.title, noisy.title_vi),
                n=voice.number(noisy.alerts),
                share=voice.percent(noisy.alerts, facts.alerts),
            )
        )
    if facts.rules:
        told.append(t("The rules watch {n} of {all} tactics of ATT&CK.", n=facts.covered, all=len(facts.tactics)))
    return (" ".join(told),) if told else ()


def _caveats(facts: Facts, voice: Voice) -> tuple[str, ...]:
    t, told = voice.t, []
    if not facts.complete:
        told.append(t("The data do not cover the whole month: the figures are those of what there is."))
    if facts.late == 1:
        told.append(t("One alert was found afterwards in stored events, and not when it happened."))
    elif facts.late:
        n = voice.number(facts.late)
        told.append(t("{n} alerts were found afterwards in stored events, and not when it happened.", n=n))
    return (" ".join(told),) if told else ()
