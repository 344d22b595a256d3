"""A plan as a file: a sheet to print with a map, GeoJSON for maps, CSV for tables.

Places, addresses and names are read when the file is made, so what was erased since is in none of them.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from fieldserve.operations.feeds import address_of
from fieldserve.operations.plans import get_plan
from fieldserve.operations.run import Caller, Context, read
from fieldserve.operations.sheet_map import DrawnMap, Line, Pin, draw
from fieldserve.store import plans, stores, technicians
from fieldserve.store.engine import Connection
from fieldserve.store.plans import PlannedJob
from fieldserve.store.technicians import Technician
from fieldserve.travel.places import Place
from fieldserve.wire.encoding import encode
from fieldserve.wire.plans import ExportedPlan, PlannedDay, PlannedRoute, PlannedStop, PlanRecord
from fieldserve.wire.times import parse, to_datetime

if TYPE_CHECKING:  # imported when a sheet is made
    import jinja2

CONTENT_TYPES = {"html": "text/html", "geojson": "application/geo+json", "csv": "text/csv"}
COLUMNS = (
    "date",
    "technicianId",
    "technician",
    "position",
    "serviceJobId",
    "appointmentId",
    "storeId",
    "service",
    "arrival",
    "start",
    "end",
    "toldFrom",
    "toldUntil",
    "travelSeconds",
    "travelMetres",
    "address",
    "latitude",
    "longitude",
)


class _Known(NamedTuple):
    """What a plan's ids stand for."""

    jobs: dict[str, PlannedJob]
    technicians: dict[str, Technician]
    store_names: dict[str, str]
    store_places: dict[str, Place]


async def export_plan(
    context: Context,
    caller: Caller,
    plan_id: str,
    file_format: str,
    technician_id: str | None = None,
    store_id: str | None = None,
) -> ExportedPlan:
    """The plan, or what of it concerns one technician or store, as a file. Raises ApiError: NO_SELLER, NO_PLAN."""
    record = _only(await get_plan(context, caller, plan_id), technician_id, store_id)
    known = await read(context, lambda c: _load(c, caller.seller_id, record.days))
    write = {"html": _sheet, "geojson": _geojson, "csv": _csv}[file_format]
    names = [record.first_day, *(one for one in (store_id, technician_id) if one)]
    return ExportedPlan(CONTENT_TYPES[file_format], f"plan-{'-'.join(names)}.{file_format}", write(record, known))


async def draw_plans(
    context: Context, caller: Caller, plans_days: Sequence[Sequence[PlannedDay]], ranks: Mapping[str, int]
) -> list[list[DrawnMap | None]]:
    """A map of each day of each plan, technicians told apart by their rank; None where no place is known. The plans are
    of the same days, and their maps of a day show the same part of the world."""
    known = await read(context, lambda c: _load(c, caller.seller_id, [day for days in plans_days for day in days]))
    drawn: list[list[DrawnMap | None]] = [[] for _ in plans_days]
    for same_day in zip(*plans_days, strict=True):
        ways = [[_line(one, known, ranks[one.technician_id]) for one in day.routes] for day in same_day]
        around = [place for lines in ways for line in lines for place in line.places]
        for maps, day, lines in zip(drawn, same_day, ways, strict=True):
            maps.append(draw(lines, _stores(known, day), 600, 560, around))
    return drawn


def _only(record: PlanRecord, technician_id: str | None, store_id: str | None) -> PlanRecord:
    days = []
    for day in record.days:
        if store_id is not None and store_id not in day.store_ids:
            continue
        day.routes = [
            one
            for one in day.routes
            if technician_id in (None, one.technician_id)
            and (store_id is None or any(stop.store_id == store_id for stop in one.stops))
        ]
        if technician_id is not None:
            day.left_out, day.without_place = [], []
        days.append(day)
    record.days = days
    return record


async def _load(c: Connection, seller_id: str, days: Sequence[PlannedDay]) -> _Known:
    ids = {stop.service_job_id for day in days for route in day.routes for stop in route.stops}
    ids |= {one.service_job_id for day in days for one in day.left_out}
    crew = sorted({route.technician_id for day in days for route in day.routes})
    people = {one.technician_id: one for one in await technicians.find_all(c, seller_id, crew)}
    names: dict[str, str] = {}
    places: dict[str, Place] = {}
    for store_id in sorted({one for day in days for one in day.store_ids}):
        store = await stores.find(c, seller_id, store_id)
        names[store_id] = store.name if store else store_id
        if store and store.latitude is not None and store.longitude is not None:
            places[store_id] = Place(store.latitude, store.longitude)
    return _Known(await plans.planned_jobs(c, seller_id, ids), people, names, places)


