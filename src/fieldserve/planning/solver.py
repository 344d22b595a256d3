"""Solve a problem: PyVRP searches, and what it cannot express is brought to a fixed point around it.

    guess ──▶ model ──▶ search ──▶ settle (exact times, repair) ──▶ plan, and a better guess
      ▲                                                              │
      └──────────────────────────────────────────────────────────────┘

The search may err where travel depends on the hour, where somebody is off, and where several come together. Settling
does not: it times every route exactly, leaves out what does not fit and puts it where it does. Of all rounds the plan
that costs least is the answer. Every plan keeps all hard rules of problem.py, whatever the search made of them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from fieldserve.planning import engine
from fieldserve.planning.explain import reasons
from fieldserve.planning.insertion import insertions
from fieldserve.planning.model import Guess, model_of
from fieldserve.planning.plan import Plan, Route, Stop, cost_of
from fieldserve.planning.problem import Problem, Seconds, Visit, may_do
from fieldserve.planning.timing import timed

# Shares of the time for the rounds of a problem whose model is a guess; one that is none needs a single round.
_SHARES = (0.25, 0.35, 0.2, 0.2)
_MOST_TOGETHER = 8


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to search: `seconds` by `clock` (time.monotonic, say), or `iterations`, or both, what comes first.

    With iterations alone the same problem and seed give the same plan. `cancelled` is asked now and then."""

    seconds: float | None = None
    iterations: int | None = None
    clock: Callable[[], float] = lambda: 0.0
    cancelled: Callable[[], bool] = lambda: False


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a search is: the share of the effort that is spent, and what the best plan so far costs."""

    share: float
    cost: int


Orders = Mapping[str, Sequence[str]]


def solve(
    problem: Problem,
    stop: Effort,
    seed: int = 0,
    *,
    start: Orders | None = None,
    progress: Callable[[Progress], None] | None = None,
    on: engine.Engine | None = None,
) -> Plan:
    """The best plan found within the effort, `start` (visits by worker, in order) or better.

    `on` is an engine with more cores than this process's one. A KeyboardInterrupt ends the search, and the best plan so
    far is the answer. Raises ValueError for an effort without an end."""
    begun = stop.clock()
    search = _Search(problem, stop, seed, on or engine.Engine(1, None), progress)
    best = search.settle(start, {}) if start else ()
    guess = _guess(problem, best)
    shares = _SHARES if _is_guessed(problem) else (1.0,)
    settling = stop.clock() - begun
    for number, share in enumerate(shares):
        gone = stop.clock() - begun
        if stop.cancelled() or (number and stop.seconds is not None and gone + settling > 0.9 * stop.seconds):
            break
        # Building models and settling take their time, too: what is left of it is shared out.
        rounds = len(shares) - number
        left = None if stop.seconds is None else max(0.0, stop.seconds - gone - rounds * settling)
        seconds = None if left is None else left * share / sum(shares[number:])
        orders = search.round(guess, best, number, sum(shares[:number]), share, seconds)
        searched = stop.clock()
        found = search.settle(orders, _together(problem, orders))
        settling = stop.clock() - searched
        if _total(problem, found) < _total(problem, best):
            best = found
        guess = _guess(problem, found)
    return Plan(best, tuple(reasons(problem, best)))


@dataclass(frozen=True, slots=True)
class _Search:
    problem: Problem
    stop: Effort
    seed: int
    on: engine.Engine
    progress: Callable[[Progress], None] | None

    def round(
        self, guess: Guess, best: tuple[Route, ...], number: int, gone: float, share: float, seconds: float | None
    ) -> Orders:
        """Orders of visits that a search on the guess finds, from the best plan on."""
        if not self.problem.visits or not self.problem.workers:
            return {}
        model = model_of(self.problem, guess)
        stop = self.stop
        budget = engine.Budget(
            seconds,
            None if stop.iterations is None else max(1, round(stop.iterations * share)),
            stop.clock,
        )

        def better(_: object, part: float) -> bool:
            if self.progress is not None:
                self.progress(Progress(min(1.0, gone + share * part), _total(self.problem, best)))
            return not stop.cancelled()

        start = engine.descended(model.data, model.solution(best), self.seed + number)
        found = engine.search(model.data, budget, self.seed + number, self.on, start, better)
        return model.orders(found)

    def settle(self, orders: Orders, together: Mapping[str, Seconds]) -> tuple[Route, ...]:
        """Routes in these orders that keep every rule: what does not fit is put where it does, or left out."""
        kept = {worker: [v for v in own if self._may(worker, v)] for worker, own in orders.items()}
        agreed = dict(together)
        routes = _fitting(self.problem, kept, agreed)
        left = [
            one for one in self.problem.visits if not any(s.visit == one.id for r in routes.values() for s in r.stops)
        ]
        for visit in sorted(left, key=lambda one: (-self.problem.penalty(one), one.id)):
            _put_in(self.problem, routes, visit, agreed)
        return tuple(route for _, route in sorted(routes.items()) if route.stops)

    def _may(self, worker: str, visit: str) -> bool:
        known = self.problem.worker.get(worker), self.problem.visit.get(visit)
        return known[0] is not None and known[1] is not None and may_do(known[0], known[1])


def _total(problem: Problem, routes: tuple[Route, ...]) -> int:
    return cost_of(problem, routes).total


def _is_guessed(problem: Problem) -> bool:
    return (
        problem.travel.varies or any(one.off for one in problem.workers) or any(one.needs > 1 for one in problem.visits)
    )


def _guess(problem: Problem, routes: tuple[Route, ...]) -> Guess:
    """What the routes say about when visits are left, where absences are spent, and when several meet."""
    leaves, together = {}, {}
    anchors: dict[tuple[str, int], int] = {}
    if routes:
        anchors = {(one.id, number): one.start for one in problem.workers for number in range(len(one.off))}
    for route in routes:
        for stop in route.stops:
            leaves[stop.visit] = stop.end
            if problem.visit[stop.visit].needs > 1:
                together[stop.visit] = stop.start
        for number, (begin, _) in enumerate(problem.worker[route.worker].off):
            before = [stop.visit for stop in route.stops if stop.start < begin]
            if before:
                anchors[route.worker, number] = problem.visit[before[-1]].place
    return Guess(leaves, anchors, together)


# ---- settling


def _fitting(problem: Problem, orders: dict[str, list[str]], together: dict[str, Seconds]) -> dict[str, Route]:
    """The routes without what does not fit: the first that cannot be at its turn is taken out, until all can."""
    while True:
        routes: dict[str, Route] = {}
        out = None
        for worker in problem.workers:
            own = [problem.visit[one] for one in orders.get(worker.id, ())]
            tried = timed(problem, worker, own, together)
            while not isinstance(tried, Route):
                out = tried or own[-1].id
                own = [one for one in own if one.id != out]
                orders[worker.id] = [one.id for one in own]
                tried = timed(problem, worker, own, together)
                if problem.visit[out].needs > 1:
                    break
            if out is not None and problem.visit[out].needs > 1:
                break
            assert isinstance(tried, Route)
            routes[worker.id] = tried
            out = None
        out = out or _apart(problem, routes)
        if out is None:
            # Whoever meets by chance has agreed, too: what is put in later must not part them.
            together |= {one.visit: one.start for one in _stops(routes) if problem.visit[one.visit].needs > 1}
            return routes
        together.pop(out, None)
        for own_ids in orders.values():
            if out in own_ids:
                own_ids.remove(out)


def _stops(routes: Mapping[str, Route]) -> Iterator[Stop]:
    return (stop for route in routes.values() for stop in route.stops)


def _apart(problem: Problem, routes: Mapping[str, Route]) -> str | None:
    """A visit that too few come to, or not all at the same time."""
    starts: dict[str, list[Seconds]] = {}
    for stop in _stops(routes):
        starts.setdefault(stop.visit, []).append(stop.start)
    return next(
        (one for one, found in starts.items() if len(found) != problem.visit[one].needs or len(set(found)) > 1), None
    )


def _together(problem: Problem, orders: Orders) -> dict[str, Seconds]:
    """Starts on which those agree who come to one visit: the latest at which any of them can be there."""
    agreed: dict[str, Seconds] = {}
    shared = [one.id for one in problem.visits if one.needs > 1]
    for _ in range(len(shared) and _MOST_TOGETHER):
        latest = dict(agreed)
        for worker in problem.workers:
            own = [problem.visit[one] for one in orders.get(worker.id, ())]
            route = timed(problem, worker, own)
            for stop in route.stops if isinstance(route, Route) else ():
                if stop.visit in shared:
                    latest[stop.visit] = max(stop.start, latest.get(stop.visit, stop.start))
        if latest == agreed:
            break
        agreed = latest
    return agreed


def _put_in(problem: Problem, routes: dict[str, Route], visit: Visit, together: dict[str, Seconds]) -> None:
    """Put a visit that was left out where it costs least, if anywhere, and for less than leaving it out does."""
    orders = {worker: [stop.visit for stop in route.stops] for worker, route in routes.items()}
    if visit.needs > 1:
        _put_in_together(problem, routes, visit, orders, together)
        return
    best: tuple[int, str, Route] | None = None
    for found in insertions(problem, orders, visit, together=together):
        old = routes.get(found.worker)
        price = _price(problem, found.route) - (_price(problem, old) if old is not None else 0)
        if price < problem.penalty(visit) and (best is None or (price, found.worker) < best[:2]):
            best = (price, found.worker, found.route)
    if best is not None:
        routes[best[1]] = best[2]


def _price(problem: Problem, route: Route) -> int:
    """What one route costs."""
    costs = problem.costs
    price = costs.travel * route.travel + costs.metre * route.metres + costs.overtime * route.overtime
    for stop in route.stops:
        visit = problem.visit[stop.visit]
        if visit.due is not None:
            price += costs.late * max(0, stop.start - visit.due)
        if visit.told is not None and not visit.told[0] <= stop.start <= visit.told[1]:
            price += costs.other_time
        if visit.now and route.worker not in visit.now:
            price += costs.other_worker
    return price


def _put_in_together(
    problem: Problem,
    routes: dict[str, Route],
    visit: Visit,
    orders: Mapping[str, list[str]],
    together: dict[str, Seconds],
) -> None:
    """As many workers as it needs at one start: the starts at which any of them could, the earliest first."""
    starts = sorted({one.start for one in insertions(problem, orders, visit, together=together)})
    for start in starts:
        at = replace(visit, windows=((start, start),), fixed=None)
        best: dict[str, tuple[Seconds, Route]] = {}
        for found in insertions(problem, orders, at, together={**together, visit.id: start}):
            if found.worker not in best or found.added < best[found.worker][0]:
                best[found.worker] = (found.added, found.route)
        if len(best) >= visit.needs:
            chosen = sorted(best, key=lambda one: (best[one][0], one))[: visit.needs]
            together[visit.id] = start
            routes.update({one: best[one][1] for one in chosen})
            return
