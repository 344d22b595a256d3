"""Forecasts of orders, from facts that are brought up to the event log first."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from fieldserve.operations.reports import on_facts
from fieldserve.operations.run import Caller, Context, aside, read
from fieldserve.operations.sellers import find_seller
from fieldserve.store import stores
from fieldserve.store.engine import Connection
from fieldserve.wire.forecasts import Forecast, ForecastDay, ForecastTest, StoreForecast

if TYPE_CHECKING:
    from fieldserve.analytics.engines import Facts

_HISTORY = timedelta(days=366)
_MOST = 1_000


async def forecast_demand(context: Context, caller: Caller, store_ids: Sequence[str] = (), weeks: int = 4) -> Forecast:
    """Orders of the seller's stores in the coming weeks, from the day of the newest event on, which is not over
    where the store is.

    Raises ApiError: NO_SELLER, NO_FACTS, FACTS_BUSY, NO_ANALYTICS."""
    zones = await read(context, lambda c: _zones(c, caller), snapshot=False)
    chosen = tuple(store_ids)
    return await aside(
        context,
        lambda outer: on_facts(outer, lambda facts: _forecast(facts, caller.seller_id, zones, chosen, 7 * weeks)),
    )


async def _zones(c: Connection, caller: Caller) -> dict[str, ZoneInfo]:
    await find_seller(c, caller)
    return {one.store_id: one.resource.zone for one in await stores.page(c, caller.seller_id, "", _MOST)}


def _forecast(
    facts: "Facts", seller_id: str, zones: Mapping[str, ZoneInfo], store_ids: tuple[str, ...], days: int
) -> Forecast:
    from fieldserve.analytics.forecast import LEAST_DAYS, orders_a_day
    from fieldserve.analytics.metrics import Filters

    now = facts.as_of.replace(tzinfo=UTC)
    today = {store_id: now.astimezone(zone).date() for store_id, zone in zones.items()}
    latest = max(today.values(), default=now.date())
    filters = Filters(latest - _HISTORY, latest, facts.as_of, (seller_id,), store_ids)
    made, notices = [], []
    for store_id, counted in orders_a_day(facts, filters).items():
        first = today.get(store_id, latest)
        history = counted[: len(counted) - (latest - first).days]
        if len(history) < LEAST_DAYS:
            told = f"its first order was {len(history)} days ago, and a forecast needs {LEAST_DAYS} days"
            notices.append(f"{store_id}: {told}.")
        else:
            made.append(_of_store(store_id, history, first, days))
    notices += [f"{one}: there were no orders." for one in store_ids if all(one != of.store_id for of in made)]
    first_day = min((one.days[0].day for one in made), default=latest.isoformat())
    return Forecast(first_day, made, list(dict.fromkeys(notices)))


def _of_store(store_id: str, history: list[int], first: date, days: int) -> StoreForecast:
    from fieldserve.analytics.forecast import backtest, forecast

    method, told = forecast(history, first, days)
    tested = backtest(history, min(days, 14))
    return StoreForecast(
        store_id,
        method,
        history,
        [
            ForecastDay(one.day.isoformat(), round(one.expected, 2), round(one.low, 2), round(one.high, 2))
            for one in told
        ],
        None
        if tested is None
        else ForecastTest(
            tested.forecasts,
            tested.days,
            round(tested.error, 3),
            round(tested.naive_error, 3),
            round(tested.within, 3),
        ),
    )