def _place(known: _Known, stop: PlannedStop) -> Place | None:
    job = known.jobs.get(stop.service_job_id)
    if job is None or job.latitude is None or job.longitude is None:
        return None
    return Place(job.latitude, job.longitude)


def _home(known: _Known, technician_id: str) -> Place | None:
    one = known.technicians.get(technician_id)
    if one is None or one.home_latitude is None or one.home_longitude is None:
        return None
    return Place(one.home_latitude, one.home_longitude)


def _name(known: _Known, technician_id: str) -> str:
    one = known.technicians.get(technician_id)
    return one.name if one else technician_id


# ---- CSV


def _csv(record: PlanRecord, known: _Known) -> str:
    """A row for each stop, in the order of the routes. What a spreadsheet would run is quoted by an apostrophe."""
    file = io.StringIO()
    rows = csv.writer(file, lineterminator="\r\n")
    rows.writerow(COLUMNS)
    for day in record.days:
        for route in day.routes:
            for position, stop in enumerate(route.stops, 1):
                rows.writerow([_harmless(cell) for cell in _row(day, route, position, stop, known)])
    return file.getvalue()


def _row(day: PlannedDay, route: PlannedRoute, position: int, stop: PlannedStop, known: _Known) -> list[Any]:
    job, place = known.jobs.get(stop.service_job_id), _place(known, stop)
    return [
        day.date,
        route.technician_id,
        _name(known, route.technician_id),
        position,
        stop.service_job_id,
        stop.appointment_id or "",
        stop.store_id,
        job.title if job else "",
        stop.arrival,
        stop.start,
        stop.end,
        stop.told.start,
        stop.told.end,
        stop.travel_seconds,
        stop.travel_metres,
        address_of(job) if job else "",
        place.latitude if place else "",
        place.longitude if place else "",
    ]


