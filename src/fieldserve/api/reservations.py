"""Endpoints of reservations."""

from fieldserve.api.edge import Call, Endpoint
from fieldserve.operations import reservations
from fieldserve.wire.reservations import (
    CreateReservationResponse,
    ReservationValue,
    UpdateReservationResponse,
    read_reservation,
)


async def create_reservation(call: Call) -> CreateReservationResponse:
    """createReservation"""
    value = _value(call)
    return await reservations.create_reservation(call.context, call.caller, call.marketplace(), value)


async def update_reservation(call: Call) -> UpdateReservationResponse:
    """updateReservation"""
    value = _value(call)
    return await reservations.update_reservation(
        call.context, call.caller, call.values["reservationId"], call.marketplace(), value
    )


async def cancel_reservation(call: Call) -> None:
    """cancelReservation"""
    call.refuse()
    await reservations.cancel_reservation(call.context, call.caller, call.values["reservationId"], call.marketplace())


def _value(call: Call) -> ReservationValue:
    value, faults = read_reservation(call.body)
    call.refuse(*faults)
    assert value is not None, "without faults there is a value"
    return value


ENDPOINTS: dict[str, Endpoint] = {
    "createReservation": create_reservation,
    "updateReservation": update_reservation,
    "cancelReservation": cancel_reservation,
}
