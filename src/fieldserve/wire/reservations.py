"""Reservations on the wire: time of a resource that is spoken for."""

from dataclasses import dataclass
from typing import Any, Literal

from fieldserve.wire.bodies import convert
from fieldserve.wire.errors import Fault, Says, Warn
from fieldserve.wire.parameters import Parameter, ParameterFault
from fieldserve.wire.parts import Part
from fieldserve.wire.schedules import (
    AvailabilityRecord,
    AvailabilityValue,
    RecordFault,
    read_record,
    write_record,
)

ReservationType = Literal["APPOINTMENT", "TRAVEL", "VACATION", "BREAK", "TRAINING"]


class ReservationInput(Part):
    """As the caller sends it; a `reservationId` is ignored."""

    type: ReservationType | None = None
    availability: dict[str, Any] | None = None


class CreateReservationRequest(Part):
    resource_id: str | None = None
    reservation: ReservationInput | None = None


class UpdateReservationRequest(Part):
    resource_id: str | None = None
    reservation: ReservationInput | None = None


class Reservation(Part):
    type: ReservationType
    availability: AvailabilityRecord
    reservation_id: str | None = None


class ReservationRecord(Part):
    reservation: Reservation | None = None
    warnings: list[Warn] | None = None
    errors: list[Fault] | None = None


class CreateReservationResponse(Part):
    payload: ReservationRecord | None = None
    errors: list[Fault] | None = None


class UpdateReservationResponse(Part):
    payload: ReservationRecord | None = None
    errors: list[Fault] | None = None


class CancelReservationResponse(Part):
    errors: list[Fault] | None = None


# ---- what the operations answer when they refuse

RESERVATION_NOT_FOUND = Says(
    404,
    "InvalidInput",
    "Could not find reservation with ID: [{reservation_id}]",
    "the seller has no such reservation",
)
CANCEL_NOT_FOUND = Says(404, "InvalidInput", "Reservation does not exist", "the seller has no such reservation")
NOT_ENOUGH_CAPACITY = Says(
    200,
    "CapacityNotAvailable",
    "The resource does not have {capacity} of available capacity throughout the reservation",
    "an APPOINTMENT would exceed what is available; told inside the record of a 200, nothing is stored",
)
APPOINTMENT_OVERLAP = Warn(
    "AppointmentOverlap", "This reservation overlaps appointments of the resource; they stay as they are"
)

# ---- requests

RESERVATION_ID = Parameter("reservationId", "path", required=True, min_length=1, max_length=100, says="the reservation")


@dataclass(frozen=True, slots=True)
class ReservationValue:
    """A reservation that passed: on which resource, of which type, when; `sent` is the record in the caller's words."""

    resource_id: str
    type: ReservationType
    availability: AvailabilityValue
    sent: AvailabilityRecord


def read_reservation(
    request: CreateReservationRequest | UpdateReservationRequest,
) -> tuple[ReservationValue | None, list[ParameterFault]]:
    """The request as a value, or what is wrong with it; an absent resource is told before an absent reservation."""
    if not request.resource_id or len(request.resource_id) > 100:
        return None, [ParameterFault("resourceId", "resourceId is required in the body, with 1 to 100 characters")]
    reservation = request.reservation
    if reservation is None or reservation.type is None or reservation.availability is None:
        return None, [ParameterFault("reservation", "reservation is required in the body, with type and availability")]
    try:
        availability = read_record(reservation.availability)
    except RecordFault as fault:
        return None, [ParameterFault("reservation", f"reservation.availability: {fault}")]
    sent = convert(reservation.availability, AvailabilityRecord)
    return ReservationValue(request.resource_id, reservation.type, availability, sent), []


def write_reservation(value: ReservationValue, reservation_id: str | None) -> Reservation:
    """The whole reservation as the API answers it."""
    return Reservation(value.type, write_record(value.availability), reservation_id)
