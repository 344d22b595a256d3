"""What one job's events make of it: its rows in every table that is about jobs.

A fold over the job's whole history, in the order of the log. It reads no clock and keeps nothing, so that the same
history always makes the same rows, whenever and in however many steps it is read.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from fieldserve.analytics.entries import Entry
from fieldserve.analytics.facts import OF_APPOINTMENT
from fieldserve.analytics.local import date_of, local_columns, minutes, to_day
from fieldserve.analytics.world import World
from fieldserve.domain.intervals import MINUTE, Instant
from fieldserve.wire.times import TimeFault, parse

Row = dict[str, Any]
Rows = dict[str, list[Row]]

CAUSES = {"CUSTOMER_REQUEST": "BUYER", "WEATHER": "OTHER", "ITEM_NOT_DELIVERED": "OTHER"}
"""Who breaks a promise, by the reason code that the seller gives; all other codes are the provider's own doing."""

_ENDINGS = {
    "job.cancelled": "CANCELLED",
    "job.held": "HELD",
    "job.payment_declined": "PAYMENT_DECLINED",
    "job.not_fulfillable": "NOT_FULFILLABLE",
}
_CLOSED = ("COMPLETED", "CANCELLED", "NOT_FULFILLABLE", "PAYMENT_DECLINED")
_PAYMENT_STATES = {
    "COMPLETED": "EARNED",
    "PAYMENT_DECLINED": "DECLINED",
    "CANCELLED": "LOST",
    "NOT_FULFILLABLE": "LOST",
}


@dataclass(slots=True)
class _Visit:
    """An appointment on its way through the history."""

    appointment_id: str
    number: int
    start: Instant = 0
    end: Instant = 0
    status: str = "ACTIVE"
    technicians: list[str] = field(default_factory=list)
    worked_by: list[str] | None = None
    overbooked: list[str] | None = None
    booked_at: Instant | None = None
    arrival: tuple[Instant, Instant] | None = None
    arrival_told_at: Instant | None = None
    worked: tuple[Instant, Instant] | None = None
    recorded_at: Instant | None = None
    ending: str | None = None
    broken_by: str | None = None
    reason_code: str | None = None
    ended_at: Instant | None = None
    rescheduled_from: str | None = None
    rescheduled_to: str | None = None
    assigned_at: Instant | None = None
    documents: int = 0

    def tell(self, told: dict[str, Any]) -> None:
        """Take over what an event says of it."""
        self.start, self.end, self.status = told["start"], told["end"], told["status"]
        self.technicians = told["technicians"]
        self.rescheduled_to = told.get("rescheduledTo", self.rescheduled_to)
        for name in ("arrival", "worked"):
            if (span := told.get(name)) is not None:
                setattr(self, name, (span[0], span[1]))
        self.worked_by = told.get("workedBy", self.worked_by)

    @property
    def outcome(self) -> str:
        """How it ended, if it did."""
        if self.status == "ACTIVE":
            return "OPEN"
        if self.worked is not None and self.status == "COMPLETED":
            return "FULFILLED"
        if self.status == "COMPLETED":
            return "CLOSED"
        return self.ending or ("RESCHEDULED" if self.rescheduled_to else "CANCELLED")


@dataclass(slots=True)
class _Job:
    """The job on its way."""

    first: Entry
    ordered: dict[str, Any]
    mirrored: bool
    at: Instant
    status: str = ""
    visits: dict[str, _Visit] = field(default_factory=dict)
    visit_count: int = 0
    rescheduled: int = 0
    held: int = 0
    completed_at: Instant | None = None
    closed_at: Instant | None = None
    ended_by: str | None = None
    reason_code: str | None = None
    spans: list[tuple[str, int, Instant, Instant | None]] = field(default_factory=list)
    refusals: list[Entry] = field(default_factory=list)
    rated: dict[str, Any] = field(default_factory=dict)
    claimed: dict[str, Any] = field(default_factory=dict)
    said_at: Instant | None = None

    def visit(self, appointment_id: str) -> _Visit:
        """The appointment, a new one if need be."""
        if appointment_id not in self.visits:
            self.visit_count += 1
            self.visits[appointment_id] = _Visit(appointment_id, self.visit_count)
        return self.visits[appointment_id]


