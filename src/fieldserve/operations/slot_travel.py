"""Slots that can be driven to, within a transaction: what reading slots and booking both look at a store through.

No service is asked while a customer waits or a row is locked: the times are those of the great circle, with the road
factor and the speeds of the settings. The same visits, settings and place always give the same slots.
"""

from zoneinfo import ZoneInfo

from fieldserve.config import Settings
from fieldserve.domain.intervals import DAY, HOUR, Interval
from fieldserve.domain.schedules import local
from fieldserve.domain.services import Service
from fieldserve.domain.slot_travel import Travel, Whose, leaving_time
from fieldserve.domain.slots import SchedulingType, StoreState
from fieldserve.operations.travel import great_circle
from fieldserve.store import slot_travel
from fieldserve.store.engine import Connection
from fieldserve.store.slot_travel import PlacedVisit, SlotTravel
from fieldserve.travel.great_circle import GreatCircle
from fieldserve.travel.places import Place
from fieldserve.wire.times import SECOND, Instant

REACH = DAY
"""How far around a slot visits are looked at: nobody drives longer than that between two."""


def place_of(service: Service, rule: SlotTravel, latitude: float | None, longitude: float | None) -> Place | None:
    """Where a job is done: at its own place, or in the store; None where that is unknown, or nobody goes anywhere."""
    if service.service_location_type == "IN_STORE":
        latitude, longitude = rule.latitude, rule.longitude
    if service.service_location_type == "ONLINE" or latitude is None or longitude is None:
        return None
    return Place(latitude, longitude)


async def seen_from(
    c: Connection,
    settings: Settings,
    seller_id: str,
    store_id: str,
    state: StoreState,
    place: Place,
    window: Interval,
) -> StoreState:
    """The store as a job at that place sees it. A NON_REAL_TIME store keeps no inventory here, and stays as it is."""
    if state.scheduling_type != SchedulingType.REAL_TIME_SCHEDULING:
        return state
    visits = await slot_travel.placed_visits(c, seller_id, store_id, window)
    source = great_circle(settings)
    travel: dict[Whose, Travel] = {}
    for visit in visits:
        whose = (visit.technician_id, visit.start, visit.end)
        known, here = travel.get(whose, Travel(0, 0)), _travel(source, state.zone, visit, place)
        travel[whose] = Travel(max(known.there, here.there), max(known.back, here.back))
    return leaving_time(state, travel)


def _travel(source: GreatCircle, zone: ZoneInfo, visit: PlacedVisit, place: Place) -> Travel:
    """At the speed of the hour, by the store's clock, in which the visit begins, and of the one in which it ends."""
    there = Place(visit.latitude, visit.longitude)
    return Travel(
        source.trip(place, there, hour_of(zone, visit.start))[0] * SECOND,
        source.trip(there, place, hour_of(zone, visit.end))[0] * SECOND,
    )


def hour_of(zone: ZoneInfo, instant: Instant) -> int:
    """The hour of the local day, 0 to 23."""
    return local(zone, instant)[1] // HOUR
