"""Endpoints of appointment slots."""

from fieldserve.api.edge import Call, Endpoint
from fieldserve.operations import slots
from fieldserve.wire.parameters import ParameterFault
from fieldserve.wire.slots import Window, read_window


async def get_appointment_slots(call: Call) -> bytes:
    """getAppointmentSlots"""
    window = _window(call, "Range ")
    return await slots.get_appointment_slots(
        call.context, call.caller, call.values["asin"], call.values["storeId"], call.marketplace(), window
    )


async def get_slots_by_job_id(call: Call) -> bytes:
    """getAppointmmentSlotsByJobId"""
    window = _window(call, "")
    return await slots.get_appointmment_slots_by_job_id(
        call.context, call.caller, call.values["serviceJobId"], call.marketplace(), window
    )


def _window(call: Call, prefix: str) -> Window | None:
    """The window asked for. Parameters have to be there before times are parsed, and parsed before they are paired."""
    call.refuse()
    window = read_window(call.values, prefix)
    if isinstance(window, str):
        call.refuse(ParameterFault(window, f"{window} is missing: startTime and endTime go together"))
    assert not isinstance(window, str), "a missing time is refused"
    return window


ENDPOINTS: dict[str, Endpoint] = {
    "getAppointmentSlots": get_appointment_slots,
    "getAppointmmentSlotsByJobId": get_slots_by_job_id,
}
