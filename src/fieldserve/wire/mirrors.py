"""Mirrors and the outbox on the wire, as operators see them."""

from typing import Any, Literal

from fieldserve.wire.errors import Says
from fieldserve.wire.limits import LIMIT
from fieldserve.wire.parameters import Parameter
from fieldserve.wire.parts import Part

OutboxState = Literal["WAITING", "DONE", "REFUSED", "DROPPED"]
OUTBOX_STATES: tuple[OutboxState, ...] = ("WAITING", "DONE", "REFUSED", "DROPPED")


class MirrorFaultRecord(Part):
    """A job of the source that is not here as it is there, and why."""

    service_job_id: str
    marketplace_id: str
    reason: str
    at: str


class MirrorRecord(Part):
    """A marketplace of an account. What changed at the source before `watermark` (its clock) has been read; without one
    the first reading has not ended. `jobsRead` and `jobsToRead` are those of a reading under way."""

    account: str
    marketplace_id: str
    seller_id: str
    endpoint: str
    jobs: int
    watermark: str | None = None
    synced_at: str | None = None
    jobs_read: int | None = None
    jobs_to_read: int | None = None


class MirroredAccount(Part):
    """An account, its outbox by state, and what could not be taken in. `runBy` is who mirrors it just now."""

    account: str
    mirrors: list[MirrorRecord]
    outbox: dict[str, int]
    faults: list[MirrorFaultRecord]
    run_by: str | None = None


class MirrorListing(Part):
    accounts: list[MirroredAccount]


class OutboxEntry(Part):
    """A write that was made here on a job that lives elsewhere. `said` is what the source last answered, where that was
    no success. `appointmentId` is the one that was written to, by its id here."""

    sequence: int
    account: str
    seller_id: str
    service_job_id: str
    operation_id: str
    state: OutboxState
    request: dict[str, Any]
    actor: str
    tries: int
    created_at: str
    next_at: str | None = None
    ended_at: str | None = None
    appointment_id: str | None = None
    said: str | None = None


class OutboxListing(Part):
    """A page; `next` is there where more follow."""

    entries: list[OutboxEntry]
    next: int | None = None


class JobSource(Part):
    """Where a job's figures are from. `mirroredFrom` and `syncedAt` are absent where it lives here.

    `unknown` names what nobody has told; `waitingWrites` counts those that its source does not have yet."""

    service_job_id: str
    waiting_writes: int
    unknown: list[str]
    mirrored_from: str | None = None
    synced_at: str | None = None


NO_ENTRY = Says(404, "NotFound", "The outbox has no entry {sequence}.", "the outbox has no such entry")
NOT_TO_RETRY = Says(
    409,
    "Conflict",
    "The entry {sequence} is {state}; only one that is WAITING, REFUSED or DROPPED can be tried again.",
    "the source has carried it out",
)
NOT_TO_DROP = Says(
    409, "Conflict", "The entry {sequence} is {state}; only one that is WAITING can be dropped.", "it has ended already"
)
LIVES_ELSEWHERE = Says(
    409,
    "Conflict",
    "The job {job_id} lives at the source {account}, where only what the Services API offers can be done to it.",
    "the job is mirrored, and its source has no operation for this",
)

SEQUENCE = Parameter("sequence", "path", "integer", required=True, minimum=1, maximum=10**18 - 1, says="the entry")
OUTBOX_PARAMETERS = (
    Parameter("account", "query", min_length=1, max_length=100, says="of this account only"),
    Parameter("state", "query", choices=OUTBOX_STATES, says="in this state only"),
    Parameter("after", "query", "integer", minimum=0, maximum=10**18 - 1, default=0, says="`next` of the page before"),
    LIMIT,
)
