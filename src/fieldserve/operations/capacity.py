"""Read what a resource can do: as runs of equal capacity, or slot by slot."""

from collections.abc import Sequence

from fieldserve.domain import capacity as domain
from fieldserve.domain.capacity import Capacities, CapacityType, FixedSlot
from fieldserve.domain.intervals import MINUTE, Instant, Interval
from fieldserve.domain.schedules import Availability, occurrences
from fieldserve.operations.resources import visible_resource
from fieldserve.operations.run import Caller, Context, read
from fieldserve.store import reservations, slots
from fieldserve.store.engine import Connection
from fieldserve.store.reservations import StoredReservation
from fieldserve.store.slots import ResourceState
from fieldserve.wire import capacity as wire
from fieldserve.wire.capacity import CapacityQuery, FixedSlotCapacity, RangeSlotCapacity
from fieldserve.wire.times import render


async def get_range_slot_capacity(
    context: Context, caller: Caller, resource_id: str, marketplace_id: str, query: CapacityQuery
) -> RangeSlotCapacity:
    """The runs of each type asked for, a page of them.

    Raises ApiError: RESOURCE_NOT_FOUND, UNAUTHORIZED_ACTION, and INVALID for a page token of another query."""
    window, following = _page(query, 1)
    capacities = await _capacities(context, caller, resource_id, marketplace_id, window)
    runs = domain.range_capacity(capacities, _types(query), window)
    return RangeSlotCapacity(
        resource_id,
        [
            wire.RangeCapacity(
                type.value, [wire.RangeSlot(render(start), render(end), value) for start, end, value in found]
            )
            for type, found in runs
        ],
        None if following is None else wire.page_token(following),
    )


async def get_fixed_slot_capacity(
    context: Context, caller: Caller, resource_id: str, marketplace_id: str, query: CapacityQuery
) -> FixedSlotCapacity:
    """The capacity of each type asked for slot by slot, a page of them; raises as get_range_slot_capacity."""
    minutes = query.slot_minutes or wire.SLOT_MINUTES_DEFAULT
    duration = minutes * MINUTE
    window, following = _page(query, duration)
    capacities = await _capacities(context, caller, resource_id, marketplace_id, window)
    found = domain.fixed_capacity(capacities, _types(query), window, duration)
    return FixedSlotCapacity(
        resource_id,
        minutes,
        [_fixed_slot(one) for one in found],
        None if following is None else wire.page_token(following),
    )


async def capacities_of(
    context: Context,
    caller: Caller,
    resource_id: str,
    marketplace_id: str,
    window: Interval,
    records: Sequence[Availability] = (),
) -> Capacities:
    """The four capacities of a resource in a window, as they would be with these records above its schedule.

    Raises ApiError: RESOURCE_NOT_FOUND, UNAUTHORIZED_ACTION."""
    return await _capacities(context, caller, resource_id, marketplace_id, window, records)


async def reservations_of(
    context: Context, caller: Caller, resource_id: str, marketplace_id: str, window: Interval
) -> list[StoredReservation]:
    """The reservations that touch the window, by start. Raises ApiError: RESOURCE_NOT_FOUND, UNAUTHORIZED_ACTION."""

    async def use(c: Connection) -> list[StoredReservation]:
        resource = await visible_resource(c, caller, resource_id, marketplace_id)
        if resource is None:
            raise wire.RESOURCE_NOT_FOUND.error(resource_id=resource_id)
        found = await reservations.of_resource(c, caller.seller_id, resource_id, window)
        return [one for one in found if occurrences(one.reservation.availability, resource.zone, window)]

    return await read(context, use, snapshot=False)


async def overbooked_by(
    context: Context,
    caller: Caller,
    resource_id: str,
    marketplace_id: str,
    records: Sequence[Availability],
    window: Interval,
) -> list[Interval]:
    """The visits in the window for which there would be no capacity, were these records put above the schedule.

    Nothing is changed. Raises ApiError: RESOURCE_NOT_FOUND, UNAUTHORIZED_ACTION."""

    async def use(c: Connection) -> ResourceState:
        resource = await visible_resource(c, caller, resource_id, marketplace_id)
        if resource is None:
            raise wire.RESOURCE_NOT_FOUND.error(resource_id=resource_id)
        return await slots.load_resource(c, resource, window)

    state = await read(context, use, snapshot=False)
    there = domain.capacities([*state.records, *records], state.reservations, state.visits, state.zone, window)
    short = there.scheduled - there.reserved - there.encumbered
    inside = (visit for visit in state.visits if visit.start < window[1] and visit.end > window[0])
    return sorted((one.start, one.end) for one in inside if short.minimum(one.start, one.end) < 0)


def _fixed_slot(slot: FixedSlot) -> wire.FixedSlot:
    start, values = slot
    return wire.FixedSlot(
        render(start),
        values.get(CapacityType.SCHEDULED_CAPACITY),
        values.get(CapacityType.AVAILABLE_CAPACITY),
        values.get(CapacityType.ENCUMBERED_CAPACITY),
        values.get(CapacityType.RESERVED_CAPACITY),
    )


def _types(query: CapacityQuery) -> list[CapacityType]:
    return [CapacityType(type) for type in query.types]


def _page(query: CapacityQuery, slot_duration: int) -> tuple[Interval, Instant | None]:
    token = None if query.page_start == query.start else query.page_start
    try:
        return domain.page((query.start, query.end), token, slot_duration)
    except ValueError:
        raise wire.INVALID.error(wire.received("nextPageToken does not belong to this query")) from None


async def _capacities(
    context: Context,
    caller: Caller,
    resource_id: str,
    marketplace_id: str,
    window: Interval,
    records: Sequence[Availability] = (),
) -> Capacities:
    async def use(c: Connection) -> ResourceState:
        resource = await visible_resource(c, caller, resource_id, marketplace_id)
        if resource is None:
            raise wire.RESOURCE_NOT_FOUND.error(resource_id=resource_id)
        return await slots.load_resource(c, resource, window)

    state = await read(context, use, snapshot=False)
    return domain.capacities([*state.records, *records], state.reservations, state.visits, state.zone, window)
