"""Step functions: building, adding, clipping, asking."""

from random import Random

import pytest

from fieldserve.domain.intervals import DAY, HOUR, MINUTE, ZERO, Steps, union


class TestWeighing:
    def test_overlapping_intervals_add_up(self) -> None:
        """[0, 10) with 2 and [5, 15) with 3: 2 until 5, 2 + 3 = 5 until 10, 3 until 15."""
        steps = Steps.weighing([(0, 10, 2), (5, 15, 3)])
        assert steps == Steps((0, 5, 10, 15), (2, 5, 3, 0))

    def test_order_does_not_matter(self) -> None:
        """The sum is the same whichever interval comes first."""
        assert Steps.weighing([(5, 15, 3), (0, 10, 2)]) == Steps.weighing([(0, 10, 2), (5, 15, 3)])

    def test_intervals_that_touch_leave_no_step_between_them(self) -> None:
        """[0, 5) and [5, 9) of equal weight are one step, since intervals are half-open."""
        assert Steps.weighing([(0, 5, 1), (5, 9, 1)]) == Steps((0, 9), (1, 0))

    @pytest.mark.parametrize("interval", [(5, 5, 1), (7, 5, 1)])
    def test_an_empty_or_reversed_interval_counts_for_nothing(self, interval: tuple[int, int, int]) -> None:
        """Only an interval that starts before it ends holds any instant."""
        assert Steps.weighing([interval]) == ZERO


class TestCounting:
    def test_it_counts_what_is_under_way(self) -> None:
        """[0, 4), [1, 3), [1, 6): 1 from 0, 3 from 1, 2 from 3, 1 from 4, none from 6."""
        assert Steps.counting([0, 1, 1], [4, 3, 6]) == Steps((0, 1, 3, 4, 6), (1, 3, 2, 1, 0))

    def test_one_ends_as_another_starts(self) -> None:
        """[0, 2) and [2, 5): always one, so a single step; with [2, 3) more there are two for a while."""
        assert Steps.counting([0, 2], [2, 5]) == Steps((0, 5), (1, 0))
        assert Steps.counting([0, 2, 2], [2, 5, 3]) == Steps((0, 2, 3, 5), (1, 2, 1, 0))

    def test_a_hole_is_a_step_of_zero(self) -> None:
        """Nothing holds between [0, 2) and [4, 5)."""
        assert Steps.counting([4, 0], [5, 2]) == Steps((0, 2, 4, 5), (1, 0, 1, 0))

    def test_none(self) -> None:
        """No intervals make the zero function."""
        assert Steps.counting([], []) == ZERO

    def test_it_agrees_with_weighing(self) -> None:
        """Counting is weighing with 1, in 200 random cases with many equal times."""
        for seed in range(200):
            random = Random(seed)
            spans = [(start, start + random.randint(1, 9)) for start in random.choices(range(20), k=12)]
            counted = Steps.counting([start for start, _ in spans], [end for _, end in spans])
            assert counted == Steps.weighing([(start, end, 1) for start, end in spans]), f"seed {seed}"


class TestPainting:
    def test_neighbours_of_equal_value_become_one_step(self) -> None:
        """2 on [0, 3) and on [3, 5), a hole, and 1 on [7, 9)."""
        steps = Steps.painting([(0, 3, 2), (3, 5, 2), (7, 9, 1)])
        assert steps == Steps((0, 5, 7, 9), (2, 0, 1, 0))

    def test_runs_of_zero_leave_no_trace(self) -> None:
        """Zero is what is there anyway, at the start, in the middle and at the end."""
        assert Steps.painting([(0, 1, 0), (1, 2, 4), (2, 3, 0), (3, 4, 4), (4, 5, 0)]) == Steps(
            (1, 2, 3, 4), (4, 0, 4, 0)
        )

    def test_nothing(self) -> None:
        """No runs make the zero function."""
        assert Steps.painting([]) == ZERO


