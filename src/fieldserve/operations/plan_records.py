"""What was decided, as it is kept and told: routes with their times, figures before and after, and what changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from fieldserve.domain.intervals import MINUTE, Instant, Interval
from fieldserve.operations.plan_days import Wanted
from fieldserve.operations.plan_figures import HOME, closed, driven, due, figures, span, summed
from fieldserve.operations.plan_problems import DayProblem, done_key
from fieldserve.wire.plans import LeftOut, PlanChange, PlannedDay, PlannedRoute, PlannedStop, PlanRecord
from fieldserve.wire.times import SECOND, render

_GRID = 5 * MINUTE
"""What customers are told begins and ends at such times of the clock."""


class Stop(NamedTuple):
    """A visit on a route: when the technician is there, and when work begins."""

    service_job_id: str
    arrival: Instant
    start: Instant


class Dropped(NamedTuple):
    """A visit that is left out, the rule that binds, and what would make it fit."""

    service_job_id: str
    reason: str
    message: str
    would_fit: str | None = None


@dataclass(slots=True)
class Solved:
    """What the solver decided of a day: each technician's stops in their order, and what is left out."""

    routes: dict[str, list[Stop]]
    left_out: list[Dropped]
    notices: list[str] = field(default_factory=list)


def planned_day(problem: DayProblem, solved: Solved) -> PlannedDay:
    """The day as the plan tells it, with its figures and those of what is assigned now."""
    visits = {one.service_job_id: one for one in (*problem.visits, *(one.visit for one in problem.lost))}
    teams: dict[str, list[str]] = {}
    for technician_id, stops in solved.routes.items():
        for stop in stops:
            teams.setdefault(stop.service_job_id, []).append(technician_id)
    routes = [
        _route(problem, technician_id, stops, visits, teams)
        for technician_id, stops in sorted(solved.routes.items())
        if stops
    ]
    lost = [Dropped(one.visit.service_job_id, one.reason, one.message) for one in problem.lost]
    left_out = [_left_out(one, visits[one.service_job_id]) for one in (*solved.left_out, *lost)]
    return _told(problem, routes, left_out, solved.notices)


def day_as_assigned(problem: DayProblem) -> PlannedDay:
    """The day as it is assigned now, told as a plan would: what nobody is assigned to is left out."""
    routes = as_assigned(problem)
    sent = {stop.service_job_id for route in routes for stop in route.stops}
    visits = (*problem.visits, *(one.visit for one in problem.lost))
    left_out = [
        _left_out(Dropped(one.service_job_id, "NOBODY", "Nobody is assigned to it."), one)
        for one in visits
        if one.service_job_id not in sent
    ]
    return _told(problem, routes, left_out, [])


def _told(
    problem: DayProblem, routes: list[PlannedRoute], left_out: list[LeftOut], notices: Sequence[str]
) -> PlannedDay:
    before = as_assigned(problem)
    sent = {stop.service_job_id for route in before for stop in route.stops}
    visits = {one.service_job_id for one in (*problem.visits, *(one.visit for one in problem.lost))}
    loaded = problem.loaded
    return PlannedDay(
        date=loaded.day.isoformat(),
        time_zone=loaded.zone.key,
        store_ids=[store.store_id for store in loaded.stores],
        routes=routes,
        left_out=left_out,
        without_place=problem.without_place,
        figures=figures(routes, len(left_out), problem.members),
        before=figures(before, len(visits - sent), problem.members),
        travel_source=problem.travel.source,
        late_minutes=problem.rules.late // MINUTE,
        overtime_minutes=problem.rules.overtime // MINUTE,
        notices=[*problem.notices, *notices],
    )


def as_assigned(problem: DayProblem) -> list[PlannedRoute]:
    """The routes that those have who are assigned now, each visit at its booked time or as soon as the road allows."""
    routes = []
    for member in problem.members:
        technician_id = member.technician.technician_id
        own = [one for one in problem.visits if technician_id in one.team]
        if own:
            routes.append(driven(member, own, problem.leg_of(technician_id), problem.rules.late))
    return routes


