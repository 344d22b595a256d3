"""What is to come: orders a day, with intervals, from the orders that there were.

Weeks repeat themselves. With five weeks of history exponential smoothing with a weekly season (statsmodels' ETS, errors
additive) goes on from the level and the week that it learned; with two to five weeks each weekday is expected to be
like those before it. What is less says nothing.
"""

import math
import statistics
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from fieldserve.analytics.engines import Facts
    from fieldserve.analytics.metrics import Filters

WEEK = 7
LEAST_DAYS = 2 * WEEK
SMOOTHED_DAYS = 5 * WEEK
TESTED_WEEKS = 13
"""A quarter: what is further back says less of how good it is now, and each forecast takes a tenth of a second."""
_Z = 1.959964

Method = Literal["SMOOTHING", "SAME_WEEKDAYS"]


@dataclass(frozen=True, slots=True)
class Day:
    """Orders that are expected on a day, and between what bounds 95 of 100 such days lie. None of them is below 0."""

    day: date
    expected: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Backtest:
    """How it would have done: forecasts of `days` days each, made at the end of the newest
    weeks that leave as many, TESTED_WEEKS at most.

    `error` is how far off it was on average, orders a day; `naive_error` the same for taking last week again; `within`
    the share of days that lay within the bounds."""

    forecasts: int
    days: int
    error: float
    naive_error: float
    within: float


def forecast(history: Sequence[int], first: date, days: int) -> tuple[Method, list[Day]]:
    """So many days from `first` on, of orders a day that end on the day before. Raises ValueError below 14 days."""
    if len(history) < LEAST_DAYS:
        raise ValueError(f"a forecast needs {LEAST_DAYS} days of orders, and there are {len(history)}")
    if len(history) >= SMOOTHED_DAYS and len(set(history)) > 1:
        return "SMOOTHING", _smoothed(history, first, days)
    return "SAME_WEEKDAYS", _same_weekdays(history, first, days)


def _smoothed(history: Sequence[int], first: date, days: int) -> list[Day]:
    import pandas as pd
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    model = ETSModel(pd.Series(history, dtype=float), error="add", seasonal="add", seasonal_periods=WEEK)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an optimum at the edge of what is allowed is one
        fitted = model.fit(disp=False)
        told = fitted.get_prediction(start=len(history), end=len(history) + days - 1)
        frame = told.summary_frame(alpha=0.05)
    rows = zip(frame["mean"], frame["pi_lower"], frame["pi_upper"], strict=True)
    return [_day(first + timedelta(days=at), *map(float, row)) for at, row in enumerate(rows)]


def _same_weekdays(history: Sequence[int], first: date, days: int) -> list[Day]:
    found = []
    for at in range(days):
        same = history[-WEEK + at % WEEK :: -WEEK]
        mean = statistics.fmean(same)
        # Counts scatter by their root at least; few weeks alone would seem surer than they are.
        spread = max(statistics.stdev(same), math.sqrt(mean)) * math.sqrt(1 + 1 / len(same))
        found.append(_day(first + timedelta(days=at), mean, mean - _Z * spread, mean + _Z * spread))
    return found


def _day(day: date, expected: float, low: float, high: float) -> Day:
    return Day(day, max(0.0, expected), max(0.0, low), max(0.0, high))


def backtest(history: Sequence[int], days: int) -> Backtest | None:
    """Forecasts made at the end of the newest weeks that leave `days` to compare with; None where none does."""
    errors, naive, within, made = [], [], [], 0
    for end in range(len(history) - days, LEAST_DAYS - 1, -WEEK)[:TESTED_WEEKS]:
        made += 1
        _, told = forecast(history[:end], date(2000, 1, 1), days)
        for at, (day, fact) in enumerate(zip(told, history[end : end + days], strict=True)):
            errors.append(abs(day.expected - fact))
            naive.append(abs(history[end - WEEK + at % WEEK] - fact))
            within.append(day.low <= fact <= day.high)
    if not made:
        return None
    return Backtest(made, days, statistics.fmean(errors), statistics.fmean(naive), statistics.fmean(within))


def orders_a_day(facts: "Facts", filters: "Filters") -> Mapping[str, list[int]]:
    """Orders of each store on each of the filters' days, from the first on which there was any."""
    demand = facts["demand_facts"]
    demand = demand.filter(
        demand.kind == "ORDER", demand.local_date >= filters.since, demand.local_date < filters.until
    )
    for column, wanted in (("seller_id", filters.seller_ids), ("store_id", filters.store_ids)):
        if wanted:
            demand = demand.filter(demand[column].isin(wanted))
    counted = demand.group_by(["store_id", "local_date"]).agg(orders=demand.count()).to_pyarrow().to_pylist()
    found: dict[str, dict[date, int]] = {}
    for one in counted:
        found.setdefault(one["store_id"], {})[_date(one["local_date"])] = one["orders"]
    return {
        store_id: [of.get(min(of) + timedelta(days=at), 0) for at in range((filters.until - min(of)).days)]
        for store_id, of in sorted(found.items())
    }


def _date(value: Any) -> date:
    return value.date() if isinstance(value, datetime) else date.fromisoformat(str(value))
