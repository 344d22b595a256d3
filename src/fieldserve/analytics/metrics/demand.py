"""What buyers wanted, and the capacity there was for it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fieldserve.analytics.metrics import counting
from fieldserve.analytics.metrics.registry import Filters, Metric, register

if TYPE_CHECKING:
    from ibis.expr.types import Table

    from fieldserve.analytics.engines import Facts

Expression = Callable[["Facts", Filters, tuple[str, ...]], "Table"]
_ASKED = ["SEARCH", "ORDER", "REFUSAL"]


def _demand(facts: "Facts", filters: Filters) -> "Table":
    return counting.chosen(facts["demand_facts"], filters)


def _fill(facts: "Facts", filters: Filters, group_by: tuple[str, ...]) -> "Table":
    table = _demand(facts, filters)
    return counting.share(table, group_by, table.found, (table.kind == "ORDER") & table.found.notnull())


def _lost(facts: "Facts", filters: Filters, group_by: tuple[str, ...]) -> "Table":
    table = _demand(facts, filters)
    return counting.share(table, group_by, ~table.found, table.kind.isin(_ASKED) & table.found.notnull())


def _wanted(facts: "Facts", filters: Filters, group_by: tuple[str, ...]) -> "Table":
    table = _demand(facts, filters)
    return counting.count(table.filter(table.kind.isin(["SEARCH", "PREFERENCE", "REFUSAL"])), group_by)


def _lead(facts: "Facts", filters: Filters, group_by: tuple[str, ...]) -> "Table":
    return counting.mean_minutes(counting.chosen(facts["job_facts"], filters), group_by, "lead_minutes")


def _hours(facts: "Facts", filters: Filters, resource_type: str) -> "Table":
    """The hours of stores, with `store_id`, or of technicians, with `technician_id`, of the stores asked for."""
    table = facts["capacity_facts"]
    table = table.filter(table.resource_type == resource_type)
    if resource_type == "STORE":
        return counting.chosen(table.mutate(store_id=table.resource_id), filters)
    table = table.mutate(technician_id=table.resource_id)
    if filters.technician_ids:
        table = table.filter(table.technician_id.isin(filters.technician_ids))
    if filters.store_ids:
        of = facts["store_technicians"]
        table = table.semi_join(of.filter(of.store_id.isin(filters.store_ids)), ["seller_id", "technician_id"])
    return counting.chosen(table, filters)


def _used(resource_type: str) -> Expression:
    def expression(facts: "Facts", filters: Filters, group_by: tuple[str, ...]) -> "Table":
        table = _hours(facts, filters, resource_type)
        taken = table.encumbered_minutes
        return counting.share_of_time(table, group_by, taken, taken + table.available_minutes)

    return expression


def _hours_that(resource_type: str, condition: Callable[[Any], Any]) -> Expression:
    def expression(facts: "Facts", filters: Filters, group_by: tuple[str, ...]) -> "Table":
        table = _hours(facts, filters, resource_type)
        return counting.share(table, group_by, condition(table), table.scheduled_minutes > 0)

    return expression


def _travel(facts: "Facts", filters: Filters, group_by: tuple[str, ...]) -> "Table":
    table = _hours(facts, filters, "TECHNICIAN")
    return counting.share_of_time(
        table, group_by, table.travel_minutes, table.travel_minutes + table.encumbered_minutes
    )


def _full(table: Any) -> Any:
    return table.available_minutes == 0


def _idle(table: Any) -> Any:
    return table.encumbered_minutes == 0


def _metric(
    name: str,
    title: str,
    numerator: str,
    denominator: str,
    edge_cases: str,
    source: str,
    grain: tuple[str, ...],
    expression: Expression,
    *,
    formula: str = "numerator / denominator",
    exclusions: str = "none",
    unit: str = "rate",
) -> None:
    words = (name, title, formula, numerator, denominator, exclusions, (source,), edge_cases)
    register(Metric(*words, grain, expression, unit=unit))


_RESOURCE = ("resource_id", "week_start")
_HEAT = ("weekday", "local_hour")
_metric(
    "fill_rate",
    "Orders that found an appointment",
    "orders with an appointment",
    "orders that no longer wait",
    "An order that still waits is neither filled nor lost.",
    "demand_facts",
    ("store_id", "week_start"),
    _fill,
    exclusions="orders that still wait",
)
_metric(
    "lost_demand",
    "Demand that found nothing",
    "searches without a free slot, orders without appointment, refused bookings",
    "searches, orders and refused bookings",
    "A buyer who searches thrice counts thrice.",
    "demand_facts",
    ("store_id", "week_start"),
    _lost,
    exclusions="orders that still wait",
)
_metric(
    "demand_wanted",
    "When buyers want to be visited",
    "searches, preferred windows and refused bookings",
    "the same",
    "By the hour, in the store's zone, at which the wanted window begins.",
    "demand_facts",
    ("wanted_weekday", "wanted_hour"),
    _wanted,
    formula="numerator",
    unit="count",
)
_metric(
    "lead_time",
    "From order to visit",
    "seconds from the order to the start of its first appointment",
    "jobs with an appointment",
    "A job without appointment has none.",
    "job_facts",
    ("store_id", "week_start"),
    _lead,
    formula="numerator / denominator / 60",
    exclusions="jobs without appointment",
    unit="minutes",
)
for _type, _name in (("TECHNICIAN", "technician"), ("STORE", "store")):
    _metric(
        f"{_name}_utilisation",
        f"Utilisation of {_name}s",
        "seconds taken by appointments",
        "those and the seconds still available",
        "Reserved time (vacation, breaks, travel) is in neither. Overbooked time raises both, so that 1 is the most.",
        "capacity_facts",
        _RESOURCE,
        _used(_type),
        unit="share of time",
    )
    _metric(
        f"{_name}_hours_full",
        f"Hours of {_name}s without room",
        "scheduled hours in which nothing is available",
        "scheduled hours",
        "Hours of the resource's own clock; the hour that comes twice counts twice.",
        "capacity_facts",
        _HEAT,
        _hours_that(_type, _full),
    )
    _metric(
        f"{_name}_hours_idle",
        f"Hours of {_name}s without work",
        "scheduled hours without any appointment",
        "scheduled hours",
        "Hours of the resource's own clock; the hour that comes twice counts twice.",
        "capacity_facts",
        _HEAT,
        _hours_that(_type, _idle),
    )
_metric(
    "travel_share",
    "Share of travel",
    "seconds of travel",
    "those and the seconds of appointments",
    "Travel is what reservations of that type say.",
    "capacity_facts",
    _RESOURCE,
    _travel,
    unit="share of time",
)
