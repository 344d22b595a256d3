"""What a dispatcher looks at: visits and waiting jobs of a seller, in the form that boards and lists show.

All of it only reads. Personal data comes along in `document`, as the API answers it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fieldserve.domain.intervals import DAY, Interval
from fieldserve.store.engine import Connection, placeholders
from fieldserve.wire.times import Instant

LONGEST_VISIT = 7 * DAY
"""As the schema bounds appointments: how far before a window one that reaches into it may begin."""
SEARCHED = 5_000
"""Words are looked for among that many of the newest jobs that match otherwise; ids are found in all."""


@dataclass(frozen=True, slots=True)
class VisitRow:
    """An appointment with what of its job and service a board shows. Times are instants, buffers µs.

    `technicians` are ids, names, and whether they were overbooked. `begun` is when somebody said that they began, of a
    visit whose start and end may not be recorded yet."""

    technicians: tuple[tuple[str, str, bool], ...]
    pinned: bool
    appointment_id: str
    service_job_id: str
    store_id: str
    status: str
    start: Instant
    end: Instant
    buffer_before: int
    buffer_after: int
    arrival_start: Instant | None
    arrival_end: Instant | None
    worked_start: Instant | None
    worked_end: Instant | None
    asin: str
    job_status: str
    updated_at: Instant
    title: str
    skills: str
    location_type: str
    latitude: float | None
    longitude: float | None
    documents: int
    rescheduled_to: str | None
    mirrored_from: str | None
    begun: Instant | None = None


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job as a list shows it, its document included."""

    service_job_id: str
    store_id: str
    asin: str
    status: str
    created_at: Instant
    updated_at: Instant
    latitude: float | None
    longitude: float | None
    document: bytes


_VISITS = """
SELECT a.appointment_id, a.service_job_id, a.store_id, a.status, a.start_at, a.end_at, a.buffer_before, a.buffer_after,
    a.arrival_start, a.arrival_end, a.fulfillment_start, a.fulfillment_end, j.asin, j.status, j.updated_at, s.title,
    s.skills, s.service_location_type, j.latitude, j.longitude,
    (SELECT count(*) FROM documents d WHERE d.seller_id = a.seller_id AND d.appointment_id = a.appointment_id),
    a.rescheduled_to, j.mirrored_from,
    (SELECT b.started_at FROM beginnings b WHERE b.seller_id = a.seller_id AND b.appointment_id = a.appointment_id)
FROM appointments a CROSS JOIN jobs j CROSS JOIN services s
WHERE a.seller_id = $1 AND a.start_at >= $2 AND a.start_at < $3 AND a.end_at > $4
    AND j.seller_id = a.seller_id AND j.service_job_id = a.service_job_id
    AND s.seller_id = j.seller_id AND s.asin = j.asin
ORDER BY a.start_at, a.appointment_id"""

_CREWS = """
SELECT t.appointment_id, t.technician_id, t.name, t.overbooked
FROM appointments a CROSS JOIN appointment_technicians t
WHERE a.seller_id = $1 AND a.start_at >= $2 AND a.start_at < $3 AND a.end_at > $4
    AND t.seller_id = a.seller_id AND t.appointment_id = a.appointment_id
ORDER BY t.appointment_id, t.position"""

_PINNED = """
SELECT p.appointment_id FROM appointments a CROSS JOIN pins p
WHERE a.seller_id = $1 AND a.start_at >= $2 AND a.start_at < $3 AND a.end_at > $4
    AND p.seller_id = a.seller_id AND p.appointment_id = a.appointment_id"""


async def visits(c: Connection, seller_id: str, window: Interval) -> Sequence[VisitRow]:
    """Appointments that reach into the window, cancelled ones, too, by start."""
    start, end = window
    bounds = (seller_id, start - LONGEST_VISIT, end, start)
    crews: dict[str, list[tuple[str, str, bool]]] = {}
    for appointment_id, technician_id, name, overbooked in await c.fetch(_CREWS, *bounds):
        crews.setdefault(appointment_id, []).append((technician_id, name, bool(overbooked)))
    rows = await c.fetch(_VISITS, *bounds)
    pinned = {row[0] for row in await c.fetch(_PINNED, *bounds)}
    return [VisitRow(tuple(crews.get(row[0], ())), row[0] in pinned, *row) for row in rows]


_JOB_COLUMNS = "service_job_id, store_id, asin, status, created_at, updated_at, latitude, longitude, document"


def _job(row: Sequence[Any]) -> JobRow:
    service_job_id, store_id, asin, status, created_at, updated_at, latitude, longitude, document = row
    place = latitude, longitude
    return JobRow(service_job_id, store_id, asin, status, created_at, updated_at, *place, document.encode())


