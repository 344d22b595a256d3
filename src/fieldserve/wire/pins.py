"""Pins on appointments, on the wire."""

from fieldserve.wire.errors import Says
from fieldserve.wire.limits import Ask
from fieldserve.wire.parts import Part


class SetPin(Ask):
    """Whether plans leave the job's appointment with its technicians, at its time."""

    pinned: bool


class Pin(Part):
    """An appointment, and whether it is pinned. A job that moves has a new appointment, which is not."""

    service_job_id: str
    appointment_id: str
    pinned: bool


NOBODY_TO_KEEP = Says(
    409,
    "Conflict",
    "Job {job_id} has no appointment with a technician who could be kept. Book and assign it first.",
    "the job has no active appointment, or nobody is assigned to it",
)
