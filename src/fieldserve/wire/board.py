"""What the board says when it refuses."""

from fieldserve.wire.errors import Says

CHANGED_MEANWHILE = Says(
    409,
    "Conflict",
    "The job {job_id} was changed meanwhile. Look at it again before you change it.",
    "somebody else changed the job since it was shown; details say who",
)
