"""Orders for service jobs, and jobs as operators look at them."""

from typing import Any, cast

import msgspec

from fieldserve.domain.jobs import Job
from fieldserve.operations.run import Caller, Context, read, transact
from fieldserve.operations.sellers import find_seller, log, refuse
from fieldserve.store import jobs, orders, services, stores
from fieldserve.store.engine import AlreadyExists, Connection
from fieldserve.wire.encoding import encode
from fieldserve.wire.jobs import JOB_NOT_FOUND, ServiceJob, ServiceLocationType
from fieldserve.wire.operations import missing_or_invalid
from fieldserve.wire.orders import JOB_EXISTS, PlacedOrder, PlaceOrder, job_details, order_faults
from fieldserve.wire.parameters import ParameterFault


async def place_order(context: Context, caller: Caller, order: PlaceOrder) -> PlacedOrder:
    """Make a job, PENDING_SCHEDULE, of an order; ids are made up where none are given.

    Raises ApiError: 400 (also for a store or service that the seller does not have), NO_SELLER, JOB_EXISTS."""
    refuse(order_faults(order))
    job_id = order.service_job_id or context.ids.uuid()
    order_id = order.service_order_id or context.ids.order_id()
    buyer_id = order.buyer.buyer_id or context.ids.letters(14)

    async def place(c: Connection) -> None:
        await find_seller(c, caller)
        store = await stores.find(c, caller.seller_id, order.store_id)
        service = await services.find(c, caller.seller_id, order.asin)
        if store is None:
            raise missing_or_invalid([ParameterFault("storeId", f"the seller has no store {order.store_id}")])
        if service is None:
            raise missing_or_invalid([ParameterFault("asin", f"the seller offers no service {order.asin}")])
        now = context.clock.now()
        details = job_details(
            order,
            seller_id=caller.seller_id,
            title=service.title,
            skills=list(service.skills),
            location_type=cast(ServiceLocationType, service.service_location_type),
            buyer_id=buyer_id,
        )
        location = order.service_location
        job = Job(
            caller.seller_id,
            job_id,
            marketplace_id=store.marketplace_id,
            store_id=store.store_id,
            asin=service.asin,
            status="PENDING_SCHEDULE",
            service_order_id=order_id,
            created_at=now,
            updated_at=now,
            details=encode(details),
            latitude=location.latitude if location else None,
            longitude=location.longitude if location else None,
        )
        await jobs.add(c, job)
        await log(context, c, caller, "job.ordered", job_id, None, _logged(job, details))

    try:
        await transact(context, place)
    except AlreadyExists:
        raise JOB_EXISTS.error(job_id=job_id) from None
    return PlacedOrder(job_id, order_id, "PENDING_SCHEDULE")


async def get_ordered_job(context: Context, caller: Caller, service_job_id: str) -> bytes:
    """The document of one of the seller's jobs. Raises ApiError: NO_SELLER, JOB_NOT_FOUND."""

    async def load(c: Connection) -> bytes:
        stored = await jobs.document_of(c, caller.seller_id, service_job_id)
        if stored is None:
            await find_seller(c, caller)
            raise JOB_NOT_FOUND.error(job_id=service_job_id)
        return stored.document

    return await read(context, load)


async def list_ordered_jobs(
    context: Context,
    caller: Caller,
    *,
    statuses: tuple[str, ...] = (),
    store_id: str | None = None,
    after: str | None = None,
    limit: int = 100,
) -> bytes:
    """A page of the seller's jobs in the order in which they came in. Raises ApiError: NO_SELLER."""

    async def load(c: Connection) -> bytes:
        await find_seller(c, caller)
        found = await orders.page(
            c, caller.seller_id, statuses=statuses, store_id=store_id, after=after, limit=limit + 1
        )
        listing: dict[str, Any] = {"jobs": [msgspec.Raw(document) for _, document in found[:limit]]}
        if len(found) > limit:
            listing["next"] = found[limit - 1][0]
        return encode(listing)

    return await read(context, load)


def _logged(job: Job, details: ServiceJob) -> dict[str, Any]:
    """What demand and revenue are worked out from. The log is kept for good, so of the buyer it has the id alone, and
    of the place a point within a kilometre or so: enough for demand and distances, not for a door."""
    scope, location, buyer = details.scope_of_work, details.service_location, details.buyer
    return {
        "status": job.status,
        "marketplaceId": job.marketplace_id,
        "storeId": job.store_id,
        "asin": job.asin,
        "serviceOrderId": job.service_order_id,
        "quantity": scope.quantity if scope else None,
        "serviceLocationType": location.service_location_type if location else None,
        "latitude": _nearby(job.latitude),
        "longitude": _nearby(job.longitude),
        "preferredAppointmentTimes": details.preferred_appointment_times or [],
        "payments": details.payments or [],
        "buyerId": buyer.buyer_id if buyer else None,
    }


def _nearby(degrees: float | None) -> float | None:
    return None if degrees is None else round(degrees, 2)
