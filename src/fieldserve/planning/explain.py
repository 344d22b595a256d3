"""Why a plan is as it is: what keeps visits out, and what else could be."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from fieldserve.planning.insertion import insertions
from fieldserve.planning.plan import LeftOut, Route, Stop
from fieldserve.planning.problem import UNREACHABLE, Problem, Seconds, Visit, Worker, may_do, mismatches
from fieldserve.planning.timing import timed

_WORDS = {
    "PINNED": "it is pinned to others",
    "SKILLS": "no skill for it",
    "LOCATION_TYPE": "does not work at such places",
    "STORE": "does not work for its store",
    "HOURS": "not on duty when it has to begin",
    "TRAVEL": "no road leads there in time",
    "CAPACITY": "the day is full",
}
_ASKED = (900, 1_800, 3_600, 7_200, 14_400)


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another worker or time for a visit: what it would cost more than the plan does, in seconds of travel."""

    worker: str
    start: Seconds
    extra: Seconds


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a visit is where it is. `others` are the next best, `refused` says of each other worker what keeps them."""

    visit: str
    worker: str | None
    stop: Stop | None
    others: tuple[Alternative, ...]
    refused: Mapping[str, str]


def explain(problem: Problem, routes: Sequence[Route], visit_id: str, most: int = 3) -> Explanation:
    """What decides about one visit of a plan. Raises KeyError for one that the problem does not have."""
    visit = problem.visit[visit_id]
    own = [(route.worker, stop) for route in routes for stop in route.stops if stop.visit == visit_id]
    without = {route.worker: [stop.visit for stop in route.stops if stop.visit != visit_id] for route in routes}
    together = _together(problem, routes)
    here = _added(problem, routes, own, visit_id)
    best: dict[str, Alternative] = {}
    for found in insertions(problem, without, visit, together=together):
        extra = found.added - here
        if (found.worker not in best or extra < best[found.worker].extra) and found.worker not in {w for w, _ in own}:
            best[found.worker] = Alternative(found.worker, found.start, extra)
    refused = {
        one.id: _why_not(problem, one, visit)
        for one in problem.workers
        if one.id not in best and one.id not in {worker for worker, _ in own}
    }
    others = sorted(best.values(), key=lambda one: (one.extra, one.worker))[:most]
    worker, stop = own[0] if own else (None, None)
    return Explanation(visit_id, worker, stop, tuple(others), refused)


def _added(problem: Problem, routes: Sequence[Route], own: Sequence[tuple[str, Stop]], visit_id: str) -> Seconds:
    """The travel that the visit adds to the day of the first who does it."""
    for route in routes:
        if own and route.worker == own[0][0]:
            rest = [problem.visit[stop.visit] for stop in route.stops if stop.visit != visit_id]
            without = timed(problem, problem.worker[route.worker], rest)
            if isinstance(without, Route):
                return route.travel - without.travel
    return 0


def _together(problem: Problem, routes: Sequence[Route]) -> dict[str, Seconds]:
    return {stop.visit: stop.start for route in routes for stop in route.stops if problem.visit[stop.visit].needs > 1}


def _why_not(problem: Problem, worker: Worker, visit: Visit) -> str:
    """In words, what keeps a worker from a visit."""
    found = mismatches(worker, visit)
    rule = found[0] if found else _rule_of_time(problem, worker, visit)
    told = _WORDS[rule]
    if rule == "SKILLS":
        told = f"lacks {', '.join(sorted(visit.skills - worker.skills))}"
    return told


def _rule_of_time(problem: Problem, worker: Worker, visit: Visit) -> str:
    """HOURS where an empty day would not do it, TRAVEL where the road is what fails, else CAPACITY."""
    if isinstance(timed(problem, worker, [visit]), Route):
        return "CAPACITY"
    way = problem.travel.time(worker.start, visit.place, worker.shift[0])
    nearby = replace(visit, place=worker.start)
    return "TRAVEL" if way >= UNREACHABLE or isinstance(timed(problem, worker, [nearby]), Route) else "HOURS"


def reasons(problem: Problem, routes: Sequence[Route]) -> Iterator[LeftOut]:
    """Each visit that is on no route, with the rule that binds and what would make it fit."""
    planned = {stop.visit for route in routes for stop in route.stops}
    orders = {route.worker: [stop.visit for stop in route.stops] for route in routes}
    for visit in problem.visits:
        if visit.id not in planned:
            rule, message = _binding(problem, visit)
            yield LeftOut(visit.id, rule, message, _would_fit(problem, orders, visit) if rule != "WINDOW" else None)


def _binding(problem: Problem, visit: Visit) -> tuple[str, str]:
    if not visit.starts:
        return "WINDOW", "its fixed start lies in none of its windows"
    able = [one for one in problem.workers if may_do(one, visit)]
    if len(able) < visit.needs:
        return _nobody(problem, visit)
    rules = [_rule_of_time(problem, one, visit) for one in able]
    fit = sum(rule == "CAPACITY" for rule in rules)
    if fit >= visit.needs:
        if visit.needs > 1:
            return "TEAM", f"{visit.needs} are needed at once, and no time suits as many"
        return "CAPACITY", "all who could do it have other visits then"
    rule = "TRAVEL" if "TRAVEL" in rules else "HOURS"
    words = {"TRAVEL": "nobody who could do it can be there in time", "HOURS": "nobody who could do it is on duty then"}
    return rule, words[rule]


def _nobody(problem: Problem, visit: Visit) -> tuple[str, str]:
    """The rule that keeps the most workers out, of those that keep somebody out by themselves."""
    kept = [mismatches(one, visit) for one in problem.workers]
    alone = [found[0] for found in kept if len(found) == 1]
    every = alone or [rule for found in kept for rule in found]
    rule = max(sorted(set(every)), key=every.count) if every else "HOURS"
    words = {
        "PINNED": "those whom it is pinned to cannot do it",
        "SKILLS": f"nobody has what it needs: {', '.join(sorted(visit.skills))}",
        "LOCATION_TYPE": f"nobody works at such places: {visit.location}",
        "STORE": f"nobody works for its store: {visit.store}",
        "HOURS": "nobody is there to be sent",
    }
    return rule, words[rule]


def _would_fit(problem: Problem, orders: Mapping[str, Sequence[str]], visit: Visit) -> str | None:
    """The least change that makes room: a later or earlier start, or overtime of somebody."""
    if visit.needs > 1:
        return None
    for more in _ASKED:
        wider = replace(
            visit, windows=tuple((first - more, last + more) for first, last in visit.starts), fixed=None, frozen=False
        )
        found = min(insertions(problem, orders, wider), key=lambda it: (it.added, it.worker), default=None)
        if found is not None:
            way = "later" if found.start > visit.starts[-1][1] else "earlier"
            return f"{found.worker} could come if it began {_moved(visit, found.start)} minutes {way}"
        crew = tuple(replace(w, overtime=w.overtime + more, longest=None) for w in problem.workers)
        found = min(insertions(problem, orders, visit, crew=crew), key=lambda it: (it.added, it.worker), default=None)
        if found is not None:
            return f"{found.worker} could come with up to {more // 60} minutes more of overtime"
    able = [w for w in problem.workers if not may_do(w, visit) and mismatches(w, visit) == ["SKILLS"]]
    if able and (lacking := min((sorted(visit.skills - w.skills), w.id) for w in able)):
        return f"{lacking[1]} would fit with {', '.join(lacking[0])}"
    return None


def _moved(visit: Visit, start: Seconds) -> int:
    """By how many minutes a start lies outside what is allowed."""
    return -(-min(min(abs(start - first), abs(start - last)) for first, last in visit.starts) // 60)
