"""Endpoint of schedules."""

from fieldserve.api.edge import Call, Endpoint
from fieldserve.operations import schedules
from fieldserve.wire.parameters import ParameterFault
from fieldserve.wire.schedules import MOST_RECORDS, UpdateScheduleResponse


async def update_schedule(call: Call) -> UpdateScheduleResponse | None:
    """updateSchedule"""
    # As in the model's case with both at fault, the parameters are told before the records.
    call.refuse()
    records = call.body.schedules
    if not records:
        call.refuse(ParameterFault("schedules", "schedules is required in the body, with at least one record"))
    if len(records) > MOST_RECORDS:
        call.refuse(ParameterFault("schedules", f"schedules takes at most {MOST_RECORDS} records, got {len(records)}"))
    return await schedules.update_schedule(
        call.context, call.caller, call.values["resourceId"], call.marketplace(), records
    )


ENDPOINTS: dict[str, Endpoint] = {"updateSchedule": update_schedule}
