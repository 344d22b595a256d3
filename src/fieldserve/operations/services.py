"""The services that a seller offers, as operators set them up."""

from typing import cast

import msgspec

from fieldserve.domain.intervals import MINUTE
from fieldserve.domain.services import Service
from fieldserve.domain.slots import ServiceRules
from fieldserve.operations.run import Caller, Context, read, transact
from fieldserve.operations.sellers import find_seller, log, refuse
from fieldserve.operations.stores import given
from fieldserve.store import services
from fieldserve.store.engine import AlreadyExists, Connection
from fieldserve.wire.jobs import ServiceLocationType
from fieldserve.wire.services import (
    NO_SERVICE,
    SERVICE_EXISTS,
    CreateService,
    ServiceListing,
    ServiceRecord,
    UpdateService,
    service_faults,
)


async def create_service(context: Context, caller: Caller, ask: CreateService) -> ServiceRecord:
    """Offer a service. Raises ApiError: 400, NO_SELLER, SERVICE_EXISTS."""
    refuse(service_faults(ask))
    record = msgspec.convert(ask, ServiceRecord, from_attributes=True)

    async def create(c: Connection) -> None:
        await find_seller(c, caller)
        await services.add(c, caller.seller_id, _service(record), context.clock.now())
        await log(context, c, caller, "service.created", ask.asin, None, record)

    try:
        await transact(context, create)
    except AlreadyExists:
        raise SERVICE_EXISTS.error(asin=ask.asin) from None
    return record


async def list_services(context: Context, caller: Caller, after: str, limit: int) -> ServiceListing:
    """A page of the seller's services by ASIN, those behind `after`. Raises ApiError: NO_SELLER."""

    async def load(c: Connection) -> ServiceListing:
        await find_seller(c, caller)
        found = await services.page(c, caller.seller_id, after, limit + 1)
        return ServiceListing(
            [_record(one) for one in found[:limit]], found[limit - 1].asin if len(found) > limit else None
        )

    return await read(context, load)


async def get_service(context: Context, caller: Caller, asin: str) -> ServiceRecord:
    """One service. Raises ApiError: NO_SELLER, NO_SERVICE."""
    return _record(await read(context, lambda c: _find(c, caller, asin)))


async def update_service(context: Context, caller: Caller, asin: str, ask: UpdateService) -> ServiceRecord:
    """Change what is given; what is booked stays as it is. Raises ApiError: 400, NO_SELLER, NO_SERVICE."""
    refuse(service_faults(ask))

    async def update(c: Connection) -> ServiceRecord:
        before = _record(await _find(c, caller, asin, lock=True))
        after = msgspec.structs.replace(before, **given(ask), mirrored_from=None)
        await services.update(c, caller.seller_id, _service(after))
        await log(context, c, caller, "service.updated", asin, before, after)
        return after

    return await transact(context, update)


async def _find(c: Connection, caller: Caller, asin: str, lock: bool = False) -> Service:
    service = await services.find(c, caller.seller_id, asin, lock)
    if service is None:
        await find_seller(c, caller)
        raise NO_SERVICE.error(asin=asin)
    return service


def _service(record: ServiceRecord) -> Service:
    rules = ServiceRules(
        record.duration_minutes * MINUTE,
        record.slot_interval_minutes * MINUTE,
        record.notice_minutes * MINUTE,
        record.buffer_before_minutes * MINUTE,
        record.buffer_after_minutes * MINUTE,
        frozenset(record.skills),
        record.service_location_type,
    )
    return Service(record.asin, record.title, rules, tuple(record.skills))


def _record(service: Service) -> ServiceRecord:
    rules = service.rules
    return ServiceRecord(
        service.asin,
        service.title,
        rules.duration // MINUTE,
        rules.slot_interval // MINUTE,
        rules.notice // MINUTE,
        rules.buffer_before // MINUTE,
        rules.buffer_after // MINUTE,
        cast(ServiceLocationType, service.service_location_type),
        list(service.skills),
        service.mirrored_from,
    )
