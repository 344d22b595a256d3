"""Carry out at their source the writes that were made here: each once, those of a job in order.

Before a write is sent it is noted that it may have been; if its answer is lost, with the process or on the way, the job
is read before the write is sent again, which finds most of what was done. A source that knows Idempotency-Keys gets the
entry's, too. What the source refuses for a reason ends the entry; everything else is tried again, ever more slowly.
When all writes of a job have ended it is read, and stored as the source tells it.
"""

import base64
import hashlib
import random
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import msgspec

from fieldserve.client import (
    AsyncServices,
    AuthorizationError,
    SellingApiException,
    SellingApiForbiddenException,
    SellingApiNotFoundException,
    idempotency_key,
)
from fieldserve.domain.intervals import SECOND, Instant
from fieldserve.operations.documents import read_document
from fieldserve.operations.mirrored_jobs import note_gone, take_in
from fieldserve.operations.mirrors import Source, keep, read_one
from fieldserve.operations.outbox import log_entry
from fieldserve.operations.run import Context, read, transact
from fieldserve.store import jobs, mirrors, outbox
from fieldserve.store.engine import Connection
from fieldserve.store.outbox import Entry
from fieldserve.wire.appointments import Appointment, AppointmentTime
from fieldserve.wire.jobs import ServiceJob
from fieldserve.wire.times import parse

BATCH = 20
LOOK_AFTER = 60 * SECOND
"""An entry this old is looked for at the source before it is first sent: it may be from a backup that was restored."""
LONGEST_WAIT = 300
CANNOT_SAY_AGAIN = "needs the appointment of entry {sequence}, which the source did not make"


async def deliver(context: Context, source: Source) -> int:
    """Send what is due, and read the jobs whose writes have ended; answers how many entries ended.

    A source that does not answer ends it for now. Raises Held, Unavailable, MissingCredentials."""
    ended = 0
    while True:
        now = context.clock.now()
        due = await read(context, lambda c: outbox.due(c, source.account, now, BATCH))  # noqa: B023
        settling = await read(context, lambda c: outbox.to_settle(c, source.account, now, BATCH))  # noqa: B023
        if not due and not settling:
            return ended
        for entry in due:
            outcome = await _send(context, source, entry)
            if outcome is None:
                return ended
            ended += outcome
        for seller_id, job_id in settling:
            if not await _settle(context, source, seller_id, job_id):
                return ended


# ---- one write


async def _send(context: Context, source: Source, entry: Entry) -> bool | None:
    """Whether the entry ended; None where the source did not answer at all."""
    begun = await transact(context, lambda c: _begin(context, c, source, entry))
    if begun is None:
        return False
    try:
        try:
            is_old = entry.created_at < context.clock.now() - LOOK_AFTER
            made = await _carry_out(context, source, begun, look=entry.doubtful or is_old)
        except SellingApiException as fault:
            if not _is_refusal(fault):
                raise
            # What looks like a refusal may be the echo of our own write, of which the answer was lost.
            done, made = await _done_after_all(context, source, begun) if entry.doubtful else (False, None)
            if not done:
                said = str(fault)
                await transact(context, lambda c: _end(context, c, source, begun, "REFUSED", said, None))
                return True
    except (SellingApiException, AuthorizationError, msgspec.ValidationError) as fault:
        waits = fault
        await transact(context, lambda c: _wait(context, c, source, begun, waits))
        is_away = isinstance(fault, SellingApiException) and fault.status in (0, 403, 503)
        return None if is_away or isinstance(fault, AuthorizationError) else False
    await transact(context, lambda c: _end(context, c, source, begun, "DONE", None, made))
    return True


def _is_refusal(fault: SellingApiException) -> bool:
    if isinstance(fault, SellingApiForbiddenException):
        return False  # who may not call at all has another trouble than this write
    return 400 <= fault.status < 500 and fault.status not in (408, 425, 429)


async def _begin(context: Context, c: Connection, source: Source, entry: Entry) -> Entry | None:
    """Note that the entry may be carried out from now on; None if it is no longer to be."""
    await keep(context, c, source)
    found = await outbox.find(c, entry.sequence)
    if found is None or found.state != "WAITING":
        return None
    tries = found.tries + 1
    begun = replace(found, doubtful=True, tries=tries, next_at=context.clock.now() + _wait_for(tries, None))
    await outbox.update(c, begun)
    return begun


async def _wait(context: Context, c: Connection, source: Source, entry: Entry, fault: Exception) -> None:
    """It was not carried out, or nobody knows: later again."""
    await keep(context, c, source)
    found = await outbox.find(c, entry.sequence)
    if found is not None and found.state == "WAITING":
        headers = fault.headers if isinstance(fault, SellingApiException) else None
        certainly_not = isinstance(fault, AuthorizationError) or (
            isinstance(fault, SellingApiException) and (fault.status in (403, 429) or fault.is_local)
        )
        at = context.clock.now() + _wait_for(found.tries, headers)
        doubtful = found.doubtful and not certainly_not
        await outbox.update(c, replace(found, doubtful=doubtful, next_at=at, said=str(fault)))


