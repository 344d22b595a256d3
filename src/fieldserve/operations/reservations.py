"""Reserve time of a resource, once or repeatedly."""

from typing import Any

from fieldserve.domain.capacity import Reservation, ReservationType, capacities
from fieldserve.domain.reservations import fits, meets_appointments
from fieldserve.domain.schedules import occurrences
from fieldserve.operations.resources import only_visible, visible_resource
from fieldserve.operations.run import Caller, Context, transact
from fieldserve.operations.schedules import availability
from fieldserve.store import events, reservations, resources, schedules, slots
from fieldserve.store.engine import Connection
from fieldserve.store.events import Event
from fieldserve.store.reservations import StoredReservation
from fieldserve.store.resources import Resource
from fieldserve.wire import reservations as wire
from fieldserve.wire import schedules as wire_schedules
from fieldserve.wire.reservations import (
    CreateReservationResponse,
    ReservationRecord,
    ReservationValue,
    UpdateReservationResponse,
)
from fieldserve.wire.schedules import AvailabilityValue, RecurrenceValue


class _Refused(Exception):
    """The reservation does not fit. Leaves the transaction, so that nothing of it stays; the answer is a success."""

    def __init__(self, record: ReservationRecord):
        self.record = record


async def create_reservation(
    context: Context, caller: Caller, marketplace_id: str, value: ReservationValue
) -> CreateReservationResponse:
    """Reserve, under a new id. One of type APPOINTMENT that exceeds what is available is refused inside the answer.

    An unknown resource is told in a success, too. Raises ApiError: UNAUTHORIZED_ACTION."""
    reservation_id, now = context.ids.uuid(), context.clock.now()

    async def use(c: Connection) -> CreateReservationResponse:
        resource = await visible_resource(c, caller, value.resource_id, marketplace_id, lock=True)
        if resource is None:
            return CreateReservationResponse(errors=[wire_schedules.UNKNOWN_RESOURCE.fault()])
        record, stored = await _reserve(c, resource, value, reservation_id, now)
        await _log(c, caller, now, "reservation.created", reservation_id, None, stored)
        return CreateReservationResponse(payload=record)

    try:
        return await transact(context, use)
    except _Refused as refused:
        return CreateReservationResponse(payload=refused.record)


async def update_reservation(
    context: Context, caller: Caller, reservation_id: str, marketplace_id: str, value: ReservationValue
) -> UpdateReservationResponse:
    """Replace a reservation by another with a new id, perhaps on another resource; both or neither happen.

    Refused as in create_reservation, where the old one does not count; it stays if the new one is refused.
    Raises ApiError: RESERVATION_NOT_FOUND, UNAUTHORIZED_ACTION."""
    new_id, now = context.ids.uuid(), context.clock.now()
    not_found = wire.RESERVATION_NOT_FOUND.error(reservation_id=reservation_id)

    async def use(c: Connection) -> UpdateReservationResponse:
        old = await reservations.find(c, caller.seller_id, reservation_id)
        if old is None or old.marketplace_id != marketplace_id:
            raise not_found
        ids = sorted({old.resource_id, value.resource_id})
        found = await resources.find_all(c, caller.seller_id, ids, lock=True)
        await only_visible(c, caller, found, old.resource_id, marketplace_id)
        resource = await only_visible(c, caller, found, value.resource_id, marketplace_id)
        if resource is None:
            return UpdateReservationResponse(errors=[wire_schedules.UNKNOWN_RESOURCE.fault()])
        if not await reservations.delete(c, caller.seller_id, reservation_id):
            raise not_found  # replaced or cancelled by another while this one waited for the lock
        record, stored = await _reserve(c, resource, value, new_id, now)
        await _log(c, caller, now, "reservation.updated", new_id, old, stored)
        return UpdateReservationResponse(payload=record)

    try:
        return await transact(context, use)
    except _Refused as refused:
        return UpdateReservationResponse(payload=refused.record)


async def cancel_reservation(context: Context, caller: Caller, reservation_id: str, marketplace_id: str) -> None:
    """Give the reserved time back. Raises ApiError: CANCEL_NOT_FOUND, UNAUTHORIZED_ACTION."""
    now = context.clock.now()

    async def use(c: Connection) -> None:
        old = await reservations.find(c, caller.seller_id, reservation_id)
        if old is None or old.marketplace_id != marketplace_id:
            raise wire.CANCEL_NOT_FOUND.error()
        await visible_resource(c, caller, old.resource_id, marketplace_id, lock=True)
        if not await reservations.delete(c, caller.seller_id, reservation_id):
            raise wire.CANCEL_NOT_FOUND.error()
        await _log(c, caller, now, "reservation.cancelled", reservation_id, old, None)

    await transact(context, use)


async def _reserve(
    c: Connection, resource: Resource, value: ReservationValue, reservation_id: str, now: int
) -> tuple[ReservationRecord, StoredReservation]:
    """Store the reservation on the resource, which is locked. Raises _Refused."""
    reserved = availability(value.availability)
    window = reserved.start - schedules.SHIFT, schedules.last_at(reserved)
    state = await slots.load_resource(c, resource, window)
    there = capacities(state.records, state.reservations, state.visits, state.zone, window)
    times = occurrences(reserved, state.zone, window)
    warnings = None
    if value.type == "APPOINTMENT":
        if not fits(there, times, reserved.capacity):
            fault = wire.NOT_ENOUGH_CAPACITY.fault(capacity=reserved.capacity)
            raise _Refused(ReservationRecord(wire.Reservation(value.type, value.sent), errors=[fault]))
    elif meets_appointments(there, times):
        warnings = [wire.APPOINTMENT_OVERLAP]
    stored = StoredReservation(
        resource.seller_id,
        reservation_id,
        resource.resource_id,
        resource.marketplace_id,
        Reservation(ReservationType(value.type), reserved),
        now,
    )
    await reservations.add(c, stored)
    return ReservationRecord(wire.write_reservation(value, reservation_id), warnings), stored


async def _log(
    c: Connection,
    caller: Caller,
    now: int,
    kind: str,
    subject: str,
    before: StoredReservation | None,
    after: StoredReservation | None,
) -> None:
    told = (None if one is None else _logged(one) for one in (before, after))
    await events.append(c, Event(now, caller.seller_id, caller.actor, kind, subject, caller.request_id, *told))


def _logged(stored: StoredReservation) -> dict[str, Any]:
    return {
        "reservationId": stored.reservation_id,
        "resourceId": stored.resource_id,
        "type": stored.reservation.type.value,
        "availability": wire_schedules.write_record(_value(stored.reservation)),
    }


def _value(reservation: Reservation) -> AvailabilityValue:
    start, end, recurrence, capacity = reservation.availability
    return AvailabilityValue(start, end, None if recurrence is None else RecurrenceValue(*recurrence), capacity)
