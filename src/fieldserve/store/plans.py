"""Plans of routes as they were made, and what they are made from: visits of a day, and jobs that wait for one."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import msgspec

from fieldserve.domain.intervals import Interval
from fieldserve.store.engine import LOCK, Connection, Row, placeholders
from fieldserve.wire.jobs import ServiceJob
from fieldserve.wire.times import Instant

PlanStatus = Literal["DRAFT", "APPLIED", "UNDONE", "SUPERSEDED"]
_LONGEST_VISIT = 604_800_000_000


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A plan. `document` is what the API answers; `seen` the versions that it was made from, `applied` what applying
    it changed (both JSON)."""

    seller_id: str
    plan_id: str
    status: PlanStatus
    first_day: str
    days: int
    store_ids: tuple[str, ...]
    created_at: Instant
    changed_at: Instant
    base_plan_id: str | None
    document: bytes
    seen: bytes
    applied: bytes | None = None


_COLUMNS = (
    "seller_id, plan_id, status, first_day, days, stores, created_at, changed_at, base_plan_id, document, seen, applied"
)


def _plan(row: Row) -> StoredPlan:
    seller_id, plan_id, status, first_day, days, stores, created_at, changed_at, base, document, seen, applied = row
    return StoredPlan(
        seller_id,
        plan_id,
        status,
        first_day,
        days,
        tuple(msgspec.json.decode(stores, type=list[str])),
        created_at,
        changed_at,
        base,
        document.encode(),
        seen.encode(),
        None if applied is None else applied.encode(),
    )


async def add(c: Connection, plan: StoredPlan) -> None:
    """Store a new plan."""
    await c.execute(
        f"INSERT INTO plans ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        plan.seller_id,
        plan.plan_id,
        plan.status,
        plan.first_day,
        plan.days,
        msgspec.json.encode(plan.store_ids).decode(),
        plan.created_at,
        plan.changed_at,
        plan.base_plan_id,
        plan.document.decode(),
        plan.seen.decode(),
        None if plan.applied is None else plan.applied.decode(),
    )


async def find(c: Connection, seller_id: str, plan_id: str, lock: bool = False) -> StoredPlan | None:
    """The seller's plan with that id; with `lock` nobody else applies or undoes it meanwhile."""
    row = await c.fetch_one(
        f"SELECT {_COLUMNS} FROM plans WHERE seller_id = $1 AND plan_id = $2 {LOCK if lock else ''}", seller_id, plan_id
    )
    return None if row is None else _plan(row)


async def page(
    c: Connection, seller_id: str, *, after: str | None, limit: int, first_day: str | None = None
) -> list[StoredPlan]:
    """Plans of the seller, the newest first, those behind the plan `after`."""
    where, values = ["seller_id = $1"], [seller_id]
    if first_day is not None:
        values.append(first_day)
        where.append(f"first_day = ${len(values)}")
    if after is not None:
        values.append(after)
        where.append(
            "(created_at, plan_id) < (SELECT created_at, plan_id FROM plans"
            f" WHERE seller_id = $1 AND plan_id = ${len(values)})"
        )
    rows = await c.fetch(
        f"SELECT {_COLUMNS} FROM plans WHERE {' AND '.join(where)}"
        f" ORDER BY created_at DESC, plan_id DESC LIMIT ${len(values) + 1}",
        *values,
        limit,
    )
    return [_plan(row) for row in rows]


async def change(c: Connection, plan: StoredPlan, status: PlanStatus, applied: bytes | None, now: Instant) -> None:
    """Store another status of a plan that was found under lock, and what applying it changed."""
    await c.execute(
        "UPDATE plans SET status = $3, applied = $4, changed_at = $5 WHERE seller_id = $1 AND plan_id = $2",
        plan.seller_id,
        plan.plan_id,
        status,
        None if applied is None else applied.decode(),
        now,
    )


async def applied_over(c: Connection, seller_id: str, plan_id: str, days: Sequence[str]) -> list[StoredPlan]:
    """Other plans that are APPLIED and begin on one of the days, or are weeks that may reach into them."""
    rows = await c.fetch(
        f"SELECT {_COLUMNS} FROM plans WHERE seller_id = $1 AND plan_id <> $2 AND status = 'APPLIED'"
        f" AND (first_day IN ({placeholders(days, 2)}) OR days > 1) ORDER BY plan_id {LOCK}",
        seller_id,
        plan_id,
        *days,
    )
    return [_plan(row) for row in rows]


# ---- what is planned