def fold(history: Iterable[Entry], world: World) -> Rows:
    """The rows of the job that the history, its events in order, is about; none where it does not say what it is."""
    job = _folded(history)
    if job is None:
        return {}
    return _Writer(job, world).rows()


def _folded(history: Iterable[Entry]) -> _Job | None:
    job: _Job | None = None
    for entry in history:
        if job is None:
            job = _begin(entry)
        if job is None:
            continue  # a log that was begun late: what came before is not known
        if entry.kind == "booking.refused":
            job.refusals.append(entry)
        elif entry.kind in ("job.rated", "job.claimed"):
            setattr(job, entry.kind.removeprefix("job."), entry.after)
            job.said_at = entry.at
        elif isinstance(entry.after, dict) and "status" in entry.after:
            _change_status(job, entry)
            _apply(job, entry)
    return job


def _begin(entry: Entry) -> _Job | None:
    if entry.kind == "job.ordered":
        return _Job(entry, entry.after, False, entry.at)
    if entry.kind == "job.observed":
        return _Job(entry, entry.after, True, entry.after["createdAt"])
    return None


def _change_status(job: _Job, entry: Entry) -> None:
    """Follow the status, and the times for which the job waits or is held."""
    status = entry.after["status"]
    if status == job.status:
        return
    job.status = status
    if job.spans and job.spans[-1][3] is None:
        was, sequence, begun, _ = job.spans.pop()
        if entry.kind != "job.observed":  # when it ended is not known: no length is better than a wrong one
            job.spans.append((was, sequence, begun, max(begun, entry.at)))
    kind = {"PENDING_SCHEDULE": "WAIT", "HOLD": "HOLD"}.get(status)
    if kind == "HOLD":
        job.held += 1
    if kind and entry.kind != "job.observed":
        job.spans.append((kind, entry.sequence, entry.at, None))
    elif kind == "WAIT" and not entry.after["appointments"]:
        job.spans.append((kind, entry.sequence, job.at, None))


def _apply(job: _Job, entry: Entry) -> None:
    after = entry.after
    if entry.kind == "job.observed":
        _observe(job, after)
        return
    known = set(job.visits)
    changed = [job.visit(told["appointmentId"]) for told in after.get("appointments", ())]
    was_active = {one.appointment_id for one in changed if one.appointment_id in known and one.status == "ACTIVE"}
    for visit, told in zip(changed, after.get("appointments", ()), strict=True):
        visit.tell(told)
        if visit.appointment_id not in known:
            visit.booked_at = entry.at
    closed = [one for one in changed if one.appointment_id in was_active and one.status != "ACTIVE"]
    for visit in closed:
        visit.ended_at = entry.at
    cause = after.get("causedBy") or CAUSES.get(after.get("reasonCode", ""), "SELLER")
    if entry.kind == "appointment.rescheduled":
        job.rescheduled += 1
        _break(closed, "RESCHEDULED", cause, after.get("reasonCode"))
        for visit in changed:
            if visit.appointment_id not in known and closed:
                visit.rescheduled_from = closed[0].appointment_id
    elif entry.kind == "appointment.assigned":
        for visit in changed:
            visit.overbooked = after.get("overbooked", [])
            visit.assigned_at = visit.assigned_at or entry.at
    elif entry.kind == "appointment.fulfilled":
        _fulfil(changed, entry)
    elif entry.kind in _ENDINGS:
        _break(closed, _ENDINGS[entry.kind], cause, after.get("reasonCode"))
    if job.status in _CLOSED:
        job.closed_at = entry.at
        job.completed_at = entry.at if job.status == "COMPLETED" else None
        if job.status != "COMPLETED":
            job.ended_by, job.reason_code = cause, after.get("reasonCode")


def _break(visits: Sequence[_Visit], ending: str, cause: str, reason_code: str | None) -> None:
    for visit in visits:
        visit.ending, visit.broken_by, visit.reason_code = ending, cause, reason_code


