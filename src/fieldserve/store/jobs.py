"""Service jobs with their appointments: the aggregate that every booking changes.

`save` alone writes it: the job's row with its document, and those rows of appointments and their technicians that
changed. `document` makes the JSON that the API answers from nothing but what the tables hold.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from fieldserve.domain.intervals import MINUTE, Interval
from fieldserve.domain.jobs import Appointment, AssignedTechnician, Job, Proof
from fieldserve.store.engine import LOCK, Connection, placeholders
from fieldserve.wire import appointments as wire
from fieldserve.wire.encoding import encode
from fieldserve.wire.jobs import GetServiceJobs, ServiceJob
from fieldserve.wire.times import Instant, render


class StoredDocument(NamedTuple):
    """A job as the API answers it, with what decides who may see it."""

    document: bytes
    marketplace_id: str
    store_id: str


# ---- reading one


async def document_of(c: Connection, seller_id: str, service_job_id: str) -> StoredDocument | None:
    """The stored document: one row, nothing encoded again."""
    row = await c.fetch_one(
        "SELECT document, marketplace_id, store_id FROM jobs WHERE seller_id = $1 AND service_job_id = $2",
        seller_id,
        service_job_id,
    )
    return None if row is None else StoredDocument(row[0].encode(), row[1], row[2])


_JOB = """
SELECT marketplace_id, store_id, asin, status, service_order_id, created_at, updated_at, details, latitude, longitude,
    mirrored_from
FROM jobs WHERE seller_id = $1 AND service_job_id = $2"""

_APPOINTMENTS = """
SELECT appointment_id, status, start_at, end_at, buffer_before, buffer_after, rescheduled_to,
    arrival_start, arrival_end, fulfillment_start, fulfillment_end, poa
FROM appointments WHERE seller_id = $1 AND service_job_id = $2 ORDER BY position"""

# CROSS JOIN keeps SQLite from starting at the technicians, with all that the seller ever sent.
_TECHNICIANS = """
SELECT t.appointment_id, t.technician_id, t.name, t.overbooked
FROM appointments a CROSS JOIN appointment_technicians t
WHERE a.seller_id = $1 AND a.service_job_id = $2
    AND t.seller_id = a.seller_id AND t.appointment_id = a.appointment_id