async def jobs_in(c: Connection, seller_id: str, statuses: Sequence[str], since: Instant, limit: int) -> list[JobRow]:
    """Jobs in these states that changed since then, the oldest orders first."""
    marks = placeholders(statuses, after=3)
    rows = await c.fetch(
        f"SELECT {_JOB_COLUMNS} FROM jobs WHERE seller_id = $1 AND updated_at >= $2 AND status IN ({marks})"
        " ORDER BY created_at, service_job_id LIMIT $3",
        seller_id,
        since,
        limit,
        *statuses,
    )
    return [_job(row) for row in rows]


async def count_by_status(c: Connection, seller_id: str) -> dict[str, int]:
    """How many jobs the seller has in each state."""
    rows = await c.fetch("SELECT status, count(*) FROM jobs WHERE seller_id = $1 GROUP BY status", seller_id)
    return {row[0]: row[1] for row in rows}


@dataclass(frozen=True, slots=True)
class Search:
    """What of the seller's jobs is looked for; empty members do not narrow. Days are instants, half-open."""

    text: str = ""
    statuses: tuple[str, ...] = ()
    store_ids: tuple[str, ...] = ()
    technician_id: str = ""
    created: Interval | None = None
    visited: Interval | None = None


async def search(
    c: Connection, seller_id: str, wanted: Search, before: tuple[Instant, str] | None, limit: int
) -> list[JobRow]:
    """Jobs that match, the newest orders first, those behind the key `before`.

    A text is an id of the job (or how it begins), of its orders, parcels or buyer, or else a part of the document."""
    where, values = _narrowed(seller_id, wanted)
    if before is not None:
        where += f" AND (created_at, service_job_id) < (${len(values) + 1}, ${len(values) + 2})"
        values += before
    order = "ORDER BY created_at DESC, service_job_id DESC"
    if not wanted.text:
        sql = f"SELECT {_JOB_COLUMNS} FROM jobs WHERE {where} {order} LIMIT ${len(values) + 1}"
        return [_job(row) for row in await c.fetch(sql, *values, limit)]
    by_id, part = len(values) + 1, len(values) + 2
    keyed = (
        f"service_order_id = ${by_id} OR service_job_id IN (SELECT service_job_id FROM job_keys WHERE seller_id = $1"
        f" AND kind IN ('PRODUCT_ORDER', 'TRACKING', 'BUYER') AND value = ${by_id})"
        f" OR (service_job_id >= ${by_id} AND service_job_id < ${by_id} || '~')"
    )
    found = await c.fetch(
        f"SELECT {_JOB_COLUMNS} FROM jobs WHERE {where} AND ({keyed}) {order} LIMIT ${by_id + 1}",
        *values,
        wanted.text,
        limit,
    )
    if not found:
        found = await c.fetch(
            f"WITH newest AS (SELECT {_JOB_COLUMNS} FROM jobs WHERE {where} {order} LIMIT {SEARCHED})"
            f" SELECT * FROM newest WHERE lower(document) LIKE ${by_id} ESCAPE '\\' {order} LIMIT ${part}",
            *values,
            _like(wanted.text),
            limit,
        )
    return [_job(row) for row in found]


def _like(text: str) -> str:
    escaped = text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _narrowed(seller_id: str, wanted: Search) -> tuple[str, list[Any]]:
    where, values = ["seller_id = $1"], [seller_id]

    def mark(value: Any) -> str:
        values.append(value)
        return f"${len(values)}"

    for column, several in (("status", wanted.statuses), ("store_id", wanted.store_ids)):
        if several:
            where.append(f"{column} IN ({', '.join(mark(one) for one in several)})")
    if wanted.created is not None:
        where.append(f"created_at >= {mark(wanted.created[0])} AND created_at < {mark(wanted.created[1])}")
    visit = ["a.seller_id = $1", "a.service_job_id = jobs.service_job_id", "a.status <> 'CANCELLED'"]
    if wanted.visited is not None:
        visit.append(f"a.start_at >= {mark(wanted.visited[0])} AND a.start_at < {mark(wanted.visited[1])}")
    if wanted.technician_id:
        technician = mark(wanted.technician_id)
        visit.append(
            "EXISTS (SELECT 1 FROM appointment_technicians t WHERE t.seller_id = $1"
            f" AND t.appointment_id = a.appointment_id AND t.technician_id = {technician})"
        )
    if wanted.visited is not None or wanted.technician_id:
        where.append(f"EXISTS (SELECT 1 FROM appointments a WHERE {' AND '.join(visit)})")
    return " AND ".join(where), values
