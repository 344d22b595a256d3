"""The table of the 17 operations: routes, usage plans, the OpenAPI document, reference and client come from it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import msgspec

from fieldserve.wire import (
    appointments,
    capacity,
    documents,
    fulfillment,
    jobs,
    reservations,
    schedules,
    slots,
)
from fieldserve.wire.errors import (
    BODY_TOO_LARGE,
    EVERYWHERE,
    MISSING_OR_INVALID,
    UNAUTHORIZED_ACTION,
    WITH_BODY,
    ApiError,
    Says,
)
from fieldserve.wire.jobs import MARKETPLACE_IDS, SERVICE_JOB_ID
from fieldserve.wire.parameters import Parameter, ParameterFault
from fieldserve.wire.retries import KEY_REUSED

ROLE = "Professional Services"


def missing_or_invalid(faults: Sequence[ParameterFault]) -> ApiError:
    """The words of most operations: the names in the message, the reasons in the details."""
    return MISSING_OR_INVALID.error(_reasons(faults), names=_names(faults))


def _capacity_fault(faults: Sequence[ParameterFault]) -> ApiError:
    return capacity.INVALID.error(
        capacity.received(f"Missing or invalid request parameters: [{_names(faults)}]") + _because(faults)
    )


def _jobs_fault(faults: Sequence[ParameterFault]) -> ApiError:
    return jobs.JOBS_INVALID_INPUT.error(_reasons(faults))


def _documents_fault(faults: Sequence[ParameterFault]) -> ApiError:
    return documents.MISSING.error(_reasons(faults), names=_names(faults))


def _schedule_fault(faults: Sequence[ParameterFault]) -> ApiError:
    # The model names the parameter in the singular when the records themselves are at fault.
    if all(fault.name.startswith("schedules") for fault in faults):
        return schedules.SCHEDULE_MISSING.error(_reasons(faults))
    return missing_or_invalid(faults)


def _names(faults: Sequence[ParameterFault]) -> str:
    return ", ".join(fault.name for fault in faults)


def _reasons(faults: Sequence[ParameterFault]) -> str:
    return "; ".join(fault.reason for fault in faults)


def _because(faults: Sequence[ParameterFault]) -> str:
    return f" {_reasons(faults)}" if any("required" not in fault.reason for fault in faults) else ""


@dataclass(frozen=True)
class Operation:
    """One operation of the API.

    rate is in requests a second, burst in requests: the usage plan of one application, seller and operation.
    `refuse` puts faults of parameters into the operation's own words; `own_errors` are the texts that it adds to
    those said everywhere, `unsaid` those of them that it has no occasion for; `bare_errors` answers errors as an array
    instead of under `errors`."""

    id: str
    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    rate: float
    burst: int
    success: int
    summary: str
    parameters: tuple[Parameter, ...] = ()
    body: type[msgspec.Struct] | None = None
    answer: type[msgspec.Struct] | None = None
    own_errors: tuple[Says, ...] = ()
    unsaid: tuple[Says, ...] = ()
    refuse: Any = field(default=missing_or_invalid)
    bare_errors: bool = False

    @cached_property
    def name(self) -> str:
        """The id in snake_case: the function that carries it out."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", self.id).lower()

    @cached_property
    def errors(self) -> tuple[Says, ...]:
        """Every text that it can answer, its own first."""
        # A body that is too large is refused before anybody asks whether the operation reads one.
        general = (*EVERYWHERE, *(WITH_BODY if self.body else (BODY_TOO_LARGE,)))
        again = (KEY_REUSED,) if self.changes else ()
        return (*dict.fromkeys(self.own_errors), *(says for says in (*again, *general) if says not in self.unsaid))

    @cached_property
    def changes(self) -> bool:
        """Whether it writes; capacities are only read, though with POST."""
        return self.method != "GET" and not self.id.startswith("get")

    @cached_property
    def required_in_query(self) -> tuple[Parameter, ...]:
        return tuple(one for one in self.parameters if one.required and one.where == "query")

    @cached_property
    def needs_marketplace(self) -> bool:
        return MARKETPLACE_IDS in self.parameters


_JOB = "/service/v1/serviceJobs/{serviceJobId}"
_APPOINTMENT = _JOB + "/appointments/{appointmentId}"
_RESOURCE = "/service/v1/serviceResources/{resourceId}"

