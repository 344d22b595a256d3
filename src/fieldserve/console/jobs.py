"""All jobs: searched, filtered, listed, and as CSV. /console/{seller}/jobs"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
from starlette.responses import Response

from fieldserve.console.pages import Visit, page
from fieldserve.console.sheets import MOST_ROWS, sheet
from fieldserve.console.words import instant_of
from fieldserve.domain.intervals import Instant, Interval
from fieldserve.operations import board, stores, technicians
from fieldserve.store.board import JobRow, Search
from fieldserve.wire.jobs import JOB_STATUSES, ServiceJob
from fieldserve.wire.stores import StoreRecord
from fieldserve.wire.technicians import TechnicianRecord
from fieldserve.wire.times import MINUTE, parse, render

PAGE = 50
COLUMNS = {
    "status": "Status",
    "visit": "Visit",
    "technicians": "Technicians",
    "buyer": "Buyer",
    "store": "Store",
    "ordered": "Ordered",
    "service": "Service",
    "order": "Order",
    "changed": "Changed",
}
"""What a list can show beside the job; the first six unless others are ticked."""
DEFAULT = tuple(COLUMNS)[:6]
TEXTS = tuple(COLUMNS.values())
MOST_CHOICES = 500


@dataclass(frozen=True, slots=True)
class Row:
    """A job as the list shows it. Times are instants; `zone` is its store's."""

    service_job_id: str
    title: str
    status: str
    store: str
    zone: str
    created_at: Instant
    buyer: str
    place: str
    visit: Interval | None
    technicians: tuple[str, ...]
    service_order_id: str
    asin: str
    updated_at: Instant


@dataclass(frozen=True, slots=True)
class Choices:
    """What a job can be filtered by."""

    stores: Sequence[StoreRecord]
    technicians: Sequence[TechnicianRecord]

    def zone_of(self, store_id: str) -> str:
        """The IANA zone of a store."""
        return next((one.time_zone for one in self.stores if one.store_id == store_id), "UTC")

    def name_of(self, store_id: str) -> str:
        """What a store is called."""
        return next((one.name for one in self.stores if one.store_id == store_id), store_id)


async def choices(visit: Visit) -> Choices:
    """The seller's stores and technicians."""
    return Choices(
        (await stores.list_stores(visit.context, visit.caller, "", MOST_CHOICES)).stores,
        (await technicians.list_technicians(visit.context, visit.caller, "", MOST_CHOICES)).technicians,
    )


def row_of(job: JobRow, known: Choices) -> Row:
    """What the list shows of a job: its newest visit that was not cancelled."""
    told = msgspec.json.decode(job.document, type=ServiceJob)
    standing = [one for one in told.appointments or () if one.appointment_status != "CANCELLED"]
    visit: Interval | None = None
    crew: tuple[str, ...] = ()
    if standing and (time := standing[-1].appointment_time) is not None:
        start = parse(time.start_time)
        visit = (start, start + time.duration_in_minutes * MINUTE)
        crew = tuple(one.name or one.technician_id or "" for one in standing[-1].assigned_technicians or ())
    address = told.service_location.address if told.service_location else None
    place = ", ".join(filter(None, (address.city, address.postal_code))) if address else ""
    title = told.scope_of_work.title if told.scope_of_work and told.scope_of_work.title else job.asin
    return Row(
        job.service_job_id,
        title,
        job.status,
        known.name_of(job.store_id),
        known.zone_of(job.store_id),
        job.created_at,
        told.buyer.name or "" if told.buyer else "",
        place,
        visit,
        crew,
        told.service_order_id or "",
        job.asin,
        job.updated_at,
    )


def _read(visit: Visit, known: Choices) -> Search:
    query = visit.request.query_params
    store = query.get("store", "")
    zone = ZoneInfo(known.zone_of(store) if store else known.stores[0].time_zone if known.stores else "UTC")
    return Search(
        query.get("q", "").strip(),
        tuple(one for one in query.getlist("status") if one in JOB_STATUSES),
        (store,) if store else (),
        query.get("technician", ""),
        _days(query.get("from", ""), query.get("to", ""), zone) if query.get("by") == "created" else None,
        _days(query.get("from", ""), query.get("to", ""), zone) if query.get("by") != "created" else None,
    )


def _days(first: str, last: str, zone: ZoneInfo) -> Interval | None:
    """From the first day's beginning to the last one's end, on the zone's clocks; open where a side is missing."""
    start, end = _midnight(first, zone, 0), _midnight(last, zone, 1)
    if start is None and end is None:
        return None
    return (0 if start is None else start, 2**62 if end is None else end)


def _midnight(text: str, zone: ZoneInfo, days: int) -> Instant | None:
    try:
        day = date.fromisoformat(text)
        return instant_of(datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(days=days))
    except (ValueError, OverflowError):
        return None


def _key(text: str) -> tuple[Instant, str] | None:
    at, _, job_id = text.partition("~")
    return (int(at), job_id) if at.isdecimal() and len(at) < 19 and job_id else None


async def show(visit: Visit) -> Response:
    """GET: a page of the jobs that match; filters stand in the address."""
    known = await choices(visit)
    wanted, query = _read(visit, known), visit.request.query_params
    found = await board.search_jobs(visit.context, visit.caller, wanted, _key(query.get("before", "")), PAGE + 1)
    more = found[PAGE - 1] if len(found) > PAGE else None
    asked = {name: query.getlist(name) for name in ("q", "status", "store", "technician", "by", "from", "to", "col")}
    before = f"{more.created_at}~{more.service_job_id}" if more else ""
    return visit.show(
        "jobs.html",
        rows=[row_of(one, known) for one in found[:PAGE]],
        known=known,
        statuses=JOB_STATUSES,
        asked={name: values[0] if values else "" for name, values in asked.items()} | {"status": asked["status"]},
        columns=COLUMNS,
        shown=[one for one in COLUMNS if one in asked["col"]] or DEFAULT,
        is_first="before" not in query,
        next=visit.path("jobs", **asked, before=before) if more else "",
        sheet=visit.path("jobs.csv", **asked),
    )


async def download(visit: Visit) -> Response:
    """GET: the same jobs as CSV, all of them; times in UTC."""
    known = await choices(visit)
    return sheet("jobs", _rows(visit, known, _read(visit, known)))


async def _rows(visit: Visit, known: Choices, wanted: Search) -> AsyncIterator[Sequence[str]]:
    yield (
        "serviceJobId",
        "status",
        "title",
        "store",
        "created",
        "start",
        "end",
        "technicians",
        "buyer",
        "place",
        "order",
    )
    before: tuple[Instant, str] | None = None
    for _ in range(MOST_ROWS // 500):
        found = await board.search_jobs(visit.context, visit.caller, wanted, before, 500)
        for one in found:
            row = row_of(one, known)
            start, end = (render(row.visit[0]), render(row.visit[1])) if row.visit else ("", "")
            yield (
                row.service_job_id,
                row.status,
                row.title,
                row.store,
                render(row.created_at),
                start,
                end,
                "; ".join(row.technicians),
                row.buyer,
                row.place,
                row.service_order_id,
            )
        if len(found) < 500:
            return
        before = (found[-1].created_at, found[-1].service_job_id)


ROUTES = [page("/{seller}/jobs", show), page("/{seller}/jobs.csv", download)]
