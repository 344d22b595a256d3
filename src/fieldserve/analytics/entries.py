"""An entry of the event log, as the facts read it."""

from typing import Any, NamedTuple

from fieldserve.domain.intervals import Instant

JOB_KINDS = ("job.", "appointment.", "booking.")


class Entry(NamedTuple):
    """What happened, when, to which of a seller's things; `sequence` is its place in the log."""

    sequence: int
    at: Instant
    seller_id: str
    kind: str
    subject: str
    before: Any
    after: Any

    @property
    def is_of_job(self) -> bool:
        """Whether it is part of a job's history."""
        return self.kind.startswith(JOB_KINDS)
