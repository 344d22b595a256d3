"""A problem as PyVRP can take it, and what PyVRP made of it.

PyVRP knows vehicles, clients with one window, prizes, groups of which one is done, and profiles: matrices of their own
for some vehicles. What it does not know is put into those:

- who may do what: in the profile of a worker who may not, there is no way to the visit;
- several windows, late starts and other times than were told: a client for each, one of a group, whose ways cost more;
- another worker than was told: ways that cost more in the profiles of all others;
- an absence: a client that only its worker can visit, at its very time, where a guess says that the worker is then;
- a visit for two: two clients, whose common start a guess says;
- travel by the hour: each visit's ways are those of the hour at which a guess says that one leaves it.

Guesses come from the solution before (see solver.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyvrp

from fieldserve.planning.plan import Route
from fieldserve.planning.problem import UNREACHABLE, Problem, Seconds, Visit, Worker, may_do

Matrix = Any
"""Whole numbers between all locations, as numpy has them."""

_FAR_TIME = 1_000_000
"""Seconds of a way that there is none: beyond every window."""


@dataclass(frozen=True, slots=True)
class Guess:
    """What a solution is built on: when each visit is left, where each worker spends each absence, and which start
    those agree on who come to one visit together."""

    leaves: Mapping[str, Seconds] = field(default_factory=dict)
    anchors: Mapping[tuple[str, int], int] = field(default_factory=dict)
    together: Mapping[str, Seconds] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Task:
    """A client of the model: a stretch of a visit's starts, or (visit None) an absence of a worker."""

    place: int
    first: Seconds
    last: Seconds
    duration: Seconds
    visit: Visit | None = None
    extra: int = 0
    copy: int = 0
    worker: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """PyVRP's data, what each client stands for, and whose vehicle each type is."""

    data: pyvrp.ProblemData
    tasks: tuple[Task, ...]
    workers: tuple[Worker, ...]

    def orders(self, solution: pyvrp.Solution) -> dict[str, list[str]]:
        """Visits of each worker, in order; absences left out."""
        found: dict[str, list[str]] = {}
        for route in solution.routes():
            tasks = (self.tasks[one.idx] for one in route if one.is_client())
            ids = [one.visit.id for one in tasks if one.visit is not None]
            found[self.workers[route.vehicle_type()].id] = list(dict.fromkeys(ids))
        return found

    def solution(self, routes: Sequence[Route]) -> pyvrp.Solution:
        """Routes as a solution to begin with. Everybody's absences are in it: a search finds no place for what one
        worker alone may do, at one moment alone, but keeps it where it is."""
        used: dict[str, int] = {}
        made = []
        of = {route.worker: route for route in routes}
        for number, worker in enumerate(self.workers):
            route = of.get(worker.id)
            timeline = (
                [(stop.start, self._client(stop.visit, stop.start, used)) for stop in route.stops] if route else []
            )
            timeline += [(one.first, n) for n, one in enumerate(self.tasks) if one.worker == worker.id]
            if timeline:
                clients = [client for _, client in sorted(timeline) if client is not None]
                made.append(pyvrp.Route(self.data, clients, number))
        return pyvrp.Solution(self.data, made)

    def _client(self, visit: str, start: Seconds, used: dict[str, int]) -> int | None:
        copy = used.get(visit, 0)
        used[visit] = copy + 1
        own = [
            n
            for n, one in enumerate(self.tasks)
            if one.visit is not None and one.visit.id == visit and one.copy == copy
        ]
        return next((n for n in own if self.tasks[n].first <= start <= self.tasks[n].last), own[0] if own else None)


