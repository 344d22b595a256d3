"""A technician's own day: their visits, and what they tell of them from where they are.

Phones lose their network. What is told comes later, comes twice, or comes when a dispatcher has changed the day: so
each deed says when it was done by the phone's clock, does nothing where it was done before, and finds the job's
appointment of now, as long as the technician is still one of its crew.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fieldserve.domain.intervals import DAY, MINUTE, SECOND, Instant, Interval
from fieldserve.domain.jobs import Appointment, Job
from fieldserve.operations.board import days_of
from fieldserve.operations.documents import take_in
from fieldserve.operations.fulfillment import set_appointment_fulfillment_data
from fieldserve.operations.jobs import complete_service_job_by_service_job_id
from fieldserve.operations.run import Caller, Context, read, transact
from fieldserve.operations.sellers import log
from fieldserve.store import beginnings, board, jobs, technicians
from fieldserve.store.board import VisitRow
from fieldserve.store.engine import Connection, Joined
from fieldserve.store.technicians import Technician
from fieldserve.wire.documents import ContentType
from fieldserve.wire.errors import Says
from fieldserve.wire.fulfillment import DateTimeRange, FulfillmentTime, SetAppointmentFulfillmentDataRequest
from fieldserve.wire.times import render

AHEAD = 2 * MINUTE
"""A phone's clock may be that much ahead; the deed then counts as done now."""
BEHIND = 7 * DAY
"""What was done longer ago is told to a dispatcher, who can record it."""
ARRIVES_WITHIN = 15 * MINUTE
"""How long the window is in which a technician says they will arrive."""

# Said to the technician's page alone, so they stand in no table of the API.
NOT_YOURS = Says(
    409,
    "Conflict",
    "This visit is not yours any more. Tell your dispatcher what you did.",
    "the job is gone, or somebody else has its appointment now",
)
CLOCK_AHEAD = Says(422, "InvalidInput", "The clock of this phone is ahead. Set it, then try again.", "a later time")
TOO_OLD = Says(422, "InvalidInput", "That was over a week ago. Tell your dispatcher, who can record it.", "long ago")


@dataclass(frozen=True, slots=True)
class MyVisit:
    """A visit, and the document of its job as the API answers it."""

    visit: VisitRow
    document: bytes


@dataclass(frozen=True, slots=True)
class MyDay:
    """A technician's visits of a window by start, cancelled ones too, their hours, and absences with their type."""

    technician: Technician
    visits: Sequence[MyVisit]
    hours: Sequence[Interval]
    absences: Sequence[tuple[Instant, Instant, str]]


async def find_technician(context: Context, caller: Caller, technician_id: str | None) -> Technician | None:
    """The technician that a user is, if they are one."""
    if technician_id is None:
        return None
    return await read(context, lambda c: technicians.find(c, caller.seller_id, technician_id), snapshot=False)


async def load_my_day(context: Context, caller: Caller, technician: Technician, window: Interval) -> MyDay:
    """The technician's visits that begin within the window."""

    async def load(c: Connection) -> MyDay:
        found = []
        for one in await board.visits(c, caller.seller_id, window):
            is_mine = technician.technician_id in {technician_id for technician_id, _, _ in one.technicians}
            if not is_mine or one.start < window[0]:
                continue
            stored = await jobs.document_of(c, caller.seller_id, one.service_job_id)
            assert stored is not None, "an appointment has a job"
            found.append(MyVisit(one, stored.document))
        (day,) = await days_of(c, caller.seller_id, [technician], window)
        return MyDay(technician, found, [(start, end) for start, end, _ in day.hours], day.absences)

    return await read(context, load)


# ---- what a technician tells


async def tell_arrival(
    context: Context, caller: Caller, technician_id: str, service_job_id: str, arrives_at: Instant
) -> None:
    """On the way: the window in which they will arrive, from then on. One that is over tells nobody anything, and is
    not recorded. Raises ApiError: NOT_YOURS, and what recording refuses."""
    start = _whole(arrives_at)
    if start + ARRIVES_WITHIN <= context.clock.now():
        return
    window = (start, start + ARRIVES_WITHIN)

    async def tell(c: Connection) -> None:
        job, appointment = await _mine(c, caller, technician_id, service_job_id)
        if appointment.arrival != window and appointment.worked is None:
            ask = SetAppointmentFulfillmentDataRequest(DateTimeRange(render(window[0]), render(window[1])))
            await _record(context, c, caller, job, appointment, ask)

    await transact(context, tell)


