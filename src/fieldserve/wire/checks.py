"""What the server would refuse without looking anything up, in the words that it would use.

Nothing here judges by the clock: the server's may be another, in a sandbox by months.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from fieldserve.wire import appointments, capacity, documents, fulfillment, jobs, reservations, schedules, slots
from fieldserve.wire.bodies import BodyFault, decode
from fieldserve.wire.errors import ApiError, Fault
from fieldserve.wire.operations import BY_ID, Operation
from fieldserve.wire.parameters import Parameter, ParameterFault, read

# Later than any time that the wire reads: nothing is in the future then.
_NEVER = 10**18

Values = Mapping[str, Any]


def refuse(
    operation: Operation, path: Mapping[str, str], query: Mapping[str, Sequence[str]], body: bytes | None
) -> None:
    """Raises ApiError where the server would refuse the request whatever it holds."""
    values, faults = read(_asked(operation.id, frozenset(query)), path, query)
    try:
        shaped = decode(body, operation.body) if operation.body is not None and body is not None else None
        if faults:
            raise operation.refuse(faults)
        if (checks := _CHECKS.get(operation.id)) and (more := checks(values, shaped)):
            raise operation.refuse(more)
    except BodyFault as fault:
        raise operation.refuse([*faults, fault.fault]) from None


@lru_cache(1024)
def _asked(operation_id: str, given: frozenset[str]) -> tuple[Parameter, ...]:
    """The parameters that can be at fault or have a value: most of a listing's eighteen are neither."""
    return tuple(
        one
        for one in BY_ID[operation_id].parameters
        if one.where == "path" or one.required or one.name in given or one.default is not None
    )


# ---- by operation: raise ApiError, or answer the faults that the operation puts into its words


def _listing(values: Values, _: Any) -> list[ParameterFault]:
    return jobs.read_listing(dict(values))[1]


def _window(values: Values, prefix: str) -> list[ParameterFault]:
    window = slots.read_window(dict(values), prefix)
    if isinstance(window, str):
        return [ParameterFault(window, f"{window} is missing: startTime and endTime go together")]
    return []


def _booking(_: Values, body: Any) -> list[ParameterFault]:
    faults = appointments.window_faults(body.appointment_time)
    if isinstance(body, appointments.RescheduleAppointmentRequest) and not body.reschedule_reason_code:
        faults.append(ParameterFault("rescheduleReasonCode", "rescheduleReasonCode is required in the body"))
    if not faults:
        appointments.read_window(body.appointment_time)
    return faults


def _resources(_: Values, body: appointments.AssignAppointmentResourcesRequest) -> list[ParameterFault]:
    if body.resources is None:
        raise appointments.RESOURCES_ABSENT.error()
    if not body.resources:
        raise appointments.RESOURCES_EMPTY.error()
    return []


def _fulfilment(_: Values, body: fulfillment.SetAppointmentFulfillmentDataRequest) -> list[ParameterFault]:
    if body.is_empty():
        raise fulfillment.NO_ARTIFACTS.error()
    faults: list[Fault] = []
    if body.fulfillment_time is not None:
        worked = fulfillment.read_fulfillment_time(body.fulfillment_time, _NEVER)
        faults += [worked] if isinstance(worked, Fault) else []
    if body.estimated_arrival_time is not None:
        arrival = fulfillment.read_arrival(body.estimated_arrival_time)
        faults += [arrival] if isinstance(arrival, Fault) else []
    if faults:
        raise ApiError(422, faults)
    return []


def _capacity(values: Values, body: Any) -> list[ParameterFault]:
    capacity.read_query(body, values.get("nextPageToken"))
    return []


def _schedule(_: Values, body: schedules.UpdateScheduleRequest) -> list[ParameterFault]:
    # Records that are wrong are the server's to tell: it applies the others.
    records, most = body.schedules, schedules.MOST_RECORDS
    if not records:
        return [ParameterFault("schedules", "schedules is required in the body, with at least one record")]
    if len(records) > most:
        return [ParameterFault("schedules", f"schedules takes at most {most} records, got {len(records)}")]
    return []


def _reservation(_: Values, body: Any) -> list[ParameterFault]:
    return reservations.read_reservation(body)[1]


def _document(_: Values, body: documents.ServiceUploadDocument) -> list[ParameterFault]:
    if not (faults := documents.upload_faults(body)):
        documents.read_upload(body)
    return faults


_CHECKS: dict[str, Callable[[Values, Any], list[ParameterFault]]] = {
    "getServiceJobs": _listing,
    "addAppointmentForServiceJobByServiceJobId": _booking,
    "rescheduleAppointmentForServiceJobByServiceJobId": _booking,
    "assignAppointmentResources": _resources,
    "setAppointmentFulfillmentData": _fulfilment,
    "getRangeSlotCapacity": _capacity,
    "getFixedSlotCapacity": _capacity,
    "updateSchedule": _schedule,
    "createReservation": _reservation,
    "updateReservation": _reservation,
    "getAppointmmentSlotsByJobId": lambda values, _: _window(values, ""),
    "getAppointmentSlots": lambda values, _: _window(values, "Range "),
    "createServiceDocumentUploadDestination": _document,
}
