"""A small world to test against: two sellers, their stores, technicians, services and jobs, and somebody to call.

It is Monday 2 March 2026, 08:00 UTC. Stores are in New York (UTC−5 on that day, 9:00 is 14:00Z).
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
from starlette.types import ASGIApp

from fieldserve.api.edge import Edge
from fieldserve.api.endpoints import ENDPOINTS
from fieldserve.api.usage_plans import UsagePlans
from fieldserve.config import Settings
from fieldserve.domain.intervals import DAY, HOUR, MINUTE
from fieldserve.domain.jobs import Job
from fieldserve.domain.schedules import Availability, Recurrence
from fieldserve.domain.services import Service
from fieldserve.domain.slots import ServiceRules
from fieldserve.operations.run import Context, Identifiers
from fieldserve.store import (
    applications,
    authorizations,
    jobs,
    schedules,
    sellers,
    services,
    stores,
    technicians,
    tokens,
)
from fieldserve.store.applications import Application
from fieldserve.store.authorizations import Authorization
from fieldserve.store.blobs import open_blobs
from fieldserve.store.engine import Connection, Database
from fieldserve.store.events import read as read_events
from fieldserve.store.keys import open_seal
from fieldserve.store.sellers import Seller
from fieldserve.store.stores import Store
from fieldserve.store.technicians import Technician
from fieldserve.store.tokens import Token, hash_of
from fieldserve.wire.encoding import encode
from fieldserve.wire.jobs import Address, Buyer, MoneyAmount, Payment, ScopeOfWork, ServiceJob, ServiceLocation
from fieldserve.wire.operations import ROLE
from fieldserve.wire.times import Instant, parse, render
from tests.access import cheap_secrets
from tests.promises import check_answer

NOW = parse("2026-03-02T08:00:00Z")
US, CANADA = "ATVPDKIKX0DER", "A2EUQ1WTGCTBG2"
ASIN = "B0MOUNTING"  # an hour, on the hour, 2 hours' notice, skill TV
PLAIN_ASIN = "B0CLEANING"  # half an hour, every half hour, no skills
SELLER, OTHER_SELLER = "A1SELLER", "A2SELLER"
STORE, BRANCH, HOURS_ONLY, OTHER_STORE = "store-1", "store-2", "store-3", "store-9"
ANN, BOB, CID, OTHER_TECHNICIAN = "ann", "bob", "cid", "zoe"


@dataclass
class FakeClock:
    """Tells what it was set to."""

    instant: Instant = NOW

    def now(self) -> Instant:
        return self.instant

    def advance(self, microseconds: int) -> None:
        self.instant += microseconds


@dataclass
class World:
    """The world, and ways to act in it. `call` sends a request as the seller's application."""

    context: Context
    clock: FakeClock
    client: httpx2.AsyncClient
    tokens: dict[str, str] = field(default_factory=dict)
    orders: int = 0

    async def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        seller: str = SELLER,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> httpx2.Response:
        """The answer to a request; `headers` win over the token of the seller."""
        sent = {"x-amz-access-token": self.tokens[seller], **(headers or {})}
        if content is not None:
            sent = {"content-type": "application/json", **sent}
        kwargs: dict[str, Any] = {"json": json} if json is not None else {}
        return await self.client.request(method, path, params=params, headers=sent, content=content, **kwargs)

    async def order(
        self,
        service_job_id: str | None = None,
        *,
        seller: str = SELLER,
        store: str = STORE,
        asin: str = ASIN,
        marketplace: str = US,
        **changes: Any,
    ) -> str:
        """Place an order; answers the job's id. The job is PENDING_SCHEDULE unless `changes` say otherwise."""
        self.orders += 1
        job_id = service_job_id or f"job-{self.orders}"
        details = ServiceJob(
            scope_of_work=ScopeOfWork(asin, "Something done", 1, ["TV"] if asin == ASIN else None),
            product_order_ids=changes.pop("product_order_ids", None),
            tracking_ids=changes.pop("tracking_ids", None),
            buyer=Buyer("A1BUYER", "Pat Doe", "555-0100", True),
            service_location=ServiceLocation("IN_HOME", Address("Pat Doe", "1 Main St", city="New York")),
            payments=[Payment(MoneyAmount(Decimal("89.90"), "USD"))],
        )
        created_at = changes.pop("created_at", self.clock.now())
        job = Job(
            seller,
            job_id,
            marketplace,
            store,
            asin,
            changes.pop("status", "PENDING_SCHEDULE"),
            changes.pop("service_order_id", f"123-4567890-{self.orders:07d}"),
            created_at,
            changes.pop("updated_at", created_at),
            encode(details),
        )
        assert not changes, changes
        await self.write(lambda c: jobs.add(c, job))
        return job_id

    async def book(self, job_id: str, start: str, minutes: int | None = None, seller: str = SELLER) -> str:
        """Book an appointment through the API; answers its id."""
        time: dict[str, Any] = {"startTime": start}
        if minutes is not None:
            time["durationInMinutes"] = minutes
        path = f"/service/v1/serviceJobs/{job_id}/appointments"
        answer = await self.call("POST", path, json={"appointmentTime": time}, seller=seller)
        assert answer.status_code == 200, answer.text
        appointment_id: str = answer.json()["appointmentId"]
        return appointment_id

    async def assign(self, job_id: str, appointment_id: str, *technician_ids: str) -> httpx2.Response:
        """Assign technicians through the API; none clears."""
        body = {"resources": [{"resourceId": one} for one in technician_ids] or [{}]}
        path = f"/service/v1/serviceJobs/{job_id}/appointments/{appointment_id}/resources"
        return await self.call("PUT", path, json=body)

    async def job(self, job_id: str, seller: str = SELLER) -> dict[str, Any]:
        """The job as the API answers it."""
        answer = await self.call("GET", f"/service/v1/serviceJobs/{job_id}", seller=seller)
        assert answer.status_code == 200, answer.text
        payload: dict[str, Any] = answer.json()["payload"]
        return payload

    async def free(self, start: str, store: str = STORE, asin: str = ASIN) -> int:
        """The capacity of the slot that starts then, as the API answers it; −1 where there is no such slot."""
        end = render(parse(start) + DAY)
        params = {"asin": asin, "storeId": store, "marketplaceIds": US, "startTime": start, "endTime": end}
        answer = await self.call("GET", "/service/v1/appointmentSlots", params=params)
        assert answer.status_code == 200, answer.text
        slots = answer.json()["payload"]["appointmentSlots"]
        return next((slot["capacity"] for slot in slots if slot["startTime"] == start), -1)

    async def token(self, seller: str = SELLER, *, stores: frozenset[str] | None = None, **changes: Any) -> str:
        """An access token of a new application, with an authorization of its own."""
        number = len(self.tokens) + self.orders + 1
        now = self.clock.now()
        application_id = changes.pop("application_id", f"app-{self.context.ids.letters(12)}")
        access_token = f"Atza|{self.context.ids.letters(40)}{number}"
        roles = changes.pop("roles", frozenset({ROLE}))
        marketplaces = changes.pop("marketplaces", frozenset({US}))
        application = Application(application_id, application_id, "", "An app", frozenset({ROLE}), (), frozenset(), now)
        plan = changes.pop("usage_plan", {})
        authorization_id = f"authorization-of-{application_id}"
        authorization = Authorization(
            authorization_id,
            application_id,
            seller,
            marketplaces,
            stores,
            roles,
            plan,
            now,
            changes.pop("revoked_at", None),
        )
        expires_at = changes.pop("expires_at", now + HOUR)
        token = Token(hash_of(access_token), "ACCESS", application_id, authorization_id, now, expires_at)
        assert not changes, changes

        async def add(c: Connection) -> None:
            await applications.add(c, application)
            await authorizations.add(c, authorization)
            await tokens.add(c, token)

        await self.write(add)
        return access_token

    async def write(self, use: Any) -> Any:
        """Run a use of the store as a transaction."""
        return await self.context.database.write(use)

    async def read(self, use: Any) -> Any:
        """Run a use of the store that only reads."""
        return await self.context.database.read(use)

    async def kinds(self, subject: str) -> list[str]:
        """What the event log says of a thing, in order."""
        return [one.event.kind for one in await self.read(lambda c: read_events(c, subject=subject))]


