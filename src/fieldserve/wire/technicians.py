"""Technicians on the wire, as operators see them."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from fieldserve.wire.errors import Says
from fieldserve.wire.jobs import ServiceLocationType
from fieldserve.wire.limits import (
    Ask,
    Id,
    Latitude,
    Longitude,
    MarketplaceId,
    Name,
    Skill,
    TechnicianId,
    duplicates,
    position_faults,
)
from fieldserve.wire.parameters import Parameter, ParameterFault
from fieldserve.wire.parts import Part
from fieldserve.wire.stores import WeeklyHours

TECHNICIAN_ID = Parameter("technicianId", "path", required=True, min_length=1, max_length=50, says="the technician")
StoreIds = Annotated[tuple[Id, ...], Meta(max_length=100)]
Skills = Annotated[tuple[Skill, ...], Meta(max_length=100)]
LocationTypes = Annotated[tuple[ServiceLocationType, ...], Meta(max_length=3)]


class CreateTechnician(Ask):
    """Whoever is not registered, or without a background check, is assigned to no appointment."""

    name: Name
    time_zone: str
    marketplace_id: MarketplaceId
    technician_id: TechnicianId | None = None
    store_ids: StoreIds = ()
    skills: Skills = ()
    service_location_types: LocationTypes = ("IN_HOME", "IN_STORE", "ONLINE")
    registered: bool = True
    background_checked: bool = True
    home_latitude: Latitude | None = None
    home_longitude: Longitude | None = None
    working_hours: Annotated[tuple[WeeklyHours, ...], Meta(max_length=50)] = ()


class UpdateTechnician(Ask):
    name: Name | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    store_ids: StoreIds | UnsetType = UNSET
    skills: Skills | UnsetType = UNSET
    service_location_types: LocationTypes | UnsetType = UNSET
    registered: bool | UnsetType = UNSET
    background_checked: bool | UnsetType = UNSET
    home_latitude: Latitude | UnsetType | None = UNSET
    home_longitude: Longitude | UnsetType | None = UNSET


class TechnicianRecord(Part):
    """`mirroredFrom` is the account whose jobs it was made up from, as long as nobody has changed it."""

    technician_id: str
    name: str
    time_zone: str
    marketplace_id: str
    store_ids: list[str]
    skills: list[str]
    service_location_types: list[ServiceLocationType]
    registered: bool
    background_checked: bool
    created_at: str
    home_latitude: float | None = None
    home_longitude: float | None = None
    mirrored_from: str | None = None


class TechnicianListing(Part):
    """A page; `next` is there where more follow."""

    technicians: list[TechnicianRecord]
    next: str | None = None


NO_TECHNICIAN = Says(
    404, "NotFound", "The seller has no technician {technician_id}.", "the seller has no such technician"
)
TECHNICIAN_EXISTS = Says(
    409,
    "Conflict",
    "The seller already has a store or technician {technician_id}.",
    "the id is taken by a store or a technician",
)


def technician_faults(ask: CreateTechnician | UpdateTechnician) -> list[ParameterFault]:
    """What types alone do not tell about a technician that is to be."""
    faults = position_faults(ask.home_latitude, ask.home_longitude, "home")
    for rank, hours in enumerate(ask.working_hours if isinstance(ask, CreateTechnician) else ()):
        if hours.capacity > 1:
            name = f"workingHours[{rank}].capacity"
            faults.append(ParameterFault(name, f"{name}: a technician is one person"))
    for name, values in (
        ("storeIds", ask.store_ids),
        ("skills", ask.skills),
        ("serviceLocationTypes", ask.service_location_types),
    ):
        if values is not UNSET:
            faults += duplicates(name, values)
    return faults
