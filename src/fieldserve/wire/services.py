"""The services that a seller offers, on the wire, as operators see them."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from fieldserve.wire.appointments import LONGEST_APPOINTMENT_MINUTES
from fieldserve.wire.errors import Says
from fieldserve.wire.jobs import ServiceLocationType
from fieldserve.wire.limits import Asin as AsinText
from fieldserve.wire.limits import Ask, Name, duplicates
from fieldserve.wire.parameters import Parameter, ParameterFault
from fieldserve.wire.parts import Part
from fieldserve.wire.technicians import Skills

ASIN = Parameter("asin", "path", required=True, min_length=1, max_length=100, says="the service")
Duration = Annotated[int, Meta(ge=1, le=LONGEST_APPOINTMENT_MINUTES)]
SlotInterval = Annotated[int, Meta(ge=1, le=24 * 60)]
Notice = Annotated[int, Meta(ge=0, le=365 * 24 * 60)]
Buffer = Annotated[int, Meta(ge=0, le=24 * 60)]


class CreateService(Ask):
    """All lengths are in minutes. Slots begin every `slotIntervalMinutes` from local midnight on."""

    asin: AsinText
    title: Name
    duration_minutes: Duration
    service_location_type: ServiceLocationType
    slot_interval_minutes: SlotInterval = 30
    notice_minutes: Notice = 120
    buffer_before_minutes: Buffer = 0
    buffer_after_minutes: Buffer = 0
    skills: Skills = ()


class UpdateService(Ask):
    """Appointments that are booked keep their times and buffers."""

    title: Name | UnsetType = UNSET
    duration_minutes: Duration | UnsetType = UNSET
    service_location_type: ServiceLocationType | UnsetType = UNSET
    slot_interval_minutes: SlotInterval | UnsetType = UNSET
    notice_minutes: Notice | UnsetType = UNSET
    buffer_before_minutes: Buffer | UnsetType = UNSET
    buffer_after_minutes: Buffer | UnsetType = UNSET
    skills: Skills | UnsetType = UNSET


class ServiceRecord(Part):
    """`mirroredFrom` is the account whose jobs it was made up from, as long as nobody has changed it."""

    asin: str
    title: str
    duration_minutes: int
    slot_interval_minutes: int
    notice_minutes: int
    buffer_before_minutes: int
    buffer_after_minutes: int
    service_location_type: ServiceLocationType
    skills: list[str]
    mirrored_from: str | None = None


class ServiceListing(Part):
    """A page; `next` is there where more follow."""

    services: list[ServiceRecord]
    next: str | None = None


NO_SERVICE = Says(404, "NotFound", "The seller offers no service {asin}.", "the seller offers no such service")
SERVICE_EXISTS = Says(409, "Conflict", "The seller already offers a service {asin}.", "the ASIN is taken")


def service_faults(ask: CreateService | UpdateService) -> list[ParameterFault]:
    """What types alone do not tell about a service that is to be."""
    return [] if ask.skills is UNSET else duplicates("skills", ask.skills)
