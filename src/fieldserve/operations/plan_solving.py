"""Between a day and the solver: the day in the solver's terms, and what it decided in ours.

The solver counts whole seconds from the local midnight of the day. It works in a thread beside the server's own, and is
imported when it is first asked.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fieldserve.domain.capacity import Visit as Taken
from fieldserve.domain.intervals import HOUR, Instant, union
from fieldserve.domain.schedules import instant_of
from fieldserve.domain.slots import capacity_at
from fieldserve.operations.plan_days import Member, Wanted
from fieldserve.operations.plan_figures import due
from fieldserve.operations.plan_problems import DayProblem, done_key
from fieldserve.operations.plan_records import Dropped, Solved, Stop
from fieldserve.wire.times import SECOND

if TYPE_CHECKING:  # brings numpy and PyVRP
    from fieldserve.planning import Plan, Problem, Visit, Worker

Told = Callable[[str, float], None]
"""Hears what is being done, and which share of all is."""

STAYING = 60
"""Seconds of driving that it is worth, in a new plan, that a visit stays with whoever has it."""
_DONE = done_key("")


def never() -> bool:
    """Nobody ends the search."""
    return False


@dataclass(frozen=True, slots=True)
class Effort:
    """How long the solver may search: seconds, or iterations where they are given; the seed of its chance, and on how
    many cores. `cancelled` is asked now and then: the best plan so far is then the answer."""

    seconds: float
    iterations: int | None
    seed: int
    cores: int = 1
    cancelled: Callable[[], bool] = never

    def part(self, share: float) -> "Effort":
        """The share of the seconds that a part gets, at least half of one. Iterations are for each part."""
        return replace(self, seconds=max(0.5, self.seconds * share))


def untold_share(_: float) -> None:
    """Nobody listens."""


async def solve_day(
    problem: DayProblem, effort: Effort, told: Callable[[float], None] = untold_share, *, keeping: bool = False
) -> Solved:
    """What the solver makes of a day; `keeping`, what customers were told and who comes is dear to change."""
    if not problem.visits:
        return Solved({}, [])
    plan = await asyncio.to_thread(_solve, to_problem(problem, keeping=keeping), effort, current_order(problem), told)
    broken = {one.visit: one.message for one in plan.left_out}
    stays = [one for one in problem.visits if one.fixed and one.service_job_id in broken]
    if stays:
        # They stay as they are, and whoever has them is busy meanwhile: once more, around them.
        for one in stays:
            message = broken[one.service_job_id]
            problem.notices.append(f"{one.service_job_id} stays with {', '.join(one.team)}, though {message}.")
            for technician_id in one.team:
                assert one.booked is not None, "what is fixed is booked"
                problem.busy.setdefault(technician_id, []).append(one.booked)
        problem.visits = [one for one in problem.visits if one not in stays]
        return await solve_day(problem, effort, told, keeping=keeping)
    return _with_room(problem, from_plan(problem, plan))


def _solve(problem: "Problem", effort: Effort, order: dict[str, list[str]], told: Callable[[float], None]) -> "Plan":
    from fieldserve import planning
    from fieldserve.planning.engine import engine

    counted = effort.iterations is not None
    stop = planning.Effort(None if counted else effort.seconds, effort.iterations, time.monotonic, effort.cancelled)
    with engine(effort.cores) as cores:
        return planning.solve(
            problem, stop, effort.seed, start=order, progress=lambda heard: told(heard.share), on=cores
        )


# ---- a day in the solver's terms


def to_problem(problem: DayProblem, *, keeping: bool) -> "Problem":
    """The day as the solver takes it."""
    from fieldserve.planning import Costs, Problem, Travel

    hours = sorted(problem.travel.seconds)
    ordinal = problem.loaded.day.toordinal()
    begins = tuple(_seconds(problem, instant_of(problem.loaded.zone, ordinal, hour * HOUR)) for hour in hours)
    travel = Travel(begins, tuple(problem.travel.seconds[hour] for hour in hours), problem.travel.metres)
    known = {one.technician.technician_id for one in problem.members}
    visits = [_visit(problem, one, known) for one in problem.visits]
    visits += [_done(problem, technician_id) for technician_id in sorted(problem.done) if technician_id in known]
    workers = tuple(_worker(problem, one) for one in problem.members)
    costs = Costs() if keeping else Costs(other_worker=STAYING)
    return Problem(workers, tuple(visits), travel, costs)


def _seconds(problem: DayProblem, instant: Instant) -> int:
    return (instant - problem.loaded.window[0]) // SECOND


def _worker(problem: DayProblem, member: Member) -> "Worker":
    from fieldserve.planning import Worker

    one = member.technician
    start, end = member.shift
    busy = [(max(begin, start), min(until, end)) for begin, until in problem.busy.get(one.technician_id, ())]
    off = union(sorted([*member.off, *((begin, until) for begin, until in busy if begin < until)]))
    home = problem.rank("", one.technician_id)
    return Worker(
        one.technician_id,
        home,
        home,
        (_seconds(problem, start), _seconds(problem, end)),
        tuple((_seconds(problem, begin), _seconds(problem, until)) for begin, until in off),
        frozenset(one.skills),
        frozenset(one.service_location_types),
        frozenset(one.store_ids),
        problem.rules.overtime // SECOND,
    )


def _visit(problem: DayProblem, one: Wanted, known: set[str]) -> "Visit":
    from fieldserve.planning import Visit

    team = frozenset(one.team) & known
    latest = due(one, problem.rules.late)
    fixed = one.fixed and one.booked is not None and bool(team)
    return Visit(
        one.service_job_id,
        problem.rank(one.service_job_id, ""),
        tuple((_seconds(problem, first), _seconds(problem, last)) for first, last in one.windows),
        one.duration // SECOND,
        one.service.rules.skills,
        one.service.service_location_type,
        one.store_id,
        len(team) if fixed else max(1, len(one.team)),
        one.priority,
        team if fixed else frozenset(),
        _seconds(problem, one.booked[0]) if fixed and one.booked else None,
        fixed,
        one.buffers[0] // SECOND,
        one.buffers[1] // SECOND,
        None if latest is None else _seconds(problem, latest),
        None if one.told is None else (_seconds(problem, one.told[0]), _seconds(problem, one.told[1])),
        frozenset(one.team),
    )


def _done(problem: DayProblem, technician_id: str) -> "Visit":
    """The last that a technician has done already: from there the rest of the day begins."""
    from fieldserve.planning import Visit

    one = problem.done[technician_id]
    start = _seconds(problem, one.start)
    duration = max(1, _seconds(problem, one.end) - start)
    return Visit(
        done_key(technician_id),
        problem.ranks[done_key(technician_id)],
        ((start, start),),
        duration,
        pinned=frozenset({technician_id}),
        fixed=start,
        frozen=True,
    )


def current_order(problem: DayProblem) -> dict[str, list[str]]:
    """Who goes where now, in the order of time: what the search begins with."""
    found: dict[str, list[str]] = {}
    for one in sorted(problem.visits, key=lambda one: (one.windows[0], one.service_job_id)):
        for technician_id in one.team:
            found.setdefault(technician_id, []).append(one.service_job_id)
    known = {one.technician.technician_id for one in problem.members}
    return {technician_id: order for technician_id, order in found.items() if technician_id in known}


# ---- what it decided


def from_plan(problem: DayProblem, plan: "Plan") -> Solved:
    """The solver's plan in instants, without what was done already."""
    origin = problem.loaded.window[0]
    routes: dict[str, list[Stop]] = {}
    for route in plan.routes:
        stops = [
            Stop(one.visit, origin + one.arrival * SECOND, origin + one.start * SECOND)
            for one in route.stops
            if not one.visit.startswith(_DONE)
        ]
        if stops:
            routes[route.worker] = stops
    visits = {one.service_job_id for one in problem.visits}
    left_out = [
        Dropped(one.visit, one.rule, one.message, one.would_fit) for one in plan.left_out if one.visit in visits
    ]
    return Solved(routes, left_out, list(plan.notices))


