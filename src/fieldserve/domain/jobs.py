"""Service jobs: their states, and what each deed makes of a job and its appointments.

    PENDING_SCHEDULE ──add──▶ NOT_SERVICED ──complete──▶ COMPLETED
          │  ▲                    │  └reschedule┐
          ▼  │ (operator)         │  ◀──────────┘
         HOLD                     └──cancel──▶ CANCELLED

Functions take a job and answer the job as it is afterwards; whether a deed is allowed is asked first, of `may`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from fieldserve.domain.intervals import Instant, Interval

JobStatus = Literal[
    "NOT_SERVICED", "CANCELLED", "COMPLETED", "PENDING_SCHEDULE", "NOT_FULFILLABLE", "HOLD", "PAYMENT_DECLINED"
]
AppointmentStatus = Literal["ACTIVE", "CANCELLED", "COMPLETED"]
Deed = Literal[
    "add",
    "reschedule",
    "assign",
    "fulfill",
    "complete",
    "cancel",
    "hold",
    "release",
    "decline_payment",
    "mark_not_fulfillable",
    "cancel_as_buyer",
]

_OPEN: tuple[JobStatus, ...] = ("PENDING_SCHEDULE", "NOT_SERVICED", "HOLD")

# What may be done in which states, and the state that follows. A job that is NOT_SERVICED without an active appointment
# (the visit was recorded, the job is not complete) may get another one: a second visit.
TRANSITIONS: dict[Deed, tuple[tuple[JobStatus, ...], JobStatus]] = {
    "add": (("PENDING_SCHEDULE", "NOT_SERVICED"), "NOT_SERVICED"),
    "reschedule": (("NOT_SERVICED",), "NOT_SERVICED"),
    "assign": (("NOT_SERVICED",), "NOT_SERVICED"),
    "fulfill": (("NOT_SERVICED",), "NOT_SERVICED"),
    "complete": (("NOT_SERVICED",), "COMPLETED"),
    "cancel": (_OPEN, "CANCELLED"),
    "hold": (("PENDING_SCHEDULE", "NOT_SERVICED"), "HOLD"),
    "release": (("HOLD",), "PENDING_SCHEDULE"),
    "decline_payment": (_OPEN, "PAYMENT_DECLINED"),
    "mark_not_fulfillable": (_OPEN, "NOT_FULFILLABLE"),
    "cancel_as_buyer": (_OPEN, "CANCELLED"),
}
# In these nothing more is done to a job.
CLOSED: tuple[JobStatus, ...] = ("COMPLETED", "CANCELLED", "NOT_FULFILLABLE", "PAYMENT_DECLINED")
OPERATOR_DEEDS: tuple[Deed, ...] = ("hold", "release", "decline_payment", "mark_not_fulfillable", "cancel_as_buyer")


@dataclass(frozen=True, slots=True)
class AssignedTechnician:
    """A technician of an appointment; `overbooked` where another appointment clashed and it was assigned anyway."""

    technician_id: str
    name: str
    overbooked: bool = False


@dataclass(frozen=True, slots=True)
class Proof:
    """Proof of appointment: when work was done, by whom, who recorded it and when, and of what kind the proof is."""

    worked: Interval
    technicians: tuple[AssignedTechnician, ...]
    recorded_by: str | None
    recorded_at: Instant
    poa_type: str


@dataclass(frozen=True, slots=True)
class Appointment:
    """A visit. Buffers are µs that have to lie between it and its neighbours on a technician's day."""

    appointment_id: str
    status: AppointmentStatus
    start: Instant
    end: Instant
    buffer_before: int = 0
    buffer_after: int = 0
    technicians: tuple[AssignedTechnician, ...] = ()
    rescheduled_to: str | None = None
    arrival: Interval | None = None
    worked: Interval | None = None
    proof: Proof | None = None

    @property
    def waiting(self) -> bool:
        """It holds a slot, and nobody is assigned to it yet."""
        return self.status == "ACTIVE" and not self.technicians


