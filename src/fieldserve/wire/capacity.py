"""Capacity on the wire: what a resource has over a range, or slot by slot."""

import base64
import binascii
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, unquote

from fieldserve.wire.errors import Fault, Says
from fieldserve.wire.parameters import Parameter
from fieldserve.wire.parts import Part
from fieldserve.wire.times import Instant, TimeFault, parse, render

CapacityType = Literal["SCHEDULED_CAPACITY", "AVAILABLE_CAPACITY", "ENCUMBERED_CAPACITY", "RESERVED_CAPACITY"]
SLOT_MINUTES_LEAST, SLOT_MINUTES_MOST, SLOT_MINUTES_STEP, SLOT_MINUTES_DEFAULT = 5, 360, 5, 60


class RangeSlotCapacityQuery(Part):
    capacity_types: list[CapacityType] | None = None
    start_date_time: str | None = None
    end_date_time: str | None = None


class FixedSlotCapacityQuery(Part):
    capacity_types: list[CapacityType] | None = None
    slot_duration: float | None = None
    start_date_time: str | None = None
    end_date_time: str | None = None


class RangeSlot(Part):
    start_date_time: str
    end_date_time: str
    capacity: int


class RangeCapacity(Part):
    capacity_type: CapacityType
    slots: list[RangeSlot]


class RangeSlotCapacity(Part):
    resource_id: str
    capacities: list[RangeCapacity]
    next_page_token: str | None = None


class FixedSlot(Part):
    """One slot; it holds the capacity types that were asked for."""

    start_date_time: str
    scheduled_capacity: int | None = None
    available_capacity: int | None = None
    encumbered_capacity: int | None = None
    reserved_capacity: int | None = None


class FixedSlotCapacity(Part):
    resource_id: str
    slot_duration: int
    capacities: list[FixedSlot]
    next_page_token: str | None = None


class CapacityErrors(Part):
    errors: list[Fault] | None = None


# ---- what the operations answer when they refuse

INVALID = Says(
    400,
    "InvalidInput",
    "This is invalid input",
    "a parameter or a field is missing or malformed; details say which",
)
RESOURCE_NOT_FOUND = Says(
    404, "NotFound", "No resource exists with resourceId : {resource_id}", "the seller has no such resource"
)


def received(fault: str) -> str:
    """The details of `INVALID`."""
    return f"Received the following errors: [{fault}]"


# ---- requests

RESOURCE_ID = Parameter(
    "resourceId", "path", required=True, min_length=1, max_length=100, says="a store or a technician"
)
NEXT_PAGE_TOKEN = Parameter("nextPageToken", "query", says="nextPageToken of the previous answer")


@dataclass(frozen=True, slots=True)
class CapacityQuery:
    """Types asked (none = SCHEDULED_CAPACITY), the window, where the page starts; slot_minutes is None for a range."""

    types: tuple[CapacityType, ...]
    start: Instant
    end: Instant
    page_start: Instant
    slot_minutes: int | None = None


def read_query(query: RangeSlotCapacityQuery | FixedSlotCapacityQuery, token: str | None) -> CapacityQuery:
    """The query as values. Raises ApiError INVALID with the first fault in its details."""
    minutes = _slot_minutes(query.slot_duration) if isinstance(query, FixedSlotCapacityQuery) else None
    if query.start_date_time is None or query.end_date_time is None:
        raise INVALID.error(received("startDateTime or endDateTime are not present"))
    start = _instant("startDateTime", query.start_date_time)
    end = _instant("endDateTime", query.end_date_time)
    if end <= start:
        raise INVALID.error(received("endDateTime should be after Start Time"))
    page_start = start if token is None else read_page_token(token)
    if not start <= page_start < end:
        raise INVALID.error(received("nextPageToken does not belong to this query"))
    return CapacityQuery(tuple(query.capacity_types or ("SCHEDULED_CAPACITY",)), start, end, page_start, minutes)


def page_token(instant: Instant) -> str:
    """The token of the page that starts at an instant: its time, base64, URL-encoded."""
    return quote(base64.b64encode(render(instant).encode()).decode(), safe="")


def read_page_token(token: str) -> Instant:
    """The instant of a token as given out, or decoded once by the caller. Raises ApiError INVALID."""
    try:
        return parse(base64.b64decode(unquote(token), validate=True).decode())
    except (binascii.Error, ValueError, TimeFault):
        raise INVALID.error(received("nextPageToken is not valid")) from None


def _instant(name: str, text: str) -> Instant:
    try:
        return parse(text)
    except TimeFault:
        raise INVALID.error(received(f"{name} is not a valid ISO date/time object")) from None


def _slot_minutes(duration: float | None) -> int:
    if duration is None:
        return SLOT_MINUTES_DEFAULT
    if duration % SLOT_MINUTES_STEP or not SLOT_MINUTES_LEAST <= duration <= SLOT_MINUTES_MOST:
        raise INVALID.error(
            received("Slot duration is not valid, it should be a multiple of 5 and within allowed range.")
        )
    return int(duration)
