"""Read what a resource can do: as runs of equal capacity, or slot by slot."""

from fieldserve.domain import capacity as domain
from fieldserve.domain.capacity import Capacities, CapacityType, FixedSlot
from fieldserve.domain.intervals import MINUTE, Instant, Interval
from fieldserve.operations.resources import visible_resource
from fieldserve.operations.run import Caller, Context, read
from fieldserve.store import slots
from fieldserve.store.engine import Connection
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
    context: Context, caller: Caller, resource_id: str, marketplace_id: str, window: Interval
) -> Capacities:
    async def use(c: Connection) -> ResourceState:
        resource = await visible_resource(c, caller, resource_id, marketplace_id)
        if resource is None:
            raise wire.RESOURCE_NOT_FOUND.error(resource_id=resource_id)
        return await slots.load_resource(c, resource, window)

    state = await read(context, use, snapshot=False)
    return domain.capacities(state.records, state.reservations, state.visits, state.zone, window)
