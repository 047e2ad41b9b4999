"""How serious is it? A rule's level times the security level of the system concerned, as a score 0-100 and a word.

    score = rule level x system level, rounded half up, at most 100

    rule level      informational 5   low 25   medium 50   high 70   critical 90
    system level    unknown 1.0   1: 0.8   2: 0.9   3: 1.0   4: 1.15   5: 1.3
    severity        critical from 80   high from 60   medium from 45   low from 15   informational below

which gives

                    unknown   1          2          3          4           5
    informational   5 info    4 info     5 info     5 info     6 info      7 info
    low             25 low    20 low     23 low     25 low     29 low      33 low
    medium          50 med    40 low     45 med     50 med     58 med      65 high
    high            70 high   56 med     63 high    70 high    81 critical 91 critical
    critical        90 crit   72 high    81 crit    90 crit    100 crit    100 crit

The reasoning. A rule's author knows the technique, but not whom it is used against; the owner of the systems knows
how much harm it would do there, and has put it into the legal security level (cấp độ 1-5). So on a level-3 system,
the usual one, the rule's own word stands. A level moves the word by one step at most: the technique weighs more than
the place, a quiet rule on a level-5 system must not outrank a real intrusion elsewhere, and low and informational
rules never rise above "low" on their own. Below level 3 the step is small (a level-2 portal is where an intruder
starts), above it large. A system without a level counts as level 3: what nobody has assessed must not look harmless.
"""

from __future__ import annotations

from typing import NamedTuple

from soc.core.finding import Level

RULE_POINTS = {Level.INFORMATIONAL: 5, Level.LOW: 25, Level.MEDIUM: 50, Level.HIGH: 70, Level.CRITICAL: 90}

# In hundredths, because binary fractions would round 70 x 1.15 differently from the table.
SYSTEM_PERCENT = {0: 100, 1: 80, 2: 90, 3: 100, 4: 115, 5: 130}

BANDS = (
    (80, Level.CRITICAL),
    (60, Level.HIGH),
    (45, Level.MEDIUM),
    (15, Level.LOW),
    (0, Level.INFORMATIONAL),
)


class Severity(NamedTuple):
    """score 0-100, its word, and the calculation as text, e.g. "high 70 x level-4 1.15 = 81"."""

    score: int
    word: str
    formula: str


def severity(rule: Level, system: int) -> Severity:
    """For a rule's level and a system's security level (1-5; anything else counts as unknown)."""
    known = system if system in SYSTEM_PERCENT else 0
    points, percent = RULE_POINTS[rule], SYSTEM_PERCENT[known]
    score = min(100, (points * percent + 50) // 100)
    word = next(level.word for least, level in BANDS if score >= least)
    factor = f"{percent / 100:.2f}".rstrip("0").ljust(3, "0")
    formula = f"{rule.word} {points} x level-{known or 'unknown'} {factor} = {score}"
    return Severity(score, word, formula)
