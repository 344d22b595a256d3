"""Who goes where, in which order, and when: a day's routes. Pure: no I/O, no clock.

    problem.py     what is to be planned: workers, visits, travel, what costs what
    plan.py        what was decided: routes with their times, what is left out and why, cost and figures
    solver.py      solve(problem, stop, seed) -> Plan
    timing.py      when everything on a route happens
    model.py       a problem as PyVRP can take it
    engine.py      PyVRP on several cores, with one best solution
    explain.py     why it is so, and what else could be
    insertion.py   what a visit more would add, for slots
    check.py       every rule once more, from problem and plan alone

Times are whole seconds from any origin that the caller chooses (midnight, the epoch); intervals are half-open.
"""

from fieldserve.planning.plan import LeftOut, Plan, Route, Stop
from fieldserve.planning.problem import Costs, Problem, ProblemFault, Travel, Visit, Worker
from fieldserve.planning.solver import Effort, solve

__all__ = [
    "Costs",
    "Effort",
    "LeftOut",
    "Plan",
    "Problem",
    "ProblemFault",
    "Route",
    "Stop",
    "Travel",
    "Visit",
    "Worker",
    "solve",
]
