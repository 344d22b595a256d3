"""What was decided, and what it comes to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fieldserve.planning.problem import Problem, Seconds


@dataclass(frozen=True, slots=True)
class Stop:
    """A visit on a route: the worker leaves the place before, drives `travel` seconds over `metres`, is there at
    `arrival` and works from `start` to `end`."""

    visit: str
    leaves: Seconds
    arrival: Seconds
    start: Seconds
    end: Seconds
    travel: Seconds
    metres: int

    @property
    def waits(self) -> Seconds:
        """How long the worker waits at the place."""
        return self.start - self.arrival


@dataclass(frozen=True, slots=True)
class Route:
    """The day of one worker. `returns` is when they are back at the end's place, `overtime` work behind the shift."""

    worker: str
    stops: tuple[Stop, ...]
    returns: Seconds
    return_travel: Seconds
    return_metres: int
    overtime: Seconds

    @property
    def travel(self) -> Seconds:
        """Seconds on the road, the ways from and to the ends of the day included."""
        return sum(one.travel for one in self.stops) + self.return_travel

    @property
    def metres(self) -> int:
        return sum(one.metres for one in self.stops) + self.return_metres


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A visit that nobody is sent to. `rule` is what binds: WINDOW, PINNED, SKILLS, LOCATION_TYPE, STORE, HOURS,
    TRAVEL, TEAM or CAPACITY; `message` says it in words, `would_fit` what would make it fit, where something would."""

    visit: str
    rule: str
    message: str
    would_fit: str | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """What a plan costs, in the units of `Costs`, by what for."""

    travel: int
    overtime: int
    late: int
    changed: int
    left_out: int

    @property
    def total(self) -> int:
        return self.travel + self.overtime + self.late + self.changed + self.left_out


@dataclass(frozen=True, slots=True)
class Figures:
    """A plan in numbers. `on_time` is the share of planned visits that begin by when they are due, `utilisation` work
    as a share of the time on duty, `fairness` Jain's index of work and travel over all on duty (1: all alike)."""

    visits: int
    assigned: int
    unassigned: int
    workers: int
    travel: Seconds
    metres: int
    overtime: Seconds
    late: Seconds
    on_time: float
    utilisation: float
    fairness: float


@dataclass(frozen=True)
class Plan:
    """Routes of those who have visits, by worker, and what is left out. `notices` are what a reader should know."""

    routes: tuple[Route, ...]
    left_out: tuple[LeftOut, ...]
    notices: tuple[str, ...] = ()
    stops: Mapping[str, tuple[tuple[str, Stop], ...]] = field(init=False, repr=False, compare=False)
    """Worker and stop of each visit that is planned, by its id."""

    def __post_init__(self) -> None:
        found: dict[str, list[tuple[str, Stop]]] = {}
        for route in self.routes:
            for stop in route.stops:
                found.setdefault(stop.visit, []).append((route.worker, stop))
        object.__setattr__(self, "stops", {name: tuple(several) for name, several in found.items()})

    def order(self) -> dict[str, list[str]]:
        """The ids of each worker's visits, in order: what a later plan can begin with."""
        return {route.worker: [stop.visit for stop in route.stops] for route in self.routes}


def cost_of(problem: Problem, routes: Sequence[Route]) -> Cost:
    """What the routes cost, and all that is on none of them."""
    costs = problem.costs
    starts: dict[str, Seconds] = {}
    crews: dict[str, set[str]] = {}
    for route in routes:
        for stop in route.stops:
            starts[stop.visit] = stop.start
            crews.setdefault(stop.visit, set()).add(route.worker)
    late = changed = left_out = 0
    for visit in problem.visits:
        if visit.id not in starts:
            left_out += problem.penalty(visit)
            continue
        start = starts[visit.id]
        if visit.due is not None:
            late += costs.late * max(0, start - visit.due)
        if visit.told is not None and not visit.told[0] <= start <= visit.told[1]:
            changed += costs.other_time
        if visit.now:
            changed += costs.other_worker * len(crews[visit.id] - visit.now)
    return Cost(
        sum(costs.travel * one.travel + costs.metre * one.metres for one in routes),
        sum(costs.overtime * one.overtime for one in routes),
        late,
        changed,
        left_out,
    )


def figures_of(problem: Problem, plan: Plan) -> Figures:
    """The plan in numbers."""
    late = []
    for visit in problem.visits:
        if visit.id in plan.stops:
            start = plan.stops[visit.id][0][1].start
            late.append(0 if visit.due is None else max(0, start - visit.due))
    work = {route.worker: sum(stop.end - stop.start for stop in route.stops) for route in plan.routes}
    road = {route.worker: route.travel for route in plan.routes}
    loads = [work.get(one.id, 0) + road.get(one.id, 0) for one in problem.workers]
    squares = sum(load * load for load in loads)
    on_duty = sum(one.on_duty for one in problem.workers)
    return Figures(
        visits=len(problem.visits),
        assigned=len(late),
        unassigned=len(problem.visits) - len(late),
        workers=len(plan.routes),
        travel=sum(road.values()),
        metres=sum(one.metres for one in plan.routes),
        overtime=sum(one.overtime for one in plan.routes),
        late=sum(late),
        on_time=sum(not one for one in late) / len(late) if late else 1.0,
        utilisation=sum(work.values()) / on_duty if on_duty else 0.0,
        fairness=sum(loads) ** 2 / (len(loads) * squares) if squares else 1.0,
    )
