"""What a plan comes to, and what is assigned now comes to, by the same measure."""

from collections.abc import Callable, Iterable, Sequence

from fieldserve.domain.intervals import Instant, Interval
from fieldserve.operations.plan_days import Member, Wanted
from fieldserve.wire.plans import Figures, PlannedRoute, PlannedStop, TimeSpan
from fieldserve.wire.times import SECOND, parse, render

Leg = Callable[[str, str, Instant], tuple[int, int]]
"""Seconds and metres from one visit to another (or "home" of the technician), leaving at an instant."""

HOME = ""


def span(interval: Interval) -> TimeSpan:
    """As the wire tells it."""
    return TimeSpan(render(interval[0]), render(interval[1]))


def due(visit: Wanted, tolerance: int) -> Instant | None:
    """The last instant at which work begins on time: the end of what the customer was told, or the booked start and
    the tolerance, in microseconds. None where nothing is booked."""
    if visit.told is not None:
        return visit.told[1]
    return None if visit.booked is None else visit.booked[0] + tolerance


def driven(member: Member, visits: Sequence[Wanted], leg: Leg, tolerance: int) -> PlannedRoute:
    """The day of a technician who goes to the visits at their booked times, or as soon after as the road allows."""
    ordered = sorted(visits, key=lambda one: (one.booked or one.windows[0], one.service_job_id))
    stops: list[PlannedStop] = []
    place, leaving = HOME, ordered[0].booked[0] if ordered and ordered[0].booked else member.shift[0]
    free: Instant | None = None
    for visit in ordered:
        booked = visit.booked or visit.windows[0]
        seconds, metres = leg(place, visit.service_job_id, leaving if free is None else free)
        # Whoever comes from home comes in time.
        arrival = booked[0] if free is None else max(free + seconds * SECOND, booked[0])
        begins = max(arrival, booked[0])
        ends = begins + visit.duration
        late = max(0, begins - (due(visit, tolerance) or begins))
        stops.append(_stop(visit, arrival, begins, ends, (seconds, metres), late // SECOND))
        place, free = visit.service_job_id, ends
    return closed(member, stops, leg)


def _stop(
    visit: Wanted, arrival: Instant, begins: Instant, ends: Instant, trip: tuple[int, int], late: int
) -> PlannedStop:
    return PlannedStop(
        service_job_id=visit.service_job_id,
        store_id=visit.store_id,
        asin=visit.service.asin,
        arrival=render(arrival),
        start=render(begins),
        end=render(ends),
        travel_seconds=trip[0],
        travel_metres=trip[1],
        told=span(visit.told or (begins, begins)),
        technicians=list(visit.team),
        technicians_before=list(visit.team),
        appointment_id=visit.appointment_id,
        told_before=None if visit.told is None else span(visit.told),
        late_seconds=late,
    )


def closed(member: Member, stops: list[PlannedStop], leg: Leg) -> PlannedRoute:
    """The route of the stops: from home in time for the first, and back after the last."""
    last = parse(stops[-1].end)
    home_seconds, home_metres = leg(stops[-1].service_job_id, HOME, last)
    leaves = parse(stops[0].arrival) - stops[0].travel_seconds * SECOND
    work = sum((parse(one.end) - parse(one.start)) // SECOND for one in stops)
    return PlannedRoute(
        technician_id=member.technician.technician_id,
        leaves=render(leaves),
        returns=render(last + home_seconds * SECOND),
        stops=stops,
        breaks=[span(one) for one in member.off],
        travel_seconds=sum(one.travel_seconds for one in stops) + home_seconds,
        travel_metres=sum(one.travel_metres for one in stops) + home_metres,
        return_seconds=home_seconds,
        return_metres=home_metres,
        work_seconds=work,
        overtime_seconds=max(0, last - member.shift[1]) // SECOND,
    )


def figures(routes: Iterable[PlannedRoute], left_out: int, members: Sequence[Member]) -> Figures:
    """Of one day. `fairness` is Jain's index of the time at work and on the road over all who are on duty."""
    routes = list(routes)
    visits: dict[str, PlannedStop] = {stop.service_job_id: stop for route in routes for stop in route.stops}
    late = [one.late_seconds for one in visits.values()]
    load = {one.technician_id: one.work_seconds + one.travel_seconds for one in routes}
    shares = [load.get(one.technician.technician_id, 0) for one in members]
    on_duty = sum(one.on_duty for one in members) // SECOND
    return Figures(
        visits=len(visits) + left_out,
        assigned=len(visits),
        unassigned=left_out,
        technicians=len(routes),
        travel_seconds=sum(one.travel_seconds for one in routes),
        travel_metres=sum(one.travel_metres for one in routes),
        late_seconds=sum(late),
        overtime_seconds=sum(one.overtime_seconds for one in routes),
        on_time=_share(sum(not one for one in late), len(late)),
        utilisation=_share(sum(one.work_seconds for one in routes), on_duty),
        fairness=_jain(shares),
    )


def summed(days: Sequence[Figures]) -> Figures:
    """Of several days: sums, and of the shares the mean, each day by its visits."""
    visits = sum(one.visits for one in days)

    def mean(name: str) -> float:
        total = sum(getattr(one, name) * max(one.visits, 1) for one in days)
        return round(total / sum(max(one.visits, 1) for one in days), 4) if days else 1.0

    def total(name: str) -> int:
        return sum(getattr(one, name) for one in days)

    return Figures(
        visits=visits,
        assigned=total("assigned"),
        unassigned=total("unassigned"),
        technicians=total("technicians"),
        travel_seconds=total("travel_seconds"),
        travel_metres=total("travel_metres"),
        late_seconds=total("late_seconds"),
        overtime_seconds=total("overtime_seconds"),
        on_time=mean("on_time"),
        utilisation=mean("utilisation"),
        fairness=mean("fairness"),
    )


def _share(part: float, whole: float) -> float:
    return round(part / whole, 4) if whole else 1.0


def _jain(shares: Sequence[int]) -> float:
    squares = sum(one * one for one in shares)
    return round(sum(shares) ** 2 / (len(shares) * squares), 4) if squares else 1.0
