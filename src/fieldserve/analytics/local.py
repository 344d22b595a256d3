"""Instants in local terms, as the facts' columns hold them: dates are days since 1970-01-01."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from fieldserve.domain.intervals import DAY, HOUR, MINUTE, Instant

Day = int
"""Days since 1970-01-01."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = date(1970, 1, 1)


def minutes(start: Instant | None, end: Instant | None) -> float | None:
    """From start to end, None where either is unknown."""
    return None if start is None or end is None else (end - start) / MINUTE


def to_date(day: Day) -> date:
    """The day as a date."""
    return _FIRST + timedelta(days=day)


def to_day(value: date) -> Day:
    """The date as a day."""
    return (value - _FIRST).days


def date_of(instant: Instant, zone: ZoneInfo) -> Day:
    """The local day of an instant."""
    return (instant + offset_at(instant, zone)) // DAY


def offset_at(instant: Instant, zone: ZoneInfo) -> int:
    """The offset from UTC in microseconds."""
    return _offset(instant // (15 * MINUTE), zone)


@lru_cache(maxsize=100_000)
def _offset(quarter: int, zone: ZoneInfo) -> int:
    # Zones change their clocks at whole quarters of an hour, since 1972 at the latest.
    offset = zone.utcoffset((_EPOCH + timedelta(minutes=15 * quarter)).astimezone(zone))
    assert offset is not None
    return offset // timedelta(microseconds=1)


def local_columns(instant: Instant, zone: ZoneInfo) -> dict[str, Any]:
    """The columns that say when an instant was in local terms."""
    wall = instant + offset_at(instant, zone)
    return {**day_columns(wall // DAY), "local_hour": wall % DAY // HOUR}


@lru_cache(maxsize=10_000)
def day_columns(day: Day) -> dict[str, Any]:
    """The columns of a day."""
    at = to_date(day)
    return {
        "local_date": day,
        "week_start": day - at.weekday(),
        "month_start": day - at.day + 1,
        "weekday": at.isoweekday(),
    }
