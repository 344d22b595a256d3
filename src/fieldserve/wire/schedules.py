"""Schedules on the wire: availability records, with or without recurrence."""

from dataclasses import dataclass
from typing import Any, Literal

from fieldserve.wire.bodies import BodyFault, convert
from fieldserve.wire.errors import Fault, Says, Warn
from fieldserve.wire.parts import Part
from fieldserve.wire.times import Instant, TimeFault, has_local_dates, parse, render

DayOfWeek = Literal["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]
DAYS_OF_WEEK: tuple[DayOfWeek, ...] = (
    "MONDAY",
    "TUESDAY",
    "WEDNESDAY",
    "THURSDAY",
    "FRIDAY",
    "SATURDAY",
    "SUNDAY",
)
# Limits of ours, where the model has none: they bound the work that one record can cause.
LARGEST_CAPACITY = 1_000_000
LONGEST_RECURRENCE_DAYS = 3_660
LONGEST_SPAN_DAYS = 366
MOST_RECORDS = 1_000
MOST_OCCURRENCES = 250_000
_DAY = 86_400_000_000


class Recurrence(Part):
    end_time: str | None = None
    days_of_week: list[DayOfWeek] | None = None
    days_of_month: list[int] | None = None


class AvailabilityRecord(Part):
    start_time: str | None = None
    end_time: str | None = None
    recurrence: Recurrence | None = None
    capacity: int | None = None


class UpdateScheduleRequest(Part):
    """The records are read one by one, so that one that is wrong does not keep the others from being applied."""

    schedules: list[dict[str, Any]] | None = None


class UpdateScheduleRecord(Part):
    availability: dict[str, Any] | AvailabilityRecord | None = None
    warnings: list[Warn] | None = None
    errors: list[Fault] | None = None


class UpdateScheduleResponse(Part):
    payload: list[UpdateScheduleRecord] | None = None
    errors: list[Fault] | None = None


# ---- what the operation answers when it refuses

SCHEDULE_MISSING = Says(
    400,
    "InvalidInput",
    "Missing or invalid request parameters: [schedule]",
    "schedules is missing or empty, or has too many records or repetitions",
)
UNKNOWN_RESOURCE = Says(
    200,
    "InvalidInput",
    "Invalid request parameters: [resourceId]",
    "the seller has no such resource; the answer is a 200 with this error",
)
RECORD_INVALID = Says(200, "InvalidInput", "{reason}", "a record that was not applied; told inside the record of a 200")
SCHEDULE_OVERRIDE = Warn(
    "ScheduleOverride",
    "This AvailabilityRecord will override the current schedule as the time-ranges overlap",
)


# ---- reading records


class RecordFault(ValueError):
    """An availability record that will not do; the text says why."""


@dataclass(frozen=True, slots=True)
class RecurrenceValue:
    """days_of_week counts Monday as 0; both sets empty means every day."""

    end: Instant
    days_of_week: frozenset[int]
    days_of_month: frozenset[int]


@dataclass(frozen=True, slots=True)
class AvailabilityValue:
    """An availability record that passed: instants, capacity at least 1."""

    start: Instant
    end: Instant
    recurrence: RecurrenceValue | None
    capacity: int


def read_record(record: dict[str, Any]) -> AvailabilityValue:
    """An availability record as values. Raises RecordFault."""
    try:
        shaped = convert(record, AvailabilityRecord)
    except BodyFault as fault:
        raise RecordFault(fault.fault.reason) from None
    start, end = _instant("startTime", shaped.start_time), _instant("endTime", shaped.end_time)
    if end <= start:
        raise RecordFault("endTime should be after startTime")
    if end - start > LONGEST_SPAN_DAYS * _DAY:
        raise RecordFault(f"endTime should be at most {LONGEST_SPAN_DAYS} days after startTime")
    capacity = 1 if shaped.capacity is None else shaped.capacity
    if not 1 <= capacity <= LARGEST_CAPACITY:
        raise RecordFault(f"capacity should be from 1 to {LARGEST_CAPACITY}")
    recurrence = None if shaped.recurrence is None else _recurrence(shaped.recurrence, start)
    return AvailabilityValue(start, end, recurrence, capacity)


def _recurrence(recurrence: Recurrence, start: Instant) -> RecurrenceValue:
    end = _instant("recurrence.endTime", recurrence.end_time)
    if end <= start:
        raise RecordFault("recurrence.endTime should be after startTime")
    if end - start > LONGEST_RECURRENCE_DAYS * _DAY:
        raise RecordFault(f"recurrence.endTime should be at most {LONGEST_RECURRENCE_DAYS} days after startTime")
    days_of_month = frozenset(recurrence.days_of_month or ())
    if any(not 1 <= day <= 31 for day in days_of_month):
        raise RecordFault("recurrence.daysOfMonth should hold days from 1 to 31")
    days_of_week = frozenset(DAYS_OF_WEEK.index(day) for day in recurrence.days_of_week or ())
    return RecurrenceValue(end, days_of_week, days_of_month)


def _instant(name: str, text: str | None) -> Instant:
    if text is None:
        raise RecordFault(f"{name} is required")
    try:
        instant = parse(text)
    except TimeFault:
        raise RecordFault(f"{name} is not a valid ISO date/time object") from None
    if not has_local_dates(instant):
        raise RecordFault(f"{name} is too close to an end of the calendar")
    return instant


def write_record(value: AvailabilityValue, with_capacity: bool = True) -> AvailabilityRecord:
    """The record as the API writes it: UTC."""
    recurrence = None
    if value.recurrence is not None:
        recurrence = Recurrence(
            render(value.recurrence.end),
            [DAYS_OF_WEEK[day] for day in sorted(value.recurrence.days_of_week)] or None,
            sorted(value.recurrence.days_of_month) or None,
        )
    return AvailabilityRecord(
        render(value.start), render(value.end), recurrence, value.capacity if with_capacity else None
    )
