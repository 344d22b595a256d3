"""Read, list, cancel and complete service jobs."""

import base64
import binascii
import hashlib
from dataclasses import fields
from typing import Any, cast

import msgspec

from fieldserve.domain import jobs as domain
from fieldserve.operations.outbox import send_out
from fieldserve.operations.run import Caller, Context, read, transact
from fieldserve.store import events, jobs
from fieldserve.store.engine import Connection
from fieldserve.store.jobs import PageKey
from fieldserve.wire import errors
from fieldserve.wire import jobs as wire
from fieldserve.wire.encoding import encode
from fieldserve.wire.errors import Says
from fieldserve.wire.jobs import GetServiceJobs

CANCEL = "cancelServiceJobByServiceJobId"
COMPLETE = "completeServiceJobByServiceJobId"


async def get_service_job_by_service_job_id(context: Context, caller: Caller, service_job_id: str) -> bytes:
    """The job's answer, as stored. Raises ApiError: JOB_NOT_FOUND, UNAUTHORIZED_ACTION."""
    stored = await read(context, lambda c: jobs.document_of(c, caller.seller_id, service_job_id), snapshot=False)
    if stored is None:
        raise wire.JOB_NOT_FOUND.error(job_id=service_job_id)
    if not caller.may_see(stored.marketplace_id, stored.store_id):
        raise errors.UNAUTHORIZED_ACTION.error()
    return b'{"payload":' + stored.document + b"}"


async def get_service_jobs(context: Context, caller: Caller, query: GetServiceJobs) -> bytes:
    """A page of the jobs that match. Raises ApiError: JOBS_INVALID_INPUT for a page token that is not of this query."""
    at = None if query.page_token is None else _read_token(query)
    page = await read(context, lambda c: jobs.page(c, caller.seller_id, query, caller.stores, at), snapshot=False)
    listing: dict[str, object] = {"totalResultSize": page.total}
    if page.next is not None:
        listing["nextPageToken"] = _token(query, page.next)
    if page.previous is not None:
        listing["previousPageToken"] = _token(query, page.previous)
    listing["jobs"] = [msgspec.Raw(document) for document in page.documents]
    return encode({"payload": listing})


def _fingerprint(query: GetServiceJobs) -> str:
    """What a token holds of its query, so that one of another query is told apart; the page size may change."""
    values = [getattr(query, one.name) for one in fields(query) if one.name not in ("page_size", "page_token")]
    return hashlib.sha256(msgspec.json.encode(values)).hexdigest()[:16]


def _token(query: GetServiceJobs, key: PageKey) -> str:
    text = msgspec.json.encode([_fingerprint(query), key.backward, *key.key])
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def _read_token(query: GetServiceJobs) -> PageKey:
    token = query.page_token or ""
    shape = tuple[str, bool, str, int, str] if query.sort_field == "JOB_STATUS" else tuple[str, bool, int, str]
    try:
        text = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        held = msgspec.json.decode(text, type=list[Any])
        # Before the rest is read: a token of another order holds another key.
        if held and held[0] != _fingerprint(query):
            raise wire.JOBS_INVALID_INPUT.error("pageToken belongs to a query with other filters or another order")
        _, backward, *key = cast(tuple[Any, ...], msgspec.convert(held, shape))
    except (binascii.Error, msgspec.DecodeError, ValueError, RecursionError):
        raise wire.JOBS_INVALID_INPUT.error("pageToken is none that was given out") from None
    return PageKey(backward, tuple(key))


