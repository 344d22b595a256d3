"""One job: what is known, what happened and who did it, and all that can be done to it. /console/{seller}/jobs/{id}"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from starlette.responses import Response

from fieldserve.console.jobs import choices
from fieldserve.console.pages import Refused, Visit, page
from fieldserve.console.words import Words, instant_of, local
from fieldserve.domain.intervals import Instant
from fieldserve.domain.jobs import Appointment, Deed, Job, may
from fieldserve.operations import board, documents, events, jobs, operator_jobs, outbox, services, slots
from fieldserve.operations import fulfillment as fulfilling
from fieldserve.operations.run import Context, read
from fieldserve.store import documents as stored_documents
from fieldserve.store import jobs as stored_jobs
from fieldserve.store import users
from fieldserve.store.engine import Connection
from fieldserve.store.jobs import document
from fieldserve.wire.fulfillment import DateTimeRange, FulfillmentTime, SetAppointmentFulfillmentDataRequest
from fieldserve.wire.jobs import ServiceJob
from fieldserve.wire.orders import JobDeed
from fieldserve.wire.slots import Window
from fieldserve.wire.times import MINUTE, parse, render

SLOT_DAYS = 14
_DAY = 86_400_000_000
_MEDIA_TYPES = {
    "JPG": "image/jpeg",
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "TIFF": "image/tiff",
    "PDF": "application/pdf",
}
_SHOWN = frozenset({"JPG", "JPEG", "PNG", "GIF"})

# What each kind of event is called in a job's story.
_TOLD = {
    "job.ordered": "Ordered",
    "job.cancelled": "Cancelled",
    "job.completed": "Completed",
    "job.held": "Put on hold",
    "job.released": "Taken off hold",
    "job.payment_declined": "Payment declined",
    "job.not_fulfillable": "Marked as not fulfillable",
    "job.erased": "Personal data erased",
    "job.exported": "Personal data exported",
    "job.rated": "Rated by its buyer",
    "job.claimed": "Claim of its buyer",
    "appointment.added": "Appointment booked",
    "appointment.rescheduled": "Appointment moved",
    "appointment.assigned": "Technicians assigned",
    "appointment.started": "Work began",
    "appointment.fulfilled": "Visit recorded",
    "booking.refused": "A time was asked for that was not available",
    "slots.searched": "Times were looked at",
    "job.observed": "Seen at its source",
    "outbox.sent": "Carried out at its source",
    "outbox.refused": "Refused by its source",
    "outbox.retried": "Sent to its source again",
    "outbox.dropped": "Given up: not sent to its source",
}
_CLAIMS = {"NONE": "No claim", "FILED": "Claim filed", "GRANTED": "Claim granted"}
TEXTS = tuple(_CLAIMS.values())


@dataclass(frozen=True, slots=True)
class Told:
    """One entry of the story."""

    at: Instant
    what: str
    who: str
    more: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof document of one of the job's appointments."""

    upload_destination_id: str
    content_type: str
    attached_at: Instant
    is_picture: bool


async def show(visit: Visit) -> Response:
    """GET: the job."""
    job, known = await _job(visit), await choices(visit)
    words = visit.words.at(known.zone_of(job.store_id))
    told = msgspec.json.decode(document(job), type=ServiceJob)
    active = job.active_appointment
    return visit.show(
        "job.html",
        job=job,
        told=told,
        store=known.name_of(job.store_id),
        here=words,
        story=await _story(visit, job, words),
        proofs=await _proofs(visit, job),
        last=_last(job),
        source=await outbox.get_job_source(visit.context, visit.caller, job.service_job_id),
        may_do={deed: visit.may("dispatch") and may(deed, job.status) and _can(deed, job) for deed in _DEEDS},
        may_book=visit.may("dispatch") and active is None and may("add", job.status),
        may_move=visit.may("dispatch") and active is not None and may("reschedule", job.status),
        cancel_reasons=visit.context.settings.cancellation_reason_codes,
        move_reasons=visit.context.settings.reschedule_reason_codes,
        calls_kept=visit.may("develop") and visit.context.settings.records_requests != "off",
        time_input=_time_input,
        parse=parse,
    )


def _can(deed: Deed, job: Job) -> bool:
    """Where a job lives elsewhere only what the Services API offers can be done."""
    return job.mirrored_from is None or deed in ("cancel", "complete")


def _last(job: Job) -> Appointment | None:
    """The appointment that what is recorded now belongs to."""
    standing = [one for one in job.appointments if one.status != "CANCELLED"]
    return standing[-1] if standing else None


def _time_input(instant: Instant, words: Words) -> str:
    """An instant as a browser's field for local times wants it."""
    return local(instant, words.zone).strftime("%Y-%m-%dT%H:%M")


async def _job(visit: Visit) -> Job:
    job_id = visit.request.path_params["job"]
    found = await read(visit.context, lambda c: stored_jobs.find(c, visit.caller.seller_id, job_id))
    if found is None:
        raise Refused(404, "There is no such job.")
    return found


