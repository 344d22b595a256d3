"""The dispatcher's board: what a day looks like, what a change would break, and changes to a job as it was seen.

Changes go through the ordinary operations, several of them as one transaction where a drop on the board means several.
Each says which version of the job it was decided on (`updated_at`): of two dispatchers who change the same job the
second is told who was first, and nothing of either is lost.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from fieldserve.domain import appointments as rules
from fieldserve.domain.capacity import Visit, capacities
from fieldserve.domain.intervals import Instant, Interval, Run
from fieldserve.domain.schedules import occurrences
from fieldserve.operations import appointments
from fieldserve.operations.jobs import job_to_change
from fieldserve.operations.run import Caller, Context, read, transact
from fieldserve.store import assignments, board, events, jobs, reservations, schedules, services, stores, technicians
from fieldserve.store.board import JobRow, Search, VisitRow
from fieldserve.store.engine import Connection, Joined
from fieldserve.store.stores import Store
from fieldserve.store.technicians import Technician
from fieldserve.wire.appointments import AppointmentWindow
from fieldserve.wire.errors import Says
from fieldserve.wire.jobs import JOB_NOT_FOUND

T = TypeVar("T")

# Said to pages of the console alone, so it stands in no table of the API.
CHANGED_MEANWHILE = Says(
    409,
    "Conflict",
    "The job {job_id} was changed meanwhile. Look at it again before you change it.",
    "somebody else changed the job since it was shown; details say who",
)

MOST_WAITING = 300
MOST_RESOURCES = 500


@dataclass(frozen=True, slots=True)
class Day:
    """A technician's hours and absences within a window: runs of the schedule, and reservations with their type."""

    technician: Technician
    hours: Sequence[Run]
    absences: Sequence[tuple[Instant, Instant, str]]


@dataclass(frozen=True, slots=True)
class Board:
    """All that a board shows of a window. `sequence` is the event log's end when it was read: later ones are news."""

    stores: Sequence[Store]
    days: Sequence[Day]
    visits: Sequence[VisitRow]
    waiting: Sequence[JobRow]
    sequence: int


async def load_board(context: Context, caller: Caller, window: Interval, closed_since: Instant) -> Board:
    """The seller's board of a window; jobs that ended lately (since `closed_since`) stand in the tray, too."""

    async def load(c: Connection) -> Board:
        sequence = await events.last_sequence(c)
        found_stores = await stores.page(c, caller.seller_id, "", MOST_RESOURCES)
        team = await technicians.page(c, caller.seller_id, "", MOST_RESOURCES)
        waiting = await board.jobs_in(c, caller.seller_id, ("PENDING_SCHEDULE", "HOLD"), 0, MOST_WAITING)
        ended = await board.jobs_in(c, caller.seller_id, ("CANCELLED", "PAYMENT_DECLINED"), closed_since, MOST_WAITING)
        return Board(
            found_stores,
            await days_of(c, caller.seller_id, team, window),
            await board.visits(c, caller.seller_id, window),
            [*waiting, *ended],
            sequence,
        )

    return await read(context, load)


async def days_of(c: Connection, seller_id: str, team: Sequence[Technician], window: Interval) -> list[Day]:
    """Hours and absences of the team within the window."""
    ids = [one.technician_id for one in team]
    records = await schedules.of_resources(c, seller_id, ids, window)
    away = await reservations.of_resources(c, seller_id, ids, window)
    found = []
    for one in team:
        zone = one.resource.zone
        hours = capacities(records.get(one.technician_id, ()), (), (), zone, window).scheduled
        absences = [
            (max(start, window[0]), min(end, window[1]), reservation.type.value)
            for reservation in away.get(one.technician_id, ())
            for start, end in occurrences(reservation.availability, zone, window)
        ]
        found.append(Day(one, [run for run in hours.runs(window) if run[2]], sorted(absences)))
    return found


async def search_jobs(
    context: Context, caller: Caller, wanted: Search, before: tuple[Instant, str] | None, limit: int
) -> list[JobRow]:
    """The seller's jobs that match, the newest orders first, those behind the key `before`."""
    return await read(context, lambda c: board.search(c, caller.seller_id, wanted, before, limit), snapshot=False)


# ---- what a drop on the board would break


@dataclass(frozen=True, slots=True)
class Prospect:
    """A technician for a visit: what speaks against them (the domain's words), and whether they have another then."""

    technician_id: str
    name: str
    mismatches: tuple[str, ...]
    overbooked: bool

    @property
    def free(self) -> bool:
        return not self.mismatches and not self.overbooked


