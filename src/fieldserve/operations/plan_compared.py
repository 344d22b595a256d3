"""Two plans of the same days beside each other, or one beside what is assigned now: figures, and visits that differ."""

from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

from fieldserve.operations.plan_figures import summed
from fieldserve.operations.planning import days_as_assigned
from fieldserve.operations.plans import get_plan
from fieldserve.operations.run import Caller, Context
from fieldserve.wire.plans import Figures, PlannedDay, PlannedRoute, PlanRecord
from fieldserve.wire.times import SECOND, Instant, parse


class Incomparable(Exception):
    """Plans that are not of the same days and stores: their figures say nothing about each other."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of two. `plan` is None for what is assigned now. `idle_seconds` are between visits, neither on the road nor
    off duty; `paid_seconds` from leaving home until being back, without what is off duty."""

    plan: PlanRecord | None
    days: list[PlannedDay]
    figures: Figures
    idle_seconds: int
    paid_seconds: int

    def cost(self, hour: Decimal, kilometre: Decimal) -> Decimal:
        """What the time and the road cost at these prices."""
        return hour * self.paid_seconds / 3600 + kilometre * self.figures.travel_metres / 1000


@dataclass(frozen=True, slots=True)
class Placed:
    """Who goes to a visit, and when work begins; nobody and None where it is left out."""

    technicians: tuple[str, ...] = ()
    start: Instant | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """A visit that the two sides treat differently, on a day by its rank among them."""

    day: int
    service_job_id: str
    one: Placed
    other: Placed


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both sides, and what differs, by day and time."""

    one: Side
    other: Side
    differences: list[Difference] = field(default_factory=list)

    @property
    def moved(self) -> set[str]:
        """Ids of the jobs whose visits differ."""
        return {one.service_job_id for one in self.differences}


async def compare_days(context: Context, caller: Caller, plan_id: str, other_id: str | None) -> Comparison:
    """The plan beside another of the same days and stores, the older one first; without another, what is assigned now
    beside the plan. Raises ApiError: NO_SELLER, NO_PLAN, TOO_MUCH_TO_PLAN; Incomparable."""
    plan = await get_plan(context, caller, plan_id)
    if other_id is None:
        days = await days_as_assigned(context, caller, plan)
        return _compared(_side(None, days), _side(plan, plan.days))
    other = await get_plan(context, caller, other_id)
    if _about(plan) != _about(other):
        raise Incomparable
    one, two = sorted((plan, other), key=lambda each: each.created_at)
    return _compared(_side(one, one.days), _side(two, two.days))


def _about(plan: PlanRecord) -> list[tuple[str, tuple[str, ...]]]:
    return [(day.date, tuple(sorted(day.store_ids))) for day in plan.days]


def _compared(one: Side, other: Side) -> Comparison:
    found = []
    for rank, (first, second) in enumerate(zip(one.days, other.days, strict=True)):
        before, after = _placed(first), _placed(second)
        for job_id in before.keys() | after.keys():
            was, will = before.get(job_id, Placed()), after.get(job_id, Placed())
            if was != will:
                found.append(Difference(rank, job_id, was, will))
    found.sort(key=lambda each: (each.day, each.other.start or each.one.start or 0, each.service_job_id))
    return Comparison(one, other, found)


def _placed(day: PlannedDay) -> dict[str, Placed]:
    found = {one.service_job_id: Placed() for one in day.left_out}
    for route in day.routes:
        for stop in route.stops:
            found[stop.service_job_id] = Placed(tuple(sorted(stop.technicians)), parse(stop.start))
    return found


def _side(plan: PlanRecord | None, days: list[PlannedDay]) -> Side:
    routes = [route for day in days for route in day.routes]
    return Side(plan, days, summed([day.figures for day in days]), sum(map(_idle, routes)), sum(map(_paid, routes)))


def _idle(route: PlannedRoute) -> int:
    """Seconds between visits that are neither driven nor off duty."""
    idle = 0
    for before, stop in pairwise(route.stops):
        gap = (parse(before.end), parse(stop.start))
        idle += max(0, (gap[1] - gap[0] - _off(route, *gap)) // SECOND - stop.travel_seconds)
    return idle


def _paid(route: PlannedRoute) -> int:
    away = (parse(route.leaves), parse(route.returns))
    return (away[1] - away[0] - _off(route, *away)) // SECOND


def _off(route: PlannedRoute, start: Instant, end: Instant) -> int:
    """Microseconds off duty within the time."""
    return sum(max(0, min(end, parse(one.end)) - max(start, parse(one.start))) for one in route.breaks)
