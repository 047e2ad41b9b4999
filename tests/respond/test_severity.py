import pytest

from soc.core.finding import Level
from soc.respond import severity as module
from soc.respond.severity import RULE_POINTS, SYSTEM_PERCENT, severity


@pytest.mark.parametrize(
    ("rule", "system", "score", "word"),
    [
        (Level.HIGH, 0, 70, "high"),
        (Level.HIGH, 1, 56, "medium"),
        (Level.HIGH, 3, 70, "high"),
        (Level.HIGH, 4, 81, "critical"),
        (Level.CRITICAL, 1, 72, "high"),
        (Level.CRITICAL, 5, 100, "critical"),
        (Level.MEDIUM, 1, 40, "low"),
        (Level.MEDIUM, 5, 65, "high"),
        (Level.LOW, 5, 33, "low"),
        (Level.INFORMATIONAL, 5, 7, "informational"),
        (Level.HIGH, 9, 70, "high"),
    ],
)
def test_the_systems_level_moves_the_rules_word(rule, system, score, word):
    assert severity(rule, system)[:2] == (score, word)


def test_the_formula_shows_the_calculation():
    assert severity(Level.HIGH, 4).formula == "high 70 x level-4 1.15 = 81"
    assert severity(Level.MEDIUM, 0).formula == "medium 50 x level-unknown 1.0 = 50"


def test_a_higher_level_never_lowers_the_score_and_moves_the_word_one_step_at_most():
    words = [level.word for level in Level]
    for rule in RULE_POINTS:
        scores = [severity(rule, system) for system in (1, 2, 3, 4, 5)]
        assert [item.score for item in scores] == sorted(item.score for item in scores)
        assert all(abs(words.index(item.word) - rule) <= 1 for item in scores)
        assert severity(rule, 3).word == rule.word


def test_the_table_in_the_documentation_is_the_one_that_is_used():
    rows = [
        line.split() for line in module.__doc__.splitlines() if line.strip().split(" ")[0] in {x.word for x in Level}
    ]
    table = {row[0]: [int(cell) for cell in row[1:] if cell.isdigit()] for row in rows}
    assert len(table) == len(Level)
    for rule in Level:
        assert table[rule.word] == [severity(rule, system).score for system in sorted(SYSTEM_PERCENT)]
