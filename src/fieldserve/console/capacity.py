"""Capacity: a week's hours of a store or a technician, by type; leave; hours; what customers will see.

/console/{seller}/capacity"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from starlette.responses import Response

from fieldserve.console.jobs import Choices, choices
from fieldserve.console.pages import Refused, Visit, page, told
from fieldserve.console.words import Words, instant_of, local
from fieldserve.domain.capacity import Capacities, CapacityType, Reservation, ReservationType
from fieldserve.domain.intervals import DAY, HOUR, MINUTE, Instant, Interval, Run
from fieldserve.domain.schedules import Availability
from fieldserve.operations import capacity, reservations, services
from fieldserve.operations.schedules import availability, update_schedule
from fieldserve.operations.slots import preview_slots
from fieldserve.wire.bodies import BodyFault, convert
from fieldserve.wire.errors import ApiError
from fieldserve.wire.plans import read_day
from fieldserve.wire.reservations import (
    CreateReservationRequest,
    CreateReservationResponse,
    ReservationInput,
    UpdateReservationResponse,
    read_reservation,
)
from fieldserve.wire.schedules import DAYS_OF_WEEK, RecordFault, read_record
from fieldserve.wire.times import render
from fieldserve.wire.what_if import minutes_of

TYPES = {
    "available": CapacityType.AVAILABLE_CAPACITY,
    "scheduled": CapacityType.SCHEDULED_CAPACITY,
    "encumbered": CapacityType.ENCUMBERED_CAPACITY,
    "reserved": CapacityType.RESERVED_CAPACITY,
}
LEAVES = (ReservationType.VACATION, ReservationType.BREAK, ReservationType.TRAINING, ReservationType.TRAVEL)
LEVELS = 4
_AHEAD = 60 * DAY
_MOST_TOLD = 20
_BEYOND = 2

TEXTS = (*TYPES,)


@dataclass(frozen=True, slots=True)
class Asked:
    """A resource with the words it is known by, and a week on its clocks."""

    resource_id: str
    name: str
    kind: str
    marketplace_id: str
    zone: ZoneInfo
    monday: date
    known: Choices

    @property
    def sunday(self) -> date:
        return self.monday + timedelta(days=6)

    @property
    def midnights(self) -> list[Instant]:
        """Of the seven days, and of the day after them."""
        days = (self.monday + timedelta(days=at) for at in range(8))
        return [instant_of(datetime(one.year, one.month, one.day, tzinfo=self.zone)) for one in days]

    @property
    def window(self) -> Interval:
        return self.midnights[0], self.midnights[-1]


async def _asked(visit: Visit, resource_id: str, week: str) -> Asked | None:
    known = await choices(visit)
    found: list[tuple[str, str, str, str, str]] = [
        *((one.store_id, one.name, "STORE", one.marketplace_id, one.time_zone) for one in known.stores),
        *((one.technician_id, one.name, "TECHNICIAN", one.marketplace_id, one.time_zone) for one in known.technicians),
    ]
    if not found:
        return None
    chosen = next((one for one in found if one[0] == resource_id), None)
    if chosen is None and resource_id:
        raise Refused(404, "There is no such page.")
    chosen = chosen or found[0]
    zone = ZoneInfo(chosen[4])
    day = read_day(week) or local(visit.now(), zone).date()
    return Asked(*chosen[:4], zone, day - timedelta(days=day.weekday()), known)


async def show(visit: Visit) -> Response:
    """GET: the page."""
    query = visit.request.query_params
    asked = await _asked(visit, query.get("resource", ""), query.get("week", ""))
    if asked is None:
        return visit.show("capacity.html", asked=None)
    return await _show(visit, asked)


async def _show(visit: Visit, asked: Asked, status: int = 200, **more: Any) -> Response:
    query = visit.request.query_params
    kind = query.get("type", "available") if query.get("type") in TYPES else "available"
    who = (visit.context, visit.caller, asked.resource_id, asked.marketplace_id)
    there = await capacity.capacities_of(*who, asked.window)
    words = visit.words.at(asked.zone.key)

    def at(**changed: str) -> str:
        kept = {
            "resource": asked.resource_id,
            "week": asked.monday.isoformat(),
            "type": kind,
            "asin": query.get("asin", ""),
        }
        return visit.path("capacity", **(kept | changed))

    found = await capacity.reservations_of(*who, asked.window)
    changed = next((one for one in found if one.reservation_id == query.get("change")), None)
    rows, most = _rows(there, TYPES[kind], asked)
    asin = query.get("asin", "")
    view = {
        "asked": asked,
        "here": words,
        "kind": kind,
        "kinds": [(one, at(type=one)) for one in TYPES],
        "earlier": at(week=(asked.monday - timedelta(days=7)).isoformat()),
        "later": at(week=(asked.monday + timedelta(days=7)).isoformat()),
        "today": at(week=""),
        "days": [(number, words.short_date(asked.monday + timedelta(days=number))) for number in range(7)],
        "weekdays": DAYS_OF_WEEK,
        "rows": rows,
        "legend": _legend(most),
        "usual": max((many for _, _, many in there.scheduled.runs(asked.window)), default=1) or 1,
        "leaves": [one.value for one in LEAVES],
        "reserved": [(*_told(one.reservation_id, one.reservation), at(change=one.reservation_id)) for one in found],
        "services": (await services.list_services(visit.context, visit.caller, "", 500)).services,
        "asin": asin,
        "slots": await _slots(visit, asked, asin) if asin and asked.kind == "STORE" else None,
        "fault": "",
        "meets": bool(query.get("meets")),
        "conflicts": None,
        "given": _given(changed.reservation_id, changed.reservation, asked.zone) if changed else {},
    }
    return visit.show("capacity.html", status, **(view | more))


def _rows(
    there: Capacities, type: CapacityType, asked: Asked
) -> tuple[list[tuple[int, list[tuple[int | None, int]]]], int]:
    """For each hour of the day the seven days' values with their shade; None where the clocks skip the hour."""
    steps = there.of(type)
    found: dict[tuple[int, int], int] = {}
    least = type in (CapacityType.SCHEDULED_CAPACITY, CapacityType.AVAILABLE_CAPACITY)
    for day in range(7):
        begin = asked.midnights[day]
        while begin < asked.midnights[day + 1]:
            value = steps.minimum(begin, begin + HOUR) if least else steps.maximum(begin, begin + HOUR)
            found.setdefault((local(begin, asked.zone).hour, day), value)  # the hour that comes twice shows the first
            begin += HOUR
    most = max(found.values(), default=0)
    hours = [hour for hour in range(24) if any(found.get((hour, day)) for day in range(7))]
    # A little more than there is, so that hours can be painted before and after it.
    shown = range(max(min(hours) - _BEYOND, 0), min(max(hours) + 1 + _BEYOND, 24)) if hours else range(8, 18)
    return [(hour, [_shaded(found.get((hour, day)), most) for day in range(7)]) for hour in shown], most


