"""Reservations: time of a resource that is spoken for, once or repeatedly."""

from collections.abc import Sequence
from dataclasses import dataclass

from fieldserve.domain.capacity import Reservation, ReservationType
from fieldserve.domain.intervals import Instant, Interval
from fieldserve.store import schedules
from fieldserve.store.engine import Connection, placeholders


@dataclass(frozen=True, slots=True)
class StoredReservation:
    """A reservation and whose it is; its marketplace is its resource's."""

    seller_id: str
    reservation_id: str
    resource_id: str
    marketplace_id: str
    reservation: Reservation
    created_at: Instant


_ADD = f"""
INSERT INTO reservations (seller_id, reservation_id, resource_id, marketplace_id, type, created_at, last_at,
    {schedules.COLUMNS})
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"""

_FIND = f"""
SELECT resource_id, marketplace_id, created_at, type, {schedules.COLUMNS} FROM reservations
WHERE seller_id = $1 AND reservation_id = $2"""

_DELETE = "DELETE FROM reservations WHERE seller_id = $1 AND reservation_id = $2 RETURNING reservation_id"

_OF_RESOURCES = f"""
SELECT resource_id, type, {schedules.COLUMNS} FROM reservations
WHERE seller_id = $1 AND last_at > $2 AND start_at < $3 AND resource_id IN ({{ids}})"""


async def add(c: Connection, stored: StoredReservation) -> None:
    """Add a reservation. The caller holds its resource's lock."""
    availability = stored.reservation.availability
    await c.execute(
        _ADD,
        stored.seller_id,
        stored.reservation_id,
        stored.resource_id,
        stored.marketplace_id,
        stored.reservation.type.value,
        stored.created_at,
        schedules.last_at(availability),
        *schedules.columns(availability),
    )


async def find(c: Connection, seller_id: str, reservation_id: str) -> StoredReservation | None:
    """The seller's reservation with that id."""
    row = await c.fetch_one(_FIND, seller_id, reservation_id)
    if row is None:
        return None
    reservation = Reservation(ReservationType(row[3]), schedules.availability(row, 4))
    return StoredReservation(seller_id, reservation_id, row[0], row[1], reservation, row[2])


async def of_resource(c: Connection, seller_id: str, resource_id: str, window: Interval) -> list[StoredReservation]:
    """The reservations of a resource that may touch the window, with their ids, by start."""
    rows = await c.fetch(
        f"SELECT reservation_id, marketplace_id, created_at, type, {schedules.COLUMNS} FROM reservations"
        " WHERE seller_id = $1 AND resource_id = $2 AND last_at > $3 AND start_at < $4"
        " ORDER BY start_at, reservation_id",
        seller_id,
        resource_id,
        window[0],
        window[1] + schedules.SHIFT,
    )
    return [
        StoredReservation(
            seller_id,
            row[0],
            resource_id,
            row[1],
            Reservation(ReservationType(row[3]), schedules.availability(row, 4)),
            row[2],
        )
        for row in rows
    ]


async def delete(c: Connection, seller_id: str, reservation_id: str) -> bool:
    """Delete a reservation; False where there is none (any more): of two that delete it, one is told so."""
    return await c.fetch_one(_DELETE, seller_id, reservation_id) is not None


async def of_resources(
    c: Connection, seller_id: str, resource_ids: Sequence[str], window: Interval
) -> dict[str, list[Reservation]]:
    """The reservations of each of the resources that may touch the window; a resource without any is left out."""
    rows = await c.fetch(
        _OF_RESOURCES.format(ids=placeholders(resource_ids, after=3)),
        seller_id,
        window[0],
        window[1] + schedules.SHIFT,
        *resource_ids,
    )
    found: dict[str, list[Reservation]] = {}
    for row in rows:
        reservation = Reservation(ReservationType(row[1]), schedules.availability(row, 2))
        found.setdefault(row[0], []).append(reservation)
    return found
