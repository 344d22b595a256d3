"""Personal data of buyers: told to them, and erased.

It stands in the job (name, telephone, address, place, the names of their things) and in proof documents. The event
log never gets any, so that it can stay for good.
"""

from functools import partial
from typing import Any, Literal

import msgspec

from fieldserve.domain.jobs import CLOSED
from fieldserve.operations.run import Caller, Context, aside, read, transact
from fieldserve.store import events, jobs, privacy, travel
from fieldserve.store.engine import Connection
from fieldserve.store.events import Event, StoredEvent
from fieldserve.store.privacy import JobName
from fieldserve.travel.places import Place
from fieldserve.wire.privacy import BuyerExport, Erased, HeldDocument, HeldJob
from fieldserve.wire.times import SECOND, render

DAY = 86_400 * SECOND
BATCH = 100
MOST_EVENTS = 10_000

Why = Literal["purge", "request"]


async def purge(context: Context, caller: Caller, older_than_days: int, *, with_documents: bool = False) -> Erased:
    """Erase what is personal of every seller's jobs that closed at least so many days ago.

    Proof documents stay unless `with_documents`: they are what a dispute is settled by. May be cut short and run
    again, by several processes at once."""
    before = context.clock.now() - older_than_days * DAY
    erased = files = 0
    while batch := await read(context, lambda c: privacy.to_purge(c, before, BATCH)):
        for name in batch:
            done, removed = await _erase(context, caller, name, "purge", with_documents)
            erased, files = erased + done, files + removed
    return Erased(erased, files, [])


async def list_buyer_jobs(context: Context, caller: Caller, buyer_id: str) -> list[JobName]:
    """The buyer's jobs at the caller's seller, the oldest first, and whether they are closed and erased; where an
    operator has no seller in mind, at all of them."""
    return await read(context, lambda c: privacy.of_buyer(c, buyer_id, caller.seller_id))


async def erase_buyer(context: Context, caller: Caller, buyer_id: str) -> Erased:
    """Erase what is personal of a buyer's closed jobs, and their proof documents' files: of the caller's seller, or of
    all where an operator has none in mind.

    Jobs that are open need the address; close them first. A buyer whom nobody knows has nothing to erase."""
    names = await list_buyer_jobs(context, caller, buyer_id)
    erased = files = 0
    for name in names:
        if name.is_closed:
            done, removed = await _erase(context, caller, name, "request", True)
            erased, files = erased + done, files + removed
    return Erased(erased, files, [name.service_job_id for name in names if not name.is_closed])


async def _erase(context: Context, caller: Caller, name: JobName, why: Why, with_documents: bool) -> tuple[bool, int]:
    """Whether the job held anything personal, and how many files went."""
    removed = []
    if with_documents:
        # The bytes first: should this be cut short, the rows lead the next call to what is left.
        for proof in await read(context, lambda c: privacy.proofs_of(c, name.seller_id, name.service_job_id)):
            if proof.blob_key is not None:
                await aside(context, partial(_delete_file, proof.blob_key))
                removed.append(proof.upload_destination_id)

    async def use(c: Connection) -> bool:
        now = context.clock.now()
        job = await jobs.find(c, name.seller_id, name.service_job_id, lock=True)
        if job is None or job.status not in CLOSED:
            return False
        done = await privacy.erase(c, job, now)
        if job.latitude is not None and job.longitude is not None:
            # How far it is from a door to others would tell where the door was.
            await travel.forget_place(c, Place(job.latitude, job.longitude).key)
        if removed:
            await privacy.forget_files(c, name.seller_id, removed)
        if done or removed:
            after = {"why": why, "documents": len(removed)}
            what = (job.seller_id, caller.actor, "job.erased", job.service_job_id, caller.request_id, None, after)
            await events.append(c, Event(now, *what))
        return done

    return await transact(context, use), len(removed)


async def _delete_file(blob_key: str, context: Context) -> None:
    await context.blobs.delete(blob_key)


async def export_buyer(context: Context, caller: Caller, buyer_id: str) -> BuyerExport:
    """Everything held about a buyer, at the caller's seller or, where an operator has none in mind, at all; nothing
    where nobody knows them. That it was read is logged."""

    async def load(c: Connection) -> list[HeldJob]:
        names = await privacy.of_buyer(c, buyer_id, caller.seller_id)
        return [await _held(c, name) for name in names]

    held = await read(context, load)
    now = context.clock.now()
    told = [
        Event(now, one.seller_id, caller.actor, "job.exported", str(one.job["serviceJobId"]), caller.request_id)
        for one in held
    ]
    await transact(context, lambda c: events.append(c, *told))
    return BuyerExport(buyer_id, held)


async def _held(c: Connection, name: JobName) -> HeldJob:
    job = await jobs.find(c, name.seller_id, name.service_job_id)
    assert job is not None  # it was found in the same transaction
    return HeldJob(
        name.seller_id,
        msgspec.json.decode(jobs.document(job)),
        [
            HeldDocument(
                one.upload_destination_id,
                one.appointment_id,
                one.content_type,
                one.content_length,
                one.blob_key is not None,
            )
            for one in await privacy.proofs_of(c, name.seller_id, name.service_job_id)
        ],
        [
            _told(one)
            for one in await events.read(c, seller_id=name.seller_id, subject=name.service_job_id, limit=MOST_EVENTS)
        ],
        job.latitude,
        job.longitude,
    )


def _told(stored: StoredEvent) -> dict[str, Any]:
    event = stored.event
    return {"at": render(event.at), "kind": event.kind, "before": event.before, "after": event.after}
