"""Instants, half-open intervals, and step functions over them.

Everything is exact integer arithmetic on microseconds: no grid, no floats, no time zones. Sorting, adding up and
searching are left to the interpreter's C code (`sorted`, `accumulate`, `bisect`) where that is faster; a million
intervals become a step function in about a second with nothing beyond the standard library.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise, repeat
from operator import neg, sub

Instant = int
"""Microseconds since 1970-01-01T00:00:00Z."""

Interval = tuple[Instant, Instant]
"""`(start, end)`, half-open: the start belongs to it, the end does not."""

Run = tuple[Instant, Instant, int]
"""`(start, end, value)`: a value that holds throughout a half-open interval."""

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True)
class Steps:
    """A whole-number step function of time that is zero outside finitely many steps.

    `values[i]` holds from `times[i]` until `times[i + 1]`; before the first and from the last time on the function
    is zero (the last value is 0). The form is canonical (times ascend, neighbouring values differ, the first value
    is not 0), so two equal functions compare equal. Make one with `weighing`, `counting` or `changing`.
    """

    times: tuple[Instant, ...] = ()
    values: tuple[int, ...] = ()

    @staticmethod
    def changing(changes: dict[Instant, int]) -> "Steps":
        """The function that changes by `changes[t]` at each t; the changes must add up to zero."""
        if 0 in changes.values():
            changes = {time: change for time, change in changes.items() if change}
        times = tuple(sorted(changes))
        return Steps(times, tuple(accumulate(map(changes.__getitem__, times))))

    @staticmethod
    def weighing(weighted: Iterable[Run]) -> "Steps":
        """The sum of `(start, end, weight)` intervals in any order; empty or reversed ones count for nothing."""
        changes: dict[Instant, int] = {}
        for start, end, weight in weighted:
            if start < end:
                changes[start] = changes.get(start, 0) + weight
                changes[end] = changes.get(end, 0) - weight
        return Steps.changing(changes)

    @staticmethod
    def counting(starts: Iterable[Instant], ends: Iterable[Instant]) -> "Steps":
        """How many of the intervals, given as starts and as ends in any order, hold at each instant.

        Each interval must end after it starts. Linear in intervals that come ascending, since sorting them is.
        """
        begun, done = sorted(starts), sorted(ends)
        if not begun:
            return ZERO
        times: list[Instant] = []
        values: list[int] = []
        last, level, shown, ended, end = begun[0], 0, 0, 0, done[0]
        begun.append(done[-1])  # takes the loop past all ends, and the next stops it there
        done.append(done[-1] + 1)
        for start in begun:
            while end <= start:
                if end != last:
                    if level != shown:
                        times.append(last)
                        values.append(level)
                        shown = level
                    last = end
                level -= 1
                ended += 1
                end = done[ended]
            if start != last:
                if level != shown:
                    times.append(last)
                    values.append(level)
                    shown = level
                last = start
            level += 1
        return Steps((*times, last), (*values, 0))

    @staticmethod
    def painting(runs: Iterable[Run]) -> "Steps":
        """The function of ascending runs that do not overlap; neighbours may touch and may be equal."""
        times: list[Instant] = []
        values: list[int] = []
        until, current = 0, 0
        for start, end, value in runs:
            if current and until < start:
                times.append(until)
                values.append(0)
                current = 0
            if value != current:
                times.append(start)
                values.append(value)
                current = value
            until = end
        if current:
            times.append(until)
            values.append(0)
        return Steps(tuple(times), tuple(values))

    def changes(self) -> dict[Instant, int]:
        """By how much the function changes, at each instant where it does."""
        return dict(zip(self.times, map(sub, self.values, (0, *self.values)), strict=True))

    def __neg__(self) -> "Steps":
        return Steps(self.times, tuple(map(neg, self.values)))

    def __add__(self, other: "Steps") -> "Steps":
        if not other.times:
            return self
        if not self.times:
            return other
        few, many = sorted((self, other), key=lambda steps: len(steps.times))
        changes = many.changes()
        for time, change in few.changes().items():
            changes[time] = changes.get(time, 0) + change
        return Steps.changing(changes)

    def __sub__(self, other: "Steps") -> "Steps":
        return self + -other if other.times else self

    def max0(self) -> "Steps":
        """The function with every negative value raised to zero."""
        if not self.values or min(self.values) >= 0:
            return self
        raised = [value if value > 0 else 0 for value in self.values]
        kept = [i for i, value in enumerate(raised) if value != (raised[i - 1] if i else 0)]
        return Steps(tuple(self.times[i] for i in kept), tuple(raised[i] for i in kept))

    def clip(self, window: Interval) -> "Steps":
        """The function inside the window, zero outside it."""
        start, end = window
        if start >= end or not self.times:
            return ZERO
        first, last = bisect_right(self.times, start), bisect_left(self.times, end)
        if last == len(self.times) and first == 0:
            return self
        times, values = self.times[first:last], self.values[first:last]
        opening = self.values[first - 1] if first else 0
        if opening:
            times, values = (start, *times), (opening, *values)
        if values and values[-1]:
            times, values = (*times, end), (*values, 0)
        return Steps(times, values)

    def at(self, instant: Instant) -> int:
        """The value at one instant."""
        index = bisect_right(self.times, instant)
        return self.values[index - 1] if index else 0

    def minimum(self, start: Instant, end: Instant) -> int:
        """The least value in [start, end), which must not be empty."""
        return self.minima((start,), (end,))[0]

    def maximum(self, start: Instant, end: Instant) -> int:
        """The greatest value in [start, end), which must not be empty."""
        return self.maxima((start,), (end,))[0]

    def minima(self, starts: Sequence[Instant], ends: Sequence[Instant]) -> list[int]:
        """The least value in each [start, end); none of them may be empty."""
        values = (0, *self.values)
        return [min(values[first:last]) for first, last in self._spans(starts, ends)]

    def maxima(self, starts: Sequence[Instant], ends: Sequence[Instant]) -> list[int]:
        """The greatest value in each [start, end); none of them may be empty."""
        values = (0, *self.values)
        return [max(values[first:last]) for first, last in self._spans(starts, ends)]

    def _spans(self, starts: Sequence[Instant], ends: Sequence[Instant]) -> Iterable[tuple[int, int]]:
        """Where each interval's values lie in `(0, *values)`, the leading 0 standing for the time before `times`."""
        times = self.times
        lasts = (last + 1 for last in map(bisect_left, repeat(times), ends))
        return zip(map(bisect_right, repeat(times), starts), lasts, strict=True)

    def samples(self, instants: Iterable[Instant]) -> list[int]:
        """The value at each of the instants."""
        values = (0, *self.values)
        return [values[index] for index in map(bisect_right, repeat(self.times), instants)]

    def runs(self, window: Interval) -> list[Run]:
        """The maximal runs of equal value that make up the window, zero runs included, in order."""
        start, end = window
        if start >= end:
            return []
        first, last = bisect_right(self.times, start), bisect_left(self.times, end)
        bounds = (start, *self.times[first:last], end)
        values = (self.values[first - 1] if first else 0, *self.values[first:last])
        return [(begin, until, value) for (begin, until), value in zip(pairwise(bounds), values, strict=True)]


ZERO = Steps()


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """The same instants as ascending intervals that neither overlap nor touch; `intervals` ascend by start."""
    merged: list[Interval] = []
    rest = iter(intervals)
    for begin, until in rest:
        for start, end in rest:
            if start > until:
                merged.append((begin, until))
                begin, until = start, end
            elif end > until:
                until = end
        merged.append((begin, until))
    return merged
