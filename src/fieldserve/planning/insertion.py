"""What one visit more would add to a day, exactly: for repairs, explanations and slots."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fieldserve.planning.plan import Route
from fieldserve.planning.problem import UNREACHABLE, Problem, Seconds, Visit, Worker, may_do
from fieldserve.planning.timing import driven, timed


@dataclass(frozen=True, slots=True)
class Insertion:
    """A place for a visit on somebody's day: behind how many others, when it would begin, and the seconds of travel
    that it adds. `route` is the day with it."""

    worker: str
    position: int
    start: Seconds
    added: Seconds
    route: Route


def insertions(
    problem: Problem,
    orders: Mapping[str, Sequence[str]],
    visit: Visit,
    *,
    together: Mapping[str, Seconds] | None = None,
    crew: Sequence[Worker] | None = None,
) -> Iterator[Insertion]:
    """Every place that breaks no rule, the visits there are kept in their order. It may push later ones back within
    their windows. `crew` stands for the problem's workers, with other hours, say."""
    for worker in problem.workers if crew is None else crew:
        if not may_do(worker, visit):
            continue
        own = [problem.visit[one] for one in orders.get(worker.id, ()) if one != visit.id]
        now = timed(problem, worker, own, together)
        if not isinstance(now, Route):
            continue
        for position in _possible(problem, now, own, visit):
            tried = timed(problem, worker, [*own[:position], visit, *own[position:]], together)
            if isinstance(tried, Route):
                yield Insertion(worker.id, position, tried.stops[position].start, tried.travel - now.travel, tried)


def _possible(problem: Problem, now: Route, own: Sequence[Visit], visit: Visit) -> Iterator[int]:
    """Positions that are not ruled out at a glance: behind what ends too late, before what cannot wait that long."""
    if not visit.starts:
        return
    first, last = min(one[0] for one in visit.starts), max(one[1] for one in visit.starts)
    for position in range(len(own) + 1):
        if position:
            before = now.stops[position - 1]
            way = problem.travel.time(own[position - 1].place, visit.place, before.end)
            if before.end + way > last:
                return  # whoever comes later is done later still
        if position < len(own) and max(one[1] for one in own[position].starts) < first + visit.duration:
            continue
        yield position


@dataclass(frozen=True, slots=True)
class Offer:
    """A start at which somebody could do a visit, and the least travel that it adds to whose day."""

    start: Seconds
    added: Seconds
    worker: str


def ranked(
    problem: Problem, orders: Mapping[str, Sequence[str]], visit: Visit, starts: Sequence[Seconds]
) -> list[Offer]:
    """The starts at which somebody could come without moving anything that is planned, those that add least travel
    first.

    Each visit there is stays at its start; so what is offered can be booked whatever else is planned later."""
    offers = []
    for worker in problem.workers:
        if not may_do(worker, visit):
            continue
        own = [problem.visit[one] for one in orders.get(worker.id, ())]
        route = timed(problem, worker, own)
        if not isinstance(route, Route):
            continue
        offers += [offer for start in starts if (offer := _offer(problem, route, visit, start)) is not None]
    best: dict[Seconds, Offer] = {}
    for offer in sorted(offers, key=lambda one: (one.added, one.worker)):
        best.setdefault(offer.start, offer)
    return sorted(best.values(), key=lambda one: (one.added, one.start))


def _offer(problem: Problem, route: Route, visit: Visit, start: Seconds) -> Offer | None:
    """The start between the two stops around it, if both ways fit. Only these two matter: the rest stands."""
    worker, travel = problem.worker[route.worker], problem.travel
    position = bisect_left(route.stops, start, key=lambda stop: stop.start)
    end = start + visit.duration
    if (
        start < worker.shift[0]
        or end > worker.last
        or any(start < until and end > begin for begin, until in worker.off)
    ):
        return None
    before = route.stops[position - 1] if position else None
    after = route.stops[position] if position < len(route.stops) else None
    origin = problem.visit[before.visit].place if before else worker.start
    target = problem.visit[after.visit].place if after else worker.end
    there = travel.time(origin, visit.place, before.end if before else start)
    back = travel.time(visit.place, target, end)
    if before is not None:
        gap = max(problem.visit[before.visit].after, visit.before)
        if driven(before.end, there, worker.off) > start or before.end + gap > start:
            return None
    elif there >= UNREACHABLE or (worker.commute == "inside" and driven(worker.shift[0], there, worker.off) > start):
        return None
    there_by = driven(end, back, worker.off)
    if after is not None:
        gap = max(visit.after, problem.visit[after.visit].before)
        if there_by > after.start or end + gap > after.start:
            return None
    elif back >= UNREACHABLE or (worker.commute == "inside" and there_by > worker.last):
        return None
    straight = after.travel if after else route.return_travel
    if not route.stops:
        straight = 0
    return Offer(start, there + back - straight, route.worker)
