"""What-if: the demand that there was against another schedule. The rule is in domain/what_if.py."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING

from fieldserve.domain import what_if as domain
from fieldserve.domain.intervals import DAY, HOUR, MINUTE, Interval
from fieldserve.domain.schedules import instant_of
from fieldserve.domain.services import Service
from fieldserve.domain.slots import HORIZON, SchedulingType, StoreState
from fieldserve.operations.reports import on_facts
from fieldserve.operations.run import Caller, Context, aside, read
from fieldserve.operations.sellers import find_seller, refuse
from fieldserve.store import services, slots, stores
from fieldserve.store.engine import Connection
from fieldserve.wire.marketplaces import BY_ID
from fieldserve.wire.parameters import ParameterFault
from fieldserve.wire.plans import read_day
from fieldserve.wire.times import render
from fieldserve.wire.what_if import (
    WEEKDAYS,
    AskWhatIf,
    ScheduleChange,
    WhatIf,
    WhatIfFigures,
    minutes_of,
    what_if_faults,
)

if TYPE_CHECKING:
    from fieldserve.analytics.engines import Facts
    from fieldserve.analytics.wishes import Order

_MOST = 1_000
_ANY_TIME = 14 * DAY
"""Who said nothing about when takes any slot of the fourteen days that a search shows."""


@dataclass(frozen=True, slots=True)
class _World:
    """Stores whose inventory is held here, as they are scheduled, with nothing booked, and the services; `days` are
    those asked for, by store; `currencies` those of the stores' marketplaces."""

    stores: Mapping[str, StoreState]
    services: Mapping[str, Service]
    days: Mapping[str, Interval]
    currencies: frozenset[str]


async def what_if(context: Context, caller: Caller, ask: AskWhatIf) -> WhatIf:
    """Replay the orders of the days against the schedule as it is, and as it would be.

    Without a currency the cost is in that of the stores' marketplace. Raises ApiError: 400, NO_SELLER, NO_FACTS,
    FACTS_BUSY, NO_ANALYTICS."""
    refuse(what_if_faults(ask))
    return await aside(context, lambda outer: _replay(outer, caller, ask))


async def _replay(context: Context, caller: Caller, ask: AskWhatIf) -> WhatIf:
    first, past = read_day(ask.first_day), read_day(ask.past_day)
    assert first is not None, "faults were refused"
    assert past is not None, "faults were refused"
    world = await read(context, lambda c: _load(c, caller, ask, first, past))
    currency = _currency(ask, world)
    orders, calendar = await on_facts(context, lambda facts: _orders(facts, caller, ask, first, past))
    return await asyncio.to_thread(_compare, ask, world, orders, calendar, currency)


def _currency(ask: AskWhatIf, world: _World) -> str | None:
    """What a cost is in: as told, else as at the stores. Raises ApiError: 400, where they are in several countries."""
    if ask.cost_per_hour is None or ask.cost_currency is not None:
        return ask.cost_currency
    if len(world.currencies) > 1:
        known = " and ".join(sorted(world.currencies))
        refuse([ParameterFault("costCurrency", f"costCurrency must be told: these stores have {known}")])
    return next(iter(world.currencies), None)


async def _load(c: Connection, caller: Caller, ask: AskWhatIf, first: date, past: date) -> _World:
    await find_seller(c, caller)
    found: dict[str, StoreState] = {}
    days: dict[str, Interval] = {}
    currencies: set[str] = set()
    for store in await stores.page(c, caller.seller_id, "", _MOST):
        if ask.store_ids and store.store_id not in ask.store_ids:
            continue
        zone = store.resource.zone
        window = instant_of(zone, first.toordinal(), 0), instant_of(zone, past.toordinal(), 0)
        loaded = await slots.load(c, caller.seller_id, store.store_id, (window[0], window[1] + HORIZON))
        if loaded is not None and loaded.state.scheduling_type == SchedulingType.REAL_TIME_SCHEDULING:
            found[store.store_id] = _empty(loaded.state)
            days[store.store_id] = window
            currencies.add(BY_ID[loaded.marketplace_id].currency)
    known = await services.page(c, caller.seller_id, "", _MOST)
    return _World(found, {one.asin: one for one in known}, days, frozenset(currencies))


def _empty(state: StoreState) -> StoreState:
    """The store with its hours and reservations, and no visits."""
    technicians = [each._replace(visits=()) for each in state.technicians]
    return state._replace(visits=(), waiting=(), technicians=technicians)


def _orders(
    facts: "Facts", caller: Caller, ask: AskWhatIf, first: date, past: date
) -> "tuple[list[Order], list[Order]]":
    from fieldserve.analytics.metrics import Filters
    from fieldserve.analytics.wishes import read_calendar, read_orders

    filters = Filters(first, past, facts.as_of, (caller.seller_id,), ask.store_ids)
    return read_orders(facts, filters), read_calendar(facts, filters)


