"""Intervals hold what a set of numbers would."""

import random
from itertools import pairwise

from soc.core.intervals import Intervals


def test_whatever_comes_in_any_order_is_what_a_set_has():
    chance = random.Random(7)
    for _ in range(300):
        intervals, control = Intervals(), set()
        for _ in range(chance.randrange(1, 40)):
            first, number = chance.randrange(100), chance.randrange(0, 15)
            intervals.add(first, number)
            control |= set(range(first, first + number))
            stretches = intervals.stretches()
            assert {n for start, end in stretches for n in range(start, end)} == control
            assert len(intervals) == len(control)
            assert all(one[1] < two[0] for one, two in pairwise(stretches))


def test_lines_in_a_row_take_the_room_of_one():
    intervals = Intervals()
    for start in range(0, 500_000, 500):
        intervals.add(start, 500)
    assert intervals.stretches() == [(0, 500_000)]
    intervals.add(1_000, 7)
    assert len(intervals) == 500_000


def test_no_number_breaks_it():
    intervals = Intervals()
    for number in (2**64 - 1, -1, 2**70, 0):
        intervals.add(number)
    assert len(intervals) <= 4
