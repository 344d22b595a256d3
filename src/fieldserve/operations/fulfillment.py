"""Record what was done: expected arrival, times, technicians, proof documents."""

from dataclasses import dataclass

import msgspec

from fieldserve.domain import jobs as rules
from fieldserve.domain.intervals import Interval
from fieldserve.domain.jobs import Appointment, AssignedTechnician, Job
from fieldserve.operations import documents as proofs
from fieldserve.operations import run
from fieldserve.operations.jobs import job_to_change, log_change
from fieldserve.operations.mirrored_jobs import LONGEST_TECHNICIAN_ID, crew, visit_of_job
from fieldserve.operations.outbox import send_out
from fieldserve.operations.run import Caller, Context, aside, transact
from fieldserve.store import documents, jobs, mirrors, resources
from fieldserve.store.engine import Connection
from fieldserve.wire import fulfillment as wire
from fieldserve.wire.appointments import NO_JOB, AppointmentResource
from fieldserve.wire.errors import ApiError, Fault
from fieldserve.wire.fulfillment import SetAppointmentFulfillmentDataRequest
from fieldserve.wire.times import Instant

FULFILL = "setAppointmentFulfillmentData"


async def set_appointment_fulfillment_data(
    context: Context,
    caller: Caller,
    service_job_id: str,
    appointment_id: str,
    request: SetAppointmentFulfillmentDataRequest,
) -> None:
    """Record any of an appointment's arrival, times, technicians and documents, all or none of what is sent.

    Start and end of work make it COMPLETED and give it its proof. Raises ApiError: the ids and states one by one
    (NO_JOB, JOB_NOT_UPDATABLE, APPOINTMENT_NOT_IN_JOB, APPOINTMENT_NOT_UPDATABLE), then the first fault of each of
    resources, time, arrival and documents together."""

    # Files and the malware check are waited for outside the transaction; `attach` makes sure that they still stand.
    given = request.fulfillment_documents or ()
    if given:  # which know an appointment by the id that it has at its source
        told_id = appointment_id
        appointment_id = await run.read(
            context, lambda c: mirrors.real_id(c, caller.seller_id, told_id), snapshot=False
        )
    prepared = await aside(context, lambda outer: proofs.prepare_documents(outer, caller, appointment_id, given))

    async def record(c: Connection) -> None:
        job, visit = await _visit(c, caller, service_job_id, appointment_id)
        now = context.clock.now()
        read = await _read(context, c, job, visit, request, now)
        if isinstance(prepared, Fault):
            read.faults.append(prepared)
        elif (fault := await proofs.attach(c, caller, appointment_id, prepared, now)) is not None:
            read.faults.append(fault)
        if read.faults:
            raise ApiError(422, read.faults)
        count = len(await documents.of_appointment(c, caller.seller_id, visit.appointment_id))
        recorded = rules.fulfill(
            job,
            visit.appointment_id,
            now,
            arrival=read.arrival,
            worked=read.worked,
            technicians=read.technicians,
            documents=count,
        )
        await jobs.save(c, job, recorded)
        attached = [] if isinstance(prepared, Fault) else [one.upload_destination_id for one in prepared]
        more: dict[str, object] = {"documents": attached} if attached else {}
        await log_change(context, c, caller, "appointment.fulfilled", job, recorded, more)
        send = msgspec.to_builtins(request)
        await send_out(context, c, caller, job, FULFILL, send, appointment_id=visit.appointment_id)

    await transact(context, record)


@dataclass(frozen=True, slots=True)
class _Read:
    """What the request says, and its faults in the order of the API."""

    faults: list[Fault]
    technicians: tuple[AssignedTechnician, ...] = ()
    worked: Interval | None = None
    arrival: Interval | None = None


async def _visit(c: Connection, caller: Caller, service_job_id: str, appointment_id: str) -> tuple[Job, Appointment]:
    job = await job_to_change(c, caller, service_job_id, NO_JOB)
    if not rules.may("fulfill", job.status):
        raise wire.JOB_NOT_UPDATABLE.error(job_id=service_job_id)
    appointment = await visit_of_job(c, job, appointment_id)
    if appointment is None:
        raise wire.APPOINTMENT_NOT_IN_JOB.error(appointment_id=appointment_id)
    if appointment.status == "CANCELLED":
        raise wire.APPOINTMENT_NOT_UPDATABLE.error(appointment_id=appointment_id)
    return job, appointment


async def _read(
    context: Context,
    c: Connection,
    job: Job,
    visit: Appointment,
    request: SetAppointmentFulfillmentDataRequest,
    now: Instant,
) -> _Read:
    faults: list[Fault] = []
    technicians = await _technicians(context, c, job, visit, request.appointment_resources or [])
    if isinstance(technicians, Fault):
        faults.append(technicians)
        technicians = ()
    worked = arrival = None
    if request.fulfillment_time is not None:
        worked = wire.read_fulfillment_time(request.fulfillment_time, now)
        if isinstance(worked, Fault):
            faults.append(worked)
    if request.estimated_arrival_time is not None:
        arrival = wire.read_arrival(request.estimated_arrival_time)
        if isinstance(arrival, Fault):
            faults.append(arrival)
    return _Read(faults, technicians, _span(worked), _span(arrival))


def _span(read: wire.Span | Fault | None) -> Interval | None:
    return (read.start, read.end) if isinstance(read, wire.Span) else None


async def _technicians(
    context: Context, c: Connection, job: Job, visit: Appointment, given: list[AppointmentResource]
) -> tuple[AssignedTechnician, ...] | Fault:
    ids = list(dict.fromkeys(one.resource_id or "" for one in given))
    if not ids:
        return ()
    if any(not 1 <= len(one) <= LONGEST_TECHNICIAN_ID for one in ids):
        return wire.RESOURCE_INVALID.fault()
    if job.mirrored_from is not None:
        return await crew(context, c, job, visit, ids)
    found = {one.resource_id: one for one in await resources.find_all(c, job.seller_id, ids)}
    if any(one.kind != "TECHNICIAN" for one in found.values()):
        return wire.RESOURCE_INVALID.fault()
    if len(found) < len(ids):
        return wire.RESOURCE_NOT_EXIST.fault()
    return tuple(AssignedTechnician(one, found[one].name) for one in ids)