def _compare(
    ask: AskWhatIf, world: _World, orders: "Sequence[Order]", before_them: "Sequence[Order]", currency: str | None
) -> WhatIf:
    wishes, found, notices = _wishes(world, orders)
    calendar, _, _ = _wishes(world, before_them)
    last = max((max(end, (wish.booked or 0) + wish.duration) for wish in wishes for _, end in wish.windows), default=0)
    other = {}
    for store_id, state in world.stores.items():
        begin, end = world.days[store_id]
        for change in ask.changes:
            state = domain.changed(store_id, state, _read(change), (begin, end), last + DAY)
        other[store_id] = state
    before, after = (domain.replay(wishes, stores, calendar) for stores in (world.stores, other))
    cost = None if ask.cost_per_hour is None else Decimal(ask.cost_per_hour)

    def figures(store_id: str | None, wishes: list[domain.Wish], calendar: list[domain.Wish]) -> WhatIfFigures:
        return _figures(store_id, wishes, calendar, found, before, after, world, other, cost, currency)

    of_stores = [
        figures(
            store_id,
            [one for one in wishes if one.store_id == store_id],
            [one for one in calendar if one.store_id == store_id],
        )
        for store_id in world.stores
    ]
    won = {job_id: render(start) for job_id, start in after.won.items() if job_id not in before.won}
    total = figures(None, wishes, calendar)
    return WhatIf(ask.first_day, ask.past_day, list(ask.changes), of_stores, total, won, notices)


def _wishes(world: _World, orders: "Sequence[Order]") -> tuple[list[domain.Wish], set[str], list[str]]:
    """What is replayed, which of it found an appointment in fact, and what is left out, in words."""
    wishes, found, out = [], set(), 0
    for order in orders:
        service, store = world.services.get(order.asin), world.stores.get(order.store_id)
        if service is None or store is None:
            out += 1
            continue
        booked = order.booked
        duration = max(service.rules.duration, booked[1] - booked[0]) if booked else service.rules.duration
        windows = [(begin, end or begin + duration) for begin, end in order.windows]
        windows = [one for one in windows if one[1] - one[0] >= duration] or [(order.at, order.at + _ANY_TIME)]
        start = booked[0] if booked else None
        wishes.append(
            domain.Wish(
                order.job_id, order.store_id, order.at, service.rules, duration, tuple(windows), start, order.given_back
            )
        )
        if order.found:
            found.add(order.job_id)
    notices = [f"{out} orders are left out: their store keeps its own calendar, or it or their service is gone."]
    return wishes, found, notices if out else []


def _read(change: ScheduleChange) -> domain.Change:
    days = frozenset(WEEKDAYS.index(one) for one in change.on) or domain.EVERY_DAY
    opens, closes = (None if one is None else minutes_of(one) * MINUTE for one in (change.opens, change.closes))
    if change.kind == "OPEN_LONGER":
        return domain.OpenLonger(opens, closes, days)
    assert change.technicians is not None, "faults were refused"
    return domain.AddTechnicians(change.technicians, days, opens, closes, frozenset(change.skills))


def _figures(
    store_id: str | None,
    wishes: Sequence[domain.Wish],
    calendar: Sequence[domain.Wish],
    found: set[str],
    before: domain.Replayed,
    after: domain.Replayed,
    world: _World,
    other: Mapping[str, StoreState],
    cost: Decimal | None,
    currency: str | None,
) -> WhatIfFigures:
    ids = {one.job_id for one in wishes}
    places = [store_id] if store_id is not None else list(world.stores)
    hours, more = (_hours(of, places, world.days) for of in (world.stores, other))
    won, lost = len(ids & after.won.keys() - before.won.keys()), len(ids & before.won.keys() - after.won.keys())
    spent = None if cost is None else cost * Decimal(more - hours) / HOUR
    cents = Decimal("0.01")
    gained = won - lost
    return WhatIfFigures(
        store_id,
        len(ids),
        len(ids & found),
        len(ids & before.won.keys()),
        len(ids & after.won.keys()),
        won,
        lost,
        _used(wishes, calendar, before, hours, world.days),
        _used(wishes, calendar, after, more, world.days),
        round(hours / HOUR, 2),
        round((more - hours) / HOUR, 2),
        None if spent is None else str(spent.quantize(cents, ROUND_HALF_EVEN)),
        None if spent is None or gained <= 0 else str((spent / gained).quantize(cents, ROUND_HALF_EVEN)),
        None if cost is None else currency,
    )


def _hours(stores: Mapping[str, StoreState], places: Sequence[str], days: Mapping[str, Interval]) -> int:
    """Hours of everybody who works at the places: who works at several is counted once."""
    seen: set[str] = set()
    total = 0
    for place in places:
        state = stores[place]
        own = [one for one in state.technicians if one.technician_id not in seen]
        seen |= {one.technician_id for one in own}
        if own or not state.technicians:
            total += domain.hours_of(state._replace(technicians=own), days[place])
    return total


def _used(
    wishes: Sequence[domain.Wish],
    calendar: Sequence[domain.Wish],
    replayed: domain.Replayed,
    hours: int,
    days: Mapping[str, Interval],
) -> float | None:
    """Time on the visits of these days by the hours of technicians."""
    starts = [(one, replayed.won.get(one.job_id)) for one in wishes] + [(one, one.booked) for one in calendar]
    taken = sum(
        one.duration
        for one, start in starts
        if one.given_back is None and start is not None and days[one.store_id][0] <= start < days[one.store_id][1]
    )
    return taken / hours if hours else None