ORDER BY t.appointment_id, t.position"""


async def find(c: Connection, seller_id: str, service_job_id: str, *, lock: bool = False) -> Job | None:
    """The job with its appointments; with `lock`, nobody else changes it until the transaction ends."""
    row = await c.fetch_one(_JOB + (f" {LOCK}" if lock else ""), seller_id, service_job_id)
    if row is None:
        return None
    technicians: dict[str, list[AssignedTechnician]] = {}
    rows = await c.fetch(_APPOINTMENTS, seller_id, service_job_id)
    if rows:
        for appointment_id, technician_id, name, overbooked in await c.fetch(_TECHNICIANS, seller_id, service_job_id):
            technicians.setdefault(appointment_id, []).append(AssignedTechnician(technician_id, name, bool(overbooked)))
    return Job(
        seller_id,
        service_job_id,
        marketplace_id=row[0],
        store_id=row[1],
        asin=row[2],
        status=row[3],
        service_order_id=row[4],
        created_at=row[5],
        updated_at=row[6],
        details=row[7].encode(),
        latitude=row[8],
        longitude=row[9],
        mirrored_from=row[10],
        appointments=tuple(_appointment(one, technicians.get(one[0], ())) for one in rows),
    )


def _appointment(row: Sequence[Any], technicians: Sequence[AssignedTechnician]) -> Appointment:
    return Appointment(
        appointment_id=row[0],
        status=row[1],
        start=row[2],
        end=row[3],
        buffer_before=row[4],
        buffer_after=row[5],
        technicians=tuple(technicians),
        rescheduled_to=row[6],
        arrival=_interval(row[7], row[8]),
        worked=_interval(row[9], row[10]),
        proof=None if row[11] is None else msgspec.json.decode(row[11], type=Proof),
    )


def _interval(start: Instant | None, end: Instant | None) -> Interval | None:
    return None if start is None or end is None else (start, end)


# ---- the document


def document(job: Job) -> bytes:
    """What the API answers for the job."""
    if job.mirrored_from is not None:
        return _overlaid(job)
    details = msgspec.json.decode(job.details, type=ServiceJob)
    details.create_time = render(job.created_at)
    details.service_job_id = job.service_job_id
    details.service_job_status = job.status
    details.marketplace_id = job.marketplace_id
    details.store_id = job.store_id
    details.service_order_id = job.service_order_id
    details.appointments = [_written(one) for one in job.appointments] or None
    return encode(details)


def _overlaid(job: Job) -> bytes:
    """What the source told of the job, but for what has changed here since."""
    told: dict[str, msgspec.Raw] = msgspec.json.decode(job.details, type=dict[str, msgspec.Raw])
    raws = msgspec.json.decode(told.get("appointments", b"null"), type=list[msgspec.Raw] | None) or []
    here = {one.appointment_id: one for one in job.appointments}
    appointments: list[wire.Appointment | msgspec.Raw] = []
    for raw in raws:
        source = msgspec.json.decode(raw, type=wire.Appointment)
        one = here.pop(source.appointment_id or "", None)
        appointments.append(raw if one is None or _as_told(one, source) else _written(one))
    appointments += [_written(one) for one in here.values()]
    changed = {"serviceJobStatus": job.status} | ({"appointments": appointments} if appointments else {})
    return encode({**told, **changed})


def _as_told(appointment: Appointment, source: wire.Appointment) -> bool:
    # Nothing else of an appointment can change here before the source has changed it.
    return (appointment.status, appointment.rescheduled_to, [one.technician_id for one in appointment.technicians]) == (
        source.appointment_status,
        source.rescheduled_appointment_id,
        [one.technician_id for one in source.assigned_technicians or ()],
    )


def _written(appointment: Appointment) -> wire.Appointment:
    proof = appointment.proof
    return wire.Appointment(
        appointment_id=appointment.appointment_id,
        appointment_status=appointment.status,
        appointment_time=_time((appointment.start, appointment.end)),
        assigned_technicians=_people(appointment.technicians),
        rescheduled_appointment_id=appointment.rescheduled_to,
        poa=None
        if proof is None
        else wire.Poa(
            appointment_time=_time(proof.worked),
            technicians=_people(proof.technicians),
            uploading_technician=wire.uploading_technician(proof.recorded_by),
            upload_time=render(proof.recorded_at),
            poa_type=proof.poa_type,  # type: ignore[arg-type]  # the domain makes two of the wire's four
        ),
    )


def _time(interval: Interval) -> wire.AppointmentTime:
    # A window has at least a minute on the wire; work that began and ended at once is told as one.
    return wire.AppointmentTime(render(interval[0]), max(1, -((interval[0] - interval[1]) // MINUTE)))


def _people(technicians: Iterable[AssignedTechnician]) -> list[wire.Technician] | None:
    return [wire.Technician(one.technician_id, one.name) for one in technicians] or None


# ---- writing


async def add(c: Connection, job: Job) -> None:
    """Store a new job, without appointments. Raises AlreadyExists."""
    await c.execute(
        "INSERT INTO jobs (seller_id, service_job_id, marketplace_id, store_id, asin, status, service_order_id,"
        " created_at, updated_at, details, document, latitude, longitude)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        job.seller_id,
        job.service_job_id,
        job.marketplace_id,
        job.store_id,
        job.asin,
        job.status,
        job.service_order_id,
        job.created_at,
        job.updated_at,
        job.details.decode(),
        document(job).decode(),
        job.latitude,
        job.longitude,
    )
    await _add_keys(c, job, _keys(job))


async def _add_keys(c: Connection, job: Job, keys: Sequence[tuple[str, str]]) -> None:
    if keys:
        await c.execute_many(
            "INSERT INTO job_keys (seller_id, service_job_id, kind, value) VALUES ($1, $2, $3, $4)",
            [(job.seller_id, job.service_job_id, kind, value) for kind, value in keys],
        )


def _keys(job: Job) -> list[tuple[str, str]]:
    details = msgspec.json.decode(job.details, type=ServiceJob)
    skills = details.scope_of_work.required_skills if details.scope_of_work else None
    buyers = [details.buyer.buyer_id] if details.buyer and details.buyer.buyer_id else None
    by_kind = (
        ("PRODUCT_ORDER", details.product_order_ids),
        ("TRACKING", details.tracking_ids),
        ("SKILL", skills),
        ("BUYER", buyers),
    )
    return [(kind, value) for kind, values in by_kind for value in dict.fromkeys(values or ())]


async def save(c: Connection, before: Job, after: Job) -> None:
    """Store a job that was found under lock and has changed."""
    await c.execute(
        "UPDATE jobs SET status = $3, updated_at = $4, details = $5, document = $6"
        " WHERE seller_id = $1 AND service_job_id = $2",
        after.seller_id,
        after.service_job_id,
        after.status,
        after.updated_at,
        after.details.decode(),
        document(after).decode(),
    )
    known = {one.appointment_id: one for one in before.appointments}
    # Old appointments first: they give free what a new one takes.
    for position, appointment in enumerate(after.appointments):
        old = known.get(appointment.appointment_id)
        if old is not None and old != appointment:
            await _update(c, after, appointment)
            if old.technicians != appointment.technicians or old.status != appointment.status:
                await c.execute(
                    "DELETE FROM appointment_technicians WHERE seller_id = $1 AND appointment_id = $2",
                    after.seller_id,
                    appointment.appointment_id,
                )
                await _insert_technicians(c, after.seller_id, appointment)
        elif old is None:
            await _insert(c, after, appointment, position)
            await _insert_technicians(c, after.seller_id, appointment)


async def put_place(c: Connection, seller_id: str, service_job_id: str, latitude: float, longitude: float) -> bool:
    """Store where a job is; False where there is none with that id, or what is personal of it was erased.

    To the API nothing has happened to the job: its place is in no answer."""
    row = await c.fetch_one(
        f"SELECT erased_at FROM jobs WHERE seller_id = $1 AND service_job_id = $2 {LOCK}", seller_id, service_job_id
    )
    if row is None or row[0] is not None:
        return False
    await c.execute(
        "UPDATE jobs SET latitude = $3, longitude = $4 WHERE seller_id = $1 AND service_job_id = $2",
        seller_id,
        service_job_id,
        latitude,
        longitude,
    )
    return True


async def _insert(c: Connection, job: Job, appointment: Appointment, position: int) -> None:
    await c.execute(
        "INSERT INTO appointments (seller_id, appointment_id, service_job_id, position, store_id, status,"
        " start_at, end_at, buffer_before, buffer_after, waiting)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        job.seller_id,
        appointment.appointment_id,
        job.service_job_id,
        position,
        job.store_id,
        appointment.status,
        appointment.start,
        appointment.end,
        appointment.buffer_before,
        appointment.buffer_after,
        int(appointment.waiting),
    )


async def _update(c: Connection, job: Job, appointment: Appointment) -> None:
    arrival, worked = appointment.arrival or (None, None), appointment.worked or (None, None)
    await c.execute(
        "UPDATE appointments SET status = $3, waiting = $4, rescheduled_to = $5, arrival_start = $6, arrival_end = $7,"
        " fulfillment_start = $8, fulfillment_end = $9, poa = $10 WHERE seller_id = $1 AND appointment_id = $2",
        job.seller_id,
        appointment.appointment_id,
        appointment.status,
        int(appointment.waiting),
        appointment.rescheduled_to,
        *arrival,
        *worked,
        None if appointment.proof is None else msgspec.json.encode(appointment.proof).decode(),
    )


async def _insert_technicians(c: Connection, seller_id: str, appointment: Appointment) -> None:
    if appointment.technicians:
        await c.execute_many(
            "INSERT INTO appointment_technicians (seller_id, appointment_id, technician_id, name, position, active,"
            " overbooked, start_at, end_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            [
                (
                    seller_id,
                    appointment.appointment_id,
                    one.technician_id,
                    one.name,
                    position,
                    int(appointment.status == "ACTIVE"),
                    int(one.overbooked),
                    appointment.start,
                    appointment.end,
                )
                for position, one in enumerate(appointment.technicians)
            ],
        )


# ---- what a source tells of a job


@dataclass(frozen=True, slots=True)
class Mirrored:
    """What is stored of a job that a source tells of. `busy`: writes made here have not all reached the source."""

    document: bytes
    mirrored_from: str | None
    synced_at: Instant
    erased: bool
    busy: bool


async def mirrored(c: Connection, seller_id: str, service_job_ids: Sequence[str]) -> dict[str, Mirrored]:
    """Those of the jobs that are there, under lock."""
    marks = placeholders(service_job_ids, after=1)
    rows = await c.fetch(
        "SELECT service_job_id, document, mirrored_from, synced_at, erased_at FROM jobs"
        f" WHERE seller_id = $1 AND service_job_id IN ({marks}) ORDER BY service_job_id {LOCK}",
        seller_id,
        *service_job_ids,
    )
    # A statement of its own: it sees what was queued by whoever held a lock that the first one waited for.
    waiting = await c.fetch(
        f"SELECT DISTINCT service_job_id FROM outbox WHERE seller_id = $1 AND service_job_id IN ({marks})"
        " AND settled = 0",
        seller_id,
        *service_job_ids,
    )
    busy = {row[0] for row in waiting}
    return {row[0]: Mirrored(row[1].encode(), row[2], row[3] or 0, row[4] is not None, row[0] in busy) for row in rows}


async def origins(c: Connection, seller_id: str, service_job_ids: Sequence[str]) -> dict[str, tuple[str, Instant]]:
    """The store of each of the jobs that are there, and when it was made, under lock."""
    rows = await c.fetch(
        "SELECT service_job_id, store_id, created_at FROM jobs WHERE seller_id = $1"
        f" AND service_job_id IN ({placeholders(service_job_ids, after=1)}) ORDER BY service_job_id {LOCK}",
        seller_id,
        *service_job_ids,
    )
    return {row[0]: (row[1], row[2]) for row in rows}


async def confirm(c: Connection, seller_id: str, service_job_ids: Sequence[str], synced_at: Instant) -> None:
    """The source told the same of these jobs as before."""
    await c.execute_many(
        "UPDATE jobs SET synced_at = $3 WHERE seller_id = $1 AND service_job_id = $2",
        [(seller_id, one, synced_at) for one in service_job_ids],
    )


async def put_mirrored(
    c: Connection, before: Job | None, after: Job, synced_at: Instant, renamed: Mapping[str, str]
) -> None:
    """Store a job as its source tells it: `details` is its document. `renamed` appointments of before go on under
    another id, and take along what is attached to them."""
    if before is None:
        await add(c, after)
    await c.execute(
        "UPDATE jobs SET marketplace_id = $3, store_id = $4, asin = $5, status = $6, service_order_id = $7,"
        " created_at = $8, updated_at = $9, details = $10, document = $10, mirrored_from = $11, synced_at = $12"
        " WHERE seller_id = $1 AND service_job_id = $2",
        after.seller_id,
        after.service_job_id,
        after.marketplace_id,
        after.store_id,
        after.asin,
        after.status,
        after.service_order_id,
        after.created_at,
        after.updated_at,
        after.details.decode(),
        after.mirrored_from,
        synced_at,
    )
    if before is not None:
        await _put_keys(c, before, after)
        await _clear_appointments(c, after)
    known = {one.appointment_id for one in before.appointments} if before else set()
    for position, one in enumerate(after.appointments):
        if one.appointment_id not in known:
            await _insert(c, after, one, position)
        await _place(c, after, one, position)
        await _update(c, after, one)
        await _insert_technicians(c, after.seller_id, one)
    gone = known - {one.appointment_id for one in after.appointments}
    for one_id in sorted(gone):
        await _forget(c, after.seller_id, one_id, renamed.get(one_id))


async def _put_keys(c: Connection, before: Job, after: Job) -> None:
    if _keys(before) != (keys := _keys(after)):
        await c.execute(
            "DELETE FROM job_keys WHERE seller_id = $1 AND service_job_id = $2", after.seller_id, after.service_job_id
        )
        await _add_keys(c, after, keys)


async def _clear_appointments(c: Connection, job: Job) -> None:
    """Take the job's appointments off the calendar, so that none is in the way of those that come."""
    await c.execute(
        "DELETE FROM appointment_technicians WHERE seller_id = $1 AND appointment_id IN"
        " (SELECT appointment_id FROM appointments WHERE seller_id = $1 AND service_job_id = $2)",
        job.seller_id,
        job.service_job_id,
    )
    await c.execute(
        "UPDATE appointments SET status = 'CANCELLED', position = -1 - position"
        " WHERE seller_id = $1 AND service_job_id = $2",
        job.seller_id,
        job.service_job_id,
    )