async def begin(context: Context, caller: Caller, technician_id: str, service_job_id: str, at: Instant) -> None:
    """At work since then; the first who says so counts. Raises ApiError: NOT_YOURS, CLOCK_AHEAD, TOO_OLD."""
    at = _believed(context, at)

    async def note(c: Connection) -> None:
        job, appointment = await _mine(c, caller, technician_id, service_job_id)
        known = await beginnings.find(c, caller.seller_id, appointment.appointment_id)
        if known is not None or appointment.worked is not None or appointment.status != "ACTIVE":
            return
        await beginnings.put(c, caller.seller_id, appointment.appointment_id, technician_id, at)
        told = {
            "appointmentId": appointment.appointment_id,
            "technicianId": technician_id,
            "startTime": render(at),
        }
        await log(context, c, caller, "appointment.started", job.service_job_id, None, told)

    await transact(context, note)


async def finish(
    context: Context, caller: Caller, technician_id: str, service_job_id: str, worked: Interval, *, done: bool
) -> None:
    """The visit is over: when work began and ended, and whether the whole job is `done`, or needs another visit.

    Both are recorded, or neither. Raises ApiError: NOT_YOURS, CLOCK_AHEAD, TOO_OLD, and what recording refuses."""
    start, end = _whole(worked[0]), _whole(_believed(context, worked[1]))

    async def record(c: Connection) -> None:
        job, appointment = await _mine(c, caller, technician_id, service_job_id)
        if appointment.worked != (start, end):
            ask = SetAppointmentFulfillmentDataRequest(fulfillment_time=FulfillmentTime(render(start), render(end)))
            await _record(context, c, caller, job, appointment, ask)
        if done and job.status != "COMPLETED":
            inside = replace(context, database=Joined(c))
            await complete_service_job_by_service_job_id(inside, caller, service_job_id)

    await transact(context, record)


async def hand_in(
    context: Context,
    caller: Caller,
    technician_id: str,
    service_job_id: str,
    name: str,
    content_type: ContentType,
    content: bytes,
) -> None:
    """A photo or signature as proof of the visit; the same `name` again is the same file.

    Raises ApiError: NOT_YOURS, and what recording a document refuses."""
    job, appointment = await read(context, lambda c: _mine(c, caller, technician_id, service_job_id, lock=False))
    told = await take_in(context, caller, name, content_type, content)
    ask = SetAppointmentFulfillmentDataRequest(fulfillment_documents=[told])
    await set_appointment_fulfillment_data(context, caller, job.service_job_id, appointment.appointment_id, ask)


async def _mine(
    c: Connection, caller: Caller, technician_id: str, service_job_id: str, *, lock: bool = True
) -> tuple[Job, Appointment]:
    """The job and its appointment of now, if the technician is one of its crew."""
    job = await jobs.find(c, caller.seller_id, service_job_id, lock=lock)
    standing = [one for one in job.appointments if one.status != "CANCELLED"] if job is not None else []
    if job is None or not standing or technician_id not in {one.technician_id for one in standing[-1].technicians}:
        raise NOT_YOURS.error()
    return job, standing[-1]


async def _record(
    context: Context,
    c: Connection,
    caller: Caller,
    job: Job,
    appointment: Appointment,
    ask: SetAppointmentFulfillmentDataRequest,
) -> None:
    inside = replace(context, database=Joined(c))
    await set_appointment_fulfillment_data(inside, caller, job.service_job_id, appointment.appointment_id, ask)


def _believed(context: Context, at: Instant) -> Instant:
    now = context.clock.now()
    if at > now + AHEAD:
        raise CLOCK_AHEAD.error()
    if at < now - BEHIND:
        raise TOO_OLD.error()
    return min(at, now)


def _whole(at: Instant) -> Instant:
    """To the second, as times of visits are told."""
    return at // SECOND * SECOND