class TestArithmetic:
    more = Steps((0, 10), (3, 0))
    less = Steps((5, 15), (2, 0))

    def test_add(self) -> None:
        """3 on [0, 10) and 2 on [5, 15)."""
        assert self.more + self.less == Steps((0, 5, 10, 15), (3, 5, 2, 0))

    def test_subtract_goes_below_zero(self) -> None:
        """On [10, 15) nothing is there to take 2 from: −2."""
        assert self.more - self.less == Steps((0, 5, 10, 15), (3, 1, -2, 0))

    def test_zero_changes_nothing(self) -> None:
        """Zero on either side of either sign."""
        assert self.more + ZERO == ZERO + self.more == self.more - ZERO == self.more
        assert ZERO - self.more == Steps((0, 10), (-3, 0))

    def test_a_function_less_itself_is_zero(self) -> None:
        """Steps that cancel vanish, they do not stay as steps of zero."""
        assert self.more - self.more == ZERO

    def test_max0_joins_what_becomes_equal(self) -> None:
        """3, 1, −2, 0 becomes 3, 1, 0; a function never below zero stays as it is."""
        assert (self.more - self.less).max0() == Steps((0, 5, 10), (3, 1, 0))
        assert Steps((0, 2, 4, 6), (-1, 2, -5, 0)).max0() == Steps((2, 4), (2, 0))
        assert self.more.max0() is self.more


class TestClip:
    def test_the_values_at_the_edges_begin_and_end_there(self) -> None:
        """1 on [0, 10), 2 on [10, 20), seen through [5, 12)."""
        assert Steps((0, 10, 20), (1, 2, 0)).clip((5, 12)) == Steps((5, 10, 12), (1, 2, 0))

    def test_a_window_inside_one_step(self) -> None:
        """Only one value is left."""
        assert Steps((0, 10, 20), (1, 2, 0)).clip((11, 13)) == Steps((11, 13), (2, 0))

    @pytest.mark.parametrize("window", [(-5, 0), (20, 25), (7, 7), (9, 3)])
    def test_a_window_that_shares_no_instant(self, window: tuple[int, int]) -> None:
        """Beside the steps, or empty."""
        assert Steps((0, 10, 20), (1, 2, 0)).clip(window) == ZERO

    def test_a_window_at_the_edges(self) -> None:
        """The window of the steps exactly, and one wider, leave them as they are."""
        steps = Steps((0, 10, 20), (1, 2, 0))
        assert steps.clip((0, 20)) == steps.clip((-1, 21)) == steps


class TestAsking:
    STEPS = Steps((0, 10, 20), (4, 1, 0))

    def test_at(self) -> None:
        """A value holds from its time on; outside it is zero."""
        assert [self.STEPS.at(instant) for instant in (-1, 0, 9, 10, 19, 20)] == [0, 4, 4, 1, 1, 0]
        assert self.STEPS.samples([-1, 0, 9, 10, 19, 20]) == [0, 4, 4, 1, 1, 0]

    def test_minimum_and_maximum_of_half_open_intervals(self) -> None:
        """[0, 10) holds 4 alone; one unit more on either side lets in 0 and 1."""
        assert (self.STEPS.minimum(0, 10), self.STEPS.maximum(0, 10)) == (4, 4)
        assert (self.STEPS.minimum(0, 11), self.STEPS.maximum(0, 11)) == (1, 4)
        assert (self.STEPS.minimum(-1, 10), self.STEPS.maximum(10, 21)) == (0, 1)
        assert self.STEPS.maximum(-5, -3) == self.STEPS.maximum(20, 22) == 0

    def test_runs_make_up_the_window(self) -> None:
        """Zero runs before and after are listed; neighbours never have equal values."""
        assert self.STEPS.runs((-5, 25)) == [(-5, 0, 0), (0, 10, 4), (10, 20, 1), (20, 25, 0)]
        assert self.STEPS.runs((2, 3)) == [(2, 3, 4)]
        assert self.STEPS.runs((30, 40)) == [(30, 40, 0)]
        assert self.STEPS.runs((5, 5)) == []


class TestUnion:
    def test_overlapping_and_touching_join(self) -> None:
        """[0, 5) holds [1, 2), touches [5, 7); [9, 10) stands apart."""
        assert union([(0, 5), (1, 2), (5, 7), (9, 10)]) == [(0, 7), (9, 10)]

    def test_none_and_one(self) -> None:
        """Nothing joins nothing."""
        assert union([]) == []
        assert union([(3, 4)]) == [(3, 4)]


def test_the_units_are_microseconds() -> None:
    """1 min = 60,000,000 µs; 24 h = 1,440 min."""
    assert (MINUTE, HOUR, DAY) == (60_000_000, 60 * MINUTE, 1440 * MINUTE)
