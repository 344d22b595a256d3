"""The board: technicians as rows on a time line, and a tray of jobs that wait. /console/{seller}/board

The page is drawn in the browser from one value; what is dragged is sent here, decided by the ordinary operations.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
from starlette.responses import Response

from fieldserve.console.jobs import Choices, choices, row_of
from fieldserve.console.pages import Refused, Visit, body_of, page
from fieldserve.console.today import is_late
from fieldserve.console.words import Words, instant_of, local
from fieldserve.domain.intervals import DAY, Instant, Interval
from fieldserve.operations import board
from fieldserve.operations.board import Board
from fieldserve.operations.operator_jobs import hold_job, release_job
from fieldserve.operations.pins import set_pin
from fieldserve.operations.run import Context
from fieldserve.operations.travel import great_circle
from fieldserve.store.board import JobRow, VisitRow
from fieldserve.wire.orders import JobDeed
from fieldserve.wire.parts import Part
from fieldserve.wire.pins import SetPin

SPANS = (1, 3, 7)
CLOSED_SINCE = 2 * DAY
"""Jobs that were cancelled that lately stay in the tray, for who wants to know why."""

# The texts of the script; the page translates them.
TEXTS = (
    "nobody assigned",
    "in the past",
    "outside working hours",
    "lacks %s",
    "does not work for this store",
    "does not do this kind of visit",
    "away: %s",
    "overlaps another visit",
    "too close to another visit",
    "no time to drive there",
    "%s min to drive",
    "%s min to drive: too little time",
    "free: %s",
    "nobody is free then",
    "Booked",
    "Moved",
    "Assigned",
    "Undo",
    "Undone",
    "Nothing to undo",
    "Somebody was first: %s. The board shows it now.",
    "No connection. Nothing was changed; try again.",
    "That cannot be undone here.",
    "Open job",
    "Take off",
    "Who could?",
    "Pin: plans leave it as it is",
    "Take the pin off",
    "Pinned",
    "No longer pinned",
    "pinned",
    "late",
    "overbooked",
    "selected",
    "Live",
    "Not live",
    "Pick a place with the arrow keys, Enter puts it there, Escape leaves it.",
    "to schedule",
    "on hold",
    "cancelled",
    "payment declined",
)


class Place(Part):
    """A drop: which job, as seen at which version; None leaves the start, or the technicians, as they are."""

    job: str
    version: int
    start: Instant | None = None
    technicians: list[str] | None = None


class Pin(Part):
    """A visit to be pinned, or no longer."""

    job: str
    version: int
    pinned: bool


class Unplace(Part):
    """A booking to be undone."""

    job: str
    version: int


@dataclass(frozen=True, slots=True)
class Asked:
    """Which days are shown, on which clocks."""

    first: date
    days: int
    zone: ZoneInfo
    store: str

    @property
    def window(self) -> Interval:
        """From midnight to midnight, on the zone's clocks."""
        past = self.first + timedelta(days=self.days)
        start, end = (
            instant_of(datetime(one.year, one.month, one.day, tzinfo=self.zone)) for one in (self.first, past)
        )
        return start, end


def _asked(visit: Visit, known: Choices) -> Asked:
    query = visit.request.query_params
    store = query.get("store", "")
    if store not in {one.store_id for one in known.stores}:
        store = ""
    zone = ZoneInfo(known.zone_of(store) if store else known.stores[0].time_zone if known.stores else "UTC")
    days = int(query["days"]) if query.get("days") in {str(one) for one in SPANS} else 1
    try:
        first = date.fromisoformat(query.get("date", ""))
        instant_of(datetime(first.year, first.month, first.day, tzinfo=zone) + timedelta(days=days))
    except (ValueError, OverflowError):
        first = local(visit.now(), zone).date()
    return Asked(first, days, zone, store)


