"""Planning against its peers, in one run: `make bench-planning`.

Classical instances (multi-depot with time windows, 1,000 customers) by path: FIELDSERVE_VRP names their folder, with
the best known costs beside them in .sol files. Printed is how far above the best known cost each solver is after the
same seconds on the same cores. Then a day of the field: 300 visits, 25 technicians with skills, breaks and windows.
Peers are VROOM, the other solver that was weighed, and OR-Tools. Where a peer's solution breaks a rule that it cannot
express, it is said. Shorter runs: ARGS='--budgets 1,5 --instances PR11A --field-seconds 0'.
"""

import argparse
import math
import os
import random
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyvrp
import vroom
from ortools.constraint_solver import pywrapcp, routing_enums_pb2

from fieldserve.planning import Costs, Effort, Problem, Route, Travel, Visit, Worker, engine, solve
from fieldserve.planning.check import broken
from fieldserve.planning.insertion import ranked
from fieldserve.planning.plan import Plan, cost_of
from fieldserve.planning.timing import timed

HOUR = 3_600


# ---- classical instances


@dataclass(frozen=True)
class Instance:
    """Data, in whole units; `best` is the best known cost in them, None where the instance was generated."""

    name: str
    data: pyvrp.ProblemData
    best: float | None


def instances(names: Sequence[str]) -> Iterator[Instance]:
    """Those of the folder, or generated ones where there is none."""
    folder = os.environ.get("FIELDSERVE_VRP", "")
    if not folder:
        print("FIELDSERVE_VRP names no folder: generated instances; the gap to the best known is not measured.")
        yield from (_generated(size) for size in (200, 1000))
        return
    for path in sorted(Path(folder).glob("*.vrp")):
        if names and path.stem not in names:
            continue
        # Published costs of the two families are in these units.
        rounding, unit = ("dimacs", 10) if path.stem.count("_") == 2 else ("exact", 1)
        told = next(
            line for line in path.with_suffix(".sol").read_text().splitlines() if line.lower().startswith("cost")
        )
        best = float(told.replace(":", " ").split()[-1]) * unit
        yield Instance(path.stem, pyvrp.read(path, round_func=rounding), best)


