"""The four capacities of a resource, exact at every instant.

scheduled(t)   from its schedule, later records overriding earlier ones
reserved(t)    its reservations of type TRAVEL, VACATION, BREAK and TRAINING
encumbered(t)  its active appointments, and its reservations of type APPOINTMENT
available(t) = max(0, scheduled − reserved − encumbered)
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from operator import itemgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

from .intervals import DAY, ZERO, Instant, Interval, Run, Steps
from .schedules import Availability, scheduled, weighed

PAGE = 35 * DAY
"""The longest stretch of time that one answer about capacity covers."""


class CapacityType(StrEnum):
    """What a capacity query can ask for, in the order in which answers list it."""

    SCHEDULED_CAPACITY = "SCHEDULED_CAPACITY"
    AVAILABLE_CAPACITY = "AVAILABLE_CAPACITY"
    ENCUMBERED_CAPACITY = "ENCUMBERED_CAPACITY"
    RESERVED_CAPACITY = "RESERVED_CAPACITY"


class ReservationType(StrEnum):
    """Why capacity is taken; APPOINTMENT encumbers it, the others reserve it."""

    APPOINTMENT = "APPOINTMENT"
    TRAVEL = "TRAVEL"
    VACATION = "VACATION"
    BREAK = "BREAK"
    TRAINING = "TRAINING"


class Reservation(NamedTuple):
    """Takes its availability's capacity for as long as that lasts; a recurring one repeats as a schedule does.

    Reservations that overlap add up; the occurrences of a single one do not.
    """

    type: ReservationType
    availability: Availability


class Visit(NamedTuple):
    """An active appointment on a resource, which takes 1 from `start` until `end`.

    The buffers, in microseconds, only count between two visits (see `slots`); they take no capacity.
    """

    start: Instant
    end: Instant
    buffer_before: int = 0
    buffer_after: int = 0


class Capacities(NamedTuple):
    """The four capacities of one resource inside the window for which they were worked out, zero outside it."""

    scheduled: Steps
    available: Steps
    encumbered: Steps
    reserved: Steps

    def of(self, type: CapacityType) -> Steps:
        """The step function of one type; the fields stand in the order of the types."""
        return self[_POSITIONS[type]]


_POSITIONS = {type: position for position, type in enumerate(CapacityType)}
_LEAST_COUNTS = {CapacityType.SCHEDULED_CAPACITY, CapacityType.AVAILABLE_CAPACITY}

FixedSlot = tuple[Instant, dict[CapacityType, int]]


def capacities(
    records: Sequence[Availability],
    reservations: Iterable[Reservation],
    visits: Sequence[Visit],
    zone: ZoneInfo,
    window: Interval,
) -> Capacities:
    """A resource's capacities inside the window.

    `records` come in the order in which they were made; `reservations` and `visits` in any order, and may lie
    outside the window. Recurring records and reservations repeat in the resource's `zone`.
    """
    hours = scheduled(records, zone, window)
    reserved: list[Run] = []
    appointed: list[Run] = []
    for reservation in reservations:
        runs = appointed if reservation.type is ReservationType.APPOINTMENT else reserved
        runs += weighed(reservation.availability, zone, window)
    leave = Steps.weighing(reserved).clip(window)
    work = (Steps.weighing(appointed) + visiting(visits)).clip(window)
    return Capacities(hours, (hours - leave - work).max0(), work, leave)


def visiting(visits: Sequence[Visit]) -> Steps:
    """How many of the visits, each of which ends after it starts, are under way at each instant."""
    return Steps.counting(map(itemgetter(0), visits), map(itemgetter(1), visits)) if visits else ZERO


def range_capacity(
    capacities: Capacities, types: Iterable[CapacityType], window: Interval
) -> list[tuple[CapacityType, list[Run]]]:
    """The maximal runs `(start, end, capacity)` of each type asked for, which make up the window without a gap.

    Types answer in the order of `CapacityType`, each once; none asked is SCHEDULED_CAPACITY.
    """
    return [(type, capacities.of(type).runs(window)) for type in _asked(types)]


def fixed_capacity(
    capacities: Capacities, types: Iterable[CapacityType], window: Interval, slot_duration: int
) -> list[FixedSlot]:
    """The capacity in slots of `slot_duration` microseconds, one after the other from the start of the window.

    Scheduled and available are the least of the slot (what is there throughout), encumbered and reserved the
    greatest. A rest of the window shorter than a slot is left out. Types as for `range_capacity`.
    """
    asked = _asked(types)
    start, end = window
    starts = range(start, end - slot_duration + 1, slot_duration)
    ends = range(start + slot_duration, end + 1, slot_duration)
    columns = []
    for type in asked:
        steps = capacities.of(type)
        columns.append(steps.minima(starts, ends) if type in _LEAST_COUNTS else steps.maxima(starts, ends))
    rows = zip(*columns, strict=True)
    return [(slot, dict(zip(asked, row, strict=True))) for slot, row in zip(starts, rows, strict=True)]


def _asked(types: Iterable[CapacityType]) -> list[CapacityType]:
    wanted = set(types) or {CapacityType.SCHEDULED_CAPACITY}
    return [type for type in CapacityType if type in wanted]


def page(window: Interval, token: Instant | None, slot_duration: int = 1) -> tuple[Interval, Instant | None]:
    """The part of the window that one answer covers, and where the next begins (None after the last).

    The first page has no token; each other's is the instant at which the page before it ended, else ValueError. A
    page holds whole slots of `slot_duration`, so it can be shorter than 35 days, but no slot is lost between two.
    """
    start, end = window
    length = PAGE // slot_duration * slot_duration
    begin = start if token is None else token
    if token is not None and (not start < token < end or (token - start) % length):
        raise ValueError("no page of this window begins there")
    until = begin + length
    return ((begin, until), until) if until < end else ((begin, end), None)