@asynccontextmanager
async def a_world(database: Database, folder: Path, **settings: Any) -> AsyncIterator[World]:
    """The world on a migrated, empty database."""
    clock = FakeClock()
    secrets = cheap_secrets()
    chosen = Settings(data=folder, **settings)
    context = Context(
        chosen,
        database,
        open_blobs(str(folder / "documents")),
        open_seal(folder),
        clock,
        Identifiers(seed=1),
        client_secrets=secrets,
    )
    edge = Edge(context, ENDPOINTS, UsagePlans(clock))
    async with client_of(edge) as client:
        world = World(context, clock, client)
        await database.write(_populate)
        plenty = dict.fromkeys(ENDPOINTS, (1000.0, 10000))
        for seller in (SELLER, OTHER_SELLER):
            world.tokens[seller] = await world.token(seller, usage_plan=plenty, expires_at=NOW + 1000 * DAY)
        yield world
    secrets.close()


def client_of(app: ASGIApp) -> httpx2.AsyncClient:
    """A client of the API in process, which holds every answer to what all of them promise."""
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=True)
    return httpx2.AsyncClient(
        transport=transport, base_url="http://127.0.0.1", event_hooks={"response": [check_answer]}
    )


async def _populate(c: Connection) -> None:
    for seller_id in (SELLER, OTHER_SELLER):
        await sellers.add(c, Seller(seller_id, f"Seller {seller_id}", frozenset({US}), NOW))
        for service in _SERVICES:
            await services.add(c, seller_id, service, NOW)
    for seller_id, store_id, scheduling_type in (
        (SELLER, STORE, "REAL_TIME_SCHEDULING"),
        (SELLER, BRANCH, "REAL_TIME_SCHEDULING"),
        (SELLER, HOURS_ONLY, "NON_REAL_TIME_SCHEDULING"),
        (OTHER_SELLER, OTHER_STORE, "REAL_TIME_SCHEDULING"),
    ):
        zone = "America/New_York"
        await stores.add(c, Store(seller_id, store_id, store_id, zone, US, scheduling_type, NOW))  # type: ignore[arg-type]
        await schedules.append(c, seller_id, store_id, [daily(9, 17, capacity=2)])
    for seller_id, technician_id, store_ids in (
        (SELLER, ANN, (STORE,)),
        (SELLER, BOB, (STORE,)),
        (OTHER_SELLER, OTHER_TECHNICIAN, (OTHER_STORE,)),
    ):
        await _technician(c, seller_id, technician_id, store_ids, ("TV", "TYRES"))
    # Cid works for the branch alone, and knows nothing of TVs.
    await _technician(c, SELLER, CID, (BRANCH,), ("TYRES",))


async def _technician(
    c: Connection, seller_id: str, technician_id: str, store_ids: tuple[str, ...], skills: tuple[str, ...]
) -> None:
    zone = "America/New_York"
    name = technician_id.title()
    await technicians.add(c, Technician(seller_id, technician_id, name, zone, US, NOW, store_ids, skills, ("IN_HOME",)))
    await schedules.append(c, seller_id, technician_id, [daily(9, 17)])


def daily(opens: int, closes: int, capacity: int = 1) -> Availability:
    """Every day between two full hours of New York's winter, from the day before NOW for 400 days."""
    midnight = parse("2026-03-01T05:00:00Z")
    recurrence = Recurrence(midnight + 400 * DAY, frozenset(), frozenset())
    return Availability(midnight + opens * HOUR, midnight + closes * HOUR, recurrence, capacity)


_SERVICES = (
    Service(ASIN, "TV mounting", ServiceRules(HOUR, HOUR, 2 * HOUR, 0, 0, frozenset({"TV"}), "IN_HOME"), ("TV",)),
    Service(PLAIN_ASIN, "Cleaning", ServiceRules(30 * MINUTE, 30 * MINUTE, 2 * HOUR, 0, 0, frozenset(), "IN_HOME"), ()),
)
