"""Where personal data is, and what is left when it is erased."""

from dataclasses import dataclass, replace

import msgspec

from fieldserve.domain.jobs import CLOSED, Job
from fieldserve.store import jobs
from fieldserve.store.engine import Connection, placeholders
from fieldserve.wire.encoding import encode
from fieldserve.wire.jobs import ServiceJob
from fieldserve.wire.privacy import without_person
from fieldserve.wire.times import Instant


@dataclass(frozen=True, slots=True)
class JobName:
    """A job of any seller; `erased` where nothing personal is left but perhaps files."""

    seller_id: str
    service_job_id: str
    is_closed: bool = True
    erased: bool = False


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof document of a job; blob_key is None where its file was erased."""

    upload_destination_id: str
    appointment_id: str
    content_type: str
    content_length: int
    blob_key: str | None


async def to_purge(c: Connection, before: Instant, limit: int) -> list[JobName]:
    """Jobs of all sellers that closed before that instant and still hold personal data, the oldest first."""
    rows = await c.fetch(
        "SELECT seller_id, service_job_id FROM jobs WHERE erased_at IS NULL AND updated_at < $1"
        f" AND status IN ({placeholders(CLOSED, 1)}) ORDER BY updated_at, seller_id, service_job_id"
        f" LIMIT ${len(CLOSED) + 2}",
        before,
        *CLOSED,
        limit,
    )
    return [JobName(*row) for row in rows]


async def of_buyer(c: Connection, buyer_id: str, seller_id: str = "") -> list[JobName]:
    """Every job of a buyer, of one seller or, without one, of all."""
    # By seller, as the key is: a seller has few jobs of one buyer.
    rows = await c.fetch(
        "SELECT j.seller_id, j.service_job_id, j.status, j.erased_at FROM sellers s"
        " JOIN job_keys k ON k.seller_id = s.seller_id AND k.kind = 'BUYER' AND k.value = $1"
        " JOIN jobs j ON j.seller_id = k.seller_id AND j.service_job_id = k.service_job_id"
        " WHERE $2 = '' OR s.seller_id = $2 ORDER BY j.seller_id, j.created_at, j.service_job_id",
        buyer_id,
        seller_id,
    )
    return [JobName(row[0], row[1], row[2] in CLOSED, row[3] is not None) for row in rows]


async def proofs_of(c: Connection, seller_id: str, service_job_id: str) -> list[Proof]:
    """The documents attached to the job's appointments."""
    rows = await c.fetch(
        "SELECT d.upload_destination_id, d.appointment_id, d.content_type, d.content_length, d.blob_key"
        " FROM appointments a JOIN documents d ON d.seller_id = a.seller_id AND d.appointment_id = a.appointment_id"
        " WHERE a.seller_id = $1 AND a.service_job_id = $2 ORDER BY a.position, d.attached_at, d.upload_destination_id",
        seller_id,
        service_job_id,
    )
    return [Proof(*row) for row in rows]


async def erase(c: Connection, job: Job, at: Instant) -> bool:
    """Erase what is personal of a job that was found under lock; False if that was done already.

    When it changed last stays as it was: to the API nothing has happened to the job."""
    row = await c.fetch_one(
        "SELECT erased_at FROM jobs WHERE seller_id = $1 AND service_job_id = $2", job.seller_id, job.service_job_id
    )
    if row is None or row[0] is not None:
        return False
    details = encode(without_person(msgspec.json.decode(job.details, type=ServiceJob)))
    erased = replace(job, details=details, latitude=None, longitude=None)
    await c.execute(
        "UPDATE jobs SET details = $3, document = $4, latitude = NULL, longitude = NULL, erased_at = $5"
        " WHERE seller_id = $1 AND service_job_id = $2",
        job.seller_id,
        job.service_job_id,
        details.decode(),
        jobs.document(erased).decode(),
        at,
    )
    return True


async def forget_files(c: Connection, seller_id: str, upload_destination_ids: list[str]) -> None:
    """Note that the documents' files are gone; that there were such documents, and their digests, stay."""
    await c.execute(
        "UPDATE documents SET blob_key = NULL WHERE seller_id = $1"
        f" AND upload_destination_id IN ({placeholders(upload_destination_ids, 1)})",
        seller_id,
        *upload_destination_ids,
    )