def _shaded(value: int | None, most: int) -> tuple[int | None, int]:
    return value, -(-value * LEVELS // most) if value else 0


def _legend(most: int) -> list[tuple[int, str]]:
    """Each shade that occurs between nothing and the most, with the values that it stands for."""
    values: dict[int, list[int]] = {}
    for value in range(most + 1):
        values.setdefault(_shaded(value, most)[1], []).append(value)
    return [(level, str(of[0]) if len(of) == 1 else f"{of[0]}–{of[-1]}") for level, of in values.items()]


def _told(reservation_id: str, reservation: Reservation) -> tuple[str, str, Interval, bool, bool]:
    """The last: whether the form can say all of it, so that changing it there loses nothing."""
    record = reservation.availability
    repeats = record.recurrence is not None
    by_week = record.recurrence is None or not record.recurrence.days_of_month
    simple = by_week and record.capacity == 1 and reservation.type in LEAVES
    return reservation_id, reservation.type.value, (record.start, record.end), repeats, simple


def _given(reservation_id: str, reservation: Reservation, zone: ZoneInfo) -> dict[str, str]:
    """What the form holds of a reservation that is to be changed."""
    record = reservation.availability
    start, end = (local(at, zone).strftime("%Y-%m-%dT%H:%M") for at in (record.start, record.end))
    given = {"reservation": reservation_id, "kind": reservation.type.value, "start": start, "end": end}
    if record.recurrence is not None:
        given["until"] = local(record.recurrence.end - 1, zone).date().isoformat()
        given |= {f"each-{DAYS_OF_WEEK[day]}": "on" for day in record.recurrence.days_of_week or range(7)}
    return given


async def _slots(
    visit: Visit, asked: Asked, asin: str, records: Sequence[Availability] = ()
) -> list[tuple[str, int, int]]:
    """Of each day of the week the slots that customers would be shown, and how many have room."""
    window = (max(asked.window[0], visit.now()), asked.window[1])
    if window[0] >= window[1]:
        return []
    who = (visit.context, visit.caller, asin, asked.resource_id, asked.marketplace_id)
    found: dict[date, tuple[int, int]] = {}
    for one in await preview_slots(*who, window, records):
        day = local(one.start, asked.zone).date()
        listed, free = found.get(day, (0, 0))
        found[day] = (listed + 1, free + bool(one.capacity))
    return [(visit.words.short_date(day), *counts) for day, counts in sorted(found.items())]


# ---- hours that are not saved yet


async def preview(visit: Visit) -> Response:
    """POST: what the form's hours would make of the week that is shown: hours, visits without cover, slots."""
    fields, asked = visit.fields, await _of_form(visit)
    try:
        value = availability(read_record(_hours(fields, asked.zone)))
        who = (visit.context, visit.caller, asked.resource_id, asked.marketplace_id)
        before = await capacity.capacities_of(*who, asked.window)
        after = await capacity.capacities_of(*who, asked.window, [value])
        short = await _uncovered(visit, asked, value)
        asin = fields.get("asin", "") if asked.kind == "STORE" else ""
        slots = (await _slots(visit, asked, asin), await _slots(visit, asked, asin, [value])) if asin else ((), ())
    except (ApiError, RecordFault, ValueError) as fault:
        return visit.show("hours.html", fault=_says(fault), changes=(), short=(), slots=())
    listed = {day: free for day, _, free in slots[0]}
    return visit.show(
        "hours.html",
        fault="",
        changes=_changes(asked, before, after, visit.words.at(asked.zone.key)),
        short=short,
        slots=[(day, listed.get(day, 0), free) for day, _, free in slots[1] if free != listed.get(day, 0)],
    )


def _changes(asked: Asked, before: Capacities, after: Capacities, words: Words) -> list[tuple[str, str, str]]:
    """The days whose hours would be others: as they are, and as they would be."""
    found = []
    for number in range(7):
        day = (asked.midnights[number], asked.midnights[number + 1])
        was, will = (_spans(one.scheduled.runs(day), words) for one in (before, after))
        if was != will:
            found.append((words.short_date(asked.monday + timedelta(days=number)), was, will))
    return found


def _spans(runs: Sequence[Run], words: Words) -> str:
    """`9:00 – 12:00, 13:00 – 17:00 × 2`: the hours of a day, with the capacity where it is more than one."""
    spans = [
        f"{words.time(start)} – {words.time(end)}" + (f" × {many}" if many > 1 else "")
        for start, end, many in runs
        if many
    ]
    return ", ".join(spans)


async def _uncovered(visit: Visit, asked: Asked, value: Availability) -> list[Interval]:
    """The visits from now on for which the hours would leave no capacity."""
    begin = max(visit.now(), value.start - DAY)
    who = (visit.context, visit.caller, asked.resource_id, asked.marketplace_id)
    return await capacity.overbooked_by(*who, [value], (begin, begin + _AHEAD))


# ---- deeds


async def reserve(visit: Visit) -> Response:
    """POST: leave, a break, training; in the place of the reservation that is named, if one is."""
    fields = visit.fields
    asked = await _of_form(visit)
    try:
        start, end = (_moment(fields.get(name, ""), asked.zone) for name in ("start", "end"))
        times: dict[str, Any] = {"startTime": render(start), "endTime": render(end)}
        if repeated := _repeated(fields, start, asked.zone):
            times["recurrence"] = repeated
        meets = await _reserve(visit, asked, fields.get("kind", ""), times, fields.get("reservation", ""))
    except (ApiError, BodyFault, ValueError) as fault:
        return await _show(visit, asked, 400, fault=_says(fault), given=fields)
    week = local(start, asked.zone).date().isoformat()
    return visit.go(visit.path("capacity", resource=asked.resource_id, week=week, meets=meets))


async def _reserve(visit: Visit, asked: Asked, kind: str, times: dict[str, Any], old: str = "") -> str:
    """Reserve the times, in the place of the reservation `old` if one is named; `1` where visits lie in them.

    Raises ApiError, BodyFault, ValueError."""
    value, faults = read_reservation(
        CreateReservationRequest(asked.resource_id, convert({"type": kind, "availability": times}, ReservationInput))
    )
    if value is None:
        raise ValueError("; ".join(one.reason for one in faults))
    who = (visit.context, visit.caller)
    made: CreateReservationResponse | UpdateReservationResponse
    if old:
        made = await reservations.update_reservation(*who, old, asked.marketplace_id, value)
    else:
        made = await reservations.create_reservation(*who, asked.marketplace_id, value)
    if made.errors:
        raise ValueError(made.errors[0].message)
    return "1" if made.payload is not None and made.payload.warnings else ""


def _repeated(fields: dict[str, str], start: Instant, zone: ZoneInfo) -> dict[str, Any] | None:
    """The recurrence of a leave that comes every week until a day. Raises ValueError."""
    until = fields.get("until", "")
    if not until:
        return None
    last = read_day(until)
    first = local(start, zone).date()
    if last is None or last < first:
        raise ValueError("The last day must be a day after the first.")
    days = [day for day in DAYS_OF_WEEK if fields.get(f"each-{day}")] or [DAYS_OF_WEEK[first.weekday()]]
    if DAYS_OF_WEEK[first.weekday()] not in days:
        raise ValueError("The first day must be one of the weekdays on which it repeats.")
    past = datetime(last.year, last.month, last.day, tzinfo=zone) + timedelta(days=1)
    return {"endTime": render(instant_of(past)), "daysOfWeek": days}


async def _take_away(visit: Visit, asked: Asked, record: dict[str, Any]) -> Response:
    """The hours given up: no schedule has less than one, so they are reserved, as a leave that can be given back."""
    fields = visit.fields
    value = availability(read_record(record))
    short = await capacity.capacities_of(
        visit.context, visit.caller, asked.resource_id, asked.marketplace_id, (value.start, value.start + 7 * DAY)
    )
    most = max((many for _, _, many in short.scheduled.runs((value.start, value.start + 7 * DAY))), default=1)
    kind = ReservationType.VACATION.value
    meets = await _reserve(visit, asked, kind, record | {"capacity": max(most, 1)})
    week = fields.get("week", "")
    return visit.go(visit.path("capacity", resource=asked.resource_id, week=week, meets=meets))


async def give_back(visit: Visit) -> Response:
    """POST: a reservation cancelled."""
    asked = await _of_form(visit)
    reservation_id = visit.fields.get("reservation", "")
    try:
        await reservations.cancel_reservation(visit.context, visit.caller, reservation_id, asked.marketplace_id)
    except ApiError as fault:
        return await _show(visit, asked, fault.status, fault=told(fault))
    return visit.go(visit.path("capacity", resource=asked.resource_id, week=asked.monday.isoformat()))


async def set_hours(visit: Visit) -> Response:
    """POST: hours on weekdays, from a day to a day; visits that they would not cover are told before it is saved."""
    fields, asked = visit.fields, await _of_form(visit)
    try:
        record = _hours(fields, asked.zone)
        who = (visit.context, visit.caller, asked.resource_id, asked.marketplace_id)
        if fields.get("deed") == "away":
            return await _take_away(visit, asked, record)
        short = await _uncovered(visit, asked, availability(read_record(record)))
        if short and fields.get("sure") != "yes":
            return await _show(visit, asked, 409, conflicts=short[:_MOST_TOLD], many=len(short), given=fields)
        answer = await update_schedule(*who, [record])
    except (ApiError, BodyFault, RecordFault, ValueError) as fault:
        return await _show(visit, asked, 400, fault=_says(fault), given=fields)
    faults = [one.message for record in (answer.payload if answer else None) or () for one in record.errors or ()]
    if faults:
        return await _show(visit, asked, 400, fault=faults[0], given=fields)
    return visit.go(visit.path("capacity", resource=asked.resource_id, week=asked.monday.isoformat()))


def _says(fault: Exception) -> str:
    if isinstance(fault, ApiError):
        return told(fault)
    return fault.fault.reason if isinstance(fault, BodyFault) else str(fault)


def _hours(fields: dict[str, str], zone: ZoneInfo) -> dict[str, Any]:
    """The record of an update, as an API caller sends it. Raises ValueError."""
    first, last = read_day(fields.get("first", "")), read_day(fields.get("last", ""))
    if first is None or last is None or last < first:
        raise ValueError("The hours need a first and a last day, in that order.")
    days = [day for day in DAYS_OF_WEEK if fields.get(f"on-{day}")] or list(DAYS_OF_WEEK)
    while DAYS_OF_WEEK[first.weekday()] not in days:
        first += timedelta(days=1)
    midnight = datetime(first.year, first.month, first.day, tzinfo=zone)
    opens, closes = (minutes_of(fields.get(name, "")) for name in ("opens", "closes"))
    closes = closes or DAY // MINUTE  # until 00:00 is until the day ends
    if closes <= opens:
        raise ValueError("The hours must end after they begin.")
    start = midnight + timedelta(minutes=opens)
    past = datetime(last.year, last.month, last.day, tzinfo=zone) + timedelta(days=1)
    return {
        "startTime": render(instant_of(start)),
        "endTime": render(instant_of(midnight + timedelta(minutes=closes))),
        "capacity": int(fields.get("capacity", "") or 1),
        "recurrence": {"endTime": render(instant_of(past)), "daysOfWeek": days},
    }


def _moment(text: str, zone: ZoneInfo) -> Instant:
    """The instant of what a field for date and time holds. Raises ValueError."""
    return instant_of(datetime.fromisoformat(text).replace(tzinfo=zone))


async def _of_form(visit: Visit) -> Asked:
    asked = await _asked(visit, visit.fields.get("resource", ""), visit.fields.get("week", ""))
    if asked is None:
        raise Refused(404, "There is no such page.")
    return asked


ROUTES: Sequence[Any] = [
    page("/{seller}/capacity", show),
    page("/{seller}/capacity/reserve", reserve, "dispatch", "POST"),
    page("/{seller}/capacity/give-back", give_back, "dispatch", "POST"),
    page("/{seller}/capacity/preview", preview, "dispatch", "POST"),
    page("/{seller}/capacity/hours", set_hours, "dispatch", "POST"),
]
