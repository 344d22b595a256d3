"""Ranks and intervals: what few jobs do not prove."""

from datetime import date

import pytest

from fieldserve.analytics import reports
from fieldserve.analytics.engines import Facts
from fieldserve.analytics.metrics import Filters


def test_wilson() -> None:
    """3 of 3 is certain from 0.4385 on: 1 / (1 + 3.8415 / 3) = 0.4385; 90 of 100 from 0.8256 to 0.9448."""
    assert reports.wilson(3, 3) == pytest.approx((0.4385, 1), abs=1e-4)
    assert reports.wilson(90, 100) == pytest.approx((0.8256, 0.9448), abs=1e-4)


@pytest.mark.parametrize("of", [1, 2, 7, 100])
def test_wilson_holds_the_rate(of: int) -> None:
    """The interval is within 0 and 1 and around the rate."""
    for successes in range(of + 1):
        low, high = reports.wilson(successes, of)
        assert 0 <= low <= successes / of <= high + 1e-12 <= 1 + 1e-12


def test_rank_and_period_before(duckdb_facts: Facts) -> None:
    """The best is who is certain to be, and the value before is that of the days before."""
    filters = Filters(date(2026, 3, 16), date(2026, 3, 30), duckdb_facts.as_of)
    made = reports.make(duckdb_facts, "audit", filters, ("technician_id",))
    on_time = sorted((one for one in made.lines if one.metric.name == "on_time_start"), key=lambda one: one.rank or 0)
    lows = [one.low for one in on_time if one.low is not None]
    assert len(lows) > 3
    assert lows == sorted(lows, reverse=True)
    earlier = Filters(date(2026, 3, 2), date(2026, 3, 16), duckdb_facts.as_of)
    before = {
        one.group: one.value
        for one in reports.make(duckdb_facts, "audit", earlier, ("technician_id",)).lines
        if one.metric.name == "on_time_start"
    }
    assert [one.before for one in on_time] == [before.get(one.group) for one in on_time]


@pytest.mark.parametrize("name", list(reports.REPORTS))
def test_every_group(duckdb_facts: Facts, name: str) -> None:
    """Each report can be grouped by each of its columns."""
    filters = Filters(date(2026, 3, 2), date(2026, 5, 4), duckdb_facts.as_of)
    for column in reports.GROUPS[name]:
        assert reports.make(duckdb_facts, name, filters, (column,)).lines, column