@dataclass(frozen=True, slots=True)
class DayVisit:
    """An active appointment with what planning needs of its job. `version` is when the job changed last."""

    service_job_id: str
    appointment_id: str
    store_id: str
    asin: str
    start: Instant
    end: Instant
    buffer_before: int
    buffer_after: int
    arrival: Interval | None
    version: Instant
    latitude: float | None
    longitude: float | None
    details: ServiceJob
    technician_ids: tuple[str, ...] = ()
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class WaitingJob:
    """A job that is PENDING_SCHEDULE."""

    service_job_id: str
    store_id: str
    asin: str
    version: Instant
    latitude: float | None
    longitude: float | None
    details: ServiceJob


_VISITS = """
SELECT a.service_job_id, a.appointment_id, a.store_id, j.asin, a.start_at, a.end_at, a.buffer_before, a.buffer_after,
    a.arrival_start, a.arrival_end, j.updated_at, j.latitude, j.longitude, j.details, p.pinned_at
FROM appointments a JOIN jobs j ON j.seller_id = a.seller_id AND j.service_job_id = a.service_job_id
    LEFT JOIN pins p ON p.seller_id = a.seller_id AND p.appointment_id = a.appointment_id
WHERE a.seller_id = $1 AND a.status = 'ACTIVE' AND a.end_at > $2 AND a.end_at < $3 AND a.start_at < $4
    AND (a.store_id IN ({stores}) OR a.appointment_id IN (
        SELECT appointment_id FROM appointment_technicians
        WHERE seller_id = $1 AND active = 1 AND end_at > $2 AND end_at < $3 AND technician_id IN ({technicians})))
ORDER BY a.start_at, a.appointment_id"""

_TEAMS = """
SELECT appointment_id, technician_id FROM appointment_technicians
WHERE seller_id = $1 AND active = 1 AND end_at > $2 AND end_at < $3 AND start_at < $4
ORDER BY appointment_id, position"""


async def visits(
    c: Connection, seller_id: str, store_ids: Sequence[str], technician_ids: Sequence[str], window: Interval
) -> list[DayVisit]:
    """Active appointments that share an instant with the window: the stores', and the technicians' elsewhere."""
    start, end = window
    near = (start, end + _LONGEST_VISIT, end)
    rows = await c.fetch(
        _VISITS.format(stores=placeholders(store_ids, 4), technicians=placeholders(technician_ids, 4 + len(store_ids))),
        seller_id,
        *near,
        *store_ids,
        *technician_ids,
    )
    teams: dict[str, list[str]] = {}
    for appointment_id, technician_id in await c.fetch(_TEAMS, seller_id, *near):
        teams.setdefault(appointment_id, []).append(technician_id)
    return [_visit(row, tuple(teams.get(row[1], ()))) for row in rows]


def _visit(row: Row, team: tuple[str, ...]) -> DayVisit:
    job_id, appointment_id, store_id, asin, start, end, before, after, since, until, *rest = row
    version, latitude, longitude, details, pinned_at = rest
    return DayVisit(
        job_id,
        appointment_id,
        store_id,
        asin,
        start,
        end,
        before,
        after,
        None if since is None or until is None else (since, until),
        _version(version, pinned_at),
        latitude,
        longitude,
        _details(details),
        team,
        pinned_at is not None,
    )


async def waiting_jobs(c: Connection, seller_id: str, store_ids: Sequence[str]) -> list[WaitingJob]:
    """Jobs of the stores that are PENDING_SCHEDULE, the oldest first."""
    rows = await c.fetch(
        "SELECT service_job_id, store_id, asin, updated_at, latitude, longitude, details FROM jobs"
        f" WHERE seller_id = $1 AND status = 'PENDING_SCHEDULE' AND store_id IN ({placeholders(store_ids, 1)})"
        " ORDER BY created_at, service_job_id",
        seller_id,
        *store_ids,
    )
    return [WaitingJob(row[0], row[1], row[2], row[3], row[4], row[5], _details(row[6])) for row in rows]


_DONE = """
SELECT t.technician_id, a.fulfillment_start, a.fulfillment_end, s.service_location_type, j.latitude, j.longitude,
    st.latitude AS store_latitude, st.longitude AS store_longitude
FROM appointments a
JOIN appointment_technicians t ON t.seller_id = a.seller_id AND t.appointment_id = a.appointment_id
JOIN jobs j ON j.seller_id = a.seller_id AND j.service_job_id = a.service_job_id
JOIN services s ON s.seller_id = j.seller_id AND s.asin = j.asin
JOIN stores st ON st.seller_id = j.seller_id AND st.store_id = j.store_id
WHERE a.seller_id = $1 AND a.start_at >= $2 AND a.start_at < $3 AND a.status = 'COMPLETED'
    AND a.fulfillment_end IS NOT NULL AND t.technician_id IN ({ids})
ORDER BY a.fulfillment_end, a.appointment_id"""


