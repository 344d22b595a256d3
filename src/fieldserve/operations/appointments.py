"""Book, move and staff appointments.

Booking decides with the same function that lists slots, inside the transaction that stores the appointment, while the
rows of the store and its technicians are locked: of two callers for the last unit exactly one gets it.
"""

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from typing import NoReturn, TypeVar

from fieldserve.domain import appointments as domain
from fieldserve.domain import jobs as job_rules
from fieldserve.domain.intervals import MINUTE, Instant
from fieldserve.domain.jobs import Appointment, AssignedTechnician, Job
from fieldserve.domain.services import Service
from fieldserve.domain.slots import HORIZON, ServiceRules, StoreState, Visit, capacity_at
from fieldserve.operations.jobs import job_to_change, log_change
from fieldserve.operations.mirrored_jobs import crew, visit_of_job
from fieldserve.operations.outbox import send_out
from fieldserve.operations.run import Caller, Context, transact
from fieldserve.operations.slot_travel import REACH, place_of, seen_from
from fieldserve.store import assignments, jobs, services, slot_travel, slots
from fieldserve.store.engine import Connection
from fieldserve.store.events import Event
from fieldserve.wire import appointments as wire
from fieldserve.wire import jobs as wire_jobs
from fieldserve.wire.appointments import AppointmentWindow, SetAppointmentResponse
from fieldserve.wire.errors import ApiError, Says
from fieldserve.wire.times import render

T = TypeVar("T")

ADD = "addAppointmentForServiceJobByServiceJobId"
MOVE = "rescheduleAppointmentForServiceJobByServiceJobId"
ASSIGN = "assignAppointmentResources"

_MISMATCHES = {
    "LOCATION_TYPE": wire.MISMATCHED_LOCATION_TYPE,
    "SKILLS": wire.MISSING_SKILLS,
    "STORE": wire.NOT_IN_STORE,
    "REGISTRATION": wire.NOT_REGISTERED,
    "BACKGROUND_CHECK": wire.NO_BACKGROUND_CHECK,
    "TIME_WINDOW": wire.NOT_IN_TIME_WINDOW,
}


async def add_appointment_for_service_job_by_service_job_id(
    context: Context, caller: Caller, service_job_id: str, window: AppointmentWindow
) -> SetAppointmentResponse:
    """Book a slot for the job.

    Raises ApiError: NO_JOB, OPERATION_NOT_ALLOWED, HAS_ACTIVE_APPOINTMENT, and as `_take`."""

    async def book(c: Connection) -> SetAppointmentResponse:
        job = await job_to_change(c, caller, service_job_id, wire.NO_JOB)
        if not job_rules.may("add", job.status):
            raise wire_jobs.OPERATION_NOT_ALLOWED.error(job_id=service_job_id, status=job.status)
        if job.active_appointment is not None:
            raise wire.HAS_ACTIVE_APPOINTMENT.error(job_id=service_job_id)
        taken = await _take(context, c, job, window, None)
        booked = job_rules.add_appointment(job, taken.appointment, context.clock.now())
        await jobs.save(c, job, booked)
        await log_change(context, c, caller, "appointment.added", job, booked, {})
        made = taken.appointment.appointment_id
        await send_out(context, c, caller, job, ADD, {"appointmentTime": _asked(window)}, makes=made)
        return SetAppointmentResponse(appointment_id=taken.appointment.appointment_id)

    return await _observing_refusals(context, caller, service_job_id, window, transact(context, book))


async def reschedule_appointment_for_service_job_by_service_job_id(
    context: Context,
    caller: Caller,
    service_job_id: str,
    appointment_id: str,
    window: AppointmentWindow,
    reason_code: str,
) -> SetAppointmentResponse:
    """Move the appointment to another slot, under a new id. Technicians who are free then stay with it.

    Raises ApiError: NO_JOB, NO_APPOINTMENT, OPERATION_NOT_ALLOWED, APPOINTMENT_NOT_ACTIVE, RESCHEDULE_REASON, and as
    `_take`."""

    async def move(c: Connection) -> SetAppointmentResponse:
        job, old = await _appointment_to_change(c, caller, service_job_id, appointment_id, wire.NO_JOB)
        if not job_rules.may("reschedule", job.status):
            raise wire_jobs.OPERATION_NOT_ALLOWED.error(job_id=service_job_id, status=job.status)
        if old.status != "ACTIVE":
            raise wire.APPOINTMENT_NOT_ACTIVE.error(job_id=service_job_id, appointment_id=appointment_id)
        if job.mirrored_from is None and reason_code not in context.settings.reschedule_reason_codes:
            raise wire.RESCHEDULE_REASON.error(job_id=service_job_id)
        taken = await _take(context, c, job, window, old)
        moved = job_rules.reschedule(job, old.appointment_id, taken.appointment, context.clock.now())
        await jobs.save(c, job, moved)
        await log_change(context, c, caller, "appointment.rescheduled", job, moved, {"reasonCode": reason_code})
        send = {"appointmentTime": _asked(window), "rescheduleReasonCode": reason_code}
        made = taken.appointment.appointment_id
        await send_out(context, c, caller, job, MOVE, send, appointment_id=old.appointment_id, makes=made)
        warnings = [wire.unassigned_warning(taken.unassigned)] if taken.unassigned else None
        return SetAppointmentResponse(appointment_id=taken.appointment.appointment_id, warnings=warnings)

    return await _observing_refusals(context, caller, service_job_id, window, transact(context, move))