def _fulfil(visits: Sequence[_Visit], entry: Entry) -> None:
    before = {one["appointmentId"]: one for one in (entry.before or {}).get("appointments", ())}
    for visit in visits:
        told = before.get(visit.appointment_id, {})
        if visit.arrival is not None and list(visit.arrival) != told.get("arrival"):
            visit.arrival_told_at = entry.at
        if visit.worked is not None and visit.recorded_at is None:
            visit.recorded_at = entry.at
        visit.documents += len(entry.after.get("documents", ()))


def _observe(job: _Job, after: dict[str, Any]) -> None:
    """The source tells all appointments. One that was renamed keeps what is known of it from here."""
    job.mirrored = True
    earlier = dict(job.visits)
    ids = {told["appointmentId"] for told in after["appointments"]}
    renamed = {one.start: one for one in earlier.values() if one.appointment_id not in ids}
    job.visits, job.visit_count = {}, 0
    for told in after["appointments"]:
        visit = earlier.get(told["appointmentId"]) or renamed.get(told["start"])
        job.visit_count += 1
        visit = visit or _Visit(told["appointmentId"], 0)
        visit.appointment_id, visit.number = told["appointmentId"], job.visit_count
        visit.tell(told)
        job.visits[visit.appointment_id] = visit
    by_target = {one.rescheduled_to: one.appointment_id for one in job.visits.values() if one.rescheduled_to}
    for visit in job.visits.values():
        visit.rescheduled_from = by_target.get(visit.appointment_id, visit.rescheduled_from)
    job.ordered = {**job.ordered, **{name: after[name] for name in ("payments",) if name in after}}


