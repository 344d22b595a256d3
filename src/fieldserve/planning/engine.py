"""PyVRP on several cores, working on one best solution.

Small problems are searched by every core from the best solution known, each with a seed of its own, and the best of
them is where all go on. Large ones are cut: neighbouring routes together make a part of a hundred and some visits, in
which PyVRP makes many times more steps a second than in the whole; parts that share no route are searched side by side
and put together, and the next cut is another.

With a number of iterations, and not of seconds, the same seed gives the same solution on the same number of cores.
"""

import multiprocessing
import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyvrp
from pyvrp import IteratedLocalSearchParams, ProblemData, Solution, SolveParams
from pyvrp.search import LocalSearch, NeighbourhoodParams, PerturbationManager, compute_neighbours

PART = 160
"""Visits that a part has, about."""
WHOLE = 240
"""Up to that many visits nothing is cut."""
ROUNDS = 12
"""Into that many rounds the time is cut, between which the cores tell each other what they found."""

SHORT = 2.0
"""Seconds below which this process searches alone: handing a large problem to others takes half a second each time."""

MOST_STEPS = 5_000
"""So many iterations a round at most: between rounds progress is told, and somebody may cancel."""
FIRST = 0.1
"""The share of the time in which a large problem is searched whole, before it is cut: at first that gains most."""

Clock = Callable[[], float]
Better = Callable[[Solution, float], bool]
"""Hears of each better solution and which share of the time is gone; False ends the search."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How long to search: seconds by a clock that only goes forward, or iterations, or both (what comes first)."""

    seconds: float | None
    iterations: int | None
    clock: Clock

    def __post_init__(self) -> None:
        if self.seconds is None and self.iterations is None:
            raise ValueError("a search needs an end: seconds or iterations")


class Engine:
    """Searches on `cores` processes; 1 searches in this one. Open it with `engine`."""

    def __init__(self, cores: int, pool: ProcessPoolExecutor | None):
        self.cores = cores
        self._pool = pool

    def each(self, tasks: Sequence["_Task"]) -> list[list[list[Any]]]:
        """The routes that each task ends with, in their order."""
        if self._pool is None or len(tasks) == 1:
            return [_searched(one) for one in tasks]
        return list(self._pool.map(_searched, tasks))


@contextmanager
def engine(cores: int = 1) -> Iterator[Engine]:
    """An engine whose processes are there already: they take a moment to come up."""
    if cores <= 1:
        yield Engine(1, None)
        return
    # Spawned, not forked: the caller's threads and connections stay where they are.
    with ProcessPoolExecutor(cores, multiprocessing.get_context("spawn")) as pool:
        list(pool.map(_warm, range(cores)))
        yield Engine(cores, pool)


def _warm(number: int) -> int:
    return number


def search(
    data: ProblemData,
    budget: Budget,
    seed: int,
    on: Engine,
    start: Solution | None = None,
    better: Better | None = None,
) -> Solution:
    """The best solution found within the budget, `start` or better. KeyboardInterrupt ends it with the best so far."""
    begun = budget.clock()
    if budget.seconds is not None and budget.seconds < SHORT:
        on = Engine(1, None)
    best = start or _first(data, seed)
    cost = _cost(best)
    chance = random.Random(seed)
    cut = data.num_clients > WHOLE
    spent = 0
    told = better is None or better(best, 0.0)
    try:
        for number in range(10**9):
            left = _left(budget, begun, spent)
            if left is None or not told:
                break
            slice_ = _slice(budget, left, number, cut)
            if cut and number:
                tasks, rest = _parts(data, best, slice_, chance, on.cores)
            else:
                tasks, rest = [_Task(data, _plain(best), slice_, chance.getrandbits(30)) for _ in range(on.cores)], None
            spent += slice_.iterations or 0
            found = _merged(data, best, on.each(tasks), tasks, rest)
            if _cost(found) < cost:
                best, cost = found, _cost(found)
            told = better is None or better(best, _share(budget, begun, spent))
    except KeyboardInterrupt:
        pass
    return best


@dataclass(frozen=True, slots=True)
class _Slice:
    seconds: float | None
    iterations: int | None


@dataclass(frozen=True, slots=True)
class _Task:
    """A problem to search from routes on: visits by number, and the vehicle type of each route."""

    data: ProblemData
    routes: list[list[Any]]
    slice: _Slice
    seed: int
    visits: tuple[int, ...] = ()
    types: tuple[int, ...] = ()


def _left(budget: Budget, begun: float, spent: int) -> tuple[float | None, int | None] | None:
    seconds = None if budget.seconds is None else budget.seconds - (budget.clock() - begun)
    iterations = None if budget.iterations is None else budget.iterations - spent
    if (seconds is not None and seconds < 0.02) or (iterations is not None and iterations <= 0):
        return None
    return seconds, iterations