async def show(visit: Visit) -> Response:
    """GET: the page, with its data in it."""
    known = await choices(visit)
    asked = _asked(visit, known)
    words = visit.words.at(asked.zone.key)
    step = timedelta(days=asked.days)

    def at(first: date, days: int = asked.days) -> str:
        return visit.path("board", date=first.isoformat(), days=days if days > 1 else None, store=asked.store)

    return visit.show(
        "board.html",
        here=words,
        asked=asked,
        known=known,
        earlier=at(asked.first - step),
        later=at(asked.first + step),
        today=at(local(visit.now(), asked.zone).date()),
        spans=[(days, at(asked.first, days)) for days in SPANS],
        data=await _data(visit, known, asked, words),
    )


async def data(visit: Visit) -> Response:
    """GET: the data alone, when something changed."""
    known = await choices(visit)
    asked = _asked(visit, known)
    content = await _data(visit, known, asked, visit.words.at(asked.zone.key))
    return Response(content, headers={"cache-control": "no-store"}, media_type="application/json")


async def _data(visit: Visit, known: Choices, asked: Asked, words: Words) -> str:
    now = visit.now()
    drive = great_circle(visit.context.settings)
    found = await board.load_board(visit.context, visit.caller, asked.window, now - CLOSED_SINCE)
    told = {
        "now": now,
        "window": asked.window,
        "hours": _hours(found, asked),
        "midnights": _midnights(asked),
        "ticks": [(at, words.time(at)) for at in _full_hours(asked)],
        "days": [(at, words.day(at)) for at in _midnights(asked)],
        "zone": words.zone_name(asked.window[0]),
        "timeZone": asked.zone.key,
        "locale": words.locale_name.replace("_", "-"),
        "stores": [
            {"id": one.store_id, "name": one.name}
            for one in known.stores
            if not asked.store or one.store_id == asked.store
        ],
        "technicians": [
            {
                "id": one.technician.technician_id,
                "name": one.technician.name,
                "stores": one.technician.store_ids,
                "skills": one.technician.skills,
                "locations": one.technician.service_location_types,
                "hours": [(start, end) for start, end, _ in one.hours],
                "absences": [(start, end, words.text(kind.capitalize())) for start, end, kind in one.absences],
                "home": _point(one.technician.home_latitude, one.technician.home_longitude),
            }
            for one in found.days
            if not asked.store or asked.store in one.technician.store_ids
        ],
        "visits": [_visit(one, now) for one in found.visits if not asked.store or one.store_id == asked.store],
        "waiting": [_waiting(one, known, words, now) for one in found.waiting if asked.store in ("", one.store_id)],
        "travel": {"roadFactor": drive.road_factor, "speeds": drive.speeds, "trip": drive.seconds_per_trip},
        "mayChange": visit.may("dispatch"),
        "texts": {one: words.text(one) for one in TEXTS},
        "paths": {
            "data": visit.path("board.json"),
            "place": visit.path("board", "place"),
            "unplace": visit.path("board", "unplace"),
            "pin": visit.path("board", "pin"),
            "prospects": visit.path("board", "prospects"),
            "jobs": visit.path("jobs"),
            "live": visit.path("live"),
        },
    }
    # Within a page `<` could end the block that holds it; escaped it is the same JSON.
    return msgspec.json.encode(told).decode().replace("<", "\\u003c")


def _visit(one: VisitRow, now: Instant) -> dict[str, object]:
    return {
        "id": one.appointment_id,
        "job": one.service_job_id,
        "version": one.updated_at,
        "store": one.store_id,
        "status": one.status,
        "start": one.start,
        "end": one.end,
        "before": one.buffer_before,
        "after": one.buffer_after,
        "arrival": one.arrival_start and (one.arrival_start, one.arrival_end),
        "worked": one.worked_start and (one.worked_start, one.worked_end),
        "title": one.title,
        "skills": msgspec.json.decode(one.skills),
        "location": one.location_type,
        "late": is_late(one, now),
        "technicians": [technician_id for technician_id, _, _ in one.technicians],
        "overbooked": [technician_id for technician_id, _, is_over in one.technicians if is_over],
        "place": _point(one.latitude, one.longitude),
        "pinned": one.pinned,
    }


def _point(latitude: float | None, longitude: float | None) -> tuple[float, float] | None:
    return None if latitude is None or longitude is None else (latitude, longitude)