def _with_room(problem: DayProblem, solved: Solved) -> Solved:
    """Without those that would be booked where the store is full: the solver knows its people, not its capacity."""
    visits = {one.service_job_id: one for one in problem.visits}
    states = {store_id: state._replace(technicians=(), waiting=()) for store_id, state in problem.loaded.states.items()}
    starts = {stop.service_job_id: stop.start for stops in solved.routes.values() for stop in stops}
    full: set[str] = set()
    for job_id, start in sorted(starts.items(), key=lambda item: (item[1], item[0])):
        visit = visits[job_id]
        if visit.booked is not None:
            continue
        state = states[visit.store_id]
        # The notice was looked at when its windows were made.
        rules = visit.service.rules._replace(notice=0)
        if capacity_at(rules, state, start, visit.duration, start - 1) < 1:
            full.add(job_id)
            continue
        taken = Taken(start, start + visit.duration, *visit.buffers)
        states[visit.store_id] = state._replace(visits=[*state.visits, taken])
    if not full:
        return solved
    routes = {
        technician_id: kept
        for technician_id, stops in solved.routes.items()
        if (kept := [stop for stop in stops if stop.service_job_id not in full])
    }
    dropped = [
        Dropped(one, "CAPACITY", "The store has no capacity left at that time.", "more capacity of the store")
        for one in sorted(full)
    ]
    return Solved(routes, [*solved.left_out, *dropped], solved.notices)