class _Writer:
    """Writes a folded job's rows."""

    def __init__(self, job: _Job, world: World):
        self._job = job
        first, ordered = job.first, job.ordered
        self._zone_name = world.zone_of(first.seller_id, ordered["storeId"], first.sequence)
        self._zone = ZoneInfo(self._zone_name)
        self._job_key = {"seller_id": first.seller_id, "service_job_id": first.subject}
        self._where = {
            "marketplace_id": ordered["marketplaceId"],
            "store_id": ordered["storeId"],
            "asin": ordered["asin"],
            "service_location_type": ordered.get("serviceLocationType")
            or world.location_type_of(first.seller_id, ordered["asin"], first.sequence),
            "time_zone": self._zone_name,
            "mirrored": job.mirrored,
        }
        self._visits = sorted(job.visits.values(), key=lambda one: one.number)
        done = [one for one in self._visits if one.outcome in ("FULFILLED", "CLOSED")]
        self._concluding = next(reversed(done or self._visits), None)
        self._preferred = [_window(one) for one in ordered.get("preferredAppointmentTimes", ())]

    def rows(self) -> Rows:
        appointments = [self._appointment(one) for one in self._visits]
        teams = zip(self._visits, appointments, strict=True)
        return {
            "appointment_facts": appointments,
            "appointment_technicians": [row for visit, own in teams for row in self._technicians(visit, own)],
            "job_facts": [self._job_row()],
            "payment_facts": list(self._payments()),
            "demand_facts": list(self._demand()),
        }

    def _appointment(self, visit: _Visit) -> Row:
        unknown = self._job.mirrored
        arrival, worked = visit.arrival or (None, None), visit.worked or (None, None)
        is_broken = visit.ending is not None
        return {
            **self._job_key,
            "appointment_id": visit.appointment_id,
            **self._where,
            "visit_number": visit.number,
            **local_columns(visit.start, self._zone),
            "booked_at": visit.booked_at,
            "promised_start": visit.start,
            "promised_end": visit.end,
            "promised_minutes": minutes(visit.start, visit.end),
            "lead_minutes": minutes(visit.booked_at, visit.start),
            "arrival_start": arrival[0],
            "arrival_end": arrival[1],
            "arrival_told_at": visit.arrival_told_at,
            "fulfilment_start": worked[0],
            "fulfilment_end": worked[1],
            "recorded_at": visit.recorded_at,
            "on_site_minutes": minutes(*worked),
            "start_offset_minutes": minutes(visit.start, worked[0]),
            "end_offset_minutes": minutes(visit.end, worked[1]),
            "arrival_offset_minutes": minutes(arrival[0], worked[0]),
            "arrival_minutes": minutes(*arrival),
            "fulfilment_end_date": None if worked[1] is None else date_of(worked[1], self._zone),
            "status": visit.status,
            "outcome": visit.outcome,
            "broken_by": visit.broken_by,
            "reason_code": visit.reason_code,
            "ended_at": visit.ended_at,
            "notice_minutes": minutes(visit.ended_at, visit.start) if is_broken else None,
            "rescheduled_from": visit.rescheduled_from,
            "rescheduled_to": visit.rescheduled_to,
            "assigned_at": visit.assigned_at,
            "technician_count": len(visit.worked_by or visit.technicians),
            "overbooked": bool(visit.overbooked) if visit.overbooked is not None or not unknown else None,
            "proof_documents": visit.documents if visit.documents or not unknown else None,
            "proof_attached": visit.documents > 0 if visit.documents or not unknown else None,
            **self._said(visit),
        }

    def _said(self, visit: _Visit) -> Row:
        """What the buyer says of the job is said of one of its appointments: of those who did it, if anybody did."""
        job, concluding = self._job, visit is self._concluding
        return {
            "concluding": concluding,
            "stars": job.rated.get("stars") if concluding else None,
            "claim": job.claimed.get("claim") if concluding else None,
            "said_at": job.said_at if concluding else None,
        }

    def _technicians(self, visit: _Visit, appointment: Row) -> Iterable[Row]:
        unknown = self._job.mirrored and visit.overbooked is None
        for position, technician_id in enumerate(visit.worked_by or visit.technicians, 1):
            yield {
                "seller_id": self._job.first.seller_id,
                "appointment_id": visit.appointment_id,
                "technician_id": technician_id,
                "position": position,
                "assigned": technician_id in visit.technicians,
                "worked": None if visit.worked is None else technician_id in (visit.worked_by or ()),
                "overbooked": None if unknown else technician_id in (visit.overbooked or ()),
                **{name: appointment[name] for name in OF_APPOINTMENT},
            }

    def _job_row(self) -> Row:
        job, first_visit = self._job, self._visits[0] if self._visits else None
        open_wait = next((one for one in job.spans if one[0] == "WAIT" and one[3] is None), None)
        waits = [one for one in job.spans if one[0] == "WAIT" and one[3] is not None]
        return {
            **self._job_key,
            **self._where,
            "service_order_id": job.ordered.get("serviceOrderId"),
            "quantity": job.ordered.get("quantity"),
            "ordered_at": job.at,
            **local_columns(job.at, self._zone),
            "status": job.status,
            "scheduled_at": first_visit.booked_at if first_visit else None,
            "first_promised_start": first_visit.start if first_visit else None,
            "lead_minutes": minutes(job.at, first_visit.start) if first_visit else None,
            "completed_at": job.completed_at,
            "closed_at": job.closed_at,
            "ended_by": job.ended_by,
            "reason_code": job.reason_code,
            "appointment_count": len(self._visits),
            "reschedule_count": max(job.rescheduled, sum(one.rescheduled_to is not None for one in self._visits)),
            "hold_count": job.held,
            "waiting_since": open_wait[2] if open_wait else None,
            "waited_minutes": None if job.mirrored else sum(((one[3] or 0) - one[2]) / MINUTE for one in waits) + 0.0,
            "preferred_count": len(self._preferred),
            "preferred_met": any(_starts_in(first_visit, one) for one in self._preferred)
            if first_visit and self._preferred
            else None,
            "stars": job.rated.get("stars"),
            "rated_on": _day(job.rated.get("date")),
            "claim": job.claimed.get("claim"),
            "claimed_on": _day(job.claimed.get("date")),
        }

    def _payments(self) -> Iterable[Row]:
        job = self._job
        state = _PAYMENT_STATES.get(job.status, "PENDING")
        for number, payment in enumerate(job.ordered.get("payments") or (), 1):
            if not payment.get("amount"):
                continue
            yield {
                **self._job_key,
                "payment_number": number,
                **self._where,
                "ordered_at": job.at,
                **local_columns(job.at, self._zone),
                "currency": payment["amount"]["currency"],
                "instrument": payment.get("instrument"),
                "amount": Decimal(str(payment["amount"]["value"])),
                "state": state,
                "settled_at": job.closed_at,
                "settled_date": None if job.closed_at is None else date_of(job.closed_at, self._zone),
                "job_status": job.status,
                "visited": any(one.worked is not None for one in self._visits),
            }

    def _demand(self) -> Iterable[Row]:
        job, first_visit = self._job, self._visits[0] if self._visits else None
        sequence = job.first.sequence
        found = True if first_visit else (False if job.status in _CLOSED else None)
        yield self._wish("ORDER", str(sequence), job.at, None, None, found)
        for number, window in enumerate(self._preferred, 1):
            met = _starts_in(first_visit, window) if first_visit else found
            yield self._wish("PREFERENCE", f"{sequence}-{number}", job.at, *window, met)
        for kind, begun_by, begun, ended in job.spans:
            yield self._wish(kind, f"{begun_by}-{kind}", begun, begun, ended, None)
        for entry in job.refusals:
            start, length = entry.after["start"], entry.after["durationInMinutes"]
            end = None if length is None else start + length * MINUTE
            yield self._wish("REFUSAL", str(entry.sequence), entry.at, start, end, False)

    def _wish(
        self, kind: str, demand_id: str, at: Instant, start: Instant | None, end: Instant | None, found: bool | None
    ) -> Row:
        is_span = kind in ("HOLD", "WAIT")
        return {
            **self._job_key,
            "demand_id": demand_id,
            "kind": kind,
            "store_id": self._where["store_id"],
            "asin": self._where["asin"],
            "time_zone": self._zone_name,
            "at": at,
            **local_columns(at, self._zone),
            **wanted_columns(start, end, self._zone),
            "ahead_minutes": None if is_span else minutes(at, start),
            "slots": None,
            "free_slots": None,
            "found": found,
        }