def _generated(size: int) -> Instance:
    """Customers around a depot, with windows; the same each time."""
    chance = random.Random(size)
    model = pyvrp.Model()
    depot = model.add_depot(model.add_location(500, 500), tw_late=10_000)
    model.add_vehicle_type(size // 8, capacity=200, start_depot=depot, end_depot=depot, tw_late=10_000)
    for _ in range(size):
        place = model.add_location(chance.randrange(1000), chance.randrange(1000))
        first = chance.randrange(500, 8000)
        model.add_client(
            place, delivery=chance.randrange(5, 30), service_duration=90, tw_early=first, tw_late=first + 1200
        )
    for one in model.locations:
        for other in model.locations:
            way = round(math.dist((one.x, one.y), (other.x, other.y)))
            model.add_edge(one, other, distance=way, duration=way)
    return Instance(f"generated-{size}", model.data(), None)


Outcome = tuple[float | None, str]
"""Cost, and what is wrong with the solution ("" if nothing); None where there is none in time."""


def ours(data: pyvrp.ProblemData, seconds: float, on: engine.Engine) -> Outcome:
    """The engine of fieldserve.planning."""
    found = engine.search(data, engine.Budget(seconds, None, time.perf_counter), 1, on)
    return (found.distance_cost() if found.is_feasible() else None), ""


def by_vroom(data: pyvrp.ProblemData, seconds: float, cores: int) -> Outcome:
    """VROOM at the highest exploration that it was given time for. It has no limit on how long a day is."""
    problem = vroom.Input()
    clients, depots = data.clients(), data.depots()
    matrix = data.distance_matrix(0)
    problem.set_durations_matrix("car", matrix.astype(np.uint32))
    problem.set_costs_matrix("car", matrix.astype(np.uint32))
    number = 0
    for kind in data.vehicle_types():
        depot = depots[kind.start_depot]
        for _ in range(kind.num_available):
            number += 1
            late = min(kind.tw_late, depot.tw_late, 2**31)
            problem.add_vehicle(
                vroom.Vehicle(
                    number,
                    start=depot.location,
                    end=depots[kind.end_depot].location,
                    capacity=list(kind.capacity),
                    time_window=vroom.TimeWindow(kind.tw_early, late),
                )
            )
    for rank, client in enumerate(clients):
        problem.add_job(
            vroom.Job(
                rank,
                location=client.location,
                default_service=client.service_duration,
                delivery=vroom.Amount(list(client.delivery)),
                time_windows=[vroom.TimeWindow(client.tw_early, client.tw_late)],
            )
        )
    found = problem.solve(exploration_level=5, nb_threads=cores, timeout=timedelta(seconds=seconds))
    routes: dict[int, list[int]] = {}
    for step in found.routes.to_dict("records"):
        if step["type"] == "job":
            routes.setdefault(int(step["vehicle_id"]), []).append(int(step["id"]))
    kinds = [number for number, kind in enumerate(data.vehicle_types()) for _ in range(kind.num_available)]
    solution = pyvrp.Solution(data, [pyvrp.Route(data, own, kinds[who - 1]) for who, own in routes.items()])
    if solution.num_missing_clients():
        return None, ""
    return solution.distance_cost(), "" if solution.is_feasible() else "days too long"


def by_ortools(data: pyvrp.ProblemData, seconds: float, _: int) -> Outcome:
    """OR-Tools: cheapest insertion, then guided local search. One core is all it uses."""
    kinds = [kind for kind in data.vehicle_types() for _ in range(kind.num_available)]
    depots, clients = data.depots(), data.clients()
    starts = [depots[kind.start_depot].location for kind in kinds]
    ends = [depots[kind.end_depot].location for kind in kinds]
    manager = pywrapcp.RoutingIndexManager(data.num_locations, len(kinds), starts, ends)
    routing = pywrapcp.RoutingModel(manager)
    ways = data.distance_matrix(0).tolist()
    service = [0] * data.num_locations
    demand = [0] * data.num_locations
    for client in clients:
        service[client.location], demand[client.location] = client.service_duration, int(client.delivery[0])
    node = manager.IndexToNode
    cost = routing.RegisterTransitCallback(lambda a, b: ways[node(a)][node(b)])
    routing.SetArcCostEvaluatorOfAllVehicles(cost)
    taken = routing.RegisterTransitCallback(lambda a, b: ways[node(a)][node(b)] + service[node(a)])
    horizon = int(max(min(kind.tw_late, depots[kind.start_depot].tw_late) for kind in kinds))
    routing.AddDimension(taken, horizon, horizon, False, "time")
    load = routing.RegisterUnaryTransitCallback(lambda a: demand[node(a)])
    routing.AddDimensionWithVehicleCapacity(load, 0, [int(kind.capacity[0]) for kind in kinds], True, "load")
    times = routing.GetDimensionOrDie("time")
    for client in clients:
        times.CumulVar(manager.NodeToIndex(client.location)).SetRange(client.tw_early, client.tw_late)
    for number, kind in enumerate(kinds):
        if kind.shift_duration < horizon:
            times.SetSpanUpperBoundForVehicle(int(kind.shift_duration), number)
    parameters = pywrapcp.DefaultRoutingSearchParameters()
    parameters.first_solution_strategy = routing_enums_pb2.FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION
    parameters.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    parameters.time_limit.FromMilliseconds(int(seconds * 1000))
    found = routing.SolveWithParameters(parameters)
    return (None if found is None else found.ObjectiveValue()), ""


def classical(names: Sequence[str], budgets: Sequence[float], cores: int) -> None:
    """The table of instances × seconds × solvers."""
    print(
        f"\nClassical instances, {cores} cores, above the best known cost (or above the best of the row, without one)\n"
    )
    print("| instance | seconds | fieldserve | VROOM | OR-Tools |\n|---|---|---|---|---|")
    with engine.engine(cores) as on:
        for instance in instances(names):
            for seconds in budgets:
                outcomes = [
                    ours(instance.data, seconds, on),
                    by_vroom(instance.data, seconds, cores),
                    by_ortools(instance.data, seconds, cores),
                ]
                sound = [cost for cost, wrong in outcomes if cost is not None and not wrong]
                best = instance.best or min(sound, default=1.0)
                cells = " | ".join(_gap(outcome, best) for outcome in outcomes)
                print(f"| {instance.name} | {seconds:g} | {cells} |", flush=True)


def _gap(outcome: Outcome, best: float) -> str:
    cost, wrong = outcome
    if cost is None:
        return "–"
    return f"{100 * (cost / best - 1):.2f} %" + (f" ({wrong})" if wrong else "")


# ---- a day of the field


def field(seed: int = 1, visits: int = 300, workers: int = 25) -> Problem:
    """A town forty kilometres wide: windows of two hours, four skills, half an hour of break, two priorities."""
    chance = random.Random(seed)
    points = [(chance.uniform(0, 40), chance.uniform(0, 40)) for _ in range(visits + workers)]
    metres = [[round(1300 * math.dist(one, other)) for other in points] for one in points]
    seconds = [[round(way / 11) for way in row] for row in metres]
    skills = ("GAS", "TV", "TYRE", "WATER")
    crew = []
    for number in range(workers):
        begins = chance.choice([7, 8, 9]) * HOUR
        pause = begins + chance.choice([4, 5]) * HOUR
        able = frozenset(chance.sample(skills, chance.choice([2, 3])))
        home = visits + number
        crew.append(Worker(f"w{number}", home, home, (begins, begins + 9 * HOUR), ((pause, pause + 1800),), able))
    wanted = []
    for number in range(visits):
        first = chance.choice(range(7, 16)) * HOUR
        duration = chance.choice([1200, 1800, 2700])
        skill = frozenset({chance.choice(skills)})
        wanted.append(
            Visit(
                f"v{number}", number, ((first, first + 2 * HOUR),), duration, skill, priority=chance.choice([1, 1, 2])
            )
        )
    return Problem(tuple(crew), tuple(wanted), Travel.always(seconds, metres), Costs())


Orders = dict[str, list[str]]


def field_by_vroom(problem: Problem, seconds: float, cores: int) -> Orders:
    """VROOM knows skills, windows, breaks and priorities."""
    made = vroom.Input()
    made.set_durations_matrix("car", np.asarray(problem.travel.seconds[0], dtype=np.uint32))
    names = sorted({skill for one in problem.workers for skill in one.skills})
    for number, worker in enumerate(problem.workers):
        # The way to the first visit and from the last lies outside the shift; VROOM's day has them inside.
        day = vroom.TimeWindow(max(0, worker.shift[0] - HOUR), worker.shift[1] + HOUR)
        pauses = [
            vroom.Break(rank, [vroom.TimeWindow(begin, begin)], until - begin)
            for rank, (begin, until) in enumerate(worker.off)
        ]
        able = {names.index(skill) for skill in worker.skills}
        made.add_vehicle(
            vroom.Vehicle(number + 1, worker.start, worker.end, time_window=day, skills=able, breaks=pauses)
        )
    for rank, visit in enumerate(problem.visits):
        windows = [vroom.TimeWindow(first, last) for first, last in visit.windows]
        needed = {names.index(skill) for skill in visit.skills}
        made.add_job(
            vroom.Job(
                rank,
                visit.place,
                default_service=visit.duration,
                skills=needed,
                priority=round(10 * visit.priority),
                time_windows=windows,
            )
        )
    found = made.solve(exploration_level=5, nb_threads=cores, timeout=timedelta(seconds=seconds))
    orders: Orders = {}
    for step in found.routes.to_dict("records"):
        if step["type"] == "job":
            worker = problem.workers[int(step["vehicle_id"]) - 1]
            orders.setdefault(worker.id, []).append(problem.visits[int(step["id"])].id)
    return orders


def field_by_ortools(problem: Problem, seconds: float, _: int) -> Orders:
    """OR-Tools with skills as allowed vehicles, breaks as intervals and visits that may be left out."""
    crew, visits = problem.workers, problem.visits
    starts, ends = [one.start for one in crew], [one.end for one in crew]
    manager = pywrapcp.RoutingIndexManager(len(problem.travel.metres), len(crew), starts, ends)
    routing = pywrapcp.RoutingModel(manager)
    ways = problem.travel.seconds[0]
    work = [0] * len(ways)
    for visit in visits:
        work[visit.place] = visit.duration
    node = manager.IndexToNode
    routing.SetArcCostEvaluatorOfAllVehicles(routing.RegisterTransitCallback(lambda a, b: ways[node(a)][node(b)]))
    taken = routing.RegisterTransitCallback(lambda a, b: work[node(a)] + ways[node(a)][node(b)])
    routing.AddDimension(taken, 24 * HOUR, 24 * HOUR, False, "time")
    times = routing.GetDimensionOrDie("time")
    for visit in visits:
        index = manager.NodeToIndex(visit.place)
        times.CumulVar(index).SetRange(*visit.windows[0])
        routing.AddDisjunction([index], problem.penalty(visit))
        able = [number for number, one in enumerate(crew) if visit.skills <= one.skills]
        routing.VehicleVar(index).SetValues([-1, *able])
    durations = [work[node(index)] if index < len(ways) else 0 for index in range(routing.Size())]
    for number, worker in enumerate(crew):
        begin, end = worker.shift
        times.CumulVar(routing.Start(number)).SetRange(begin - HOUR, end)
        times.CumulVar(routing.End(number)).SetRange(begin - HOUR, end + HOUR)
        pauses = [
            routing.solver().FixedDurationIntervalVar(first, first, until - first, False, "off")
            for first, until in worker.off
        ]
        times.SetBreakIntervalsOfVehicle(pauses, number, durations)
    parameters = pywrapcp.DefaultRoutingSearchParameters()
    parameters.first_solution_strategy = routing_enums_pb2.FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION
    parameters.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    parameters.time_limit.FromMilliseconds(int(seconds * 1000))
    found = routing.SolveWithParameters(parameters)
    orders: Orders = {}
    if found is None:
        return orders
    by_place = {visit.place: visit.id for visit in visits}
    for number, worker in enumerate(crew):
        index = routing.Start(number)
        while not routing.IsEnd(index):
            index = found.Value(routing.NextVar(index))
            if not routing.IsEnd(index) and node(index) in by_place:
                orders.setdefault(worker.id, []).append(by_place[node(index)])
    return orders


def in_days(problem: Problem, orders: Orders) -> tuple[list[Route], int]:
    """A peer's orders with exact times, and how many of its visits do not fit into its days as we count them."""
    routes, lost = [], 0
    for worker in problem.workers:
        own = [problem.visit[one] for one in orders.get(worker.id, ())]
        while not isinstance(tried := timed(problem, worker, own), Route):
            out = tried or own[-1].id
            own = [one for one in own if one.id != out]
            lost += 1
        routes.append(tried)
    return [route for route in routes if route.stops], lost


def a_day(budgets: Sequence[float], long: float, cores: int) -> None:
    """The field's day: unassigned and cost after each budget, and what comes of five minutes."""
    problem = field()
    print(f"\nA day of the field: {len(problem.visits)} visits, {len(problem.workers)} technicians, {cores} cores\n")
    print("| seconds | fieldserve: left out, cost | VROOM | OR-Tools |\n|---|---|---|---|")
    with engine.engine(cores) as on:
        begun = time.perf_counter()
        solve(problem, Effort(seconds=0.05, clock=time.perf_counter), 1, on=on)
        first = time.perf_counter() - begun
        last = 0
        for seconds in budgets:
            plan = solve(problem, Effort(seconds=seconds, clock=time.perf_counter), 1, on=on)
            assert broken(problem, plan) == [], broken(problem, plan)
            last = cost_of(problem, plan.routes).total
            cells = [f"{len(plan.left_out)}, {last}"]
            for peer in (field_by_vroom, field_by_ortools):
                routes, lost = in_days(problem, peer(problem, seconds, cores))
                left = len(problem.visits) - sum(len(route.stops) for route in routes)
                told = f"{left}, {cost_of(problem, routes).total}"
                cells.append(told + (f" ({lost} do not fit)" if lost else ""))
            print(f"| {seconds:g} | {' | '.join(cells)} |", flush=True)
        print(f"\nThe first plan that can be driven is there after {first:.2f} s.")
        if long:
            best = solve(problem, Effort(seconds=long, clock=time.perf_counter), 1, on=on)
            cost = cost_of(problem, best.routes).total
            print(f"After {long:g} s it costs {cost}; after {budgets[-1]:g} s {100 * (last / cost - 1):.2f} % more.")
        _again(problem, plan, on)
    _offers(problem, plan)


def _again(problem: Problem, plan: Plan, on: engine.Engine) -> None:
    """One technician falls ill at noon: what is planned anew, and how long it takes."""
    noon = 12 * HOUR
    starts = {visit: stops[0][1] for visit, stops in plan.stops.items()}
    told = [
        _told(problem.visit[visit], stop.start, frozenset(worker for worker, _ in plan.stops[visit]), noon)
        for visit, stop in starts.items()
    ]
    ill = plan.routes[0].worker
    crew = tuple(_ill(one, noon) if one.id == ill else one for one in problem.workers)
    changed = Problem(crew, tuple(told), problem.travel, problem.costs)
    begun = time.perf_counter()
    again = solve(changed, Effort(seconds=1.5, clock=time.perf_counter), 1, start=plan.order(), on=on)
    took = time.perf_counter() - begun
    assert broken(changed, again) == [], broken(changed, again)
    untouched = [v for v in starts if all(worker != ill for worker, _ in plan.stops[v])]
    same = sum(v in again.stops and {w for w, _ in again.stops[v]} == {w for w, _ in plan.stops[v]} for v in untouched)
    share = 100 * same / len(untouched)
    print(f"Planned anew after an illness in {took:.1f} s: {share:.1f} % of the others' visits stay.")


def _told(visit: Visit, start: int, crew: frozenset[str], noon: int) -> Visit:
    frozen = start < noon
    return replace(
        visit,
        told=(start, start + 1800),
        now=crew,
        pinned=crew if frozen else frozenset(),
        fixed=start if frozen else None,
        frozen=frozen,
    )


def _ill(worker: Worker, noon: int) -> Worker:
    return replace(worker, off=(*(one for one in worker.off if one[1] <= noon), (noon, worker.shift[1])))


def _offers(problem: Problem, plan: Plan) -> None:
    """Slots of a fortnight, a day's 20 each, ranked by the travel that they add."""
    starts = [7 * HOUR + number * 1800 for number in range(20)]
    visit = Visit("new", 0, ((0, 24 * HOUR),), 1800, frozenset({"TV"}))
    rounds = []
    for _ in range(5):
        begun = time.perf_counter()
        for _ in range(14):
            ranked(problem, plan.order(), visit, starts)
        rounds.append(1000 * (time.perf_counter() - begun))
    size = f"{len(starts)} a day, {len(problem.workers)} technicians"
    print(f"Slots of 14 days ({size}) ranked in {statistics.median(rounds):.0f} ms.")


def main() -> None:
    """What the options ask for."""
    options = argparse.ArgumentParser(prog="benchmarks.planning")
    options.add_argument("--budgets", default="1,5,20,60")
    options.add_argument("--instances", default="")
    options.add_argument("--cores", type=int, default=2)
    options.add_argument(
        "--field-seconds", type=float, default=300.0, help="how long the long run of the field takes; 0: none"
    )
    options.add_argument("--no-field", action="store_true")
    options.add_argument("--no-classical", action="store_true")
    given = options.parse_args()
    budgets = [float(one) for one in given.budgets.split(",")]
    if not given.no_classical:
        classical([one for one in given.instances.split(",") if one], budgets, given.cores)
    if not given.no_field:
        a_day([one for one in budgets if one <= 20], given.field_seconds, given.cores)


if __name__ == "__main__":
    main()
