"""Slots by the travel that they add, for operators; what smart slots are listed by, too."""

from dataclasses import dataclass
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from fieldserve.config import Settings
from fieldserve.domain.intervals import DAY, Instant, Interval
from fieldserve.domain.schedules import instant_of, local
from fieldserve.domain.services import Service
from fieldserve.domain.slot_travel import Added, Stop, added_travel
from fieldserve.domain.slots import SchedulingType, Slot, StoreState
from fieldserve.domain.slots import slots as free_slots
from fieldserve.operations.run import Caller, Context, read
from fieldserve.operations.sellers import find_seller
from fieldserve.operations.slot_travel import REACH, hour_of, place_of, seen_from
from fieldserve.operations.travel import great_circle
from fieldserve.store import services, slot_travel, slots
from fieldserve.store.engine import Connection
from fieldserve.travel.places import Place
from fieldserve.wire.jobs import JOB_NOT_FOUND
from fieldserve.wire.plans import RankedSlot, RankedSlots
from fieldserve.wire.slots import Window
from fieldserve.wire.times import render

_AHEAD = 14 * DAY


@dataclass(frozen=True, slots=True)
class Near:
    """What lies around a place: where a store's technicians are when, and where they live."""

    place: Place
    stops: dict[str, list[Stop[Place]]]
    homes: dict[str, Place]


async def near_to(c: Connection, seller_id: str, store_id: str, window: Interval, place: Place) -> Near:
    """What ranking a job at the place looks at, in the window."""
    stops: dict[str, list[Stop[Place]]] = {}
    for one in await slot_travel.placed_visits(c, seller_id, store_id, window):
        stop = Stop(one.start, one.end, Place(one.latitude, one.longitude))
        stops.setdefault(one.technician_id, []).append(stop)
    homes = {
        one.technician_id: Place(one.latitude, one.longitude) for one in await slot_travel.homes(c, seller_id, store_id)
    }
    return Near(place, stops, homes)


def ranked(
    settings: Settings,
    service: Service,
    state: StoreState,
    found: list[Slot],
    near: Near,
) -> list[tuple[Slot, Added | None]]:
    """The slots with what each adds: those with room by the least, then by time; then those of which nothing is known,
    and the full ones."""
    if state.scheduling_type != SchedulingType.REAL_TIME_SCHEDULING:
        return [(slot, None) for slot in found]  # hours, not visits: who comes is the seller's own affair
    source, zone = great_circle(settings), state.zone

    @cache
    def seconds(one: Place, other: Place, hour: int) -> int:
        return source.trip(one, other, hour)[0]

    def way(one: Place, other: Place, leaving: Instant) -> int:
        return seconds(one, other, hour_of(zone, leaving))

    open_slots = [slot for slot in found if slot.capacity > 0]
    starts = [slot.start for slot in open_slots]
    added = added_travel(
        service.rules, state, starts, near.stops, near.homes, near.place, way, lambda start: _day_of(zone, start)
    )
    rows = list(zip(open_slots, added, strict=True))
    rows.sort(key=lambda row: (row[1] is None, row[1].seconds if row[1] else 0, row[0].start))
    return [*rows, *((slot, None) for slot in found if slot.capacity <= 0)]


@lru_cache(maxsize=4096)
def _bounds(zone: ZoneInfo, ordinal: int) -> Interval:
    return instant_of(zone, ordinal, 0), instant_of(zone, ordinal + 1, 0)


def _day_of(zone: ZoneInfo, start: Instant) -> Interval:
    return _bounds(zone, local(zone, start)[0])


async def rank_job_slots(context: Context, caller: Caller, service_job_id: str, window: Window | None) -> RankedSlots:
    """The job's slots with room, those first that add the least travel. Raises ApiError: NO_SELLER, JOB_NOT_FOUND."""
    now = context.clock.now()

    async def use(c: Connection) -> list[tuple[Slot, Added | None]]:
        job = await slots.job_place(c, caller.seller_id, service_job_id)
        if job is None:
            await find_seller(c, caller)
            raise JOB_NOT_FOUND.error(job_id=service_job_id)
        service = await services.find(c, caller.seller_id, job.asin)
        assert service is not None, "a job's service stays as long as the job"
        rule = await slot_travel.rule(c, caller.seller_id, job.store_id)
        first = now + service.rules.notice
        asked = (first, max(first, now + _AHEAD)) if window is None else (window.start, window.end)
        loaded = await slots.load(c, caller.seller_id, job.store_id, asked, buffer=REACH)
        assert loaded is not None, "a job's store stays as long as the job"
        state = loaded.state
        place = place_of(service, rule, job.latitude, job.longitude)
        if place is None:
            return [(slot, None) for slot in free_slots(service.rules, state, asked, now)]
        if rule.aware:
            state = await seen_from(c, context.settings, caller.seller_id, job.store_id, state, place, asked)
        near = await near_to(c, caller.seller_id, job.store_id, asked, place)
        return ranked(context.settings, service, state, free_slots(service.rules, state, asked, now), near)

    rows = await read(context, use, snapshot=False)
    return RankedSlots(service_job_id, [_told(*row) for row in rows if row[0].capacity > 0])


def _told(slot: Slot, added: Added | None) -> RankedSlot:
    return RankedSlot(
        render(slot.start),
        render(slot.end),
        slot.capacity,
        None if added is None else added.seconds,
        None if added is None else added.technician_id,
    )
