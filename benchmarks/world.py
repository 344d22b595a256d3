"""The world that the benchmarks over HTTP ask about, and the requests that ask.

One seller. A store to read: 5 technicians, open daily 08:00 to 18:00 for 120 days, 1,500 jobs with an appointment each.
Twenty stores to book in, each with 5 technicians of its own, and as many jobs without an appointment as are asked for.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from random import Random

import msgspec

from fieldserve.api.endpoints import ENDPOINTS
from fieldserve.domain.intervals import DAY, HOUR, MINUTE, Instant
from fieldserve.domain.jobs import Appointment, AssignedTechnician, Job
from fieldserve.domain.schedules import Availability, Recurrence
from fieldserve.domain.services import Service
from fieldserve.domain.slots import ServiceRules
from fieldserve.store import (
    applications,
    authorizations,
    engine,
    jobs,
    migrate,
    schedules,
    sellers,
    services,
    stores,
    technicians,
    tokens,
)
from fieldserve.store.applications import Application
from fieldserve.store.authorizations import Authorization
from fieldserve.store.engine import Connection
from fieldserve.store.sellers import Seller
from fieldserve.store.stores import Store
from fieldserve.store.technicians import Technician
from fieldserve.store.tokens import Token, hash_of
from fieldserve.wire.encoding import encode
from fieldserve.wire.jobs import Address, Buyer, MoneyAmount, Payment, ScopeOfWork, ServiceJob, ServiceLocation
from fieldserve.wire.operations import ROLE
from fieldserve.wire.times import render

SELLER, MARKETPLACE, ASIN = "A1SELLER", "ATVPDKIKX0DER", "B0MOUNTING"
TOKEN = "Atza|" + "benchmark" * 4 + "0123456"
STORE = "store-read"
READ_JOBS, BOOKED_STORES, TEAM = 1_500, 20, 5
PER_SLOT = 3
SERVICE = Service(
    ASIN,
    "TV mounting",
    ServiceRules(HOUR, 30 * MINUTE, 2 * HOUR, 15 * MINUTE, 15 * MINUTE, frozenset({"TV"}), "IN_HOME"),
    ("TV",),
)


@dataclass(frozen=True)
class Request:
    """One request, as bytes ready to be sent."""

    method: str
    path: str
    body: bytes = b""

    def written(self) -> bytes:
        head = [
            f"{self.method} {self.path} HTTP/1.1",
            "host: 127.0.0.1",
            f"x-amz-access-token: {TOKEN}",
            "user-agent: benchmark",
            "accept: application/json",
        ]
        if self.body:
            head += ["content-type: application/json", f"content-length: {len(self.body)}"]
        return "\r\n".join([*head, "", ""]).encode() + self.body


@dataclass(frozen=True)
class World:
    """What there is to ask. `first` is a midnight in UTC some days ahead, where the store's appointments begin."""

    first: Instant
    bookings: int

    def reads(self) -> dict[str, list[Request]]:
        """Requests by what they are called in the table."""
        job = [Request("GET", f"/service/v1/serviceJobs/read-{number}") for number in range(READ_JOBS)]
        created = render(self.first - 3 * DAY)
        listing = f"/service/v1/serviceJobs?marketplaceIds={MARKETPLACE}&createdAfter={created}&pageSize=20"
        return {
            "getServiceJobByServiceJobId": job,
            "getServiceJobs, 20 jobs": [Request("GET", listing)],
            "getAppointmentSlots, 14 days": [Request("GET", self._slots(14))],
            "getAppointmentSlots, 90 days": [Request("GET", self._slots(90))],
            "getRangeSlotCapacity, 14 days": [self._capacity("range")],
            "getFixedSlotCapacity, 14 days": [self._capacity("fixed")],
        }

    def booking(self, number: int) -> Request:
        """The request that books job `number`; up to PER_SLOT of them take the same slot of a store of 5."""
        day, hour = divmod(number // BOOKED_STORES // PER_SLOT, 5)
        start = self.first + day * DAY + (8 + 2 * hour) * HOUR
        assert day < 100, "more bookings than the world has slots for"
        body = msgspec.json.encode({"appointmentTime": {"startTime": render(start)}})
        return Request("POST", f"/service/v1/serviceJobs/book-{number}/appointments", body)

    def _slots(self, days: int) -> str:
        span = f"startTime={render(self.first)}&endTime={render(self.first + days * DAY)}"
        return f"/service/v1/appointmentSlots?asin={ASIN}&storeId={STORE}&marketplaceIds={MARKETPLACE}&{span}"

    def _capacity(self, kind: str) -> Request:
        body = {
            "capacityTypes": ["SCHEDULED_CAPACITY", "AVAILABLE_CAPACITY", "ENCUMBERED_CAPACITY", "RESERVED_CAPACITY"],
            "startDateTime": render(self.first),
            "endDateTime": render(self.first + 14 * DAY),
        }
        path = f"/service/v1/serviceResources/{STORE}/capacity/{kind}?marketplaceIds={MARKETPLACE}"
        return Request("POST", path, msgspec.json.encode(body))


async def build(url: str, bookings: int, now: Instant) -> World:
    """Migrate the database and fill it."""
    world = World(now // DAY * DAY + 2 * DAY, bookings)
    database = await engine.connect(url, durable=False, within=None)
    try:
        await migrate.upgrade(database)

        async def populate(c: Connection) -> None:
            await _parties(c, now)
            await _places(c, world.first, now)
            await _jobs(c, world)
            await c.run_script("ANALYZE")

        await database.write(populate)
    finally:
        await database.close()
    return world


async def _parties(c: Connection, now: Instant) -> None:
    await sellers.add(c, Seller(SELLER, "A seller", frozenset({MARKETPLACE}), now))
    await services.add(c, SELLER, SERVICE, now)
    role = frozenset({ROLE})
    await applications.add(c, Application("app", "app", "", "An application", role, (), frozenset(), now))
    plenty = dict.fromkeys(ENDPOINTS, (1e6, 1_000_000))
    marketplaces = frozenset({MARKETPLACE})
    await authorizations.add(c, Authorization("grant", "app", SELLER, marketplaces, None, role, plenty, now, None))
    await tokens.add(c, Token(hash_of(TOKEN), "ACCESS", "app", "grant", now, now + DAY))


async def _places(c: Connection, first: Instant, now: Instant) -> None:
    zone = "Etc/UTC"
    hours = Availability(first + 8 * HOUR, first + 18 * HOUR, Recurrence(first + 120 * DAY), TEAM)
    for store_id in (STORE, *(f"store-{number}" for number in range(BOOKED_STORES))):
        await stores.add(c, Store(SELLER, store_id, store_id, zone, MARKETPLACE, "REAL_TIME_SCHEDULING", now))
        await schedules.append(c, SELLER, store_id, [hours])
        for number in range(TEAM):
            who = f"{store_id}-technician-{number}"
            name = f"Technician {number}"
            technician = Technician(
                SELLER, who, name, zone, MARKETPLACE, now, (store_id,), ("TV", "AUDIO"), ("IN_HOME",)
            )
            await technicians.add(c, technician)
            await schedules.append(c, SELLER, who, [hours._replace(capacity=1)])


async def _jobs(c: Connection, world: World) -> None:
    random = Random(1)
    free = [(day, hour, who) for day in range(90) for hour in range(8, 18, 2) for who in range(TEAM)]
    for number, (day, hour, who) in enumerate(random.sample(free, READ_JOBS)):
        job = _job(f"read-{number}", STORE, number, world.first - 3 * DAY)
        await jobs.add(c, job)
        start = world.first + day * DAY + hour * HOUR
        team = (AssignedTechnician(f"{STORE}-technician-{who}", f"Technician {who}"),)
        visit = Appointment(
            f"read-{number}_1", "ACTIVE", start, start + HOUR, 15 * MINUTE, 15 * MINUTE, technicians=team
        )
        await jobs.save(c, job, replace(job, status="NOT_SERVICED", appointments=(visit,)))
    for number in range(world.bookings):
        job = _job(f"book-{number}", f"store-{number % BOOKED_STORES}", number, world.first - 30 * DAY)
        await jobs.add(c, job)


def _job(service_job_id: str, store_id: str, number: int, since: Instant) -> Job:
    details = ServiceJob(
        scope_of_work=ScopeOfWork(ASIN, "TV mounting", 1, ["TV"]),
        buyer=Buyer("A1BUYER", "Pat Doe", "555-0100", True),
        service_location=ServiceLocation(
            "IN_HOME", Address("Pat Doe", "1 Main St", city="Springfield", postal_code="12345", country_code="US")
        ),
        payments=[Payment(MoneyAmount(Decimal("89.90"), "USD"))],
    )
    created_at = since + number
    order_id = f"123-4567890-{number:07d}"
    return Job(
        SELLER,
        service_job_id,
        MARKETPLACE,
        store_id,
        ASIN,
        "PENDING_SCHEDULE",
        order_id,
        created_at,
        created_at,
        encode(details),
    )


def sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'fieldserve.db'}"
