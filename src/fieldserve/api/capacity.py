"""Endpoints of capacity queries."""

from fieldserve.api.edge import Call, Endpoint
from fieldserve.operations import capacity
from fieldserve.wire.capacity import FixedSlotCapacity, RangeSlotCapacity, read_query


async def get_range_slot_capacity(call: Call) -> RangeSlotCapacity:
    """getRangeSlotCapacity"""
    call.refuse()
    query = read_query(call.body, call.values.get("nextPageToken"))
    return await capacity.get_range_slot_capacity(
        call.context, call.caller, call.values["resourceId"], call.marketplace(), query
    )


async def get_fixed_slot_capacity(call: Call) -> FixedSlotCapacity:
    """getFixedSlotCapacity"""
    call.refuse()
    query = read_query(call.body, call.values.get("nextPageToken"))
    return await capacity.get_fixed_slot_capacity(
        call.context, call.caller, call.values["resourceId"], call.marketplace(), query
    )


ENDPOINTS: dict[str, Endpoint] = {
    "getRangeSlotCapacity": get_range_slot_capacity,
    "getFixedSlotCapacity": get_fixed_slot_capacity,
}
