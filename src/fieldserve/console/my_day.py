"""A technician's own day on their phone: visits in order, and what they tell of each. /console/{seller}/my-day

The page works where there is no network: a worker in the browser keeps it, what is told waits there, and is sent later
with the time at which it was done. So each deed is a small request of its own that may come late, and twice.
"""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fieldserve.console import assets
from fieldserve.console.jobs import Choices, choices
from fieldserve.console.pages import PREFIX, Refused, Visit, body_of, csrf_token, page, read_file
from fieldserve.console.words import Words, instant_of, local
from fieldserve.domain.intervals import HOUR, MINUTE, SECOND, Instant, Interval
from fieldserve.operations import my_day
from fieldserve.operations.my_day import MyDay, MyVisit
from fieldserve.operations.travel import great_circle
from fieldserve.store.technicians import Technician
from fieldserve.travel.places import Place
from fieldserve.wire.documents import LARGEST_DOCUMENT, ContentType
from fieldserve.wire.jobs import Address, ServiceJob
from fieldserve.wire.plans import read_day

_MILLISECOND = 1_000
LONGEST_WAY = 8 * 60
MINUTES = (5, 10, 15, 20, 30, 45, 60, 90)
"""What a technician chooses from when they say when they will be there."""
_FILES: dict[str, ContentType] = {"image/jpeg": "JPEG", "image/png": "PNG"}

# What the page's script says.
TEXTS = (
    "on the way, there at %s",
    "at work since %s",
    "done",
    "%s waits to be sent",
    "%s was refused:",
    "No network. What you tell is kept here, and sent later.",
    "Your session has ended. What you told is kept here until you sign in again.",
    "Something that somebody else told on this phone waits until they sign in.",
    "Some of what you told is not sent yet. Sign out all the same?",
    "Try again",
    "Drop it",
    "Drop this for good?",
    "On my way",
    "Start",
    "Finish",
    "Photo",
    "Signature",
    "Sign in the field first.",
    "That picture cannot be read.",
    "The phone keeps nothing in this mode of its browser, so this page works only with a network.",
)


@dataclass(frozen=True, slots=True)
class Stop:
    """A visit as the page shows it. `state` is planned, coming, working, done or gone; `way` the minutes to drive."""

    job_id: str
    state: str
    title: str
    span: str
    start: Instant
    end: Instant
    arrives: str
    began: Instant | None
    worked: str
    store: str
    zone: str
    zone_name: str
    buyer: str
    phone: str
    lines: tuple[str, ...]
    map: str
    way: int
    with_whom: tuple[str, ...]
    skills: tuple[str, ...]
    proofs: int
    is_closed: bool


async def show(visit: Visit) -> Response:
    """GET: the day's visits; today, unless `day` names another."""
    me = await _me(visit)
    zone = ZoneInfo(me.time_zone)
    today = local(visit.now(), zone).date()
    day = read_day(visit.request.query_params.get("day", "")) or today
    known = await choices(visit)
    found = await my_day.load_my_day(visit.context, visit.caller, me, _window(day, zone))
    stops = _stops(visit, found, known)
    here = visit.words.at(zone.key)

    def at(one: date) -> str:
        return visit.path("my-day") if one == today else visit.path("my-day", day=one.isoformat())

    return visit.show(
        "my_day.html",
        me=me,
        day=day,
        is_today=day == today,
        here=here,
        stops=stops,
        hours=[here.time(start) + " – " + here.time(end) for start, end in found.hours],
        absences=[(here.text(kind.capitalize()), here.span(start, end)) for start, end, kind in found.absences],
        earlier=at(day - timedelta(days=1)),
        later=at(day + timedelta(days=1)),
        today=at(today),
        minutes=MINUTES,
        digest=_digest(stops),
        texts=msgspec.json.encode({one: here.text(one) for one in TEXTS}).decode(),
    )


async def state(visit: Visit) -> Response:
    """GET: what the page's script needs before it sends: the server's clock (ms), and a token for forms. `digest` tells
    whether the day has changed since it was shown."""
    me = await _me(visit)
    zone = ZoneInfo(me.time_zone)
    day = read_day(visit.request.query_params.get("day", "")) or local(visit.now(), zone).date()
    found = await my_day.load_my_day(visit.context, visit.caller, me, _window(day, zone))
    return visit.answer(
        {
            "now": visit.now() // _MILLISECOND,
            "user": visit.signed_in.user.user_id,
            "csrf": csrf_token(visit.token),
            "digest": _digest(_stops(visit, found, await choices(visit))),
        }
    )


