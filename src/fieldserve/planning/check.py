"""Every hard rule once more, from the problem and the plan alone; shares no code with what makes plans."""

from collections.abc import Iterator

from fieldserve.planning.plan import Plan, Route, Stop
from fieldserve.planning.problem import UNREACHABLE, Problem, Visit, Worker


def broken(problem: Problem, plan: Plan) -> list[str]:
    """What of the plan breaks a rule, in words; an empty list is a plan that can be driven."""
    return [*_accounted(problem, plan), *_teams(problem, plan), *_days(problem, plan)]


def _accounted(problem: Problem, plan: Plan) -> Iterator[str]:
    """Every visit is planned or left out, none both, none is made up; a worker has one route."""
    known = {one.id for one in problem.visits}
    planned = [stop.visit for route in plan.routes for stop in route.stops]
    left = [one.visit for one in plan.left_out]
    for visit in (set(planned) | set(left)) - known:
        yield f"{visit} is no visit of the problem"
    for visit in known:
        if (visit in planned) == (visit in left):
            yield f"{visit} is {'both planned and left out' if visit in planned else 'neither planned nor left out'}"
    if len(left) != len(set(left)):
        yield "a visit is left out twice"
    workers = [route.worker for route in plan.routes]
    if len(workers) != len(set(workers)) or set(workers) - {one.id for one in problem.workers}:
        yield "a route is nobody's, or somebody has two"


def _teams(problem: Problem, plan: Plan) -> Iterator[str]:
    """As many as needed, all at once, each of whom may; pinned ones those who are named."""
    for visit in problem.visits:
        crew = [(route.worker, stop) for route in plan.routes for stop in route.stops if stop.visit == visit.id]
        if not crew:
            continue
        who = {worker for worker, _ in crew}
        if len(crew) != visit.needs or len(who) != visit.needs:
            yield f"{visit.id} needs {visit.needs} and gets {len(crew)}"
        if len({stop.start for _, stop in crew}) > 1:
            yield f"those who come to {visit.id} do not begin together"
        if visit.pinned and who != visit.pinned:
            yield f"{visit.id} is pinned to {sorted(visit.pinned)} and done by {sorted(who)}"
        if not visit.frozen:
            yield from _fit(problem, visit, who)
        yield from _time(visit, crew[0][1])


def _fit(problem: Problem, visit: Visit, who: set[str]) -> Iterator[str]:
    for worker in problem.workers:
        if worker.id not in who:
            continue
        if not visit.skills.issubset(worker.skills):
            yield f"{worker.id} lacks a skill of {visit.id}"
        if visit.location and visit.location not in worker.locations:
            yield f"{worker.id} does not work at places like that of {visit.id}"
        if visit.store and visit.store not in worker.stores:
            yield f"{worker.id} does not work for the store of {visit.id}"


def _time(visit: Visit, stop: Stop) -> Iterator[str]:
    if visit.fixed is not None and stop.start != visit.fixed:
        yield f"{visit.id} begins at another time than the one it is fixed to"
    if visit.windows and not any(first <= stop.start <= last for first, last in visit.windows):
        yield f"{visit.id} begins outside its windows"
    if stop.end - stop.start != visit.duration:
        yield f"{visit.id} does not last as long as it takes"


def _days(problem: Problem, plan: Plan) -> Iterator[str]:
    for route in plan.routes:
        worker = next((one for one in problem.workers if one.id == route.worker), None)
        if worker is not None and route.stops:
            yield from _day(problem, worker, route)


def _day(problem: Problem, worker: Worker, route: Route) -> Iterator[str]:
    """The worker is at one place at a time, drives between them, is on duty while working, and back in time."""
    limit = worker.shift[1] + worker.overtime
    if worker.longest is not None:
        limit = min(limit, worker.shift[0] + worker.longest)
    visits = {one.id: one for one in problem.visits}
    place, before, end = worker.start, None, None
    for stop in route.stops:
        if (visit := visits.get(stop.visit)) is None:
            return  # told already
        if stop.start < worker.shift[0] or stop.end > limit:
            yield f"{worker.id} works on {visit.id} outside the shift"
        if any(stop.start < until and stop.end > begin for begin, until in worker.off):
            yield f"{worker.id} works on {visit.id} while off"
        way = problem.travel.time(place, visit.place, stop.leaves)
        if way >= UNREACHABLE:
            yield f"no road leads {worker.id} to {visit.id}"
        if stop.travel != way or stop.metres != problem.travel.metres[place][visit.place]:
            yield f"the way of {worker.id} to {visit.id} is told wrong"
        if stop.arrival > stop.start or _driving(worker, stop.leaves, stop.arrival, before is None) < way:
            yield f"{worker.id} cannot be at {visit.id} in time"
        if before is None and worker.commute == "inside" and stop.leaves < worker.shift[0]:
            yield f"{worker.id} leaves for {visit.id} before the shift begins"
        if before is not None and end is not None:
            if stop.leaves < end:
                yield f"{worker.id} leaves {before.id} before it is done"
            if stop.start - end < max(before.after, visit.before):
                yield f"too little lies between {before.id} and {visit.id}"
        place, before, end = visit.place, visit, stop.end
    assert end is not None
    yield from _back(problem, worker, route, place, end, limit)


def _back(problem: Problem, worker: Worker, route: Route, place: int, end: int, limit: int) -> Iterator[str]:
    way = problem.travel.time(place, worker.end, end)
    if way >= UNREACHABLE or route.return_travel != way:
        yield f"the way back of {worker.id} is told wrong"
    if _driving(worker, end, route.returns, False) < way:
        yield f"{worker.id} cannot be back in time"
    over = route.returns if worker.commute == "inside" else end
    if worker.commute == "inside" and route.returns > limit:
        yield f"{worker.id} is back too late"
    if route.overtime != max(0, over - worker.shift[1]):
        yield f"the overtime of {worker.id} is told wrong"


def _driving(worker: Worker, leaves: int, arrives: int, first: bool) -> int:
    """How much of the time between can be driven: nobody drives while off, but for who has not begun the day yet."""
    if first and worker.commute == "outside":
        return arrives - leaves
    return arrives - leaves - sum(max(0, min(until, arrives) - max(begin, leaves)) for begin, until in worker.off)
