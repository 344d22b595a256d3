"""The limit: a bare ASGI application that answers the same bytes with as few statements as a hand can write.

No tokens, no usage plans, no checks of input, no log, no events but the one that a booking stores. Reads go to the
driver directly, outside any transaction; a booking is one transaction through the same engine, which on SQLite shares
its fsync with others. What a slot or a capacity is, the same functions of the domain work out on both sides, and the
same functions write them: what is measured is all that stands around them.

    python -m benchmarks.limit PORT WORKERS      with LIMIT_DATABASE in the environment
"""

import base64
import os
import sys
import uuid
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import apsw
import asyncpg
import msgspec
from granian import Granian
from granian.constants import Interfaces
from granian.http import HTTP1Settings

from benchmarks.world import SELLER, SERVICE
from fieldserve.domain import capacity as domain
from fieldserve.domain.capacity import CapacityType, Reservation, ReservationType, Visit
from fieldserve.domain.intervals import DAY, HOUR, MINUTE, Instant
from fieldserve.domain.schedules import Availability, Recurrence
from fieldserve.domain.slots import StoreState, TechnicianState, capacity_at, slots
from fieldserve.operations.run import SystemClock
from fieldserve.store.engine import Connection, Database, connect
from fieldserve.wire import capacity as wire
from fieldserve.wire.encoding import encode
from fieldserve.wire.slots import write_slots
from fieldserve.wire.times import parse, render

NOW = SystemClock().now
TYPES = list(CapacityType)

JOB = "SELECT document FROM jobs WHERE seller_id = $1 AND service_job_id = $2"

JOBS = """
SELECT document, created_at, service_job_id, (SELECT count(*) FROM jobs
    WHERE seller_id = $1 AND marketplace_id = $2 AND created_at >= $3)
FROM jobs WHERE seller_id = $1 AND marketplace_id = $2 AND created_at >= $3
ORDER BY created_at, service_job_id LIMIT 21"""

# Everything that decides about a store's slots, in one statement: rows of four kinds side by side.
STORE = """
SELECT 0, resource_id, start_at, end_at, recurs_until, days_of_week, days_of_month, capacity FROM schedule_records
WHERE seller_id = $1 AND start_at < $4 AND resource_id IN (SELECT CAST($2 AS TEXT) UNION ALL
    SELECT technician_id FROM store_technicians WHERE seller_id = $1 AND store_id = $2)
UNION ALL
SELECT 1, resource_id, start_at, end_at, recurs_until, days_of_week, days_of_month, capacity FROM reservations
WHERE seller_id = $1 AND last_at > $3 AND start_at < $4 AND resource_id IN (SELECT CAST($2 AS TEXT) UNION ALL
    SELECT technician_id FROM store_technicians WHERE seller_id = $1 AND store_id = $2)
UNION ALL
SELECT 2, '', start_at, end_at, NULL, 0, 0, waiting FROM appointments
WHERE seller_id = $1 AND store_id = $2 AND status = 'ACTIVE' AND end_at > $3 AND end_at < $5 AND start_at < $4
UNION ALL
SELECT 3, t.technician_id, t.start_at, t.end_at, NULL, 0, 0, 0 FROM appointment_technicians t
WHERE t.seller_id = $1 AND t.active = 1 AND t.end_at > $3 AND t.end_at < $5 AND t.start_at < $4
    AND t.technician_id IN (SELECT technician_id FROM store_technicians WHERE seller_id = $1 AND store_id = $2)
"""

RESOURCE = """
SELECT 0, start_at, end_at, recurs_until, days_of_week, days_of_month, capacity FROM schedule_records
WHERE seller_id = $1 AND start_at < $4 AND resource_id = $2
UNION ALL
SELECT 1, start_at, end_at, recurs_until, days_of_week, days_of_month, capacity FROM reservations
WHERE seller_id = $1 AND last_at > $3 AND start_at < $4 AND resource_id = $2
UNION ALL
SELECT 2, start_at, end_at, NULL, 0, 0, waiting FROM appointments
WHERE seller_id = $1 AND store_id = $2 AND status = 'ACTIVE' AND end_at > $3 AND end_at < $5 AND start_at < $4
"""

Fetch = Callable[..., Awaitable[Any]]


