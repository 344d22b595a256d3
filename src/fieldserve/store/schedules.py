"""Schedules: the availability records of resources, in the order in which they were made.

A later record overrides an earlier one where they overlap, so the order is part of the data.
Reservations are kept in the same columns, which this file turns into the domain's values and back.
"""

from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import Any

from fieldserve.domain.intervals import DAY, Instant, Interval
from fieldserve.domain.schedules import Availability, Recurrence
from fieldserve.store.engine import Connection, Row, placeholders

COLUMNS = "start_at, end_at, recurs_until, days_of_week, days_of_month, capacity"
"""An availability; `recurs_until` is NULL for a single interval.

Bit 0 of days_of_week is Monday, bit n of days_of_month the n-th; 0 stands for no such days."""

# An occurrence repeats a wall-clock time, so a change of the clocks can move its start, and stretch it, by at most a
# day (as when a zone crosses the date line). Reading too much by that much keeps every statement right in every zone.
SHIFT = DAY


def availability(row: Row, first: int = 0) -> Availability:
    """The availability in the columns of a row from `first` on."""
    start, end, until, weekdays, month_days, capacity = row[first : first + 6]
    recurrence = None if until is None else Recurrence(until, _days(weekdays), _days(month_days))
    return Availability(start, end, recurrence, capacity)


def columns(value: Availability) -> tuple[Any, ...]:
    """What the columns of an availability hold."""
    recurrence = value.recurrence
    if recurrence is None:
        return value.start, value.end, None, 0, 0, value.capacity
    week, month = _mask(recurrence.days_of_week), _mask(recurrence.days_of_month)
    return value.start, value.end, recurrence.end, week, month, value.capacity


def last_at(value: Availability) -> Instant:
    """An instant from which on an availability no longer matters, in whatever zone it is read."""
    if value.recurrence is None:
        return value.end
    return value.recurrence.end + value.end - value.start + 2 * SHIFT


@lru_cache(maxsize=4096)
def _days(mask: int) -> frozenset[int]:
    return frozenset(day for day in range(32) if mask >> day & 1)


def _mask(days: Iterable[int]) -> int:
    return sum(1 << day for day in days)


_OF_RESOURCES = f"""
SELECT resource_id, {COLUMNS} FROM schedule_records
WHERE seller_id = $1 AND last_at > $2 AND start_at < $3 AND resource_id IN ({{ids}})"""

_NEXT_POSITION = "SELECT MAX(position) FROM schedule_records WHERE seller_id = $1 AND resource_id = $2"

_NUMBERED = f"""
SELECT position, {COLUMNS} FROM schedule_records
WHERE seller_id = $1 AND resource_id = $2 AND last_at > $3 AND start_at < $4 ORDER BY position"""

_DELETE = "DELETE FROM schedule_records WHERE seller_id = $1 AND resource_id = $2 AND position = $3"

_APPEND = f"""
INSERT INTO schedule_records (seller_id, resource_id, position, last_at, {COLUMNS})
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"""


async def of_resources(
    c: Connection, seller_id: str, resource_ids: Sequence[str], window: Interval
) -> dict[str, list[Availability]]:
    """The records of each of the resources that may touch the window, in order; a resource without any is left out."""
    rows = await c.fetch(
        _OF_RESOURCES.format(ids=placeholders(resource_ids, after=3)) + " ORDER BY resource_id, position",
        seller_id,
        window[0],
        window[1] + SHIFT,
        *resource_ids,
    )
    found: dict[str, list[Availability]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(availability(row, 1))
    return found


async def numbered(c: Connection, seller_id: str, resource_id: str, window: Interval) -> list[tuple[int, Availability]]:
    """A resource's records that may touch the window, in order, each with its position."""
    rows = await c.fetch(_NUMBERED, seller_id, resource_id, window[0], window[1] + SHIFT)
    return [(row[0], availability(row, 1)) for row in rows]


async def delete(c: Connection, seller_id: str, resource_id: str, positions: Collection[int]) -> None:
    """Delete records that others cover wholly. The caller holds the resource's lock, and appends those others first."""
    await c.execute_many(_DELETE, [(seller_id, resource_id, position) for position in positions])


async def append(c: Connection, seller_id: str, resource_id: str, records: Sequence[Availability]) -> None:
    """Add records behind those that there are. The caller holds the resource's lock."""
    row = await c.fetch_one(_NEXT_POSITION, seller_id, resource_id)
    position = 0 if row is None or row[0] is None else row[0] + 1
    await c.execute_many(
        _APPEND,
        [
            (seller_id, resource_id, position + rank, last_at(record), *columns(record))
            for rank, record in enumerate(records)
        ],
    )
