"""What a source tells of its jobs becomes rows here: the same tables as for jobs that live here.

Its document is kept as it came. What columns need and the document does not tell is made up and marked so: a store or
service that nobody has set up, a technician of whom an id and a name are known. When somebody means to arrive, what
happened before the first reading, where the job is: unknown, and left empty.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from fieldserve.domain.intervals import DAY, MINUTE, Instant, Interval
from fieldserve.domain.jobs import Appointment, AssignedTechnician, Job, Proof
from fieldserve.domain.services import Service
from fieldserve.domain.slots import ServiceRules
from fieldserve.operations.jobs import told as told_appointment
from fieldserve.operations.run import Context
from fieldserve.store import events, jobs, mirrors, stores, technicians
from fieldserve.store.engine import AlreadyExists, Connection, Joined
from fieldserve.store.mirrors import MirrorFault
from fieldserve.store.stores import Store
from fieldserve.wire import appointments as wire
from fieldserve.wire.appointments import INVALID_RESOURCE
from fieldserve.wire.jobs import ServiceJob
from fieldserve.wire.times import TimeFault, parse

NO_STORE, NO_ASIN = "UNKNOWN", "UNKNOWN000"
"""What a job's store and service are called where it names none."""
ASSUMED_DURATION = 60 * MINUTE
GONE = "the source has no such job any more; what is here is what it told last"
LONGEST_TECHNICIAN_ID = 50
_LONGEST = 7 * DAY


class Unreadable(ValueError):
    """A document that cannot be kept; the text says why."""


@dataclass(frozen=True, slots=True)
class Telling:
    """Who tells, of whose jobs, when it was asked (by our clock), and what is said of it in the event log."""

    account: str
    seller_id: str
    marketplace_id: str
    began: Instant
    now: Instant

    @property
    def actor(self) -> str:
        """The source, as the event log names it."""
        return f"mirror:{self.account}"


@dataclass(slots=True)
class Taken:
    """What came of the documents of some jobs. `left` are those of which something newer is here already."""

    new: int = 0
    changed: int = 0
    same: int = 0
    left: int = 0
    faults: int = 0


async def take_in(c: Connection, telling: Telling, documents: Sequence[bytes], *, settling: bool = False) -> Taken:
    """Store what a source tells of jobs, each whole or, with the reason noted, not at all.

    A job with writes that are still on their way to the source is left, unless `settling`: it is read again after
    them. One whose personal data was erased here stays erased."""
    by_id = {_id_of(one): one for one in documents}
    stored = await jobs.mirrored(c, telling.seller_id, sorted(by_id))
    taken = Taken()
    same, good = [], []
    for job_id in sorted(by_id):
        known, document = stored.get(job_id), by_id[job_id]
        if known is not None and known.mirrored_from == telling.account:
            if known.erased or known.synced_at >= telling.began or (known.busy and not settling):
                taken.left += 1
                continue
            # What was changed here and is now so there, too, is no news; but from now on it is what the source told.
            if _same(known.document, document) and not settling:
                taken.same += 1
                same.append(job_id)
                continue
        reason = await _put(c, telling, document, known)
        if reason is None:
            taken.new += known is None
            taken.changed += known is not None
            good.append(job_id)
        else:
            taken.faults += 1
            await mirrors.put_fault(
                c, MirrorFault(telling.account, job_id, telling.marketplace_id, reason, telling.now)
            )
    await jobs.confirm(c, telling.seller_id, same, telling.began)
    await mirrors.forget_faults(c, telling.account, [*same, *good])
    return taken


async def note_gone(c: Connection, telling: Telling, service_job_id: str) -> None:
    """The source has no such job. What it told last stays, without what was changed here since."""
    job = await jobs.find(c, telling.seller_id, service_job_id, lock=True)
    if job is not None:
        await take_in(c, telling, [job.details], settling=True)
    fault = MirrorFault(telling.account, service_job_id, telling.marketplace_id, GONE, telling.now)
    await mirrors.put_fault(c, fault)


class _Named(msgspec.Struct, rename="camel"):
    service_job_id: str = ""


def _id_of(document: bytes) -> str:
    try:
        return msgspec.json.decode(document, type=_Named).service_job_id
    except msgspec.MsgspecError:
        return ""


def _same(one: bytes, other: bytes) -> bool:
    return one == other or msgspec.json.decode(one) == msgspec.json.decode(other)


async def _put(c: Connection, telling: Telling, document: bytes, known: jobs.Mirrored | None) -> str | None:
    """Store one job; or the reason why not."""
    if known is not None and known.mirrored_from != telling.account:
        return f"another job with this id {_whose(known.mirrored_from)}"
    try:
        job = read_job(document, telling)
        is_news = known is None or not _same(known.document, document)
        await Joined(c).write(lambda inner: _store(inner, telling, job, is_news=is_news))
    except Unreadable as fault:
        return str(fault)
    except AlreadyExists as fault:
        return f"something else has one of its ids: {fault}"
    return None


