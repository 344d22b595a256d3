"""Where an appointment can be booked."""

from collections.abc import Sequence

from fieldserve.domain.intervals import DAY, Instant, Interval
from fieldserve.domain.schedules import Availability
from fieldserve.domain.services import Service
from fieldserve.domain.slots import Slot
from fieldserve.domain.slots import slots as free_slots
from fieldserve.operations.resources import visible_resource
from fieldserve.operations.run import Caller, Context, read
from fieldserve.operations.slot_ranking import Near, near_to, ranked
from fieldserve.operations.slot_travel import REACH, place_of, seen_from
from fieldserve.store import services, slot_travel, slots
from fieldserve.store.engine import Connection
from fieldserve.store.events import Event
from fieldserve.store.slots import LoadedStore
from fieldserve.wire import errors
from fieldserve.wire import slots as wire
from fieldserve.wire.jobs import JOB_NOT_FOUND
from fieldserve.wire.slots import Window

DEFAULT_WINDOW = 14 * DAY
"""How far ahead an answer looks when no times are asked for."""


async def get_appointment_slots(
    context: Context, caller: Caller, asin: str, store_id: str, marketplace_id: str, window: Window | None
) -> bytes:
    """The slots of a service in a store. Raises ApiError: STORE_NOT_FOUND, ASIN_NOT_FOUND, UNAUTHORIZED_ACTION."""
    now = context.clock.now()

    async def use(c: Connection) -> tuple[Service, Interval, LoadedStore]:
        store = await visible_resource(c, caller, store_id, marketplace_id)
        if store is None or store.kind != "STORE":
            raise wire.STORE_NOT_FOUND.error(store_id=store_id)
        service = await services.find(c, caller.seller_id, asin)
        if service is None:
            raise wire.ASIN_NOT_FOUND.error(asin=asin)
        return await _load(c, caller, service, store_id, window, now)

    # The statements may see states a moment apart: an answer is old when it arrives, and booking looks again.
    service, asked, loaded = await read(context, use, snapshot=False)
    found = free_slots(service.rules, loaded.state, asked, now)
    _observe(context, caller, now, store_id, {"asin": asin, "storeId": store_id}, asked, found)
    return wire.write_slots(loaded.state.scheduling_type, asked, found)


async def preview_slots(
    context: Context,
    caller: Caller,
    asin: str,
    store_id: str,
    marketplace_id: str,
    window: Interval,
    records: Sequence[Availability] = (),
) -> list[Slot]:
    """The slots that buyers would be shown, were these records put above the store's schedule. Nothing is changed, and
    it counts as nobody's search. Raises ApiError as get_appointment_slots does."""
    now = context.clock.now()

    async def use(c: Connection) -> tuple[Service, Interval, LoadedStore]:
        store = await visible_resource(c, caller, store_id, marketplace_id)
        service = await services.find(c, caller.seller_id, asin)
        if store is None or store.kind != "STORE":
            raise wire.STORE_NOT_FOUND.error(store_id=store_id)
        if service is None:
            raise wire.ASIN_NOT_FOUND.error(asin=asin)
        return await _load(c, caller, service, store_id, Window(*window), now)

    service, asked, loaded = await read(context, use, snapshot=False)
    state = loaded.state._replace(records=[*loaded.state.records, *records])
    return free_slots(service.rules, state, asked, now)


async def get_appointmment_slots_by_job_id(
    context: Context, caller: Caller, service_job_id: str, marketplace_id: str, window: Window | None
) -> bytes:
    """The slots of a job's service in the job's store. Raises ApiError: JOB_NOT_FOUND, UNAUTHORIZED_ACTION."""
    now = context.clock.now()

    async def use(c: Connection) -> tuple[str, Service, Interval, LoadedStore, Near | None]:
        job = await slots.job_place(c, caller.seller_id, service_job_id)
        if job is None or job.marketplace_id != marketplace_id:
            raise JOB_NOT_FOUND.error(job_id=service_job_id)
        if not caller.may_see(job.marketplace_id, job.store_id):
            raise errors.UNAUTHORIZED_ACTION.error()
        service = await services.find(c, caller.seller_id, job.asin)
        assert service is not None, "a job's service stays as long as the job"
        rule = await slot_travel.rule(c, caller.seller_id, job.store_id)
        place = place_of(service, rule, job.latitude, job.longitude) if rule.aware or rule.smart else None
        service, asked, loaded = await _load(c, caller, service, job.store_id, window, now, REACH if place else 0)
        if place is None:
            return job.store_id, service, asked, loaded, None
        if rule.aware:
            state = await seen_from(c, context.settings, caller.seller_id, job.store_id, loaded.state, place, asked)
            loaded = loaded._replace(state=state)
        near = await near_to(c, caller.seller_id, job.store_id, asked, place) if rule.smart else None
        return job.store_id, service, asked, loaded, near

    store_id, service, asked, loaded, near = await read(context, use, snapshot=False)
    found = free_slots(service.rules, loaded.state, asked, now)
    searched = {"asin": service.asin, "storeId": store_id, "serviceJobId": service_job_id}
    _observe(context, caller, now, service_job_id, searched, asked, found)
    if near is not None:
        found = [slot for slot, _ in ranked(context.settings, service, loaded.state, found, near)]
    return wire.write_slots(loaded.state.scheduling_type, asked, found)


async def _load(
    c: Connection, caller: Caller, service: Service, store_id: str, window: Window | None, now: Instant, reach: int = 0
) -> tuple[Service, Interval, LoadedStore]:
    rules = service.rules
    # A service that wants more notice than the default looks ahead has no slots there, rather than a window reversed.
    first = now + rules.notice
    asked = (first, max(first, now + DEFAULT_WINDOW)) if window is None else (window.start, window.end)
    buffer = max(rules.buffer_before, rules.buffer_after, reach)
    loaded = await slots.load(c, caller.seller_id, store_id, asked, buffer=buffer)
    assert loaded is not None, "the store was there within this read"
    return service, asked, loaded


def _observe(
    context: Context,
    caller: Caller,
    now: Instant,
    subject: str,
    searched: dict[str, str],
    window: Interval,
    found: Sequence[Slot],
) -> None:
    """Note the search: what buyers look for and do not find is demand."""
    free = sum(slot.capacity > 0 for slot in found)
    after = {**searched, "start": window[0], "end": window[1], "slots": len(found), "free": free}
    context.observations.add(
        Event(now, caller.seller_id, caller.actor, "slots.searched", subject, caller.request_id, None, after)
    )