def searched(entry: Entry, world: World) -> Row:
    """The row of a search for slots."""
    after = entry.after
    zone_name = world.zone_of(entry.seller_id, after["storeId"], entry.sequence)
    zone = ZoneInfo(zone_name)
    return {
        "seller_id": entry.seller_id,
        "demand_id": str(entry.sequence),
        "kind": "SEARCH",
        "store_id": after["storeId"],
        "asin": after["asin"],
        "service_job_id": after.get("serviceJobId"),
        "time_zone": zone_name,
        "at": entry.at,
        **local_columns(entry.at, zone),
        **wanted_columns(after["start"], after["end"], zone),
        "ahead_minutes": minutes(entry.at, after["start"]),
        "slots": after["slots"],
        "free_slots": after["free"],
        "found": after["free"] > 0,
    }


def wanted_columns(start: Instant | None, end: Instant | None, zone: ZoneInfo) -> Row:
    """The columns of the window that is wanted."""
    local = {} if start is None else local_columns(start, zone)
    return {
        "wanted_start": start,
        "wanted_end": end,
        "wanted_date": local.get("local_date"),
        "wanted_weekday": local.get("weekday"),
        "wanted_hour": local.get("local_hour"),
        "wanted_minutes": minutes(start, end),
    }


def _day(text: str | None) -> int | None:
    return None if text is None else to_day(date.fromisoformat(text))


def _window(told: dict[str, Any]) -> tuple[Instant | None, Instant | None]:
    try:
        start = parse(told["startTime"])
    except TimeFault:
        return None, None
    return start, start + told["durationInMinutes"] * MINUTE


def _starts_in(visit: _Visit | None, window: tuple[Instant | None, Instant | None]) -> bool:
    start, end = window
    return visit is not None and start is not None and end is not None and start <= visit.start < end
