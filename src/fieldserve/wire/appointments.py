"""Appointments on the wire: booking, moving, and assigning technicians."""

import re
from dataclasses import dataclass
from typing import Literal

from fieldserve.wire.errors import Fault, Says, Warn
from fieldserve.wire.parameters import Parameter, ParameterFault
from fieldserve.wire.parts import Part
from fieldserve.wire.times import Instant, TimeFault, is_utc, parse

AppointmentStatus = Literal["ACTIVE", "CANCELLED", "COMPLETED"]
PoaType = Literal["NO_SIGNATURE_DUMMY_POS", "CUSTOMER_SIGNATURE", "DUMMY_RECEIPT", "POA_RECEIPT"]

# No appointment lasts longer; the limit also bounds how far back a search for overlaps has to look.
LONGEST_APPOINTMENT_MINUTES = 7 * 24 * 60


class AppointmentTime(Part):
    """A window: its start (ISO 8601, UTC) and its length in minutes."""

    start_time: str
    duration_in_minutes: int


class Technician(Part):
    technician_id: str | None = None
    name: str | None = None


_CAPITALS = re.compile(r"[A-Z0-9]*", re.ASCII)


def uploading_technician(technician_id: str | None) -> str | None:
    """The technician as a proof names it: the member takes capitals and digits only, which a technicianId need not be.

    Whoever has another id is left out there, and stands among the proof's technicians."""
    return technician_id if technician_id and _CAPITALS.fullmatch(technician_id) else None


class Poa(Part):
    """Proof of appointment: what was done, by whom, and who said so when."""

    appointment_time: AppointmentTime | None = None
    technicians: list[Technician] | None = None
    uploading_technician: str | None = None
    upload_time: str | None = None
    poa_type: PoaType | None = None


class Appointment(Part):
    appointment_id: str | None = None
    appointment_status: AppointmentStatus | None = None
    appointment_time: AppointmentTime | None = None
    assigned_technicians: list[Technician] | None = None
    rescheduled_appointment_id: str | None = None
    poa: Poa | None = None


class AppointmentTimeInput(Part):
    start_time: str | None = None
    duration_in_minutes: int | None = None


class AddAppointmentRequest(Part):
    appointment_time: AppointmentTimeInput | None = None


class RescheduleAppointmentRequest(Part):
    appointment_time: AppointmentTimeInput | None = None
    reschedule_reason_code: str | None = None


class AppointmentResource(Part):
    resource_id: str | None = None


class AssignAppointmentResourcesRequest(Part):
    resources: list[AppointmentResource] | None = None


class SetAppointmentResponse(Part):
    appointment_id: str | None = None
    warnings: list[Warn] | None = None
    errors: list[Fault] | None = None


class AssignmentWarnings(Part):
    warnings: list[Warn] | None = None


class AssignAppointmentResourcesResponse(Part):
    payload: AssignmentWarnings | None = None
    errors: list[Fault] | None = None


# ---- what the operations answer when they refuse

NOT_UTC = Says(422, "InvalidInput", "ISO8601 time {time} is not in UTC.", "the start time has an offset other than UTC")
NOT_A_TIME = Says(422, "InvalidInput", "Failed to parse ISO8601 input: {time}", "the start time is not ISO 8601")
NO_JOB = Says(422, "InvalidInput", "No job exist with jobId : {job_id}", "the seller has no such job")
ASSIGN_NO_JOB = Says(422, "InvalidInput", "No job exists with jobId : {job_id}", "the seller has no such job")


def _failed(reason: str, when: str) -> Says:
    return Says(422, "InvalidInput", f"Failed to add appointment for jobId : {{job_id}}, reason : {reason}", when)