class Limit:
    """The application. `fetch` reads outside a transaction, `database` writes."""

    fetch: Fetch
    database: Database

    async def open(self, url: str) -> None:
        self.database = await connect(url)
        self.fetch = _sqlite(url) if url.startswith("sqlite") else _postgresql(url)

    async def close(self) -> None:
        await self.database.close()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await self.open(os.environ["LIMIT_DATABASE"])
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await self.close()
            await send({"type": "lifespan.shutdown.complete"})
            return
        content, rate = await self.answer(scope, receive)
        headers = [
            (b"x-amzn-requestid", b"4f0a3c1e-6f0c-4a3b-9d0a-0123456789ab"),
            (b"x-amzn-ratelimit-limit", rate),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(content)).encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def answer(self, scope: Any, receive: Any) -> tuple[bytes, bytes]:
        path: str = scope["path"]
        parts = path.split("/")
        if scope["method"] == "POST":
            body = await _body(receive)
            if parts[3] == "serviceJobs":
                return await self.book(parts[4], body), b"1000000.0"
            return await self.capacity(parts[4], parts[6], body), b"1000000.0"
        if len(parts) == 5:
            return await self.job(parts[4]), b"1000000.0"
        if parts[-1] == "serviceJobs":
            return await self.jobs(dict(parse_qsl(scope["query_string"].decode()))), b"1000000.0"
        if parts[-1] == "appointmentSlots":
            return await self.slots(dict(parse_qsl(scope["query_string"].decode()))), b"1000000.0"
        return b"{}", b"1.0"

    async def job(self, job_id: str) -> bytes:
        rows = await self.fetch(JOB, SELLER, job_id)
        return b'{"payload":' + rows[0][0].encode() + b"}"

    async def jobs(self, query: dict[str, str]) -> bytes:
        rows = await self.fetch(JOBS, SELLER, query["marketplaceIds"], parse(query["createdAfter"]))
        last = rows[19]
        key = msgspec.json.encode(["0123456789abcdef", False, last[1], last[2]])
        token = base64.urlsafe_b64encode(key).decode().rstrip("=")
        listed = [msgspec.Raw(row[0].encode()) for row in rows[:20]]
        return encode({"payload": {"totalResultSize": rows[0][3], "nextPageToken": token, "jobs": listed}})

    async def slots(self, query: dict[str, str]) -> bytes:
        window = parse(query["startTime"]), parse(query["endTime"])
        state = _store(await self.fetch(STORE, SELLER, query["storeId"], *_around(window)))
        return write_slots(state.scheduling_type, window, slots(SERVICE.rules, state, window, NOW()))

    async def capacity(self, resource_id: str, kind: str, body: bytes) -> bytes:
        asked = msgspec.json.decode(body)
        window = parse(asked["startDateTime"]), parse(asked["endDateTime"])
        records: list[Availability] = []
        reserved: list[Reservation] = []
        visits: list[Visit] = []
        for what, *row in await self.fetch(RESOURCE, SELLER, resource_id, *_around(window)):
            if what == 2:
                visits.append(Visit(row[0], row[1]))
            elif what == 1:
                reserved.append(Reservation(ReservationType.BREAK, _availability(row)))
            else:
                records.append(_availability(row))
        there = domain.capacities(records, reserved, visits, ZoneInfo("Etc/UTC"), window)
        if kind == "range":
            found = [
                wire.RangeCapacity(type.value, [wire.RangeSlot(render(a), render(b), value) for a, b, value in runs])
                for type, runs in domain.range_capacity(there, TYPES, window)
            ]
            return encode(wire.RangeSlotCapacity(resource_id, found))
        return encode(
            wire.FixedSlotCapacity(
                resource_id,
                60,
                [
                    wire.FixedSlot(render(start), *values.values())
                    for start, values in domain.fixed_capacity(there, TYPES, window, HOUR)
                ],
            )
        )

    async def book(self, job_id: str, body: bytes) -> bytes:
        start = parse(msgspec.json.decode(body)["appointmentTime"]["startTime"])
        appointment_id = f"{job_id}_{uuid.uuid4()}"
        await self.database.write(lambda c: _book(c, job_id, appointment_id, start))
        return encode({"appointmentId": appointment_id})


FIND = """
SELECT store_id, document FROM jobs WHERE seller_id = $1 AND service_job_id = $2 AND status = 'PENDING_SCHEDULE'
/* FOR UPDATE */"""
LOCK_TEAM = """
SELECT resource_id FROM resources WHERE seller_id = $1 AND resource_id IN (SELECT CAST($2 AS TEXT) UNION ALL
    SELECT technician_id FROM store_technicians WHERE seller_id = $1 AND store_id = $2)
ORDER BY resource_id /* FOR UPDATE */"""
UPDATE = """
UPDATE jobs SET status = 'NOT_SERVICED', updated_at = $3, document = $4 WHERE seller_id = $1 AND service_job_id = $2"""
INSERT = """
INSERT INTO appointments (seller_id, appointment_id, service_job_id, position, store_id, status, start_at, end_at,
    buffer_before, buffer_after, waiting) VALUES ($1, $2, $3, 0, $4, 'ACTIVE', $5, $6, $7, $7, 1)"""
