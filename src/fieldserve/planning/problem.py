"""What is to be planned, and what it may cost.

Hard rules, which no plan breaks:

- A visit is done by as many workers as it needs, all from the same second on, each of whom has its skills, works at its
  type of location and for its store; where it is pinned, by exactly those it is pinned to.
- It begins within one of its windows, and at its fixed start where it has one.
- A worker works within the shift and its overtime, on one thing at a time, never while off, and is back where the day
  ends within `longest` of the shift's begin. With `commute` inside, the ways from and to the ends of the day lie within
  the shift, too.
- Between two visits of a worker lies the way from one to the other at the hour of leaving, and at least the longer of
  what the first wants after it and the second before it. Driving pauses while the worker is off.

What is not kept of these is left out, and costs its penalty; the rest of the costs are weighed against each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Seconds = int
Span = tuple[Seconds, Seconds]
Rows = Sequence[Sequence[int]]

UNREACHABLE = 7 * 86_400
"""Seconds of travel from which on there is no road."""


class ProblemFault(ValueError):
    """The problem contradicts itself, or asks for what cannot be planned. The text says which part, and why."""


@dataclass(frozen=True, slots=True)
class Worker:
    """Somebody who is sent. `start` and `end` are places; `shift` is when work is done, `off` what of it is not."""

    id: str
    start: int
    end: int
    shift: Span
    off: tuple[Span, ...] = ()
    skills: frozenset[str] = frozenset()
    locations: frozenset[str] = frozenset()
    stores: frozenset[str] = frozenset()
    overtime: Seconds = 0
    longest: Seconds | None = None
    commute: Literal["outside", "inside"] = "outside"

    @property
    def last(self) -> Seconds:
        """When everything is over at the latest."""
        end = self.shift[1] + self.overtime
        return end if self.longest is None else min(end, self.shift[0] + self.longest)

    @property
    def on_duty(self) -> Seconds:
        """How long the shift is without what is off."""
        return self.shift[1] - self.shift[0] - sum(end - start for start, end in self.off)


@dataclass(frozen=True, slots=True)
class Visit:
    """Work at a place. `windows` are first and last start, both possible.

    `due` is the last start that is on time; later costs. `told` is the window that the customer was told, `now` who is
    to come by what was told: keeping both costs nothing. `pinned` names exactly those who come. `priority` multiplies
    what leaving it out costs. A `frozen` visit has `fixed` and `pinned`, and is left out where even that cannot be."""

    id: str
    place: int
    windows: tuple[Span, ...]
    duration: Seconds
    skills: frozenset[str] = frozenset()
    location: str = ""
    store: str = ""
    needs: int = 1
    priority: float = 1.0
    pinned: frozenset[str] = frozenset()
    fixed: Seconds | None = None
    frozen: bool = False
    before: Seconds = 0
    after: Seconds = 0
    due: Seconds | None = None
    told: Span | None = None
    now: frozenset[str] = frozenset()

    @property
    def starts(self) -> tuple[Span, ...]:
        """When it may begin: first and last start of each stretch."""
        if self.fixed is None:
            return self.windows
        inside = any(first <= self.fixed <= last for first, last in self.windows) or not self.windows
        return ((self.fixed, self.fixed),) if inside else ()


@dataclass(frozen=True)
class Travel:
    """Ways between places, by the hour of leaving: `seconds[n]` holds from `begins[n]` on (the first one also before).

    `metres` are the same at all hours."""

    begins: tuple[Seconds, ...]
    seconds: tuple[Rows, ...]
    metres: Rows

    @staticmethod
    def always(seconds: Rows, metres: Rows | None = None) -> "Travel":
        """The same at all hours; metres are the seconds where none are given."""
        return Travel((0,), (seconds,), metres if metres is not None else seconds)

    @property
    def varies(self) -> bool:
        """Whether it matters when one leaves."""
        return len(self.begins) > 1

    def period(self, leaving: Seconds) -> int:
        """Which of the matrices holds for who leaves then."""
        found = 0
        for number, begin in enumerate(self.begins):
            if begin <= leaving:
                found = number
        return found

    def time(self, origin: int, target: int, leaving: Seconds) -> Seconds:
        """How long the way takes for who leaves then."""
        return self.seconds[self.period(leaving) if len(self.begins) > 1 else 0][origin][target]


@dataclass(frozen=True, slots=True)
class Costs:
    """What one second, one metre, one change costs. Leaving a visit out costs `left_out` × its priority × the workers
    that it needs, which has to outweigh all that doing it could cost."""

    travel: int = 1
    metre: int = 0
    overtime: int = 2
    late: int = 2
    other_worker: int = 1_800
    other_time: int = 3_600
    left_out: int = 200_000


@dataclass(frozen=True)
class Problem:
    """A day to be planned. Raises ProblemFault where it contradicts itself."""

    workers: tuple[Worker, ...]
    visits: tuple[Visit, ...]
    travel: Travel
    costs: Costs = Costs()

    def __post_init__(self) -> None:
        for faults in (_worker_faults(self), _visit_faults(self), _travel_faults(self)):
            if faults:
                raise ProblemFault("; ".join(faults[:5]))

    @cached_property
    def worker(self) -> dict[str, Worker]:
        """Workers by id."""
        return {one.id: one for one in self.workers}

    @cached_property
    def visit(self) -> dict[str, Visit]:
        """Visits by id."""
        return {one.id: one for one in self.visits}

    def penalty(self, visit: Visit) -> int:
        """What leaving it out costs."""
        frozen = 10 if visit.frozen else 1
        return round(self.costs.left_out * visit.priority * visit.needs * frozen)


def mismatches(worker: Worker, visit: Visit) -> list[str]:
    """What keeps the worker from the visit at any hour: PINNED, SKILLS, LOCATION_TYPE, STORE."""
    tests = (
        ("PINNED", not visit.pinned or worker.id in visit.pinned),
        ("SKILLS", visit.skills <= worker.skills),
        ("LOCATION_TYPE", not visit.location or visit.location in worker.locations),
        ("STORE", not visit.store or visit.store in worker.stores),
    )
    return [name for name, passed in tests if not passed]


def may_do(worker: Worker, visit: Visit) -> bool:
    """Whether the worker could do the visit at some hour. Who is on a frozen visit stays, whatever changed since."""
    found = mismatches(worker, visit)
    return not found or (visit.frozen and "PINNED" not in found)


# ---- what contradicts itself


def _worker_faults(problem: Problem) -> list[str]:
    faults = _twice("worker", [one.id for one in problem.workers])
    for one in problem.workers:
        start, end = one.shift
        if start >= end:
            faults.append(f"the shift of {one.id} ends before it begins")
        last = start
        for begin, until in one.off:
            if not last <= begin < until <= end:
                faults.append(f"what {one.id} is off must lie within the shift, in order and without overlap")
                break
            last = until
        if one.overtime < 0 or (one.longest is not None and one.longest <= 0):
            faults.append(f"overtime and longest of {one.id} must not be negative")
    return faults


def _visit_faults(problem: Problem) -> list[str]:
    faults = _twice("visit", [one.id for one in problem.visits])
    known = {one.id for one in problem.workers}
    for one in problem.visits:
        if one.duration <= 0 or one.before < 0 or one.after < 0:
            faults.append(f"{one.id} must take time, and want none less than none before and after it")
        if any(first > last for first, last in one.windows) or not (one.windows or one.fixed is not None):
            faults.append(f"{one.id} has no window, or one that ends before it begins")
        if one.needs < 1 or (one.pinned and len(one.pinned) != one.needs):
            faults.append(f"{one.id} needs {one.needs} and is pinned to {len(one.pinned)}")
        if one.frozen and not (one.pinned and one.fixed is not None):
            faults.append(f"{one.id} is frozen without saying where")
        if one.priority <= 0:
            faults.append(f"the priority of {one.id} must be above 0")
        if unknown := one.pinned - known:
            faults.append(f"{one.id} is pinned to {', '.join(sorted(unknown))}, whom nobody knows")
    return faults


def _travel_faults(problem: Problem) -> list[str]:
    travel = problem.travel
    size = len(travel.metres)
    places = [place for one in problem.workers for place in (one.start, one.end)] + [
        one.place for one in problem.visits
    ]
    faults = []
    if not travel.begins or len(travel.begins) != len(travel.seconds) or list(travel.begins) != sorted(travel.begins):
        faults.append("travel times need a matrix for each hour that they begin, in order")
    if any(len(rows) != size or any(len(row) != size for row in rows) for rows in (*travel.seconds, travel.metres)):
        faults.append("matrices of travel must be square and all of one size")
    if any(not 0 <= place < size for place in places):
        faults.append("a place has no travel times")
    if any(value < 0 for rows in travel.seconds for row in rows for value in row):
        faults.append("no way takes less than no time")
    return faults


def _twice(what: str, ids: list[str]) -> list[str]:
    seen: set[str] = set()
    return [f"there are two of the {what} {one}" for one in ids if one in seen or seen.add(one)]  # type: ignore[func-returns-value]
