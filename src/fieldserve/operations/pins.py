"""Pins: appointments that plans leave with their technicians at their time. Dispatchers may still move them by hand."""

from fieldserve.operations.run import Caller, Context, transact
from fieldserve.operations.sellers import find_seller, log
from fieldserve.store import jobs, pins
from fieldserve.store.engine import Connection
from fieldserve.wire.jobs import JOB_NOT_FOUND
from fieldserve.wire.pins import NOBODY_TO_KEEP, Pin, SetPin


async def set_pin(context: Context, caller: Caller, service_job_id: str, ask: SetPin) -> Pin:
    """Pin the job's active appointment, or take its pin off.

    Raises ApiError: NO_SELLER, JOB_NOT_FOUND, NOBODY_TO_KEEP."""

    async def change(c: Connection) -> Pin:
        job = await jobs.find(c, caller.seller_id, service_job_id, lock=True)
        if job is None:
            await find_seller(c, caller)
            raise JOB_NOT_FOUND.error(job_id=service_job_id)
        active = job.active_appointment
        if active is None or (ask.pinned and not active.technicians):
            raise NOBODY_TO_KEEP.error(job_id=service_job_id)
        told = Pin(service_job_id, active.appointment_id, ask.pinned)
        if await pins.is_pinned(c, caller.seller_id, active.appointment_id) == ask.pinned:
            return told
        if ask.pinned:
            await pins.put(c, caller.seller_id, active.appointment_id, context.clock.now())
        else:
            await pins.remove(c, caller.seller_id, active.appointment_id)
        kind = "appointment.pinned" if ask.pinned else "appointment.unpinned"
        await log(context, c, caller, kind, service_job_id, None, {"appointmentId": active.appointment_id})
        return told

    return await transact(context, change)
