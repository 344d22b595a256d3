"""Large problems with visits of which one of several is to be made: cut into parts, none is made twice."""

import math
import random

import pytest
import pyvrp

from fieldserve.planning.engine import WHOLE, Budget, Engine, search


def grouped(size: int) -> pyvrp.ProblemData:
    """Optional visits around a depot; every third shares a group with its neighbour."""
    chance = random.Random(1)
    model = pyvrp.Model()
    depot = model.add_depot(model.add_location(500, 500))
    model.add_vehicle_type(size // 20, capacity=300, start_depot=depot, end_depot=depot)
    for number in range(size):
        group = model.add_client_group(required=False) if number % 3 == 0 else None
        for _ in range(2 if group is not None else 1):
            place = model.add_location(chance.randrange(1000), chance.randrange(1000))
            model.add_client(place, delivery=20, prize=chance.randrange(50, 2_000), required=False, group=group)
    for one in model.locations:
        for other in model.locations:
            model.add_edge(
                one, other, distance=(way := round(math.dist((one.x, one.y), (other.x, other.y)))), duration=way
            )
    return model.data()


@pytest.mark.parametrize("seed", [1, 2])
def test_one_of_each_group(seed: int) -> None:
    """The parts put together are a solution: each group is visited once at most."""
    data = grouped(WHOLE)
    found = search(data, Budget(None, 600, lambda: 0.0), seed, Engine(1, None))
    assert found.is_feasible()
    visited = [one.idx for route in found.routes() for one in route if one.is_client()]
    groups = [group for v in visited if (group := data.clients()[v].group) is not None]
    assert len(groups) == len(set(groups)) > 0