EVENT = """
INSERT INTO events (at, seller_id, actor, kind, subject, request_id, before, after)
VALUES ($1, $2, 'application:app', 'appointment.added', $3, $4, $5, $6)"""


async def _book(c: Connection, job_id: str, appointment_id: str, start: Instant) -> None:
    """The bare transaction of a booking: what decides, read under lock, and three rows written."""
    now, end = NOW(), start + HOUR
    job = await c.fetch_one(FIND, SELLER, job_id)
    assert job is not None
    store_id, document = job
    if c.dialect == "postgresql":  # SQLite has one writer
        await c.fetch(LOCK_TEAM, SELLER, store_id)
    state = _store(await c.fetch(STORE, SELLER, store_id, *_around((start, end))))
    assert capacity_at(SERVICE.rules, state, start, HOUR, now) >= 1
    appointment = {
        "appointmentId": appointment_id,
        "appointmentStatus": "ACTIVE",
        "appointmentTime": {"startTime": render(start), "durationInMinutes": 60},
    }
    written = msgspec.json.decode(document)
    written["appointments"] = [appointment]
    written["serviceJobStatus"] = "NOT_SERVICED"
    await c.execute(UPDATE, SELLER, job_id, now, encode(written).decode())
    await c.execute(INSERT, SELLER, appointment_id, job_id, store_id, start, end, 15 * MINUTE)
    after = encode({"status": "NOT_SERVICED", "storeId": store_id, "appointments": [appointment]}).decode()
    await c.execute(EVENT, now, SELLER, job_id, "4f0a3c1e", '{"status":"PENDING_SCHEDULE"}', after)


def _around(window: tuple[Instant, Instant]) -> tuple[Instant, Instant, Instant]:
    return window[0] - DAY, window[1] + DAY, window[1] + 2 * DAY


def _store(rows: Any) -> StoreState:
    records: dict[str, list[Availability]] = {}
    reserved: dict[str, list[Reservation]] = {}
    visits: list[Visit] = []
    waiting: list[Visit] = []
    busy: dict[str, list[Visit]] = {}
    buffer, zone = 15 * MINUTE, ZoneInfo("Etc/UTC")
    for kind, who, *row in rows:
        if kind == 3:
            busy.setdefault(who, []).append(Visit(row[0], row[1], buffer, buffer))
        elif kind == 2:
            visit = Visit(row[0], row[1], buffer, buffer)
            visits.append(visit)
            if row[5]:
                waiting.append(visit)
        elif kind == 1:
            reserved.setdefault(who, []).append(Reservation(ReservationType.BREAK, _availability(row)))
        else:
            records.setdefault(who, []).append(_availability(row))
    ids = sorted(records)  # the store's own id sorts before those of its technicians
    skills, places = frozenset({"TV", "AUDIO"}), frozenset({"IN_HOME"})
    team = [
        TechnicianState(one, skills, places, True, records[one], reserved.get(one, ()), busy.get(one, ()), zone)
        for one in ids[1:]
    ]
    store = ids[0]
    return StoreState(zone, "REAL_TIME_SCHEDULING", records[store], reserved.get(store, ()), visits, waiting, team)


def _availability(row: Any) -> Availability:
    start, end, until, _, _, capacity = row
    return Availability(start, end, None if until is None else Recurrence(until), capacity)


async def _body(receive: Any) -> bytes:
    message = await receive()
    body: bytes = message["body"]
    while message.get("more_body"):
        message = await receive()
        body += message["body"]
    return body


def _sqlite(url: str) -> Fetch:
    connection = apsw.Connection(url.removeprefix("sqlite:///"))
    for pragma in ("journal_mode = WAL", "cache_size = -65536", "mmap_size = 268435456"):
        connection.execute(f"PRAGMA {pragma}")
    known: dict[str, str] = {}

    async def fetch(sql: str, *values: Any) -> Any:
        if sql not in known:
            known[sql] = sql.replace("$", "?")
        return connection.execute(known[sql], values).fetchall()

    return fetch


def _postgresql(url: str) -> Fetch:
    idle: list[Any] = []

    async def fetch(sql: str, *values: Any) -> Any:
        connection = idle.pop() if idle else await asyncpg.connect(url)
        rows = await connection.fetch(sql, *values)
        idle.append(connection)
        return rows

    return fetch


def app() -> Limit:
    return Limit()


def main() -> None:
    port, workers = int(sys.argv[1]), int(sys.argv[2])
    Granian(
        "benchmarks.limit:app",
        factory=True,
        interface=Interfaces.ASGI,
        address="127.0.0.1",
        port=port,
        workers=workers,
        http1_settings=HTTP1Settings(header_read_timeout=10_000),
        log_access=False,
    ).serve()


if __name__ == "__main__":
    main()