async def _story(visit: Visit, job: Job, words: Words) -> list[Told]:
    listing = await events.list_events(visit.context, limit=500, seller_id=job.seller_id, subject=job.service_job_id)
    actors = {one.actor.removeprefix("user:") for one in listing.events if one.actor.startswith("user:")}

    async def load(c: Connection) -> dict[str, str]:
        found = [await users.find(c, one) for one in sorted(actors)]
        return {one.user_id: one.name for one in found if one is not None}

    names = await read(visit.context, load) if actors else {}
    told = [
        Told(
            parse(one.at),
            words.text(_TOLD.get(one.kind, one.kind)),
            _who(one.actor, names, words),
            _more(one.after, words),
            one.request_id or "",
        )
        for one in listing.events
        if one.kind != "slots.searched"
    ]
    return told[::-1]


def _who(actor: str, names: dict[str, str], words: Words) -> str:
    kind, _, name = actor.partition(":")
    if kind == "user":
        return names.get(name, words.text("a former user"))
    if kind == "application":
        return words.text("application %(name)s", name=name)
    return name or actor


def _more(after: Any, words: Words) -> str:
    """What an entry says beyond its kind: when, who, and why."""
    if not isinstance(after, dict):
        return ""
    parts = []
    for one in after.get("appointments") or ():
        if one["status"] != "CANCELLED":
            parts.append(words.span(one["start"], one["end"]))
            if arrival := one.get("arrival"):
                parts.append(words.text("arrival expected %(span)s", span=words.span(*arrival)))
            if worked := one.get("worked"):
                parts.append(words.text("worked %(span)s", span=words.span(*worked)))
    if stars := after.get("stars"):
        parts.append(words.text("%(stars)s of 5 stars", stars=stars))
    if claim := after.get("claim"):
        parts.append(words.text(_CLAIMS[claim]))
    if day := after.get("date"):
        parts.append(words.short_date(date.fromisoformat(day)))
    if began := after.get("startTime"):
        parts.append(words.moment(parse(began)))
    parts += [str(after[name]) for name in ("reasonCode", "reason", "said") if after.get(name)]
    return " · ".join(parts)


async def _proofs(visit: Visit, job: Job) -> list[Proof]:
    async def load(c: Connection) -> list[Proof]:
        found = []
        for appointment in job.appointments:
            for one in await stored_documents.of_appointment(c, job.seller_id, appointment.appointment_id):
                at, kind = one.attached_at or one.created_at, one.content_type
                found.append(Proof(one.upload_destination_id, kind, at, kind in _SHOWN))
        return found

    return await read(visit.context, load)


async def proof(visit: Visit) -> Response:
    """GET: a proof document, decrypted. It is shown, never run: the browser gets no leave to do anything with it."""
    job = await _job(visit)
    found = await documents.read_document(visit.context, job.seller_id, visit.request.path_params["document"])
    if found is None or found[0].appointment_id not in {one.appointment_id for one in job.appointments}:
        raise Refused(404, "There is no such document.")
    headers = {
        "content-security-policy": "sandbox; default-src 'none'",
        "x-content-type-options": "nosniff",
        "cache-control": "private, no-store",
    }
    return Response(found[1], headers=headers, media_type=_MEDIA_TYPES[found[0].content_type])


# ---- the times that can be booked, and who could come


async def times(visit: Visit) -> Response:
    """GET: the free slots of a fortnight, a day a group, to be chosen from."""
    job, known = await _job(visit), await choices(visit)
    words = visit.words.at(known.zone_of(job.store_id))
    from_ = visit.request.query_params.get("from", "")
    begin = max(visit.now(), int(from_) if from_.isdecimal() and len(from_) < 18 else 0)
    content = await slots.get_appointmment_slots_by_job_id(
        visit.context, visit.caller, job.service_job_id, job.marketplace_id, Window(begin, begin + SLOT_DAYS * _DAY)
    )
    days: dict[str, list[tuple[Instant, int]]] = {}
    for start, capacity in await _starts(visit, job, msgspec.json.decode(content)["payload"]):
        days.setdefault(words.day(start), []).append((start, capacity))
    return visit.show(
        "times.html", job=job, days=days, here=words, later=begin + SLOT_DAYS * _DAY, move_reasons=_reasons(visit)
    )


