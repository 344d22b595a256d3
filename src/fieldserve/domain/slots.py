"""Where an appointment can start, and how many of them: the one rule behind reading slots and booking.

A slot's capacity is the largest number of such jobs that could still start there. Readers call `slots`; whoever
books calls `capacity_at`, which answers for one start exactly what `slots` lists for it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from .capacity import Reservation, Visit, visiting
from .intervals import DAY, HOUR, ZERO, Instant, Interval, Steps, union
from .schedules import LAST_ORDINAL, Availability, instant_of, local, open_hours, scheduled, weighed

__all__ = [
    "HORIZON",
    "SchedulingType",
    "ServiceRules",
    "Slot",
    "StoreState",
    "TechnicianState",
    "Visit",
    "busy_starts",
    "capacity_at",
    "conflict",
    "slots",
]

HORIZON = 365 * DAY
"""An appointment starts at most this long after now."""


class SchedulingType(StrEnum):
    """Who holds a store's inventory: this server (REAL_TIME) or the seller's own system (NON_REAL_TIME)."""

    REAL_TIME_SCHEDULING = "REAL_TIME_SCHEDULING"
    NON_REAL_TIME_SCHEDULING = "NON_REAL_TIME_SCHEDULING"


class ServiceRules(NamedTuple):
    """What a service asks for. Durations are positive, buffers and notice at least zero, all in microseconds."""

    duration: int
    slot_interval: int
    notice: int = 2 * HOUR
    buffer_before: int = 0
    buffer_after: int = 0
    skills: frozenset[str] = frozenset()
    location_type: str = ""


class TechnicianState(NamedTuple):
    """A technician of the store. `eligible`: registered and with a background check. `zone`: of its own records."""

    technician_id: str
    skills: frozenset[str]
    location_types: frozenset[str]
    eligible: bool
    records: Sequence[Availability]
    reservations: Sequence[Reservation]
    visits: Sequence[Visit]
    zone: ZoneInfo


class StoreState(NamedTuple):
    """A store and all that is booked on it.

    `visits` are all its active appointments, `waiting` those among them that have no technician yet. Records,
    reservations and visits may be left out if they lie further from the window than a visit's or the service's buffer.
    """

    zone: ZoneInfo
    scheduling_type: str
    records: Sequence[Availability]
    reservations: Sequence[Reservation] = ()
    visits: Sequence[Visit] = ()
    waiting: Sequence[Visit] = ()
    technicians: Sequence[TechnicianState] = ()


class Slot(NamedTuple):
    """Room for `capacity` more appointments from `start` until `end`; a full slot has capacity 0."""

    start: Instant
    end: Instant
    capacity: int


def slots(service: ServiceRules, store: StoreState, window: Interval, now: Instant) -> list[Slot]:
    """The service's slots that lie inside the window, ascending by start.

    A REAL_TIME store answers every start of its grid (from each local midnight, every `slot_interval`) from which the
    service's duration lies inside the window and inside scheduled hours, with what can still start there: 0 when
    full, before now + notice, or more than 365 days after now. A NON_REAL_TIME store answers its hours from `now` on,
    each run of equal scheduled capacity that is long enough for the service, with that capacity.
    """
    duration = service.duration
    hours = scheduled(store.records, store.zone, window)
    if store.scheduling_type != SchedulingType.REAL_TIME_SCHEDULING:
        runs = hours.runs((max(window[0], now), window[1]))
        return [Slot(*run) for run in runs if run[2] >= 1 and run[1] - run[0] >= duration]
    starts = _grid(hours, service, store.zone)
    left = _capacities(service, store, hours, starts, duration, now)
    ends = [start + duration for start in starts]
    return list(map(Slot._make, zip(starts, ends, left, strict=True)))


def capacity_at(service: ServiceRules, store: StoreState, start: Instant, duration: int, now: Instant) -> int:
    """How many jobs of the service can still start at `start` and last `duration` microseconds.

    0 for a start off the store's grid, or where the hours do not last; a NON_REAL_TIME store has no grid, only hours
    and a start after now. ValueError when the duration is shorter than the service's.
    """
    if duration < service.duration:
        raise ValueError("an appointment is never shorter than its service")
    end = start + duration
    if store.scheduling_type != SchedulingType.REAL_TIME_SCHEDULING:
        return scheduled(store.records, store.zone, (start, end)).minimum(start, end) if start > now else 0
    if (start - _midnight_before(store.zone, start)) % service.slot_interval:
        return 0
    hours = scheduled(store.records, store.zone, (start, end))
    if hours.minimum(start, end) < 1:
        return 0
    return _capacities(service, store, hours, [start], duration, now)[0]


def conflict(one: Visit, other: Visit) -> bool:
    """Whether two visits are too close for one technician.

    The later must start no sooner than the earlier's end plus the greater (not the sum) of the buffer after the
    earlier and the buffer before the later.
    """
    first, second = (one, other) if one.start <= other.start else (other, one)
    if second.start < first.end + max(first.buffer_after, second.buffer_before):
        return True
    return one.start == other.start


@lru_cache(maxsize=16384)
def _midnight(zone: ZoneInfo, ordinal: int) -> Instant:
    return instant_of(zone, ordinal, 0)


def _midnight_before(zone: ZoneInfo, instant: Instant) -> Instant:
    """The latest local midnight at or before the instant."""
    ordinal, _ = local(zone, instant)
    # Clocks set back across midnight (St. John's did, at 00:01) return to a date whose successor has begun.
    if ordinal < LAST_ORDINAL:
        following = _midnight(zone, ordinal + 1)
        if following <= instant:
            return following
    return _midnight(zone, ordinal)


def _grid(hours: Steps, service: ServiceRules, zone: ZoneInfo) -> list[Instant]:
    """The starts of the store's grid from which the service's duration lies inside scheduled hours."""
    interval = service.slot_interval
    starts: list[Instant] = []
    for opens, closes in union((start, end) for start, end, value in _runs_of(hours) if value >= 1):
        last = closes - service.duration
        midnight = _midnight_before(zone, opens)
        ordinal = local(zone, midnight)[0]
        while midnight <= last:
            ordinal += 1
            following = _midnight(zone, ordinal) if ordinal <= LAST_ORDINAL else last + 1
            first = midnight + max(0, -((midnight - opens) // interval)) * interval
            starts += range(first, min(following, last + 1), interval)
            midnight = following
    return starts


def _runs_of(steps: Steps) -> Iterator[tuple[Instant, Instant, int]]:
    return zip(steps.times, steps.times[1:], steps.values, strict=False)


def _capacities(
    service: ServiceRules, store: StoreState, hours: Steps, starts: list[Instant], duration: int, now: Instant
) -> list[int]:
    """How many jobs can still start at each of the starts, all of them on the grid and inside `hours`."""
    first = bisect_left(starts, now + service.notice)
    past = bisect_right(starts, now + HORIZON)
    open_starts = starts[first:past]
    if not open_starts:
        return [0] * len(starts)
    ends = [start + duration for start in open_starts]
    window = (open_starts[0], ends[-1])
    reserved = _reserved(store.reservations, store.zone, window)
    left = (hours - (visiting(store.visits) + reserved)).minima(open_starts, ends)
    if store.technicians:
        staff = _staff(service, store, open_starts, duration, window)
        left = [one if one < other else other for one, other in zip(left, staff, strict=True)]
    left = [capacity if capacity > 0 else 0 for capacity in left]
    return [0] * first + left + [0] * (len(starts) - past)


def _reserved(reservations: Sequence[Reservation], zone: ZoneInfo, window: Interval) -> Steps:
    """What all reservations of a resource, appointments or not, take together."""
    if not reservations:
        return ZERO
    return Steps.weighing(run for each in reservations for run in weighed(each.availability, zone, window))


def _staff(
    service: ServiceRules, store: StoreState, starts: list[Instant], duration: int, window: Interval
) -> list[int]:
    """How many eligible technicians are free from each start for the duration, less the waiting visits in conflict.

    Turned round: a visit, or an hour off, forbids a stretch of starts. Summing over the technicians the stretches in
    which each cannot start gives how many are busy; one pass over the starts reads it off.
    """
    forbidden = _forbidden(service, store.waiting, duration)
    staff = 0
    for _, busy in busy_starts(service, store, duration, window):
        forbidden += busy
        staff += 1
    begun = sorted([begin for begin, _ in forbidden])
    done = sorted([until for _, until in forbidden])
    return [staff - bisect_right(begun, start) + bisect_right(done, start) for start in starts]


def busy_starts(
    service: ServiceRules, store: StoreState, duration: int, window: Interval
) -> Iterator[tuple[TechnicianState, list[Interval]]]:
    """Each technician who may do the service, with the starts in the window from which they cannot, in stretches."""
    eligible = [
        each
        for each in store.technicians
        if each.eligible and service.location_type in each.location_types and service.skills <= each.skills
    ]
    for technician, closed in zip(eligible, _off_duty(eligible, duration, window), strict=True):
        own = _forbidden(service, technician.visits, duration) + closed
        own.sort()
        yield technician, union(own)


def _forbidden(service: ServiceRules, visits: Sequence[Visit], duration: int) -> list[Interval]:
    """For each visit, the starts from which `duration` would conflict with it, as half-open intervals.

    From `conflict`: a start s before the visit's is too late when visit.start < s + duration + gap, so from
    visit.start − duration − gap + 1 on; one at or after it is too soon until visit.end + gap.
    """
    before, after = service.buffer_before, service.buffer_after
    return [
        (
            start - duration - (after if after > buffer_before else buffer_before) + 1,
            end + (before if before > buffer_after else buffer_after),
        )
        for start, end, buffer_before, buffer_after in visits
    ]


def _off_duty(technicians: Sequence[TechnicianState], duration: int, window: Interval) -> list[list[Interval]]:
    """For each technician, the starts in the window from which `duration` would reach into time without own capacity.

    Visits need no look here: a start that overlaps a visit already conflicts with it. Many work the same hours, which
    are worked out once.
    """
    known: dict[tuple[tuple[Availability, ...], ZoneInfo], list[Interval]] = {}
    found = []
    for technician in technicians:
        zone = technician.zone
        if technician.reservations:
            duty = scheduled(technician.records, zone, window)
            duty -= _reserved(technician.reservations, zone, window)
            hours = [(begin, until) for begin, until, value in duty.runs(window) if value >= 1]
            found.append(_closed(union(hours), duration, window))
            continue
        records = tuple(technician.records)
        if (closed := known.get((records, zone))) is None:
            closed = known[records, zone] = _closed(open_hours(records, zone, window), duration, window)
        found.append(closed)
    return found


def _closed(hours: Sequence[Interval], duration: int, window: Interval) -> list[Interval]:
    """The starts from which `duration` would reach out of the hours."""
    start, end = window
    closed_until = start
    forbidden = []
    for begin, until in hours:
        if closed_until < begin:
            forbidden.append((closed_until - duration + 1, begin))
        closed_until = until
    if closed_until < end:
        forbidden.append((closed_until - duration + 1, end))
    return forbidden
