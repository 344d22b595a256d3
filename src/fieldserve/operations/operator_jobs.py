"""What an operator does to a job in the buyer's or the marketplace's stead: hold, release, decline, end."""

from fieldserve.domain.jobs import TRANSITIONS, Deed, may
from fieldserve.operations.jobs import close_job
from fieldserve.operations.outbox import refuse_elsewhere
from fieldserve.operations.run import Caller, Context, transact
from fieldserve.operations.sellers import find_seller
from fieldserve.store import jobs
from fieldserve.store.engine import Connection
from fieldserve.wire.jobs import JOB_NOT_FOUND
from fieldserve.wire.orders import DEED_NOT_ALLOWED, JobChange, JobDeed

# What each is called in the event log, and who caused it unless the operator says otherwise.
_LOGGED: dict[Deed, tuple[str, str]] = {
    "hold": ("job.held", "OPERATOR"),
    "release": ("job.released", "OPERATOR"),
    "decline_payment": ("job.payment_declined", "BUYER"),
    "mark_not_fulfillable": ("job.not_fulfillable", "OPERATOR"),
    "cancel_as_buyer": ("job.cancelled", "BUYER"),
}


async def hold_job(context: Context, caller: Caller, service_job_id: str, ask: JobDeed) -> JobChange:
    """Put a job on HOLD; an active appointment is cancelled. Raises ApiError: NO_SELLER, JOB_NOT_FOUND, 409."""
    return await _do(context, caller, service_job_id, "hold", ask)


async def release_job(context: Context, caller: Caller, service_job_id: str, ask: JobDeed) -> JobChange:
    """Return a job from HOLD to PENDING_SCHEDULE. Raises ApiError: NO_SELLER, JOB_NOT_FOUND, 409."""
    return await _do(context, caller, service_job_id, "release", ask)


async def decline_job_payment(context: Context, caller: Caller, service_job_id: str, ask: JobDeed) -> JobChange:
    """End a job whose payment was declined. Raises ApiError: NO_SELLER, JOB_NOT_FOUND, 409."""
    return await _do(context, caller, service_job_id, "decline_payment", ask)


async def mark_job_not_fulfillable(context: Context, caller: Caller, service_job_id: str, ask: JobDeed) -> JobChange:
    """End a job that nobody can do. Raises ApiError: NO_SELLER, JOB_NOT_FOUND, 409."""
    return await _do(context, caller, service_job_id, "mark_not_fulfillable", ask)


async def cancel_job_as_buyer(context: Context, caller: Caller, service_job_id: str, ask: JobDeed) -> JobChange:
    """Cancel a job as its buyer does. Raises ApiError: NO_SELLER, JOB_NOT_FOUND, 409."""
    return await _do(context, caller, service_job_id, "cancel_as_buyer", ask)


async def _do(context: Context, caller: Caller, service_job_id: str, deed: Deed, ask: JobDeed) -> JobChange:
    kind, cause = _LOGGED[deed]

    async def change(c: Connection) -> JobChange:
        job = await jobs.find(c, caller.seller_id, service_job_id, lock=True)
        if job is None:
            await find_seller(c, caller)
            raise JOB_NOT_FOUND.error(job_id=service_job_id)
        refuse_elsewhere(job)
        if not may(deed, job.status):
            allowed = " and ".join(TRANSITIONS[deed][0])
            raise DEED_NOT_ALLOWED.error(deed=deed, job_id=service_job_id, status=job.status, allowed=allowed)
        cancelled = job.active_appointment.appointment_id if job.active_appointment else None
        why: dict[str, object] = {"causedBy": ask.caused_by or cause, "cancelledAppointmentId": cancelled}
        if ask.reason is not None:
            why["reason"] = ask.reason
        after = await close_job(context, c, caller, job, deed, kind, why)
        return JobChange(service_job_id, after.status, cancelled)

    return await transact(context, change)