async def assign_appointment_resources(
    context: Context, caller: Caller, service_job_id: str, appointment_id: str, resource_ids: list[str]
) -> wire.AssignAppointmentResourcesResponse | None:
    """Put these technicians, and nobody else, on the appointment; none clears it. Clashing appointments only warn.

    Raises ApiError: ASSIGN_NO_JOB, NO_APPOINTMENT, INVALID_RESOURCE, OPERATION_NOT_ALLOWED, UPDATE_NOT_ALLOWED, and one
    with every mismatch of technicians and job."""
    wanted = list(dict.fromkeys(resource_ids))

    async def assign(c: Connection) -> wire.AssignAppointmentResourcesResponse | None:
        job, appointment = await _appointment_to_change(c, caller, service_job_id, appointment_id, wire.ASSIGN_NO_JOB)
        if job.mirrored_from is None:
            team = await _team(c, caller, job, appointment, wanted)
        else:
            team = await crew(context, c, job, appointment, wanted)
            _check_assignable(job, appointment)
        overbooked = [one.technician_id for one in team if one.overbooked]
        if team != appointment.technicians:
            assigned = job_rules.assign(job, appointment.appointment_id, team, context.clock.now())
            await jobs.save(c, job, assigned)
            await log_change(context, c, caller, "appointment.assigned", job, assigned, {"overbooked": overbooked})
            send = {"resources": [{"resourceId": one} for one in wanted] or [{}]}
            await send_out(context, c, caller, job, ASSIGN, send, appointment_id=appointment.appointment_id)
        if not overbooked:
            return None
        warnings = wire.AssignmentWarnings([wire.overbooked_warning(overbooked)])
        return wire.AssignAppointmentResourcesResponse(payload=warnings)

    return await transact(context, assign)


async def _team(
    c: Connection, caller: Caller, job: Job, appointment: Appointment, wanted: list[str]
) -> tuple[AssignedTechnician, ...]:
    """The technicians asked for, if they may all go. Raises ApiError as the operation."""
    service = await _service(c, job)
    visit = domain.visit_of(appointment)
    candidates = await _candidates(c, caller, wanted, appointment, visit)
    _check_assignable(job, appointment)
    if mismatches := domain.mismatches(candidates, service.rules, job.store_id, visit):
        raise _mismatched(mismatches, candidates, service)
    return tuple(AssignedTechnician(one.technician_id, one.name, domain.overbooked(one, visit)) for one in candidates)


def _check_assignable(job: Job, appointment: Appointment) -> None:
    if not job_rules.may("assign", job.status):
        raise wire_jobs.OPERATION_NOT_ALLOWED.error(job_id=job.service_job_id, status=job.status)
    if appointment.status != "ACTIVE":
        raise wire.UPDATE_NOT_ALLOWED.error(appointment_id=appointment.appointment_id)


async def _observing_refusals(
    context: Context, caller: Caller, service_job_id: str, window: AppointmentWindow, booking: Awaitable[T]
) -> T:
    """What the booking answers; a refusal for want of a slot is noted, since it is demand that found nothing."""
    try:
        return await booking
    except ApiError as refusal:
        if refusal.says is wire.SLOT_NOT_AVAILABLE:
            context.observations.add(
                Event(
                    context.clock.now(),
                    caller.seller_id,
                    caller.actor,
                    "booking.refused",
                    service_job_id,
                    caller.request_id,
                    after={"start": window.start, "durationInMinutes": window.minutes},
                )
            )
        raise


@dataclass(frozen=True, slots=True)
class _Taken:
    """A new appointment on a slot that was free, and the technicians who could not come along."""

    appointment: Appointment
    unassigned: list[str]


