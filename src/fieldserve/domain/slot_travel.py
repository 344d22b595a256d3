"""Slots that can be driven to: travel between two visits is a gap that has to lie between them, as a buffer is.

The slots of a job whose place is known leave, between it and each visit of a technician whose place is known, the time
that it takes from the one to the other: the gap is the greatest of that and the two buffers. Nothing else of the rule
changes, so reading slots and booking still ask the same functions.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

from .capacity import Visit
from .intervals import Instant, Interval
from .slots import ServiceRules, StoreState, busy_starts

P = TypeVar("P")

Whose = tuple[str, Instant, Instant]
"""A visit by its technician ("" where it waits for one), start and end."""


class Travel(NamedTuple):
    """Microseconds from the job to a visit, and from the visit to the job."""

    there: int
    back: int


def leaving_time(state: StoreState, travel: Mapping[Whose, Travel]) -> StoreState:
    """The store as the job sees it: the buffers of its technicians' and waiting visits hold the travel."""
    return state._replace(
        waiting=_widened("", state.waiting, travel),
        technicians=[one._replace(visits=_widened(one.technician_id, one.visits, travel)) for one in state.technicians],
    )


def _widened(technician_id: str, visits: Sequence[Visit], travel: Mapping[Whose, Travel]) -> list[Visit]:
    return [_wide(visit, travel.get((technician_id, visit.start, visit.end))) for visit in visits]


def _wide(visit: Visit, travel: Travel | None) -> Visit:
    if travel is None:
        return visit
    return visit._replace(
        buffer_before=max(visit.buffer_before, travel.there), buffer_after=max(visit.buffer_after, travel.back)
    )


class Stop(NamedTuple, Generic[P]):
    """A visit of a technician's whose place is known, in whatever way the caller tells places apart."""

    start: Instant
    end: Instant
    place: P


class Added(NamedTuple):
    """What a start costs: seconds of travel on top of the day of the technician for whom they are the fewest."""

    seconds: int
    technician_id: str


def added_travel(
    service: ServiceRules,
    store: StoreState,
    starts: Sequence[Instant],
    stops: Mapping[str, Sequence[Stop[P]]],
    homes: Mapping[str, P],
    place: P,
    way: Callable[[P, P, Instant], int],
    day_of: Callable[[Instant], Interval],
) -> list[Added | None]:
    """For each start the travel that the service there would add, or None where nobody is free of whom it is known.

    A visit put between two others adds the way there and the way on, less the way that it interrupts; the first and
    last of a day, as `day_of` tells the days, come from home and lead home. `way` tells seconds between two places,
    leaving at an instant; `stops` and `homes` are by technician.
    """
    found: list[Added | None] = [None] * len(starts)
    if not starts:
        return found
    window = (starts[0], starts[-1] + service.duration)
    for technician, busy in busy_starts(service, store, service.duration, window):
        home = homes.get(technician.technician_id)
        own = sorted(stops.get(technician.technician_id, ()))
        begins, ends = [one.start for one in own], sorted(one.end for one in own)
        until = [end for _, end in busy]
        for rank, start in enumerate(starts):
            at = bisect_right(until, start)
            if at < len(busy) and busy[at][0] <= start:
                continue
            day = day_of(start)
            end = start + service.duration
            # Nothing of theirs overlaps a start that they are free for, so those that end before it come first.
            before = bisect_right(ends, start) - 1
            after = bisect_left(begins, end)
            origin = own[before].place if before >= 0 and ends[before] > day[0] else home
            target = own[after].place if after < len(own) and begins[after] < day[1] else home
            if origin is None or target is None:
                continue
            seconds = way(origin, place, start) + way(place, target, end) - way(origin, target, start)
            best = found[rank]
            if best is None or seconds < best.seconds:
                found[rank] = Added(seconds, technician.technician_id)
    return found