def _route(
    problem: DayProblem,
    technician_id: str,
    stops: Sequence[Stop],
    visits: Mapping[str, Wanted],
    teams: Mapping[str, list[str]],
) -> PlannedRoute:
    member = next(one for one in problem.members if one.technician.technician_id == technician_id)
    leg = problem.leg_of(technician_id)
    planned, place, leaving = [], HOME, stops[0].arrival
    done = problem.done.get(technician_id)
    if done is not None and done.end <= stops[0].start:
        place, leaving = done_key(technician_id), done.end
    for stop in stops:
        visit = visits[stop.service_job_id]
        trip = leg(place, stop.service_job_id, leaving)
        planned.append(_stop(problem, visit, stop, trip, teams[stop.service_job_id]))
        place, leaving = stop.service_job_id, stop.start + visit.duration
    return closed(member, planned, leg)


def _stop(problem: DayProblem, visit: Wanted, stop: Stop, trip: tuple[int, int], team: list[str]) -> PlannedStop:
    late = max(0, stop.start - (due(visit, problem.rules.late) or stop.start))
    # Those who are on it already keep their order, so that the same team is no change.
    ordered = [one for one in visit.team if one in team] + sorted(one for one in team if one not in visit.team)
    return PlannedStop(
        service_job_id=visit.service_job_id,
        store_id=visit.store_id,
        asin=visit.service.asin,
        arrival=render(stop.arrival),
        start=render(stop.start),
        end=render(stop.start + visit.duration),
        travel_seconds=trip[0],
        travel_metres=trip[1],
        told=span(told(visit, stop.start, problem.rules.arrival)),
        technicians=ordered,
        technicians_before=list(visit.team),
        appointment_id=visit.appointment_id,
        told_before=None if visit.told is None else span(visit.told),
        late_seconds=late // SECOND,
        pinned=visit.fixed,
        books=visit.appointment_id is None,
    )


def told(visit: Wanted, start: Instant, width: int) -> Interval:
    """The window that the customer is told: what they were told if it holds, else one that begins with the work."""
    if visit.told is not None and visit.told[0] <= start <= visit.told[1]:
        return visit.told
    first = start // _GRID * _GRID
    return first, first + width


def _left_out(dropped: Dropped, visit: Wanted) -> LeftOut:
    return LeftOut(
        service_job_id=visit.service_job_id,
        reason=dropped.reason,
        message=dropped.message,
        appointment_id=visit.appointment_id,
        technicians_before=list(visit.team),
        would_fit=dropped.would_fit,
    )


def recorded(
    plan_id: str,
    now: Instant,
    days: list[PlannedDay],
    seed: int,
    base_plan_id: str | None = None,
) -> PlanRecord:
    """The plan of all days."""
    return PlanRecord(
        plan_id=plan_id,
        status="DRAFT",
        created_at=render(now),
        first_day=min(day.date for day in days),
        store_ids=sorted({one for day in days for one in day.store_ids}),
        days=days,
        changes=changes(days),
        figures=summed([day.figures for day in days]),
        before=summed([day.before for day in days]),
        seed=seed,
        base_plan_id=base_plan_id,
    )


def changes(days: Sequence[PlannedDay]) -> list[PlanChange]:
    """What applying the plan would change, visit by visit."""
    found: dict[str, PlanChange] = {}
    for day in days:
        for route in day.routes:
            for stop in route.stops:
                what = _what(stop)
                if what and stop.service_job_id not in found:
                    found[stop.service_job_id] = PlanChange(
                        service_job_id=stop.service_job_id,
                        what=what,  # type: ignore[arg-type]
                        appointment_id=stop.appointment_id,
                        technicians=stop.technicians,
                        technicians_before=stop.technicians_before,
                        told=stop.told,
                        told_before=stop.told_before,
                    )
        for one in day.left_out:
            if one.technicians_before:
                found[one.service_job_id] = PlanChange(
                    service_job_id=one.service_job_id,
                    what=["LEFT_OUT"],
                    appointment_id=one.appointment_id,
                    technicians=[],
                    technicians_before=one.technicians_before,
                )
    return list(found.values())


def _what(stop: PlannedStop) -> list[str]:
    return [
        name
        for name, holds in (
            ("BOOKED", stop.books),
            ("TECHNICIANS", stop.technicians != stop.technicians_before),
            ("TOLD", stop.told != stop.told_before),
        )
        if holds
    ]
