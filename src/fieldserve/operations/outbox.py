"""Writes on jobs that live elsewhere: queued with the change that they make here, and what operators do with them.

`delivery` carries them out.
"""

from dataclasses import replace
from typing import Any

from fieldserve.domain.intervals import DAY
from fieldserve.domain.jobs import Job
from fieldserve.operations.run import Caller, Context, read, transact
from fieldserve.operations.sellers import find_seller
from fieldserve.store import events, jobs, mirrors, outbox
from fieldserve.store.engine import Connection
from fieldserve.store.events import Event
from fieldserve.store.outbox import Entry, State
from fieldserve.wire.jobs import JOB_NOT_FOUND
from fieldserve.wire.mirrors import (
    LIVES_ELSEWHERE,
    NO_ENTRY,
    NOT_TO_DROP,
    NOT_TO_RETRY,
    JobSource,
    MirroredAccount,
    MirrorFaultRecord,
    MirrorListing,
    MirrorRecord,
    OutboxEntry,
    OutboxListing,
)
from fieldserve.wire.times import Instant, render

KEPT_DAYS = 30

# What the Services API tells of no job.
_NEVER_TOLD = ["estimatedArrivalTime", "latitude", "longitude", "history before the first reading"]


async def send_out(
    context: Context,
    c: Connection,
    caller: Caller,
    job: Job,
    operation_id: str,
    send: dict[str, Any],
    *,
    appointment_id: str | None = None,
    makes: str | None = None,
) -> None:
    """Queue a write for the source of a job, in the transaction that makes it here; nothing for a job that lives here.

    `job` is as it was before, `send` the body of the operation, or its query where it has none; `makes` is the id of
    the appointment that it makes here."""
    if job.mirrored_from is None:
        return
    now = context.clock.now()
    # What the source has by now; an appointment that it has besides, and that is what was asked for, is this write's.
    known = [one.appointment_id for one in job.appointments]
    entry = Entry(
        job.mirrored_from,
        job.seller_id,
        job.service_job_id,
        appointment_id,
        makes,
        operation_id,
        {"send": send, "known": known},
        context.ids.uuid(),
        caller.actor,
        now,
        now,
    )
    await outbox.add(c, entry)


def refuse_elsewhere(job: Job) -> None:
    """For what no source can be asked to do. Raises ApiError LIVES_ELSEWHERE."""
    if job.mirrored_from is not None:
        raise LIVES_ELSEWHERE.error(job_id=job.service_job_id, account=job.mirrored_from)


# ---- what operators see


async def list_mirrors(context: Context) -> MirrorListing:
    """Every account that is mirrored: how far, by whom, and what is amiss."""

    async def load(c: Connection) -> MirrorListing:
        now = context.clock.now()
        by_account: dict[str, list[MirrorRecord]] = {}
        for one in await mirrors.find_all(c):
            record = _mirror(one, await mirrors.count_jobs(c, one.account, one.marketplace_id))
            by_account.setdefault(one.account, []).append(record)
        return MirrorListing([await _account(c, account, records, now) for account, records in by_account.items()])

    return await read(context, load)


async def _account(c: Connection, account: str, records: list[MirrorRecord], now: Instant) -> MirroredAccount:
    lease = await mirrors.current_lease(c, account)
    return MirroredAccount(
        account,
        records,
        await outbox.counts(c, account),
        [
            MirrorFaultRecord(one.service_job_id, one.marketplace_id, one.reason, render(one.at))
            for one in await mirrors.faults(c, account)
        ],
        lease.holder.rsplit(":", 1)[0] if lease is not None and lease.until > now else None,
    )


def _mirror(one: mirrors.Mirror, count: int) -> MirrorRecord:
    return MirrorRecord(
        one.account,
        one.marketplace_id,
        one.seller_id,
        one.endpoint,
        count,
        None if one.watermark is None else render(one.watermark),
        None if one.synced_at is None else render(one.synced_at),
        None if one.reading is None else one.reading.jobs,
        None if one.reading is None else one.reading.total,
    )


async def get_job_source(context: Context, caller: Caller, service_job_id: str) -> JobSource:
    """Where a job's figures are from. Raises ApiError: NO_SELLER, JOB_NOT_FOUND."""

    async def load(c: Connection) -> JobSource:
        found = await mirrors.source_of(c, caller.seller_id, service_job_id)
        if found is None:
            await find_seller(c, caller)
            raise JOB_NOT_FOUND.error(job_id=service_job_id)
        account, synced_at = found
        waiting = await outbox.of_job(c, caller.seller_id, service_job_id, state="WAITING")
        unknown = [] if account is None else await _unknown(c, caller.seller_id, service_job_id)
        as_of = None if synced_at is None else render(synced_at)
        return JobSource(service_job_id, len(waiting), unknown, account, as_of)

    return await read(context, load)


