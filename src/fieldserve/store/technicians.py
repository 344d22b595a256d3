"""Technicians: the resources that are assigned to appointments, and the stores that they work for."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from fieldserve.store import resources
from fieldserve.store.engine import Connection, Row, placeholders
from fieldserve.store.resources import Resource
from fieldserve.wire.jobs import ServiceLocationType
from fieldserve.wire.times import Instant


@dataclass(frozen=True, slots=True)
class Technician:
    """A technician. `time_zone` is an IANA name; the coordinates are in degrees, both or neither.

    `mirrored_from` is the account whose jobs it was made up from, as long as nobody has set it up."""

    seller_id: str
    technician_id: str
    name: str
    time_zone: str
    marketplace_id: str
    created_at: Instant
    store_ids: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    service_location_types: tuple[ServiceLocationType, ...] = ()
    registered: bool = True
    background_checked: bool = True
    home_latitude: float | None = None
    home_longitude: float | None = None
    mirrored_from: str | None = None

    @property
    def resource(self) -> Resource:
        """What it is as a resource."""
        return Resource(
            self.seller_id, self.technician_id, "TECHNICIAN", self.name, self.time_zone, self.marketplace_id
        )


_SELECT = """
SELECT r.resource_id, r.name, r.time_zone, r.marketplace_id, r.created_at, t.skills, t.service_location_types,
    t.registered, t.background_checked, t.home_latitude, t.home_longitude, r.mirrored_from
FROM technicians t JOIN resources r ON r.seller_id = t.seller_id AND r.resource_id = t.technician_id
WHERE t.seller_id = $1"""

_STORES = """
SELECT technician_id, store_id FROM store_technicians
WHERE seller_id = $1 AND technician_id IN ({ids}) ORDER BY technician_id, store_id"""


async def _technicians(c: Connection, seller_id: str, rows: Sequence[Row]) -> Sequence[Technician]:
    if not rows:
        return []
    ids = [row[0] for row in rows]
    stores: dict[str, list[str]] = {}
    for technician_id, store_id in await c.fetch(_STORES.format(ids=placeholders(ids, after=1)), seller_id, *ids):
        stores.setdefault(technician_id, []).append(store_id)
    return [
        Technician(
            seller_id,
            technician_id,
            name,
            time_zone,
            marketplace_id,
            created_at,
            tuple(stores.get(technician_id, ())),
            tuple(msgspec.json.decode(skills)),
            tuple(msgspec.json.decode(location_types)),
            bool(registered),
            bool(checked),
            latitude,
            longitude,
            mirrored_from,
        )
        for (
            technician_id,
            name,
            time_zone,
            marketplace_id,
            created_at,
            skills,
            location_types,
            registered,
            checked,
            latitude,
            longitude,
            mirrored_from,
        ) in rows
    ]


async def find(c: Connection, seller_id: str, technician_id: str) -> Technician | None:
    """The seller's technician with that id. To change it, lock its resource first."""
    found = await find_all(c, seller_id, (technician_id,))
    return found[0] if found else None


async def find_all(c: Connection, seller_id: str, technician_ids: Sequence[str]) -> Sequence[Technician]:
    """Those of the technicians that the seller has, by id."""
    marks = placeholders(technician_ids, after=1)
    rows = await c.fetch(
        f"{_SELECT} AND t.technician_id IN ({marks}) ORDER BY t.technician_id", seller_id, *technician_ids
    )
    return await _technicians(c, seller_id, rows)


async def of_stores(c: Connection, seller_id: str, store_ids: Sequence[str]) -> Sequence[Technician]:
    """Whoever works for any of the stores, by id."""
    marks = placeholders(store_ids, after=1)
    rows = await c.fetch(
        f"{_SELECT} AND t.technician_id IN"
        f" (SELECT technician_id FROM store_technicians WHERE seller_id = $1 AND store_id IN ({marks}))"
        " ORDER BY t.technician_id",
        seller_id,
        *store_ids,
    )
    return await _technicians(c, seller_id, rows)


async def page(c: Connection, seller_id: str, after: str, limit: int) -> Sequence[Technician]:
    """Technicians of the seller by id, those behind `after`."""
    rows = await c.fetch(
        f"{_SELECT} AND t.technician_id > $2 ORDER BY t.technician_id LIMIT $3", seller_id, after, limit
    )
    return await _technicians(c, seller_id, rows)


async def add(c: Connection, technician: Technician) -> None:
    """Store a new one. Raises AlreadyExists where a store or technician has that id, or where a store is unknown."""
    await resources.add(c, technician.resource, technician.created_at)
    await c.execute(
        "INSERT INTO technicians (seller_id, technician_id, skills, service_location_types, registered,"
        " background_checked, home_latitude, home_longitude) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        *_columns(technician),
    )
    await _join_stores(c, technician)


async def update(c: Connection, technician: Technician) -> None:
    """Store what may change: all but the ids and the marketplace."""
    await resources.update(c, technician.resource)
    await c.execute(
        "UPDATE technicians SET skills = $3, service_location_types = $4, registered = $5, background_checked = $6,"
        " home_latitude = $7, home_longitude = $8 WHERE seller_id = $1 AND technician_id = $2",
        *_columns(technician),
    )
    await c.execute(
        "DELETE FROM store_technicians WHERE seller_id = $1 AND technician_id = $2",
        technician.seller_id,
        technician.technician_id,
    )
    await _join_stores(c, technician)


def _columns(technician: Technician) -> tuple[object, ...]:
    return (
        technician.seller_id,
        technician.technician_id,
        msgspec.json.encode(technician.skills).decode(),
        msgspec.json.encode(technician.service_location_types).decode(),
        int(technician.registered),
        int(technician.background_checked),
        technician.home_latitude,
        technician.home_longitude,
    )


async def _join_stores(c: Connection, technician: Technician) -> None:
    await c.execute_many(
        "INSERT INTO store_technicians (seller_id, store_id, technician_id) VALUES ($1, $2, $3)",
        [(technician.seller_id, store_id, technician.technician_id) for store_id in technician.store_ids],
    )