async def _place(c: Connection, job: Job, appointment: Appointment, position: int) -> None:
    await c.execute(
        "UPDATE appointments SET position = $3, store_id = $4, start_at = $5, end_at = $6"
        " WHERE seller_id = $1 AND appointment_id = $2",
        job.seller_id,
        appointment.appointment_id,
        position,
        job.store_id,
        appointment.start,
        appointment.end,
    )


async def _forget(c: Connection, seller_id: str, appointment_id: str, heir: str | None) -> None:
    """Remove an appointment that the source does not have; its documents go to `heir`, or wait for another again."""
    await c.execute(
        "UPDATE documents SET appointment_id = $3 WHERE seller_id = $1 AND appointment_id = $2",
        seller_id,
        appointment_id,
        heir,
    )
    for table in ("pins", "beginnings"):
        await c.execute(f"DELETE FROM {table} WHERE seller_id = $1 AND appointment_id = $2", seller_id, appointment_id)
    await c.execute("DELETE FROM appointments WHERE seller_id = $1 AND appointment_id = $2", seller_id, appointment_id)


async def taken(
    c: Connection, seller_id: str, technician_ids: Sequence[str], span: Interval, service_job_id: str
) -> frozenset[str]:
    """Those of the technicians who have an active appointment of another job within the span."""
    rows = await c.fetch(
        "SELECT DISTINCT t.technician_id FROM appointment_technicians t"
        " JOIN appointments a ON a.seller_id = t.seller_id AND a.appointment_id = t.appointment_id"
        " WHERE t.seller_id = $1 AND t.active = 1 AND t.end_at > $2 AND t.start_at < $3 AND a.service_job_id <> $4"
        f" AND t.technician_id IN ({placeholders(technician_ids, after=4)})",
        seller_id,
        *span,
        service_job_id,
        *technician_ids,
    )
    return frozenset(row[0] for row in rows)