async def _me(visit: Visit) -> Technician:
    found = await my_day.find_technician(visit.context, visit.caller, visit.signed_in.user.technician_id)
    if found is None:
        raise Refused(404, "Nobody has said which technician you are. An admin does that in the settings, under users.")
    return found


def _window(day: date, zone: ZoneInfo) -> Interval:
    try:
        past = day + timedelta(days=1)
        first, last = (instant_of(datetime(one.year, one.month, one.day, tzinfo=zone)) for one in (day, past))
    except OverflowError:
        raise Refused(400, "There is no such day.") from None
    return first, last


def _digest(stops: list[Stop]) -> str:
    return hashlib.sha256(repr(stops).encode()).hexdigest()[:16]


# ---- visits as they are shown


def _stops(visit: Visit, found: MyDay, known: Choices) -> list[Stop]:
    me, stops = found.technician, []
    before = _place(me.home_latitude, me.home_longitude)
    for one in found.visits:
        there = _place(one.visit.latitude, one.visit.longitude)
        words = visit.words.at(known.zone_of(one.visit.store_id))
        stops.append(_stop(visit, me, one, words, known.name_of(one.visit.store_id), _way(visit, before, there, words)))
        if one.visit.status != "CANCELLED":
            before = there or before
    return stops


def _stop(visit: Visit, me: Technician, mine: MyVisit, words: Words, store: str, way: int) -> Stop:
    one = mine.visit
    told = msgspec.json.decode(mine.document, type=ServiceJob)
    address = told.service_location.address if told.service_location else None
    lines = _lines(address)
    worked = "" if one.worked_end is None else f"{words.time(one.worked_start or 0)} – {words.time(one.worked_end)}"
    return Stop(
        one.service_job_id,
        _state(mine, visit.now()),
        (told.scope_of_work and told.scope_of_work.title) or one.title,
        f"{words.time(one.start)} – {words.time(one.end)}",
        one.start,
        one.end,
        words.time(one.arrival_start) if one.arrival_start is not None else "",
        one.begun,
        worked,
        store,
        words.zone.key,
        words.zone_name(one.start),
        (told.buyer and told.buyer.name) or (address.name if address else ""),
        (told.buyer and told.buyer.phone) or (address and address.phone) or "",
        lines,
        _map(visit, one.latitude, one.longitude, lines),
        way,
        tuple(name for technician_id, name, _ in one.technicians if technician_id != me.technician_id),
        tuple(msgspec.json.decode(one.skills)),
        one.documents,
        one.job_status != "NOT_SERVICED",
    )


def _state(mine: MyVisit, now: Instant) -> str:
    one = mine.visit
    if one.status == "CANCELLED":
        return "gone"
    if one.status == "COMPLETED":
        return "done"
    if one.begun is not None:
        return "working"
    return "coming" if one.arrival_end is not None and now < one.arrival_end + HOUR else "planned"


def _lines(address: Address | None) -> tuple[str, ...]:
    if address is None:
        return ()
    town = " ".join(one for one in (address.postal_code, address.city, address.state_or_region) if one)
    lines = (address.address_line1, address.address_line2, address.address_line3, town)
    return tuple(one for one in lines if one)


def _map(visit: Visit, latitude: float | None, longitude: float | None, lines: tuple[str, ...]) -> str:
    """Where a tap on the address leads: the setting's page for it, where anything of the place is known."""
    template = visit.context.settings.navigation_url
    place = f"{latitude},{longitude}" if latitude is not None and longitude is not None else ", ".join(lines)
    return template.replace("{place}", quote(place, safe=",")) if template and place else ""


def _place(latitude: float | None, longitude: float | None) -> Place | None:
    return None if latitude is None or longitude is None else Place(latitude, longitude)


