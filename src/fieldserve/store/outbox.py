"""Writes that were made here on jobs that live elsewhere, until their source has them.

    WAITING ──▶ DONE │ REFUSED │ DROPPED ──▶ settled: the job is here as its source tells it

Entries of a job go out in the order of their sequences, one at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from fieldserve.store.engine import LOCK, Connection, Row
from fieldserve.wire.times import Instant

State = Literal["WAITING", "DONE", "REFUSED", "DROPPED"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A write. `request` is its body, or its query where it has none; ids in it are ours. `makes_appointment` is the id
    under which it made an appointment here. `said` is what the source last answered, where that was no success."""

    account: str
    seller_id: str
    service_job_id: str
    appointment_id: str | None
    makes_appointment: str | None
    operation_id: str
    request: dict[str, Any]
    idempotency_key: str
    actor: str
    created_at: Instant
    next_at: Instant
    state: State = "WAITING"
    doubtful: bool = False
    settled: bool = False
    tries: int = 0
    ended_at: Instant | None = None
    said: str | None = None
    sequence: int = 0


_COLUMNS = (
    "account, seller_id, service_job_id, appointment_id, makes_appointment, operation_id, request, idempotency_key,"
    " actor, created_at, next_at, state, doubtful, settled, tries, ended_at, said"
)


def _entry(row: Row) -> Entry:
    values = list(row)
    values[6], values[12], values[13] = msgspec.json.decode(row[6]), bool(row[12]), bool(row[13])
    return Entry(*values)


def _values(entry: Entry) -> tuple[Any, ...]:
    return (
        entry.account,
        entry.seller_id,
        entry.service_job_id,
        entry.appointment_id,
        entry.makes_appointment,
        entry.operation_id,
        msgspec.json.encode(entry.request).decode(),
        entry.idempotency_key,
        entry.actor,
        entry.created_at,
        entry.next_at,
        entry.state,
        int(entry.doubtful),
        int(entry.settled),
        entry.tries,
        entry.ended_at,
        entry.said,
    )


async def add(c: Connection, entry: Entry) -> None:
    """Queue a write, in the transaction that makes it here."""
    await c.execute(
        f"INSERT INTO outbox ({_COLUMNS})"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
        *_values(entry),
    )


async def update(c: Connection, entry: Entry) -> None:
    """Store what has become of an entry that was found under lock."""
    await c.execute(
        "UPDATE outbox SET request = $2, idempotency_key = $3, next_at = $4, state = $5, doubtful = $6, settled = $7,"
        " tries = $8, ended_at = $9, said = $10 WHERE sequence = $1",
        entry.sequence,
        msgspec.json.encode(entry.request).decode(),
        entry.idempotency_key,
        entry.next_at,
        entry.state,
        int(entry.doubtful),
        int(entry.settled),
        entry.tries,
        entry.ended_at,
        entry.said,
    )


async def find(c: Connection, sequence: int) -> Entry | None:
    """The entry, under lock."""
    row = await c.fetch_one(f"SELECT {_COLUMNS}, sequence FROM outbox WHERE sequence = $1 {LOCK}", sequence)
    return None if row is None else _entry(row)


async def refused_of(c: Connection, seller_id: str, since: Instant, limit: int) -> Sequence[Entry]:
    """The seller's writes that a source refused since then, the newest first."""
    rows = await c.fetch(
        f"SELECT {_COLUMNS}, sequence FROM outbox WHERE seller_id = $1 AND state = 'REFUSED' AND ended_at >= $2"
        " ORDER BY sequence DESC LIMIT $3",
        seller_id,
        since,
        limit,
    )
    return [_entry(row) for row in rows]


async def due(c: Connection, account: str, now: Instant, limit: int) -> Sequence[Entry]:
    """The entries whose turn it is: of each job the first that waits, if its time has come."""
    rows = await c.fetch(
        f"SELECT {_COLUMNS}, sequence FROM outbox o WHERE account = $1 AND settled = 0 AND state = 'WAITING'"
        " AND next_at <= $2 AND NOT EXISTS (SELECT 1 FROM outbox e WHERE e.seller_id = o.seller_id"
        " AND e.service_job_id = o.service_job_id AND e.sequence < o.sequence AND e.state = 'WAITING')"
        " ORDER BY next_at, sequence LIMIT $3",
        account,
        now,
        limit,
    )
    return [_entry(row) for row in rows]


async def to_settle(c: Connection, account: str, now: Instant, limit: int) -> Sequence[tuple[str, str]]:
    """Seller and id of jobs whose writes have all ended, and that are not yet again as their source tells them."""
    rows = await c.fetch(
        "SELECT seller_id, service_job_id FROM outbox WHERE account = $1 AND settled = 0"
        " GROUP BY seller_id, service_job_id HAVING sum(CASE WHEN state = 'WAITING' THEN 1 ELSE 0 END) = 0"
        " AND max(next_at) <= $2 ORDER BY min(sequence) LIMIT $3",
        account,
        now,
        limit,
    )
    return [(row[0], row[1]) for row in rows]


async def of_job(c: Connection, seller_id: str, service_job_id: str, *, state: State | None = None) -> Sequence[Entry]:
    """The job's entries that are not settled, in order."""
    rows = await c.fetch(
        f"SELECT {_COLUMNS}, sequence FROM outbox WHERE seller_id = $1 AND service_job_id = $2 AND settled = 0"
        " ORDER BY sequence",
        seller_id,
        service_job_id,
    )
    return [one for one in map(_entry, rows) if state is None or one.state == state]


async def settle_later(c: Connection, seller_id: str, service_job_id: str, at: Instant) -> None:
    """The source could not be asked about the job."""
    await c.execute(
        "UPDATE outbox SET next_at = $3 WHERE seller_id = $1 AND service_job_id = $2 AND settled = 0",
        seller_id,
        service_job_id,
        at,
    )


async def settle(c: Connection, seller_id: str, service_job_id: str) -> None:
    """The job is as its source tells it."""
    await c.execute(
        "UPDATE outbox SET settled = 1 WHERE seller_id = $1 AND service_job_id = $2 AND settled = 0",
        seller_id,
        service_job_id,
    )


async def page(
    c: Connection, *, account: str | None = None, state: State | None = None, after: int = 0, limit: int
) -> Sequence[Entry]:
    """Entries in their order, those behind `after`."""
    values: list[Any] = [after]
    where = ["sequence > $1"]
    for column, value in (("account", account), ("state", state)):
        if value is not None:
            values.append(value)
            where.append(f"{column} = ${len(values)}")
    values.append(limit)
    rows = await c.fetch(
        f"SELECT {_COLUMNS}, sequence FROM outbox WHERE {' AND '.join(where)} ORDER BY sequence LIMIT ${len(values)}",
        *values,
    )
    return [_entry(row) for row in rows]


async def counts(c: Connection, account: str) -> dict[str, int]:
    """How many entries of the account are in each state."""
    rows = await c.fetch("SELECT state, count(*) FROM outbox WHERE account = $1 GROUP BY state", account)
    return {row[0]: row[1] for row in rows}


async def purge(c: Connection, before: Instant) -> None:
    """Forget what ended before that moment, but for what was refused: somebody may still have to see that."""
    await c.execute(
        "DELETE FROM outbox WHERE settled = 1 AND state IN ('DONE', 'DROPPED') AND ended_at < $1",
        before,
    )