def _whose(account: str | None) -> str:
    return "lives here" if account is None else f"is mirrored from {account}"


async def _store(c: Connection, telling: Telling, job: Job, *, is_news: bool) -> None:
    before = await jobs.find(c, job.seller_id, job.service_job_id, lock=True)
    aliases = await mirrors.aliases(c, job.seller_id, job.service_job_id)
    appointments = [await _staffed(c, job, _with_what_is_known(one, before, aliases)) for one in job.appointments]
    after = replace(job, appointments=tuple(appointments))
    if before is not None:
        updated_at = max(telling.now, before.updated_at + 1) if is_news else before.updated_at
        after = replace(after, updated_at=updated_at, latitude=before.latitude, longitude=before.longitude)
    await _make_up(c, telling, after)
    await jobs.put_mirrored(c, before, after, telling.began, aliases)
    if is_news:
        await _log(c, telling, before, after)


async def _log(c: Connection, telling: Telling, before: Job | None, after: Job) -> None:
    await events.append(
        c,
        events.Event(
            telling.now,
            after.seller_id,
            telling.actor,
            "job.observed",
            after.service_job_id,
            None,
            before
            and {"status": before.status, "appointments": [told_appointment(one) for one in before.appointments]},
            {
                "status": after.status,
                "marketplaceId": after.marketplace_id,
                "storeId": after.store_id,
                "asin": after.asin,
                "createdAt": after.created_at,
                "appointments": [told_appointment(one) for one in after.appointments],
                "asOf": telling.began,
            },
        ),
    )


def _with_what_is_known(one: Appointment, before: Job | None, aliases: Mapping[str, str]) -> Appointment:
    """The appointment with what was recorded of it here, and the source took but does not tell."""
    if before is None:
        return one
    earlier = {aliases.get(old.appointment_id, old.appointment_id): old for old in before.appointments}
    old = earlier.get(one.appointment_id)
    if old is None:
        return one
    return replace(one, arrival=old.arrival, worked=one.worked or old.worked)


async def _staffed(c: Connection, job: Job, one: Appointment) -> Appointment:
    """The appointment, with those marked who are somewhere else at that time, too."""
    if one.status != "ACTIVE" or not one.technicians:
        return one
    ids = [each.technician_id for each in one.technicians]
    elsewhere = await jobs.taken(c, job.seller_id, ids, (one.start, one.end), job.service_job_id)
    team = [replace(each, overbooked=each.technician_id in elsewhere) for each in one.technicians]
    return replace(one, technicians=tuple(team))


async def _make_up(c: Connection, telling: Telling, job: Job) -> None:
    store = _store_of(job, telling.now)
    await mirrors.make_up_store(c, store, telling.account)
    await mirrors.make_up_service(c, job.seller_id, _service_of(job), telling.account, telling.now)
    people = {one.technician_id: one for visit in job.appointments for one in _people_of(visit)}
    if people:
        await mirrors.make_up_technicians(c, store, list(people.values()), telling.account, telling.now)


def _people_of(visit: Appointment) -> Iterable[AssignedTechnician]:
    return (*visit.technicians, *(visit.proof.technicians if visit.proof else ()))


def _store_of(job: Job, now: Instant) -> Store:
    # The source holds the inventory: that is what this type of scheduling says.
    return Store(job.seller_id, job.store_id, job.store_id, "UTC", job.marketplace_id, "NON_REAL_TIME_SCHEDULING", now)


