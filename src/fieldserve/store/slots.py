"""All that decides about slots and capacity, read together: the hot path of searching and of booking.

A store is read with two statements, three where rows are locked, each part of them answered from an index however
long the seller has been there; only what can matter in the window is read.
"""

from collections.abc import Collection, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from fieldserve.domain.capacity import Reservation, ReservationType, Visit
from fieldserve.domain.intervals import MINUTE, Interval
from fieldserve.domain.schedules import Availability
from fieldserve.domain.services import LONGEST_BUFFER
from fieldserve.domain.slots import StoreState, TechnicianState
from fieldserve.store import schedules
from fieldserve.store.engine import LOCK, Connection, Row, placeholders
from fieldserve.store.resources import Resource
from fieldserve.wire.appointments import LONGEST_APPOINTMENT_MINUTES

_LONGEST_VISIT = LONGEST_APPOINTMENT_MINUTES * MINUTE


class LoadedStore(NamedTuple):
    """A store as slots and booking see it, and the marketplace that it serves."""

    marketplace_id: str
    state: StoreState


class ResourceState(NamedTuple):
    """What a single resource's capacities are worked out from."""

    zone: ZoneInfo
    records: Sequence[Availability]
    reservations: Sequence[Reservation]
    visits: Sequence[Visit]


class JobPlace(NamedTuple):
    """Which service a job asks for, and where; the coordinates in degrees, where they are known."""

    asin: str
    store_id: str
    marketplace_id: str
    latitude: float | None
    longitude: float | None


_JOB = """
SELECT asin, store_id, marketplace_id, latitude, longitude FROM jobs WHERE seller_id = $1 AND service_job_id = $2"""

# CAST, since PostgreSQL cannot tell the type of a parameter that stands alone in a SELECT.
_TEAM = """
SELECT CAST($2 AS TEXT) UNION ALL
SELECT technician_id FROM store_technicians WHERE seller_id = $1 AND store_id = $2"""

_STORES_OF = "SELECT store_id FROM store_technicians WHERE seller_id = $1 AND technician_id = $2"

_LOCK_TEAM = f"""
SELECT resource_id FROM resources WHERE seller_id = $1 AND resource_id IN ({_TEAM})
ORDER BY resource_id {LOCK}"""

_DESCRIBE = """
SELECT r.resource_id, r.time_zone, r.marketplace_id, s.scheduling_type,
    t.skills, t.service_location_types, t.registered, t.background_checked
FROM resources r
LEFT JOIN stores s ON s.seller_id = r.seller_id AND s.store_id = r.resource_id
LEFT JOIN technicians t ON t.seller_id = r.seller_id AND t.technician_id = r.resource_id
WHERE r.seller_id = $1 AND r.resource_id IN ({ids})
ORDER BY r.resource_id"""

# The index is on the end alone. A visit that matters ends at most a longest buffer before the window and, since none is
# longer than the longest, at most that and a buffer after it; what is left is then told by the visit's own buffers.
_NEAR = """
    AND {v}.end_at > $2 AND {v}.end_at < $3 AND {v}.start_at < $4
    AND ({v}.end_at > $5 OR {v}.end_at + a.buffer_after > $6)
    AND ({v}.start_at < $7 OR {v}.start_at - a.buffer_before < $8)"""

# All that decides in one statement, one round trip: rows of four kinds, which differ in their first column.
_DECIDING = f"""
SELECT 0, resource_id, {schedules.COLUMNS}, position, CAST(NULL AS TEXT) FROM schedule_records
WHERE seller_id = $1 AND last_at > $6 AND start_at < $10 AND resource_id IN ({{ids}})
UNION ALL
SELECT 1, resource_id, {schedules.COLUMNS}, 0, type FROM reservations
WHERE seller_id = $1 AND last_at > $6 AND start_at < $10 AND resource_id IN ({{ids}})
UNION ALL
SELECT 2, a.store_id, a.start_at, a.end_at, a.buffer_before, a.buffer_after, a.waiting, 0, 0, NULL FROM appointments a
WHERE a.seller_id = $1 AND a.store_id = $9 AND a.status = 'ACTIVE'{_NEAR.format(v="a")}
UNION ALL
SELECT 3, t.technician_id, t.start_at, t.end_at, a.buffer_before, a.buffer_after, 0, 0, 0, NULL
FROM appointment_technicians t
JOIN appointments a ON a.seller_id = t.seller_id AND a.appointment_id = t.appointment_id
WHERE t.seller_id = $1 AND t.active = 1{_NEAR.format(v="t")} AND t.technician_id IN ({{ids}})"""

_RECORD, _RESERVATION = 0, 1  # the other two are visits


class _Deciding:
    """What was found, by resource."""

    def __init__(self) -> None:
        self.records: dict[str, list[Availability]] = {}
        self.reservations: dict[str, list[Reservation]] = {}
        self.visits: dict[str, list[Visit]] = {}
        self.waiting: list[Visit] = []


