"""What one visit more would add to a day, exactly: for repairs, explanations and slots."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from fieldserve.planning.plan import Route
from fieldserve.planning.problem import Problem, Seconds, Visit, may_do
from fieldserve.planning.timing import timed


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
    workers: Sequence[str] | None = None,
) -> Iterator[Insertion]:
    """Every place that breaks no rule, the visits there are kept in their order. It may push later ones back within
    their windows."""
    for worker in problem.workers:
        if not may_do(worker, visit) or (workers is not None and worker.id not in workers):
            continue
        own = [problem.visit[one] for one in orders.get(worker.id, ()) if one != visit.id]
        now = timed(problem, worker, own, together)
        if not isinstance(now, Route):
            continue
        for position in range(len(own) + 1):
            tried = timed(problem, worker, [*own[:position], visit, *own[position:]], together)
            if isinstance(tried, Route):
                yield Insertion(worker.id, position, tried.stops[position].start, tried.travel - now.travel, tried)


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
    """The start between the two stops around it, if both ways fit. Only the neighbours matter: the rest stands."""
    worker = problem.worker[route.worker]
    position = sum(stop.start < start for stop in route.stops)
    near = route.stops[max(0, position - 1) : position + 1]
    around = [replace(problem.visit[one.visit], windows=((one.start, one.start),), fixed=None) for one in near]
    at = replace(visit, windows=((start, start),), fixed=None, due=None)
    rank = min(position, 1)
    tried = timed(problem, worker, [*around[:rank], at, *around[rank:]])
    if not isinstance(tried, Route):
        return None
    before = timed(problem, worker, around)
    assert isinstance(before, Route), "the stops of a route fit"
    added = tried.travel - before.travel
    return Offer(start, added, route.worker)
