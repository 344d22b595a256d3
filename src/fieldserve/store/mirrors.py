"""Mirrors of jobs that live elsewhere: how far each has read, who runs it, and what could not be taken in.

A mirror is of one account and one marketplace. The jobs themselves stand in the same tables as all others; stores,
technicians and services that nobody has set up here are made up from what jobs tell, and marked so.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import msgspec

from fieldserve.domain.jobs import AssignedTechnician
from fieldserve.domain.services import Service
from fieldserve.store import resources, services, stores, technicians
from fieldserve.store.engine import LOCK, Connection, Row, placeholders
from fieldserve.store.stores import Store
from fieldserve.store.technicians import Technician
from fieldserve.wire.times import Instant


class Reading(msgspec.Struct, frozen=True):
    """A reading that is under way. `after` is by the source's clock, like `source_began`; `began` is by ours.

    `is_read`: all pages are stored, and only what follows them is still to be done.

    With `everything` jobs are asked for by when they were created, else by when they changed. `latest` is the newest
    creation that was read so far, where a reading of everything can go on without its page token."""

    everything: bool
    after: Instant
    began: Instant
    source_began: Instant
    page_token: str | None = None
    latest: Instant | None = None
    jobs: int = 0
    total: int | None = None
    is_read: bool = False


@dataclass(frozen=True, slots=True)
class Mirror:
    """One marketplace of an account. What changed at the source before `watermark` has been read."""

    account: str
    marketplace_id: str
    seller_id: str
    endpoint: str
    token_endpoint: str | None
    watermark: Instant | None = None
    reading: Reading | None = None
    synced_at: Instant | None = None


_COLUMNS = "account, marketplace_id, seller_id, endpoint, token_endpoint, watermark, reading, synced_at"


def _mirror(row: Row) -> Mirror:
    reading = None if row[6] is None else msgspec.json.decode(row[6], type=Reading)
    return Mirror(row[0], row[1], row[2], row[3], row[4], row[5], reading, row[7])


async def find(c: Connection, account: str, marketplace_id: str) -> Mirror | None:
    """The mirror of an account in a marketplace."""
    row = await c.fetch_one(
        f"SELECT {_COLUMNS} FROM mirrors WHERE account = $1 AND marketplace_id = $2", account, marketplace_id
    )
    return None if row is None else _mirror(row)


async def find_all(c: Connection, account: str | None = None) -> Sequence[Mirror]:
    """All mirrors, or those of an account."""
    where, values = ("", ()) if account is None else ("WHERE account = $1", (account,))
    rows = await c.fetch(f"SELECT {_COLUMNS} FROM mirrors {where} ORDER BY account, marketplace_id", *values)
    return [_mirror(row) for row in rows]


async def put(c: Connection, mirror: Mirror) -> None:
    """Store where a mirror stands."""
    await c.execute(
        f"INSERT INTO mirrors ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
        " ON CONFLICT (account, marketplace_id) DO UPDATE SET seller_id = excluded.seller_id,"
        " endpoint = excluded.endpoint, token_endpoint = excluded.token_endpoint, watermark = excluded.watermark,"
        " reading = excluded.reading, synced_at = excluded.synced_at",
        mirror.account,
        mirror.marketplace_id,
        mirror.seller_id,
        mirror.endpoint,
        mirror.token_endpoint,
        mirror.watermark,
        None if mirror.reading is None else msgspec.json.encode(mirror.reading).decode(),
        mirror.synced_at,
    )


async def count_jobs(c: Connection, account: str, marketplace_id: str) -> int:
    """How many jobs the mirror holds."""
    row = await c.fetch_one(
        "SELECT count(*) FROM jobs WHERE mirrored_from = $1 AND marketplace_id = $2", account, marketplace_id
    )
    return row[0] if row else 0


async def source_of(c: Connection, seller_id: str, service_job_id: str) -> tuple[str | None, Instant | None] | None:
    """The account that told of a job and as of when; None where the seller has no such job."""
    row = await c.fetch_one(
        "SELECT mirrored_from, synced_at FROM jobs WHERE seller_id = $1 AND service_job_id = $2",
        seller_id,
        service_job_id,
    )
    return None if row is None else (row[0], row[1])


# ---- who runs it


@dataclass(frozen=True, slots=True)
class Lease:
    """Who runs an account's mirrors, and until when unless it says so again."""

    holder: str
    until: Instant


async def lease_of(c: Connection, account: str) -> Lease | None:
    """Who runs them, under lock."""
    return await _lease(c, account, LOCK)


async def current_lease(c: Connection, account: str) -> Lease | None:
    """The same, for whoever only wants to know."""
    return await _lease(c, account, "")


async def _lease(c: Connection, account: str, lock: str) -> Lease | None:
    row = await c.fetch_one(f"SELECT holder, until_at FROM mirror_leases WHERE account = $1 {lock}", account)
    return None if row is None else Lease(*row)


async def put_lease(c: Connection, account: str, lease: Lease) -> None:
    """From now on this one does. Raises AlreadyExists where two are the first at once."""
    await c.execute(
        "INSERT INTO mirror_leases (account, holder, until_at) VALUES ($1, $2, $3)"
        " ON CONFLICT (account) DO UPDATE SET holder = excluded.holder, until_at = excluded.until_at",
        account,
        lease.holder,
        lease.until,
    )


async def end_lease(c: Connection, account: str, holder: str) -> None:
    """Nobody does any more, unless somebody else has taken it."""
    await c.execute("DELETE FROM mirror_leases WHERE account = $1 AND holder = $2", account, holder)


# ---- what could not be taken in


