"""Technicians, as operators set them up."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from msgspec import UNSET

from fieldserve.operations.run import Caller, Context, read, transact
from fieldserve.operations.sellers import find_seller, log, not_of_seller, refuse
from fieldserve.operations.stores import add_weekly_hours, given, time_zone_faults
from fieldserve.store import resources, technicians
from fieldserve.store.engine import AlreadyExists, Connection
from fieldserve.store.technicians import Technician
from fieldserve.wire.parameters import ParameterFault
from fieldserve.wire.technicians import (
    NO_TECHNICIAN,
    TECHNICIAN_EXISTS,
    CreateTechnician,
    TechnicianListing,
    TechnicianRecord,
    UpdateTechnician,
    technician_faults,
)
from fieldserve.wire.times import render


async def create_technician(context: Context, caller: Caller, ask: CreateTechnician) -> TechnicianRecord:
    """Add a technician; the id is made up where none is given. Raises ApiError: 400, NO_SELLER, TECHNICIAN_EXISTS."""
    refuse([*time_zone_faults(ask.time_zone), *technician_faults(ask)])
    technician = Technician(
        caller.seller_id,
        ask.technician_id or "A" + context.ids.letters(13),
        ask.name,
        ask.time_zone,
        ask.marketplace_id,
        context.clock.now(),
        tuple(sorted(ask.store_ids)),
        ask.skills,
        ask.service_location_types,
        ask.registered,
        ask.background_checked,
        ask.home_latitude,
        ask.home_longitude,
    )

    async def create(c: Connection) -> None:
        refuse(not_of_seller(await find_seller(c, caller, lock=True), ask.marketplace_id))
        refuse(await _unknown_stores(c, technician, ask.store_ids))
        await technicians.add(c, technician)
        await log(context, c, caller, "technician.created", technician.technician_id, None, _logged(technician))
        await add_weekly_hours(context, c, caller, technician.resource, ask.working_hours)

    try:
        await transact(context, create)
    except AlreadyExists:
        raise TECHNICIAN_EXISTS.error(technician_id=technician.technician_id) from None
    return _record(technician)


async def list_technicians(context: Context, caller: Caller, after: str, limit: int) -> TechnicianListing:
    """A page of the seller's technicians by id, those behind `after`. Raises ApiError: NO_SELLER."""

    async def load(c: Connection) -> TechnicianListing:
        await find_seller(c, caller)
        found = await technicians.page(c, caller.seller_id, after, limit + 1)
        return TechnicianListing(
            [_record(one) for one in found[:limit]],
            found[limit - 1].technician_id if len(found) > limit else None,
        )

    return await read(context, load)


async def get_technician(context: Context, caller: Caller, technician_id: str) -> TechnicianRecord:
    """One technician. Raises ApiError: NO_SELLER, NO_TECHNICIAN."""
    return _record(await read(context, lambda c: _find(c, caller, technician_id)))


async def update_technician(
    context: Context, caller: Caller, technician_id: str, ask: UpdateTechnician
) -> TechnicianRecord:
    """Change what is given; appointments that are assigned stay so. Raises ApiError: 400, NO_SELLER, NO_TECHNICIAN."""
    refuse([*time_zone_faults(ask.time_zone), *technician_faults(ask)])

    async def update(c: Connection) -> Technician:
        await resources.find(c, caller.seller_id, technician_id, lock=True)
        before = await _find(c, caller, technician_id)
        after = replace(before, **given(ask), mirrored_from=None)
        if ask.store_ids is not UNSET:
            refuse(await _unknown_stores(c, before, ask.store_ids))
            after = replace(after, store_ids=tuple(sorted(ask.store_ids)))
        await technicians.update(c, after)
        await log(context, c, caller, "technician.updated", technician_id, _logged(before), _logged(after))
        return after

    return _record(await transact(context, update))


async def _unknown_stores(c: Connection, technician: Technician, store_ids: Sequence[str]) -> list[ParameterFault]:
    found = {one.resource_id: one for one in await resources.find_all(c, technician.seller_id, store_ids)}
    faults = []
    for rank, store_id in enumerate(store_ids):
        store = found.get(store_id)
        if store is None or store.kind != "STORE":
            faults.append(ParameterFault(f"storeIds[{rank}]", f"the seller has no store {store_id}"))
        elif store.marketplace_id != technician.marketplace_id:
            faults.append(
                ParameterFault(
                    f"storeIds[{rank}]", f"the store {store_id} is in another marketplace than the technician"
                )
            )
    return faults


async def _find(c: Connection, caller: Caller, technician_id: str) -> Technician:
    technician = await technicians.find(c, caller.seller_id, technician_id)
    if technician is None:
        await find_seller(c, caller)
        raise NO_TECHNICIAN.error(technician_id=technician_id)
    return technician


def _record(technician: Technician) -> TechnicianRecord:
    return TechnicianRecord(
        technician.technician_id,
        technician.name,
        technician.time_zone,
        technician.marketplace_id,
        list(technician.store_ids),
        list(technician.skills),
        list(technician.service_location_types),
        technician.registered,
        technician.background_checked,
        render(technician.created_at),
        technician.home_latitude,
        technician.home_longitude,
        technician.mirrored_from,
    )


def _logged(technician: Technician) -> dict[str, Any]:
    # Neither the name nor where the technician lives: the log is kept for good.
    return {
        "timeZone": technician.time_zone,
        "marketplaceId": technician.marketplace_id,
        "storeIds": list(technician.store_ids),
        "skills": list(technician.skills),
        "serviceLocationTypes": list(technician.service_location_types),
        "registered": technician.registered,
        "backgroundChecked": technician.background_checked,
    }