async def not_told_since(
    c: Connection, account: str, marketplace_id: str, before: Instant, after: str, limit: int
) -> Sequence[tuple[str, str]]:
    """Seller and id of jobs of a mirror that were last told of before that moment, those behind the id `after`."""
    rows = await c.fetch(
        "SELECT seller_id, service_job_id FROM jobs WHERE mirrored_from = $1 AND marketplace_id = $2"
        " AND synced_at < $3 AND service_job_id > $4 ORDER BY service_job_id LIMIT $5",
        account,
        marketplace_id,
        before,
        after,
        limit,
    )
    return [(row[0], row[1]) for row in rows]


# ---- listing


@dataclass(frozen=True, slots=True)
class PageKey:
    """Where a page begins: the key of the job next to it, and whether the page lies before or after that job."""

    backward: bool
    key: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class JobPage:
    """Documents in the order asked, the number of jobs that match, and the keys of the neighbouring pages."""

    documents: list[bytes]
    total: int
    next: PageKey | None
    previous: PageKey | None


_SORT_COLUMNS = {
    "JOB_DATE": ("created_at", "service_job_id"),
    "JOB_STATUS": ("status", "created_at", "service_job_id"),
}


async def page(
    c: Connection, seller_id: str, query: GetServiceJobs, stores: frozenset[str] | None, at: PageKey | None
) -> JobPage:
    """A page of the listing (`stores` None: of all). The order is total: no job comes twice or is left out."""
    where, values = _filters(seller_id, query, stores)
    total = f"SELECT count(*) FROM jobs WHERE {where}"
    columns = _SORT_COLUMNS[query.sort_field]
    backward = at is not None and at.backward
    descending = (query.sort_order == "DESC") != backward
    keyed = where
    if at is not None:
        marks = placeholders(at.key, after=len(values))
        keyed += f" AND ({', '.join(columns)}) {'<' if descending else '>'} ({marks})"
        values = [*values, *at.key]
    order = ", ".join(f"{column} {'DESC' if descending else 'ASC'}" for column in columns)
    # One more than the page, to know whether there is another beyond it.
    rows = list(
        await c.fetch(
            f"SELECT document, {', '.join(columns)}, ({total}) FROM jobs"
            f" WHERE {keyed} ORDER BY {order} LIMIT ${len(values) + 1}",
            *values,
            query.page_size + 1,
        )
    )
    count = rows[0][-1] if rows else await _count(c, total, values[: len(values) - len(at.key)]) if at else 0
    more = len(rows) > query.page_size
    rows = rows[: query.page_size]
    if backward:
        rows.reverse()
    has_next, has_previous = (at is not None, more) if backward else (more, at is not None)
    return JobPage(
        [one[0].encode() for one in rows],
        count,
        PageKey(False, tuple(rows[-1][1:-1])) if rows and has_next else None,
        PageKey(True, tuple(rows[0][1:-1])) if rows and has_previous else None,
    )


