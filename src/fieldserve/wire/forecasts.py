"""Forecasts as the operator API answers them."""

from typing import Literal

from fieldserve.wire.parameters import Parameter
from fieldserve.wire.parts import Part

LONGEST_WEEKS = 12
WEEKS = Parameter("weeks", "query", "integer", minimum=1, maximum=LONGEST_WEEKS, default=4, says="how far it looks")
OF_STORES = Parameter("storeIds", "query", "array", max_items=100, says="only these stores")


class ForecastDay(Part):
    """Orders that are expected on a local day; 95 of 100 such days lie between `low` and `high`."""

    day: str
    expected: float
    low: float
    high: float


class ForecastTest(Part):
    """How forecasts of the same length would have done, made at the end of the newest 13 weeks that leave as
    many days.

    `error` and `naiveError` are orders a day that it is off by on average, and that taking last week again is; `within`
    is the share of days that lay between the bounds."""

    forecasts: int
    days: int
    error: float
    naive_error: float
    within: float


class StoreForecast(Part):
    """SMOOTHING: exponential smoothing with a weekly season, from five weeks of history on. SAME_WEEKDAYS: the mean of
    the same weekdays, with less. `history` are the orders of each day up to the day before the first forecast."""

    store_id: str
    method: Literal["SMOOTHING", "SAME_WEEKDAYS"]
    history: list[int]
    days: list[ForecastDay]
    test: ForecastTest | None = None


class Forecast(Part):
    """Orders to come, store by store, each from its own day on, the first of which is `firstDay`; `notices` say of
    which nothing can be said, and why."""

    first_day: str
    stores: list[StoreForecast]
    notices: list[str]