def _wait_for(tries: int, headers: Mapping[str, str] | None) -> Instant:
    """Microseconds: full jitter below a bound that doubles, and what Retry-After asks for."""
    asked = (headers or {}).get("Retry-After", "0")
    least = min(float(asked), LONGEST_WAIT) if asked.isdecimal() else 0.0
    most = min(LONGEST_WAIT, 2 ** min(tries, 16) / 2)
    return int((least + random.uniform(most / 4, most)) * SECOND)  # noqa: S311 it spreads load, and keeps no secret


async def _end(
    context: Context,
    c: Connection,
    source: Source,
    entry: Entry,
    state: outbox.State,
    said: str | None,
    made: str | None,
) -> None:
    await keep(context, c, source)
    now = context.clock.now()
    found = await outbox.find(c, entry.sequence)
    assert found is not None
    if found.state != "WAITING" and state != "DONE":
        return  # dropped meanwhile, and refused
    ended = replace(found, state=state, doubtful=False, ended_at=now, next_at=now, said=said)
    await outbox.update(c, ended)
    if made and entry.makes_appointment:
        await mirrors.add_alias(c, entry.seller_id, entry.service_job_id, entry.makes_appointment, made)
    await log_entry(c, ended, "outbox.sent" if state == "DONE" else "outbox.refused", now, f"mirror:{source.account}")
    if state == "REFUSED" and entry.makes_appointment:
        await _refuse_what_needs(c, ended, now, source)


async def _refuse_what_needs(c: Connection, refused: Entry, now: Instant, source: Source) -> None:
    """What was to be done to an appointment that the source did not make cannot be done."""
    lost = {refused.makes_appointment: refused.sequence}
    for one in await outbox.of_job(c, refused.seller_id, refused.service_job_id, state="WAITING"):
        if one.appointment_id in lost:
            said = CANNOT_SAY_AGAIN.format(sequence=lost[one.appointment_id])
            ended = replace(one, state="REFUSED", ended_at=now, next_at=now, said=said)
            await outbox.update(c, ended)
            await log_entry(c, ended, "outbox.refused", now, f"mirror:{source.account}")
            if one.makes_appointment:
                lost[one.makes_appointment] = one.sequence


# ---- at the source


async def _carry_out(context: Context, source: Source, entry: Entry, *, look: bool) -> str | None:
    """Do it, unless it was done; answers the id of the appointment that the source made, if it made one.

    Raises SellingApiException, AuthorizationError."""
    appointment_id = await _real_id(context, entry)
    if look:
        done, made = _found(entry, await _job_of(source, entry), appointment_id)
        if done:
            return made
    send = await _with_documents(context, source, entry)
    with idempotency_key(entry.idempotency_key) if source.knows_keys else nullcontext():
        return await _call(source.services, entry, appointment_id or "", send)


async def _call(services: AsyncServices, entry: Entry, appointment_id: str, send: dict[str, Any]) -> str | None:
    job_id = entry.service_job_id
    match entry.operation_id:
        case "addAppointmentForServiceJobByServiceJobId":
            answer = await services.add_appointment_for_service_job_by_service_job_id(job_id, body=send)
            return answer.typed.appointment_id
        case "rescheduleAppointmentForServiceJobByServiceJobId":
            answer = await services.reschedule_appointment_for_service_job_by_service_job_id(
                job_id, appointment_id, body=send
            )
            return answer.typed.appointment_id
        case "assignAppointmentResources":
            await services.assign_appointment_resources(job_id, appointment_id, body=send)
        case "setAppointmentFulfillmentData":
            await services.set_appointment_fulfillment_data(job_id, appointment_id, body=send)
        case "cancelServiceJobByServiceJobId":
            await services.cancel_service_job_by_service_job_id(job_id, **send)
        case "completeServiceJobByServiceJobId":
            await services.complete_service_job_by_service_job_id(job_id)
        case unknown:
            raise ValueError(f"{unknown} is no write on a job")
    return None


async def _job_of(source: Source, entry: Entry) -> ServiceJob:
    return (await source.services.get_service_job_by_service_job_id(entry.service_job_id)).typed


async def _done_after_all(context: Context, source: Source, entry: Entry) -> tuple[bool, str | None]:
    try:
        return _found(entry, await _job_of(source, entry), await _real_id(context, entry))
    except SellingApiNotFoundException:
        return False, None


async def _real_id(context: Context, entry: Entry) -> str | None:
    wanted = entry.appointment_id
    if wanted is None:
        return None
    return await read(context, lambda c: mirrors.real_id(c, entry.seller_id, wanted))


