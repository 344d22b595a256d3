"""Stores: the resources that take jobs."""

from collections.abc import Sequence
from dataclasses import dataclass

from fieldserve.store import resources
from fieldserve.store.engine import Connection, Row
from fieldserve.store.resources import Resource
from fieldserve.wire.slots import SchedulingType
from fieldserve.wire.times import Instant


@dataclass(frozen=True, slots=True)
class Store:
    """A store. `time_zone` is an IANA name; the coordinates are in degrees, both or neither.

    `travel_aware_slots`: a job's slots are those that can be driven to; `smart_slots`: the nearest come first.
    `mirrored_from` is the account whose jobs it was made up from, as long as nobody has set it up."""

    seller_id: str
    store_id: str
    name: str
    time_zone: str
    marketplace_id: str
    scheduling_type: SchedulingType
    created_at: Instant
    latitude: float | None = None
    longitude: float | None = None
    travel_aware_slots: bool = False
    smart_slots: bool = False
    mirrored_from: str | None = None

    @property
    def resource(self) -> Resource:
        """What it is as a resource."""
        return Resource(self.seller_id, self.store_id, "STORE", self.name, self.time_zone, self.marketplace_id)


_SELECT = """
SELECT r.seller_id, r.resource_id, r.name, r.time_zone, r.marketplace_id, s.scheduling_type, r.created_at,
    s.latitude, s.longitude, s.travel_aware_slots, s.smart_slots, r.mirrored_from
FROM stores s JOIN resources r ON r.seller_id = s.seller_id AND r.resource_id = s.store_id
WHERE s.seller_id = $1"""


def _store(row: Row) -> Store:
    values = list(row)
    values[-3:-1] = map(bool, row[-3:-1])
    return Store(*values)


async def find(c: Connection, seller_id: str, store_id: str) -> Store | None:
    """The seller's store with that id. To change it, lock its resource first."""
    row = await c.fetch_one(f"{_SELECT} AND s.store_id = $2", seller_id, store_id)
    return None if row is None else _store(row)


async def page(c: Connection, seller_id: str, after: str, limit: int) -> Sequence[Store]:
    """Stores of the seller by id, those behind `after`."""
    rows = await c.fetch(f"{_SELECT} AND s.store_id > $2 ORDER BY s.store_id LIMIT $3", seller_id, after, limit)
    return [_store(row) for row in rows]


async def add(c: Connection, store: Store) -> None:
    """Store a new one. Raises AlreadyExists where a store or technician has that id."""
    await resources.add(c, store.resource, store.created_at)
    await c.execute(
        "INSERT INTO stores (seller_id, store_id, scheduling_type, latitude, longitude, travel_aware_slots,"
        " smart_slots) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        *_columns(store),
    )


async def update(c: Connection, store: Store) -> None:
    """Store what may change of it: all but its ids and its marketplace."""
    await resources.update(c, store.resource)
    await c.execute(
        "UPDATE stores SET scheduling_type = $3, latitude = $4, longitude = $5, travel_aware_slots = $6,"
        " smart_slots = $7 WHERE seller_id = $1 AND store_id = $2",
        *_columns(store),
    )


def _columns(store: Store) -> tuple[object, ...]:
    return (
        store.seller_id,
        store.store_id,
        store.scheduling_type,
        store.latitude,
        store.longitude,
        int(store.travel_aware_slots),
        int(store.smart_slots),
    )