HAS_ACTIVE_APPOINTMENT = _failed(
    "Job already has an active appointmentId.", "the job already has an ACTIVE appointment"
)
START_NOT_IN_FUTURE = _failed(
    "Start time of appointment should be in the future.", "the start is not after the present"
)
START_BEYOND_HORIZON = _failed(
    "Start time for appointment is beyond the maximum allowed period of 365 days.",
    "the start is more than 365 days ahead",
)
SLOT_NOT_AVAILABLE = _failed(
    "Appointment slot is not available.",
    "nobody can do the job then: no such slot, too little notice, or all taken",
)
DURATION_TOO_SHORT = _failed(
    "Duration of appointment should not be shorter than the {minutes} minutes of the service.",
    "durationInMinutes is shorter than the service's",
)
RESCHEDULE_REASON = _failed(
    "Appointment reschedule reason code is not valid.", "the reason code is none of the configured ones"
)
APPOINTMENT_NOT_ACTIVE = _failed(
    "Appointment with appointmentId {appointment_id} is not active.",
    "only an ACTIVE appointment can be moved",
)
NO_APPOINTMENT = Says(
    422,
    "InvalidInput",
    "Failed to Update Appointment for jobId : {job_id}, appointmentId : {appointment_id}, reason : "
    "No appointment exists with appointmentId: {appointment_id}",
    "the job has no such appointment",
)
RESOURCES_ABSENT = Says(
    400, "InvalidInput", "Resources not provided in input JSON payload.", "the body has no resources"
)
RESOURCES_EMPTY = Says(
    400, "InvalidInput", "Resources must have size greater than or equal to 1.", "resources is an empty list"
)
INVALID_RESOURCE = Says(
    422,
    "InvalidInput",
    "Invalid resourceId : {resource_id} provided in the input.",
    "the seller has no technician with that id",
)
UPDATE_NOT_ALLOWED = Says(
    422,
    "InvalidInput",
    "Appointment metadata update is not allowed for appointmentId {appointment_id}",
    "the appointment is not ACTIVE",
)
MISMATCHED_LOCATION_TYPE = Says(
    422,
    "RESOURCES_MISMATCHED_SERVICE_LOCATION_TYPE",
    "Resources do not have same service location type as job. Applicable resources: {resources}",
    "technicians who do not work at that type of location",
)
MISSING_SKILLS = Says(
    422,
    "RESOURCES_MISSING_REQUIRED_SKILLS",
    "Resources Missing required {skills} skills. Applicable resources: {resources}",
    "technicians who lack a skill of the job",
)
NOT_IN_STORE = Says(
    422,
    "RESOURCES_NOT_AVAILABLE_IN_LOCATION",
    "Resources are not available in the store. Applicable resources: {resources}",
    "technicians who do not work for the job's store",
)
NOT_REGISTERED = Says(
    422,
    "RESOURCES_NOT_REGISTERED_UNDER_MERCHANT",
    "Resources are not registered under this Merchant. Applicable resources: {resources}",
    "technicians whose registration is not in force",
)
NO_BACKGROUND_CHECK = Says(
    422,
    "RESOURCES_BACKGROUND_CHECK_INCOMPLETE",
    "Resources background check is incomplete. Applicable resources: {resources}",
    "technicians without a background check",
)
NOT_IN_TIME_WINDOW = Says(
    422,
    "RESOURCES_NOT_AVAILABLE_IN_TIME_WINDOW",
    "Resources do not have sufficient available capacity. Applicable resources: {resources}",
    "technicians off schedule or on leave during the appointment",
)

RESOURCES_UNASSIGNED = "RESOURCES_UNASSIGNED"
RESOURCES_OVERBOOKED = "RESOURCES_OVERBOOKED"


def unassigned_warning(technician_ids: list[str]) -> Warn:
    """A move took these technicians off the appointment, since they are not free then."""
    return Warn(RESOURCES_UNASSIGNED, "Unassigned resources : " + ",".join(technician_ids))


def overbooked_warning(technician_ids: list[str]) -> Warn:
    """These technicians have another appointment at that time."""
    return Warn(
        RESOURCES_OVERBOOKED,
        "Resources overbooked for this time window.",
        "Overbooked: " + ",".join(technician_ids),
    )


# ---- requests

APPOINTMENT_ID = Parameter("appointmentId", "path", required=True, min_length=1, max_length=100, says="the appointment")


@dataclass(frozen=True, slots=True)
class AppointmentWindow:
    """A wished-for window: start as an instant; `minutes` None stands for the service's own duration."""

    start: Instant
    minutes: int | None


def window_faults(time: AppointmentTimeInput | None) -> list[ParameterFault]:
    """What of the window is missing or no possible value; whether the start is a time is told by `read_window`."""
    if time is None:
        return [ParameterFault("appointmentTime", "appointmentTime is required in the body")]
    faults = []
    if time.start_time is None:
        faults.append(ParameterFault("appointmentTime.startTime", "startTime is required in appointmentTime"))
    minutes = time.duration_in_minutes
    if minutes is not None and not 1 <= minutes <= LONGEST_APPOINTMENT_MINUTES:
        reason = f"durationInMinutes must be from 1 to {LONGEST_APPOINTMENT_MINUTES}"
        faults.append(ParameterFault("appointmentTime.durationInMinutes", reason))
    return faults


def read_window(time: AppointmentTimeInput) -> AppointmentWindow:
    """The window of a request without `window_faults`. Raises ApiError: NOT_A_TIME, NOT_UTC."""
    assert time.start_time is not None
    try:
        start = parse(time.start_time)
    except TimeFault:
        raise NOT_A_TIME.error(time=time.start_time) from None
    if not is_utc(time.start_time):
        raise NOT_UTC.error(time=time.start_time)
    return AppointmentWindow(start, time.duration_in_minutes)