async def _count(c: Connection, sql: str, values: Sequence[Any]) -> int:
    row = await c.fetch_one(sql, *values)
    return row[0] if row else 0


def _filters(seller_id: str, query: GetServiceJobs, stores: frozenset[str] | None) -> tuple[str, list[Any]]:
    where = ["seller_id = $1", "marketplace_id = $2"]
    values: list[Any] = [seller_id, query.marketplace_id]

    def among(template: str, wanted: Iterable[str]) -> None:
        wanted = list(wanted)
        where.append(template.format(placeholders(wanted, after=len(values))))
        values.extend(wanted)

    def compare(template: str, instant: Instant | None) -> None:
        if instant is not None:
            values.append(instant)
            where.append(template.format(f"${len(values)}"))

    for column, wanted in (
        ("service_order_id", query.service_order_ids),
        ("status", query.statuses),
        ("asin", query.asins),
        ("store_id", query.store_ids),
    ):
        if wanted:
            among(f"{column} IN ({{}})", wanted)
    if stores is not None:
        among("store_id IN ({})", sorted(stores))
    for kind, wanted in (
        ("PRODUCT_ORDER", query.product_order_ids),
        ("TRACKING", query.tracking_ids),
        ("SKILL", query.required_skills),
    ):
        if wanted:
            among(
                "service_job_id IN (SELECT service_job_id FROM job_keys"
                f" WHERE seller_id = $1 AND kind = '{kind}' AND value IN ({{}}))",
                wanted,
            )
    compare("created_at >= {}", query.created_after)
    compare("created_at <= {}", query.created_before)
    compare("updated_at >= {}", query.last_updated_after)
    compare("updated_at <= {}", query.last_updated_before)
    if query.schedule_start is not None or query.schedule_end is not None:
        visit = ["a.seller_id = $1", "a.service_job_id = jobs.service_job_id", "a.status <> 'CANCELLED'"]
        for comparison, instant in ((">=", query.schedule_start), ("<=", query.schedule_end)):
            if instant is not None:
                values.append(instant)
                visit.append(f"a.start_at {comparison} ${len(values)}")
        where.append(f"EXISTS (SELECT 1 FROM appointments a WHERE {' AND '.join(visit)})")
    return " AND ".join(where), values