def _waiting(one: JobRow, known: Choices, words: Words, now: Instant) -> dict[str, object]:
    row = row_of(one, known)
    return {
        "job": one.service_job_id,
        "version": one.updated_at,
        "store": one.store_id,
        "status": one.status,
        "title": row.title,
        "buyer": row.buyer,
        "place": row.place,
        "at": _point(one.latitude, one.longitude),
        "ago": words.ago(one.created_at, now),
        "asin": one.asin,
    }


def _midnights(asked: Asked) -> list[Instant]:
    days = (asked.first + timedelta(days=number) for number in range(asked.days + 1))
    return [instant_of(datetime(one.year, one.month, one.day, tzinfo=asked.zone)) for one in days]


def _full_hours(asked: Asked) -> list[Instant]:
    start, end = asked.window
    step = 3_600_000_000 if asked.days == 1 else 6 * 3_600_000_000
    return list(range(start, end, step))


def _hours(found: Board, asked: Asked) -> Interval:
    """What of a single day is worth showing: from the first to the last thing in it, an hour around, whole hours."""
    start, end = asked.window
    if asked.days > 1:
        return start, end
    hour = 3_600_000_000
    seen = [run[:2] for one in found.days for run in one.hours]
    seen += [(one.start, one.end) for one in found.visits if one.status != "CANCELLED"]
    first = min((one[0] for one in seen), default=start + 8 * hour)
    last = max((one[1] for one in seen), default=start + 18 * hour)
    begin = max(start, start + ((first - start) // hour - 1) * hour)
    until = min(end, start - ((start - last) // hour - 1) * hour)
    return (begin, until) if until - begin >= 6 * hour else (start + 7 * hour, start + 19 * hour)


async def place(visit: Visit) -> Response:
    """POST: a drop; several changes of the job as one."""
    ask: Place = body_of(visit, Place)
    reason = visit.context.settings.reschedule_reason_codes[0]

    async def do(context: Context) -> board.Placed:
        return await board.place(context, visit.caller, ask.job, ask.start, ask.technicians, reason)

    placed = await board.on_version(visit.context, visit.caller, ask.job, ask.version, do)
    return visit.answer({"appointmentId": placed.appointment_id, "warnings": placed.warnings})


async def unplace(visit: Visit) -> Response:
    """POST: a booking undone: the job waits again, as if it had been held and released."""
    ask: Unplace = body_of(visit, Unplace)

    async def do(context: Context) -> None:
        why = JobDeed(reason="undone on the board", caused_by="SELLER")
        await hold_job(context, visit.caller, ask.job, why)
        await release_job(context, visit.caller, ask.job, why)

    await board.on_version(visit.context, visit.caller, ask.job, ask.version, do)
    return visit.answer({})


async def pin(visit: Visit) -> Response:
    """POST: a visit pinned to its technicians, or no longer."""
    ask: Pin = body_of(visit, Pin)

    async def do(context: Context) -> None:
        await set_pin(context, visit.caller, ask.job, SetPin(ask.pinned))

    await board.on_version(visit.context, visit.caller, ask.job, ask.version, do)
    return visit.answer({})


async def prospects(visit: Visit) -> Response:
    """GET: who could do a job at a start, the best first."""
    query = visit.request.query_params
    start = query.get("start", "")
    if not start.isdecimal() or len(start) > 18:
        raise Refused(400, "A start is needed.")
    found = await board.find_prospects(visit.context, visit.caller, query.get("job", ""), int(start))
    return visit.answer(
        [
            {"id": one.technician_id, "name": one.name, "against": one.mismatches, "overbooked": one.overbooked}
            for one in found
        ]
    )


ROUTES = [
    page("/{seller}/board", show),
    page("/{seller}/board.json", data),
    page("/{seller}/board/place", place, "dispatch", "POST"),
    page("/{seller}/board/unplace", unplace, "dispatch", "POST"),
    page("/{seller}/board/pin", pin, "dispatch", "POST"),
    page("/{seller}/board/prospects", prospects, "dispatch"),
]