@dataclass(frozen=True, slots=True)
class Job:
    """A job with its appointments, oldest first. `details` is what the order said (JSON), opaque here.

    `mirrored_from` is the account of the source that the job lives at, None where it lives here."""

    seller_id: str
    service_job_id: str
    marketplace_id: str
    store_id: str
    asin: str
    status: JobStatus
    service_order_id: str
    created_at: Instant
    updated_at: Instant
    details: bytes
    latitude: float | None = None
    longitude: float | None = None
    appointments: tuple[Appointment, ...] = ()
    mirrored_from: str | None = None

    @property
    def active_appointment(self) -> Appointment | None:
        """The one appointment that still holds its slot."""
        return next((one for one in self.appointments if one.status == "ACTIVE"), None)

    def appointment(self, appointment_id: str) -> Appointment | None:
        """The appointment with that id."""
        return next((one for one in self.appointments if one.appointment_id == appointment_id), None)


def may(deed: Deed, status: JobStatus) -> bool:
    """Whether the deed is allowed in that state."""
    return status in TRANSITIONS[deed][0]


def add_appointment(job: Job, appointment: Appointment, now: Instant) -> Job:
    """The job with a new active appointment."""
    return _changed(job, "add", (*job.appointments, appointment), now)


def reschedule(job: Job, old_id: str, new: Appointment, now: Instant) -> Job:
    """The job with the old appointment cancelled and pointing to the new one."""
    moved = [
        replace(one, status="CANCELLED", rescheduled_to=new.appointment_id) if one.appointment_id == old_id else one
        for one in job.appointments
    ]
    return _changed(job, "reschedule", (*moved, new), now)


def assign(job: Job, appointment_id: str, technicians: tuple[AssignedTechnician, ...], now: Instant) -> Job:
    """The job with these technicians on the appointment, in place of those before."""
    return _changed(job, "assign", _with(job, appointment_id, technicians=technicians), now)


def fulfill(
    job: Job,
    appointment_id: str,
    now: Instant,
    *,
    arrival: Interval | None = None,
    worked: Interval | None = None,
    technicians: tuple[AssignedTechnician, ...] = (),
    documents: int = 0,
    recorded_by: str | None = None,
) -> Job:
    """The job with what was recorded of the visit. `documents` counts all the proof documents of the appointment.

    Start and end of work close the appointment and give it its proof; technicians who were recorded, or else those who
    were assigned, did it."""
    old = job.appointment(appointment_id)
    if old is None:
        raise ValueError(f"the job has no appointment {appointment_id}")
    worked = worked or old.worked
    by = technicians or (old.proof.technicians if old.proof else old.technicians)
    if worked is None:
        new = replace(old, arrival=arrival or old.arrival, technicians=technicians or old.technicians)
    else:
        poa_type = "POA_RECEIPT" if documents else "NO_SIGNATURE_DUMMY_POS"
        new = replace(
            old,
            status="COMPLETED",
            arrival=arrival or old.arrival,
            worked=worked,
            technicians=by if technicians else old.technicians,
            proof=Proof(worked, by, recorded_by or (by[0].technician_id if by else None), now, poa_type),
        )
    return _changed(job, "fulfill", (new if one is old else one for one in job.appointments), now)


def untell(job: Job, appointment_id: str, now: Instant) -> Job:
    """The job without the window in which its technician was expected."""
    untold = (replace(one, arrival=None) if one.appointment_id == appointment_id else one for one in job.appointments)
    return _changed(job, "fulfill", untold, now)


def close(job: Job, deed: Deed, now: Instant) -> Job:
    """The job after a deed that takes its active appointment along: completed with the job, or else cancelled."""
    ending: AppointmentStatus = "COMPLETED" if deed == "complete" else "CANCELLED"
    closed = (replace(one, status=ending) if one.status == "ACTIVE" else one for one in job.appointments)
    return _changed(job, deed, closed, now)


def _with(job: Job, appointment_id: str, *, technicians: tuple[AssignedTechnician, ...]) -> Iterable[Appointment]:
    return (
        replace(one, technicians=technicians) if one.appointment_id == appointment_id else one
        for one in job.appointments
    )


def _changed(job: Job, deed: Deed, appointments: Iterable[Appointment], now: Instant) -> Job:
    # Two changes within the same microsecond, or a clock that was set back, must not make a change look older.
    updated_at = max(now, job.updated_at + 1)
    return replace(job, status=TRANSITIONS[deed][1], updated_at=updated_at, appointments=tuple(appointments))
