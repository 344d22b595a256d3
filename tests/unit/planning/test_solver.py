"""Plans of days that are small enough to see by hand what they must be."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from fieldserve.planning import Costs, Effort, Plan, Problem, ProblemFault, Travel, Visit, Worker, solve
from fieldserve.planning.check import broken
from fieldserve.planning.explain import explain
from fieldserve.planning.insertion import ranked
from fieldserve.planning.plan import cost_of, figures_of
from fieldserve.planning.solver import Progress

HOUR = 3_600
EIGHT, NINE, TEN, NOON, SIX = 8 * HOUR, 9 * HOUR, 10 * HOUR, 12 * HOUR, 18 * HOUR
# A street with places 0 … 9, ten minutes from each to the next; everybody lives at 0 unless told otherwise.
STREET = Travel.always([[600 * abs(one - other) for other in range(10)] for one in range(10)])


def worker(name: str, home: int = 0, **changes: Any) -> Worker:
    """Somebody from nine to six who can do TVs."""
    return Worker(name, home, home, (NINE, SIX), **{"skills": frozenset({"TV"}), **changes})


def visit(name: str, place: int, first: int = NINE, last: int = SIX, **changes: Any) -> Visit:
    """An hour's work that may begin any time of the day."""
    return Visit(name, place, ((first, last),), **{"duration": HOUR, **changes})


def plan(workers: Sequence[Worker], visits: Sequence[Visit], travel: Travel = STREET, **costs: int) -> Plan:
    """The plan of a day, which breaks no rule."""
    problem = Problem(tuple(workers), tuple(visits), travel, Costs(**costs))
    found = solve(problem, Effort(iterations=400), 1)
    assert broken(problem, found) == []
    return found


class TestRoutes:
    def test_order(self) -> None:
        """One worker goes down the street and comes back: 9 × 600 s each way, whatever the order of the visits."""
        (route,) = plan([worker("ann")], [visit("c", 9), visit("a", 3), visit("b", 6)]).routes
        assert [stop.visit for stop in route.stops] in (["a", "b", "c"], ["c", "b", "a"])
        assert route.travel == 2 * 9 * 600

    def test_who_is_near(self) -> None:
        """Each goes where they live."""
        found = plan([worker("ann", 0), worker("bob", 9)], [visit("a", 1), visit("b", 8)])
        assert found.order() == {"ann": ["a"], "bob": ["b"]}

    def test_nothing_to_do(self) -> None:
        """A day without visits, or without workers, has a plan, too."""
        assert plan([worker("ann")], []).routes == ()
        (left,) = plan([], [visit("a", 1)]).left_out
        assert (left.visit, left.rule) == ("a", "HOURS")