async def _deciding(
    c: Connection, seller_id: str, store_id: str, resource_ids: Sequence[str], window: Interval, buffer: int
) -> _Deciding:
    """Records, reservations and visits of the resources; `store_id` is the one that is a store, "" if none is."""
    start, end = window
    first, past = start - LONGEST_BUFFER, end + LONGEST_BUFFER
    near = (first, past + _LONGEST_VISIT, past, start - buffer, start, end + buffer, end)
    sql = _DECIDING.format(ids=placeholders(resource_ids, after=10))
    rows = await c.fetch(sql, seller_id, *near, store_id, end + schedules.SHIFT, *resource_ids)
    found = _Deciding()
    positions: list[tuple[str, int, Availability]] = []
    for row in rows:
        kind, resource_id = row[0], row[1]
        if kind == _RECORD:
            positions.append((resource_id, row[8], schedules.availability(row, 2)))
        elif kind == _RESERVATION:
            reservation = Reservation(ReservationType(row[9]), schedules.availability(row, 2))
            found.reservations.setdefault(resource_id, []).append(reservation)
        else:
            visit = Visit._make(row[2:6])
            found.visits.setdefault(resource_id, []).append(visit)
            if row[6]:
                found.waiting.append(visit)
    positions.sort(key=itemgetter(0, 1))
    for resource_id, _, record in positions:
        found.records.setdefault(resource_id, []).append(record)
    return found


async def load(
    c: Connection,
    seller_id: str,
    store_id: str,
    window: Interval,
    lock: bool = False,
    buffer: int = LONGEST_BUFFER,
) -> LoadedStore | None:
    """A store with everything that decides about slots inside the window; None where the seller has no such store.

    Its technicians come with their visits at other stores, too. With `lock` the rows of the store and its technicians
    stay locked, in the order of their ids, until the transaction ends. `buffer`, the greater of the service's two in
    microseconds, spares reading visits that are too far off to matter to it; without it any service may be asked.
    """
    team = await _team(c, seller_id, store_id, lock)
    store = team.pop(store_id, None)
    if store is None or store[3] is None:
        return None
    _, time_zone, marketplace_id, scheduling_type, *_ = store
    found = await _deciding(c, seller_id, store_id, (store_id, *team), window, buffer)
    technicians = [
        _technician(
            row, found.records.get(row[0], ()), found.reservations.get(row[0], ()), found.visits.get(row[0], ())
        )
        for row in team.values()
    ]
    state = StoreState(
        ZoneInfo(time_zone),
        scheduling_type,
        found.records.get(store_id, ()),
        found.reservations.get(store_id, ()),
        found.visits.get(store_id, ()),
        found.waiting,
        technicians,
    )
    return LoadedStore(marketplace_id, state)


async def load_resource(c: Connection, resource: Resource, window: Interval) -> ResourceState:
    """What decides about a resource's capacities inside the window; visits as far around it as buffers reach."""
    resource_id = resource.resource_id
    store_id = resource_id if resource.kind == "STORE" else ""
    found = await _deciding(c, resource.seller_id, store_id, (resource_id,), window, LONGEST_BUFFER)
    return ResourceState(
        resource.zone,
        found.records.get(resource_id, ()),
        found.reservations.get(resource_id, ()),
        found.visits.get(resource_id, ()),
    )


async def job_place(c: Connection, seller_id: str, service_job_id: str) -> JobPlace | None:
    """What a search for a job's slots needs of the job."""
    row = await c.fetch_one(_JOB, seller_id, service_job_id)
    return None if row is None else JobPlace._make(row)


async def works_at(c: Connection, seller_id: str, technician_id: str, store_ids: Collection[str]) -> bool:
    """Whether the technician is one of any of the stores."""
    rows = await c.fetch(_STORES_OF, seller_id, technician_id)
    return any(row[0] in store_ids for row in rows)


async def _team(c: Connection, seller_id: str, store_id: str, lock: bool) -> dict[str, Row]:
    """The rows of the store and its technicians by id."""
    if lock and c.dialect != "sqlite":  # which has one writer
        # Read again after the lock is held: what a statement saw before it had to wait may be out of date. Nobody
        # who has joined the store since is read, since nobody has locked them.
        ids = [row[0] for row in await c.fetch(_LOCK_TEAM, seller_id, store_id)]
        rows = await c.fetch(_DESCRIBE.format(ids=placeholders(ids, after=1)), seller_id, *ids)
    else:
        rows = await c.fetch(_DESCRIBE.format(ids=_TEAM), seller_id, store_id)
    return {row[0]: row for row in rows}


def _technician(
    row: Row, records: Sequence[Availability], reserved: Sequence[Reservation], visits: Sequence[Visit]
) -> TechnicianState:
    technician_id, time_zone, _, _, skills, location_types, registered, background_checked = row
    return TechnicianState(
        technician_id,
        _texts(skills),
        _texts(location_types),
        bool(registered and background_checked),
        records,
        reserved,
        visits,
        ZoneInfo(time_zone),
    )


@lru_cache(maxsize=4096)
def _texts(json: str) -> frozenset[str]:
    return frozenset(msgspec.json.decode(json, type=list[str]))
