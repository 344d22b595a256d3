"""The ground that fault tests run on: one seller, stores that are open all day, jobs to book, and who may call."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from fieldserve.api.endpoints import ENDPOINTS
from fieldserve.domain.intervals import DAY, HOUR
from fieldserve.domain.jobs import Job
from fieldserve.domain.schedules import Availability, Recurrence
from fieldserve.domain.services import Service
from fieldserve.domain.slots import ServiceRules
from fieldserve.store import (
    applications,
    authorizations,
    engine,
    jobs,
    migrate,
    operator_keys,
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
from fieldserve.store.operator_keys import OperatorKey
from fieldserve.store.sellers import Seller
from fieldserve.store.stores import Store
from fieldserve.store.technicians import Technician
from fieldserve.store.tokens import Token, hash_of
from fieldserve.wire.operations import ROLE

SELLER, US, ASIN = "A1SELLER", "ATVPDKIKX0DER", "B0MOUNTING"
ACCESS_TOKEN, OPERATOR_KEY = "Atza|faults", "fsk_faults"
APPLICATION = AUTHORIZATION = "faults"


@dataclass(frozen=True)
class Ground:
    """Where it is and what is on it. Each slot is an hour of a store; all have the same capacity."""

    url: str
    folder: Path
    stores: tuple[str, ...]
    hours: int
    capacity: int
    jobs: dict[str, list[str]]
    first: int
    team: dict[str, list[str]] = field(default_factory=dict)

    def starts(self) -> list[int]:
        """The starts of a store's slots, in microseconds since the epoch."""
        return [self.first + hour * HOUR for hour in range(self.hours)]


async def lay(
    url: str,
    folder: Path,
    *,
    stores_count: int = 1,
    hours: int = 24,
    capacity: int = 3,
    jobs_per_store: int = 100,
    team_size: int = 0,
) -> Ground:
    """Migrate the database and put everything there. `team_size` technicians work in each store, who know the job."""
    now = time.time_ns() // 1000
    first = (now // DAY + 2) * DAY
    names = tuple(f"store-{number}" for number in range(stores_count))
    ground = Ground(
        url,
        folder,
        names,
        hours,
        capacity,
        {store: [f"{store}-job-{number}" for number in range(jobs_per_store)] for store in names},
        first,
        {store: [f"{store}-t{number}" for number in range(team_size)] for store in names},
    )
    database = await engine.connect(url, durable=False, within=None)
    try:
        await migrate.upgrade(database)
        await database.write(lambda c: _populate(c, ground, now))
    finally:
        await database.close()
    return ground


async def _populate(c: Connection, ground: Ground, now: int) -> None:
    await sellers.add(c, Seller(SELLER, "Seller", frozenset({US}), now))
    await services.add(
        c, SELLER, Service(ASIN, "Mounting", ServiceRules(HOUR, HOUR, 0, 0, 0, frozenset(), "IN_HOME"), ()), now
    )
    always = Availability(
        ground.first - 2 * DAY, ground.first - DAY, Recurrence(ground.first + 400 * DAY), ground.capacity
    )
    for store in ground.stores:
        await stores.add(c, Store(SELLER, store, store, "UTC", US, "REAL_TIME_SCHEDULING", now))
        await schedules.append(c, SELLER, store, [always])
        for one in ground.team[store]:
            await technicians.add(c, Technician(SELLER, one, one, "UTC", US, now, (store,), (), ("IN_HOME",)))
            await schedules.append(c, SELLER, one, [always._replace(capacity=1)])
        for job in ground.jobs[store]:
            await jobs.add(
                c, Job(SELLER, job, US, store, ASIN, "PENDING_SCHEDULE", "123-4567890-1234567", now, now, b"{}")
            )
    plenty = dict.fromkeys(ENDPOINTS, (1e6, 1_000_000))
    await applications.add(
        c, Application(APPLICATION, APPLICATION, "", "Faults", frozenset({ROLE}), (), frozenset(), now)
    )
    await authorizations.add(
        c,
        Authorization(AUTHORIZATION, APPLICATION, SELLER, frozenset({US}), None, frozenset({ROLE}), plenty, now, None),
    )
    await tokens.add(c, Token(hash_of(ACCESS_TOKEN), "ACCESS", APPLICATION, AUTHORIZATION, now, now + DAY))
    await operator_keys.add(c, OperatorKey(hash_of(OPERATOR_KEY), "faults", now))
