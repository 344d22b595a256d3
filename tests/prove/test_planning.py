"""Plans of random days, held against every rule by a checker that shares no code with the solver.

20 days by default, 1,000 with `make prove` (FIELDSERVE_DAYS)."""

import os

import pytest

from fieldserve.planning import Effort, Plan, solve
from fieldserve.planning.check import broken
from fieldserve.planning.plan import cost_of
from tests.prove.days import a_day

DAYS = int(os.environ.get("FIELDSERVE_DAYS", "20"))
# On these days two met by chance, and what was put in later parted them.
PARTED = {26}


@pytest.mark.parametrize("seed", sorted({*range(DAYS), *PARTED}))
def test_no_rule_is_broken(seed: int) -> None:
    """The plan of a random day keeps every rule, says of each visit what becomes of it, and is better than none."""
    problem = a_day(seed)
    plan = solve(problem, Effort(iterations=200), seed)
    assert broken(problem, plan) == []
    assert all(one.message for one in plan.left_out)
    assert cost_of(problem, plan.routes).total < cost_of(problem, ()).total


def test_same_again() -> None:
    """The same problem, seed and iterations give the same plan."""
    problem = a_day(3)
    one, other = (solve(problem, Effort(iterations=200), 7) for _ in range(2))
    assert one == other
    assert isinstance(one, Plan)