async def cancel_service_job_by_service_job_id(
    context: Context, caller: Caller, service_job_id: str, reason_code: str
) -> None:
    """Cancel a job and free its slot. Raises ApiError: CANCEL_JOB_NOT_FOUND, CANCEL_NOT_ALLOWED, CANCEL_REASON."""

    async def cancel(c: Connection) -> None:
        job = await job_to_change(c, caller, service_job_id, wire.CANCEL_JOB_NOT_FOUND)
        if not domain.may("cancel", job.status):
            raise wire.CANCEL_NOT_ALLOWED.error(job_id=service_job_id, status=job.status)
        if job.mirrored_from is None and reason_code not in context.settings.cancellation_reason_codes:
            raise wire.CANCEL_REASON.error(job_id=service_job_id, reason_code=reason_code)
        await close_job(context, c, caller, job, "cancel", "job.cancelled", {"reasonCode": reason_code})
        await send_out(context, c, caller, job, CANCEL, {"cancellationReasonCode": reason_code})

    await transact(context, cancel)


async def complete_service_job_by_service_job_id(context: Context, caller: Caller, service_job_id: str) -> None:
    """Complete a job and close its appointment. Raises ApiError: COMPLETE_JOB_NOT_FOUND, OPERATION_NOT_ALLOWED."""

    async def complete(c: Connection) -> None:
        job = await job_to_change(c, caller, service_job_id, wire.COMPLETE_JOB_NOT_FOUND)
        if not domain.may("complete", job.status):
            raise wire.OPERATION_NOT_ALLOWED.error(job_id=service_job_id, status=job.status)
        await close_job(context, c, caller, job, "complete", "job.completed", {})
        await send_out(context, c, caller, job, COMPLETE, {})

    await transact(context, complete)


async def job_to_change(c: Connection, caller: Caller, service_job_id: str, unknown: Says) -> domain.Job:
    """The job under lock, if it is the caller's to change. Raises ApiError: `unknown`, UNAUTHORIZED_ACTION."""
    job = await jobs.find(c, caller.seller_id, service_job_id, lock=True)
    if job is None:
        raise unknown.error(job_id=service_job_id)
    if not caller.may_see(job.marketplace_id, job.store_id):
        raise errors.UNAUTHORIZED_ACTION.error()
    return job


async def close_job(
    context: Context,
    c: Connection,
    caller: Caller,
    job: domain.Job,
    deed: domain.Deed,
    kind: str,
    why: dict[str, object],
) -> domain.Job:
    """Carry out a deed that ends the job's appointment, and log it with its reason."""
    closed = domain.close(job, deed, context.clock.now())
    await jobs.save(c, job, closed)
    await log_change(context, c, caller, kind, job, closed, why)
    return closed


async def log_change(
    context: Context,
    c: Connection,
    caller: Caller,
    kind: str,
    before: domain.Job,
    after: domain.Job,
    more: dict[str, object],
) -> None:
    """Append what happened to a job: its status and the appointments that changed, before and after."""
    old = {one.appointment_id: one for one in before.appointments}
    changed = [one for one in after.appointments if old.get(one.appointment_id) != one]
    touched = [old[one.appointment_id] for one in changed if one.appointment_id in old]
    await events.append(
        c,
        events.Event(
            context.clock.now(),
            caller.seller_id,
            caller.actor,
            kind,
            before.service_job_id,
            caller.request_id,
            {"status": before.status, "appointments": [told(one) for one in touched]},
            {
                "status": after.status,
                "storeId": after.store_id,
                "appointments": [told(one) for one in changed],
                **more,
            },
        ),
    )


def told(appointment: domain.Appointment) -> dict[str, object]:
    """An appointment as the event log tells it: times in microseconds since the epoch, technicians by id."""
    told: dict[str, object] = {
        "appointmentId": appointment.appointment_id,
        "status": appointment.status,
        "start": appointment.start,
        "end": appointment.end,
        "technicians": [one.technician_id for one in appointment.technicians],
    }
    for name, value in (
        ("rescheduledTo", appointment.rescheduled_to),
        ("arrival", appointment.arrival),
        ("worked", appointment.worked),
        ("workedBy", appointment.proof and [one.technician_id for one in appointment.proof.technicians]),
    ):
        if value is not None:
            told[name] = value
    return told
