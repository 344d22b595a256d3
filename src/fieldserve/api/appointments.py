"""Endpoints of appointments: book, move, assign."""

from fieldserve.api.edge import Call, Endpoint
from fieldserve.operations import appointments
from fieldserve.wire import appointments as wire
from fieldserve.wire.parameters import ParameterFault


async def add_appointment(call: Call) -> wire.SetAppointmentResponse:
    """addAppointmentForServiceJobByServiceJobId"""
    call.refuse(*wire.window_faults(call.body.appointment_time))
    return await appointments.add_appointment_for_service_job_by_service_job_id(
        call.context, call.caller, call.values["serviceJobId"], wire.read_window(call.body.appointment_time)
    )


async def reschedule_appointment(call: Call) -> wire.SetAppointmentResponse:
    """rescheduleAppointmentForServiceJobByServiceJobId"""
    faults = wire.window_faults(call.body.appointment_time)
    reason_code = call.body.reschedule_reason_code
    if not reason_code:
        faults.append(ParameterFault("rescheduleReasonCode", "rescheduleReasonCode is required in the body"))
    call.refuse(*faults)
    return await appointments.reschedule_appointment_for_service_job_by_service_job_id(
        call.context,
        call.caller,
        call.values["serviceJobId"],
        call.values["appointmentId"],
        wire.read_window(call.body.appointment_time),
        reason_code,
    )


async def assign_resources(call: Call) -> wire.AssignAppointmentResourcesResponse | None:
    """assignAppointmentResources"""
    call.refuse()
    if call.body.resources is None:
        raise wire.RESOURCES_ABSENT.error()
    if not call.body.resources:
        raise wire.RESOURCES_EMPTY.error()
    return await appointments.assign_appointment_resources(
        call.context,
        call.caller,
        call.values["serviceJobId"],
        call.values["appointmentId"],
        [one.resource_id for one in call.body.resources if one.resource_id],
    )


ENDPOINTS: dict[str, Endpoint] = {
    "addAppointmentForServiceJobByServiceJobId": add_appointment,
    "rescheduleAppointmentForServiceJobByServiceJobId": reschedule_appointment,
    "assignAppointmentResources": assign_resources,
}