async def _starts(visit: Visit, job: Job, payload: dict[str, Any]) -> list[tuple[Instant, int]]:
    """Starts that can be booked, each with its capacity. A store whose own system holds the inventory answers hours:
    there every interval of the service within them is one."""
    slots = [
        (parse(one["startTime"]), parse(one["endTime"]), one["capacity"])
        for one in payload["appointmentSlots"]
        if one["capacity"] > 0
    ]
    if payload["schedulingType"] == "REAL_TIME_SCHEDULING":
        return [(start, capacity) for start, _, capacity in slots]
    service = await services.get_service(visit.context, visit.caller, job.asin)
    step, length = service.slot_interval_minutes * MINUTE, service.duration_minutes * MINUTE
    return [
        (begin, capacity)
        for start, end, capacity in slots
        for begin in range(-(-start // step) * step, end - length + 1, step)
        if begin > visit.now()
    ]


def _reasons(visit: Visit) -> Sequence[str]:
    return visit.context.settings.reschedule_reason_codes


async def crew(visit: Visit) -> Response:
    """GET: the store's technicians for the job's appointment, the fitting ones first."""
    job = await _job(visit)
    found = await board.find_prospects(visit.context, visit.caller, job.service_job_id, None)
    active = job.active_appointment
    assigned = {one.technician_id for one in active.technicians} if active else set()
    here = [one for one in found if "STORE" not in one.mismatches or one.technician_id in assigned]
    return visit.show("crew.html", job=job, prospects=here, assigned=assigned)


# ---- deeds


async def place(visit: Visit) -> Response:
    """POST: book or move to a start, and put technicians on it, as one change."""
    job = await _job(visit)
    start = _whole(visit.fields.get("start", ""))
    crew = visit.fields.get("technicians")
    reason = visit.fields.get("reason") or _reasons(visit)[0]

    async def do(context: Context) -> board.Placed:
        chosen = None if crew is None else [one for one in crew.split(",") if one]
        return await board.place(context, visit.caller, job.service_job_id, start, chosen, reason)

    await board.on_version(visit.context, visit.caller, job.service_job_id, _version(visit), do)
    return visit.go(visit.path("jobs", job.service_job_id))


async def assign(visit: Visit) -> Response:
    """POST: the ticked technicians, and nobody else."""
    job = await _job(visit)
    chosen = [name.removeprefix("technician:") for name in visit.fields if name.startswith("technician:")]

    async def do(context: Context) -> board.Placed:
        return await board.place(context, visit.caller, job.service_job_id, None, chosen, "")

    await board.on_version(visit.context, visit.caller, job.service_job_id, _version(visit), do)
    return visit.go(visit.path("jobs", job.service_job_id))


async def record(visit: Visit) -> Response:
    """POST: expected arrival, or start and end of work, on the store's clock."""
    job, known = await _job(visit), await choices(visit)
    last = _last(job)
    if last is None:
        raise Refused(422, "The job has no appointment to record anything of.")
    zone = ZoneInfo(known.zone_of(job.store_id))
    start, end = (_local(visit.fields.get(name, ""), zone) for name in ("start", "end"))
    ask = (
        SetAppointmentFulfillmentDataRequest(fulfillment_time=FulfillmentTime(start, end))
        if visit.fields.get("what") == "worked"
        else SetAppointmentFulfillmentDataRequest(estimated_arrival_time=DateTimeRange(start, end))
    )
    await fulfilling.set_appointment_fulfillment_data(
        visit.context, visit.caller, job.service_job_id, last.appointment_id, ask
    )
    return visit.go(visit.path("jobs", job.service_job_id))


def _local(text: str, zone: ZoneInfo) -> str:
    try:
        return render(instant_of(datetime.fromisoformat(text).replace(tzinfo=zone)))
    except (ValueError, OverflowError):
        raise Refused(422, "A date with a time is needed in both fields.") from None


_Do = Callable[[Context, Visit, str], Awaitable[object]]
_DEEDS: dict[Deed, _Do] = {
    "cancel": lambda context, visit, reason: jobs.cancel_service_job_by_service_job_id(
        context, visit.caller, visit.request.path_params["job"], reason
    ),
    "complete": lambda context, visit, _: jobs.complete_service_job_by_service_job_id(
        context, visit.caller, visit.request.path_params["job"]
    ),
    "hold": lambda context, visit, reason: operator_jobs.hold_job(
        context, visit.caller, visit.request.path_params["job"], JobDeed(reason=reason or None)
    ),
    "release": lambda context, visit, reason: operator_jobs.release_job(
        context, visit.caller, visit.request.path_params["job"], JobDeed(reason=reason or None)
    ),
}


async def act(visit: Visit) -> Response:
    """POST: cancel, complete, hold or release, as the form's button says."""
    do = {str(deed): do for deed, do in _DEEDS.items()}.get(visit.fields.get("deed", ""))
    if do is None:
        raise Refused(400, "This form has no such button.")
    job, reason = await _job(visit), visit.fields.get("reason", "")[:500]
    await board.on_version(
        visit.context, visit.caller, job.service_job_id, _version(visit), lambda context: do(context, visit, reason)
    )
    return visit.go(visit.path("jobs", job.service_job_id))


def _version(visit: Visit) -> Instant:
    version = _whole(visit.fields.get("version", ""))
    if version is None:
        raise Refused(400, "The form does not say which version of the job it is about.")
    return version


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


ROUTES = [
    page("/{seller}/jobs/{job}", show),
    page("/{seller}/jobs/{job}/proofs/{document}", proof, "dispatch"),
    page("/{seller}/jobs/{job}/times", times, "dispatch"),
    page("/{seller}/jobs/{job}/crew", crew, "dispatch"),
    page("/{seller}/jobs/{job}/place", place, "dispatch", "POST"),
    page("/{seller}/jobs/{job}/assign", assign, "dispatch", "POST"),
    page("/{seller}/jobs/{job}/record", record, "dispatch", "POST"),
    page("/{seller}/jobs/{job}/act", act, "dispatch", "POST"),
]
