"""Stores, as operators set them up."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

from msgspec import UNSET

from fieldserve.domain.schedules import Availability, Recurrence
from fieldserve.operations.run import Caller, Context, read, transact
from fieldserve.operations.sellers import find_seller, log, not_of_seller, refuse
from fieldserve.store import resources, schedules, stores
from fieldserve.store.engine import AlreadyExists, Connection
from fieldserve.store.resources import Resource
from fieldserve.store.stores import Store
from fieldserve.wire.parameters import ParameterFault
from fieldserve.wire.schedules import AvailabilityValue, write_record
from fieldserve.wire.stores import (
    NO_STORE,
    STORE_EXISTS,
    CreateStore,
    StoreListing,
    StoreRecord,
    UpdateStore,
    WeeklyHours,
    store_faults,
    weekly_records,
)
from fieldserve.wire.times import render


async def create_store(context: Context, caller: Caller, ask: CreateStore) -> StoreRecord:
    """Add a store; its id is made up where none is given. Raises ApiError: 400, NO_SELLER, STORE_EXISTS."""
    refuse([*time_zone_faults(ask.time_zone), *store_faults(ask)])
    store = Store(
        caller.seller_id,
        ask.store_id or context.ids.uuid(),
        ask.name,
        ask.time_zone,
        ask.marketplace_id,
        ask.scheduling_type,
        context.clock.now(),
        ask.latitude,
        ask.longitude,
        ask.travel_aware_slots,
        ask.smart_slots,
    )

    async def create(c: Connection) -> None:
        refuse(not_of_seller(await find_seller(c, caller, lock=True), ask.marketplace_id))
        await stores.add(c, store)
        await log(context, c, caller, "store.created", store.store_id, None, _logged(store))
        await add_weekly_hours(context, c, caller, store.resource, ask.opening_hours)

    try:
        await transact(context, create)
    except AlreadyExists:
        raise STORE_EXISTS.error(store_id=store.store_id) from None
    return _record(store)


async def list_stores(context: Context, caller: Caller, after: str, limit: int) -> StoreListing:
    """A page of the seller's stores by id, those behind `after`. Raises ApiError: NO_SELLER."""

    async def load(c: Connection) -> StoreListing:
        await find_seller(c, caller)
        found = await stores.page(c, caller.seller_id, after, limit + 1)
        return StoreListing(
            [_record(one) for one in found[:limit]], found[limit - 1].store_id if len(found) > limit else None
        )

    return await read(context, load)


async def get_store(context: Context, caller: Caller, store_id: str) -> StoreRecord:
    """One store. Raises ApiError: NO_SELLER, NO_STORE."""
    return _record(await read(context, lambda c: _find(c, caller, store_id)))


async def update_store(context: Context, caller: Caller, store_id: str, ask: UpdateStore) -> StoreRecord:
    """Change what is given. Raises ApiError: 400, NO_SELLER, NO_STORE.

    Another time zone moves the schedule along: it repeats at the same times of the store's clock."""
    refuse([*time_zone_faults(ask.time_zone), *store_faults(ask)])

    async def update(c: Connection) -> Store:
        await resources.find(c, caller.seller_id, store_id, lock=True)
        before = await _find(c, caller, store_id)
        after = replace(before, **given(ask), mirrored_from=None)
        await stores.update(c, after)
        await log(context, c, caller, "store.updated", store_id, _logged(before), _logged(after))
        return after

    return _record(await transact(context, update))


async def add_weekly_hours(
    context: Context, c: Connection, caller: Caller, resource: Resource, hours: Sequence[WeeklyHours]
) -> None:
    """Give a resource that is new in this transaction its working hours, as an ordinary schedule."""
    if not hours:
        return
    records = weekly_records(hours, resource.zone, context.clock.now())
    await schedules.append(c, caller.seller_id, resource.resource_id, [_availability(one) for one in records])
    after = [write_record(one) for one in records]
    await log(context, c, caller, "schedule.updated", resource.resource_id, None, {"records": after})


def _availability(value: AvailabilityValue) -> Availability:
    recurrence = value.recurrence
    return Availability(
        value.start,
        value.end,
        None if recurrence is None else Recurrence(recurrence.end, recurrence.days_of_week, recurrence.days_of_month),
        value.capacity,
    )


def given(ask: Any) -> dict[str, Any]:
    """The members of an update that were given, by field."""
    return {name: value for name in ask.__struct_fields__ if (value := getattr(ask, name)) is not UNSET}


def time_zone_faults(time_zone: Any) -> list[ParameterFault]:
    """The fault of a time zone that is none of the IANA database's; none where it is UNSET."""
    if time_zone is UNSET or time_zone in _time_zones():
        return []
    return [ParameterFault("timeZone", f"{time_zone} is no IANA time zone")]


@lru_cache(maxsize=1)
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


async def _find(c: Connection, caller: Caller, store_id: str) -> Store:
    store = await stores.find(c, caller.seller_id, store_id)
    if store is None:
        await find_seller(c, caller)
        raise NO_STORE.error(store_id=store_id)
    return store


def _record(store: Store) -> StoreRecord:
    return StoreRecord(
        store.store_id,
        store.name,
        store.time_zone,
        store.marketplace_id,
        store.scheduling_type,
        render(store.created_at),
        store.latitude,
        store.longitude,
        store.travel_aware_slots,
        store.smart_slots,
        store.mirrored_from,
    )


def _logged(store: Store) -> dict[str, Any]:
    return {
        "name": store.name,
        "timeZone": store.time_zone,
        "marketplaceId": store.marketplace_id,
        "schedulingType": store.scheduling_type,
        "latitude": store.latitude,
        "longitude": store.longitude,
        "travelAwareSlots": store.travel_aware_slots,
        "smartSlots": store.smart_slots,
    }