async def find_prospects(
    context: Context, caller: Caller, service_job_id: str, start: Instant | None
) -> list[Prospect]:
    """Every technician of the job's store for its appointment, or for a visit that starts then; the best first.

    Raises ApiError: JOB_NOT_FOUND."""

    async def load(c: Connection) -> list[Prospect]:
        job = await jobs.find(c, caller.seller_id, service_job_id)
        service = None if job is None else await services.find(c, caller.seller_id, job.asin)
        if job is None or service is None:
            raise JOB_NOT_FOUND.error(job_id=service_job_id)
        active = job.active_appointment
        if start is None and active is None:
            return []
        begin = active.start if active is not None and start is None else start or 0
        length = active.end - active.start if active is not None else service.rules.duration
        visit = Visit(begin, begin + length, service.rules.buffer_before, service.rules.buffer_after)
        around = (visit.start - visit.buffer_before, visit.end + visit.buffer_after)
        ids = [one.technician_id for one in await technicians.page(c, caller.seller_id, "", MOST_RESOURCES)]
        found = await assignments.candidates(c, caller.seller_id, ids, around, lock=False)
        own = rules.visit_of(active) if active is not None else None
        here = {one.technician_id for one in active.technicians} if active is not None else set()
        prospects = []
        for one in found.values():
            candidate = rules.leaving(one, own) if own is not None and one.technician_id in here else one
            against = tuple(rules.mismatches([candidate], service.rules, job.store_id, visit))
            prospects.append(Prospect(one.technician_id, one.name, against, rules.overbooked(candidate, visit)))
        return sorted(prospects, key=lambda one: (len(one.mismatches), one.overbooked, one.name, one.technician_id))

    return await read(context, load)


# ---- changes to a job as it was seen


async def on_version(
    context: Context, caller: Caller, service_job_id: str, version: Instant, do: Callable[[Context], Awaitable[T]]
) -> T:
    """What `do` answers, if the job is still as it was at `version`; all that it does is one transaction.

    `do` gets a context whose database is that transaction. Raises ApiError: JOB_NOT_FOUND, CHANGED_MEANWHILE, and what
    `do` raises."""

    async def use(c: Connection) -> T:
        job = await job_to_change(c, caller, service_job_id, JOB_NOT_FOUND)
        if job.updated_at != version:
            last = await events.last_about(c, caller.seller_id, service_job_id)
            who = last.event.actor if last is not None else "somebody"
            raise CHANGED_MEANWHILE.error(who, job_id=service_job_id)
        return await do(replace(context, database=Joined(c)))

    return await transact(context, use)


@dataclass(frozen=True, slots=True)
class Placed:
    """A job after a change on the board: its appointment, and warnings as the API gives them."""

    appointment_id: str
    warnings: tuple[str, ...] = ()


async def place(
    context: Context,
    caller: Caller,
    service_job_id: str,
    start: Instant | None,
    technician_ids: Sequence[str] | None,
    reason_code: str,
) -> Placed:
    """Book or move the job's appointment to a start (None leaves it), and staff it anew (None leaves it), as one.

    Raises ApiError as booking, moving and assigning do."""
    job = await read(context, lambda c: jobs.find(c, caller.seller_id, service_job_id))
    if job is None:
        raise JOB_NOT_FOUND.error(job_id=service_job_id)
    active, warnings = job.active_appointment, []
    appointment_id = active.appointment_id if active is not None else ""
    if start is not None and active is None:
        window = AppointmentWindow(start, None)
        booked = await appointments.add_appointment_for_service_job_by_service_job_id(
            context, caller, service_job_id, window
        )
        appointment_id = booked.appointment_id or ""
    elif start is not None and active is not None and start != active.start:
        window = AppointmentWindow(start, (active.end - active.start) // 60_000_000)
        moved = await appointments.reschedule_appointment_for_service_job_by_service_job_id(
            context, caller, service_job_id, appointment_id, window, reason_code
        )
        appointment_id = moved.appointment_id or ""
        # Who is named for the new time is told below; who merely stayed behind is news.
        if technician_ids is None:
            warnings += [one.message for one in moved.warnings or ()]
    if technician_ids is not None:
        answer = await appointments.assign_appointment_resources(
            context, caller, service_job_id, appointment_id, list(technician_ids)
        )
        if answer is not None and answer.payload is not None:
            warnings += [one.message for one in answer.payload.warnings or ()]
    return Placed(appointment_id, tuple(warnings))
