"""The checker finds each kind of broken rule in a plan that was good before it was spoilt."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from fieldserve.planning import LeftOut, Plan, Problem, Route, Stop, Travel, Visit, Worker
from fieldserve.planning.check import broken

# Two places ten minutes apart (600 s, 5,000 m), home at the first.
TRAVEL = Travel.always([[0, 600], [600, 0]], [[0, 5000], [5000, 0]])
ANN = Worker("ann", 0, 0, (0, 10_000), off=((4_000, 5_000),), skills=frozenset({"TV"}), stores=frozenset({"s"}))
BOB = Worker("bob", 0, 0, (0, 10_000), commute="inside")
NEAR = Visit("near", 0, ((0, 3_000),), 1_000, skills=frozenset({"TV"}), store="s", after=300)
FAR = Visit("far", 1, ((2_000, 6_000),), 500)
BOTH = Visit("both", 1, ((5_500, 8_000),), 600, needs=2)
PROBLEM = Problem((ANN, BOB), (NEAR, FAR, BOTH), TRAVEL)

# Ann: 0–1,000 near; drives 600, there at 1,600, works 2,000–2,500 far; stays there; 6,000–6,600 both; home at 7,200.
ANNS = (
    Stop("near", 0, 0, 0, 1_000, 0, 0),
    Stop("far", 1_000, 1_600, 2_000, 2_500, 600, 5000),
    Stop("both", 2_500, 2_500, 6_000, 6_600, 0, 0),
)
# Bob: leaves home at 5,400, there at 6,000, works with Ann until 6,600, home at 7,200.
BOBS = (Stop("both", 5_400, 6_000, 6_000, 6_600, 600, 5000),)
GOOD = Plan((Route("ann", ANNS, 7_200, 600, 5000, 0), Route("bob", BOBS, 7_200, 600, 5000, 0)), ())


def with_anns(number: int, **changes: int | str) -> Plan:
    """The plan with another stop of Ann's."""
    stops = list(ANNS)
    stops[number] = replace(stops[number], **changes)  # type: ignore[arg-type]
    return Plan((replace(GOOD.routes[0], stops=tuple(stops)), GOOD.routes[1]), ())


def with_ann(**changes: int) -> Plan:
    """The plan with other sums of Ann's route."""
    return Plan((replace(GOOD.routes[0], **changes), GOOD.routes[1]), ())  # type: ignore[arg-type]


def test_good() -> None:
    """The plan is good as it is."""
    assert broken(PROBLEM, GOOD) == []


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (Plan(GOOD.routes, (LeftOut("far", "HOURS", "x"),)), "both planned and left out"),
        (Plan((GOOD.routes[0],), ()), "needs 2"),
        (Plan((replace(GOOD.routes[0], stops=ANNS[1:]), GOOD.routes[1]), ()), "neither planned nor left out"),
        (Plan((GOOD.routes[0], GOOD.routes[1], Route("zoe", (), 0, 0, 0, 0)), ()), "nobody's"),
        (Plan((GOOD.routes[0], GOOD.routes[0], GOOD.routes[1]), ()), "somebody has two"),
        (with_anns(0, visit="else"), "no visit of the problem"),
        (with_anns(2, start=6_100, end=6_700), "do not begin together"),
        (with_anns(1, start=1_700, end=2_200), "outside its windows"),
        (with_anns(1, end=2_400), "does not last"),
        (with_anns(1, start=3_800, end=4_300), "while off"),
        (with_anns(1, arrival=1_500), "cannot be at far in time"),
        (with_anns(1, leaves=900, arrival=1_600), "leaves near before it is done"),
        (with_anns(1, travel=500), "told wrong"),
        (with_anns(1, metres=4000), "told wrong"),
        (with_ann(return_travel=500), "way back"),
        (with_ann(returns=7_100), "cannot be back"),
        (with_ann(overtime=5), "overtime"),
    ],
)
def test_spoilt_plan(plan: Plan, words: str) -> None:
    """What is wrong with the plan is told."""
    assert any(words in one for one in broken(PROBLEM, plan)), broken(PROBLEM, plan)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(
            lambda p: replace(p, workers=(replace(ANN, skills=frozenset()), BOB)), "lacks a skill", id="skill"
        ),
        pytest.param(lambda p: replace(p, workers=(replace(ANN, stores=frozenset()), BOB)), "store", id="store"),
        pytest.param(
            lambda p: replace(p, visits=(replace(NEAR, location="IN_STORE"), FAR, BOTH)),
            "places like that",
            id="location",
        ),
        pytest.param(
            lambda p: replace(p, visits=(replace(NEAR, pinned=frozenset({"bob"})), FAR, BOTH)), "pinned", id="pinned"
        ),
        pytest.param(lambda p: replace(p, visits=(replace(NEAR, fixed=500), FAR, BOTH)), "fixed", id="fixed"),
        pytest.param(
            lambda p: replace(p, visits=(replace(NEAR, after=1_500), FAR, BOTH)), "too little lies between", id="buffer"
        ),
        pytest.param(
            lambda p: replace(p, workers=(replace(ANN, shift=(500, 10_000)), BOB)), "outside the shift", id="shift"
        ),
        pytest.param(
            lambda p: replace(p, workers=(replace(ANN, longest=6_500), BOB)), "outside the shift", id="longest"
        ),
        pytest.param(
            lambda p: replace(p, workers=(ANN, replace(BOB, shift=(5_500, 10_000)))),
            "before the shift begins",
            id="leaves",
        ),
        pytest.param(lambda p: replace(p, workers=(ANN, replace(BOB, shift=(0, 7_000)))), "back too late", id="back"),
        pytest.param(
            lambda p: replace(p, travel=Travel.always([[0, 700_000], [600, 0]], [[0, 5000], [5000, 0]])),
            "no road",
            id="road",
        ),
    ],
)
def test_other_rules(change: Callable[[Problem], Problem], words: str) -> None:
    """The same plan under another rule breaks it."""
    assert any(words in one for one in broken(change(PROBLEM), GOOD)), broken(change(PROBLEM), GOOD)
