"""Appointment slots on the wire."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from fieldserve.wire.errors import Fault, Says
from fieldserve.wire.parameters import Parameter
from fieldserve.wire.parts import Part
from fieldserve.wire.times import Instant, TimeFault, parse, render

SchedulingType = Literal["REAL_TIME_SCHEDULING", "NON_REAL_TIME_SCHEDULING"]
LONGEST_WINDOW_DAYS = 90
_DAY = 86_400_000_000


class AppointmentSlot(Part):
    start_time: str
    end_time: str
    capacity: int


class AppointmentSlotReport(Part):
    scheduling_type: SchedulingType
    start_time: str
    end_time: str
    appointment_slots: list[AppointmentSlot]


class GetAppointmentSlotsResponse(Part):
    payload: AppointmentSlotReport | None = None
    errors: list[Fault] | None = None


# ---- what the operations answer when they refuse. The two say the same with a name of their own for the times.


def _says(message: str, when: str) -> Says:
    return Says(400, "InvalidInput", message, when)


NOT_A_TIME = _says("{time} is not a valid ISO date/time object", "startTime or endTime is not ISO 8601")
NOT_AFTER = _says("{end} should be after {start}", "endTime is not after startTime")
TOO_LONG = _says("{end} should be at most 90 days after {start}", "the window is longer than 90 days")
STORE_NOT_FOUND = Says(404, "NotFound", "No store exists with storeId : {store_id}", "the seller has no such store")
ASIN_NOT_FOUND = Says(404, "NotFound", "No service exists with asin : {asin}", "the seller offers no such service")

# ---- requests

START_TIME = Parameter("startTime", "query", says="from when; goes together with endTime")
END_TIME = Parameter("endTime", "query", says="until when; at most 90 days after startTime")
ASIN = Parameter("asin", "query", required=True, min_length=1, max_length=100, says="the service")
STORE_ID = Parameter("storeId", "query", required=True, min_length=1, max_length=100, says="the store")


@dataclass(frozen=True, slots=True)
class Window:
    start: Instant
    end: Instant


def read_window(values: dict[str, Any], prefix: str) -> Window | str | None:
    """The window asked for; None where neither time is given; the missing one's name where only one is.

    `prefix` is what the operation calls its times in errors: "" or "Range ". Raises ApiError."""
    names = {"startTime": f"{prefix}Start Time", "endTime": f"{prefix}End Time"}
    instants: dict[str, Instant] = {}
    for name, said in names.items():
        if name in values:
            try:
                instants[name] = parse(values[name])
            except TimeFault:
                raise NOT_A_TIME.error(time=said) from None
    if not instants:
        return None
    for name in names:
        if name not in instants:
            return name
    start, end = instants["startTime"], instants["endTime"]
    words = {"start": names["startTime"], "end": names["endTime"]}
    if end <= start:
        raise NOT_AFTER.error(**words)
    if end - start > LONGEST_WINDOW_DAYS * _DAY:
        raise TOO_LONG.error(**words)
    return Window(start, end)


# ---- answers


def write_slots(
    scheduling_type: str, window: tuple[Instant, Instant], slots: Iterable[tuple[Instant, Instant, int]]
) -> bytes:
    """The JSON of a GetAppointmentSlotsResponse, without a value in between for each of thousands of slots."""
    listed = ",".join(
        f'{{"startTime":"{render(start)}","endTime":"{render(end)}","capacity":{capacity}}}'
        for start, end, capacity in slots
    )
    start, end = window
    return (
        f'{{"payload":{{"schedulingType":"{scheduling_type}","startTime":"{render(start)}","endTime":"{render(end)}",'
        f'"appointmentSlots":[{listed}]}}}}'
    ).encode()
