"""When everything on a route happens: each visit as early as all rules allow."""

from collections.abc import Mapping, Sequence

from fieldserve.planning.plan import Route, Stop
from fieldserve.planning.problem import UNREACHABLE, Problem, Seconds, Span, Visit, Worker


def timed(
    problem: Problem, worker: Worker, visits: Sequence[Visit], together: Mapping[str, Seconds] | None = None
) -> Route | str | None:
    """The route through the visits in that order; the id of the first that cannot be, or None if it is the way back.

    `together` are starts that are agreed with others who come to the same visit."""
    place, free, after = worker.start, worker.shift[0], 0
    stops: list[Stop] = []
    for visit in visits:
        way = problem.travel.time(place, visit.place, free)
        if way >= UNREACHABLE:
            return visit.id
        starts = visit.starts
        if together and visit.id in together:
            starts = ((together[visit.id], together[visit.id]),)
        if not stops:
            # Who commutes outside the shift may be at the first visit as soon as it begins.
            arrival = earliest = free if worker.commute == "outside" else driven(free, way, worker.off)
        else:
            arrival = driven(free, way, worker.off)
            earliest = max(arrival, free + max(after, visit.before))
        start = _first_start(worker, visit, starts, earliest)
        if start is None:
            return visit.id
        if not stops:
            free, way, arrival = _first_leg(problem, worker, place, visit.place, start, arrival)
        metres = problem.travel.metres[place][visit.place]
        stops.append(Stop(visit.id, free, arrival, start, start + visit.duration, way, metres))
        place, free, after = visit.place, start + visit.duration, visit.after
    return _closed(problem, worker, stops, place, free)


def _first_leg(
    problem: Problem, worker: Worker, origin: int, target: int, start: Seconds, arrival: Seconds
) -> tuple[Seconds, Seconds, Seconds]:
    """When to leave for the first visit, how long the way is then, and when one is there: nobody leaves too early."""
    way = at_once = problem.travel.time(origin, target, worker.shift[0])
    leaves = start - way
    # Whoever leaves earlier may meet other traffic; a way that is too long then asks for leaving earlier still.
    for _ in problem.travel.begins:
        longer = problem.travel.time(origin, target, leaves)
        if longer <= way:
            way = longer
            break
        way, leaves = longer, start - longer
    if worker.commute == "outside":
        return leaves, way, leaves + way
    if leaves >= worker.shift[0] and driven(leaves, way, worker.off) <= start:
        return leaves, way, driven(leaves, way, worker.off)
    return worker.shift[0], at_once, arrival


def _closed(problem: Problem, worker: Worker, stops: list[Stop], place: int, free: Seconds) -> Route | None:
    if not stops:
        return Route(worker.id, (), worker.shift[0], 0, 0, 0)
    way = problem.travel.time(place, worker.end, free)
    back = driven(free, way, worker.off)
    over = free if worker.commute == "outside" else back
    if way >= UNREACHABLE or over > worker.last:
        return None
    metres = problem.travel.metres[place][worker.end]
    return Route(worker.id, tuple(stops), back, way, metres, max(0, over - worker.shift[1]))


def driven(leaves: Seconds, way: Seconds, off: Sequence[Span]) -> Seconds:
    """When somebody arrives who pauses while off."""
    at, left = leaves, way
    for begin, until in off:
        if until <= at:
            continue
        if at + left <= begin:
            break
        left -= max(0, begin - at)
        at = until
    return at + left


def _first_start(worker: Worker, visit: Visit, starts: Sequence[Span], earliest: Seconds) -> Seconds | None:
    """The earliest start in one of the stretches that leaves the work outside what is off, and within the day."""
    best: Seconds | None = None
    for first, last in starts:
        start = max(first, earliest)
        for begin, until in worker.off:
            if start < until and start + visit.duration > begin:
                start = until
        if start <= last and start + visit.duration <= worker.last and (best is None or start < best):
            best = start
    return best