async def _take(
    context: Context, c: Connection, job: Job, window: AppointmentWindow, old: Appointment | None
) -> _Taken:
    """A place for the job in the window; `old`, if any, is given up for it.

    Raises ApiError: START_NOT_IN_FUTURE, START_BEYOND_HORIZON, DURATION_TOO_SHORT, SLOT_NOT_AVAILABLE."""
    now = context.clock.now()
    if window.start <= now:
        raise wire.START_NOT_IN_FUTURE.error(job_id=job.service_job_id)
    if window.start > now + HORIZON:
        raise wire.START_BEYOND_HORIZON.error(job_id=job.service_job_id)
    service = await _service(c, job)
    rules = service.rules
    if job.mirrored_from is not None:
        return await _wished(context, c, job, window, rules, old)
    duration = rules.duration if window.minutes is None else window.minutes * MINUTE
    if duration < rules.duration:
        raise wire.DURATION_TOO_SHORT.error(job_id=job.service_job_id, minutes=rules.duration // MINUTE)
    end = window.start + duration
    travel = await slot_travel.rule(c, job.seller_id, job.store_id)
    place = place_of(service, travel, job.latitude, job.longitude) if travel.aware else None
    store = await slots.load(
        c,
        job.seller_id,
        job.store_id,
        (window.start, end),
        lock=True,
        buffer=max(rules.buffer_before, rules.buffer_after, REACH if place else 0),
    )
    state = store.state if store is not None else _gone(job.store_id)
    if old is not None:
        state = domain.without(state, old)
    if place is not None:
        state = await seen_from(c, context.settings, job.seller_id, job.store_id, state, place, (window.start, end))
    if capacity_at(rules, state, window.start, duration, now) < 1:
        raise wire.SLOT_NOT_AVAILABLE.error(job_id=job.service_job_id)
    return _placed(context, job, service, (window.start, end), state, old)


async def _wished(
    context: Context, c: Connection, job: Job, window: AppointmentWindow, rules: ServiceRules, old: Appointment | None
) -> _Taken:
    """The window, whatever is known here of the store: where the job lives decides, and it is asked next."""
    end = window.start + (rules.duration if window.minutes is None else window.minutes * MINUTE)
    made = Appointment(f"{job.service_job_id}_{context.ids.uuid()}", "ACTIVE", window.start, end)
    if old is not None:
        team = await crew(context, c, job, made, [one.technician_id for one in old.technicians])
        made = replace(made, technicians=team)
    return _Taken(made, [])


def _asked(window: AppointmentWindow) -> dict[str, object]:
    minutes = {} if window.minutes is None else {"durationInMinutes": window.minutes}
    return {"startTime": render(window.start), **minutes}


def _placed(
    context: Context,
    job: Job,
    service: Service,
    span: tuple[Instant, Instant],
    state: StoreState,
    old: Appointment | None,
) -> _Taken:
    visit = Visit(*span, service.rules.buffer_before, service.rules.buffer_after)
    team = old.technicians if old is not None else ()
    free = domain.free_technicians(state, visit) if team else frozenset()
    appointment = Appointment(
        f"{job.service_job_id}_{context.ids.uuid()}",
        "ACTIVE",
        *visit,
        technicians=tuple(AssignedTechnician(one.technician_id, one.name) for one in team if one.technician_id in free),
    )
    return _Taken(appointment, [one.technician_id for one in team if one.technician_id not in free])


def _gone(what: str) -> NoReturn:
    # Foreign keys keep a job's store and service; without them there is nothing sensible to answer.
    raise RuntimeError(f"{what} is missing behind a job")


async def _service(c: Connection, job: Job) -> Service:
    service = await services.find(c, job.seller_id, job.asin)
    return service if service is not None else _gone(job.asin)


async def _appointment_to_change(
    c: Connection, caller: Caller, service_job_id: str, appointment_id: str, unknown: Says
) -> tuple[Job, Appointment]:
    """The job under lock, and its appointment. Raises ApiError: `unknown`, UNAUTHORIZED_ACTION, NO_APPOINTMENT."""
    job = await job_to_change(c, caller, service_job_id, unknown)
    appointment = await visit_of_job(c, job, appointment_id)
    if appointment is None:
        raise wire.NO_APPOINTMENT.error(job_id=service_job_id, appointment_id=appointment_id)
    return job, appointment


async def _candidates(
    c: Connection, caller: Caller, wanted: list[str], appointment: Appointment, visit: Visit
) -> list[domain.Candidate]:
    """The technicians asked for, in that order, without this appointment on their day.

    Raises ApiError INVALID_RESOURCE."""
    if not wanted:
        return []
    around = (visit.start - visit.buffer_before, visit.end + visit.buffer_after)
    found = await assignments.candidates(c, caller.seller_id, wanted, around)
    for technician_id in wanted:
        if technician_id not in found:
            raise wire.INVALID_RESOURCE.error(resource_id=technician_id)
    here = {one.technician_id for one in appointment.technicians} if appointment.status == "ACTIVE" else set()
    return [domain.leaving(found[one], visit) if one in here else found[one] for one in wanted]


def _mismatched(
    mismatches: dict[domain.Mismatch, list[str]], candidates: list[domain.Candidate], service: Service
) -> ApiError:
    """All mismatches in the API's order, each with the technicians that it concerns."""
    lacking = [skill for skill in service.skills if any(skill not in one.skills for one in candidates)]
    return ApiError(
        422,
        [
            says.fault(resources=",".join(mismatches[mismatch]), skills=",".join(lacking))
            for mismatch, says in _MISMATCHES.items()
            if mismatch in mismatches
        ],
    )