def model_of(problem: Problem, guess: Guess) -> Model:
    """The problem on these guesses."""
    tasks = _tasks(problem, guess)
    ends = list(dict.fromkeys(place for one in problem.workers for place in (one.start, one.end)))
    rank = {place: number for number, place in enumerate(ends)}
    places = np.array([*ends, *(one.place for one in tasks)], dtype=np.int64)
    ways, prices = _ways(problem, guess, tasks, places, len(ends))
    far_price = 10 * max((problem.penalty(one) for one in problem.visits), default=1) + 1_000_000
    prices[ways >= UNREACHABLE] = far_price
    ways = np.where(ways >= UNREACHABLE, _FAR_TIME, ways)
    prices[:, len(ends) :] += np.array([one.extra for one in tasks], dtype=np.int64)
    profiles = _Profiles(problem, tasks, rank, ways, prices, far_price)
    vehicles = [_vehicle(problem, worker, rank, profiles.of(worker)) for worker in problem.workers]
    groups, group_of = _groups(tasks)
    prize = {one.id: problem.penalty(one) // one.needs for one in problem.visits}
    break_prize = 5 * max(prize.values(), default=1)
    data = pyvrp.ProblemData(
        [pyvrp.Location(0, 0) for _ in places],
        [
            pyvrp.Client(
                len(ends) + number,
                service_duration=one.duration,
                tw_early=one.first,
                tw_late=one.last,
                prize=prize[one.visit.id] if one.visit else break_prize,
                required=False,
                group=group_of.get(number),
            )
            for number, one in enumerate(tasks)
        ],
        [pyvrp.Depot(number) for number in range(len(ends))],
        vehicles,
        profiles.prices,
        profiles.times,
        groups,
    )
    return Model(data, tuple(tasks), problem.workers)


def _tasks(problem: Problem, guess: Guess) -> list[Task]:
    found: list[Task] = []
    for visit in problem.visits:
        starts = visit.starts
        if visit.id in guess.together:
            starts = ((guess.together[visit.id], guess.together[visit.id]),)
        for copy in range(visit.needs):
            for first, last, extra in _stretches(problem, visit, starts):
                found.append(Task(visit.place, first, last, visit.duration, visit, extra, copy))
    for worker in problem.workers:
        for number, (begin, until) in enumerate(worker.off):
            # Without a guess it is left away: somewhere far off it would keep more from being done than it should.
            place = guess.anchors.get((worker.id, number))
            if place is not None:
                found.append(Task(place, begin, begin, until - begin, worker=worker.id))
    return found


def _stretches(
    problem: Problem, visit: Visit, starts: Sequence[tuple[Seconds, Seconds]]
) -> list[tuple[Seconds, Seconds, int]]:
    """The starts in stretches of like cost: as was told or not, in time or late, each priced at its middle."""
    cuts = [one + 1 for one in (visit.due,) if one is not None]
    if visit.told is not None:
        cuts += [visit.told[0], visit.told[1] + 1]
    found = []
    for first, last in starts:
        inner = sorted({cut for cut in cuts if first < cut <= last})
        for begin, end in zip([first, *inner], [*(cut - 1 for cut in inner), last], strict=True):
            middle = (begin + end) // 2
            late = 0 if visit.due is None else max(0, middle - visit.due) * problem.costs.late
            other = visit.told is not None and not visit.told[0] <= middle <= visit.told[1]
            found.append((begin, end, late + (problem.costs.other_time if other else 0)))
    return found


def _ways(problem: Problem, guess: Guess, tasks: Sequence[Task], places: Matrix, ends: int) -> tuple[Matrix, Matrix]:
    """How long it takes between all locations, each way at the hour at which it is guessed to begin, and its price."""
    travel = problem.travel
    first = min((one.shift[0] for one in problem.workers), default=0)
    leaving = [first] * ends + [
        guess.leaves.get(one.visit.id, (one.first + one.last) // 2 + one.duration) if one.visit else one.first
        for one in tasks
    ]
    matrices = [np.asarray(rows, dtype=np.int64) for rows in travel.seconds]
    ways = np.empty((len(places), len(places)), dtype=np.int64)
    for number, at in enumerate(leaving):
        ways[number] = matrices[travel.period(at)][places[number]][places]
    np.fill_diagonal(ways, 0)
    after = np.array([0] * ends + [one.visit.after if one.visit else 0 for one in tasks])
    before = np.array([0] * ends + [one.visit.before if one.visit else 0 for one in tasks])
    inner = np.maximum(after[ends:, None], before[None, ends:])
    # What has to lie between two visits beyond the way takes time, and costs nothing.
    gaps = ways.copy()
    gaps[ends:, ends:] = np.maximum(gaps[ends:, ends:], inner)
    prices = problem.costs.travel * ways + problem.costs.metre * np.asarray(travel.metres)[np.ix_(places, places)]
    return gaps, prices


class _Profiles:
    """A pair of matrices for each kind of worker: what a worker may not do is out of reach in them."""

    def __init__(
        self,
        problem: Problem,
        tasks: Sequence[Task],
        rank: Mapping[int, int],
        ways: Matrix,
        prices: Matrix,
        far_price: int,
    ):
        self._problem, self._tasks, self._rank = problem, tasks, rank
        self._ways, self._base, self._far_price = ways, prices, far_price
        self._known: dict[object, int] = {}
        self.times: list[Matrix] = []
        self.prices: list[Matrix] = []

    def of(self, worker: Worker) -> int:
        """The number of the worker's profile."""
        ends = len(self._rank)
        barred = tuple(
            ends + number
            for number, one in enumerate(self._tasks)
            if not (may_do(worker, one.visit) if one.visit else one.worker == worker.id)
        )
        other = tuple(
            ends + number
            for number, one in enumerate(self._tasks)
            if one.visit and one.visit.now and worker.id not in one.visit.now
        )
        outside = (worker.start, worker.end) if worker.commute == "outside" else None
        key = (barred, other, outside)
        if key not in self._known:
            self._known[key] = len(self.times)
            self._add(barred, other, outside)
        return self._known[key]

    def _add(self, barred: tuple[int, ...], other: tuple[int, ...], outside: tuple[int, int] | None) -> None:
        times, prices = self._ways.copy(), self._base.copy()
        if other:
            prices[:, list(other)] += self._problem.costs.other_worker
        if outside is not None:
            # The way to the first visit and from the last is driven outside the shift: it costs, and takes none of it.
            times[self._rank[outside[0]], :] = np.where(times[self._rank[outside[0]], :] >= _FAR_TIME, _FAR_TIME, 0)
            times[:, self._rank[outside[1]]] = np.where(times[:, self._rank[outside[1]]] >= _FAR_TIME, _FAR_TIME, 0)
        if barred:
            times[:, list(barred)] = _FAR_TIME
            prices[:, list(barred)] = self._far_price
        np.fill_diagonal(times, 0)
        np.fill_diagonal(prices, 0)
        self.times.append(times)
        self.prices.append(prices)


def _vehicle(problem: Problem, worker: Worker, rank: Mapping[int, int], profile: int) -> pyvrp.VehicleType:
    begin, end = worker.shift
    overtime = max(0, worker.last - end)
    return pyvrp.VehicleType(
        1,
        start_depot=rank[worker.start],
        end_depot=rank[worker.end],
        tw_early=begin,
        tw_late=worker.last,
        shift_duration=min(end, worker.last) - begin,
        max_overtime=overtime,
        unit_overtime_cost=problem.costs.overtime if overtime else 0,
        # Overtime is what lies behind the shift, so the day is measured from the shift's begin.
        start_late=begin if overtime else None,
        profile=profile,
    )


def _groups(tasks: Sequence[Task]) -> tuple[list[pyvrp.ClientGroup], dict[int, int]]:
    """Of the stretches of a visit one at most is used."""
    members: dict[tuple[str, int], list[int]] = {}
    for number, one in enumerate(tasks):
        if one.visit is not None:
            members.setdefault((one.visit.id, one.copy), []).append(number)
    several = [own for own in members.values() if len(own) > 1]
    groups = [pyvrp.ClientGroup(own, required=False) for own in several]
    return groups, {number: rank for rank, own in enumerate(several) for number in own}