async def _unknown(c: Connection, seller_id: str, service_job_id: str) -> list[str]:
    """What nobody has told of a mirrored job: neither its source, nor anybody here."""
    job = await jobs.find(c, seller_id, service_job_id)
    assert job is not None
    known = {
        "estimatedArrivalTime": any(one.arrival for one in job.appointments),
        "latitude": job.latitude is not None,
        "longitude": job.longitude is not None,
    }
    made_up = await mirrors.made_up(c, job.seller_id, job.store_id, job.asin)
    return [*(one for one in _NEVER_TOLD if not known.get(one)), *made_up]


async def list_outbox(
    context: Context, *, account: str | None = None, state: State | None = None, after: int = 0, limit: int = 100
) -> OutboxListing:
    """A page of the outbox, oldest first, of an account or of all."""
    found = await read(context, lambda c: outbox.page(c, account=account, state=state, after=after, limit=limit + 1))
    return OutboxListing(
        [_record(one) for one in found[:limit]], found[limit - 1].sequence if len(found) > limit else None
    )


async def list_refused(context: Context, caller: Caller, since: Instant, limit: int = 100) -> list[OutboxEntry]:
    """The seller's writes that a source refused since then, the newest first."""
    found = await read(context, lambda c: outbox.refused_of(c, caller.seller_id, since, limit), snapshot=False)
    return [_record(one) for one in found]


async def retry_outbox_entry(
    context: Context, caller: Caller, sequence: int, of_seller: str | None = None
) -> OutboxEntry:
    """Send it again, and at once: one that waits does not wait longer, one that has ended begins anew.

    What it changed here comes back when the source has it. With `of_seller` another seller's entry is none. Raises
    ApiError: NO_ENTRY, NOT_TO_RETRY."""

    async def retry(c: Connection) -> OutboxEntry:
        entry = await _find(c, sequence)
        if of_seller not in (None, entry.seller_id):
            raise NO_ENTRY.error(sequence=sequence)
        if entry.state == "DONE":
            raise NOT_TO_RETRY.error(sequence=sequence, state=entry.state)
        now = context.clock.now()
        again = replace(entry, next_at=now)
        if entry.state != "WAITING":
            # Under the old key the source would give the old answer.
            again = replace(
                again, state="WAITING", settled=False, tries=0, ended_at=None, idempotency_key=context.ids.uuid()
            )
        await outbox.update(c, again)
        await log_entry(c, again, "outbox.retried", now, caller.actor, caller.request_id)
        return _record(again)

    return await transact(context, retry)


async def drop_outbox_entry(context: Context, caller: Caller, sequence: int) -> OutboxEntry:
    """Give up on a write that waits; the job becomes again what its source tells of it.

    Raises ApiError: NO_ENTRY, NOT_TO_DROP."""

    async def drop(c: Connection) -> OutboxEntry:
        entry = await _find(c, sequence)
        if entry.state != "WAITING":
            raise NOT_TO_DROP.error(sequence=sequence, state=entry.state)
        now = context.clock.now()
        dropped = replace(entry, state="DROPPED", ended_at=now, next_at=now)
        await outbox.update(c, dropped)
        await log_entry(c, dropped, "outbox.dropped", now, caller.actor, caller.request_id)
        return _record(dropped)

    return await transact(context, drop)


async def purge_outbox(context: Context) -> None:
    """Forget entries that were carried out or dropped a month ago; the event log tells of them for good."""
    await transact(context, lambda c: outbox.purge(c, context.clock.now() - KEPT_DAYS * DAY))


async def log_entry(
    c: Connection, entry: Entry, kind: str, now: Instant, actor: str, request_id: str | None = None
) -> None:
    """Append what became of a write."""
    after = {"sequence": entry.sequence, "operationId": entry.operation_id, "said": entry.said}
    await events.append(c, Event(now, entry.seller_id, actor, kind, entry.service_job_id, request_id, None, after))


async def _find(c: Connection, sequence: int) -> Entry:
    entry = await outbox.find(c, sequence)
    if entry is None:
        raise NO_ENTRY.error(sequence=sequence)
    return entry


def _record(entry: Entry) -> OutboxEntry:
    return OutboxEntry(
        entry.sequence,
        entry.account,
        entry.seller_id,
        entry.service_job_id,
        entry.operation_id,
        entry.state,
        entry.request["send"],
        entry.actor,
        entry.tries,
        render(entry.created_at),
        render(entry.next_at) if entry.state == "WAITING" else None,
        None if entry.ended_at is None else render(entry.ended_at),
        entry.appointment_id,
        entry.said,
    )