def _way(visit: Visit, before: Place | None, there: Place | None, words: Words) -> int:
    """Minutes from the visit before, or from home, rounded up to what can be chosen."""
    drive = great_circle(visit.context.settings)
    if before is None or there is None:
        return 30
    seconds, _ = drive.trip(before, there, local(visit.now(), words.zone).hour)
    return next((one for one in MINUTES if one * 60 >= seconds), MINUTES[-1])


# ---- what is told


class Arrival(msgspec.Struct):
    """`at` is when it was said, ms since the epoch by the server's clock as the phone knows it."""

    at: int
    minutes: int


class Beginning(msgspec.Struct):
    at: int


class Ending(msgspec.Struct):
    """Start and end of work, `2026-03-02T10:05` on the clocks of `zone`."""

    start: str
    end: str
    zone: str
    done: bool


async def arrive(visit: Visit) -> Response:
    """POST: on my way, there in so many minutes."""
    me, ask = await _me(visit), body_of(visit, Arrival)
    if not 0 <= ask.minutes <= LONGEST_WAY:
        raise Refused(422, "An arrival is told in minutes, up to eight hours.")
    at = ask.at * _MILLISECOND + ask.minutes * MINUTE
    await my_day.tell_arrival(visit.context, visit.caller, me.technician_id, _job(visit), at)
    return visit.answer({})


async def begin(visit: Visit) -> Response:
    """POST: at work."""
    me, ask = await _me(visit), body_of(visit, Beginning)
    at = ask.at * _MILLISECOND
    await my_day.begin(visit.context, visit.caller, me.technician_id, _job(visit), at)
    return visit.answer({})


async def finish(visit: Visit) -> Response:
    """POST: the visit is over."""
    me, ask = await _me(visit), body_of(visit, Ending)
    start, end = (_instant(one, ask.zone) for one in (ask.start, ask.end))
    await my_day.finish(visit.context, visit.caller, me.technician_id, _job(visit), (start, end), done=ask.done)
    return visit.answer({})


async def prove(visit: Visit) -> Response:
    """POST: a picture; `name` is the phone's own for it."""
    me, request = await _me(visit), visit.request
    content_type = _FILES.get(request.headers.get("content-type", ""))
    name = request.query_params.get("name", "")
    if content_type is None or not 8 <= len(name) <= 64 or not name.isascii():
        raise Refused(422, "That picture cannot be read.")
    content = await read_file(request, LARGEST_DOCUMENT)
    who = visit.context, visit.caller, me.technician_id
    await my_day.hand_in(*who, _job(visit), name, content_type, content)
    return visit.answer({})


def _job(visit: Visit) -> str:
    job_id: str = visit.request.path_params["job"]
    return job_id


def _instant(text: str, zone: str) -> Instant:
    try:
        return instant_of(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))) // SECOND * SECOND
    except (ValueError, OverflowError, OSError):  # what is no zone's name may be a folder's
        raise Refused(422, "A date with a time is needed in both fields.") from None


# ---- what a browser keeps


async def worker(request: Request) -> Response:
    """GET the script that keeps the page for when there is no network. From here its scope can be the console's."""
    return assets.answer(request, assets.names()["my-day-worker.js"], {"cache-control": "no-cache"})


async def manifest(request: Request) -> Response:
    """GET what a phone needs to put the page on its first screen."""
    told: dict[str, Any] = {
        "name": "fieldserve",
        "short_name": "fieldserve",
        "start_url": PREFIX,
        "scope": PREFIX,
        "display": "standalone",
        "icons": [{"src": assets.address("mark.svg"), "sizes": "any", "type": "image/svg+xml"}],
    }
    return Response(msgspec.json.encode(told), media_type="application/manifest+json")


ROUTES = [
    Route(f"{PREFIX}/my-day-worker.js", worker, methods=["GET"]),
    Route(f"{PREFIX}/my-day.webmanifest", manifest, methods=["GET"]),
    page("/{seller}/my-day", show, "work"),
    page("/{seller}/my-day/state", state, "work"),
    page("/{seller}/my-day/{job}/arrival", arrive, "work", "POST"),
    page("/{seller}/my-day/{job}/start", begin, "work", "POST"),
    page("/{seller}/my-day/{job}/finish", finish, "work", "POST"),
    page("/{seller}/my-day/{job}/proof", prove, "work", "POST"),
]
