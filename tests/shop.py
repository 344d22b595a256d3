"""A store with technicians, and rows of appointments put in by hand: what decides about slots, without operations."""

from fieldserve.domain.intervals import HOUR, MINUTE
from fieldserve.domain.services import Service
from fieldserve.domain.slots import ServiceRules
from fieldserve.store import sellers, services, stores, technicians
from fieldserve.store.engine import Connection
from fieldserve.store.sellers import Seller
from fieldserve.store.stores import Store
from fieldserve.store.technicians import Technician

SELLER, OTHER_SELLER = "A1SELLER", "A2SELLER"
MARKETPLACE = "A1PA6795UKMFR9"
STORE, BRANCH = "store-1", "store-2"
# Ann works for both; Bob has no background check.
ANN, BOB = "ann", "bob"
ZONE = "Europe/Berlin"

SERVICE = Service(
    "B0MOUNTING",
    "TV mounting",
    ServiceRules(HOUR, 30 * MINUTE, 2 * HOUR, 10 * MINUTE, 20 * MINUTE, frozenset({"TV", "GLASS"}), "IN_HOME"),
    ("TV", "GLASS"),
)

_JOB = """
INSERT INTO jobs (seller_id, service_job_id, marketplace_id, store_id, asin, status, service_order_id, created_at,
    updated_at, details, document)
VALUES ($1, $2, $3, $4, $5, 'NOT_SERVICED', 'o', 0, 0, '{}', '{}')"""

_APPOINTMENT = """
INSERT INTO appointments (seller_id, appointment_id, service_job_id, position, store_id, status, start_at, end_at,
    buffer_before, buffer_after, waiting)
VALUES ($1, $2, $3, 0, $4, $5, $6, $7, $8, $9, $10)"""

_TECHNICIAN = """
INSERT INTO appointment_technicians (seller_id, appointment_id, technician_id, name, position, active, overbooked,
    start_at, end_at)
VALUES ($1, $2, $3, $3, 0, $4, 1, $5, $6)"""


async def open_shop(c: Connection) -> None:
    """Two sellers with the same ids for everything, so that nothing may be found by its id alone."""
    for seller_id in (SELLER, OTHER_SELLER):
        await sellers.add(c, Seller(seller_id, seller_id, frozenset({MARKETPLACE}), 0))
        await services.add(c, seller_id, SERVICE, 0)
        for store_id in (STORE, BRANCH):
            await stores.add(c, Store(seller_id, store_id, store_id, ZONE, MARKETPLACE, "REAL_TIME_SCHEDULING", 0))
        for technician_id, store_ids in ((ANN, (STORE, BRANCH)), (BOB, (STORE,))):
            checked = technician_id != BOB
            technician = Technician(
                seller_id,
                technician_id,
                technician_id,
                ZONE,
                MARKETPLACE,
                0,
                store_ids,
                ("TV", "GLASS"),
                ("IN_HOME",),
                True,
                checked,
            )
            await technicians.add(c, technician)


async def add_visit(
    c: Connection,
    name: str,
    start: int,
    end: int,
    *technician_ids: str,
    seller: str = SELLER,
    store: str = STORE,
    buffers: tuple[int, int] = (0, 0),
    status: str = "ACTIVE",
) -> None:
    """An appointment with a job of its own; it waits for a technician if none is named.

    Technicians count as overbooked on purpose, so that no constraint of the database does a lock's work."""
    await c.execute(_JOB, seller, name, MARKETPLACE, store, SERVICE.asin)
    waiting = int(not technician_ids and status == "ACTIVE")
    await c.execute(_APPOINTMENT, seller, f"{name}_a", name, store, status, start, end, *buffers, waiting)
    for technician_id in technician_ids:
        active = int(status == "ACTIVE")
        await c.execute(_TECHNICIAN, seller, f"{name}_a", technician_id, active, start, end)
