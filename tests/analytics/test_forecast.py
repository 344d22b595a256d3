"""Orders to come: what a week says of the next, and how sure that is."""

from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldserve.analytics.engines import Facts
from fieldserve.analytics.forecast import backtest, forecast, orders_a_day
from fieldserve.analytics.metrics import Filters

MONDAY = date(2026, 3, 2)
WEEK = [2, 4, 6, 8, 10, 12, 0]  # from Monday on; nobody orders on Sundays


def noisy(weeks: int) -> list[int]:
    chance = Random(1)
    return [max(0, of + chance.choice((-1, 0, 1))) for _ in range(weeks) for of in WEEK]


def test_weeks_repeat() -> None:
    """Ten weeks of the same week, give or take one: four more such weeks are expected, each day within one of it."""
    method, told = forecast(noisy(10), MONDAY, 28)
    assert method == "SMOOTHING"
    assert [one.day for one in told] == [MONDAY + timedelta(days=at) for at in range(28)]
    assert all(abs(one.expected - WEEK[at % 7]) <= 1 for at, one in enumerate(told))


def test_same_weekdays() -> None:
    """Two weeks: Mondays of 2 and 4 make 3. They scatter by 1.41, counts of 3 by 1.73, and two of them are few:
    3 + 1.96 x 1.73 x sqrt(1.5) = 7.16; below zero there is nothing."""
    method, told = forecast([2, *WEEK[1:], 4, *WEEK[1:]], MONDAY, 8)
    assert method == "SAME_WEEKDAYS"
    assert (told[0].day, told[0].expected, told[0].low) == (MONDAY, 3.0, 0.0)
    assert told[0].high == pytest.approx(7.157, abs=1e-3)
    assert told[7].expected == 3.0
    assert (told[6].expected, told[6].high) == (0.0, 0.0)


def test_always_the_same() -> None:
    """A store that sells three a day has nothing to be smoothed; the next day has three, too."""
    method, told = forecast([3] * 60, MONDAY, 3)
    assert (method, [one.expected for one in told]) == ("SAME_WEEKDAYS", [3.0, 3.0, 3.0])


def test_too_short() -> None:
    """Less than two weeks says nothing."""
    with pytest.raises(ValueError, match="needs 14 days of orders, and there are 13"):
        forecast([1] * 13, MONDAY, 7)


def test_backtest() -> None:
    """With 49 days and forecasts of a week: made after 42, 35, 28, 21 and 14 days. What repeats is never missed."""
    tested = backtest(WEEK * 7, 7)
    assert tested is not None
    assert (tested.forecasts, tested.days, tested.naive_error) == (5, 7, 0.0)
    assert tested.error < 0.1
    assert tested.within > 0.95
    assert backtest([1] * 20, 7) is None


def test_backtest_of_a_quarter() -> None:
    """Twenty weeks: eighteen ends leave a week to compare with and two before them; the newest thirteen are tested."""
    tested = backtest([3] * 140, 7)
    assert tested is not None
    assert (tested.forecasts, tested.error) == (13, 0.0)


@given(st.lists(st.integers(0, 30), min_size=14, max_size=34), st.integers(1, 21))
def test_bounds_are_in_order(history: list[int], days: int) -> None:
    """What is expected lies between the bounds, and nothing below zero."""
    for one in forecast(history, MONDAY, days)[1]:
        assert 0 <= one.low <= one.expected <= one.high


def test_orders_a_day(duckdb_facts: Facts) -> None:
    """Days without orders count as none, the days before the first do not; the sum is that of the orders."""
    filters = Filters(date(2026, 3, 2), date(2026, 5, 4), duckdb_facts.as_of)
    found = orders_a_day(duckdb_facts, filters)
    demand = duckdb_facts["demand_facts"]
    within = demand.filter(
        demand.kind == "ORDER", demand.local_date >= filters.since, demand.local_date < filters.until
    )
    assert sum(map(sum, found.values())) == int(within.count().execute()) > 0
    assert all(of[0] > 0 for of in found.values())