def _slice(budget: Budget, left: tuple[float | None, int | None], number: int, cut: bool) -> _Slice:
    """The next round's share. Cut problems are cut anew often, and at first more often: much is easily found."""
    rounds = ROUNDS * 4 if cut else ROUNDS
    if budget.seconds is not None and budget.seconds < SHORT:
        rounds = 1  # each begins with looking for neighbours, which takes a while, too
    seconds, iterations = left
    if seconds is not None and budget.seconds is not None:
        seconds = min(seconds, max(0.15, budget.seconds / rounds))
        if cut and not number:
            seconds = min(left[0] or 0.0, max(budget.seconds * FIRST, 0.3), 0.6)
    if iterations is not None and budget.iterations is not None:
        iterations = min(iterations, MOST_STEPS, max(50, budget.iterations // rounds))
    return _Slice(seconds, iterations)


def _share(budget: Budget, begun: float, spent: int) -> float:
    shares = []
    if budget.seconds:
        shares.append((budget.clock() - begun) / budget.seconds)
    if budget.iterations:
        shares.append(spent / budget.iterations)
    return min(1.0, max(shares, default=0.0))


def _cost(solution: Solution) -> tuple[bool, int]:
    """What is compared: a solution that breaks something is worse than any that does not."""
    value = solution.distance_cost() + solution.duration_cost() + solution.fixed_vehicle_cost()
    broken = solution.time_warp() + solution.excess_distance() + sum(solution.excess_load())
    return (not solution.is_feasible(), value + solution.uncollected_prizes() + broken)


def _first(data: ProblemData, seed: int) -> Solution:
    """A first solution: any, and one exhaustive search from there."""
    chance = pyvrp.RandomNumberGenerator(seed)
    return descended(data, Solution.make_random(data, chance), seed)


def descended(data: ProblemData, start: Solution, seed: int) -> Solution:
    """The nearest solution below which no single step leads further down: a start that is poor, or empty, filled up."""
    params = _params(data)
    search = LocalSearch(
        data,
        pyvrp.RandomNumberGenerator(seed),
        compute_neighbours(data, params.neighbourhood),
        PerturbationManager(params.perturbation),
    )
    for operator in params.operators:
        if operator.supports(data):
            search.add_operator(operator(data))
    penalties = pyvrp.PenaltyManager(params.penalty.midpoint_penalties(data), params.penalty)
    return search(start, penalties.max_cost_evaluator(), exhaustive=True)


def _params(data: ProblemData) -> SolveParams:
    size = data.num_clients
    return SolveParams(
        ils=IteratedLocalSearchParams(exhaustive_on_best=size <= WHOLE, history_length=300 if size > 80 else 150),
        neighbourhood=NeighbourhoodParams(num_neighbours=40 if size > 80 else 60),
    )


def _searched(task: _Task) -> list[list[Any]]:
    """In a process of its own, maybe: PyVRP from the routes on, for as long as the slice says."""
    stops: list[Any] = []
    if task.slice.seconds is not None:
        stops.append(pyvrp.stop.MaxRuntime(task.slice.seconds))
    if task.slice.iterations is not None:
        stops.append(pyvrp.stop.MaxIterations(task.slice.iterations))
    stop = stops[0] if len(stops) == 1 else pyvrp.stop.MultipleCriteria(stops)
    start = _solution(task.data, task.routes)
    result = pyvrp.solve(
        task.data, stop, seed=task.seed, collect_stats=False, params=_params(task.data), initial_solution=start
    )
    best = result.best if _cost(result.best) <= _cost(start) else start
    return _plain(best)


def _plain(solution: Solution) -> list[list[Any]]:
    """Routes as (vehicle type, visits): what crosses from one process to another, and from a part to the whole."""
    return [[route.vehicle_type(), [one.idx for one in route if one.is_client()]] for route in solution.routes()]


def _solution(data: ProblemData, routes: Sequence[Sequence[Any]]) -> Solution:
    return Solution(data, [pyvrp.Route(data, visits, vehicle_type) for vehicle_type, visits in routes if visits])


# ---- cutting a large problem, and putting it together again


def _parts(
    data: ProblemData, best: Solution, slice_: _Slice, chance: random.Random, cores: int
) -> tuple[list[_Task], list[list[Any]]]:
    """Tasks of neighbouring routes, one for each core, and the routes that are in none of them."""
    routes = _plain(best)
    locations = np.array([(one.x, one.y) for one in data.locations()])
    clients = data.clients()
    middles = np.array([locations[[clients[v].location for v in visits]].mean(axis=0) for _, visits in routes])
    free = list(range(len(routes)))
    missing = _missing(data, best, routes)
    chosen: list[list[int]] = []
    for _ in range(cores):
        if not free:
            break
        seed = chance.choice(free)
        near = sorted(free, key=lambda one: float(((middles[one] - middles[seed]) ** 2).sum()))
        part, size = [], 0
        for one in near:
            part.append(one)
            size += len(routes[one][1])
            if size >= PART:
                break
        chosen.append(part)
        free = [one for one in free if one not in set(part)]
    spare = _spare(data, routes)
    tasks = []
    for number, part in enumerate(chosen):
        extra = missing[number :: len(chosen)]
        task = _part(data, [routes[one] for one in part], extra, spare, len(chosen), slice_, chance.getrandbits(30))
        tasks.append(task)
    return tasks, [routes[one] for one in free]


def _missing(data: ProblemData, best: Solution, routes: Sequence[Sequence[Any]]) -> list[int]:
    """Visits that nobody makes; of a group that nobody makes one, and none of a group of which one is made."""
    clients = data.clients()
    done = {clients[v].group for _, visits in routes for v in visits}
    found = []
    for one in best.unplanned():
        group = clients[one.idx].group if one.is_client() else None
        if one.is_client() and (group is None or group not in done):
            found.append(one.idx)
            done.add(group)
    return found


def _spare(data: ProblemData, routes: Sequence[Sequence[Any]]) -> list[int]:
    """How many vehicles of each type nobody uses."""
    spare = [one.num_available for one in data.vehicle_types()]
    for vehicle_type, _ in routes:
        spare[vehicle_type] -= 1
    return spare


def _part(
    data: ProblemData,
    routes: Sequence[Sequence[Any]],
    extra: Sequence[int],
    spare: Sequence[int],
    parts: int,
    slice_: _Slice,
    seed: int,
) -> _Task:
    """The problem of these routes alone, with their vehicles and a share of those that nobody uses."""
    visits = [v for _, own in routes for v in own]
    visits += [v for v in extra if v not in set(visits)]
    visits = _with_groups(data, visits)
    counts = [spare[number] // parts for number in range(len(spare))]
    for vehicle_type, _ in routes:
        counts[vehicle_type] += 1
    types = [number for number, count in enumerate(counts) if count]
    all_types, depots, clients = data.vehicle_types(), data.depots(), data.clients()
    used = sorted({d for number in types for d in (all_types[number].start_depot, all_types[number].end_depot)})
    places = list(dict.fromkeys([depots[d].location for d in used] + [clients[v].location for v in visits]))
    rank = {place: number for number, place in enumerate(places)}
    depot_rank = {depot: number for number, depot in enumerate(used)}
    grid = np.ix_(places, places)
    profiles = list(dict.fromkeys(all_types[number].profile for number in types))
    groups, group_of = _groups(data, visits)
    part = ProblemData(
        [data.locations()[place] for place in places],
        [_client(clients[v], rank, group_of.get(v)) for v in visits],
        [_depot(depots[d], rank) for d in used],
        [
            all_types[number].replace(
                num_available=counts[number],
                start_depot=depot_rank[all_types[number].start_depot],
                end_depot=depot_rank[all_types[number].end_depot],
                profile=profiles.index(all_types[number].profile),
            )
            for number in types
        ],
        [_cut(data.distance_matrix(profile), grid) for profile in profiles],
        [_cut(data.duration_matrix(profile), grid) for profile in profiles],
        groups,
    )
    where = {v: number for number, v in enumerate(visits)}
    inside = [[types.index(vehicle_type), [where[v] for v in own]] for vehicle_type, own in routes]
    return _Task(part, inside, slice_, seed, tuple(visits), tuple(types))


def _cut(matrix: Any, grid: Any) -> Any:
    return matrix[grid]


def _with_groups(data: ProblemData, visits: list[int]) -> list[int]:
    """The visits, and with each of a group all of its group: one of them is to be done."""
    groups, clients = data.groups(), data.clients()
    found = dict.fromkeys(visits)
    for v in visits:
        group = clients[v].group
        if group is not None:
            found.update(dict.fromkeys(groups[group].clients))
    return list(found)


def _groups(data: ProblemData, visits: Sequence[int]) -> tuple[list[Any], dict[int, int]]:
    where = {v: number for number, v in enumerate(visits)}
    made: list[Any] = []
    of: dict[int, int] = {}
    for group in data.groups():
        members = [v for v in group.clients if v in where]
        if members:
            of.update(dict.fromkeys(members, len(made)))
            made.append(pyvrp.ClientGroup([where[v] for v in members], group.required))
    return made, of


def _client(client: Any, rank: dict[int, int], group: int | None) -> Any:
    return pyvrp.Client(
        rank[client.location],
        client.delivery,
        client.pickup,
        client.service_duration,
        client.tw_early,
        client.tw_late,
        client.release_time,
        client.prize,
        client.required,
        group,
    )


def _depot(depot: Any, rank: dict[int, int]) -> Any:
    return pyvrp.Depot(rank[depot.location], depot.tw_early, depot.tw_late, depot.service_duration)


def _merged(
    data: ProblemData,
    best: Solution,
    found: Sequence[list[list[Any]]],
    tasks: Sequence[_Task],
    rest: list[list[Any]] | None,
) -> Solution:
    """The whole, of what each part became; without parts, the best of what the cores found."""
    if rest is None:
        return min((_solution(data, routes) for routes in found), key=_cost)
    routes = list(rest)
    for task, inside in zip(tasks, found, strict=True):
        routes += [[task.types[number], [task.visits[v] for v in visits]] for number, visits in inside]
    return _solution(data, routes)
