"""Stores on the wire, as operators see them."""

import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from msgspec import UNSET, Meta, UnsetType

from fieldserve.wire.errors import Says
from fieldserve.wire.limits import Ask, Id, Latitude, Longitude, MarketplaceId, Name, position_faults
from fieldserve.wire.parameters import Parameter, ParameterFault
from fieldserve.wire.parts import Part
from fieldserve.wire.schedules import (
    DAYS_OF_WEEK,
    LARGEST_CAPACITY,
    AvailabilityValue,
    DayOfWeek,
    RecurrenceValue,
)
from fieldserve.wire.slots import SchedulingType
from fieldserve.wire.times import Instant, from_datetime, to_datetime

OPEN_FOR_DAYS = 3_650
"""How long weekly hours repeat."""

STORE_ID = Parameter("storeId", "path", required=True, min_length=1, max_length=100, says="the store")
TimeOfDay = Annotated[str, Meta(pattern=r"^(?:[01][0-9]|2[0-3]):[0-5][0-9]$(?!\n)|^24:00$(?!\n)")]
Capacity = Annotated[int, Meta(ge=1, le=LARGEST_CAPACITY)]


class WeeklyHours(Ask):
    """Working hours of some days of the week, by the resource's own clock; no days stand for all seven.

    `closes` at or before `opens` is on the following day."""

    opens: TimeOfDay
    closes: TimeOfDay
    days_of_week: tuple[DayOfWeek, ...] = ()
    capacity: Capacity = 1


class CreateStore(Ask):
    """`travelAwareSlots`: a job's slots leave time to get there and on; `smartSlots`: those with the least driving
    come first."""

    name: Name
    time_zone: str
    marketplace_id: MarketplaceId
    store_id: Id | None = None
    scheduling_type: SchedulingType = "REAL_TIME_SCHEDULING"
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    opening_hours: Annotated[tuple[WeeklyHours, ...], Meta(max_length=50)] = ()
    travel_aware_slots: bool = False
    smart_slots: bool = False


class UpdateStore(Ask):
    name: Name | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    scheduling_type: SchedulingType | UnsetType = UNSET
    latitude: Latitude | UnsetType | None = UNSET
    longitude: Longitude | UnsetType | None = UNSET
    travel_aware_slots: bool | UnsetType = UNSET
    smart_slots: bool | UnsetType = UNSET


class StoreRecord(Part):
    """`mirroredFrom` is the account whose jobs it was made up from, as long as nobody has changed it."""

    store_id: str
    name: str
    time_zone: str
    marketplace_id: str
    scheduling_type: SchedulingType
    created_at: str
    latitude: float | None = None
    longitude: float | None = None
    travel_aware_slots: bool = False
    smart_slots: bool = False
    mirrored_from: str | None = None


class StoreListing(Part):
    """A page; `next` is there where more follow."""

    stores: list[StoreRecord]
    next: str | None = None


NO_STORE = Says(404, "NotFound", "The seller has no store {store_id}.", "the seller has no such store")
STORE_EXISTS = Says(
    409,
    "Conflict",
    "The seller already has a store or technician {store_id}.",
    "the id is taken by a store or a technician",
)


def store_faults(ask: CreateStore | UpdateStore) -> list[ParameterFault]:
    """What types alone do not tell about a store that is to be."""
    return position_faults(ask.latitude, ask.longitude)


def weekly_records(hours: Sequence[WeeklyHours], zone: ZoneInfo, now: Instant) -> list[AvailabilityValue]:
    """Availability records, recurring for OPEN_FOR_DAYS from the local date of `now` on."""
    today = to_datetime(now).astimezone(zone).date()
    return [_record(one, zone, today) for one in hours]


def _record(hours: WeeklyHours, zone: ZoneInfo, today: date) -> AvailabilityValue:
    days = frozenset(DAYS_OF_WEEK.index(day) for day in hours.days_of_week)
    opens, closes = _minutes(hours.opens), _minutes(hours.closes)
    length = closes - opens if closes > opens else closes - opens + 24 * 60
    # A clock that is set forward skips times; the record's first day must be one that has both.
    first = today
    while (days and first.weekday() not in days) or not _exist(first, opens, opens + length, zone):
        first += timedelta(days=1)
    start, end = (_at(first, minutes, zone) for minutes in (opens, opens + length))
    until = _at(today + timedelta(days=OPEN_FOR_DAYS), 0, zone)
    return AvailabilityValue(
        from_datetime(start),
        from_datetime(end),
        RecurrenceValue(from_datetime(until), days, frozenset()),
        hours.capacity,
    )


def _minutes(text: str) -> int:
    hour, minute = re.findall(r"[0-9]+", text)
    return int(hour) * 60 + int(minute)


def _at(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone) + timedelta(minutes=minutes)


def _exist(day: date, opens: int, closes: int, zone: ZoneInfo) -> bool:
    return all(
        to_datetime(from_datetime(moment)).astimezone(zone).replace(tzinfo=None) == moment.replace(tzinfo=None)
        for moment in (_at(day, opens, zone), _at(day, closes, zone))
    )
