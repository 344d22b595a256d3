"""Endpoint of what was done."""

from fieldserve.api.edge import Call, Endpoint
from fieldserve.operations import fulfillment
from fieldserve.wire import fulfillment as wire


async def set_fulfillment_data(call: Call) -> None:
    """setAppointmentFulfillmentData"""
    call.refuse()
    if call.body.is_empty():
        raise wire.NO_ARTIFACTS.error()
    await fulfillment.set_appointment_fulfillment_data(
        call.context, call.caller, call.values["serviceJobId"], call.values["appointmentId"], call.body
    )


ENDPOINTS: dict[str, Endpoint] = {"setAppointmentFulfillmentData": set_fulfillment_data}