class TestRules:
    def test_skill(self) -> None:
        """Who lacks the skill is not sent, however near; where nobody has it, that is the reason."""
        near = worker("ann", 1, skills=frozenset())
        found = plan([near, worker("bob", 9)], [visit("a", 1, skills=frozenset({"TV"}))])
        assert found.order() == {"bob": ["a"]}
        (left,) = plan([near], [visit("a", 1, skills=frozenset({"TV"}))]).left_out
        assert (left.rule, left.would_fit) == ("SKILLS", "ann would fit with TV")

    def test_window(self) -> None:
        """Two visits an hour's drive apart that must begin at once need two; one worker leaves one of them out."""
        visits = [visit("a", 0, TEN, TEN), visit("b", 6, TEN, TEN)]
        assert len(plan([worker("ann"), worker("bob")], visits).routes) == 2
        (left,) = plan([worker("ann")], visits).left_out
        assert left.rule == "CAPACITY"
        assert left.would_fit is not None

    def test_priority(self) -> None:
        """Of two that exclude each other the one that matters more is done."""
        visits = [visit("a", 0, TEN, TEN), visit("b", 0, TEN, TEN, priority=2)]
        assert plan([worker("ann")], visits).order() == {"ann": ["b"]}

    def test_break(self) -> None:
        """Nothing is done from twelve to one: work that could begin at half past eleven waits until one."""
        ann = worker("ann", off=((NOON, NOON + HOUR),))
        (route,) = plan([ann], [visit("a", 0, NOON - HOUR // 2, SIX)]).routes
        assert route.stops[0].start == NOON + HOUR

    def test_driving_pauses(self) -> None:
        """Forty minutes of driving begun at 11:40 are over at 13:20, with the hour's break in between."""
        ann = worker("ann", off=((NOON, NOON + HOUR),))
        first = visit("a", 0, NOON - 80 * 60, NOON - 80 * 60)  # 10:40 to 11:40
        (route,) = plan([ann], [first, visit("b", 4, NOON, SIX)]).routes
        assert [stop.arrival for stop in route.stops] == [NOON - 80 * 60, NOON + 80 * 60]

    def test_overtime(self) -> None:
        """Half an hour of overtime is used where it is allowed, and told; where it is not, the visit is left out."""
        late = visit("a", 0, SIX - HOUR // 2, SIX - HOUR // 2)
        (route,) = plan([worker("ann", overtime=HOUR)], [late]).routes
        assert route.overtime == HOUR // 2
        (left,) = plan([worker("ann")], [late]).left_out
        assert left.rule == "HOURS"
        assert left.would_fit == "ann could come if it began 30 minutes earlier"

    def test_longest_day(self) -> None:
        """A day of three hours from nine ends at twelve."""
        found = plan([worker("ann", longest=3 * HOUR)], [visit("a", 0), visit("b", 0), visit("c", 0), visit("d", 0)])
        assert len(found.left_out) == 1

    def test_commute_inside(self) -> None:
        """Who drives within the shift is there at nine and a half; outside it, at nine."""
        for commute, first in (("inside", NINE + 1800), ("outside", NINE)):
            (route,) = plan([worker("ann", commute=commute)], [visit("a", 3)]).routes
            assert route.stops[0].start == first

    def test_two_at_once(self) -> None:
        """A visit for two gets two who begin together, or nobody."""
        both = visit("a", 5, needs=2)
        found = plan([worker("ann"), worker("bob", 9), worker("cid")], [both, visit("b", 1, NINE, NINE)])
        crew = found.stops["a"]
        assert len({name for name, _ in crew}) == 2
        assert len({stop.start for _, stop in crew}) == 1
        (left,) = plan([worker("ann")], [both]).left_out
        assert left.visit == "a"

    def test_pinned_and_frozen(self) -> None:
        """A pinned visit stays with its worker though another is nearer; a frozen one at its time, too."""
        bob = frozenset({"bob"})
        found = plan([worker("ann"), worker("bob", 9)], [visit("a", 0, pinned=bob)])
        assert found.order() == {"bob": ["a"]}
        frozen = visit("a", 0, pinned=bob, fixed=NOON, frozen=True, skills=frozenset({"GONE"}))
        (route,) = plan([worker("ann"), worker("bob", 9)], [frozen]).routes
        assert (route.worker, route.stops[0].start) == ("bob", NOON)

    def test_several_windows(self) -> None:
        """Where the first window is taken, the second is used."""
        two = Visit("b", 0, ((NINE, NINE), (TEN + HOUR, NOON)), HOUR)
        (route,) = plan([worker("ann")], [visit("a", 0, NINE, NINE), two]).routes
        assert [(stop.visit, stop.start) for stop in route.stops] == [("a", NINE), ("b", TEN + HOUR)]

    def test_buffer(self) -> None:
        """The gap is the longer of after, before and the way: 20, 30 and 10 minutes make 30."""
        visits = [visit("a", 0, NINE, NINE, after=1200), visit("b", 1, NINE, SIX, before=1800)]
        (route,) = plan([worker("ann")], visits).routes
        assert route.stops[1].start == NINE + HOUR + 1800

    def test_hours_of_travel(self) -> None:
        """In the rush hour from ten on the way takes twice as long, for who leaves then."""
        slow = [[1200 * abs(one - other) for other in range(10)] for one in range(10)]
        travel = Travel((0, TEN), (STREET.seconds[0], slow), STREET.metres)
        (route,) = plan([worker("ann")], [visit("a", 0, NINE, NINE), visit("b", 3, TEN, SIX)], travel).routes
        assert route.stops[1].travel == 3 * 1200

    def test_no_road(self) -> None:
        """Nobody is sent where no road leads."""
        island = [[700_000 if (one == 9) != (other == 9) else 600 for other in range(10)] for one in range(10)]
        (left,) = plan([worker("ann")], [visit("a", 9)], Travel.always(island)).left_out
        assert left.rule == "TRAVEL"


class TestChange:
    def test_what_was_told_stays(self) -> None:
        """Who was told to come comes, though another would drive twenty minutes less; half an hour is what it costs."""
        kept = visit("a", 2, now=frozenset({"ann"}))
        crew = [worker("ann", 0), worker("bob", 1)]
        assert plan(crew, [kept]).order() == {"ann": ["a"]}
        assert plan(crew, [kept], other_worker=0).order() == {"bob": ["a"]}

    def test_late_costs(self) -> None:
        """A visit that is due at ten is done before the one that is not."""
        visits = [visit("a", 0), visit("b", 0, due=NINE)]
        (route,) = plan([worker("ann")], visits).routes
        assert [stop.visit for stop in route.stops] == ["b", "a"]

    def test_begins_with_a_plan(self) -> None:
        """The plan is never worse than the one it began with."""
        problem = Problem((worker("ann"), worker("bob", 9)), (visit("a", 1), visit("b", 8)), STREET)
        found = solve(problem, Effort(iterations=1), 1, start={"ann": ["a"], "bob": ["b"]})
        assert found.order() == {"ann": ["a"], "bob": ["b"]}


class TestHow:
    def test_progress_and_cancel(self) -> None:
        """Progress is told; whoever cancels gets the best plan so far."""
        heard: list[Progress] = []
        problem = Problem((worker("ann"),), (visit("a", 1), visit("b", 2)), STREET)
        stop = Effort(iterations=10_000_000, cancelled=lambda: len(heard) > 1)
        found = solve(problem, stop, 1, progress=heard.append)
        assert len(found.stops) == 2
        assert heard[0].share <= heard[-1].share < 1

    def test_no_end(self) -> None:
        """A search without an end is refused."""
        with pytest.raises(ValueError, match="end"):
            solve(Problem((worker("ann"),), (visit("a", 1),), STREET), Effort())

    @pytest.mark.parametrize(
        ("workers", "visits", "words"),
        [
            ([worker("ann"), worker("ann")], [], "two of the worker ann"),
            ([replace(worker("ann"), shift=(SIX, NINE))], [], "ends before it begins"),
            ([worker("ann", off=((0, NINE),))], [], "off"),
            ([], [visit("a", 99)], "no travel times"),
            ([], [visit("a", 0, SIX, NINE)], "window"),
            ([], [visit("a", 0, pinned=frozenset({"zoe"}))], "zoe"),
            ([], [visit("a", 0, needs=2, pinned=frozenset({"ann"}))], "needs 2"),
            ([], [visit("a", 0, frozen=True)], "frozen"),
            ([], [visit("a", 0, duration=0)], "take time"),
            ([], [visit("a", 0, priority=0)], "priority"),
        ],
    )
    def test_contradictions(self, workers: list[Worker], visits: list[Visit], words: str) -> None:
        """A problem that contradicts itself says where."""
        with pytest.raises(ProblemFault, match=words):
            Problem(tuple(workers), tuple(visits), STREET)

    def test_figures(self) -> None:
        """Two hours' work in nine on duty, an hour and a half of driving; one of two works, so fairness is a half."""
        problem = Problem((worker("ann"), worker("bob", 0)), (visit("a", 4, due=NINE), visit("b", 4)), STREET)
        found = solve(problem, Effort(iterations=200), 1)
        figures = figures_of(problem, found)
        assert (figures.visits, figures.unassigned, figures.workers) == (2, 0, 1)
        assert figures.travel == 2 * 4 * 600
        assert figures.utilisation == pytest.approx(2 / 18)
        assert figures.fairness == pytest.approx(0.5)
        assert figures.on_time == 1.0
        assert cost_of(problem, found.routes).total == figures.travel


class TestExplain:
    def test_why(self) -> None:
        """The next best is told with what it would cost more, and of the others what keeps them."""
        crew = (worker("ann", 1), worker("bob", 3), worker("cid", skills=frozenset()))
        problem = Problem(crew, (visit("a", 0, skills=frozenset({"TV"})),), STREET)
        found = solve(problem, Effort(iterations=200), 1)
        told = explain(problem, found.routes, "a")
        assert told.worker == "ann"
        # Bob's way is two places longer, there and back: 2 × 2 × 600.
        assert [(one.worker, one.extra) for one in told.others] == [("bob", 2400)]
        assert told.refused == {"cid": "lacks TV"}


class TestRanked:
    def test_dense_days_first(self) -> None:
        """Next door to a visit nothing is added; alone it costs the way there and back; a clash is no offer."""
        there = visit("there", 5, TEN, TEN)
        problem = Problem((worker("ann"),), (there, visit("new", 5)), STREET)
        offers = ranked(problem, {"ann": ["there"]}, problem.visit["new"], [NINE, TEN, TEN + HOUR])
        assert [(one.start, one.added) for one in offers] == [(NINE, 0), (TEN + HOUR, 0)]
        alone = ranked(problem, {}, problem.visit["new"], [NOON])
        assert [(one.start, one.added) for one in alone] == [(NOON, 2 * 5 * 600)]