class DoneVisit(NamedTuple):
    """What a technician did earlier on the day, and where."""

    technician_id: str
    start: Instant
    end: Instant
    latitude: float
    longitude: float


async def done_visits(
    c: Connection, seller_id: str, technician_ids: Sequence[str], window: Interval
) -> list[DoneVisit]:
    """Recorded work of appointments that began in the window, in the order in which it ended; where it is known."""
    rows = await c.fetch(_DONE.format(ids=placeholders(technician_ids, 3)), seller_id, *window, *technician_ids)
    found = []
    for technician_id, start, end, where, latitude, longitude, store_latitude, store_longitude in rows:
        if where == "IN_STORE":
            latitude, longitude = store_latitude, store_longitude
        if where != "ONLINE" and latitude is not None and longitude is not None:
            found.append(DoneVisit(technician_id, start, end, latitude, longitude))
    return found


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """What a sheet or map tells of a job beside its times."""

    service_job_id: str
    title: str
    latitude: float | None
    longitude: float | None
    details: ServiceJob
    in_store: bool


async def planned_jobs(c: Connection, seller_id: str, service_job_ids: Collection[str]) -> dict[str, PlannedJob]:
    """The jobs by id, those that are done in a store at the store's place."""
    found: dict[str, PlannedJob] = {}
    ids = sorted(service_job_ids)
    for first in range(0, len(ids), 500):
        some = ids[first : first + 500]
        rows = await c.fetch(
            "SELECT j.service_job_id, s.title, j.latitude, j.longitude, j.details, s.service_location_type,"
            " st.latitude, st.longitude"
            " FROM jobs j JOIN services s ON s.seller_id = j.seller_id AND s.asin = j.asin"
            " JOIN stores st ON st.seller_id = j.seller_id AND st.store_id = j.store_id"
            f" WHERE j.seller_id = $1 AND j.service_job_id IN ({placeholders(some, 1)})",
            seller_id,
            *some,
        )
        for job_id, title, latitude, longitude, details, where, store_latitude, store_longitude in rows:
            in_store = where == "IN_STORE"
            place = (store_latitude, store_longitude) if in_store else (latitude, longitude)
            found[job_id] = PlannedJob(job_id, title, *place, _details(details), in_store)
    return found


_AGENDA = """
SELECT a.appointment_id, a.service_job_id, a.start_at, a.end_at, a.arrival_start, a.arrival_end
FROM appointment_technicians t JOIN appointments a
    ON a.seller_id = t.seller_id AND a.appointment_id = t.appointment_id
WHERE t.seller_id = $1 AND t.technician_id = $2 AND t.active = 1 AND t.end_at > $3 AND t.start_at < $4
ORDER BY a.start_at, a.appointment_id"""


class Entry(NamedTuple):
    """An appointment in a technician's calendar."""

    appointment_id: str
    service_job_id: str
    start: Instant
    end: Instant
    arrival_start: Instant | None
    arrival_end: Instant | None


async def agenda(c: Connection, seller_id: str, technician_id: str, window: Interval) -> list[Entry]:
    """The active appointments of a technician that share an instant with the window."""
    return [Entry._make(row) for row in await c.fetch(_AGENDA, seller_id, technician_id, *window)]


def _version(changed: Instant, pinned: Instant | None) -> Instant:
    # A pin that came later is a change, too: a plan that did not know of it is outdated.
    return changed if pinned is None else max(changed, pinned)


async def versions(c: Connection, seller_id: str, service_job_ids: Collection[str]) -> dict[str, Instant]:
    """When each of the jobs changed last, or was pinned; they stay locked, in the order of their ids."""
    found: dict[str, Instant] = {}
    ids = sorted(service_job_ids)
    for first in range(0, len(ids), 500):
        some = ids[first : first + 500]
        rows = await c.fetch(
            "SELECT service_job_id, updated_at, (SELECT max(p.pinned_at) FROM appointments a JOIN pins p"
            " ON p.seller_id = a.seller_id AND p.appointment_id = a.appointment_id WHERE a.seller_id = jobs.seller_id"
            " AND a.service_job_id = jobs.service_job_id AND a.status = 'ACTIVE') FROM jobs"
            f" WHERE seller_id = $1 AND service_job_id IN ({placeholders(some, 1)}) ORDER BY service_job_id {LOCK}",
            seller_id,
            *some,
        )
        found |= {row[0]: _version(row[1], row[2]) for row in rows}
    return found


def _details(text: Any) -> ServiceJob:
    return msgspec.json.decode(text, type=ServiceJob)
