"""Orders with what their buyers wanted, and what they got: what a replay of the demand begins with."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fieldserve.analytics.metrics import Filters
from fieldserve.domain.intervals import Instant, Interval

if TYPE_CHECKING:
    from fieldserve.analytics.engines import Facts

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 (as the facts have it)
_GIVEN_BACK = ("RESCHEDULED", "CANCELLED", "HELD", "PAYMENT_DECLINED", "NOT_FULFILLABLE")

_LONG_BEFORE = timedelta(days=366)


@dataclass(slots=True)
class Order:
    """An order of the period that no longer waits. `windows` are refused bookings, then what it preferred; without
    an end where none was told; `booked` is its last appointment, `given_back` when that was freed before it began."""

    job_id: str
    store_id: str
    asin: str
    at: Instant
    found: bool
    windows: list[tuple[Instant, Instant | None]] = field(default_factory=list)
    booked: Interval | None = None
    given_back: Instant | None = None


def read_orders(facts: "Facts", filters: Filters) -> list[Order]:
    """The orders that came on the filters' days, of its sellers and stores."""
    demand = facts["demand_facts"]
    demand = demand.filter(demand.kind.isin(["ORDER", "PREFERENCE", "REFUSAL"]), demand.service_job_id.notnull())
    visits = facts["appointment_facts"]
    if filters.seller_ids:
        demand = demand.filter(demand.seller_id.isin(filters.seller_ids))
        visits = visits.filter(visits.seller_id.isin(filters.seller_ids))
    orders: dict[str, Order] = {}
    wanted = []
    for one in demand.order_by(demand.at, demand.demand_id).to_pyarrow().to_pylist():
        if one["kind"] != "ORDER":
            wanted.append(one)
        elif _counts(one, filters):
            order = Order(one["service_job_id"], one["store_id"], one["asin"], _instant(one["at"]), one["found"])
            orders[order.job_id] = order
    for one in sorted(wanted, key=lambda one: one["kind"], reverse=True):  # a refusal before a preference
        if (of := orders.get(one["service_job_id"])) is not None:
            end = one["wanted_end"]
            of.windows.append((_instant(one["wanted_start"]), None if end is None else _instant(end)))
    for one in visits.order_by(visits.visit_number).to_pyarrow().to_pylist():
        if (of := orders.get(one["service_job_id"])) is not None:
            _note(of, one)
    return list(orders.values())


def read_calendar(facts: "Facts", filters: Filters) -> list[Order]:
    """What stood on the calendar beside those orders: each appointment of the filters' days and later whose order came
    before them, also one that was cancelled or rescheduled; `at` is when it was booked, `job_id` its own id."""
    demand, visits = facts["demand_facts"], facts["appointment_facts"]
    if filters.seller_ids:
        demand = demand.filter(demand.seller_id.isin(filters.seller_ids))
        visits = visits.filter(visits.seller_id.isin(filters.seller_ids))
    if filters.store_ids:
        visits = visits.filter(visits.store_id.isin(filters.store_ids))
    later = demand.filter(demand.kind == "ORDER", demand.local_date >= filters.since)
    ids = set(later.service_job_id.to_pyarrow().to_pylist())
    found = []
    visits = visits.filter(visits.local_date >= filters.since - timedelta(days=1))  # it may last past midnight
    for one in visits.order_by(visits.appointment_id).to_pyarrow().to_pylist():
        if one["service_job_id"] not in ids:
            at = one["booked_at"] or one["promised_start"] - _LONG_BEFORE  # not known of a mirrored one
            order = Order(one["appointment_id"], one["store_id"], one["asin"], _instant(at), True)
            _note(order, one)
            found.append(order)
    return found


def _counts(order: dict[str, Any], filters: Filters) -> bool:
    """An order of these days and stores that no longer waits."""
    wanted = not filters.store_ids or order["store_id"] in filters.store_ids
    return wanted and order["found"] is not None and filters.since <= order["local_date"] < filters.until


def _note(order: Order, visit: dict[str, Any]) -> None:
    order.booked = (_instant(visit["promised_start"]), _instant(visit["promised_end"]))
    freed = visit["outcome"] in _GIVEN_BACK and visit["ended_at"] is not None
    ended = _instant(visit["ended_at"]) if freed else None
    order.given_back = ended if ended is not None and ended < order.booked[0] else None


def _instant(moment: datetime) -> Instant:
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return (moment - _EPOCH) // timedelta(microseconds=1)