@dataclass(frozen=True, slots=True)
class MirrorFault:
    """A job of the source that is not here, or no longer as it is there, and why."""

    account: str
    service_job_id: str
    marketplace_id: str
    reason: str
    at: Instant


async def put_fault(c: Connection, fault: MirrorFault) -> None:
    """Note it, in place of what was noted of the job before."""
    await c.execute(
        "INSERT INTO mirror_faults (account, service_job_id, marketplace_id, reason, at) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (account, service_job_id) DO UPDATE SET marketplace_id = excluded.marketplace_id,"
        " reason = excluded.reason, at = excluded.at",
        fault.account,
        fault.service_job_id,
        fault.marketplace_id,
        fault.reason,
        fault.at,
    )


async def forget_faults(c: Connection, account: str, service_job_ids: Sequence[str]) -> None:
    """These jobs are here, and as the source tells them."""
    await c.execute(
        "DELETE FROM mirror_faults WHERE account = $1"
        f" AND service_job_id IN ({placeholders(service_job_ids, after=1)})",
        account,
        *service_job_ids,
    )


async def faults(c: Connection, account: str | None = None) -> Sequence[MirrorFault]:
    """What is noted, of all accounts or of one."""
    where, values = ("", ()) if account is None else ("WHERE account = $1", (account,))
    rows = await c.fetch(
        "SELECT account, service_job_id, marketplace_id, reason, at FROM mirror_faults"
        f" {where} ORDER BY account, service_job_id",
        *values,
    )
    return [MirrorFault(*row) for row in rows]


# ---- what is made up from what jobs tell


async def make_up_store(c: Connection, store: Store, account: str) -> None:
    """A store that a job names and nobody has set up."""
    if await stores.find(c, store.seller_id, store.store_id) is None:
        await stores.add(c, store)
        await _mark(c, store.seller_id, store.store_id, account)


async def make_up_service(c: Connection, seller_id: str, service: Service, account: str, now: Instant) -> None:
    """A service that a job is for and nobody has set up."""
    if await services.find(c, seller_id, service.asin) is None:
        await services.add(c, seller_id, service, now)
        await c.execute(
            "UPDATE services SET mirrored_from = $3 WHERE seller_id = $1 AND asin = $2",
            seller_id,
            service.asin,
            account,
        )


async def make_up_technicians(
    c: Connection, store: Store, people: Collection[AssignedTechnician], account: str, now: Instant
) -> None:
    """Technicians of a job's appointments, and that they work for its store; what they can do nobody has told."""
    found = {one.resource_id for one in await resources.find_all(c, store.seller_id, [p.technician_id for p in people])}
    for one in people:
        if one.technician_id not in found:
            found.add(one.technician_id)
            made = Technician(
                store.seller_id,
                one.technician_id,
                one.name,
                "UTC",
                store.marketplace_id,
                now,
                registered=False,
                background_checked=False,
            )
            await technicians.add(c, made)
            await _mark(c, store.seller_id, one.technician_id, account)
    await c.execute_many(
        "INSERT INTO store_technicians (seller_id, store_id, technician_id)"
        " SELECT t.seller_id, $2, t.technician_id FROM technicians t JOIN resources r"
        " ON r.seller_id = t.seller_id AND r.resource_id = t.technician_id"
        " WHERE t.seller_id = $1 AND t.technician_id = $3 AND r.mirrored_from IS NOT NULL"
        " ON CONFLICT (seller_id, store_id, technician_id) DO NOTHING",
        [(store.seller_id, store.store_id, one.technician_id) for one in people],
    )


async def made_up(c: Connection, seller_id: str, store_id: str, asin: str) -> list[str]:
    """What of the store and the service of a job is made up, by name."""
    store = await c.fetch_one(
        "SELECT 1 FROM resources WHERE seller_id = $1 AND resource_id = $2 AND mirrored_from IS NOT NULL",
        seller_id,
        store_id,
    )
    service = await c.fetch_one(
        "SELECT 1 FROM services WHERE seller_id = $1 AND asin = $2 AND mirrored_from IS NOT NULL", seller_id, asin
    )
    of_store = ["the store's hours, place and time zone"] if store else []
    return of_store + (["the service's duration, buffers and notice"] if service else [])


async def _mark(c: Connection, seller_id: str, resource_id: str, account: str) -> None:
    await c.execute(
        "UPDATE resources SET mirrored_from = $3 WHERE seller_id = $1 AND resource_id = $2",
        seller_id,
        resource_id,
        account,
    )


# ---- appointments that are known by two ids


async def real_id(c: Connection, seller_id: str, appointment_id: str) -> str:
    """The id that an appointment has at its source; the same one where it has no other."""
    row = await c.fetch_one(
        "SELECT appointment_id FROM appointment_aliases WHERE seller_id = $1 AND alias = $2", seller_id, appointment_id
    )
    return appointment_id if row is None else str(row[0])


async def add_alias(c: Connection, seller_id: str, service_job_id: str, alias: str, appointment_id: str) -> None:
    """An appointment that was made here has another id at its source."""
    await c.execute(
        "INSERT INTO appointment_aliases (seller_id, alias, appointment_id, service_job_id) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (seller_id, alias) DO UPDATE SET appointment_id = excluded.appointment_id",
        seller_id,
        alias,
        appointment_id,
        service_job_id,
    )


async def aliases(c: Connection, seller_id: str, service_job_id: str) -> dict[str, str]:
    """The ids that the job's appointments were made under here, and those that they have at the source."""
    rows = await c.fetch(
        "SELECT alias, appointment_id FROM appointment_aliases WHERE seller_id = $1 AND service_job_id = $2",
        seller_id,
        service_job_id,
    )
    return {row[0]: row[1] for row in rows}
