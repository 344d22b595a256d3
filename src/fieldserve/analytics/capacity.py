"""The hours of resources: how much of their time was scheduled, reserved, encumbered and left, by the domain's algebra.

What counts is what was so at the time: a visit or reservation that was called off while it lasted counts until then.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from fieldserve.analytics.local import Day, day_columns, local_columns, to_date
from fieldserve.analytics.world import Key, Taken, World, reservation
from fieldserve.domain.capacity import Reservation, ReservationType, Visit, capacities
from fieldserve.domain.intervals import DAY, MINUTE, Instant, Interval, Steps
from fieldserve.domain.schedules import Availability, occurrences

AHEAD = 28
"""Days ahead of the newest event for which hours are worked out."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SHIFT = 2 * DAY


class Booked(NamedTuple):
    """A visit on a resource, until it ended or was called off."""

    start: Instant
    end: Instant


def horizon(as_of: Instant) -> Day:
    """The first day (UTC) for which no hours are worked out."""
    return as_of // DAY + AHEAD


def days_of(start: Instant, end: Instant) -> range:
    """The days, in whatever zone, that something may touch."""
    return range(start // DAY - 1, max(start, end - 1) // DAY + 2)


def touched_by(availability: Availability, window: range, zone: ZoneInfo) -> set[Day]:
    """The days of the window that a record or reservation may touch in the zone."""
    if availability.recurrence is None:
        days = days_of(availability.start, availability.end)
        return set(range(max(days.start, window.start), min(days.stop, window.stop)))
    span = (window.start * DAY - _SHIFT, window.stop * DAY + _SHIFT)
    found: set[Day] = set()
    for start, end in occurrences(availability, zone, span):
        found.update(days_of(start, end))
    return {one for one in found if one in window}


def hours(
    world: World, key: Key, resource_type: str, days: Collection[Day], booked: Sequence[Booked]
) -> list[dict[str, Any]]:
    """The rows of a resource on those of its local days, without hours in which there is nothing."""
    if not (world.records.get(key) or world.by_resource.get(key) or booked):
        return []
    zone_name = world.zone_now(key)
    assert zone_name is not None, "only resources that the log knows have hours"
    zone = ZoneInfo(zone_name)
    head = {"seller_id": key[0], "resource_id": key[1], "resource_type": resource_type, "time_zone": zone_name}
    rows: list[dict[str, Any]] = []
    for first, last in _stretches(sorted(days)):
        bounds = _hours_of(first, last, zone)
        window = (bounds[0], bounds[-1])
        measured = _measure(world, key, zone, window, booked, bounds)
        for (start, end), *values in zip(pairwise(bounds), *measured, strict=True):
            if not any(values):
                continue
            local = local_columns(start, zone)
            if local["local_date"] not in days:
                continue
            scheduled, reserved, travel, encumbered, available = (value / MINUTE for value in values)
            rows.append(
                {
                    **head,
                    "hour_start": start,
                    **local,
                    "minutes": (end - start) / MINUTE,
                    "scheduled_minutes": scheduled,
                    "reserved_minutes": reserved,
                    "travel_minutes": travel,
                    "encumbered_minutes": encumbered,
                    "available_minutes": available,
                }
            )
    return rows


def _measure(
    world: World, key: Key, zone: ZoneInfo, window: Interval, booked: Sequence[Booked], bounds: Sequence[Instant]
) -> list[list[int]]:
    """Scheduled, reserved, travel, encumbered and available between neighbouring bounds, in unit-microseconds."""
    records = [one for one in world.records.get(key, ()) if _may_touch(one, window)]
    held = [one for taken in world.taken(key) for one in _held(taken, zone, window)]
    visits = [Visit(*one) for one in booked if one.start < window[1] and one.end > window[0]]
    there = capacities(records, held, visits, zone, window)
    travel = [one for one in held if one.type is ReservationType.TRAVEL]
    travelled = capacities((), travel, (), zone, window).reserved if travel else Steps()
    steps = (there.scheduled, there.reserved, travelled, there.encumbered, there.available)
    return [_integrals(one, bounds) for one in steps]


def _held(taken: Taken, zone: ZoneInfo, window: Interval) -> Iterator[Reservation]:
    held = reservation(taken)
    if not _may_touch(held.availability, window):
        return
    if taken.ended_at is None:
        yield held
        return
    # Given up at a moment: what it held before stays held.
    for start, end in occurrences(held.availability, zone, window):
        end = min(end, taken.ended_at)
        if start < end:
            yield Reservation(held.type, Availability(start, end, None, held.availability.capacity))


def _may_touch(one: Availability, window: Interval) -> bool:
    until = one.end if one.recurrence is None else one.recurrence.end + one.end - one.start + _SHIFT
    return one.start < window[1] + _SHIFT and until > window[0]


def _integrals(steps: Steps, bounds: Sequence[Instant]) -> list[int]:
    """The area under a step function between neighbouring bounds."""
    if not steps.times:
        return [0] * (len(bounds) - 1)
    times, values = steps.times, steps.values
    areas = [
        0,
        *accumulate(value * (end - start) for (start, end), value in zip(pairwise(times), values, strict=False)),
    ]

    def until(instant: Instant) -> int:
        at = bisect_left(times, instant)
        if at == 0:
            return 0
        return areas[at - 1] + values[at - 1] * (instant - times[at - 1])

    return [after - before for before, after in pairwise(until(one) for one in bounds)]


def _stretches(days: Iterable[Day]) -> Iterator[tuple[Day, Day]]:
    """Runs of days, first and last; a gap of a few days is cheaper crossed than begun anew behind."""
    first = last = None
    for day in days:
        if first is None or last is None:
            first = day
        elif day > last + 4:
            yield first, last
            first = day
        last = day
    if first is not None and last is not None:
        yield first, last


def _hours_of(first: Day, last: Day, zone: ZoneInfo) -> list[Instant]:
    """Where the hours of the clock begin from one local day to another, and where the last one ends."""
    bounds = [one for day in range(first, last + 1) for one in _begins(day, zone)]
    # A zone that crossed the date line has no such day.
    following = next(found for day in range(last + 1, last + 4) if (found := _begins(day, zone)))
    return [*bounds, following[0]]


@lru_cache(maxsize=10_000)
def _begins(day: Day, zone: ZoneInfo) -> tuple[Instant, ...]:
    """Where the hours of a local day begin: a skipped hour is missing, a repeated one there twice."""
    at = to_date(day)
    walls = (datetime(at.year, at.month, at.day, hour, tzinfo=zone, fold=fold) for hour in range(24) for fold in (0, 1))
    found = sorted({(wall.astimezone(UTC) - _EPOCH) // _MICROSECOND for wall in walls})
    # An hour that is skipped is read as one of its neighbours; what falls on another day is not this day's.
    return tuple(one for one in found if local_columns(one, zone)["local_date"] == day)


def calendar(days: Iterable[Day]) -> list[dict[str, Any]]:
    """The rows of the calendar from the first to the last of the days."""
    known = sorted(days)
    if not known:
        return []
    rows = []
    for day in range(known[0], known[-1] + 1):
        columns = day_columns(day)
        rows.append({"date": day, **{name: columns[name] for name in ("week_start", "month_start", "weekday")}})
    return rows