def _harmless(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


# ---- GeoJSON


def _geojson(record: PlanRecord, known: _Known) -> str:
    """RFC 7946: a point for each stop, a line for each route from home to home, a point for each store."""
    features = []
    for day in record.days:
        for route in day.routes:
            whose = {"date": day.date, "technicianId": route.technician_id}
            line = [place for place in _way(route, known) if place is not None]
            if len(line) > 1:
                coordinates = [[place.longitude, place.latitude] for place in line]
                told = {
                    **whose,
                    "kind": "route",
                    "travelSeconds": route.travel_seconds,
                    "travelMetres": route.travel_metres,
                }
                features.append(_feature("LineString", coordinates, told))
            for position, stop in enumerate(route.stops, 1):
                if (place := _place(known, stop)) is not None:
                    told = {**whose, "kind": "stop", "position": position, "serviceJobId": stop.service_job_id}
                    told |= {"arrival": stop.arrival, "start": stop.start, "end": stop.end}
                    features.append(_feature("Point", [place.longitude, place.latitude], told))
    for store_id, place in known.store_places.items():
        features.append(_feature("Point", [place.longitude, place.latitude], {"kind": "store", "storeId": store_id}))
    return encode({"type": "FeatureCollection", "features": features}).decode()


def _feature(kind: str, coordinates: Any, properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "geometry": {"type": kind, "coordinates": coordinates}, "properties": properties}


def _way(route: PlannedRoute, known: _Known) -> list[Place | None]:
    home = _home(known, route.technician_id)
    return [home, *(_place(known, stop) for stop in route.stops), home]


# ---- the sheet


@dataclass(slots=True)
class SheetStop:
    """A line of the sheet, in words, by the clock of the store."""

    position: int
    arrival: str
    start: str
    end: str
    told: str
    title: str
    job_id: str
    name: str
    address: str
    travel: str
    with_others: str
    late: str


@dataclass(slots=True)
class SheetRoute:
    """The day of one technician."""

    name: str
    technician_id: str
    rank: int
    leaves: str
    returns: str
    breaks: str
    travel: str
    stops: list[SheetStop]
    drawn: DrawnMap | None


@dataclass(slots=True)
class SheetDay:
    """A day of stores that share technicians."""

    title: str
    stores: str
    zone: str
    figures: list[tuple[str, str, str]]
    drawn: DrawnMap | None
    routes: list[SheetRoute] = field(default_factory=list)
    left_out: list[tuple[str, str, str]] = field(default_factory=list)
    without_place: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


# Told apart by people who see colours differently, too, as far as so many can be (after Okabe and Ito).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#5d3a9b", "#00687a", "#a3195b", "#4b5a00", "#7a4a2b")


def _sheet(record: PlanRecord, known: _Known) -> str:
    days = [_day(day, known) for day in record.days]
    page: str = _template().render(record=record, days=days, colours=COLOURS)
    return page


@lru_cache(maxsize=1)
def _template() -> "jinja2.Template":
    import jinja2

    loader = jinja2.FileSystemLoader(Path(__file__).with_name("templates"))
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("day_sheet.html")


def _day(day: PlannedDay, known: _Known) -> SheetDay:
    zone = ZoneInfo(day.time_zone)
    routes = []
    lines: list[Line] = []
    for rank, route in enumerate(day.routes):
        line = _line(route, known, rank)
        lines.append(line)
        routes.append(_route(route, known, zone, rank, draw([line], _stores(known, day), 560, 320)))
    return SheetDay(
        day.date,
        ", ".join(known.store_names[one] for one in day.store_ids),
        day.time_zone,
        list(zip(FIGURES, _told(day.before), _told(day.figures), strict=True)),
        draw(lines, _stores(known, day), 760, 520),
        routes,
        [(_title(known, one.service_job_id), one.message, one.would_fit or "") for one in day.left_out],
        day.without_place,
        day.notices,
    )


def _stores(known: _Known, day: PlannedDay) -> list[Pin]:
    places = known.store_places
    return [Pin(places[one], "", known.store_names[one]) for one in day.store_ids if one in places]


def _line(route: PlannedRoute, known: _Known, rank: int) -> Line:
    stops = [
        Pin(place, str(position), _title(known, stop.service_job_id), stop.service_job_id)
        for position, stop in enumerate(route.stops, 1)
        if (place := _place(known, stop)) is not None
    ]
    return Line(_name(known, route.technician_id), rank, _home(known, route.technician_id), stops)


def _title(known: _Known, service_job_id: str) -> str:
    job = known.jobs.get(service_job_id)
    return f"{job.title} ({service_job_id})" if job else service_job_id


def _route(route: PlannedRoute, known: _Known, zone: ZoneInfo, rank: int, drawn: DrawnMap | None) -> SheetRoute:
    return SheetRoute(
        _name(known, route.technician_id),
        route.technician_id,
        rank,
        _clock(route.leaves, zone),
        _clock(route.returns, zone),
        ", ".join(f"{_clock(one.start, zone)}–{_clock(one.end, zone)}" for one in route.breaks),
        f"{_minutes(route.travel_seconds)}, {_kilometres(route.travel_metres)}",
        [_stop(position, stop, route, known, zone) for position, stop in enumerate(route.stops, 1)],
        drawn,
    )


def _stop(position: int, stop: PlannedStop, route: PlannedRoute, known: _Known, zone: ZoneInfo) -> SheetStop:
    job = known.jobs.get(stop.service_job_id)
    location = job.details.service_location if job else None
    others = [_name(known, one) for one in stop.technicians if one != route.technician_id]
    return SheetStop(
        position,
        _clock(stop.arrival, zone),
        _clock(stop.start, zone),
        _clock(stop.end, zone),
        f"{_clock(stop.told.start, zone)}–{_clock(stop.told.end, zone)}",
        job.title if job else "",
        stop.service_job_id,
        (location.address.name if location and location.address and job and not job.in_store else ""),
        (address_of(job) or known.store_names.get(stop.store_id, "")) if job else "",
        f"{_minutes(stop.travel_seconds)}, {_kilometres(stop.travel_metres)}",
        ", ".join(others),
        _minutes(stop.late_seconds) if stop.late_seconds else "",
    )


FIGURES = (
    "visits assigned",
    "visits left out",
    "technicians on the road",
    "driving",
    "road",
    "visits on time",
    "overtime",
    "time used",
    "fairness",
)


def _told(figures: Any) -> Sequence[str]:
    return (
        f"{figures.assigned} of {figures.visits}",
        str(figures.unassigned),
        str(figures.technicians),
        _minutes(figures.travel_seconds),
        _kilometres(figures.travel_metres),
        f"{figures.on_time:.0%}",
        _minutes(figures.overtime_seconds),
        f"{figures.utilisation:.0%}",
        f"{figures.fairness:.2f}",
    )


def _clock(text: str, zone: ZoneInfo) -> str:
    return to_datetime(parse(text)).astimezone(zone).strftime("%H:%M")


def _minutes(seconds: int) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"


def _kilometres(metres: int) -> str:
    return f"{metres / 1000:.1f} km"