def _service_of(job: Job) -> Service:
    told = msgspec.json.decode(job.details, type=ServiceJob)
    scope, place = told.scope_of_work, told.service_location
    skills = tuple(dict.fromkeys((scope and scope.required_skills) or ()))
    lasts = next((one.end - one.start for one in reversed(job.appointments)), ASSUMED_DURATION)
    rules = ServiceRules(
        max(MINUTE, lasts // MINUTE * MINUTE),
        30 * MINUTE,
        0,
        0,
        0,
        frozenset(skills),
        (place and place.service_location_type) or "IN_HOME",
    )
    return Service(job.asin, (scope and scope.title) or job.asin, rules, skills)


# ---- reading a document


def read_job(document: bytes, telling: Telling) -> Job:
    """The job that a document tells of, which is also its `details`. Raises Unreadable."""
    try:
        told = msgspec.json.decode(document, type=ServiceJob)
    except msgspec.MsgspecError as fault:
        raise Unreadable(f"its document is not of the model's shape: {fault}") from None
    job_id, asin = told.service_job_id or "", (told.scope_of_work and told.scope_of_work.asin) or NO_ASIN
    if not 1 <= len(job_id) <= 63:
        raise Unreadable("its id must have 1 to 63 characters")
    if told.service_job_status is None:
        raise Unreadable("it has no serviceJobStatus")
    if len(asin) != 10:
        raise Unreadable(f"its ASIN {asin} has not 10 characters")
    created_at = telling.now if told.create_time is None else _time(told.create_time)
    return Job(
        telling.seller_id,
        job_id,
        told.marketplace_id or telling.marketplace_id,
        told.store_id or NO_STORE,
        asin,
        told.service_job_status,
        told.service_order_id or "",
        created_at,
        telling.now,
        document,
        appointments=tuple(_visits(told.appointments or ())),
        mirrored_from=telling.account,
    )


def _visits(told: Sequence[wire.Appointment]) -> list[Appointment]:
    """Those of the appointments that can stand on a calendar; of several active ones the last is."""
    visits: dict[str, Appointment] = {}
    for one in told:
        span = _span(one.appointment_time)
        if one.appointment_id and one.appointment_status and span:
            visits[one.appointment_id] = _visit(one, one.appointment_id, span)
    active = [one.appointment_id for one in visits.values() if one.status == "ACTIVE"]
    return [one for one in visits.values() if one.appointment_id not in active[:-1]]


def _visit(told: wire.Appointment, appointment_id: str, span: Interval) -> Appointment:
    if len(appointment_id) > 100:
        raise Unreadable(f"the id of its appointment {appointment_id} has more than 100 characters")
    assert told.appointment_status is not None
    poa = told.poa
    worked = _span(poa.appointment_time) if poa else None
    proof = None
    if poa and worked and poa.upload_time:
        by, at = _team(poa.technicians), _time(poa.upload_time)
        proof = Proof(worked, by, poa.uploading_technician, at, poa.poa_type or "NO_SIGNATURE_DUMMY_POS")
    return Appointment(
        appointment_id,
        told.appointment_status,
        *span,
        technicians=_team(told.assigned_technicians),
        rescheduled_to=told.rescheduled_appointment_id,
        worked=worked,
        proof=proof,
    )


def _span(told: wire.AppointmentTime | None) -> Interval | None:
    if told is None:
        return None
    start, length = _time(told.start_time), told.duration_in_minutes * MINUTE
    return (start, start + length) if 0 < length <= _LONGEST else None


def _team(told: Sequence[wire.Technician] | None) -> tuple[AssignedTechnician, ...]:
    team: dict[str, AssignedTechnician] = {}
    for one in told or ():
        if one.technician_id:
            if len(one.technician_id) > LONGEST_TECHNICIAN_ID:
                raise Unreadable(
                    f"the technician {one.technician_id} has an id of more than {LONGEST_TECHNICIAN_ID} characters"
                )
            team[one.technician_id] = AssignedTechnician(one.technician_id, one.name or one.technician_id)
    return tuple(team.values())


def _time(text: str) -> Instant:
    try:
        return parse(text)
    except TimeFault:
        raise Unreadable(f"{text} is no ISO 8601 time") from None


# ---- what is done here to a job that lives elsewhere


async def visit_of_job(c: Connection, job: Job, appointment_id: str) -> Appointment | None:
    """The job's appointment with that id, be it the one under which it was made here or the one of its source."""
    found = job.appointment(appointment_id)
    if found is None and job.mirrored_from is not None:
        found = job.appointment(await mirrors.real_id(c, job.seller_id, appointment_id))
    return found


async def crew(
    context: Context, c: Connection, job: Job, visit: Appointment, technician_ids: list[str]
) -> tuple[AssignedTechnician, ...]:
    """Technicians of a mirrored job's appointment, of whom its source knows more than is known here: whoever is unknown
    is made up, and whoever is somewhere else then is marked so."""
    account = job.mirrored_from
    store = await stores.find(c, job.seller_id, job.store_id)
    assert account is not None
    assert store is not None
    named = [AssignedTechnician(one, one) for one in technician_ids if len(one) <= LONGEST_TECHNICIAN_ID]
    await mirrors.make_up_technicians(c, store, named, account, context.clock.now())
    names = {one.technician_id: one.name for one in await technicians.find_all(c, job.seller_id, technician_ids)}
    for one in technician_ids:
        if one not in names:
            raise INVALID_RESOURCE.error(resource_id=one)
    elsewhere = await jobs.taken(c, job.seller_id, technician_ids, (visit.start, visit.end), job.service_job_id)
    return tuple(AssignedTechnician(one, names[one], one in elsewhere) for one in technician_ids)
