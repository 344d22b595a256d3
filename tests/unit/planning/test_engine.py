"""The engine on small instances in the form that the classical ones have, whole and cut into parts."""

import random
from pathlib import Path

import pytest
import pyvrp

from fieldserve.planning import engine
from fieldserve.planning.engine import Budget, Engine


def written(path: Path, customers: int, depots: int) -> pyvrp.ProblemData:
    """An instance with windows, capacities and the longest day of vehicles, written in VRPLIB's form and read again."""
    chance = random.Random(customers)
    vehicles = 10 * depots
    lines = [
        "NAME: small",
        "TYPE: MDVRPTW",
        "EDGE_WEIGHT_TYPE: EUC_2D",
        f"DIMENSION: {customers + depots}",
        f"VEHICLES: {vehicles}",
        "CAPACITY: 100",
        "VEHICLES_MAX_DURATION: 600",
        "NODE_COORD_SECTION",
    ]
    size = customers + depots
    lines += [f"{n}\t{chance.randrange(100)}\t{chance.randrange(100)}" for n in range(1, size + 1)]
    lines += ["DEMAND_SECTION", *(f"{n}\t{0 if n <= depots else chance.randrange(1, 20)}" for n in range(1, size + 1))]
    lines.append("TIME_WINDOW_SECTION")
    for n in range(1, size + 1):
        first = 0 if n <= depots else chance.randrange(0, 400)
        lines.append(f"{n}\t{first}\t{1000 if n <= depots else first + 200}")
    lines += ["SERVICE_TIME_SECTION", *(f"{n}\t{0 if n <= depots else 10}" for n in range(1, size + 1))]
    lines += ["VEHICLES_DEPOT_SECTION", *(f"{v}\t{1 + (v - 1) // 10}" for v in range(1, vehicles + 1))]
    lines += ["DEPOT_SECTION", *(str(n) for n in range(1, depots + 1)), "-1", "EOF"]
    path.write_text("\n".join(lines))
    return pyvrp.read(path, round_func="dimacs")


def steps(iterations: int) -> Budget:
    """That many iterations, however long they take."""
    return Budget(None, iterations, lambda: 0.0)


class TestSearch:
    @pytest.mark.parametrize(("customers", "depots"), [(60, 2), (260, 4)])
    def test_better_and_sound(self, tmp_path: Path, customers: int, depots: int) -> None:
        """A search ends with all customers served, nothing broken, and for less than it began with."""
        data = written(tmp_path / "small.vrp", customers, depots)
        on = Engine(1, None)
        costs: list[int] = []

        def better(found: pyvrp.Solution, share: float) -> bool:
            costs.append(found.distance_cost())
            return True

        found = engine.search(data, steps(600), 1, on, better=better)
        assert found.is_feasible()
        assert found.num_missing_clients() == 0
        assert found.distance_cost() < costs[0]
        assert costs == sorted(costs, reverse=True)

    def test_same_again(self, tmp_path: Path) -> None:
        """The same seed and iterations give the same solution, cut into parts as well."""
        data = written(tmp_path / "small.vrp", 260, 4)
        one, other = (engine.search(data, steps(300), 3, Engine(1, None)) for _ in range(2))
        assert one == other

    def test_begins_where_told(self, tmp_path: Path) -> None:
        """From a solution on it gets no worse."""
        data = written(tmp_path / "small.vrp", 60, 2)
        first = engine.search(data, steps(200), 1, Engine(1, None))
        again = engine.search(data, steps(50), 2, Engine(1, None), first)
        assert again.distance_cost() <= first.distance_cost()

    def test_two_cores(self, tmp_path: Path) -> None:
        """Parts that two processes search come together as one sound solution."""
        data = written(tmp_path / "small.vrp", 260, 4)
        with engine.engine(2) as on:
            found = engine.search(data, steps(300), 1, on)
        assert found.is_feasible()
        assert found.num_missing_clients() == 0

    def test_interrupted(self, tmp_path: Path) -> None:
        """Ctrl+C ends the search with the best so far."""
        data = written(tmp_path / "small.vrp", 60, 2)

        def better(found: pyvrp.Solution, share: float) -> bool:
            if share:
                raise KeyboardInterrupt
            return True

        assert engine.search(data, steps(10_000), 1, Engine(1, None), better=better).num_clients() == 60
