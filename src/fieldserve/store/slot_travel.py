"""What travel between visits is worked out from, for stores whose slots leave time for it."""

from typing import NamedTuple

from fieldserve.domain.intervals import DAY, Interval
from fieldserve.store.engine import Connection
from fieldserve.wire.times import Instant

WAITING = ""
"""Whose the visits are that wait for a technician."""


class SlotTravel(NamedTuple):
    """How a store wants its slots, and where it is."""

    aware: bool
    smart: bool
    latitude: float | None
    longitude: float | None


class PlacedVisit(NamedTuple):
    """An active appointment of a technician, or one that waits for one, and where it is."""

    technician_id: str
    start: Instant
    end: Instant
    latitude: float
    longitude: float


class Home(NamedTuple):
    """Where a technician lives."""

    technician_id: str
    latitude: float
    longitude: float


_PLACED = """
SELECT {technician}, a.start_at, a.end_at,
    CASE WHEN s.service_location_type = 'IN_STORE' THEN st.latitude ELSE j.latitude END AS latitude,
    CASE WHEN s.service_location_type = 'IN_STORE' THEN st.longitude ELSE j.longitude END AS longitude
FROM {origin}
JOIN jobs j ON j.seller_id = a.seller_id AND j.service_job_id = a.service_job_id
JOIN services s ON s.seller_id = j.seller_id AND s.asin = j.asin
JOIN stores st ON st.seller_id = j.seller_id AND st.store_id = j.store_id
WHERE {where} AND s.service_location_type <> 'ONLINE'"""

# CROSS JOIN keeps SQLite from starting elsewhere than at the technicians of the store.
_OF_TECHNICIANS = _PLACED.format(
    technician="t.technician_id",
    origin="store_technicians w"
    " CROSS JOIN appointment_technicians t"
    " JOIN appointments a ON a.seller_id = t.seller_id AND a.appointment_id = t.appointment_id",
    where="w.seller_id = $1 AND w.store_id = $2 AND t.seller_id = $1 AND t.technician_id = w.technician_id"
    " AND t.active = 1 AND t.end_at > $3 AND t.end_at < $4",
)
_WAITING = _PLACED.format(
    technician="''",
    origin="appointments a",
    where="a.seller_id = $1 AND a.store_id = $2 AND a.status = 'ACTIVE' AND a.waiting = 1"
    " AND a.end_at > $3 AND a.end_at < $4",
)

_HOMES = """
SELECT t.technician_id, t.home_latitude, t.home_longitude FROM store_technicians w
JOIN technicians t ON t.seller_id = w.seller_id AND t.technician_id = w.technician_id
WHERE w.seller_id = $1 AND w.store_id = $2 AND t.home_latitude IS NOT NULL AND t.home_longitude IS NOT NULL
ORDER BY t.technician_id"""


async def rule(c: Connection, seller_id: str, store_id: str) -> SlotTravel:
    """How the store wants its slots."""
    row = await c.fetch_one(
        "SELECT travel_aware_slots, smart_slots, latitude, longitude FROM stores"
        " WHERE seller_id = $1 AND store_id = $2",
        seller_id,
        store_id,
    )
    return SlotTravel(False, False, None, None) if row is None else SlotTravel(bool(row[0]), bool(row[1]), *row[2:])


async def placed_visits(c: Connection, seller_id: str, store_id: str, window: Interval) -> list[PlacedVisit]:
    """Where the visits are of which `slots.load` tells when: those of the store's technicians, anywhere, and those that
    wait for one; as far around the window as a day. Visits whose place is unknown are left out."""
    near = (window[0] - DAY, window[1] + 8 * DAY)
    rows = [
        *await c.fetch(_OF_TECHNICIANS, seller_id, store_id, *near),
        *await c.fetch(_WAITING, seller_id, store_id, *near),
    ]
    return [PlacedVisit._make(row) for row in rows if row[3] is not None and row[4] is not None]


async def homes(c: Connection, seller_id: str, store_id: str) -> list[Home]:
    """Where the store's technicians live, as far as that is known."""
    return [Home._make(row) for row in await c.fetch(_HOMES, seller_id, store_id)]
