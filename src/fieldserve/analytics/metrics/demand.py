"""What buyers wanted, and the capacity there was for it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from fieldserve.analytics.metrics import counting
from fieldserve.analytics.metrics.registry import Filters, Metric, Rows, Tally, register

if TYPE_CHECKING:
    from ibis.expr.types import Table

    from fieldserve.analytics.engines import Facts

_ASKED = ["SEARCH", "ORDER", "REFUSAL"]
_WISHES = ["PREFERENCE", "REFUSAL"]


def _demand(facts: "Facts", filters: Filters, group_by: tuple[str, ...]) -> "Table":
    return _skilled(counting.chosen(facts["demand_facts"], filters), facts["service_skills"], "asin", group_by)


def _jobs(facts: "Facts", filters: Filters, group_by: tuple[str, ...]) -> "Table":
    return _skilled(counting.chosen(facts["job_facts"], filters), facts["service_skills"], "asin", group_by)


def _skilled(table: "Table", skills: "Table", key: str, group_by: tuple[str, ...]) -> "Table":
    """By skill, each row for every skill that its service needs, or its technician has."""
    if "skill" not in group_by:
        return table
    return table.inner_join(skills.select("seller_id", key, "skill"), ["seller_id", key])


def _store_hours(facts: "Facts", filters: Filters, _: tuple[str, ...]) -> "Table":
    """The hours of stores, with `store_id`."""
    table = facts["capacity_facts"]
    table = table.filter(table.resource_type == "STORE")
    return counting.chosen(table.mutate(store_id=table.resource_id), filters)


def _technician_hours(facts: "Facts", filters: Filters, group_by: tuple[str, ...]) -> "Table":
    """The hours of technicians, with `technician_id`, of the stores asked for."""
    table = facts["capacity_facts"]
    table = table.filter(table.resource_type == "TECHNICIAN")
    table = table.mutate(technician_id=table.resource_id)
    if filters.technician_ids:
        table = table.filter(table.technician_id.isin(filters.technician_ids))
    if filters.store_ids:
        of = facts["store_technicians"]
        table = table.semi_join(of.filter(of.store_id.isin(filters.store_ids)), ["seller_id", "technician_id"])
    return _skilled(counting.chosen(table, filters), facts["technician_skills"], "technician_id", group_by)


def _fill(table: "Table", _: Filters) -> Tally:
    return counting.share(table.found, (table.kind == "ORDER") & table.found.notnull())


def _lost(table: "Table", _: Filters) -> Tally:
    return counting.share(~table.found, table.kind.isin(_ASKED) & table.found.notnull())


def _wanted(table: "Table", _: Filters) -> Tally:
    return counting.count(table.kind.isin(_WISHES))


def _lead(table: "Table", _: Filters) -> Tally:
    return counting.mean_minutes(table.lead_minutes)


def _used(table: "Table", _: Filters) -> Tally:
    taken = table.encumbered_minutes
    return counting.share_of_time(taken, taken + table.available_minutes)


def _full(table: "Table", _: Filters) -> Tally:
    return counting.share(table.available_minutes == 0, table.scheduled_minutes > 0)


def _idle(table: "Table", _: Filters) -> Tally:
    return counting.share(table.encumbered_minutes == 0, table.scheduled_minutes > 0)


def _travel(table: "Table", _: Filters) -> Tally:
    return counting.share_of_time(table.travel_minutes, table.travel_minutes + table.encumbered_minutes)


def _metric(
    name: str,
    title: str,
    numerator: str,
    denominator: str,
    edge_cases: str,
    source: str,
    grain: tuple[str, ...],
    rows: Rows,
    tally: "Callable[[Table, Filters], Tally]",
    *,
    formula: str = "numerator / denominator",
    exclusions: str = "none",
    unit: str = "rate",
    per: int | None = 1,
) -> None:
    sources = (source, *_SKILLS[rows]) if rows in _SKILLS else (source,)
    words = (name, title, formula, numerator, denominator, exclusions, sources, edge_cases)
    register(Metric(*words, grain, rows, tally, unit=unit, per=per))


_SKILLS = {_demand: ("service_skills",), _jobs: ("service_skills",), _technician_hours: ("technician_skills",)}
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
    _demand,
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
    _demand,
    _lost,
    exclusions="orders that still wait",
)
_metric(
    "demand_wanted",
    "When buyers want to be visited",
    "preferred windows and refused bookings",
    "the same",
    "By the hour, in the store's zone, at which the window begins. A search shows days, and wants no hour of them.",
    "demand_facts",
    ("wanted_weekday", "wanted_hour"),
    _demand,
    _wanted,
    formula="numerator",
    unit="count",
    per=None,
)
_metric(
    "lead_time",
    "From order to visit",
    "seconds from the order to the start of its first appointment",
    "jobs with an appointment",
    "A job without appointment has none.",
    "job_facts",
    ("store_id", "week_start"),
    _jobs,
    _lead,
    formula="numerator / denominator / 60",
    exclusions="jobs without appointment",
    unit="minutes",
    per=60,
)
for _rows, _name in ((_technician_hours, "technician"), (_store_hours, "store")):
    _metric(
        f"{_name}_utilisation",
        f"Utilisation of {_name}s",
        "seconds taken by appointments",
        "those and the seconds still available",
        "Reserved time (vacation, breaks, travel) is in neither. Overbooked time raises both, so that 1 is the most.",
        "capacity_facts",
        _RESOURCE,
        _rows,
        _used,
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
        _rows,
        _full,
    )
    _metric(
        f"{_name}_hours_idle",
        f"Hours of {_name}s without work",
        "scheduled hours without any appointment",
        "scheduled hours",
        "Hours of the resource's own clock; the hour that comes twice counts twice.",
        "capacity_facts",
        _HEAT,
        _rows,
        _idle,
    )
_metric(
    "travel_share",
    "Share of travel",
    "seconds of travel",
    "those and the seconds of appointments",
    "Travel is what reservations of that type say.",
    "capacity_facts",
    _RESOURCE,
    _technician_hours,
    _travel,
    unit="share of time",
)