_BOOKING_ERRORS = (
    appointments.NOT_A_TIME,
    appointments.NOT_UTC,
    appointments.NO_JOB,
    jobs.OPERATION_NOT_ALLOWED,
    appointments.START_NOT_IN_FUTURE,
    appointments.START_BEYOND_HORIZON,
    appointments.DURATION_TOO_SHORT,
    appointments.SLOT_NOT_AVAILABLE,
)
_SLOT_ERRORS = (slots.NOT_A_TIME, slots.NOT_AFTER, slots.TOO_LONG)

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "getServiceJobByServiceJobId",
        "GET",
        _JOB,
        20,
        40,
        200,
        "Read one service job.",
        (SERVICE_JOB_ID,),
        answer=jobs.GetServiceJobByServiceJobIdResponse,
        own_errors=(jobs.JOB_NOT_FOUND,),
    ),
    Operation(
        "cancelServiceJobByServiceJobId",
        "PUT",
        _JOB + "/cancellations",
        5,
        20,
        200,
        "Cancel a service job; its capacity is free again.",
        (SERVICE_JOB_ID, jobs.CANCELLATION_REASON_CODE),
        answer=jobs.CancelServiceJobByServiceJobIdResponse,
        own_errors=(jobs.CANCEL_JOB_NOT_FOUND, jobs.CANCEL_NOT_ALLOWED, jobs.CANCEL_REASON),
    ),
    Operation(
        "completeServiceJobByServiceJobId",
        "PUT",
        _JOB + "/completions",
        5,
        20,
        200,
        "Complete a service job and close its appointment.",
        (SERVICE_JOB_ID,),
        answer=jobs.CompleteServiceJobByServiceJobIdResponse,
        own_errors=(jobs.COMPLETE_JOB_NOT_FOUND, jobs.OPERATION_NOT_ALLOWED),
    ),
    Operation(
        "getServiceJobs",
        "GET",
        "/service/v1/serviceJobs",
        10,
        40,
        200,
        "List service jobs, filtered and paged.",
        jobs.LISTING_PARAMETERS,
        answer=jobs.GetServiceJobsResponse,
        own_errors=(jobs.JOBS_INVALID_INPUT,),
        unsaid=(MISSING_OR_INVALID,),
        refuse=_jobs_fault,
    ),
    Operation(
        "addAppointmentForServiceJobByServiceJobId",
        "POST",
        _JOB + "/appointments",
        5,
        20,
        200,
        "Book an appointment for a job on an available slot.",
        (SERVICE_JOB_ID,),
        appointments.AddAppointmentRequest,
        appointments.SetAppointmentResponse,
        (*_BOOKING_ERRORS, appointments.HAS_ACTIVE_APPOINTMENT),
    ),
    Operation(
        "rescheduleAppointmentForServiceJobByServiceJobId",
        "POST",
        _APPOINTMENT,
        5,
        20,
        200,
        "Move an appointment to another slot; it gets a new id.",
        (SERVICE_JOB_ID, appointments.APPOINTMENT_ID),
        appointments.RescheduleAppointmentRequest,
        appointments.SetAppointmentResponse,
        (
            *_BOOKING_ERRORS,
            appointments.NO_APPOINTMENT,
            appointments.APPOINTMENT_NOT_ACTIVE,
            appointments.RESCHEDULE_REASON,
        ),
    ),
    Operation(
        "assignAppointmentResources",
        "PUT",
        _APPOINTMENT + "/resources",
        1,
        2,
        200,
        "Set the technicians of an appointment.",
        (SERVICE_JOB_ID, appointments.APPOINTMENT_ID),
        appointments.AssignAppointmentResourcesRequest,
        appointments.AssignAppointmentResourcesResponse,
        (
            appointments.RESOURCES_ABSENT,
            appointments.RESOURCES_EMPTY,
            appointments.ASSIGN_NO_JOB,
            appointments.NO_APPOINTMENT,
            appointments.INVALID_RESOURCE,
            jobs.OPERATION_NOT_ALLOWED,
            appointments.UPDATE_NOT_ALLOWED,
            appointments.MISMATCHED_LOCATION_TYPE,
            appointments.MISSING_SKILLS,
            appointments.NOT_IN_STORE,
            appointments.NOT_REGISTERED,
            appointments.NO_BACKGROUND_CHECK,
            appointments.NOT_IN_TIME_WINDOW,
        ),
    ),
    Operation(
        "setAppointmentFulfillmentData",
        "PUT",
        _APPOINTMENT + "/fulfillment",
        5,
        20,
        204,
        "Record expected arrival, times, technicians and proof of an appointment.",
        (SERVICE_JOB_ID, appointments.APPOINTMENT_ID),
        fulfillment.SetAppointmentFulfillmentDataRequest,
        own_errors=(
            fulfillment.NO_ARTIFACTS,
            appointments.NO_JOB,
            fulfillment.JOB_NOT_UPDATABLE,
            fulfillment.APPOINTMENT_NOT_IN_JOB,
            fulfillment.APPOINTMENT_NOT_UPDATABLE,
            fulfillment.RESOURCE_INVALID,
            fulfillment.RESOURCE_NOT_EXIST,
            fulfillment.START_REQUIRED,
            fulfillment.END_REQUIRED,
            fulfillment.NOT_A_TIME,
            fulfillment.START_IN_FUTURE,
            fulfillment.END_IN_FUTURE,
            fulfillment.END_BEFORE_START,
            fulfillment.NOT_UTC,
            fulfillment.ETA_INCOMPLETE,
            fulfillment.ETA_END_BEFORE_START,
            fulfillment.DOCUMENT_UNKNOWN,
            fulfillment.DOCUMENT_PARAMETERS,
            fulfillment.DOCUMENT_NOT_UPLOADED,
            fulfillment.DOCUMENT_LENGTH_UNKNOWN,
            fulfillment.DOCUMENT_LENGTH,
            fulfillment.DOCUMENT_DECRYPT,
            fulfillment.DOCUMENT_TYPE,
            fulfillment.DOCUMENT_SHA256,
            fulfillment.DOCUMENT_MALWARE,
        ),
        bare_errors=True,
    ),
    Operation(
        "getRangeSlotCapacity",
        "POST",
        _RESOURCE + "/capacity/range",
        5,
        20,
        200,
        "Read a resource's capacity as runs of equal value.",
        (capacity.RESOURCE_ID, MARKETPLACE_IDS, capacity.NEXT_PAGE_TOKEN),
        capacity.RangeSlotCapacityQuery,
        capacity.RangeSlotCapacity,
        (capacity.INVALID, capacity.RESOURCE_NOT_FOUND),
        (MISSING_OR_INVALID,),
        _capacity_fault,
    ),
    Operation(
        "getFixedSlotCapacity",
        "POST",
        _RESOURCE + "/capacity/fixed",
        5,
        20,
        200,
        "Read a resource's capacity slot by slot.",
        (capacity.RESOURCE_ID, MARKETPLACE_IDS, capacity.NEXT_PAGE_TOKEN),
        capacity.FixedSlotCapacityQuery,
        capacity.FixedSlotCapacity,
        (capacity.INVALID, capacity.RESOURCE_NOT_FOUND),
        (MISSING_OR_INVALID,),
        _capacity_fault,
    ),
    Operation(
        "updateSchedule",
        "PUT",
        _RESOURCE + "/schedules",
        5,
        20,
        200,
        "Set when a resource works, record by record.",
        (capacity.RESOURCE_ID, MARKETPLACE_IDS),
        schedules.UpdateScheduleRequest,
        schedules.UpdateScheduleResponse,
        (schedules.SCHEDULE_MISSING, schedules.UNKNOWN_RESOURCE, schedules.RECORD_INVALID),
        refuse=_schedule_fault,
    ),
    Operation(
        "createReservation",
        "POST",
        "/service/v1/reservation",
        5,
        20,
        200,
        "Reserve time of a resource.",
        (MARKETPLACE_IDS,),
        reservations.CreateReservationRequest,
        reservations.CreateReservationResponse,
        (schedules.UNKNOWN_RESOURCE, reservations.NOT_ENOUGH_CAPACITY),
    ),
    Operation(
        "updateReservation",
        "PUT",
        "/service/v1/reservation/{reservationId}",
        5,
        20,
        200,
        "Replace a reservation; it gets a new id.",
        (reservations.RESERVATION_ID, MARKETPLACE_IDS),
        reservations.UpdateReservationRequest,
        reservations.UpdateReservationResponse,
        (reservations.RESERVATION_NOT_FOUND, schedules.UNKNOWN_RESOURCE, reservations.NOT_ENOUGH_CAPACITY),
    ),
    Operation(
        "cancelReservation",
        "DELETE",
        "/service/v1/reservation/{reservationId}",
        5,
        20,
        204,
        "Cancel a reservation.",
        (reservations.RESERVATION_ID, MARKETPLACE_IDS),
        own_errors=(reservations.CANCEL_NOT_FOUND,),
    ),
    Operation(
        "getAppointmmentSlotsByJobId",
        "GET",
        _JOB + "/appointmentSlots",
        5,
        20,
        200,
        "List the slots on which a job's appointment can be booked.",
        (SERVICE_JOB_ID, MARKETPLACE_IDS, slots.START_TIME, slots.END_TIME),
        answer=slots.GetAppointmentSlotsResponse,
        own_errors=(jobs.JOB_NOT_FOUND, *_SLOT_ERRORS),
    ),
    Operation(
        "getAppointmentSlots",
        "GET",
        "/service/v1/appointmentSlots",
        20,
        40,
        200,
        "List the slots of a service in a store.",
        (slots.ASIN, slots.STORE_ID, MARKETPLACE_IDS, slots.START_TIME, slots.END_TIME),
        answer=slots.GetAppointmentSlotsResponse,
        own_errors=(slots.STORE_NOT_FOUND, slots.ASIN_NOT_FOUND, *_SLOT_ERRORS),
    ),
    Operation(
        "createServiceDocumentUploadDestination",
        "POST",
        "/service/v1/documents",
        5,
        20,
        200,
        "Get a place and a key to upload a proof document.",
        (),
        documents.ServiceUploadDocument,
        documents.CreateServiceDocumentUploadDestinationResponse,
        (documents.MISSING, documents.WRONG_TYPE),
        (UNAUTHORIZED_ACTION, MISSING_OR_INVALID),
        _documents_fault,
    ),
)

BY_ID = {operation.id: operation for operation in OPERATIONS}