def _found(entry: Entry, job: ServiceJob, appointment_id: str | None) -> tuple[bool, str | None]:
    """Whether a write was carried out, by what the job tells, and the appointment that it made."""
    send = entry.request["send"]
    visits = {one.appointment_id: one for one in job.appointments or ()}
    visit = visits.get(appointment_id)
    match entry.operation_id:
        case "addAppointmentForServiceJobByServiceJobId":
            made = _new(visits, entry, send)
            return made is not None, made
        case "rescheduleAppointmentForServiceJobByServiceJobId":
            moved = visit is not None and visit.appointment_status == "CANCELLED"
            made = (visit and visit.rescheduled_appointment_id) or _new(visits, entry, send)
            return bool(moved and made), made
        case "cancelServiceJobByServiceJobId":
            return job.service_job_status == "CANCELLED", None
        case "completeServiceJobByServiceJobId":
            return job.service_job_status == "COMPLETED", None
        case "assignAppointmentResources":
            there = {one.technician_id for one in (visit and visit.assigned_technicians) or ()}
            return visit is not None and there == {one.get("resourceId") for one in send["resources"]} - {None}, None
        case _:
            # Of the rest only recorded work shows; what else was recorded can be recorded again.
            return _worked(visit, send), None


def _new(visits: Mapping[str | None, Appointment], entry: Entry, send: dict[str, Any]) -> str | None:
    """The appointment that was not there before, and begins when this one is to begin."""
    start = parse(send["appointmentTime"]["startTime"])
    for one_id, one in visits.items():
        if one_id not in entry.request["known"] and _begins(one.appointment_time) == start:
            return one_id
    return None


def _begins(time: AppointmentTime | None) -> Instant | None:
    return None if time is None else parse(time.start_time)


def _worked(visit: Appointment | None, send: dict[str, Any]) -> bool:
    worked = (send.get("fulfillmentTime") or {}).get("startTime")
    if visit is None or visit.poa is None or worked is None or send.get("fulfillmentDocuments"):
        return False
    return _begins(visit.poa.appointment_time) == parse(worked)


# ---- documents


async def _with_documents(context: Context, source: Source, entry: Entry) -> dict[str, Any]:
    """What is sent, with documents by the ids that they have at the source; each is uploaded there once."""
    send: dict[str, Any] = entry.request["send"]
    given = send.get("fulfillmentDocuments")
    if not given:
        return send
    uploaded: dict[str, Any] = dict(entry.request.get("uploaded", {}))
    for one in given:
        if (here := one["uploadDestinationId"]) not in uploaded:
            uploaded[here] = await _upload(context, source, entry, here)
            await transact(context, lambda c: _note_upload(c, entry, uploaded))
    return {**send, "fulfillmentDocuments": [uploaded[one["uploadDestinationId"]] for one in given]}


async def _upload(context: Context, source: Source, entry: Entry, upload_destination_id: str) -> dict[str, str | None]:
    found = await read_document(context, entry.seller_id, upload_destination_id)
    if found is None:
        raise _erased(upload_destination_id)
    document, plain = found
    there = await source.services.upload_document(plain, content_type=document.content_type)
    digest = base64.b64encode(hashlib.sha256(plain).digest()).decode()
    return {"uploadDestinationId": there.upload_destination_id, "contentSha256": digest}


def _erased(upload_destination_id: str) -> SellingApiException:
    text = f"the file of the document {upload_destination_id} is here no longer"
    return SellingApiException([{"code": "Gone", "message": text}], None, 410)


async def _note_upload(c: Connection, entry: Entry, uploaded: dict[str, Any]) -> None:
    found = await outbox.find(c, entry.sequence)
    if found is not None:
        await outbox.update(c, replace(found, request={**found.request, "uploaded": uploaded}))


# ---- afterwards


async def _settle(context: Context, source: Source, seller_id: str, job_id: str) -> bool:
    """Store the job as its source tells it; False where the source does not answer."""
    marketplace_id = await read(context, lambda c: _marketplace_of(c, seller_id, job_id))
    try:
        telling, document = await read_one(context, source, marketplace_id, seller_id, job_id)
    except (SellingApiException, AuthorizationError):
        at = context.clock.now() + _wait_for(3, None)
        await transact(context, lambda c: outbox.settle_later(c, seller_id, job_id, at))
        return False

    async def store(c: Connection) -> None:
        await keep(context, c, source)
        await jobs.mirrored(c, seller_id, [job_id])  # its lock: no write is queued from here on
        if await outbox.of_job(c, seller_id, job_id, state="WAITING"):
            return  # another write was made meanwhile; the job is read after it
        if document is None:
            await note_gone(c, telling, job_id)
        else:
            await take_in(c, telling, [document], settling=True)
        await outbox.settle(c, seller_id, job_id)

    await transact(context, store)
    return True


async def _marketplace_of(c: Connection, seller_id: str, job_id: str) -> str:
    found = await jobs.document_of(c, seller_id, job_id)
    assert found is not None, "entries refer to their job"
    return found.marketplace_id
